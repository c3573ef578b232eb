/* serve/positions.h: where lanes stand whose sink cannot store that itself: kept in the state store, told by the worker with each commit
 * (engine/outside.h).  What the store does not have yet waits here; an outcome is not stored before it. */
#ifndef HOST_SERVE_POSITIONS_H
#define HOST_SERVE_POSITIONS_H

#include "serve/serve.h"

/* Puts them into the spec of a run, if its loader needs it.  0, or -1 with e: the run cannot start. */
int positions_start(struct running *r, struct spec *spec, struct err *e);
void positions_take(struct running *r, const json_t *committed); /* an event of the worker */
/* 0: the store has all; -1: it is away. */
int positions_store(struct running *r);

#endif
