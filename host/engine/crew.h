/* engine/crew.h: questions to many shards, asked side by side: each thread has an extractor's instance of its own.  The run thread. */
#ifndef HOST_ENGINE_CREW_H
#define HOST_ENGINE_CREW_H

#include "engine/run.h"

enum { CREW_MAX = 8 };
/* Job i, on any thread, with an instance that no other thread calls.  What it writes to is its own. */
typedef void crew_fn(void *arg, size_t i, struct instance *extractor);
/* Carries out jobs 0..n-1, and returns when all are done; those that have not begun when the run is stopped are left out.  An instance
 * that cannot be opened is no mistake: there is then one thread less, and at least the caller's own. */
void crew_work(struct run *r, size_t n, crew_fn *job, void *arg);

#endif
