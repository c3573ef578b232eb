/* engine/ring.h: a bounded queue of items between two stages of a lane.  One producer thread, one consumer thread, anybody may stop
 * it.  Bounded by count and by bytes: a push waits while the ring is full, but an item of any size is let into an empty ring, so one
 * huge row cannot block a lane for ever. */
#ifndef HOST_ENGINE_RING_H
#define HOST_ENGINE_RING_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/capture.h"
#include "engine/reject.h"
#include "etl/plugin.h"

struct flow { /* what became of the rows read on their way to one stream of the writer; totals of the lane's attempt */
  int64_t filtered, rejected, added;
};
struct stream_decl { /* a stream of the writer as its last transformer declared it; strings in the arena */
  struct arena *arena;
  struct etl_stream stream; /* without schema */
};
struct item { /* a message on its way, owned by whoever holds the pointer */
  struct etl_msg msg; /* cursor.p is owned by the item */
  int64_t rows;
  int64_t bytes; /* estimate of what rows, and those set aside, occupy */
  uint32_t out;  /* index of the writer's stream that it belongs to (lane->outs) */
  int64_t read, rejected; /* by the reader, up to and including this item; rejected rows are read ones, too */
  struct rejects rejects; /* set aside since the item before */
  struct captures captures; /* made since the item before */
  int64_t *numbers;         /* of the rows, see engine/capture.h; owned; NULL: nobody wants to know, or they are lost */
  struct stream_decl *decl; /* with a schema, behind transformers; owned */
  struct flow *flows; /* with a cursor, a schema or the end, behind transformers: one for each stream; owned */
  size_t flows_n;
  bool end;    /* the last item of the lane: nothing follows */
  bool failed; /* with end: because the source failed, see lane->err; what came before it is good */
};
/* Moves schema and rows out of m, copies its cursor. */
struct item *item_new(struct etl_msg *m);
void item_free(struct item *it); /* accepts NULL */
void stream_decl_free(struct stream_decl *d); /* accepts NULL */

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
