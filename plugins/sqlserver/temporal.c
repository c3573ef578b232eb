/* Dates and times as text, with the proleptic Gregorian calendar that SQL Server uses from year 1 to 9999. */
#include "temporal.h"

#include <stdio.h>

#include "etl/sdk.h"

void temporal_date_text(int64_t ticks, char *ret, size_t cap) {
  struct etl_civil c = etl_civil_from_days(temporal_floor_div(ticks, TICKS_PER_DAY));
  snprintf(ret, cap, "%04lld-%02d-%02d", (long long)c.year, (int)c.month, (int)c.day);
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
