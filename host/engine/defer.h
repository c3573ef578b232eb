/* engine/defer.h: a lane's wait before its next attempt.  In a run with spec->defer_retries a wait is worth a worker only as long as other
 * lanes work: when all that are left only wait, they end as failed, and the summary says when each is to be tried again and how often it has
 * failed.  The supervisor starts a run for them then, and hands back what was said (spec->retries).  So they do when they wait while the run
 * is asked to finish.  A run whose rows stand aside until its end is tried again as a whole; it keeps its worker for waits below a minute. */
#ifndef HOST_ENGINE_DEFER_H
#define HOST_ENGINE_DEFER_H

#include "engine/run.h"

/* Lane thread, before its first attempt: takes over from spec->retries how often it has failed, and waits what is left of its wait.
 * True: it ends before it began. */
bool defer_resume(struct lane *l);
/* Lane thread: waits.  True: the lane ends; it was asked to, or the rest of its wait is the supervisor's. */
bool defer_wait(struct lane *l, int64_t wait_ns);
/* Run thread, under r->lock, whenever a lane has ended or begun to wait. */
void defer_look(struct run *r);
/* "retry" of an ended lane; NULL: it is not to be tried again. */
json_t *defer_json(const struct lane *l);

#endif
