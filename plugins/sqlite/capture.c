/* Records of rows as they came and as they were loaded (etl.capture/1): tables beside the targets, written in the transaction of the epoch.
 *
 *   etl_raw_data          (id, pipeline, aside, run, stream, shard, epoch, captured_at, source, data)
 *   etl_transformed_data  (id, raw_id, pipeline, aside, run, stream, shard, epoch, table_stream, row, loaded_at, status, reason, data)
 *                         aside: as in the state tables: '', or the run whose rows are not in the target yet */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "loader.h"

static const char *status_name(uint32_t status) {
  return status == ETL_CAPTURED_QUARANTINED ? "quarantined" : status == ETL_CAPTURED_FILTERED ? "filtered" : "valid";
}

void capture_fini(struct capture *c) {
  free(c->raw);
  free(c->transformed);
  *c = (struct capture){0};
}

static int32_t tables(void *self, const struct etl_capture_tables *t) {
  struct loader *in = self;
  capture_fini(&in->capture);
  if (t->raw && !(in->capture.raw = strdup(t->raw_table ? t->raw_table : "etl_raw_data")))
    return database_no_memory(&in->d);
  if (t->transformed && !(in->capture.transformed = strdup(t->transformed_table ? t->transformed_table : "etl_transformed_data")))
    return database_no_memory(&in->d);
  return ETL_OK;
}

/* ---- both tables ------------------------------------------------------------------------------------------------------------------------ */

/* fmt has %w for the table; ?1 is the pipeline, ?2 param. */
static int32_t run_on(struct loader *in, const char *table, const char *doing, const char *fmt, const char *param, int *ret_changes) {
  int changes = 0;
  if (!table)
    return ETL_OK;
  char *sql = sqlite3_mprintf(fmt, table);
  int32_t rc = sql ? state_run(in, doing, sql, 2, (const char *const[]){in->pipeline, param}, &changes) : database_no_memory(&in->d);
  sqlite3_free(sql);
  if (ret_changes)
    *ret_changes += changes;
  return rc;
}

static int32_t run_on_both(struct loader *in, const char *doing, const char *fmt, const char *param) {
  int32_t rc = run_on(in, in->capture.raw, doing, fmt, param, NULL);
  return rc == ETL_OK ? run_on(in, in->capture.transformed, doing, fmt, param, NULL) : rc;
}

int32_t capture_adopt(struct loader *in, const char *run) {
  return run_on_both(in, "bringing captured records into sight", "UPDATE \"%w\" SET aside = '' WHERE pipeline = ?1 AND aside = ?2", run);
}

int32_t capture_drop(struct loader *in, const char *run) {
  return run_on_both(in, "removing captured records", "DELETE FROM \"%w\" WHERE pipeline = ?1 AND aside = ?2", run);
}

static int32_t create_all(struct loader *in) {
  const char *doing = "making the tables for captured records", *raw = in->capture.raw, *transformed = in->capture.transformed;
  int32_t rc = ETL_OK;
  if (raw)
    rc = database_run_owned(
        &in->d, doing,
        sqlite3_mprintf("CREATE TABLE IF NOT EXISTS \"%w\" (id TEXT PRIMARY KEY, pipeline TEXT NOT NULL, aside TEXT NOT NULL, run TEXT NOT NULL, "
                        "stream TEXT NOT NULL, shard TEXT NOT NULL, epoch INTEGER NOT NULL, captured_at TEXT NOT NULL, source TEXT NOT NULL, "
                        "data TEXT NOT NULL); CREATE INDEX IF NOT EXISTS \"%w_at\" ON \"%w\" (pipeline, captured_at)",
                        raw, raw, raw));
  if (rc == ETL_OK && transformed)
    rc = database_run_owned(
        &in->d, doing,
        sqlite3_mprintf("CREATE TABLE IF NOT EXISTS \"%w\" (id TEXT PRIMARY KEY, raw_id TEXT, pipeline TEXT NOT NULL, aside TEXT NOT NULL, "
                        "run TEXT NOT NULL, stream TEXT NOT NULL, shard TEXT NOT NULL, epoch INTEGER NOT NULL, table_stream TEXT NOT NULL, row INTEGER, "
                        "loaded_at TEXT NOT NULL, status TEXT NOT NULL, reason TEXT, data TEXT); "
                        "CREATE INDEX IF NOT EXISTS \"%w_at\" ON \"%w\" (pipeline, loaded_at); CREATE INDEX IF NOT EXISTS \"%w_raw\" ON \"%w\" (raw_id)",
                        transformed, transformed, transformed, transformed, transformed));
  if (rc == ETL_OK && !in->keep)
    rc = run_on_both(in, "removing captured records of dead runs", "DELETE FROM \"%w\" WHERE pipeline = ?1 AND aside <> '' AND aside <> ?2", in->run);
  return rc == ETL_OK ? database_run(&in->d, doing, "COMMIT") : rc;
}

static int32_t create(void *self) {
  struct loader *in = self;
  int32_t rc = loader_connect(in);
  if (rc == ETL_OK)
    rc = database_begin(&in->d);
  if (rc == ETL_OK)
    rc = create_all(in);
  database_rollback(&in->d);
  return rc;
}

/* ---- storing ---------------------------------------------------------------------------------------------------------------------------- */

enum { TIME_BYTES = 64 };

/* As strftime('%Y-%m-%dT%H:%M:%fZ') writes it. */
static const char *time_text(int64_t at_ns, char ret[TIME_BYTES]) {
  struct etl_civil d = etl_civil_from_days(at_ns / INT64_C(86400000000000));
  int64_t ms = at_ns / 1000000 % INT64_C(86400000), s = ms / 1000;
  snprintf(ret, TIME_BYTES, "%04" PRId64 "-%02d-%02dT%02d:%02d:%02d.%03dZ", d.year, (int)d.month, (int)d.day, (int)(s / 3600), (int)(s / 60 % 60), (int)(s % 60),
           (int)(ms % 1000));
  return ret;
}

static int32_t store_one(struct loader *in, sqlite3_stmt *stmt, const struct etl_captured *c) {
  char at[TIME_BYTES];
  bool row;
  const char *const raw[] = {c->id, in->pipeline, state_scope(in), in->run, c->stream, c->shard, time_text(c->at_ns, at), c->source, c->data};
  const char *const transformed[] = {c->id, in->pipeline,    state_scope(in), in->run,   c->stream, c->shard, at,
                                     c->raw_id, c->table_stream, status_name(c->status), c->reason, c->data};
  if (c->status)
    database_bind(stmt, sizeof transformed / sizeof *transformed, transformed);
  else
    database_bind(stmt, sizeof raw / sizeof *raw, raw);
  sqlite3_bind_int64(stmt, c->status ? 13 : 10, (int64_t)c->epoch);
  if (c->status && c->row > 0)
    sqlite3_bind_int64(stmt, 14, c->row);
  int32_t rc = database_step(&in->d, "keeping captured records", stmt, &row);
  sqlite3_reset(stmt);
  sqlite3_clear_bindings(stmt);
  return rc;
}

static int32_t store_kind(struct loader *in, const char *table, const char *fmt, bool raw, const struct etl_captured *const *records, uint64_t n) {
  sqlite3_stmt *stmt = NULL;
  if (!table)
    return ETL_OK;
  int32_t rc = database_prepare_owned(&in->d, "keeping captured records", sqlite3_mprintf(fmt, table), &stmt);
  for (uint64_t i = 0; i < n && rc == ETL_OK; i++)
    if (raw == !records[i]->status)
      rc = store_one(in, stmt, records[i]);
  sqlite3_finalize(stmt);
  return rc;
}

static int32_t store(void *self, const struct etl_captured *const *records, uint64_t n) {
  struct loader *in = self;
  int32_t rc = store_kind(in, in->capture.raw,
                          "INSERT INTO \"%w\" (id, pipeline, aside, run, stream, shard, captured_at, source, data, epoch) "
                          "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
                          true, records, n);
  return rc == ETL_OK ? store_kind(in, in->capture.transformed,
                                   "INSERT INTO \"%w\" (id, pipeline, aside, run, stream, shard, loaded_at, raw_id, table_stream, status, reason, data, epoch, "
                                   "row) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
                                   false, records, n)
                      : rc;
}

static int32_t revise(void *self, const struct etl_captured *c) {
  struct loader *in = self;
  char *sql = sqlite3_mprintf("UPDATE \"%w\" SET row = NULL, status = ?2, reason = ?3 WHERE id = ?1", in->capture.transformed);
  int32_t rc = sql ? state_run(in, "correcting a captured record", sql, 3, (const char *const[]){c->id, status_name(c->status), c->reason}, NULL)
                   : database_no_memory(&in->d);
  sqlite3_free(sql);
  return rc;
}

static int32_t prune(void *self, int64_t before_ns, uint64_t *ret_pruned) {
  struct loader *in = self;
  char before[TIME_BYTES];
  int pruned = 0;
  int32_t rc = loader_connect(in);
  time_text(before_ns, before);
  if (rc == ETL_OK)
    rc = run_on(in, in->capture.raw, "deleting old captured records", "DELETE FROM \"%w\" WHERE pipeline = ?1 AND captured_at < ?2", before, &pruned);
  if (rc == ETL_OK)
    rc = run_on(in, in->capture.transformed, "deleting old captured records", "DELETE FROM \"%w\" WHERE pipeline = ?1 AND loaded_at < ?2", before, &pruned);
  *ret_pruned = (uint64_t)pruned;
  return rc;
}

const struct etl_capture sqlite_capture = {
    .struct_size = sizeof sqlite_capture, .tables = tables, .create = create, .store = store, .revise = revise, .prune = prune};
