/* engine/reach.h: whether a transformer that is for certain streams (setting `streams`) gets at any of them: a name mistyped there would leave
 * rows as they are, a mask unmasked.  The run thread, after pieces_make_lanes() and before anything moves. */
#ifndef HOST_ENGINE_REACH_H
#define HOST_ENGINE_REACH_H

#include "engine/run.h"

/* Connectors are asked only where a name is none of the source's.  Where they do not tell, a warning says so.  0, -1 with r->err. */
int reach_check(struct run *r);

#endif
