/* `etl preview`: the first rows of a pipeline, through its transformers ("columns" and "row" events).  The loader is not opened. */
#include <stdlib.h>
#include <string.h>

#include "base/member.h"
#include "engine/ask.h"
#include "engine/pipe.h"
#include "etl/sdk.h"

enum { NEXT_WAIT_MS = 200 };

struct shown { /* a stream that comes out */
  char *stream;              /* owned */
  struct ArrowSchema schema; /* as it was told */
  int64_t rows;
};
struct preview {
  struct run *r;
  struct pipe *pipe;
  struct shown *shown;
  size_t shown_n;
  int64_t limit;
  bool raw, enough;
};
struct reading { /* one source */
  struct services svc;
  const struct etl_extractor *api;
  const struct source *source;
  void *handle;
  bool bound;
};

/* ---- what comes out ------------------------------------------------------------------------------------------------------------------ */

static struct shown *shown_of(struct preview *p, const char *stream) {
  for (size_t i = 0; i < p->shown_n; i++)
    if (strcmp(p->shown[i].stream, stream) == 0)
      return &p->shown[i];
  p->shown = xrealloc(p->shown, (p->shown_n + 1) * sizeof *p->shown);
  p->shown[p->shown_n] = (struct shown){.stream = xstrdup(stream)};
  return &p->shown[p->shown_n++];
}

static int tell_columns(struct preview *p, struct shown *s, const struct ArrowSchema *schema, struct err *e) {
  json_t *columns = json_array();
  if (s->schema.release && etl_schema_equal(&s->schema, schema)) {
    json_decref(columns);
    return 0;
  }
  etl_schema_release(&s->schema);
  if (etl_schema_copy(schema, &s->schema) < 0) {
    json_decref(columns);
    return err_set(e, ETL_E_PERMANENT, "there is no memory for the columns of %s", s->stream);
  }
  for (int64_t i = 0; i < schema->n_children; i++) {
    const struct ArrowSchema *c = schema->children[i];
    uint64_t n = 0;
    const char *type = etl_schema_meta(c, ETL_META_SOURCE_TYPE, &n);
    json_array_append_new(columns, json_pack("{s:s, s:s, s:s#}", "name", c->name, "format", c->format, "source_type", type ? type : "", (int)n));
  }
  report_event(&p->r->report, "columns", json_pack("{s:s, s:o}", "stream", s->stream, "columns", columns));
  return 0;
}

static int show(void *arg, const struct etl_stream *stream, struct ArrowArray *rows, struct err *e) {
  struct preview *p = arg;
  struct shown *s = shown_of(p, stream->name);
  if (tell_columns(p, s, stream->schema, e) < 0)
    return -1;
  for (int64_t i = 0; i < rows->length && s->rows < p->limit; i++, s->rows++) {
    char *row = etl_row_json(stream->schema, rows, i);
    if (!row)
      return err_set(e, ETL_E_PERMANENT, "there is no memory for a row of %s", s->stream);
    report_event(&p->r->report, "row", json_pack("{s:s, s:s}", "stream", s->stream, "row", row));
    free(row);
  }
  p->enough |= s->rows >= p->limit;
  return 0;
}

/* ---- what goes in -------------------------------------------------------------------------------------------------------------------- */

/* They were logged, as far as they are; nobody keeps them. */
static void drop_rejects(struct preview *p, struct reading *r) {
  struct rejects list;
  pipe_take_rejects(p->pipe, &list);
  rejects_clear(&list);
  rejects_clear(&r->svc.rejects);
}

static int take(struct preview *p, struct reading *r, struct etl_msg *m, struct err *e) {
  struct etl_stream in = r->source->stream;
  if (m->flags & ETL_M_SCHEMA) {
    in.schema = &m->schema;
    if (pipe_bind(p->pipe, &in, p->raw ? p->r->spec->transforms_n : 0, e) < 0)
      return -1;
    r->bound = true;
  }
  if (!m->rows.release)
    return 0;
  if (!r->bound)
    return err_set(e, ETL_E_INTERNAL, "connector %s gave rows before their columns", r->svc.connector);
  if (m->rows.length > p->limit) /* a batch of any size is legal; few of its rows are wanted */
    m->rows.length = p->limit;
  return pipe_rows(p->pipe, &m->rows, e) < 0 ? -1 : pipe_flush(p->pipe, e);
}

static int read_source(struct preview *p, struct reading *r, struct err *e) {
  int32_t status = ETL_OK;
  int rc = 0;
  while (rc == 0 && !p->enough && status != ETL_DONE && stop_mode(&p->r->stop) == STOP_NONE) {
    struct etl_msg m = {.struct_size = sizeof m, .lag_ns = -1};
    status = CALL(&r->svc, "next", r->api->next(r->handle, NEXT_WAIT_MS, 0, &m));
    if (status == ETL_FAILED)
      rc = services_take_err(&r->svc, e);
    else
      rc = take(p, r, &m, e);
    drop_rejects(p, r);
    etl_schema_release(&m.schema);
    etl_array_release(&m.rows);
    if (status == ETL_STOPPED)
      break;
  }
  return rc;
}

static int preview_source(struct preview *p, const struct source *s) {
  struct run *run = p->r;
  struct reading r = {.api = part_extractor(&run->extract), .source = s};
  struct err e;
  part_services(&r.svc, &run->extract, &run->services, s->shard.id, &run->stop);
  struct etl_read read = {.struct_size = sizeof read,
                          .host = &r.svc.host,
                          .stream = &s->stream,
                          .shard = &s->shard,
                          .limit_rows = (uint64_t)p->limit,
                          .want_rows = (uint64_t)p->limit,
                          .want_bytes = (uint64_t)run->spec->batch_bytes};
  int rc = 0;
  if (CALL(&r.svc, "reader_open", r.api->reader_open(run->extractor.self, &read, &r.handle)) != ETL_OK)
    rc = services_take_err(&r.svc, &e);
  if (rc == 0)
    rc = read_source(p, &r, &e);
  if (r.handle && services_enter(&r.svc, "reader_close") == 0) {
    r.api->reader_close(r.handle);
    services_leave(&r.svc, ETL_OK);
  }
  services_fini(&r.svc);
  return rc < 0 ? run_fail(run, &e, &run->extract) : 0;
}

int ask_preview(struct run *r) {
  const json_t *ask = r->spec->ask;
  struct preview p = {.r = r, .limit = member_number(ask, "limit"), .raw = member_true(ask, "raw")};
  if (run_prepare(r) < 0)
    return -1;
  r->limit.max_rows = INT64_MAX; /* bad rows do not end it; the log has the first ones of each stage */
  p.pipe = pipe_new(r, NULL, show, &p);
  int rc = 0;
  for (const struct source *s = r->sources; s && rc == 0 && !p.enough && stop_mode(&r->stop) == STOP_NONE; s = s->next)
    rc = preview_source(&p, s);
  pipe_free(p.pipe);
  for (size_t i = 0; i < p.shown_n; i++) {
    etl_schema_release(&p.shown[i].schema);
    free(p.shown[i].stream);
  }
  free(p.shown);
  if (rc < 0)
    return rc;
  report_event(&r->report, "answer", json_object());
  return RUN_EXIT_SUCCESS;
}
