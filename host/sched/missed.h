/* sched/missed.h: due times that passed while nobody looked, and how much later than due a run starts.  Any thread. */
#ifndef HOST_SCHED_MISSED_H
#define HOST_SCHED_MISSED_H

#include "conf/conf.h"

enum {
  SCHED_MISSED_MAX = 10000,
  SCHED_MISSED_COUNTED = 100 /* where no more than one is to be run */
};
struct sched_missed {
  const int64_t *due_ns; /* to be run, the oldest first */
  size_t n;
  size_t passed; /* how many passed; no more than SCHED_MISSED_MAX, or _COUNTED, are looked at, the newest */
  bool more;     /* there were older ones */
};
/* Of the times after last_ns (the last one that was dealt with) up to now_ns those that catch_up says; all of them for a pipeline with
 * windows, since each window is due.  Lives in a. */
void sched_missed(const struct conf_pipeline *p, int64_t last_ns, int64_t now_ns, struct arena *a, struct sched_missed *ret);

/* Less than jitter_ns; the same for the same name and time, so all hosts agree. */
int64_t sched_jitter_ns(const char *name, int64_t due_ns, int64_t jitter_ns);

#endif
