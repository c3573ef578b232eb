/* Schedules: "M H D MON DOW" with lists, ranges, steps and names, from one table of fields. */
#include "conf/schedule.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/diag.h"

struct nickname {
  const char *name, *fields;
};
static const struct nickname nicknames[] = {{"@hourly", "0 * * * *"},  {"@daily", "0 0 * * *"},   {"@midnight", "0 0 * * *"},
                                            {"@weekly", "0 0 * * 0"},  {"@monthly", "0 0 1 * *"}, {"@yearly", "0 0 1 1 *"},
                                            {"@annually", "0 0 1 1 *"}};
enum {
  NICKNAMES = sizeof nicknames / sizeof *nicknames
};

static const char *const month_names[] = {"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec", NULL};
static const char *const day_names[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat", NULL};

struct field {
  const char *name;
  unsigned min, max;
  const char *const *names; /* names[0] is min */
};
enum {
  MINUTE,
  HOUR,
  DAY,
  MONTH,
  WEEKDAY,
  FIELDS
};
static const struct field fields[FIELDS] = {{"minute", 0, 59, NULL},
                                            {"hour", 0, 23, NULL},
                                            {"day of the month", 1, 31, NULL},
                                            {"month", 1, 12, month_names},
                                            {"day of the week", 0, 7, day_names}};

static int refuse(struct err *e, const struct field *f, const char *text, int n) {
  err_set(e, ETL_E_CONFIG, "'%.*s' is no %s; write %u to %u, *, a list 1,2, a range 1-5 or a step */2%s", n, text, f->name, f->min,
          f->max, f->names ? ", or a name of three letters" : "");
  return -1;
}

static int take_number(const struct field *f, const char **p, unsigned *ret) {
  if (isdigit((unsigned char)**p)) {
    char *end;
    unsigned long v = strtoul(*p, &end, 10);
    *p = end;
    *ret = (unsigned)v;
    return v >= f->min && v <= f->max ? 0 : -1;
  }
  for (unsigned i = 0; f->names && f->names[i]; i++)
    if (strncasecmp(*p, f->names[i], 3) == 0 && !isalpha((unsigned char)(*p)[3])) {
      *p += 3;
      *ret = f->min + i;
      return 0;
    }
  return -1;
}

/* One part of a list: * or N or N-M, with /S behind it or not. */
static int take_part(const struct field *f, const char **p, uint64_t *bits) {
  unsigned from = f->min, to = f == &fields[WEEKDAY] ? 6 : f->max, step = 1;
  bool open_end = false;
  if (**p == '*') {
    ++*p;
  } else {
    if (take_number(f, p, &from) < 0)
      return -1;
    to = from;
    open_end = true;
    if (**p == '-') {
      ++*p;
      open_end = false;
      if (take_number(f, p, &to) < 0 || to < from)
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
    *bits |= 1ull << v;
  return 0;
}

static int take_field(const struct field *f, const char **p, uint64_t *ret_bits, bool *ret_any, struct err *e) {
  const char *text = *p;
  int n = (int)strcspn(text, " \t");
  uint64_t bits = 0;
  *ret_any = *text == '*' && n == 1;
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
  *ret_bits = bits;
  *p += strspn(*p, " \t");
  return 0;
}

static bool ever_comes(const struct schedule *s) {
  static const unsigned lengths[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  if (!s->any_weekday)
    return true;
  for (unsigned m = 1; m <= 12; m++)
    if (s->months >> m & 1 && s->days & ((1ull << (lengths[m - 1] + 1)) - 1))
      return true;
  return false;
}

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

int schedule_parse(const char *text, struct schedule *ret, struct err *e) {
  uint64_t bits[FIELDS];
  bool any[FIELDS];
  if (*text == '@' && expand_nickname(&text, e) < 0)
    return -1;
  text += strspn(text, " \t");
  for (unsigned i = 0; i < FIELDS; i++)
    if (take_field(&fields[i], &text, &bits[i], &any[i], e) < 0)
      return -1;
  if (*text)
    return err_set(e, ETL_E_CONFIG,
                   "there is something behind the five fields: '%.50s'; remove it (seconds and years have no field)", text);
  struct schedule s = {.minutes = bits[MINUTE],
                       .hours = (uint32_t)bits[HOUR],
                       .days = (uint32_t)bits[DAY],
                       .months = (uint16_t)bits[MONTH],
                       .weekdays = (uint8_t)((bits[WEEKDAY] & 0x7f) | (bits[WEEKDAY] >> 7 & 1)),
                       .any_day = any[DAY],
                       .any_weekday = any[WEEKDAY]};
  if (!ever_comes(&s))
    return err_set(e, ETL_E_CONFIG, "no such day exists in any year; look at the day of the month and the month");
  *ret = s;
  return 0;
}
