/* temporal.h: SQL Server's dates and times as exact integers, and as ISO text.  Pure functions.
 * One unit for all: ticks of 100 ns since 1970-01-01 (negative before), or since midnight for a time of day. */
#ifndef SQLSERVER_TEMPORAL_H
#define SQLSERVER_TEMPORAL_H

#include <stddef.h>
#include <stdint.h>

enum {
  TEMPORAL_TEXT_BYTES = 48,
  DAYS_1900_TO_1970 = 25567
};
#define TICKS_PER_SECOND INT64_C(10000000)
#define TICKS_PER_DAY    (INT64_C(86400) * TICKS_PER_SECOND)

/* days: since 1900-01-01, as db-lib gives them. */
static inline int64_t temporal_ticks(int64_t days, int64_t ticks_of_day) {
  return (days - DAYS_1900_TO_1970) * TICKS_PER_DAY + ticks_of_day;
}
/* datetime counts 1/300 s; the server shows and compares it rounded to .000, .003 and .007 s. */
static inline int64_t temporal_datetime_ticks(int64_t days, int64_t threehundredths) {
  return temporal_ticks(days, (threehundredths * 10 + 1) / 3 * (TICKS_PER_SECOND / 1000));
}
static inline int64_t temporal_floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); }

/* "2024-05-01" */
void temporal_date_text(int64_t ticks, char *ret, size_t cap);
/* "2024-05-01T10:00:00" with `digits` digits (0 to 7) after a point. */
void temporal_text(int64_t ticks, int digits, char *ret, size_t cap);
/* "10:00:00.1234567" */
void temporal_time_text(int64_t ticks_of_day, int digits, char *ret, size_t cap);

#endif
