/* Dates and times as text, with the proleptic Gregorian calendar that SQL Server uses from year 1 to 9999. */
#include "temporal.h"

#include <stdio.h>

struct civil {
  int64_t year;
  unsigned month, day;
};

/* Days since 1970-01-01 to a date: eras of 400 years that begin on 1 March. */
static struct civil civil_of(int64_t days) {
  days += 719468;
  int64_t era = temporal_floor_div(days, 146097);
  unsigned of_era = (unsigned)(days - era * 146097);
  unsigned year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
  unsigned of_year = of_era - (365 * year + year / 4 - year / 100);
  unsigned m = (5 * of_year + 2) / 153;
  struct civil c = {.day = of_year - (153 * m + 2) / 5 + 1, .month = m < 10 ? m + 3 : m - 9};
  c.year = (int64_t)year + era * 400 + (c.month <= 2);
  return c;
}

void temporal_date_text(int64_t ticks, char *ret, size_t cap) {
  struct civil c = civil_of(temporal_floor_div(ticks, TICKS_PER_DAY));
  snprintf(ret, cap, "%04lld-%02u-%02u", (long long)c.year, c.month, c.day);
}

void temporal_time_text(int64_t ticks_of_day, int digits, char *ret, size_t cap) {
  int64_t s = ticks_of_day / TICKS_PER_SECOND, fraction = ticks_of_day % TICKS_PER_SECOND;
  char decimals[32];
  snprintf(decimals, sizeof decimals, ".%07lld", (long long)fraction);
  snprintf(ret, cap, "%02d:%02d:%02d%.*s", (int)(s / 3600), (int)(s / 60 % 60), (int)(s % 60), digits ? digits + 1 : 0, decimals);
}

void temporal_text(int64_t ticks, int digits, char *ret, size_t cap) {
  char date[TEMPORAL_TEXT_BYTES], time[TEMPORAL_TEXT_BYTES];
  int64_t day = temporal_floor_div(ticks, TICKS_PER_DAY);
  temporal_date_text(ticks, date, sizeof date);
  temporal_time_text(ticks - day * TICKS_PER_DAY, digits, time, sizeof time);
  snprintf(ret, cap, "%sT%s", date, time);
}
