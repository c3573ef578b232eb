/* sched/next.h: when a schedule is due.  Any thread.
 *
 * Times of cron are those that clocks of the zone show.  A time that they skip is made up for by one run at the instant of the
 * change, whatever the number of times in the gap.  A time that they show twice is due when they show it first; a schedule
 * for every hour (*, 0-23) names no hour, so it is due in both.  "every 5m" counts time that has passed, from its anchor. */
#ifndef HOST_SCHED_NEXT_H
#define HOST_SCHED_NEXT_H

#include "conf/conf.h"

#define SCHED_NEVER INT64_MAX

/* The first due time after after_ns; SCHED_NEVER: there is none.  anchor_ns: from where "every" counts. */
int64_t sched_next_ns(const struct schedule *s, const struct zone *z, int64_t anchor_ns, int64_t after_ns);
/* The same of a pipeline, between its start_at and end_at; whether it is enabled is not asked. */
int64_t sched_pipeline_next_ns(const struct conf_pipeline *p, int64_t after_ns);

#endif
