/* conf/schedule.h: the language of schedules: five fields as cron has them, or @hourly and its like. */
#ifndef HOST_CONF_SCHEDULE_H
#define HOST_CONF_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct schedule {            /* a bit for each value that fits */
  uint64_t minutes;          /* 0 to 59 */
  uint32_t hours;            /* 0 to 23 */
  uint32_t days;             /* 1 to 31 */
  uint16_t months;           /* 1 to 12 */
  uint8_t weekdays;          /* 0 Sunday to 6 */
  bool any_day, any_weekday; /* written as *: if neither is, one of both is enough, as in cron */
};
/* 0, or -1 with the field that is wrong and why; also for a date that never comes. */
int schedule_parse(const char *text, struct schedule *ret, struct err *e);

#endif
