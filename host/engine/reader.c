/* The reader thread of a lane: asks the extractor for messages, puts them into the ring, and acknowledges to the source what the writer
 * has committed.  It outlives the end of the data until the writer's last commit, so that this too is acknowledged. */
#include <stdlib.h>

#include "engine/ranges.h"
#include "etl/sdk.h"

enum { NEXT_WAIT_MS = 200 };

struct reader {
  struct lane *lane;
  struct services svc;
  const struct etl_extractor *api;
  void *handle;
  int64_t rows;
  int64_t rejected; /* as the last item told */
  struct ArrowSchema schema; /* of the rows, when they are captured */
  char **columns;   /* their names */
  size_t columns_n;
  bool safe;        /* no row came between the last cursor and the last item */
  bool failed;      /* the source did */
};

static void reader_wake(void *arg) {
  struct reader *r = arg;
  r->api->reader_cancel(r->handle);
}

/* Waits until the shard has a session for this reader.  The connector has no part in it, so the watchdog does not count it. */
static int reader_enter(struct reader *r) {
  struct lane *l = r->lane;
  if (!l->gate)
    return 0;
  lane_set_cancel(l, TARGET_READER, gate_wake, l->gate);
  bool inside = gate_enter(l->gate, &l->stop);
  atomic_store(&l->inside, inside);
  lane_set_cancel(l, TARGET_READER, NULL, NULL);
  return inside ? 0 : -1;
}

static int reader_fail(struct reader *r) {
  struct err e;
  services_take_err(&r->svc, &e);
  return lane_fail(r->lane, &e, r->svc.stage, r->svc.connector);
}

static void forget_columns(struct reader *r) {
  for (size_t i = 0; i < r->columns_n; i++)
    free(r->columns[i]);
  free(r->columns);
  r->columns = NULL;
  r->columns_n = 0;
}

static void learn_columns(struct reader *r, const struct ArrowSchema *s) {
  forget_columns(r);
  r->columns = xcalloc((size_t)s->n_children + 1, sizeof *r->columns);
  for (; r->columns_n < (size_t)s->n_children; r->columns_n++)
    r->columns[r->columns_n] = xstrdup(s->children[r->columns_n]->name);
}

static int no_room(struct reader *r) {
  struct err e;
  err_set(&e, ETL_E_PERMANENT, "there is no room in memory to capture the rows of %s as they came", r->lane->name);
  err_remedy(&e, "raise memory of the pipeline, or lower rows or bytes of batch");
  return lane_fail(r->lane, &e, "engine", NULL);
}

/* Rows that could not be read are numbered before those that came with them. */
static int capture_rejects(struct reader *r, struct captures *ret) {
  struct lane *l = r->lane;
  for (struct reject *bad = r->svc.rejects.first; bad; bad = bad->next) {
    struct capture *c = l->run->capture.raw ? capture_one(l->stream, 0, NULL, bad->raw, l->run->services.budget) : NULL;
    if (l->run->capture.raw && !c)
      return no_room(r);
    bad->number = ++l->raw_numbers;
    if (!c)
      continue;
    c->first = bad->number;
    captures_add(ret, c);
  }
  return 0;
}

/* What the message has, before it goes its way: the item for it gets it. */
static int capture(struct reader *r, const struct etl_msg *m, struct captures *ret, int64_t **ret_numbers) {
  struct lane *l = r->lane;
  const struct conf_capture *to = &l->run->capture;
  if (!to->raw && !to->transformed)
    return 0;
  if (m->flags & ETL_M_SCHEMA) {
    etl_schema_release(&r->schema);
    if (etl_schema_copy(&m->schema, &r->schema) < 0)
      return no_room(r);
  }
  if (capture_rejects(r, ret) < 0)
    return -1;
  if (!m->rows.release || m->rows.length == 0)
    return 0;
  struct capture *c = to->raw ? capture_rows(l->stream, &r->schema, &m->rows, l->run->services.budget) : NULL;
  if (to->raw && !c)
    return no_room(r);
  *ret_numbers = numbers_from(l->raw_numbers + 1, m->rows.length);
  if (c) {
    c->first = l->raw_numbers + 1;
    captures_add(ret, c);
  }
  l->raw_numbers += m->rows.length;
  return 0;
}

enum end { GOES_ON, END, END_FAILED };

static int reader_push(struct reader *r, struct etl_msg *m, enum end end) {
  struct lane *l = r->lane;
  if (m->flags & ETL_M_SCHEMA)
    learn_columns(r, &m->schema);
  rejects_name_columns(&r->svc.rejects, r->columns, r->columns_n);
  struct captures captures = {0};
  int64_t *numbers = NULL;
  if (capture(r, m, &captures, &numbers) < 0) {
    captures_clear(&captures);
    etl_schema_release(&m->schema);
    etl_array_release(&m->rows);
    return -1;
  }
  struct item *it = item_new(m);
  it->captures = captures;
  it->numbers = numbers;
  r->rows += it->rows;
  it->rejected = atomic_load(&r->svc.rejected);
  if (it->rows || it->rejected != r->rejected)
    r->safe = false;
  r->rejected = it->rejected;
  if (it->msg.flags & ETL_M_CURSOR)
    r->safe = true;
  it->end = end != GOES_ON;
  it->failed = end == END_FAILED;
  it->read = r->rows + it->rejected;
  rejects_move(&r->svc.rejects, &it->rejects);
  atomic_store(&l->attempt_read, it->read);
  if (m->lag_ns >= 0)
    atomic_store(&l->lag_ns, m->lag_ns);
  int64_t wait_ns = l->gate && end == GOES_ON ? gate_take(l->gate, it->rows, it->bytes) : 0;
  it->bytes += it->rejects.bytes + it->captures.bytes;
  if (ring_push(l->from_reader, it) != RING_OK)
    return -1;
  if (wait_ns > 0)
    stop_wait(&l->stop, STOP_FINISH, wait_ns);
  return 0;
}

enum {
  CAPTURE_SHARE = 20, /* of the lane's part of the budget, a batch: it is in several hands at once, each time with its text, which is longer */
  CAPTURE_ROW_BYTES = 64
};

/* No more at once than may be read in a second, nor than there is room for. */
static uint64_t wanted(const struct lane *l, int64_t batch, int64_t per_second, int64_t unit_bytes) {
  const struct run *r = l->run;
  int64_t most = r->spec->memory_bytes / (int64_t)(r->lanes_n * CAPTURE_SHARE) / unit_bytes + 1;
  if ((r->capture.raw || r->capture.transformed) && most < batch)
    batch = most;
  return (uint64_t)(per_second > 0 && per_second < batch ? per_second : batch);
}

/* A stop was asked for before there was anything to be committed. */
static int reader_end_unread(struct reader *r) {
  struct etl_msg none = {.struct_size = sizeof none, .lag_ns = -1};
  r->lane->finished_early = true;
  return reader_push(r, &none, END) < 0 ? -1 : 1;
}

static int32_t call_open(struct reader *r, const struct etl_read *read) {
  r->svc.heeds = STOP_FINISH;
  int32_t rc = CALL(&r->svc, "reader_open", r->api->reader_open(r->lane->run->extractor.self, read, &r->handle));
  r->svc.heeds = STOP_NOW;
  return rc;
}

static int reader_begin(struct reader *r) {
  struct lane *l = r->lane;
  const struct spec *spec = l->run->spec;
  bool whole = l->stream_flags & ETL_STREAM_WHOLE;
  struct etl_stream stream = {.struct_size = sizeof stream, .flags = l->stream_flags, .name = l->stream};
  struct etl_shard shard = {.struct_size = sizeof shard, .id = l->source_shard, .token = l->token, .est_rows = -1, .est_bytes = -1};
  const struct range *window = l->windows ? &l->windows[l->window] : &(struct range){0};
  struct etl_read read = {.struct_size = sizeof read,
                          .host = &r->svc.host,
                          .stream = &stream,
                          .shard = &shard,
                          .cursor = whole || !l->at.cursor.p ? l->start : l->at.cursor,
                          .limit_rows = (uint64_t)(spec->limit_rows ? spec->limit_rows - atomic_load(&l->rows_read) : 0),
                          .range_from = window->from,
                          .range_to = window->to,
                          .want_rows = wanted(l, spec->batch_rows, spec->limits.rows_per_second, CAPTURE_ROW_BYTES),
                          .want_bytes = wanted(l, spec->batch_bytes, spec->limits.bytes_per_second, 1)};
  if (reader_enter(r) < 0)
    return -1;
  if (stop_mode(&l->stop) == STOP_FINISH) /* asked for while it waited */
    return reader_end_unread(r);
  int32_t rc = call_open(r, &read);
  if (rc == ETL_STOPPED && stop_mode(&l->stop) == STOP_FINISH)
    return reader_end_unread(r);
  if (rc != ETL_OK)
    return reader_fail(r);
  if (r->api->reader_cancel)
    lane_set_cancel(l, TARGET_READER, reader_wake, r);
  return 0;
}

/* Takes what the writer committed last, if anything.  wait: until there is something or the writer is done (then false). */
static bool reader_take_ack(struct lane *l, bool wait, struct etl_bytes *ret_cursor) {
  pthread_mutex_lock(&l->lock);
  while (wait && !l->ack.p && !l->writer_done)
    pthread_cond_wait(&l->changed, &l->lock);
  *ret_cursor = l->ack;
  l->ack = (struct etl_bytes){0};
  pthread_mutex_unlock(&l->lock);
  return ret_cursor->p != NULL;
}

static int reader_ack(struct reader *r, bool wait) {
  struct etl_bytes cursor;
  while (reader_take_ack(r->lane, wait, &cursor)) {
    int32_t rc = r->api->ack ? CALL(&r->svc, "ack", r->api->ack(r->handle, cursor)) : ETL_OK;
    free((void *)cursor.p);
    if (rc == ETL_FAILED)
      return reader_fail(r);
  }
  return 0;
}

/* The source failed.  What it gave before is good: the writer commits up to the last cursor, so that a source that fails again and again
 * still gets on. */
static int reader_give_up(struct reader *r, const struct err *e) {
  struct etl_msg none = {.struct_size = sizeof none, .lag_ns = -1};
  lane_fail_later(r->lane, e, r->svc.stage, r->svc.connector);
  r->failed = true;
  (void)reader_push(r, &none, END_FAILED);
  return 1;
}

static int reader_refuse(struct reader *r, int32_t rc) {
  struct err e;
  if (rc == ETL_FAILED)
    services_take_err(&r->svc, &e);
  else
    err_set(&e, ETL_E_INTERNAL, "connector %s: next() of %s answered %d, which means nothing here", r->svc.connector, r->lane->name, (int)rc);
  return reader_give_up(r, &e);
}

/* Nothing was read since the last cursor, nor set aside by a call that gave nothing. */
static bool at_safe_point(const struct reader *r) { return r->safe && atomic_load(&r->svc.rejected) == r->rejected; }

/* One message.  1: nothing follows, 0: go on, -1: over. */
static int reader_step(struct reader *r) {
  struct lane *l = r->lane;
  enum stop_mode mode = stop_mode(&l->stop);
  struct etl_msg m = {.struct_size = sizeof m, .lag_ns = -1};
  if (mode == STOP_NOW)
    return -1;
  if (mode == STOP_FINISH && at_safe_point(r)) {
    l->finished_early = true;
    return reader_push(r, &m, END) < 0 ? -1 : 1;
  }
  bool want = mode == STOP_FINISH || atomic_load_explicit(&l->want_cursor, memory_order_relaxed);
  int32_t rc = CALL(&r->svc, "next", r->api->next(r->handle, NEXT_WAIT_MS, want, &m));
  if (rc == ETL_OK || rc == ETL_DONE)
    return reader_push(r, &m, rc == ETL_DONE ? END : GOES_ON) < 0 ? -1 : rc == ETL_DONE;
  etl_schema_release(&m.schema);
  etl_array_release(&m.rows);
  if (rc == ETL_IDLE)
    return 0;
  if (stop_mode(&l->stop) == STOP_NOW)
    return -1;
  return reader_refuse(r, rc);
}

void *reader_main(void *lane) {
  struct reader r = {.lane = lane, .safe = true};
  part_services(&r.svc, &r.lane->run->extract, &r.lane->run->services, r.lane->name, &r.lane->stop);
  r.svc.in_hand = &r.lane->in_hand;
  r.api = part_extractor(&r.lane->run->extract);
  int rc = reader_begin(&r);
  while (rc == 0) {
    rc = reader_ack(&r, false);
    if (rc == 0)
      rc = reader_step(&r);
  }
  if (rc == 1 && !r.failed)
    (void)reader_ack(&r, true);
  else if (rc < 0)
    ring_stop(r.lane->from_reader);
  lane_set_cancel(r.lane, TARGET_READER, NULL, NULL);
  if (r.handle && services_enter(&r.svc, "reader_close") == 0) {
    r.api->reader_close(r.handle);
    services_leave(&r.svc, ETL_OK);
  }
  lane_leave_gate(r.lane);
  services_fini(&r.svc);
  forget_columns(&r);
  etl_schema_release(&r.schema);
  return NULL;
}
