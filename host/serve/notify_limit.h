/* serve/notify_limit.h: how much a target is told.  In each period so many messages go; the rest is held back and told in one message at the
 * period's end.  Pure calculation over a monotonic time. */
#ifndef HOST_SERVE_NOTIFY_LIMIT_H
#define HOST_SERVE_NOTIFY_LIMIT_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

enum {
  HELD_KEPT = 50 /* of those held back, the newest are told one by one */
};

struct notify_limit {
  int64_t max, period_ns;
  bool open; /* a period is under way */
  int64_t began_ns, sent;
  int64_t held, held_wall_ns; /* held back; since when by the wall clock */
  json_t *kept, *counts;      /* {"pipeline": {"failure": 3}} */
};
void notify_limit_init(struct notify_limit *l, int64_t max, int64_t period_ns);
void notify_limit_fini(struct notify_limit *l);

/* True: the message may go now, and is counted.  False: hold it back. */
bool notify_limit_take(struct notify_limit *l, int64_t now_ns);
void notify_limit_hold(struct notify_limit *l, const json_t *notice, int64_t now_ns, int64_t wall_ns);
/* When those held back are to be told; INT64_MAX: there are none. */
int64_t notify_limit_due_ns(const struct notify_limit *l);
/* What is held back, for another host or the next one: NULL, if there is nothing.  ahead: what the wall clock is ahead of the monotonic one. */
json_t *notify_limit_to_json(const struct notify_limit *l, int64_t ahead_ns);
/* Adds what such an object has, as what came first. */
void notify_limit_restore(struct notify_limit *l, const json_t *held, int64_t now_ns, int64_t ahead_ns);
/* They were told now: a new period begins with that message. */
void notify_limit_told(struct notify_limit *l, int64_t now_ns);

#endif
