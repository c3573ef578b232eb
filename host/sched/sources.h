/* sched/sources.h: when a pipeline without a schedule of its own is due: whenever all pipelines that it comes after, near and far, are due
 * at the same time.  Any thread. */
#ifndef HOST_SCHED_SOURCES_H
#define HOST_SCHED_SOURCES_H

#include "sched/graph.h"

struct sources { /* the different schedules of those pipelines */
  const struct conf_pipeline *list[16];
  size_t n;
  bool unsure; /* one runs only when asked, or never, or there are too many of them: nothing can be told */
};
/* Of each pipeline: its own schedule, and those of all before it.  In a. */
const struct sources *sources_make(const struct conf *c, const struct graph *g, struct arena *a);
/* The first time after after_ns that they have in common; SCHED_NEVER: there is none, as far as was looked. */
int64_t sources_next_ns(const struct sources *s, int64_t after_ns);

#endif
