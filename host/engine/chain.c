/* The chain thread of a lane: its transformers one behind the other.  Each emits into the next; the last into the writer's ring.
 * Rows that went in and did not come out, and were not rejected, are the filtered ones. */
#include <stdlib.h>

#include "engine/bind.h"
#include "engine/run.h"
#include "etl/sdk.h"

struct chain;
struct link {
  struct etl_sink sink; /* first: what this transformer emits into */
  struct chain *chain;
  size_t index;
  struct instance inst;
  const struct etl_transformer *api;
  struct outlet out;
};
struct chain {
  struct lane *lane;
  struct link *links;
  size_t n;
  int64_t rows_in, rows_out;
  struct item_counts upto; /* of the item in hand, as the reader counted */
};

static int chain_fail(struct link *k) {
  struct err e;
  services_take_err(&k->inst.svc, &e);
  return lane_fail(k->chain->lane, &e, k->inst.svc.stage, k->inst.svc.connector);
}

static int64_t chain_rejected(const struct chain *c) {
  int64_t n = 0;
  for (size_t i = 0; i < c->n; i++)
    n += atomic_load(&c->links[i].inst.svc.rejected);
  return n;
}

/* last: the item of the reader that ends the lane, NULL: more follows. */
static int32_t chain_push(struct chain *c, struct etl_msg *m, const struct item *last) {
  struct item *it = item_new(m);
  c->rows_out += it->rows;
  int64_t rejected = chain_rejected(c);
  it->end = last != NULL;
  it->failed = last && last->failed;
  it->upto = (struct item_counts){
    .read = c->upto.read, .filtered = c->rows_in - c->rows_out - rejected, .rejected = c->upto.rejected + rejected};
  call_suspend();
  enum ring_status rc = ring_push(c->lane->to_writer, it);
  call_resume();
  return rc == RING_OK ? ETL_OK : ETL_STOPPED;
}

static int32_t link_process(struct link *k, struct etl_msg *m) {
  int32_t rc = CALL(&k->inst.svc, "process", k->api->process(k->inst.self, m, &k->sink));
  etl_array_release(&m->rows); /* a connector that failed to take them */
  return rc;
}

static int32_t link_emit(const struct etl_sink *sink, struct etl_msg *m) {
  struct link *k = (struct link *)(uintptr_t)sink;
  struct chain *c = k->chain;
  struct etl_msg rows = {.struct_size = sizeof rows, .flags = ETL_M_ROWS, .lag_ns = -1};
  etl_schema_release(&m->schema);
  etl_array_move(&m->rows, &rows.rows);
  if (!rows.rows.release)
    return ETL_OK;
  if (k->index + 1 == c->n)
    return chain_push(c, &rows, NULL);
  int32_t rc = link_process(&c->links[k->index + 1], &rows);
  if (rc == ETL_FAILED)
    chain_fail(&c->links[k->index + 1]);
  return rc == ETL_OK ? ETL_OK : ETL_STOPPED;
}

static int chain_open(struct chain *c) {
  struct run *r = c->lane->run;
  c->links = xcalloc(r->spec->transforms_n, sizeof *c->links);
  for (size_t i = 0; i < r->spec->transforms_n; i++) {
    struct link *k = &c->links[i];
    struct err e;
    k->sink = (struct etl_sink){.struct_size = sizeof k->sink, .emit = link_emit};
    k->chain = c;
    k->index = i;
    k->api = part_transformer(&r->transforms[i]);
    if (instance_open(&k->inst, &r->transforms[i], &r->services, r->spec, c->lane->name, 0, &c->lane->stop, &e) < 0)
      return lane_fail(c->lane, &e, r->transforms[i].stage, r->transforms[i].conn->name);
    c->n = i + 1;
  }
  return 0;
}

static void chain_close(struct chain *c) {
  for (size_t i = 0; i < c->n; i++) {
    instance_close(&c->links[i].inst);
    outlet_fini(&c->links[i].out);
  }
  free(c->links);
}

static int chain_schema(struct chain *c, const struct ArrowSchema *in) {
  const struct lane *l = c->lane;
  struct etl_msg m = {.struct_size = sizeof m, .flags = ETL_M_SCHEMA, .lag_ns = -1};
  struct etl_stream first = {.struct_size = sizeof first, .flags = l->stream_flags, .name = l->stream, .schema = in, .key = l->key};
  struct err e;
  for (size_t i = 0; i < c->n; i++) {
    struct link *k = &c->links[i];
    if (outlet_bind(&k->out, &k->inst, i ? &c->links[i - 1].out.stream : &first, &e) < 0)
      return lane_fail(c->lane, &e, k->inst.svc.stage, k->inst.svc.connector);
  }
  if (etl_schema_copy(&c->links[c->n - 1].out.schema, &m.schema) < 0)
    return -1;
  return chain_push(c, &m, NULL) == ETL_OK ? 0 : -1;
}

static int chain_flush(struct chain *c) {
  for (size_t i = 0; i < c->n; i++) {
    struct link *k = &c->links[i];
    int32_t rc = k->api->flush ? CALL(&k->inst.svc, "flush", k->api->flush(k->inst.self, &k->sink)) : ETL_OK;
    if (rc != ETL_OK)
      return rc == ETL_FAILED ? chain_fail(k) : -1;
  }
  return 0;
}

static int chain_item(struct chain *c, struct item *it) {
  c->upto = it->upto;
  c->rows_in += it->rows;
  if ((it->msg.flags & ETL_M_SCHEMA) && chain_schema(c, &it->msg.schema) < 0)
    return -1;
  if (it->msg.rows.release) {
    struct etl_msg m = {.struct_size = sizeof m, .flags = ETL_M_ROWS, .lag_ns = it->msg.lag_ns};
    etl_array_move(&it->msg.rows, &m.rows);
    int32_t rc = link_process(&c->links[0], &m);
    if (rc != ETL_OK)
      return rc == ETL_FAILED ? chain_fail(&c->links[0]) : -1;
  }
  bool cursor = it->msg.flags & ETL_M_CURSOR;
  if (!cursor && !it->end)
    return 0;
  if (!it->failed && chain_flush(c) < 0) /* rows held back after a failure are behind the last cursor */
    return -1;
  struct etl_msg m = {.struct_size = sizeof m,
                      .flags = cursor ? ETL_M_CURSOR : 0,
                      .cursor = it->msg.cursor,
                      .lag_ns = -1,
                      .src_bytes = it->msg.src_bytes};
  return chain_push(c, &m, it->end ? it : NULL) == ETL_OK ? 0 : -1;
}

static void chain_wake(void *arg) {
  struct chain *c = arg;
  for (size_t i = 0; i < c->n; i++)
    instance_cancel(&c->links[i].inst);
}

void *chain_main(void *lane) {
  struct chain c = {.lane = lane};
  struct item *it;
  bool ended = false;
  int rc = chain_open(&c);
  if (rc == 0)
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
  chain_close(&c);
  return NULL;
}
