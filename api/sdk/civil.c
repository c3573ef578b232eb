/* The civil calendar: days to dates and back, counted by Howard Hinnant's rule: years begin in March, so that the odd day is the last one
 * of a year, and 400 of them are an era, which always has as many days.  Pure functions. */
#include "etl/sdk.h"

enum { ERA_YEARS = 400, ERA_DAYS = 146097, EPOCH_DAYS = 719468 /* from 0000-03-01 to 1970-01-01 */ };

static int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); }

struct etl_civil etl_civil_from_days(int64_t days) {
  int64_t rest = days % ERA_DAYS, day = rest + (rest < 0 ? ERA_DAYS : 0) + EPOCH_DAYS; /* only the remainder is moved: no sum overflows */
  int64_t era = floor_div(days, ERA_DAYS) + day / ERA_DAYS;
  day %= ERA_DAYS;
  int64_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365, of_year = day - (365 * year + year / 4 - year / 100);
  int32_t month = (int32_t)((5 * of_year + 2) / 153);
  struct etl_civil c = {.month = month < 10 ? month + 3 : month - 9, .day = (int32_t)(of_year - (153 * month + 2) / 5) + 1};
  c.year = era * ERA_YEARS + year + (c.month <= 2);
  return c;
}

int64_t etl_days_from_civil(int64_t year, int64_t month, int64_t day) {
  int64_t from_march = year - (month <= 2), era = floor_div(from_march, ERA_YEARS), of_era = from_march - era * ERA_YEARS;
  int64_t of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
  return era * ERA_DAYS + of_era * 365 + of_era / 4 - of_era / 100 + of_year - EPOCH_DAYS;
}

bool etl_civil_valid(int64_t year, int64_t month, int64_t day) {
  static const int8_t lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return month >= 1 && month <= 12 && day >= 1 && day <= lengths[month - 1] + (month == 2 && leap);
}
