/* sched/breaker.h: a circuit breaker.  Closed: all runs start.  After `threshold` failures in a row it opens: none does.  `cooldown`
 * later it is half open: one run may try; its success closes the breaker, its failure opens it again.  Any thread. */
#ifndef HOST_SCHED_BREAKER_H
#define HOST_SCHED_BREAKER_H

#include "conf/conf.h"

enum breaker_state {
  BREAKER_CLOSED,
  BREAKER_OPEN,
  BREAKER_HALF_OPEN /* the run that tries has not ended yet */
};
struct breaker { /* zeroed: closed */
  enum breaker_state state;
  int64_t failures;     /* in a row */
  int64_t opened_at_ns; /* open or half open */
};
enum breaker_outcome {
  BREAKER_SUCCESS,
  BREAKER_FAILURE,
  BREAKER_NEITHER /* cancelled: it says nothing */
};

/* May a run start now?  Of an open breaker whose cooldown is over it makes a half open one, for this one run. */
bool breaker_allow(struct breaker *b, const struct conf_breaker *c, int64_t now_ns);
/* When the next run may try; 0: now; INT64_MAX: it depends on the one that tries. */
int64_t breaker_wait_until_ns(const struct breaker *b, const struct conf_breaker *c);
/* A run has ended, also one that was allowed before the breaker opened or that was asked for by hand.  Whether the state has changed. */
bool breaker_note(struct breaker *b, const struct conf_breaker *c, enum breaker_outcome outcome, int64_t now_ns);

const char *breaker_state_name(enum breaker_state state); /* "closed", "open", "half_open" */
/* 0, or -1: there is no such state. */
int breaker_state_parse(const char *name, enum breaker_state *ret);

#endif
