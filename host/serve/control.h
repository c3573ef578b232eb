/* serve/control.h: the control socket as a part of the host: clients, each asking one thing after the other.  Event loop thread.
 *
 * A request and each part of an answer is a frame (base/frame.h).  The last part has "done": true, and "error" if it failed; lists of parts before it
 * go before those of the last one.  Nothing that a client does, or does not do, holds the loop up: what it sends is limited in size and time, what it
 * does not fetch is limited, too. */
#ifndef HOST_SERVE_CONTROL_H
#define HOST_SERVE_CONTROL_H

#include "serve/serve.h"

enum {
  CONTROL_REQUEST_MAX = 64 * 1024, /* bytes of a request */
  CONTROL_CLIENTS_MAX = 512,
  CONTROL_SECONDS = 10             /* for a request to come, and for an answer to be fetched further */
};

int control_open(struct serve *s, void **ret_self, struct err *e);
void control_close(struct serve *s, void *self);
void control_event(struct serve *s, void *self, const struct serve_event *e);
void control_reloaded(struct serve *s, void *self, const struct generation *old);
void control_worker_event(struct serve *s, void *self, const struct running *r, json_t *event);

#endif
