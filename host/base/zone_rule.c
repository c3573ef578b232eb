/* Rules of TZ: std offset [dst [offset] [,begin[/time],end[/time]]], with the signs of POSIX: west is positive. */
#include "base/zone_rule.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/civil.h"

static int skip_name(const char **at) {
  const char *from = *at;
  if (**at == '<') {
    *at += strcspn(*at, ">");
    return *(*at)++ == '>' ? 0 : -1;
  }
  while (isalpha((unsigned char)**at))
    ++*at;
  return *at - from >= 3 ? 0 : -1;
}

static int take_number(const char **at, int64_t min, int64_t max, int64_t *ret) {
  char *end;
  if (!isdigit((unsigned char)**at))
    return -1;
  *ret = strtol(*at, &end, 10);
  *at = end;
  return *ret >= min && *ret <= max ? 0 : -1;
}

/* [+-]h[h[h]][:mm[:ss]] */
static int take_time(const char **at, int64_t *ret_seconds) {
  int64_t h = 0, m = 0, s = 0, sign = **at == '-' ? -1 : 1;
  *at += **at == '-' || **at == '+';
  if (take_number(at, 0, 167, &h) < 0)
    return -1;
  if (**at == ':' && (++*at, take_number(at, 0, 59, &m) < 0))
    return -1;
  if (**at == ':' && (++*at, take_number(at, 0, 59, &s) < 0))
    return -1;
  *ret_seconds = sign * (h * 3600 + m * 60 + s);
  return 0;
}

static int take_day(const char **at, struct zone_day *d) {
  *d = (struct zone_day){.kind = ZONE_DAY_NUMBER, .seconds = 2 * 3600};
  if (*(*at)++ != ',')
    return -1;
  if (**at == 'M') {
    ++*at;
    d->kind = ZONE_DAY_WEEK;
    if (take_number(at, 1, 12, &d->month) < 0 || *(*at)++ != '.' || take_number(at, 1, 5, &d->week) < 0 || *(*at)++ != '.' ||
        take_number(at, 0, 6, &d->day) < 0)
      return -1;
  } else {
    bool no_leap = **at == 'J';
    *at += no_leap;
    d->kind = no_leap ? ZONE_DAY_NO_LEAP : ZONE_DAY_NUMBER;
    if (take_number(at, no_leap, 365, &d->day) < 0)
      return -1;
  }
  return **at == '/' ? (++*at, take_time(at, &d->seconds)) : 0;
}

int zone_rule_parse(const char *text, struct zone_rule *ret) {
  struct zone_rule r = {0};
  if (skip_name(&text) < 0 || take_time(&text, &r.standard_s) < 0)
    return -1;
  r.standard_s = -r.standard_s;
  r.summer_s = r.standard_s + 3600;
  if (*text) {
    r.summer = true;
    if (skip_name(&text) < 0)
      return -1;
    if (*text != ',') {
      if (take_time(&text, &r.summer_s) < 0)
        return -1;
      r.summer_s = -r.summer_s;
    }
    if (take_day(&text, &r.begin) < 0 || take_day(&text, &r.end) < 0)
      return -1;
  }
  if (*text)
    return -1;
  *ret = r;
  return 0;
}

static int64_t seconds_of(const struct zone_day *d, int64_t year) {
  int64_t first = etl_days_from_civil(year, 1, 1), day = first + d->day;
  if (d->kind == ZONE_DAY_NO_LEAP)
    day += d->day < 60 || civil_month_days(year, 2) == 28 ? -1 : 0;
  if (d->kind == ZONE_DAY_WEEK) {
    int64_t days = civil_month_days(year, d->month);
    first = etl_days_from_civil(year, d->month, 1);
    day = first + (d->day - civil_weekday(first) + 7) % 7 + (d->week - 1) * 7;
    day -= day >= first + days ? 7 : 0;
  }
  return day * DAY_SECONDS + d->seconds;
}

void zone_rule_changes(const struct zone_rule *r, int64_t year, struct zone_change ret[2]) {
  struct zone_change begin = {seconds_of(&r->begin, year) - r->standard_s, r->summer_s};
  struct zone_change end = {seconds_of(&r->end, year) - r->summer_s, r->standard_s};
  bool north = begin.at_s <= end.at_s;
  ret[0] = north ? begin : end;
  ret[1] = north ? end : begin;
}
