/* conf/schedule.h: the language of schedules: five fields as cron has them, @hourly and its like, @reboot, or "every 5m".  When that
 * is, sched/next.h says. */
#ifndef HOST_CONF_SCHEDULE_H
#define HOST_CONF_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

enum schedule_kind {
  SCHEDULE_NONE, /* only when asked */
  SCHEDULE_CRON,
  SCHEDULE_EVERY,
  SCHEDULE_REBOOT /* once when the host starts */
};
struct schedule {
  enum schedule_kind kind;
  int64_t every_ns; /* SCHEDULE_EVERY */
  /* SCHEDULE_CRON: a bit for each value that fits */
  uint64_t minutes;          /* 0 to 59 */
  uint32_t hours;            /* 0 to 23 */
  uint32_t days;             /* 1 to 31 */
  uint16_t months;           /* 1 to 12 */
  uint8_t weekdays;          /* 0 Sunday to 6 */
  uint8_t last_weekdays;     /* the last such day of the month */
  bool last_day;             /* of the month */
  bool any_day, any_weekday; /* begins with *: if neither does, one of both is enough, as in cron */
  bool never;                /* there is no such day in any year */
};
/* 0, or -1 with the part that is wrong and why. */
int schedule_parse(const char *text, struct schedule *ret, struct err *e);

#endif
