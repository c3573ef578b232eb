/* engine/confine.h: what the process of a worker may take; the kernel keeps to it, whatever a connector does. */
#ifndef HOST_ENGINE_CONFINE_H
#define HOST_ENGINE_CONFINE_H

#include <stddef.h>

#include "engine/spec.h"

/* Before any connector is loaded.  Of memory the process may write, used or not, twice what is configured and CONFINE_ROOM_BYTES: what grows
 * slowly enough to be looked at is ended by its supervisor long before, with a reason. */
enum { CONFINE_ROOM_BYTES = 1 << 30, CONFINE_GRACE_SECONDS = 5 };
void confine(const struct spec *s);
/* The stacks of so many threads come on top of that. */
void confine_add_stacks(size_t threads);
/* Ends the processes that connectors left behind, as the last deed of this one: also those in groups and sessions of their own, for what loses
 * its parent becomes its child. */
void confine_end_children(void);

#endif
