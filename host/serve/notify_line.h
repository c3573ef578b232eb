/* serve/notify_line.h: the messages that wait for a target, in the order in which they are delivered.  Over a restart they are JSON, whose times are
 * of the wall clock; in memory they are of the monotonic one. */
#ifndef HOST_SERVE_NOTIFY_LINE_H
#define HOST_SERVE_NOTIFY_LINE_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

struct outgoing {
  struct outgoing *next;
  json_t *message;
  int64_t notices; /* that it tells */
  int64_t attempt; /* the next one; 1: the first */
  int64_t not_before_ns;
};
struct notify_line {
  struct outgoing *first, **last;
  size_t n;
};
void notify_line_init(struct notify_line *l);
void notify_line_add(struct notify_line *l, json_t *message, int64_t notices); /* takes message */
void notify_line_drop_first(struct notify_line *l);
/* ahead: what the wall clock is ahead of the monotonic one. */
json_t *notify_line_to_json(const struct notify_line *l, int64_t ahead_ns);
/* Adds what such a list has, until there are `most`.  The number of those it has no room for. */
size_t notify_line_restore(struct notify_line *l, const json_t *list, size_t most, int64_t ahead_ns);

#endif
