/* Schedules: "M H D MON DOW" with lists, ranges, steps, names and L, from one table of fields. */
#include "conf/schedule.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/diag.h"
#include "base/units.h"

struct nickname {
  const char *name, *fields;
};
static const struct nickname nicknames[] = {{"@hourly", "0 * * * *"},  {"@daily", "0 0 * * *"},   {"@midnight", "0 0 * * *"},
                                            {"@weekly", "0 0 * * 0"},  {"@monthly", "0 0 1 * *"}, {"@yearly", "0 0 1 1 *"},
                                            {"@annually", "0 0 1 1 *"}, {"@reboot", NULL}};
enum {
  NICKNAMES = sizeof nicknames / sizeof *nicknames
};

static const char *const month_names[] = {"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec", NULL};
static const char *const day_names[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat", NULL};

struct field {
  const char *name;
  unsigned min, max;
  const char *const *names; /* names[0] is min */
  const char *more;         /* what it may be besides, for messages */
};
struct bits {
  uint64_t values, last; /* last: those with an L behind them; of the day 1 for the L alone */
  bool any;
};
enum {
  MINUTE,
  HOUR,
  DAY,
  MONTH,
  WEEKDAY,
  FIELDS
};
static const struct field fields[FIELDS] = {{"minute", 0, 59, NULL, ""},
                                            {"hour", 0, 23, NULL, ""},
                                            {"day of the month", 1, 31, NULL, ", or L for the last one"},
                                            {"month", 1, 12, month_names, ", or a name of three letters"},
                                            {"day of the week", 0, 7, day_names, ", a name of three letters, or 5L for the last Friday"}};

static int refuse(struct err *e, const struct field *f, const char *text, int n) {
  err_set(e, ETL_E_CONFIG, "'%.*s' is no %s; write %u to %u, *, a list 1,2, a range 1-5 or a step */2%s", n, text, f->name, f->min,
          f->max, f->more);
  return -1;
}

static bool at_last(const char *p) { return (*p == 'L' || *p == 'l') && !isalpha((unsigned char)p[1]); }

static int take_number(const struct field *f, const char **p, unsigned *ret) {
  if (isdigit((unsigned char)**p)) {
    char *end;
    unsigned long v = strtoul(*p, &end, 10);
    *p = end;
    *ret = (unsigned)v;
    return v >= f->min && v <= f->max ? 0 : -1;
  }
  for (unsigned i = 0; f->names && f->names[i]; i++)
    if (strncasecmp(*p, f->names[i], 3) == 0 && (!isalpha((unsigned char)(*p)[3]) || at_last(*p + 3))) {
      *p += 3;
      *ret = f->min + i;
      return 0;
    }
  return -1;
}

static bool take_last(const char **p) {
  bool last = at_last(*p);
  *p += last;
  return last;
}

/* One part of a list: * or N or N-M, with /S behind it or not; L, or NL. */
static int take_part(const struct field *f, const char **p, struct bits *bits) {
  unsigned from = f->min, to = f == &fields[WEEKDAY] ? 6 : f->max, step = 1;
  bool open_end = false;
  if (f == &fields[DAY] && take_last(p)) {
    bits->last = 1;
    return 0;
  }
  if (**p == '*') {
    ++*p;
  } else {
    if (take_number(f, p, &from) < 0)
      return -1;
    to = from;
    open_end = true;
    if (f == &fields[WEEKDAY] && take_last(p)) {
      bits->last |= 1u << from % 7;
      return 0;
    }
    if (**p == '-') {
      ++*p;
      open_end = false;
      if (take_number(f, p, &to) < 0)
        return -1;
      to = f == &fields[WEEKDAY] && to == 0 ? 7 : to; /* sat-sun */
      if (to < from)
        return -1;
    }
  }
  if (**p == '/') {
    ++*p;
    char *end;
    unsigned long v = strtoul(*p, &end, 10);
    if (!isdigit((unsigned char)**p) || v == 0 || v > f->max)
      return -1;
    *p = end;
    step = (unsigned)v;
    to = open_end ? f->max : to;
  }
  for (unsigned v = from; v <= to; v += step)
    bits->values |= 1ull << v;
  return 0;
}

static int take_field(const struct field *f, const char **p, struct bits *ret, struct err *e) {
  const char *text = *p;
  int n = (int)strcspn(text, " \t");
  struct bits bits = {.any = *text == '*'};
  if (n == 0)
    return err_set(e, ETL_E_CONFIG,
                   "the %s is missing; a schedule has five fields: minute hour day month weekday, such as \"0 3 * * 1-5\"",
                   f->name);
  do {
    *p += **p == ',';
    if (take_part(f, p, &bits) < 0)
      return refuse(e, f, text, n);
  } while (**p == ',');
  if (**p && **p != ' ' && **p != '\t')
    return refuse(e, f, text, n);
  *ret = bits;
  *p += strspn(*p, " \t");
  return 0;
}

static bool ever_comes(const struct schedule *s) {
  static const unsigned lengths[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  if (!s->any_weekday || s->last_day)
    return true;
  for (unsigned m = 1; m <= 12; m++)
    if (s->months >> m & 1 && s->days & ((1ull << (lengths[m - 1] + 1)) - 1))
      return true;
  return false;
}

/* @daily and its like as fields; NULL: @reboot. */
static int expand_nickname(const char **text, struct err *e) {
  const char *names[NICKNAMES + 1] = {NULL};
  for (unsigned i = 0; i < NICKNAMES; i++) {
    names[i] = nicknames[i].name;
    if (strcmp(*text, nicknames[i].name) == 0) {
      *text = nicknames[i].fields;
      return 0;
    }
  }
  const char *near = diag_nearest(*text, names);
  return err_set(e, ETL_E_CONFIG, "'%.50s' is no schedule; did you mean '%s'?", *text, near ? near : "@daily");
}

static int parse_every(const char *text, struct schedule *ret, struct err *e) {
  int64_t ns;
  text += strspn(text, " \t");
  if (units_parse_duration(text, &ns) < 0)
    return err_set(e, ETL_E_CONFIG, "'every' wants a duration, but '%.50s' is not one; write for instance: every 5m", text);
  if (ns < NS_PER_SEC || ns > 366 * 86400 * NS_PER_SEC)
    return err_set(e, ETL_E_CONFIG, "'every %.50s' is too %s: the shortest is 1s, the longest 366d", text, ns < NS_PER_SEC ? "often" : "rare");
  *ret = (struct schedule){.kind = SCHEDULE_EVERY, .every_ns = ns};
  return 0;
}

int schedule_parse(const char *text, struct schedule *ret, struct err *e) {
  struct bits bits[FIELDS];
  text += strspn(text, " \t");
  if (strncmp(text, "every", 5) == 0 && (text[5] == ' ' || text[5] == '\t'))
    return parse_every(text + 5, ret, e);
  if (*text == '@' && expand_nickname(&text, e) < 0)
    return -1;
  if (!text) {
    *ret = (struct schedule){.kind = SCHEDULE_REBOOT};
    return 0;
  }
  for (unsigned i = 0; i < FIELDS; i++)
    if (take_field(&fields[i], &text, &bits[i], e) < 0)
      return -1;
  if (*text)
    return err_set(e, ETL_E_CONFIG,
                   "there is something behind the five fields: '%.50s'; remove it (seconds and years have no field)", text);
  uint64_t weekdays = bits[WEEKDAY].values;
  struct schedule s = {.kind = SCHEDULE_CRON,
                       .minutes = bits[MINUTE].values,
                       .hours = (uint32_t)bits[HOUR].values,
                       .days = (uint32_t)bits[DAY].values,
                       .months = (uint16_t)bits[MONTH].values,
                       .weekdays = (uint8_t)((weekdays & 0x7f) | (weekdays >> 7 & 1)),
                       .last_weekdays = (uint8_t)bits[WEEKDAY].last,
                       .last_day = bits[DAY].last != 0,
                       .any_day = bits[DAY].any,
                       .any_weekday = bits[WEEKDAY].any};
  s.never = !ever_comes(&s);
  *ret = s;
  return 0;
}
