/* Dates and timestamps as text and back. */
#include "base/moment.h"

#include <stdio.h>

#include "base/civil.h"
#include "base/units.h"

/* n digits; -1: they are not there. */
static int64_t digits(const char **at, int n) {
  int64_t v = 0;
  for (int i = 0; i < n; i++, (*at)++) {
    if (**at < '0' || **at > '9')
      return -1;
    v = 10 * v + (**at - '0');
  }
  return v;
}

static bool take(const char **at, char c) {
  bool there = **at == c;
  *at += there;
  return there;
}

static int parse_fraction(const char **at, int64_t *ret_ns) {
  int64_t ns = 0, unit = NS_PER_SEC / 10;
  if (**at < '0' || **at > '9')
    return -1;
  for (; **at >= '0' && **at <= '9'; (*at)++, unit /= 10) {
    if (unit == 0)
      return -1;
    ns += (**at - '0') * unit;
  }
  *ret_ns = ns;
  return 0;
}

static int parse_time(const char **at, struct moment *m) {
  int64_t h = digits(at, 2), min = take(at, ':') ? digits(at, 2) : -1, s = 0;
  if (take(at, ':')) {
    s = digits(at, 2);
    if (take(at, '.') && parse_fraction(at, &m->ns) < 0)
      return -1;
  }
  m->utc = take(at, 'Z');
  m->seconds += h * 3600 + min * 60 + s;
  return h < 0 || h > 23 || min < 0 || min > 59 || s < 0 || s > 59 ? -1 : 0;
}

int moment_parse(const char *text, struct moment *ret) {
  struct moment m = {.between = 'T', .date = true};
  const char *at = text;
  int64_t year = digits(&at, 4), month = take(&at, '-') ? digits(&at, 2) : -1, day = take(&at, '-') ? digits(&at, 2) : -1;
  if (year < 1 || !etl_civil_valid(year, month, day))
    return -1;
  m.seconds = etl_days_from_civil(year, month, day) * DAY_SECONDS;
  if (*at == 'T' || *at == ' ') {
    m.between = *at++;
    m.date = false;
    if (parse_time(&at, &m) < 0)
      return -1;
  }
  if (*at)
    return -1;
  *ret = m;
  return 0;
}

const char *moment_print(const struct moment *m, struct arena *a) {
  int64_t rest;
  struct etl_civil c = etl_civil_from_days(civil_day_of(m->seconds, &rest));
  const char *date = arena_printf(a, "%04lld-%02d-%02d", (long long)c.year, (int)c.month, (int)c.day);
  if (m->date && rest == 0 && m->ns == 0)
    return date;
  char fraction[16] = "";
  if (m->ns) {
    int n = snprintf(fraction, sizeof fraction, ".%09lld", (long long)m->ns);
    while (fraction[n - 1] == '0')
      fraction[--n] = 0;
  }
  return arena_printf(a, "%s%c%02lld:%02lld:%02lld%s%s", date, m->between, (long long)(rest / 3600), (long long)(rest / 60 % 60),
                      (long long)(rest % 60), fraction, m->utc ? "Z" : "");
}

void moment_add(struct moment *m, int64_t ns) {
  m->seconds += ns / NS_PER_SEC;
  m->ns += ns % NS_PER_SEC;
  m->seconds += m->ns / NS_PER_SEC;
  m->ns %= NS_PER_SEC;
}

int moment_compare(const struct moment *a, const struct moment *b) {
  if (a->seconds != b->seconds)
    return a->seconds < b->seconds ? -1 : 1;
  return a->ns < b->ns ? -1 : a->ns > b->ns;
}
