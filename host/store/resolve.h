/* store/resolve.h: asks for the addresses of names on a thread of its own, since the resolver may take half a minute when its servers are away, and
 * libpq would hold up the host for as long.  Of one thread, but for the asking. */
#ifndef HOST_STORE_RESOLVE_H
#define HOST_STORE_RESOLVE_H

#include <stdbool.h>

/* Asks for one name; any thread.  What it finds is asked for once more by whoever connects, and comes quickly then. */
typedef void resolve_fn(const char *name, void *arg);
void resolve_name(const char *name, void *unused);

struct resolving; /* a question that was not answered in time, and has no more than one thread */
/* Whether all names of a list with commas were answered for within ms, whatever the answer; false: *pending is still being asked, and the next
 * call waits for that.  *pending begins as NULL. */
bool resolve_within(struct resolving **pending, const char *names, int ms, resolve_fn *ask, void *arg);
void resolve_forget(struct resolving *pending); /* its thread ends by itself; accepts NULL */

#endif
