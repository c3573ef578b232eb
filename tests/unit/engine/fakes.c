/* The fakes.  Rows have one column, their id. */
#include "fakes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "etl/sdk.h"

struct play play;

struct fake_reader {
  const struct etl_host *host;
  struct ArrowSchema schema;
  struct etl_batch batch;
  int64_t at; /* last id given */
  size_t step;
  bool told_schema;
  char cursor[32];
  struct stop cancelled;
};

static int32_t common_open(const struct etl_open *o, void **self) {
  *self = (void *)(uintptr_t)o->host;
  return ETL_OK;
}
static void common_close(void *self) { (void)self; }
static const struct etl_common common = {.struct_size = sizeof common, .open = common_open, .close = common_close};

/* ---- extractor ------------------------------------------------------------------------------------------------------------------------ */

static int32_t reader_open(void *self, const struct etl_read *read, void **ret) {
  (void)self;
  if (play.stops) {
    stop_ask(play.stops, STOP_FINISH);
    if (read->host->cancelled(read->host) && read->host->sleep_ms(read->host, 3600000) == ETL_STOPPED) {
      play.opens_stopped++;
      return ETL_STOPPED;
    }
  }
  struct fake_reader *r = xcalloc(1, sizeof *r);
  r->host = read->host;
  r->at = read->cursor.p ? strtoll(read->cursor.p, NULL, 10) : 0;
  play.opens_at_cursor += read->cursor.p != NULL;
  stop_init(&r->cancelled, NULL);
  etl_schema_init(&r->schema, 1);
  etl_schema_set(&r->schema, 0, "id", "l", false, NULL, NULL);
  etl_batch_init(&r->batch, r->host, &r->schema, 64);
  /* a script is about ids, so a reader that goes on skips what lies before its cursor */
  for (int64_t skipped = 0; skipped < r->at && (play.script[r->step].kind <= STEP_CURSOR || play.script[r->step].kind == STEP_SCHEMA); r->step++)
    skipped += play.script[r->step].n;
  *ret = r;
  return ETL_OK;
}

static void reader_close(void *reader) {
  struct fake_reader *r = reader;
  etl_batch_fini(&r->batch);
  etl_schema_release(&r->schema);
  stop_fini(&r->cancelled);
  free(r);
}

static void reader_cancel(void *reader) { stop_ask(&((struct fake_reader *)reader)->cancelled, STOP_NOW); }

static void give_rows(struct fake_reader *r, int64_t n, struct etl_msg *m) {
  for (int64_t i = 0; i < n; i++) {
    etl_batch_row(&r->batch);
    etl_batch_i64(&r->batch, 0, ++r->at);
  }
  etl_batch_finish(&r->batch, &m->rows);
  m->flags |= ETL_M_ROWS;
}

static void give_cursor(struct fake_reader *r, struct etl_msg *m) {
  int n = snprintf(r->cursor, sizeof r->cursor, "%lld", (long long)r->at);
  m->cursor = (struct etl_bytes){r->cursor, (uint64_t)n};
  m->flags |= ETL_M_CURSOR;
}

static int32_t fail(struct fake_reader *r, uint32_t error_class) {
  struct etl_error e = ETL_ERROR(error_class);
  play.failed_once = true;
  return etl_failf(r->host, &e, "the script says so");
}

static int32_t next(void *reader, uint64_t wait_ms, uint32_t want_cursor, struct etl_msg *m) {
  struct fake_reader *r = reader;
  const struct step *s = &play.script[r->step];
  if (!r->told_schema) {
    etl_schema_copy(&r->schema, &m->schema);
    m->flags |= ETL_M_SCHEMA;
    r->told_schema = true;
  }
  if (s->kind == STEP_FAIL && play.failed_once)
    s = &play.script[++r->step];
  switch (s->kind) {
  case STEP_FAIL: return fail(r, (uint32_t)s->n);
  case STEP_FAIL_SILENT: return ETL_FAILED;
  case STEP_BAD_ROW: {
    struct etl_error e = ETL_ERROR(ETL_E_DATA);
    e.column = 0;
    char *raw = xcalloc(play.raw_bytes + 1, 1);
    struct etl_bytes bytes = play.raw_bytes ? (struct etl_bytes){memset(raw, 'x', play.raw_bytes), play.raw_bytes} : (struct etl_bytes){"x,y", 3};
    int32_t rc = etl_reject_raw(r->host, &e, bytes, 7, "a value that cannot be read");
    free(raw);
    if (rc != ETL_OK)
      return rc;
    break;
  }
  case STEP_SCHEMA:
    if (!m->schema.release)
      etl_schema_copy(&r->schema, &m->schema);
    m->flags |= ETL_M_SCHEMA;
    break;
  case STEP_HANG: return stop_wait(&r->cancelled, STOP_NOW, 60 * NS_PER_SEC) ? ETL_STOPPED : ETL_DONE;
  case STEP_WANTED:
    if (!want_cursor)
      return stop_wait(&r->cancelled, STOP_NOW, (int64_t)wait_ms * NS_PER_MS / 20) ? ETL_STOPPED : m->flags ? ETL_OK : ETL_IDLE;
    give_cursor(r, m);
    break;
  case STEP_END: return ETL_DONE;
  default:
    if (s->kind != STEP_CURSOR)
      give_rows(r, s->n, m);
    if (s->kind != STEP_ROWS)
      give_cursor(r, m);
  }
  r->step += s->kind != STEP_FOREVER;
  return ETL_OK;
}

static const struct etl_extractor extractor = {.struct_size = sizeof extractor, .reader_open = reader_open, .next = next, .reader_close = reader_close,
                                               .reader_cancel = reader_cancel};

/* ---- loader ------------------------------------------------------------------------------------------------------------------------------ */

static struct { /* the transaction in hand */
  int64_t rows, last, odd, even;
  bool holes, careful, refused;
  int rejected;
  int64_t rejected_epoch;
} pending;

static int32_t committed(void *self, int32_t (*each)(void *arg, const struct etl_cursor *), void *arg) {
  char text[32];
  struct etl_error e = ETL_ERROR(ETL_E_RETRYABLE);
  if (play.commits && play.silent && play.silent--)
    return etl_failf(self, &e, "the sink does not answer");
  int n = snprintf(text, sizeof text, "%lld", (long long)play.cursor);
  struct etl_cursor c = {.struct_size = sizeof c, .stream = "s", .shard = "0", .epoch = play.epoch, .cursor = {text, (uint64_t)n}};
  return play.epoch ? each(arg, &c) : ETL_OK;
}

static int32_t prepare(void *self, const struct etl_stream *stream, const struct ArrowSchema *schema) {
  (void)self, (void)stream, (void)schema;
  play.prepares++;
  return ETL_OK;
}

static int32_t begin(void *self, const struct etl_txn *txn) {
  (void)self;
  play.begins++;
  memset(&pending, 0, sizeof pending);
  pending.last = play.last_id;
  pending.careful = txn->flags & ETL_TXN_CAREFUL;
  play.careful += pending.careful;
  return ETL_OK;
}

static int32_t refuse(const struct etl_host *host) {
  struct etl_error e = ETL_ERROR(ETL_E_DATA);
  return etl_failf(host, &e, "the sink refuses a row");
}

static int32_t write_rows(void *self, const struct etl_stream *stream, struct etl_msg *m) {
  struct etl_view v;
  struct etl_error e = ETL_ERROR(ETL_E_DATA);
  int32_t rc = ETL_OK;
  etl_view_init(&v, stream->schema, &m->rows, 0);
  for (int64_t i = 0; i < m->rows.length && rc == ETL_OK; i++) {
    int64_t id = etl_view_i64(&v, i);
    if (id == play.refused && pending.careful)
      rc = etl_reject(self, &e, NULL, stream->schema, &m->rows, i, "the sink refuses this row");
    else if (id == play.refused && !play.refuses_late)
      rc = refuse(self);
    pending.refused |= id == play.refused && !pending.careful;
    pending.holes |= id != pending.last + 1;
    pending.last = id;
    pending.rows += id != play.refused;
    pending.odd += strcmp(stream->name, "odd") == 0;
    pending.even += strcmp(stream->name, "even") == 0;
  }
  etl_array_release(&m->rows);
  return rc;
}

static int32_t settle(void *self) {
  struct etl_error e = ETL_ERROR(play.settle_class);
  if (play.settle_class)
    return etl_failf(self, &e, "the sink cannot settle");
  return pending.refused ? refuse(self) : ETL_OK;
}

static int32_t reject(void *self, const struct etl_rejected *const *rows, uint64_t n) {
  (void)self;
  pending.rejected += (int)n;
  pending.rejected_epoch = (int64_t)rows[0]->epoch;
  snprintf(play.rejected_raw, sizeof play.rejected_raw, "%s", rows[0]->raw);
  snprintf(play.rejected_stage, sizeof play.rejected_stage, "%s", rows[0]->stage);
  return ETL_OK;
}

static int32_t commit(void *self, const struct etl_cursor *const *to, uint64_t to_n) {
  const struct etl_host *host = self;
  enum answer a = ++play.commits == play.answer_at || play.answer_at < 0 ? play.answer : ANSWER_OK;
  (void)to_n;
  if (a == ANSWER_OK || a == ANSWER_LOST_AFTER) {
    play.rows += pending.rows;
    play.last_id = pending.last;
    play.holes |= pending.holes;
    play.odd += pending.odd;
    play.even += pending.even;
    play.rejected += pending.rejected;
    play.rejected_epoch = pending.rejected ? pending.rejected_epoch : play.rejected_epoch;
    play.largest_epoch = pending.rows > play.largest_epoch ? pending.rows : play.largest_epoch;
    play.epoch = to[0]->epoch;
    play.cursor = strtoll(to[0]->cursor.p, NULL, 10);
  }
  if (a == ANSWER_OK)
    return ETL_OK;
  struct etl_error e = ETL_ERROR(a == ANSWER_FAIL ? play.answer_class : (uint32_t)ETL_E_INDOUBT);
  return etl_failf(host, &e, "the commit was not answered well");
}

static int32_t abort_epoch(void *self) {
  (void)self;
  play.aborts++;
  return ETL_OK;
}

static const struct etl_loader loader = {.struct_size = sizeof loader, .committed = committed, .prepare = prepare, .begin = begin, .write = write_rows,
                                         .commit = commit, .abort = abort_epoch, .settle = settle, .reject = reject};

/* ---- transformers ------------------------------------------------------------------------------------------------------------------------ */

struct transformer {
  const struct etl_host *host;
  struct etl_msg held[64];
  size_t held_n;
};

static int32_t transformer_open(const struct etl_open *o, void **self) {
  struct transformer *t = xcalloc(1, sizeof *t);
  t->host = o->host;
  *self = t;
  return ETL_OK;
}

static void transformer_close(void *self) {
  struct transformer *t = self;
  for (size_t i = 0; i < t->held_n; i++)
    etl_array_release(&t->held[i].rows);
  free(t);
}

static int32_t bind_same(void *self, const struct etl_stream *in, int32_t (*out)(void *arg, const struct etl_stream *), void *arg) {
  (void)self;
  return out(arg, in);
}

static void id_schema(struct ArrowSchema *ret) {
  etl_schema_init(ret, 1);
  etl_schema_set(ret, 0, "id", "l", false, NULL, NULL);
}

/* Rows for which keep says so, each `times` times; they are left alone. */
static int32_t emit_to(struct transformer *t, const char *stream, const struct ArrowArray *rows, const struct etl_sink *sink,
                       bool (*keep)(int64_t), int times) {
  struct ArrowSchema schema;
  struct etl_batch batch;
  struct etl_view v;
  struct etl_msg out = {.struct_size = sizeof out, .flags = ETL_M_ROWS, .stream = stream, .lag_ns = -1};
  id_schema(&schema);
  etl_batch_init(&batch, t->host, &schema, 64);
  etl_view_init(&v, &schema, rows, 0);
  for (int64_t i = 0; i < rows->length; i++)
    for (int k = 0; k < times && keep(etl_view_i64(&v, i)); k++) {
      etl_batch_row(&batch);
      etl_batch_i64(&batch, 0, etl_view_i64(&v, i));
    }
  etl_batch_finish(&batch, &out.rows);
  etl_batch_fini(&batch);
  etl_schema_release(&schema);
  return sink->emit(sink, &out);
}

static int32_t emit_some(struct transformer *t, struct etl_msg *in, const struct etl_sink *sink, bool (*keep)(int64_t), int times) {
  int32_t rc = emit_to(t, NULL, &in->rows, sink, keep, times);
  etl_array_release(&in->rows);
  return rc;
}

static bool is_odd(int64_t id) { return id % 2; }
static bool all(int64_t id) { return id > 0; }
static int32_t odd(void *self, struct etl_msg *in, const struct etl_sink *sink) { return emit_some(self, in, sink, is_odd, 1); }
static int32_t nothing(void *self, struct etl_msg *in, const struct etl_sink *sink) {
  (void)self, (void)sink;
  etl_array_release(&in->rows);
  return ETL_OK;
}
static int32_t twice(void *self, struct etl_msg *in, const struct etl_sink *sink) { return emit_some(self, in, sink, all, 2); }

static int32_t hold(void *self, struct etl_msg *in, const struct etl_sink *sink) {
  struct transformer *t = self;
  (void)sink;
  t->held[t->held_n] = (struct etl_msg){.struct_size = sizeof *in, .flags = ETL_M_ROWS, .lag_ns = -1};
  etl_array_move(&in->rows, &t->held[t->held_n++].rows);
  return ETL_OK;
}

static int32_t give_held(void *self, const struct etl_sink *sink) {
  struct transformer *t = self;
  int32_t rc = ETL_OK;
  for (size_t i = 0; i < t->held_n; i++)
    rc = rc == ETL_OK ? sink->emit(sink, &t->held[i]) : rc;
  t->held_n = rc == ETL_OK ? 0 : t->held_n;
  return rc;
}

static bool is_even(int64_t id) { return id % 2 == 0; }

static int32_t bind_parity(void *self, const struct etl_stream *in, int32_t (*out)(void *arg, const struct etl_stream *), void *arg) {
  struct etl_stream one = *in;
  (void)self;
  one.name = "odd";
  int32_t rc = out(arg, &one);
  one.name = "even";
  return rc == ETL_OK ? out(arg, &one) : rc;
}

static int32_t bind_late(void *self, const struct etl_stream *in, int32_t (*out)(void *arg, const struct etl_stream *), void *arg) {
  struct etl_stream one = *in;
  one.name = "odd";
  return ++play.binds == 2 ? bind_parity(self, in, out, arg) : out(arg, &one);
}

static int32_t late(void *self, struct etl_msg *in, const struct etl_sink *sink) {
  struct transformer *t = self;
  int32_t rc = emit_to(t, "odd", &in->rows, sink, is_odd, 1);
  if (rc == ETL_OK && play.binds == 2)
    rc = emit_to(t, "even", &in->rows, sink, is_even, 1);
  etl_array_release(&in->rows);
  return rc;
}

static int32_t parity(void *self, struct etl_msg *in, const struct etl_sink *sink) {
  struct transformer *t = self;
  int32_t rc = emit_to(t, "odd", &in->rows, sink, is_odd, 1);
  if (rc == ETL_OK)
    rc = emit_to(t, "even", &in->rows, sink, is_even, 1);
  etl_array_release(&in->rows);
  return rc;
}

static bool no_ten(int64_t id) { return id % 10 != 0; }

static int32_t refuse_tenth(void *self, struct etl_msg *in, const struct etl_sink *sink) {
  struct transformer *t = self;
  struct etl_error e = ETL_ERROR(ETL_E_DATA);
  struct ArrowSchema schema;
  struct etl_view v;
  id_schema(&schema);
  etl_view_init(&v, &schema, &in->rows, 0);
  int32_t rc = ETL_OK;
  for (int64_t i = 0; i < in->rows.length && rc == ETL_OK; i++)
    if (!no_ten(etl_view_i64(&v, i)))
      rc = etl_reject(t->host, &e, NULL, &schema, &in->rows, i, "a tenth row");
  etl_schema_release(&schema);
  return rc == ETL_OK ? emit_some(t, in, sink, no_ten, 1) : rc;
}

static const struct etl_common transformer_common = {
  .struct_size = sizeof transformer_common, .open = transformer_open, .close = transformer_close};
static const struct {
  const char *name;
  struct etl_transformer api;
} transformers[] = {
  {"odd", {.struct_size = sizeof(struct etl_transformer), .bind = bind_same, .process = odd}},
  {"parity", {.struct_size = sizeof(struct etl_transformer), .bind = bind_parity, .process = parity}},
  {"late", {.struct_size = sizeof(struct etl_transformer), .bind = bind_late, .process = late}},
  {"refuse", {.struct_size = sizeof(struct etl_transformer), .bind = bind_same, .process = refuse_tenth}},
  {"nothing", {.struct_size = sizeof(struct etl_transformer), .bind = bind_same, .process = nothing}},
  {"twice", {.struct_size = sizeof(struct etl_transformer), .bind = bind_same, .process = twice}},
  {"hold", {.struct_size = sizeof(struct etl_transformer), .bind = bind_same, .process = hold, .flush = give_held}}};

/* ---- the stage ------------------------------------------------------------------------------------------------------------------------------ */

static void part_init(struct part *p, struct arena *a, const char *stage, const char *name, enum etl_kind kind, const struct etl_common *c,
                      const void *api) {
  struct etl_connector *conn = arena_alloc(a, sizeof *conn);
  *conn = (struct etl_connector){.struct_size = sizeof *conn, .kind = kind, .name = name, .version = "1", .summary = "", .common = c, .api = api};
  *p = (struct part){.conn = conn, .stage = stage};
  turn_init(&p->turn);
}

void stage_init(struct stage *s, const struct step *script, const char *const *names) {
  *s = (struct stage){0};
  play = (struct play){.script = script};
  s->calls = xcalloc(1, sizeof *s->calls);
  s->spec = (struct spec){.pipeline = "p", .run = "r1", .epoch_rows = 1000000, .epoch_bytes = INT64_MAX, .epoch_time_ns = 3600 * NS_PER_SEC,
                          .batch_rows = 64, .batch_bytes = 1 << 20, .memory_bytes = 64 << 20, .retry = {.max_retries = 3}};
  run_init(&s->run, &s->spec, -1, s->calls);
  struct arena *a = s->run.arena;
  part_init(&s->run.extract, a, "extract", "script", ETL_KIND_EXTRACTOR, &common, &extractor);
  part_init(&s->run.load, a, "load", "sink", ETL_KIND_LOADER, &common, &loader);
  s->run.transforms = arena_alloc(a, 4 * sizeof *s->run.transforms);
  s->spec.transforms = arena_alloc(a, 4 * sizeof *s->spec.transforms);
  s->run.loader_caps = ETL_CAP_CAREFUL;
  for (; names && *names; names++)
    for (size_t i = 0; i < sizeof transformers / sizeof *transformers; i++)
      if (strcmp(transformers[i].name, *names) == 0)
        part_init(&s->run.transforms[s->spec.transforms_n++], a, "transform", *names, ETL_KIND_TRANSFORMER, &transformer_common, &transformers[i].api);
}

void stage_enter(struct stage *s) {
  struct etl_stream stream = {.struct_size = sizeof stream, .name = "s", .flags = play.stream_flags};
  struct etl_shard shard = {.struct_size = sizeof shard, .id = "0", .est_rows = -1, .est_bytes = -1};
  lane_init(&s->lane, &s->run, s->run.arena, &stream, &shard);
  s->run.lanes = &s->lane;
  s->run.lanes_n = 1;
}

enum lane_status stage_run(struct stage *s) {
  lane_main(&s->lane);
  return (enum lane_status)atomic_load(&s->lane.status);
}

enum lane_status stage_play(struct stage *s) {
  stage_enter(s);
  return stage_run(s);
}

void stage_fini(struct stage *s) {
  lane_fini(&s->lane);
  s->run.lanes = NULL; /* it is ours */
  s->run.lanes_n = 0;
  run_fini(&s->run);
  free(s->calls);
}
