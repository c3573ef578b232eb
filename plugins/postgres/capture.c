/* Records of rows as they came and as they were loaded (etl.capture/1): tables beside the targets, written in the transaction of the epoch.
 *
 *   raw_data          (id, pipeline, aside, run, stream, shard, epoch, captured_at, source, data)
 *   transformed_data  (id, raw_id, pipeline, aside, run, stream, shard, epoch, table_stream, row, loaded_at, status, reason, data)
 *                     aside: as in the state tables: '', or the run whose rows are not in the target yet */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "instance.h"

static const char *const statuses[] = {
    [ETL_CAPTURED_VALID] = "valid", [ETL_CAPTURED_QUARANTINED] = "quarantined", [ETL_CAPTURED_FILTERED] = "filtered"};
enum { STATUSES = sizeof statuses / sizeof *statuses };

static const char *status_name(uint32_t status) { return status < STATUSES && statuses[status] ? statuses[status] : "valid"; }

/* ---- the tables ----------------------------------------------------------------------------------------------------------------------- */

void capture_fini(struct capture *c) {
  free(c->raw.schema);
  free(c->raw.table);
  free(c->transformed.schema);
  free(c->transformed.table);
  *c = (struct capture){0};
}

/* given: "schema.table", or "table" of the state schema; NULL: the usual one. */
static int32_t take_table(struct instance *in, const char *given, const char *usual, struct capture_table *ret) {
  const char *dot = given ? strchr(given, '.') : NULL;
  ret->schema = dot ? strndup(given, (size_t)(dot - given)) : strdup(in->settings.state_schema);
  ret->table = strdup(dot ? dot + 1 : given ? given : usual);
  return ret->schema && ret->table ? ETL_OK : out_of_memory(in);
}

static int32_t tables(void *self, const struct etl_capture_tables *t) {
  struct instance *in = self;
  int32_t rc = ETL_OK;
  capture_fini(&in->capture);
  if (t->raw)
    rc = take_table(in, t->raw_table, "raw_data", &in->capture.raw);
  if (rc == ETL_OK && t->transformed)
    rc = take_table(in, t->transformed_table, "transformed_data", &in->capture.transformed);
  return rc;
}

static void sql_name(struct text *t, const struct capture_table *c) {
  text_add_name(t, c->schema);
  text_add(t, ".");
  text_add_name(t, c->table);
}

static const char raw_columns[] = "id text PRIMARY KEY, pipeline text NOT NULL, aside text NOT NULL DEFAULT '', run text NOT NULL, stream text NOT NULL, "
                                  "shard text NOT NULL, epoch bigint NOT NULL, captured_at timestamptz NOT NULL, source text NOT NULL, data json NOT NULL";
static const char transformed_columns[] =
    "id text PRIMARY KEY, raw_id text, pipeline text NOT NULL, aside text NOT NULL DEFAULT '', run text NOT NULL, stream text NOT NULL, "
    "shard text NOT NULL, epoch bigint NOT NULL, table_stream text NOT NULL, row bigint, loaded_at timestamptz NOT NULL, status text NOT NULL, "
    "reason text, data json";

/* One that is there is left as it is, so that its owner may have more indexes, or none. */
static void sql_create(struct text *sql, const struct capture_table *c, const char *columns, const char *const *indexes) {
  struct text name = {0}, block = {0};
  if (!c->table)
    return;
  sql_name(&name, c);
  sql_create_schema(sql, c->schema);
  text_add(&block, "BEGIN IF pg_catalog.to_regclass(");
  text_add_literal(&block, text_str(&name));
  text_addf(&block, ") IS NULL THEN CREATE TABLE %s (%s); ", text_str(&name), columns);
  for (; *indexes; indexes++)
    text_addf(&block, "CREATE INDEX ON %s %s; ", text_str(&name), *indexes);
  text_add(&block, "END IF; END");
  text_add_block(sql, &block);
  text_add(sql, "; ");
  sql->failed |= name.failed || block.failed;
  text_fini(&name);
  text_fini(&block);
}

/* before, the name of the table, after: with $1 the pipeline and $2 param. */
static int32_t run_on(struct instance *in, const struct capture_table *c, const char *doing, const char *before, const char *after, const char *param,
                      uint64_t *ret_rows) {
  struct text sql = {0};
  PGresult *r = NULL;
  if (!c->table)
    return ETL_OK;
  text_add(&sql, before);
  sql_name(&sql, c);
  text_add(&sql, after);
  int32_t rc = sql.failed ? out_of_memory(in) : session_query(&in->session, doing, text_str(&sql), 2, (const char *const[]){in->pipeline, param}, &r);
  if (rc == ETL_OK && ret_rows)
    *ret_rows += strtoull(PQcmdTuples(r), NULL, 10);
  PQclear(r);
  text_fini(&sql);
  return rc;
}

static int32_t run_on_both(struct instance *in, const char *doing, const char *before, const char *after, const char *run) {
  int32_t rc = run_on(in, &in->capture.raw, doing, before, after, run, NULL);
  return rc == ETL_OK ? run_on(in, &in->capture.transformed, doing, before, after, run, NULL) : rc;
}

int32_t capture_adopt(struct instance *in, const char *run) {
  return run_on_both(in, "bringing captured records into sight", "UPDATE ", " SET aside = '' WHERE pipeline = $1 AND aside = $2", run);
}

int32_t capture_drop(struct instance *in, const char *run) {
  return run_on_both(in, "removing captured records", "DELETE FROM ", " WHERE pipeline = $1 AND aside = $2", run);
}

/* Times come in order, so brin is enough, and costs next to nothing. */
static int32_t create(void *self) {
  static const char *const raw_indexes[] = {"USING brin (captured_at)", "(aside) WHERE aside <> ''", NULL};
  static const char *const transformed_indexes[] = {"(raw_id)", "USING brin (loaded_at)", "(aside, stream, shard, epoch, row) WHERE aside <> ''", NULL};
  struct instance *in = self;
  struct text sql = {0};
  text_add(&sql, "BEGIN; SELECT pg_catalog.pg_advisory_xact_lock(7310868735421377); "); /* lanes of several pipelines come together */
  sql_create(&sql, &in->capture.raw, raw_columns, raw_indexes);
  sql_create(&sql, &in->capture.transformed, transformed_columns, transformed_indexes);
  text_add(&sql, "COMMIT");
  int32_t rc = session_connect(&in->session);
  if (rc == ETL_OK)
    rc = sql.failed ? out_of_memory(in) : session_run(&in->session, "making the tables for captured records", text_str(&sql));
  if (rc != ETL_OK)
    session_rollback(&in->session);
  text_fini(&sql);
  if (rc != ETL_OK || in->keep)
    return rc;
  return run_on_both(in, "removing captured records of dead runs", "DELETE FROM ", " WHERE pipeline = $1 AND aside <> '' AND aside <> $2", in->run);
}

/* ---- storing -------------------------------------------------------------------------------------------------------------------------- */

/* A value of COPY's text form; NULL is NULL. */
static void add_value(struct text *t, const char *s) {
  char piece[2] = {'\\', 0};
  text_add(t, t->n && t->p[t->n - 1] != '\n' ? "\t" : "");
  if (!s) {
    text_add(t, "\\N");
    return;
  }
  for (size_t n; *s; s += n) {
    n = strcspn(s, "\\\t\n\r");
    text_add_bytes(t, s, n);
    if (!s[n])
      break;
    text_add(t, piece);
    text_add(t, s[n] == '\t' ? "t" : s[n] == '\n' ? "n" : s[n] == '\r' ? "r" : "\\");
    n++;
  }
}

static void add_number(struct text *t, uint64_t n) {
  char text[24];
  snprintf(text, sizeof text, "%" PRIu64, n);
  add_value(t, text);
}

static void add_time(struct text *t, int64_t at_ns) {
  char text[64];
  struct etl_civil d = etl_civil_from_days(at_ns / INT64_C(86400000000000));
  int64_t us = at_ns / 1000 % INT64_C(86400000000), s = us / 1000000;
  snprintf(text, sizeof text, "%04" PRId64 "-%02d-%02d %02d:%02d:%02d.%06d+00", d.year, d.month, d.day, (int)(s / 3600), (int)(s / 60 % 60), (int)(s % 60),
           (int)(us % 1000000));
  add_value(t, text);
}

static void add_record(struct text *t, const struct instance *in, const struct etl_captured *c) {
  add_value(t, c->id);
  if (c->status)
    add_value(t, c->raw_id);
  add_value(t, in->pipeline);
  add_value(t, cursors_scope(in));
  add_value(t, in->run);
  add_value(t, c->stream);
  add_value(t, c->shard);
  add_number(t, c->epoch);
  if (!c->status) {
    add_time(t, c->at_ns);
    add_value(t, c->source);
    add_value(t, c->data);
  } else {
    add_value(t, c->table_stream);
    if (c->row > 0)
      add_number(t, (uint64_t)c->row);
    else
      add_value(t, NULL);
    add_time(t, c->at_ns);
    add_value(t, status_name(c->status));
    add_value(t, c->reason);
    add_value(t, c->data);
  }
  text_add(t, "\n");
}

static int32_t copy(struct instance *in, const struct capture_table *table, const char *columns, bool raw, const struct etl_captured *const *records,
                    uint64_t n) {
  static const char doing[] = "keeping captured records";
  struct text sql = {0}, rows = {0};
  int64_t stored;
  int32_t rc = ETL_OK;
  for (uint64_t i = 0; i < n; i++)
    if (raw == !records[i]->status)
      add_record(&rows, in, records[i]);
  text_add(&sql, "COPY ");
  sql_name(&sql, table);
  text_addf(&sql, " (%s) FROM STDIN", columns);
  if (rows.failed || sql.failed)
    rc = out_of_memory(in);
  if (rc == ETL_OK && rows.n > 0)
    rc = session_run(&in->session, doing, text_str(&sql));
  if (rc == ETL_OK && rows.n > 0)
    rc = session_copy_data(&in->session, rows.p, rows.n);
  if (rc == ETL_OK && rows.n > 0)
    rc = session_copy_end(&in->session, doing, &stored);
  text_fini(&sql);
  text_fini(&rows);
  return rc;
}

static int32_t store(void *self, const struct etl_captured *const *records, uint64_t n) {
  struct instance *in = self;
  int32_t rc = settle_pause(in);
  if (rc == ETL_OK && in->capture.raw.table)
    rc = copy(in, &in->capture.raw, "id, pipeline, aside, run, stream, shard, epoch, captured_at, source, data", true, records, n);
  if (rc == ETL_OK && in->capture.transformed.table)
    rc = copy(in, &in->capture.transformed,
              "id, raw_id, pipeline, aside, run, stream, shard, epoch, table_stream, row, loaded_at, status, reason, data", false, records, n);
  return rc;
}

static int32_t change(struct instance *in, const char *where, uint32_t status, const char *reason, int n, const char *const *params) {
  struct text sql = {0};
  text_add(&sql, "UPDATE ");
  sql_name(&sql, &in->capture.transformed);
  text_addf(&sql, " SET row = NULL, status = '%s', reason = ", status_name(status));
  text_add_literal(&sql, reason ? reason : "");
  text_addf(&sql, " WHERE %s", where);
  int32_t rc = sql.failed ? out_of_memory(in) : session_query(&in->session, "correcting a captured record", text_str(&sql), n, params, NULL);
  text_fini(&sql);
  return rc;
}

static int32_t revise(void *self, const struct etl_captured *c) {
  struct instance *in = self;
  int32_t rc = settle_pause(in);
  return rc == ETL_OK ? change(in, "id = $1", c->status, c->reason, 1, &c->id) : rc;
}

int32_t capture_refused(struct instance *in, const struct etl_rejected *r) {
  char epoch[24], row[24];
  if (!in->capture.transformed.table)
    return ETL_OK;
  snprintf(epoch, sizeof epoch, "%" PRIu64, r->epoch);
  snprintf(row, sizeof row, "%" PRId64, r->row + 1);
  return change(in,
                "pipeline = $1 AND aside = $2 AND aside <> '' AND stream = $3 AND shard = $4 AND epoch = $5::bigint AND row = $6::bigint AND table_stream = $7",
                ETL_CAPTURED_QUARANTINED, r->message, 7,
                (const char *const[]){in->pipeline, cursors_scope(in), r->stream, r->shard, epoch, row, r->table_stream});
}

static int32_t prune(void *self, int64_t before_ns, uint64_t *ret_pruned) {
  struct instance *in = self;
  char before[24];
  snprintf(before, sizeof before, "%" PRId64, before_ns / 1000);
  int32_t rc = session_connect(&in->session);
  *ret_pruned = 0;
  if (rc == ETL_OK)
    rc = run_on(in, &in->capture.raw, "deleting old captured records", "DELETE FROM ",
                " WHERE pipeline = $1 AND captured_at < pg_catalog.to_timestamp(0) + $2::bigint * interval '1 microsecond'", before, ret_pruned);
  return rc == ETL_OK ? run_on(in, &in->capture.transformed, "deleting old captured records", "DELETE FROM ",
                               " WHERE pipeline = $1 AND loaded_at < pg_catalog.to_timestamp(0) + $2::bigint * interval '1 microsecond'", before, ret_pruned)
                      : rc;
}

const struct etl_capture postgres_capture = {
    .struct_size = sizeof postgres_capture, .tables = tables, .create = create, .store = store, .revise = revise, .prune = prune};
