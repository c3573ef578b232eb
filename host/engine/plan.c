/* What a run would do, asked of all connectors: the "plan" event of events.md.  Nothing is claimed and nothing written.  A shard
 * that cannot be asked has its error, and the others go on. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "engine/crew.h"
#include "engine/guarantee.h"
#include "engine/identity.h"
#include "engine/pieces.h"
#include "engine/reach.h"
#include "engine/walk.h"
#include "etl/sdk.h"

enum {
  CURSOR_MAX_BYTES = 1024
}; /* of a cursor that is shown */

struct plan {
  struct run *r;
  const struct etl_explain *load; /* NULL: the loader does not explain itself */
};

static void set_text(json_t *j, const char *key, const char *text) {
  if (text)
    json_object_set_new(j, key, report_text(text, strlen(text)));
}

/* ---- items ----------------------------------------------------------------------------------------------------------------------
 */

static json_t *item_json(const char *kind, const char *text, bool warn) {
  json_t *j = json_object();
  set_text(j, "kind", kind);
  set_text(j, "text", text);
  if (warn)
    json_object_set_new(j, "warn", json_true());
  return j;
}

static int32_t take_item(void *arg, const struct etl_explain_item *i) {
  static const char *const kinds[] = {
      [ETL_EXPLAIN_SQL] = "sql", [ETL_EXPLAIN_INDEX] = "index", [ETL_EXPLAIN_TYPE] = "type", [ETL_EXPLAIN_NOTE] = "note"};
  bool known = i->kind >= ETL_EXPLAIN_SQL && i->kind <= ETL_EXPLAIN_NOTE;
  json_t *j = item_json(known ? kinds[i->kind] : "note", i->text, i->flags & ETL_EXPLAIN_WARN);
  set_text(j, "subject", i->subject);
  set_text(j, "from", i->from);
  set_text(j, "to", i->to);
  if (i->flags & ETL_EXPLAIN_LOSSY)
    json_object_set_new(j, "lossy", json_true());
  json_array_append_new(arg, j);
  return ETL_OK;
}

static json_t *silent(const struct part *p, const char *what) {
  cleanup_free char *text = xasprintf("connector %s does not say %s", p->conn->name, what);
  return item_json("note", text, false);
}

/* ---- one lane -------------------------------------------------------------------------------------------------------------------
 */

/* Text as it is, anything else in hexadecimal; long ones are cut. */
static void set_cursor(json_t *lane, struct etl_bytes cursor) {
  size_t n = cursor.n < CURSOR_MAX_BYTES ? cursor.n : CURSOR_MAX_BYTES;
  const unsigned char *p = cursor.p;
  bool printable = text_is_utf8(cursor.p, n);
  for (size_t i = 0; printable && i < n; i++)
    printable = p[i] >= ' ' && p[i] != 0x7f;
  if (printable) {
    json_object_set_new(lane, "cursor", json_stringn(cursor.p, n));
    return;
  }
  cleanup_free char *hex = xcalloc(2 * n + 3, 1);
  memcpy(hex, "0x", 2);
  for (size_t i = 0; i < n; i++) {
    hex[2 * i + 2] = "0123456789abcdef"[p[i] >> 4];
    hex[2 * i + 3] = "0123456789abcdef"[p[i] & 15];
  }
  json_object_set_new(lane, "cursor", json_string(hex));
}

static json_t *columns_json(const struct ArrowSchema *s) {
  json_t *columns = json_array();
  for (int64_t i = 0; i < s->n_children; i++) {
    json_t *c = json_object();
    set_text(c, "name", s->children[i]->name);
    set_text(c, "type", s->children[i]->format);
    json_array_append_new(columns, c);
  }
  return columns;
}

struct asking { /* one lane */
  const struct plan *p;
  const struct lane *lane;
  json_t *extract, *transforms, *load;
  struct ArrowSchema schema; /* as the extractor told it */
  int rc;                    /* -1: e */
  struct err e;
};

static int32_t take_source_item(void *arg, const struct etl_explain_item *i) { return take_item(((struct asking *)arg)->extract, i); }

/* Any thread of the crew. */
static void ask_source(void *arg, size_t i, struct instance *extractor) {
  struct asking *a = &((struct asking *)arg)[i];
  struct walk w = {.arg = a, .item = take_source_item};
  a->rc = walk_source(extractor, a->lane, &w, &a->schema, &a->e);
}

static int take_made(void *arg, size_t i, size_t of, const struct etl_stream *from, const struct etl_stream *stream, struct err *e) {
  struct asking *a = arg;
  json_t *t = json_object();
  (void)e;
  set_text(t, "connector", a->p->r->transforms[i].conn->name);
  if (of > 1 || strcmp(stream->name, from->name) != 0)
    set_text(t, "stream", stream->name);
  json_object_set_new(t, "columns", columns_json(stream->schema));
  json_array_append_new(a->transforms, t);
  return 0;
}

static int ask_loader(void *arg, const struct etl_stream *stream, struct err *e) {
  struct asking *a = arg;
  const struct plan *p = a->p;
  struct instance *in = &p->r->control;
  struct ArrowSchema *schema = (struct ArrowSchema *)(uintptr_t)stream->schema; /* given and left alone */
  if (!p->load) {
    json_array_append_new(a->load, silent(in->part, "what it would write"));
    return 0;
  }
  if (CALL(&in->svc, "explain", p->load->explain(in->self, stream, NULL, (struct etl_bytes){0}, schema, take_item, a->load)) !=
      ETL_OK)
    return services_take_err(&in->svc, e);
  return 0;
}

/* What a run would refuse. */
static void show_refusal(const struct asking *a) {
  struct err e;
  if (identity_check(a->lane, &e) == 0)
    return;
  cleanup_free char *text = xasprintf("a run would be refused: %s; %s", e.message, e.remedy);
  json_array_append_new(a->extract, item_json("note", text, true));
}

static json_t *lane_json(struct asking *a) {
  struct run *r = a->p->r;
  const struct lane *l = a->lane;
  struct walk w = {.arg = a, .made = take_made, .out = ask_loader, .asked = &r->extract};
  json_t *lane = json_pack("{s:s, s:s, s:s}", "lane", l->name, "stream", l->stream, "shard", l->shard);
  set_text(lane, "piece", l->text);
  if (l->at.cursor.p)
    set_cursor(lane, l->at.cursor);
  if (!explain_of(&r->extractor))
    json_array_append_new(a->extract, silent(&r->extract, "what it would read"));
  if (a->rc == 0)
    a->rc = walk_from(r, l, &w, &a->schema, &a->e);
  if (a->rc < 0)
    json_object_set_new(lane, "error", report_error(&a->e, w.asked->stage, w.asked->conn->name));
  show_refusal(a);
  json_object_set(lane, "extract", a->extract);
  json_object_set(lane, "transforms", a->transforms);
  json_object_set(lane, "load", a->load);
  return lane;
}

/* ---- the whole
 * -------------------------------------------------------------------------------------------------------------------- */

static json_t *guarantee_json(const struct run *r) {
  uint32_t flags = 0;
  for (size_t i = 0; i < r->lanes_n; i++)
    flags |= r->lanes[i].stream_flags;
  struct guarantee g = guarantee_of(r->extract.conn->caps, r->loader_caps, flags);
  return json_pack("{s:s, s:s}", "level", g.level, "why", g.why);
}

static struct asking *askings_new(const struct plan *p) {
  struct asking *all = xcalloc(p->r->lanes_n, sizeof *all);
  for (size_t i = 0; i < p->r->lanes_n; i++)
    all[i] = (struct asking){
        .p = p, .lane = &p->r->lanes[i], .extract = json_array(), .transforms = json_array(), .load = json_array()};
  return all;
}

static void askings_free(struct asking *all, size_t n) {
  for (size_t i = 0; i < n; i++) {
    json_decref(all[i].extract);
    json_decref(all[i].transforms);
    json_decref(all[i].load);
    etl_schema_release(&all[i].schema);
  }
  free(all);
}

/* The shards are asked side by side, since some may be far away or down; then the transformers and the loader, lane by lane. */
static int plan_lanes(const struct plan *p) {
  struct run *r = p->r;
  struct asking *all = askings_new(p);
  json_t *lanes = json_array();
  size_t failed = 0;
  crew_work(r, r->lanes_n, ask_source, all);
  for (size_t i = 0; i < r->lanes_n && stop_mode(&r->stop) == STOP_NONE; i++) {
    json_array_append_new(lanes, lane_json(&all[i]));
    failed += all[i].rc < 0;
  }
  askings_free(all, r->lanes_n);
  if (stop_mode(&r->stop) != STOP_NONE) {
    json_decref(lanes);
    run_report_summary(r, "cancelled");
    return RUN_EXIT_CANCELLED;
  }
  report_event(&r->report, "plan",
               json_pack("{s:s, s:o, s:o}", "pipeline", r->spec->pipeline, "guarantee", guarantee_json(r), "lanes", lanes));
  return failed == 0 ? RUN_EXIT_SUCCESS : failed == r->lanes_n ? RUN_EXIT_FAILED : RUN_EXIT_PARTIAL;
}

int run_plan(struct run *r) {
  if (run_open_control(r) < 0 || run_ask_committed(r) < 0 || pieces_make_lanes(r) < 0 || reach_check(r) < 0) {
    bool stopped = stop_mode(&r->stop) != STOP_NONE;
    run_report_summary(r, stopped ? "cancelled" : "failed");
    return stopped ? RUN_EXIT_CANCELLED : run_fail_exit(r);
  }
  struct plan p = {.r = r, .load = explain_of(&r->control)};
  int rc = plan_lanes(&p);
  run_close_control(r);
  return rc;
}
