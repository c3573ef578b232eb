/* base/civil.h: days of the calendar as numbers, since 1970-01-01; dates of them are the SDK's.  Any thread. */
#ifndef HOST_BASE_CIVIL_H
#define HOST_BASE_CIVIL_H

#include <stdint.h>

#include "etl/sdk.h"

#define DAY_SECONDS INT64_C(86400)

int64_t civil_month_days(int64_t year, int64_t month); /* 28 to 31 */
int64_t civil_weekday(int64_t days);                   /* 0 Sunday to 6 */
/* Of seconds: the day, rounded down, and the seconds since its midnight. */
int64_t civil_day_of(int64_t seconds, int64_t *ret_rest);

#endif
