/* serve/windows.h: the part of time that a run covers (interval = true). */
#ifndef HOST_SERVE_WINDOWS_H
#define HOST_SERVE_WINDOWS_H

#include "serve/serve.h"

/* Sets window_from_ns and window_to_ns of r->run, unless it has them.  -1: the store cannot say where the last one ended. */
int window_choose(struct running *r, struct err *e);
bool window_is_empty(const struct running *r); /* a later run has covered it already */
void window_put(const struct running *r, struct spec *spec);

/* After a run: whether it, and a further attempt of no more than these shards (NULL: there is none), leave out shards of the window.  Then the
 * window is not done; what has been read of it is known to the lanes themselves. */
bool window_leaves_out(const struct running *r, const json_t *shards);

/* 2026-01-02T03:04:05, of UTC, with a fraction if there is one.  In a. */
const char *window_moment(struct arena *a, int64_t ns);

#endif
