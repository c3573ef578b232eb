/* serve/notify_child.h: one delivery, from the side of who wants it: a process of its own with a deadline.  Serving thread. */
#ifndef HOST_SERVE_NOTIFY_CHILD_H
#define HOST_SERVE_NOTIFY_CHILD_H

#include <stdbool.h>

#include <ev.h>
#include <jansson.h>

#include "base/err.h"

struct notify_answer {
  bool ok;
  const char *said; /* of the other side, when ok; may be "" */
  struct err error;
};
typedef void notify_answer_fn(void *arg, const struct notify_answer *answer);

struct notify_child;
/* exe: the etl executable.  answer is called once from the loop, and may free the child.  0, or -1: it cannot be started now. */
int notify_child_start(const char *exe, struct ev_loop *loop, const json_t *target, const json_t *message, int64_t timeout_ns,
                       notify_answer_fn *answer, void *arg, struct err *e, struct notify_child **ret);
void notify_child_free(struct notify_child *c); /* accepts NULL; ends it, if it still runs, and what it has started */

#endif
