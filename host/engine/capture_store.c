/* Records of a lane on their last way: collected beside the rows of the epoch in hand, given to the loader in pieces, corrected when it
 * refuses a row.  The lane's own thread. */
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "engine/writer.h"
#include "etl/sdk.h"

enum {
  STORE_BYTES = 1 << 20, /* so much is worth a call */
  STORE_SHARE = 8        /* of the lane's part of the budget, at the most, waits for it */
};

static const struct etl_capture *extension(const struct writer *w) {
  const struct etl_common *common = w->inst.part->conn->common;
  return common->ext ? common->ext(w->inst.self, ETL_EXT_CAPTURE) : NULL;
}

static bool capturing(const struct writer *w) {
  const struct conf_capture *c = &w->lane->run->capture;
  return c->raw || c->transformed;
}

int captures_open(struct run *r, struct instance *loader, struct err *e) {
  const struct conf_capture *c = &r->capture;
  const struct etl_common *common = loader->part->conn->common;
  const struct etl_capture *api = common->ext ? common->ext(loader->self, ETL_EXT_CAPTURE) : NULL;
  struct etl_capture_tables t = {.struct_size = sizeof t,
                                 .raw = c->raw,
                                 .transformed = c->transformed,
                                 .raw_table = c->raw_table,
                                 .transformed_table = c->transformed_table};
  if (!c->raw && !c->transformed)
    return 0;
  if (!api) {
    err_set(e, ETL_E_CONFIG, "the loader %s cannot keep records beside its target, as 'capture' of pipeline '%s' asks for", loader->part->conn->name,
            r->spec->pipeline);
    return err_remedy(e, "leave 'capture' out, or load into a sink that can");
  }
  return CALL(&loader->svc, "tables", api->tables(loader->self, &t)) == ETL_OK ? 0 : services_take_err(&loader->svc, e);
}

static int no_room(struct writer *w) {
  struct err e;
  err_set(&e, ETL_E_PERMANENT, "there is no room in memory to capture the rows of %s as they are loaded", w->lane->name);
  err_remedy(&e, "raise memory of the pipeline, or lower rows or bytes of batch");
  return lane_fail(w->lane, &e, "engine", NULL);
}

/* ---- collecting --------------------------------------------------------------------------------------------------------------------- */

static void number(struct writer *w, struct capture *c) {
  if (!c->status)
    return;
  c->first = w->lane->loaded_numbers + 1;
  w->lane->loaded_numbers += c->n;
}

/* A row that a stage set aside, with its place among the rows as they came. */
static int add_reject(struct writer *w, const struct reject *r, const char *stream) {
  struct capture *c = capture_one(stream, ETL_CAPTURED_QUARANTINED, r->message, r->raw, NULL);
  if (!c)
    return no_room(w);
  c->raw[0] = r->number;
  number(w, c);
  captures_add(&w->captures, c);
  return 0;
}

int captures_take(struct writer *w, struct item *it) {
  if (!capturing(w))
    return 0;
  for (struct capture *c = it->captures.first; c; c = c->next)
    number(w, c);
  captures_move(&it->captures, &w->captures);
  for (const struct reject *r = it->rejects.first; r && w->lane->run->capture.transformed; r = r->next)
    if (add_reject(w, r, r->stream ? r->stream : w->lane->stream) < 0)
      return -1;
  return 0;
}

static uint64_t hash_of(const char *json) { return XXH3_64bits(json, strlen(json)); }

/* In a careful epoch the loader may refuse a row when it does not know any more which one of a batch it was: then by what it holds. */
static void remember(struct writer *w, const struct capture *c) {
  const char *text = c->text;
  w->known = xrealloc(w->known, (size_t)(w->known_n + c->n) * sizeof *w->known);
  for (int64_t i = 0; i < c->n; i++, text += strlen(text) + 1)
    w->known[w->known_n++] = (struct known){.hash = hash_of(text), .number = c->first + i};
}

int captures_rows(struct writer *w, const struct writer_out *o, struct item *it, struct capture **ret) {
  *ret = NULL;
  if (!w->lane->run->capture.transformed)
    return 0;
  struct capture *c = capture_rows(o->stream.name, &o->schema, &it->msg.rows, NULL);
  if (!c)
    return no_room(w);
  c->status = ETL_CAPTURED_VALID;
  c->raw = it->numbers ? it->numbers : xcalloc((size_t)c->n + 1, sizeof *c->raw);
  it->numbers = NULL;
  number(w, c);
  if (w->careful)
    remember(w, c);
  captures_add(&w->captures, c);
  *ret = c;
  return 0;
}

void captures_written(struct writer_out *o, struct capture *c, const struct reject *refused) {
  int64_t valid = c->n;
  for (const struct reject *r = refused; r; r = r->next)
    if (r->row >= 0 && r->row < c->n && strcmp(r->stream, c->stream) == 0) {
      capture_change(c, r->row, ETL_CAPTURED_QUARANTINED, r->message);
      valid--;
    }
  c->first_row = o->captured + 1;
  o->captured += valid;
}

/* ---- storing ------------------------------------------------------------------------------------------------------------------------ */

struct telling { /* records as the ABI wants them */
  struct writer *w;
  struct arena *a;
  const struct etl_captured **list;
  uint64_t n;
};

/* Of the same width, as an index takes them best in order. */
static const char *id_of(struct telling *t, int64_t number) {
  const struct lane *l = t->w->lane;
  return number ? arena_printf(t->a, "%s.%zu.%011lld", l->run->spec->run, (size_t)(l - l->run->lanes) + 1, (long long)number) : NULL;
}

static struct etl_captured *tell(struct telling *t, int64_t number) {
  const struct lane *l = t->w->lane;
  struct etl_captured *one = arena_alloc(t->a, sizeof *one);
  *one = (struct etl_captured){
      .struct_size = sizeof *one, .id = id_of(t, number), .stream = l->stream, .shard = l->shard, .epoch = l->at.epoch + 1};
  t->list[t->n++] = one;
  return one;
}

static void tell_all(struct telling *t, const struct capture *c) {
  const struct spec_stage *extract = &t->w->lane->run->spec->extract;
  const char *text = c->text;
  int64_t row = c->first_row;
  for (int64_t i = 0; i < c->n; i++) {
    const struct capture_change *change = c->changes && c->changes[i].status ? &c->changes[i] : NULL;
    struct etl_captured *one = tell(t, c->first + i);
    one->status = change ? change->status : c->status;
    one->reason = change ? change->reason : c->reason;
    one->raw_id = c->raw && t->w->lane->run->capture.raw ? id_of(t, c->raw[i]) : NULL;
    one->table_stream = c->stream;
    one->row = one->status == ETL_CAPTURED_VALID ? row++ : 0;
    one->at_ns = c->at_ns;
    one->source = c->status ? NULL : extract->conf.connection ? extract->conf.connection : extract->conf.plugin;
    one->data = text;
    text += text ? strlen(text) + 1 : 0;
  }
}

int captures_store(struct writer *w) {
  const struct etl_capture *api;
  if (!w->captures.first)
    return 0;
  if (!w->open && epoch_begin(w) < 0)
    return -1;
  struct telling t = {.w = w, .a = arena_new()};
  t.list = arena_alloc(t.a, (size_t)w->captures.n * sizeof *t.list);
  for (const struct capture *c = w->captures.first; c; c = c->next)
    tell_all(&t, c);
  api = extension(w);
  int32_t rc = CALL(&w->inst.svc, "store", api->store(w->inst.self, t.list, t.n));
  arena_free(t.a);
  captures_clear(&w->captures);
  return rc == ETL_OK ? 0 : rc == ETL_FAILED ? writer_fail(w) : -1;
}

int captures_store_some(struct writer *w) {
  const struct run *r = w->lane->run;
  int64_t share = r->spec->memory_bytes / (int64_t)(r->lanes_n * STORE_SHARE);
  return w->captures.bytes >= (share < STORE_BYTES ? share : STORE_BYTES) ? captures_store(w) : 0;
}

/* Of a row that the loader has settled on refusing: its record was stored as a valid one. */
static int revise(struct writer *w, const struct reject *r) {
  uint64_t hash = hash_of(r->raw);
  int64_t i = 0;
  while (i < w->known_n && (w->known[i].hash != hash || !w->known[i].number))
    i++;
  if (i == w->known_n)
    return add_reject(w, r, r->stream);
  struct telling t = {.w = w, .a = arena_new()};
  t.list = arena_alloc(t.a, sizeof *t.list);
  struct etl_captured *one = tell(&t, w->known[i].number);
  one->status = ETL_CAPTURED_QUARANTINED;
  one->reason = r->message;
  one->table_stream = r->stream;
  w->known[i].number = 0;
  const struct etl_capture *api = extension(w);
  int32_t rc = CALL(&w->inst.svc, "revise", api->revise(w->inst.self, one));
  arena_free(t.a);
  return rc == ETL_OK ? 0 : rc == ETL_FAILED ? writer_fail(w) : -1;
}

int captures_settled(struct writer *w, const struct reject *refused) {
  int rc = 0;
  for (const struct reject *r = refused; r && rc == 0 && w->lane->run->capture.transformed; r = r->next)
    rc = revise(w, r);
  return rc == 0 ? captures_store(w) : -1;
}

/* ---- the run -------------------------------------------------------------------------------------------------------------------------- */

int captures_create(struct run *r) {
  const struct etl_common *common = r->load.conn->common;
  struct err e;
  if (!r->capture.raw && !r->capture.transformed)
    return 0;
  const struct etl_capture *api = common->ext(r->control.self, ETL_EXT_CAPTURE);
  if (CALL(&r->control.svc, "create", api->create(r->control.self)) == ETL_OK)
    return 0;
  services_take_err(&r->control.svc, &e);
  return stop_mode(&r->stop) == STOP_NOW ? -1 : run_fail(r, &e, &r->load);
}

void captures_prune(struct run *r, int64_t now_ns) {
  const struct etl_common *common = r->load.conn->common;
  uint64_t pruned = 0;
  struct err e;
  if ((!r->capture.raw && !r->capture.transformed) || r->capture.keep_ns == 0 || !r->control.self || stop_mode(&r->stop) == STOP_NOW)
    return;
  const struct etl_capture *api = common->ext(r->control.self, ETL_EXT_CAPTURE);
  if (CALL(&r->control.svc, "prune", api->prune(r->control.self, now_ns - r->capture.keep_ns, &pruned)) == ETL_OK)
    return;
  services_take_err(&r->control.svc, &e);
  report_event(&r->report, "log",
               json_pack("{s:s, s:o}", "level", "warning", "message", json_sprintf("old captured records were not deleted: %s", e.message)));
}
