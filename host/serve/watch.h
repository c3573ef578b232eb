/* serve/watch.h: the plugin directories are watched, so that connectors are looked at (serve/reload.h) soon after their files have changed.  What the
 * kernel does not tell - no watch can be had, a link whose target changes - is noticed when the next run starts.  Event loop thread. */
#ifndef HOST_SERVE_WATCH_H
#define HOST_SERVE_WATCH_H

#include "serve/serve.h"

/* Watches on a list of directories that may not exist, vanish and come back; also through the folder that each is in, where it is a name that
 * comes and goes. */
struct watches;
/* -1: no directory can be watched, e says why; dirs ends with NULL. */
int watches_open(const char *const *dirs, struct err *e, struct watches **ret);
void watches_close(struct watches *w); /* accepts NULL */
int watches_fd(const struct watches *w);
/* Takes what has happened; true: some of it may concern a connector. */
bool watches_read(struct watches *w);

/* The part (serve_parts). */
int watch_open(struct serve *s, void **ret_self, struct err *e);
void watch_close(struct serve *s, void *self);
void watch_reloaded(struct serve *s, void *self, const struct generation *old);

#endif
