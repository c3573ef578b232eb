/* engine/control.h: cursors of several lanes stored or deleted in one transaction, by the run's own instance of the loader.  The run
 * thread. */
#ifndef HOST_ENGINE_CONTROL_H
#define HOST_ENGINE_CONTROL_H

#include "engine/run.h"

struct control_commit { /* zeroed to begin with; in the run's arena */
  struct etl_cursor **from, **to;
  size_t n;
};
/* Lane l goes to its next epoch, with this cursor; strings are borrowed until the commit. */
void control_add(struct control_commit *c, struct run *r, const struct lane *l, struct etl_bytes cursor, uint32_t flags, const char *note);
/* 0 (also when there is nothing to do), -1 with r->err, or the run was stopped. */
int control_commit(const struct control_commit *c, struct run *r, const char *id);

#endif
