/* engine/outside.h: cursors of a sink that cannot store them, kept outside of it by the supervisor: the spec says where lanes stand, and each
 * commit is told as an event "committed".  A commit that was not told yet is written again: at least once.  A sink that shows its rows only
 * at the end of a run has none, as nothing of an unfinished run counts. */
#ifndef HOST_ENGINE_OUTSIDE_H
#define HOST_ENGINE_OUTSIDE_H

#include "engine/run.h"

/* After the loader's caps are known: whether this run has its cursors outside. */
bool outside_applies(const struct run *r);
/* From the spec to r->kept. */
int outside_read(struct run *r);
/* Tells that lanes are there now; all in one event, which is stored as a whole. */
void outside_tell(struct run *r, const struct etl_cursor *const *to, uint64_t n);
/* Does somebody store cursors for this run, the sink or the supervisor? */
static inline bool run_stores_cursors(const struct run *r) { return (r->loader_caps & ETL_CAP_STORES_CURSOR) || r->outside; }

#endif
