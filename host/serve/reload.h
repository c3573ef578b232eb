/* serve/reload.h: the configuration read anew while the host runs.  All or nothing: files are read and every option is checked by a thread
 * beside the loop, so that due times are kept meanwhile; the loop then takes the whole over, or, with a single mistake, nothing of it.
 * Mistakes of the last reading stay in s->reload_errors.  Runs at work keep the generation that they began with.  Event loop thread. */
#ifndef HOST_SERVE_RELOAD_H
#define HOST_SERVE_RELOAD_H

#include "serve/serve.h"

/* Has it read, at the latest after the reading that is at work: however often it is asked meanwhile, it is read once more.  The number of
 * the reading, 1, 2 ...; its end is told by an event of kind "reload" ("done" or "failed"), and from then on reload_ended() is true. */
int64_t serve_reload(struct serve *s);
bool reload_ended(struct serve *s, int64_t number);
/* Has the connectors alone looked at, in the same way: files that are new, replaced or gone. */
void serve_look(struct serve *s);

/* The part (serve_parts). */
int reload_open(struct serve *s, void **ret_self, struct err *e);
void reload_close(struct serve *s, void *self);
void reload_event(struct serve *s, void *self, const struct serve_event *e);

#endif
