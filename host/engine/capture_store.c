/* Records of a lane on their last way: collected beside the rows of the epoch in hand, given to the loader in pieces, corrected when it
 * refuses a row.  The lane's own thread. */
#include <stdlib.h>
#include <string.h>

#include "engine/writer.h"
#include "etl/sdk.h"

enum {
  STORE_BYTES = 1 << 20, /* so much is worth a call */
  STORE_SHARE = 8        /* of the lane's part of the budget, at the most, waits for it */
};

static const struct etl_capture *api_of(const struct instance *loader) {
  const struct etl_common *common = loader->part->conn->common;
  return common->ext ? common->ext(loader->self, ETL_EXT_CAPTURE) : NULL;
}

const struct etl_capture *captures_api(const struct writer *w) { return api_of(&w->inst); }

static bool capturing(const struct writer *w) {
  const struct conf_capture *c = &w->lane->run->capture;
  return c->raw || c->transformed;
}

int captures_open(struct run *r, struct instance *loader, struct err *e) {
  const struct conf_capture *c = &r->capture;
  const struct etl_capture *api = api_of(loader);
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

static int add(struct writer *w, struct capture *c) {
  int rc = !w->open && epoch_begin(w) < 0 ? -1 : ids_give(w, c);
  captures_add(&w->captures, c);
  return rc;
}

/* A row that a stage set aside, with its place among the rows as they came. */
static int add_reject(struct writer *w, const struct reject *r, const char *stream) {
  struct capture *c = capture_one(stream, ETL_CAPTURED_QUARANTINED, r->message, r->raw, NULL);
  if (!c)
    return no_room(w);
  c->raw[0] = r->number;
  return add(w, c);
}

int captures_take(struct writer *w, struct item *it) {
  if (!capturing(w))
    return 0;
  if (it->captures.first && !w->open && epoch_begin(w) < 0)
    return -1;
  for (struct capture *c = it->captures.first; c; c = c->next)
    if (ids_give(w, c) < 0)
      return -1;
  captures_move(&it->captures, &w->captures);
  for (const struct reject *r = it->rejects.first; r && w->lane->run->capture.transformed; r = r->next)
    if (add_reject(w, r, r->stream ? r->stream : w->lane->stream) < 0)
      return -1;
  return 0;
}

/* In a careful epoch the loader may refuse a row when it does not know any more which one of a batch it was: then by what it holds. */
static void remember(struct writer *w, const struct capture *c) {
  const char *text = c->text;
  w->known = xrealloc(w->known, (size_t)(w->known_n + c->n) * sizeof *w->known);
  for (int64_t i = 0; i < c->n; i++, text += strlen(text) + 1)
    w->known[w->known_n++] = (struct known){.hash = reject_hash((struct etl_bytes){text, strlen(text)}), .id = c->first + i};
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
  if (add(w, c) < 0)
    return -1;
  if (w->careful)
    remember(w, c);
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
  const struct etl_captured **list;
  struct etl_captured *records;
  size_t n, room;
};

static struct etl_captured *tell(struct telling *t) {
  if (t->n == t->room) {
    t->room = 2 * t->room + 16;
    t->records = xrealloc(t->records, t->room * sizeof *t->records);
  }
  t->records[t->n] = (struct etl_captured){.struct_size = sizeof *t->records};
  return &t->records[t->n++];
}

static const struct etl_captured *const *told(struct telling *t) {
  t->list = xcalloc(t->n, sizeof *t->list);
  for (size_t i = 0; i < t->n; i++)
    t->list[i] = &t->records[i];
  return t->list;
}

static void telling_fini(struct telling *t) {
  free(t->list);
  free(t->records);
}

static const char *behind(const char *texts, int64_t n) {
  for (; texts && n > 0; n--)
    texts += strlen(texts) + 1;
  return texts;
}

/* Those that became the same go together. */
static void tell_all(struct telling *t, const struct capture *c, const char *source) {
  static const struct capture_change none;
  const char *text = c->text;
  int64_t row = c->first_row;
  for (int64_t i = 0, n; i < c->n; i += n) {
    const struct capture_change *change = c->changes ? &c->changes[i] : &none;
    for (n = c->changes ? 1 : c->n; i + n < c->n && !change->status && !change[n].status; n++)
      ;
    struct etl_captured *one = tell(t);
    one->status = change->status ? change->status : c->status;
    one->reason = change->status ? change->reason : c->reason;
    one->id = c->first + i;
    one->n = (uint64_t)n;
    one->raw = c->raw ? c->raw + i : NULL;
    one->row = one->status == ETL_CAPTURED_VALID ? row : 0;
    one->at_ns = c->at_ns;
    one->source = c->status ? NULL : source;
    one->data = text;
    row += one->row ? n : 0;
    text = i + n < c->n ? behind(text, n) : NULL;
  }
}

int captures_store(struct writer *w) {
  const struct spec_stage *extract = &w->lane->run->spec->extract;
  struct telling t = {0};
  if (!w->captures.first)
    return 0;
  for (const struct capture *c = w->captures.first; c; c = c->next)
    tell_all(&t, c, extract->conf.connection ? extract->conf.connection : extract->conf.plugin);
  const struct etl_capture *api = captures_api(w);
  int32_t rc = CALL(&w->inst.svc, "store", api->store(w->inst.self, told(&t), t.n));
  telling_fini(&t);
  captures_clear(&w->captures);
  return rc == ETL_OK ? 0 : rc == ETL_FAILED ? writer_fail(w) : -1;
}

int captures_store_some(struct writer *w) {
  const struct run *r = w->lane->run;
  int64_t share = r->spec->memory_bytes / (int64_t)(r->lanes_n * STORE_SHARE);
  return w->captures.bytes >= (share < STORE_BYTES ? share : STORE_BYTES) ? captures_store(w) : 0;
}

/* Of a row that the loader has settled on refusing: its record was stored as a valid one. */
static int revise_one(struct writer *w, const struct reject *r, struct telling *t) {
  int64_t i = 0;
  while (i < w->known_n && (w->known[i].hash != r->hash || !w->known[i].id))
    i++;
  if (i == w->known_n)
    return add_reject(w, r, r->stream);
  struct etl_captured *one = tell(t);
  one->status = ETL_CAPTURED_QUARANTINED;
  one->reason = r->message;
  one->id = w->known[i].id;
  one->n = 1;
  w->known[i].id = 0;
  return 0;
}

int captures_settled(struct writer *w, const struct reject *refused) {
  struct telling t = {0};
  int32_t rc = ETL_OK;
  int failed = 0;
  for (const struct reject *r = refused; r && failed == 0 && w->lane->run->capture.transformed; r = r->next)
    failed = revise_one(w, r, &t);
  const struct etl_capture *api = t.n ? captures_api(w) : NULL;
  if (failed == 0 && api)
    rc = CALL(&w->inst.svc, "revise", api->revise(w->inst.self, told(&t), t.n));
  telling_fini(&t);
  if (failed == 0 && rc != ETL_OK)
    failed = rc == ETL_FAILED ? writer_fail(w) : -1;
  return failed == 0 ? captures_store(w) : -1;
}

/* ---- the run -------------------------------------------------------------------------------------------------------------------------- */

int captures_create(struct run *r) {
  struct err e;
  if (!r->capture.raw && !r->capture.transformed)
    return 0;
  const struct etl_capture *api = api_of(&r->control);
  if (CALL(&r->control.svc, "create", api->create(r->control.self)) == ETL_OK)
    return 0;
  services_take_err(&r->control.svc, &e);
  return stop_mode(&r->stop) == STOP_NOW ? -1 : run_fail(r, &e, &r->load);
}

void captures_prune(struct run *r, int64_t now_ns) {
  uint64_t lots = 1;
  int32_t rc = ETL_OK;
  struct err e;
  if ((!r->capture.raw && !r->capture.transformed) || r->capture.keep_ns == 0 || !r->control.self || stop_mode(&r->stop) == STOP_NOW)
    return;
  const struct etl_capture *api = api_of(&r->control);
  while (rc == ETL_OK && lots > 0 && stop_mode(&r->stop) != STOP_NOW)
    rc = CALL(&r->control.svc, "prune", api->prune(r->control.self, now_ns - r->capture.keep_ns, &lots));
  if (rc == ETL_OK)
    return;
  services_take_err(&r->control.svc, &e);
  report_event(&r->report, "log",
               json_pack("{s:s, s:o}", "level", "warning", "message", json_sprintf("old captured records were not deleted: %s", e.message)));
}
