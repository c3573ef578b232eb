/* What the calendar of the SDK leaves to its callers. */
#include "base/civil.h"

int64_t civil_month_days(int64_t year, int64_t month) { return etl_days_from_civil(year, month + 1, 1) - etl_days_from_civil(year, month, 1); }

int64_t civil_weekday(int64_t days) {
  int64_t rest = (days + 4) % 7; /* the first day was a Thursday */
  return rest < 0 ? rest + 7 : rest;
}

int64_t civil_day_of(int64_t seconds, int64_t *ret_rest) {
  int64_t day = seconds / DAY_SECONDS - (seconds % DAY_SECONDS < 0);
  *ret_rest = seconds - day * DAY_SECONDS;
  return day;
}
