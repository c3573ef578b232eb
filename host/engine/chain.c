/* The chain thread of a lane: what the reader gives goes through the tree of transformers; what comes out goes to the writer, and a
 * cursor only after everything that was held back. */
#include <stdlib.h>

#include "engine/chain.h"
#include "etl/sdk.h"

int32_t chain_push(struct chain *c, struct item *it) {
  c->told = it->read = c->read;
  it->msg.src_bytes = c->src_bytes;
  c->src_bytes = 0;
  it->rejected = c->rejected;
  rejects_move(&c->rejects, &it->rejects);
  captures_move(&c->captures, &it->captures);
  it->bytes += it->rejects.bytes + it->captures.bytes;
  call_suspend();
  enum ring_status rc = ring_push(c->lane->to_writer, it);
  call_resume();
  return rc == RING_OK ? ETL_OK : ETL_STOPPED;
}

static int chain_schema(struct chain *c, const struct ArrowSchema *schema) {
  const struct lane *l = c->lane;
  struct etl_stream in = {.struct_size = sizeof in, .flags = l->stream_flags, .name = l->stream, .schema = schema, .key = l->key};
  return tree_bind(c, &in);
}

/* from: the item of the reader with a cursor or the end. */
static int chain_safe_point(struct chain *c, struct item *from) {
  if (!from->failed && tree_flush(c) < 0) /* rows held back after a failure are behind the last cursor */
    return -1;
  struct etl_msg m = {.struct_size = sizeof m,
                      .flags = from->msg.flags & ETL_M_CURSOR,
                      .cursor = from->msg.cursor,
                      .lag_ns = -1};
  struct item *it = item_new(&m);
  it->end = from->end;
  it->failed = from->failed;
  it->flows = tree_flows(c, &it->flows_n);
  return chain_push(c, it) == ETL_OK ? 0 : -1;
}

/* Nothing came out: the writer still wants to know that rows were read, since their cursor is to be committed in time. */
static int chain_tell(struct chain *c) {
  struct etl_msg m = {.struct_size = sizeof m, .lag_ns = -1};
  return chain_push(c, item_new(&m)) == ETL_OK ? 0 : -1;
}

static int chain_item(struct chain *c, struct item *it) {
  if ((it->msg.flags & ETL_M_SCHEMA) && chain_schema(c, &it->msg.schema) < 0)
    return -1;
  c->read = it->read;
  c->src_bytes += it->msg.src_bytes;
  c->rejected = it->rejected;
  rejects_move(&it->rejects, &c->rejects);
  captures_move(&it->captures, &c->captures);
  if (it->msg.rows.release) {
    struct etl_msg m = {.struct_size = sizeof m, .flags = ETL_M_ROWS, .lag_ns = it->msg.lag_ns};
    etl_array_move(&it->msg.rows, &m.rows);
    int64_t *numbers = it->numbers;
    it->numbers = NULL;
    if (tree_process(c, &m, numbers) != ETL_OK)
      return -1;
  }
  if (it->end || (it->msg.flags & ETL_M_CURSOR))
    return chain_safe_point(c, it);
  return c->told != c->read ? chain_tell(c) : 0;
}

static void chain_wake(void *arg) { tree_wake(arg); }

void *chain_main(void *lane) {
  struct chain c = {.lane = lane};
  struct item *it;
  bool ended = false;
  int rc = 0;
  lane_set_cancel(c.lane, TARGET_CHAIN, chain_wake, &c);
  while (rc == 0 && !ended && ring_pop(c.lane->from_reader, 0, &it) == RING_OK) {
    ended = it->end;
    rc = chain_item(&c, it);
    item_free(it);
  }
  if (!ended || rc < 0) {
    ring_stop(c.lane->from_reader);
    ring_stop(c.lane->to_writer);
  }
  lane_set_cancel(c.lane, TARGET_CHAIN, NULL, NULL);
  tree_close(&c);
  return NULL;
}
