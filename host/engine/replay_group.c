/* A group of rows into the sink, in one transaction with their leaving quarantine. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/json_rows.h"
#include "engine/replay.h"

#define LANE   "@replay"
#define SHARD  "0"
/* beside 0 and -1; e says why */
#define REFUSED  1 /* a row of the group cannot be taken */
#define TOO_MANY 2 /* there is no memory for them together */

/* ---- out of the transformers -------------------------------------------------------------------------------------------------------- */

static int keep_output(void *arg, const struct etl_stream *stream, struct ArrowArray *rows, struct err *e) {
  struct replay *p = arg;
  (void)e;
  p->outputs = xrealloc(p->outputs, (p->outputs_n + 1) * sizeof *p->outputs);
  p->outputs[p->outputs_n].stream = stream;
  etl_array_move(rows, &p->outputs[p->outputs_n++].rows);
  return 0;
}

static void drop_outputs(struct replay *p) {
  for (size_t i = 0; i < p->outputs_n; i++)
    etl_array_release(&p->outputs[i].rows);
  p->outputs_n = 0;
}

/* The first of a list of rows that were refused again. */
static int refused_again(struct rejects *list, struct err *e) {
  const struct reject *first = list->first;
  if (!first)
    return 0;
  err_set(e, first->error_class, "%s", first->message);
  rejects_clear(list);
  return REFUSED;
}

static int because(const struct err *e) { return e->error_class == ETL_E_DATA || e->error_class == ETL_E_SCHEMA ? REFUSED : -1; }

/* "transform 2": 1; "load": all are behind it. */
static int first_transform(const struct run *r, const struct one *o, size_t *ret, struct err *e) {
  size_t n = 0;
  *ret = strcmp(o->stage, "load") == 0 ? r->spec->transforms_n : 0;
  if (sscanf(o->stage, "transform %zu", &n) != 1)
    return 0;
  if (n == 0 || n > r->spec->transforms_n || strcmp(r->transforms[n - 1].conn->name, o->connector) != 0) {
    err_set(e, ETL_E_DATA, "it was refused by %s, a %s, and the pipeline has no such transformer there any more", o->stage, o->connector);
    err_remedy(e, "read it again from the source, and drop it here");
    return REFUSED;
  }
  *ret = n - 1;
  return 0;
}

static int build(struct replay *p, const struct ArrowSchema *schema, const struct one *rows, size_t n, struct ArrowArray *ret, struct err *e) {
  struct etl_batch b;
  if (etl_batch_init(&b, &p->r->control.svc.host, schema, n) < 0) {
    err_set(e, ETL_E_DATA, "it has a column of a type that cannot be built");
    return REFUSED;
  }
  int rc = 0;
  for (size_t i = 0; i < n && rc == 0; i++)
    if (json_rows_add(&b, schema, rows[i].raw, e) < 0)
      rc = e->error_class == ETL_E_PERMANENT ? TOO_MANY : because(e);
  if (rc == 0 && etl_batch_finish(&b, ret) < 0) {
    err_set(e, ETL_E_PERMANENT, "there is no memory for %zu rows that were set aside", n);
    err_remedy(e, "raise memory of the pipeline");
    rc = TOO_MANY;
  }
  etl_batch_fini(&b);
  return rc;
}

/* p->outputs: what the loader is to get. */
static int transform(struct replay *p, const struct one *rows, size_t n, struct err *e) {
  struct ArrowSchema schema = {0};
  struct ArrowArray batch = {0};
  struct rejects bad;
  size_t from;
  int rc = first_transform(p->r, rows, &from, e);
  if (rc == 0 && json_rows_schema(rows->columns, &schema, e) < 0)
    rc = REFUSED;
  struct etl_stream in = {.struct_size = sizeof in, .name = rows->stream, .schema = &schema};
  if (rc == 0)
    rc = build(p, &schema, rows, n, &batch, e);
  if (rc == 0) {
    pipe_free(p->pipe); /* what a failed attempt left in it is gone, too */
    p->pipe = pipe_new(p->r, LANE, keep_output, p);
    rc = pipe_bind(p->pipe, &in, from, e) < 0 ? because(e) : 0;
  }
  if (rc == 0)
    rc = pipe_rows(p->pipe, &batch, e) < 0 || pipe_flush(p->pipe, e) < 0 ? because(e) : 0;
  if (rc == 0) {
    pipe_take_rejects(p->pipe, &bad);
    rc = refused_again(&bad, e);
  }
  etl_array_release(&batch);
  etl_schema_release(&schema);
  return rc;
}

/* ---- into the sink ------------------------------------------------------------------------------------------------------------------ */

void replay_close_loader(struct replay *p) {
  if (p->loader_open)
    instance_close(&p->loader);
  p->loader_open = false;
}

static int open_loader(struct replay *p, struct err *e) {
  struct run *r = p->r;
  if (p->loader_open)
    return 0;
  int rc = instance_open(&p->loader, &r->load, &r->services, r->spec, LANE, run_loader_flags(r), &r->stop, e);
  p->loader_open = rc == 0;
  return rc;
}

/* A call of the loader: 0, REFUSED or -1. */
static int judge(struct replay *p, int32_t status, struct err *e) {
  if (status == ETL_OK)
    return refused_again(&p->loader.svc.rejects, e);
  if (status != ETL_FAILED)
    return err_set(e, ETL_E_RETRYABLE, "the replay was stopped");
  services_take_err(&p->loader.svc, e);
  rejects_clear(&p->loader.svc.rejects);
  return because(e);
}

static int prepare(struct replay *p, struct err *e) {
  int rc = 0;
  for (size_t i = 0; i < p->outputs_n && rc == 0; i++) {
    const struct etl_stream *s = p->outputs[i].stream;
    bool first = true;
    for (size_t k = 0; k < i; k++)
      first &= p->outputs[k].stream != s;
    if (first)
      rc = judge(p, CALL(&p->loader.svc, "prepare", p->api->prepare(p->loader.self, s, s->schema)), e);
  }
  return rc;
}

static int begin(struct replay *p, struct err *e) {
  char id[64];
  struct etl_cursor from = {.struct_size = sizeof from, .stream = LANE, .shard = SHARD, .epoch = p->at.epoch, .cursor = p->at.cursor};
  const struct etl_cursor *list[] = {&from};
  snprintf(id, sizeof id, "replay-%s-%" PRIu64, p->r->spec->run, ++p->txns);
  struct etl_txn txn = {.struct_size = sizeof txn, .id = id, .owner = p->r->owner, .from = list, .from_n = p->shelf.sink ? 0 : 1};
  return judge(p, CALL(&p->loader.svc, "begin", p->api->begin(p->loader.self, &txn)), e);
}

static int write_outputs(struct replay *p, struct err *e) {
  int rc = 0;
  for (size_t i = 0; i < p->outputs_n && rc == 0; i++) {
    struct etl_msg m = {.struct_size = sizeof m, .flags = ETL_M_ROWS, .lag_ns = -1};
    etl_array_move(&p->outputs[i].rows, &m.rows);
    rc = judge(p, CALL(&p->loader.svc, "write", p->api->write(p->loader.self, p->outputs[i].stream, &m)), e);
    etl_array_release(&m.rows);
  }
  if (rc == 0 && p->api->settle)
    rc = judge(p, CALL(&p->loader.svc, "settle", p->api->settle(p->loader.self)), e);
  return rc;
}

/* The ids go with the rows: with the sink's own quarantine they are deleted in the transaction; else its cursor says which have come. */
static int commit(struct replay *p, const char *const *ids, size_t n, struct err *e) {
  uint64_t dropped;
  if (p->shelf.sink) {
    if (shelf_drop(&p->shelf, &p->loader, ids, n, &dropped, e) < 0)
      return -1;
    if (dropped != n)
      return err_set(e, ETL_E_RETRYABLE, "%" PRIu64 " of %zu rows are no longer in quarantine: somebody else drops or replays them", n - dropped, n);
    return judge(p, CALL(&p->loader.svc, "commit", p->api->commit(p->loader.self, NULL, 0)), e);
  }
  json_t *list = json_array();
  for (size_t i = 0; i < n; i++)
    json_array_append_new(list, json_string(ids[i]));
  cleanup_free char *text = json_dumps(list, JSON_COMPACT);
  json_decref(list);
  struct etl_cursor to = {.struct_size = sizeof to, .stream = LANE, .shard = SHARD, .epoch = p->at.epoch + 1, .cursor = {text, strlen(text)}};
  const struct etl_cursor *cursors[] = {&to};
  int rc = judge(p, CALL(&p->loader.svc, "commit", p->api->commit(p->loader.self, cursors, 1)), e);
  if (rc == 0)
    position_set(&p->at, to.epoch, to.cursor);
  return rc;
}

static void undo(struct replay *p) {
  struct err ignored; /* the sink undoes the transaction when the connection goes */
  if (CALL(&p->loader.svc, "abort", p->api->abort(p->loader.self)) != ETL_OK) {
    services_take_err(&p->loader.svc, &ignored);
    replay_close_loader(p);
  }
}

static int transact(struct replay *p, const char *const *ids, size_t n, struct err *e) {
  int rc = open_loader(p, e);
  if (rc == 0)
    rc = prepare(p, e);
  if (rc != 0)
    return rc;
  rc = begin(p, e);
  if (rc == 0)
    rc = write_outputs(p, e);
  if (rc == 0)
    rc = commit(p, ids, n, e);
  if (rc != 0)
    undo(p);
  if (rc < 0 && e->error_class == ETL_E_INDOUBT) {
    e->error_class = ETL_E_RETRYABLE;
    err_remedy(e, "replay again: rows that have arrived are no longer in quarantine");
  }
  return rc;
}

int replay_mark(struct replay *p, const char *const *ids, size_t n, struct err *e) {
  int rc = transact(p, ids, n, e);
  return rc == REFUSED ? -1 : rc;
}

/* ---- halving ------------------------------------------------------------------------------------------------------------------------ */

static int refuse(struct replay *p, const struct one *o, const struct err *e) {
  report_event(&p->r->report, "refused", json_pack("{s:s, s:o, s:o}", "id", o->id, "message", report_text(e->message, strlen(e->message)), "remedy",
                         report_text(e->remedy, strlen(e->remedy))));
  p->refused++;
  return 0;
}

static int attempt(struct replay *p, const struct one *rows, size_t n, struct err *e) {
  const char **ids = xcalloc(n, sizeof *ids);
  uint64_t dropped;
  for (size_t i = 0; i < n; i++)
    ids[i] = rows[i].id;
  int rc = transform(p, rows, n, e);
  if (rc == 0)
    rc = transact(p, ids, n, e);
  if (rc == 0 && !p->shelf.sink)
    rc = shelf_drop(&p->shelf, NULL, ids, n, &dropped, e);
  drop_outputs(p);
  free(ids);
  return rc;
}

int replay_group(struct replay *p, const struct one *rows, size_t n, struct err *e) {
  if (stop_mode(&p->r->stop) != STOP_NONE)
    return err_set(e, ETL_E_RETRYABLE, "the replay was stopped");
  int rc = attempt(p, rows, n, e);
  if (rc == 0)
    p->replayed += (int64_t)n;
  if (rc <= 0)
    return rc;
  if (n == 1)
    return rc == REFUSED ? refuse(p, rows, e) : -1;
  rc = replay_group(p, rows, n / 2, e);
  return rc == 0 ? replay_group(p, rows + n / 2, n - n / 2, e) : rc;
}
