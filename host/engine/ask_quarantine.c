/* `etl quarantine`: rows that were set aside are told ("kept" events), dropped, or replayed. */
#include <string.h>

#include "base/member.h"
#include "engine/ask.h"
#include "engine/replay.h"

static void set(json_t *j, const char *key, const char *text) {
  if (text)
    json_object_set_new(j, key, report_text(text, strlen(text)));
}

static json_t *row_json(const struct shelved *s) {
  const struct etl_rejected *r = &s->row;
  json_t *j = json_pack("{s:s, s:f, s:I, s:I, s:s}", "id", s->id, "at", (double)s->at_ns / 1e9, "epoch", (json_int_t)r->epoch, "seq",
                        (json_int_t)r->seq, "class", err_class_name(r->error_class));
  const struct {
    const char *key, *text;
  } texts[] = {{"run", s->run},
               {"stream", r->stream},
               {"shard", r->shard},
               {"stage", r->stage},
               {"connector", r->connector},
               {"table_stream", r->table_stream},
               {"column", r->column},
               {"vendor_state", r->vendor_state},
               {"message", r->message},
               {"raw", r->raw},
               {"columns", r->columns}};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
    set(j, texts[i].key, texts[i].text);
  if (r->row >= 0)
    json_object_set_new(j, "row", json_integer(r->row));
  if (r->vendor_code)
    json_object_set_new(j, "vendor_code", json_integer(r->vendor_code));
  return j;
}

struct telling {
  struct run *r;
  int64_t n;
};

static int tell(void *arg, const struct shelved *s) {
  struct telling *t = arg;
  report_event(&t->r->report, "kept", row_json(s));
  t->n++;
  return stop_mode(&t->r->stop) != STOP_NONE;
}

/* The ids that were asked for, each once, in the run's arena; NULL: all. */
static const char *const *ids_of(struct run *r, size_t *ret_n) {
  const json_t *list = json_object_get(r->spec->ask, "ids");
  const json_t *one;
  size_t i;
  const char **ids = arena_alloc(r->arena, (json_array_size(list) + 1) * sizeof *ids);
  json_t *seen = json_object();
  *ret_n = 0;
  json_array_foreach(list, i, one) {
    if (!json_object_get(seen, json_string_value(one)))
      ids[(*ret_n)++] = json_string_value(one);
    json_object_set_new(seen, json_string_value(one), json_true());
  }
  json_decref(seen);
  return list ? ids : NULL;
}

static int list(struct run *r, const struct shelf *s) {
  struct telling t = {.r = r};
  struct shelf_wanted w = {.limit = (uint64_t)member_number(r->spec->ask, "limit")};
  struct err e;
  w.ids = ids_of(r, &w.ids_n);
  if (shelf_list(s, &w, tell, &t, &e) < 0)
    return run_fail(r, &e, &r->load);
  report_event(&r->report, "answer", json_pack("{s:I}", "rows", (json_int_t)t.n));
  return RUN_EXIT_SUCCESS;
}

static int drop(struct run *r, const struct shelf *s) {
  uint64_t dropped = 0;
  size_t n;
  struct err e;
  const char *const *ids = ids_of(r, &n);
  if (shelf_drop(s, &r->control, ids, n, &dropped, &e) < 0)
    return run_fail(r, &e, &r->load);
  report_event(&r->report, "answer", json_pack("{s:I}", "dropped", (json_int_t)dropped));
  return RUN_EXIT_SUCCESS;
}

static int replay(struct run *r, const struct shelf *s) {
  struct replay done;
  size_t n;
  const char *const *ids = ids_of(r, &n);
  if (replay_all(r, s, ids, n, &done) < 0)
    return -1;
  json_int_t missing = ids ? (json_int_t)n - (json_int_t)done.found : 0;
  report_event(&r->report, "answer",
               json_pack("{s:I, s:I, s:I}", "replayed", (json_int_t)done.replayed, "refused", (json_int_t)done.refused, "missing", missing));
  return done.refused == 0 ? RUN_EXIT_SUCCESS : done.replayed ? RUN_EXIT_PARTIAL : RUN_EXIT_FAILED;
}

int ask_quarantine(struct run *r) {
  static const struct {
    const char *name;
    int (*act)(struct run *r, const struct shelf *s);
  } acts[] = {{"list", list}, {"drop", drop}, {"replay", replay}};
  const char *name = member_text(r->spec->ask, "act");
  struct shelf s;
  int rc = ask_load(r, &r->load, &r->spec->load, ETL_KIND_LOADER, "load");
  if (rc == 0)
    rc = run_open_control(r);
  if (rc < 0)
    return rc;
  rc = shelf_open(r, &s);
  for (size_t i = 0; rc == 0 && i < sizeof acts / sizeof *acts; i++)
    if (name && strcmp(acts[i].name, name) == 0) {
      rc = acts[i].act(r, &s);
      break;
    }
  run_close_control(r);
  return rc;
}
