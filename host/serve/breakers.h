/* serve/breakers.h: circuit breakers of pipelines and of their shards: which runs they let start, what they learn from one that ended. */
#ifndef HOST_SERVE_BREAKERS_H
#define HOST_SERVE_BREAKERS_H

#include "sched/breaker.h"
#include "serve/outcome.h"

struct job_breaker {
  char *shard; /* "": the pipeline's own */
  struct breaker b;
};
/* From the store, for all jobs; another host may have changed them. */
int breakers_learn(struct serve *s, struct err *e);
void breakers_free(struct job *j);
/* May a run of this trigger start?  An open breaker lets only those through that somebody asked for, and its own probe. */
bool breakers_admit(const struct serve *s, const struct job *j, const char *trigger);
/* Why the pipeline's breaker keeps runs from starting, for people, in a; NULL: it does not. */
const char *breakers_reason(const struct serve *s, const struct job *j, struct arena *a);
/* A run starts: breakers whose cooldown is over become half open; shards of the others are left out of it. */
void breakers_start(struct running *r, struct spec *spec);
/* An attempt has ended, and these shards are tried again: what the others came to is added to o. */
void breakers_note_settled(struct outcome *o, const json_t *again);
/* A run has ended for good: rows, events, and the probe of a breaker that opened are added to o. */
void breakers_note(struct outcome *o);
/* By hand: closed, with no failures; shard NULL: all of the pipeline.  The number of those that were not closed; -1 with e. */
int breakers_reset(struct serve *s, struct job *j, const char *shard, struct err *e);

#endif
