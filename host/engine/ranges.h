/* engine/ranges.h: a backfill: a range of the cursor column is read again, beside the pipeline's own cursors, which stay where they are.  Its
 * lanes are "eu1@FROM..TO" in the sink, so that one that was interrupted goes on; when all are read to their ends they are forgotten.
 * A pipeline with interval = true reads range after range: its lanes are "eu1@window", are kept, and each goes on where its own last window ended,
 * whatever became of the run or of other lanes.
 * A repair is one over all rows, of which few are loaded; its lanes are "eu1@repair", and it always begins at the start. */
#ifndef HOST_ENGINE_RANGES_H
#define HOST_ENGINE_RANGES_H

#include "engine/run.h"

enum { RANGES_MAX = 100000 };
struct range {
  const char *from, *to; /* as a user types them; NULL: no bound */
};
static inline bool ranges_wanted(const struct spec *s) { return s->range_from || s->range_to || s->repair; }
/* Windows of FROM..TO, in order; the last one may be smaller.  window NULL: one.  A window is a number for numbers, a duration for dates
 * and timestamps.  In a.  0, -1 with e. */
int ranges_cut(const char *from, const char *to, const char *window, struct arena *a, struct range **ret_ranges, size_t *ret_n, struct err *e);
/* Whether this run's extractor and loader can do it at all.  0, -1 with r->err. */
int ranges_check(struct run *r);
const char *ranges_shard(const struct run *r, const char *shard); /* as the sink knows it */
/* The windows of a lane that are still to be read; done: what ranges_done() said at its last commit, NULL: nothing.  0, -1 with e. */
int ranges_of_lane(struct lane *l, const char *done, struct err *e);
/* Up to where the windows are read when the epoch in hand is committed; NULL: no backfill. */
const char *ranges_done(const struct lane *l, bool window_ends);
/* Whether all up to the end of the range was read by earlier windows; done as above. */
bool ranges_covered(const struct spec *s, const char *done);
/* The run thread, when all lanes have succeeded: deletes their cursors.  0, -1 with r->err, or the run was stopped. */
int ranges_forget(struct run *r);

#endif
