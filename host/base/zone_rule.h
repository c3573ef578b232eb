/* base/zone_rule.h: the rule at the end of a zone's file, which holds for all years behind its table: a TZ text of POSIX such as
 * "CET-1CEST,M3.5.0,M10.5.0/3".  Any thread. */
#ifndef HOST_BASE_ZONE_RULE_H
#define HOST_BASE_ZONE_RULE_H

#include <stdbool.h>
#include <stdint.h>

struct zone_day { /* a day of the year, and the seconds from its midnight */
  enum {
    ZONE_DAY_WEEK,    /* Mm.w.d: weekday d of week w (5: the last) of month m */
    ZONE_DAY_NO_LEAP, /* Jn: 1 to 365, the 29th of February is not counted */
    ZONE_DAY_NUMBER   /* n: 0 to 365 */
  } kind;
  int64_t month, week, day, seconds;
};
struct zone_rule {
  int64_t standard_s, summer_s; /* east of Greenwich is positive */
  bool summer;                  /* there is a summer time, between these two */
  struct zone_day begin, end;
};
struct zone_change { /* from then on, clocks are so far ahead of UTC */
  int64_t at_s, offset_s;
};
/* 0; -1: text is no such rule. */
int zone_rule_parse(const char *text, struct zone_rule *ret);
/* Both changes of a year, the earlier first.  The rule has a summer time. */
void zone_rule_changes(const struct zone_rule *r, int64_t year, struct zone_change ret[2]);

#endif
