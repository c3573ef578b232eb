/* engine/ring.h: a bounded queue of items between two stages of a lane.  One producer thread, one consumer thread, anybody may stop
 * it.  Bounded by count and by bytes: a push waits while the ring is full, but an item of any size is let into an empty ring, so one
 * huge row cannot block a lane for ever. */
#ifndef HOST_ENGINE_RING_H
#define HOST_ENGINE_RING_H

#include <stdbool.h>
#include <stdint.h>

#include "etl/plugin.h"

struct item_counts { /* totals of the lane's attempt up to and including an item */
  int64_t read, filtered, rejected;
};
struct item { /* a message on its way, owned by whoever holds the pointer */
  struct etl_msg msg; /* cursor.p is owned by the item */
  int64_t rows;
  int64_t bytes; /* estimate of what rows occupy */
  struct item_counts upto;
  bool end;    /* the last item of the lane: nothing follows */
  bool failed; /* with end: because the source failed, see lane->err; what came before it is good */
};
/* Moves schema and rows out of m, copies its cursor. */
struct item *item_new(struct etl_msg *m);
void item_free(struct item *it); /* accepts NULL */

struct ring;
struct ring *ring_new(uint32_t max_items, int64_t max_bytes);
void ring_free(struct ring *r); /* frees the items inside; accepts NULL */

enum ring_status { RING_OK = 0, RING_TIMEOUT = 1, RING_STOPPED = -1 };
/* Producer.  Takes the item in every case. */
enum ring_status ring_push(struct ring *r, struct item *it);
/* Consumer.  deadline_ns: monotonic; 0 waits without one. */
enum ring_status ring_pop(struct ring *r, int64_t deadline_ns, struct item **ret_item);
/* Any thread: both sides return RING_STOPPED from now on. */
void ring_stop(struct ring *r);

#endif
