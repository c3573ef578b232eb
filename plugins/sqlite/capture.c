/* Records of rows as they came and as they were loaded (etl.capture/1): tables beside the targets, written in the transaction of the epoch.
 *
 *   etl_captures          (id, pipeline, aside, run, stream, shard, epoch, table_stream, at): a lot of records; aside: as in the state tables
 *   etl_raw_data          (id, captured_at, source, data)
 *   etl_transformed_data  (id, raw_id, row, status, reason, data)
 *
 * What records have in common is with their lot, so that they are small. */
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

/* ---- lots ------------------------------------------------------------------------------------------------------------------------------- */

_Static_assert(ETL_CAPTURE_LOT_BITS == 24, "as the statements below have it");

#define SOME_LOTS "(SELECT * FROM etl_captures WHERE pipeline = ?1 AND %s ORDER BY at, id LIMIT 16)"

static int32_t forget_records(struct loader *in, const char *doing, const char *table, const char *where, const char *param) {
  if (!table)
    return ETL_OK;
  char *sql = sqlite3_mprintf("DELETE FROM \"%w\" WHERE id IN (SELECT r.id FROM " SOME_LOTS " AS c CROSS JOIN \"%w\" AS r ON r.id >= c.id << 24 AND "
                              "r.id < (c.id + 1) << 24)",
                              table, where, table);
  int32_t rc = sql ? state_run(in, doing, sql, 2, (const char *const[]){in->pipeline, param}, NULL) : database_no_memory(&in->d);
  sqlite3_free(sql);
  return rc;
}

/* Some lots for which `where` holds, with their records.  Lots go last: if it ends on the way, the next one does the rest. */
static int32_t forget_some(struct loader *in, const char *doing, const char *where, const char *param, uint64_t *ret_lots) {
  int lots = 0;
  int32_t rc = forget_records(in, doing, in->capture.raw, where, param);
  if (rc == ETL_OK)
    rc = forget_records(in, doing, in->capture.transformed, where, param);
  char *sql = rc == ETL_OK ? sqlite3_mprintf("DELETE FROM etl_captures WHERE id IN (SELECT id FROM " SOME_LOTS ")", where) : NULL;
  if (rc == ETL_OK)
    rc = sql ? state_run(in, doing, sql, 2, (const char *const[]){in->pipeline, param}, &lots) : database_no_memory(&in->d);
  sqlite3_free(sql);
  *ret_lots = (uint64_t)lots;
  return rc;
}

static int32_t forget(struct loader *in, const char *doing, const char *where, const char *param) {
  uint64_t lots = 1;
  int32_t rc = ETL_OK;
  while (rc == ETL_OK && lots > 0)
    rc = forget_some(in, doing, where, param, &lots);
  return rc;
}

static bool captures(const struct loader *in) { return in->capture.raw || in->capture.transformed; }

int32_t capture_adopt(struct loader *in, const char *run) {
  static const char sql[] = "UPDATE etl_captures SET aside = '' WHERE pipeline = ?1 AND aside = ?2";
  return captures(in) ? state_run(in, "bringing captured records into sight", sql, 2, (const char *const[]){in->pipeline, run}, NULL) : ETL_OK;
}

int32_t capture_drop(struct loader *in, const char *run) {
  return captures(in) ? forget(in, "removing captured records", "aside = ?2", run) : ETL_OK;
}

static int32_t create_all(struct loader *in) {
  const char *doing = "making the tables for captured records", *raw = in->capture.raw, *transformed = in->capture.transformed;
  int32_t rc = database_run(&in->d, doing,
                            "CREATE TABLE IF NOT EXISTS etl_captures (id INTEGER PRIMARY KEY AUTOINCREMENT, pipeline TEXT NOT NULL, "
                            "aside TEXT NOT NULL, run TEXT NOT NULL, stream TEXT NOT NULL, shard TEXT NOT NULL, epoch INTEGER NOT NULL, "
                            "table_stream TEXT, at TEXT NOT NULL); "
                            "CREATE INDEX IF NOT EXISTS etl_captures_at ON etl_captures (pipeline, at)");
  if (rc == ETL_OK && raw)
    rc = database_run_owned(&in->d, doing,
                            sqlite3_mprintf("CREATE TABLE IF NOT EXISTS \"%w\" (id INTEGER PRIMARY KEY, captured_at TEXT NOT NULL, source TEXT NOT "
                                            "NULL, data TEXT NOT NULL)",
                                            raw));
  if (rc == ETL_OK && transformed)
    rc = database_run_owned(&in->d, doing,
                            sqlite3_mprintf("CREATE TABLE IF NOT EXISTS \"%w\" (id INTEGER PRIMARY KEY, raw_id INTEGER, row INTEGER, status TEXT NOT "
                                            "NULL, reason TEXT, data TEXT); CREATE INDEX IF NOT EXISTS \"%w_raw\" ON \"%w\" (raw_id)",
                                            transformed, transformed, transformed));
  if (rc == ETL_OK && !in->keep)
    rc = forget(in, "removing captured records of dead runs", "aside <> '' AND aside <> ?2", in->run);
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
  snprintf(ret, TIME_BYTES, "%04" PRId64 "-%02d-%02dT%02d:%02d:%02d.%03dZ", d.year, (int)d.month, (int)d.day, (int)(s / 3600), (int)(s / 60 % 60),
           (int)(s % 60), (int)(ms % 1000));
  return ret;
}

static int32_t lot(void *self, const struct etl_capture_lot *l, int64_t *ret_lot) {
  struct loader *in = self;
  char epoch[24];
  snprintf(epoch, sizeof epoch, "%" PRIu64, l->epoch);
  int32_t rc = state_run(in, "keeping captured records",
                         "INSERT INTO etl_captures (pipeline, aside, run, stream, shard, epoch, table_stream, at) "
                         "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))",
                         7, (const char *const[]){in->pipeline, state_scope(in), in->run, l->stream, l->shard, epoch, l->table_stream}, NULL);
  *ret_lot = sqlite3_last_insert_rowid(in->d.db);
  return rc;
}

static int32_t store_range(struct loader *in, sqlite3_stmt *stmt, const struct etl_captured *c) {
  char at[TIME_BYTES];
  const char *const came[] = {time_text(c->at_ns, at), c->source}, *const went[] = {status_name(c->status), c->reason};
  const char *data = c->data;
  bool row;
  int32_t rc = ETL_OK;
  database_bind(stmt, 2, c->status ? went : came);
  for (uint64_t i = 0; i < c->n && rc == ETL_OK; i++) {
    size_t n = data ? strlen(data) : 0;
    sqlite3_bind_text64(stmt, 3, data, n, SQLITE_STATIC, SQLITE_UTF8);
    sqlite3_bind_int64(stmt, 4, c->id + (int64_t)i);
    if (c->raw && c->raw[i])
      sqlite3_bind_int64(stmt, 5, c->raw[i]);
    else if (c->raw)
      sqlite3_bind_null(stmt, 5);
    if (c->row > 0)
      sqlite3_bind_int64(stmt, 6, c->row + (int64_t)i);
    rc = database_step(&in->d, "keeping captured records", stmt, &row);
    sqlite3_reset(stmt);
    data += data ? n + 1 : 0;
  }
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
      rc = store_range(in, stmt, records[i]);
  sqlite3_finalize(stmt);
  return rc;
}

static int32_t store(void *self, const struct etl_captured *const *records, uint64_t n) {
  struct loader *in = self;
  int32_t rc = store_kind(in, in->capture.raw, "INSERT INTO \"%w\" (captured_at, source, data, id) VALUES (?1, ?2, ?3, ?4)", true, records, n);
  return rc == ETL_OK ? store_kind(in, in->capture.transformed,
                                   "INSERT INTO \"%w\" (status, reason, data, id, raw_id, row) VALUES (?1, ?2, ?3, ?4, ?5, ?6)", false, records, n)
                      : rc;
}

static int32_t revise(void *self, const struct etl_captured *const *records, uint64_t n) {
  struct loader *in = self;
  char id[24];
  char *sql = sqlite3_mprintf("UPDATE \"%w\" SET row = NULL, status = ?2, reason = ?3 WHERE id = CAST(?1 AS INTEGER)", in->capture.transformed);
  int32_t rc = sql ? ETL_OK : database_no_memory(&in->d);
  for (uint64_t i = 0; i < n && rc == ETL_OK; i++) {
    snprintf(id, sizeof id, "%" PRId64, records[i]->id);
    rc = state_run(in, "correcting a captured record", sql, 3, (const char *const[]){id, status_name(records[i]->status), records[i]->reason}, NULL);
  }
  sqlite3_free(sql);
  return rc;
}

static int32_t prune(void *self, int64_t before_ns, uint64_t *ret_lots) {
  struct loader *in = self;
  char before[TIME_BYTES];
  int32_t rc = loader_connect(in);
  return rc == ETL_OK ? forget_some(in, "deleting old captured records", "at < ?2", time_text(before_ns, before), ret_lots) : rc;
}

const struct etl_capture sqlite_capture = {
    .struct_size = sizeof sqlite_capture, .tables = tables, .create = create, .lot = lot, .store = store, .revise = revise, .prune = prune};
