/* serve/windows.h: the part of time that a run covers (interval = true). */
#ifndef HOST_SERVE_WINDOWS_H
#define HOST_SERVE_WINDOWS_H

#include "serve/serve.h"

/* Sets window_from_ns and window_to_ns of r->run, unless it has them.  -1: the store cannot say where the last one ended. */
int window_choose(struct running *r, struct err *e);
bool window_is_empty(const struct running *r); /* a later run has covered it already */
void window_put(const struct running *r, struct spec *spec);

#endif
