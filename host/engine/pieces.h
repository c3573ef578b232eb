/* engine/pieces.h: which lanes a run has: one for each stream of a shard, or one for each piece that the extractor cuts it into.  The run
 * thread.
 *
 * A stream with a cursor is cut once, when the sink has nothing of it: the pieces' start cursors are committed together before any lane
 * starts, so that the bounds stay the same over crashes and runs.  Where that is not possible (the stream has no cursor, the target is
 * built aside) they are cut anew by each run.
 *
 * A row that is updated moves from its piece to where the cursor grows.  A piece that is still read in an older snapshot would then write the
 * old row over the new one: what goes on for good is read when the pieces that have an end are not read any more. */
#ifndef HOST_ENGINE_PIECES_H
#define HOST_ENGINE_PIECES_H

#include "engine/run.h"

/* After run_ask_committed(): makes r->lanes.  0, -1 with r->err. */
int pieces_make_lanes(struct run *r);
/* After run_begin() of the loader: commits the start cursors of pieces that are new.  0, -1 with r->err, or the run was stopped. */
int pieces_store_starts(struct run *r);
/* The lane's own thread, before its first attempt: waits until the pieces that go before it have ended.  0, -1 with e: one of them may still
 * write. */
int pieces_await(struct lane *l, struct err *e);
/* What the sink has of a lane; NULL: nothing. */
const struct kept *kept_find(const struct run *r, const char *stream, const char *shard);

#endif
