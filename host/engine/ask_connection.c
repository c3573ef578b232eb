/* `etl conns`: does a connection work (check()), and what does it offer ("stream" events: extension etl.catalog/1, or discover()).  The
 * instance is opened for the connection alone, without a table. */
#include <string.h>

#include "base/clock.h"
#include "base/member.h"
#include "base/units.h"
#include "engine/ask.h"
#include "etl/sdk.h"

struct connection {
  struct run *r;
  struct part *part;
  struct instance *in;
  bool columns;
  int64_t streams;
};

static int unsupported(struct connection *c, const char *what, const char *remedy) {
  struct err e;
  err_set(&e, ETL_E_UNSUPPORTED, "the connector %s %s", c->part->conn->name, what);
  err_remedy(&e, "%s", remedy);
  return run_fail(c->r, &e, c->part);
}

static bool knows_connections(const struct etl_connector *conn) {
  for (const struct etl_option *const *o = conn->options; o && *o; o++)
    if ((*o)->flags & ETL_OPT_CONNECTION)
      return true;
  return false;
}

static int call_failed(struct connection *c) {
  struct err e;
  services_take_err(&c->in->svc, &e);
  return run_fail(c->r, &e, c->part);
}

/* ---- what it offers ------------------------------------------------------------------------------------------------------------------ */

static json_t *columns_json(const struct ArrowSchema *s) {
  json_t *columns = json_array();
  for (int64_t i = 0; i < s->n_children; i++) {
    const struct ArrowSchema *column = s->children[i];
    uint64_t n = 0;
    const char *type = etl_schema_meta(column, ETL_META_SOURCE_TYPE, &n);
    json_array_append_new(columns, json_pack("{s:s, s:s, s:s#, s:b}", "name", column->name, "format", column->format, "source_type", type ? type : "",
                                             (int)n, "nullable", (int)(column->flags & ARROW_FLAG_NULLABLE)));
  }
  return columns;
}

static int32_t tell(void *arg, const struct etl_stream *s) {
  struct connection *c = arg;
  json_t *key = json_array();
  for (size_t i = 0; s->key && s->key[i]; i++)
    json_array_append_new(key, json_string(s->key[i]));
  json_t *j = json_pack("{s:s, s:s*, s:o}", "stream", s->name, "doc", s->doc, "key", key);
  if (c->columns && s->schema)
    json_object_set_new(j, "columns", columns_json(s->schema));
  report_event(&c->r->report, "stream", j);
  c->streams++;
  return stop_mode(&c->r->stop) == STOP_NONE ? ETL_OK : ETL_STOPPED;
}

static int discover(struct connection *c) {
  const struct etl_common *common = c->part->conn->common;
  const struct etl_catalog *catalog = common->ext ? common->ext(c->in->self, ETL_EXT_CATALOG) : NULL;
  const char *pattern = member_text(c->r->spec->ask, "pattern");
  int32_t rc;
  c->columns = member_true(c->r->spec->ask, "columns");
  if (catalog)
    rc = CALL(&c->in->svc, "catalog list", catalog->list(c->in->self, pattern, c->columns, tell, c));
  else if (c->part->conn->kind == ETL_KIND_EXTRACTOR)
    rc = CALL(&c->in->svc, "discover", part_extractor(c->part)->discover(c->in->self, tell, c));
  else
    return unsupported(c, "cannot list what is there", "`etl plugin info` tells of its options");
  return rc == ETL_FAILED ? call_failed(c) : 0;
}

static int check(struct connection *c) {
  const struct etl_common *common = c->part->conn->common;
  if (!common->check)
    return unsupported(c, "has no check of a connection", "`etl plan` connects with a pipeline's own settings");
  return CALL(&c->in->svc, "check", common->check(c->in->self)) == ETL_OK ? 0 : call_failed(c);
}

/* ---- the whole ---------------------------------------------------------------------------------------------------------------------- */

static int answer(struct connection *c) {
  const char *act = member_text(c->r->spec->ask, "act");
  int64_t began = clock_mono_ns();
  int rc = act && strcmp(act, "discover") == 0 ? discover(c) : check(c);
  if (rc < 0)
    return -1;
  report_event(&c->r->report, "answer",
               json_pack("{s:f, s:I}", "seconds", (double)(clock_mono_ns() - began) / NS_PER_SEC, "streams", (json_int_t)c->streams));
  return RUN_EXIT_SUCCESS;
}

int ask_connection(struct run *r) {
  const char *kind = member_text(r->spec->ask, "kind");
  bool loads = kind && strcmp(kind, "loader") == 0;
  struct connection c = {.r = r, .part = loads ? &r->load : &r->extract, .in = loads ? &r->control : &r->extractor};
  struct err e;
  if (part_load_connection(c.part, &r->spec->extract, loads ? ETL_KIND_LOADER : ETL_KIND_EXTRACTOR, loads ? "load" : "extract", r->spec->cache_dir,
                           r->arena, &e) < 0)
    return run_fail(r, &e, c.part);
  report_mask(&r->report, &c.part->secrets);
  if (!knows_connections(c.part->conn))
    return unsupported(&c, "cannot be asked without a table", "name it in a pipeline, and look with `etl plan`");
  if (instance_open(c.in, c.part, &r->services, r->spec, NULL, ETL_OPEN_CONNECTION | ETL_OPEN_TEST, &r->stop, &e) < 0)
    return run_fail(r, &e, c.part);
  int rc = answer(&c);
  instance_close(c.in);
  return rc;
}
