/* Days are counted by Howard Hinnant's rule: years begin in March, so that the odd day is the last one. */
#include "base/civil.h"

enum { ERA_DAYS = 146097, EPOCH_DAYS = 719468 };

static int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); }

int64_t civil_days(int64_t y, int64_t m, int64_t d) {
  y -= m <= 2;
  int64_t era = floor_div(y, 400), year = y - era * 400, day = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
  return era * ERA_DAYS + year * 365 + year / 4 - year / 100 + day - EPOCH_DAYS;
}

struct civil civil_date(int64_t days) {
  days += EPOCH_DAYS;
  int64_t era = floor_div(days, ERA_DAYS), rest = days - era * ERA_DAYS;
  int64_t year = (rest - rest / 1460 + rest / 36524 - rest / 146096) / 365;
  int64_t day = rest - (365 * year + year / 4 - year / 100), month = (5 * day + 2) / 153;
  struct civil c = {.day = day - (153 * month + 2) / 5 + 1, .month = month < 10 ? month + 3 : month - 9};
  c.year = year + era * 400 + (c.month <= 2);
  return c;
}

int64_t civil_month_days(int64_t year, int64_t month) {
  return (month == 12 ? civil_days(year + 1, 1, 1) : civil_days(year, month + 1, 1)) - civil_days(year, month, 1);
}

int64_t civil_weekday(int64_t days) {
  int64_t rest = (days + 4) % 7; /* the first day was a Thursday */
  return rest < 0 ? rest + 7 : rest;
}

int64_t civil_day_of(int64_t seconds, int64_t *ret_rest) {
  int64_t day = floor_div(seconds, DAY_SECONDS);
  *ret_rest = seconds - day * DAY_SECONDS;
  return day;
}
