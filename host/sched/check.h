/* sched/check.h: what is wrong, or looks wrong, about when pipelines run: all of them together.  Any thread. */
#ifndef HOST_SCHED_CHECK_H
#define HOST_SCHED_CHECK_H

#include "conf/conf.h"

/* Errors as of graph_make(); warnings about pipelines that would never run.  c has all pipelines. */
void sched_check(const struct conf *c, int64_t now_ns, struct diags *d);

#endif
