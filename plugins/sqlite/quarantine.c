/* Rows that were set aside: stored with their epoch, told and dropped again. */
#include <stdlib.h>

#include "loader.h"

#define NOW "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')"

/* ---- storing ------------------------------------------------------------------------------------------------------------------------------- */

static int32_t store(struct loader *in, const struct etl_rejected *r) {
  sqlite3_stmt *stmt = NULL;
  bool row;
  const char *doing = "keeping a row that was set aside";
  int32_t rc = database_prepare(&in->d, doing,
                                "INSERT INTO etl_quarantine (pipeline, aside, run, stream, shard, stage, connector, table_stream, vendor_state, column_name, "
                                "message, raw, columns, epoch, seq, error_class, vendor_code, row, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, "
                                "?13, ?14, ?15, ?16, ?17, ?18, " NOW ")",
                                &stmt);
  if (rc == ETL_OK) {
    database_bind(stmt, 13, (const char *const[]){in->pipeline, state_scope(in), in->run, r->stream, r->shard, r->stage, r->connector, r->table_stream,
                                                  r->vendor_state, r->column, r->message, r->raw, r->columns});
    sqlite3_bind_int64(stmt, 14, (int64_t)r->epoch);
    sqlite3_bind_int64(stmt, 15, (int64_t)r->seq);
    sqlite3_bind_int64(stmt, 16, r->error_class);
    if (r->vendor_code)
      sqlite3_bind_int64(stmt, 17, r->vendor_code);
    if (r->row >= 0)
      sqlite3_bind_int64(stmt, 18, r->row);
    rc = database_step(&in->d, doing, stmt, &row);
  }
  sqlite3_finalize(stmt);
  return rc;
}

/* What came before for the same epoch was never committed together with it, or is of a life before a full refresh. */
static int32_t forget(struct loader *in, const struct etl_rejected *r) {
  char *epoch = sqlite3_mprintf("%llu", (unsigned long long)r->epoch);
  int32_t rc = epoch ? state_run(in, "replacing rows that were set aside",
                                 "DELETE FROM etl_quarantine WHERE pipeline = ?1 AND aside = ?2 AND stream = ?3 AND shard = ?4 AND epoch = CAST(?5 AS INTEGER)", 5,
                                 (const char *const[]){in->pipeline, state_scope(in), r->stream, r->shard, epoch}, NULL)
                     : database_no_memory(&in->d);
  sqlite3_free(epoch);
  return rc;
}

int32_t quarantine_reject(struct loader *in, const struct etl_rejected *const *rows, uint64_t n) {
  int32_t rc = ETL_OK;
  for (uint64_t i = 0; i < n && rc == ETL_OK; i++) {
    bool first = i == 0 || rows[i]->epoch != rows[i - 1]->epoch || strcmp(rows[i]->shard, rows[i - 1]->shard) != 0 ||
                 strcmp(rows[i]->stream, rows[i - 1]->stream) != 0;
    rc = first ? forget(in, rows[i]) : ETL_OK;
    if (rc == ETL_OK)
      rc = store(in, rows[i]);
  }
  return rc;
}

/* ---- telling ------------------------------------------------------------------------------------------------------------------------------- */

static const char *text_at(sqlite3_stmt *stmt, int i) { return (const char *)sqlite3_column_text(stmt, i); }

static int32_t tell(sqlite3_stmt *s, int32_t (*each)(void *arg, const struct etl_kept *), void *arg) {
  struct etl_rejected r = {.struct_size = sizeof r,
                           .stream = text_at(s, 3),
                           .shard = text_at(s, 4),
                           .epoch = (uint64_t)sqlite3_column_int64(s, 5),
                           .seq = (uint64_t)sqlite3_column_int64(s, 6),
                           .stage = text_at(s, 7),
                           .connector = text_at(s, 8),
                           .table_stream = text_at(s, 9),
                           .error_class = (uint32_t)sqlite3_column_int64(s, 10),
                           .vendor_code = sqlite3_column_int64(s, 11),
                           .vendor_state = text_at(s, 12),
                           .column = text_at(s, 13),
                           .row = sqlite3_column_type(s, 14) == SQLITE_NULL ? -1 : sqlite3_column_int64(s, 14),
                           .message = text_at(s, 15),
                           .raw = text_at(s, 16),
                           .columns = text_at(s, 17)};
  struct etl_kept k = {.struct_size = sizeof k,
                       .id = (uint64_t)sqlite3_column_int64(s, 0),
                       .run = text_at(s, 1),
                       .at_ns = sqlite3_column_int64(s, 2) * 1000000,
                       .rejected = &r};
  return each(arg, &k);
}

static int32_t open_if_there(struct loader *in, bool *ret) {
  *ret = database_exists(&in->d);
  int32_t rc = *ret ? loader_connect(in) : ETL_OK;
  return rc == ETL_OK && *ret ? state_exists(in, ret) : rc;
}

static int32_t list(void *self, uint64_t after, uint64_t limit, int32_t (*each)(void *arg, const struct etl_kept *), void *arg) {
  struct loader *in = self;
  sqlite3_stmt *stmt = NULL;
  bool there = false, row = true;
  const char *doing = "listing rows that were set aside";
  int32_t rc = open_if_there(in, &there);
  if (rc != ETL_OK || !there)
    return rc;
  rc = database_prepare(&in->d, doing,
                        "SELECT id, run, CAST(round((julianday(at) - 2440587.5) * 86400000) AS INTEGER), stream, shard, epoch, seq, stage, connector, "
                        "table_stream, error_class, vendor_code, vendor_state, column_name, row, message, raw, columns FROM etl_quarantine "
                        "WHERE pipeline = ?1 AND aside = '' AND id > ?2 ORDER BY id LIMIT ?3",
                        &stmt);
  if (rc == ETL_OK) {
    sqlite3_bind_text(stmt, 1, in->pipeline, -1, SQLITE_STATIC);
    sqlite3_bind_int64(stmt, 2, (int64_t)after);
    sqlite3_bind_int64(stmt, 3, limit ? (int64_t)limit : -1);
  }
  while (rc == ETL_OK && row) {
    rc = database_step(&in->d, doing, stmt, &row);
    if (rc == ETL_OK && row)
      rc = tell(stmt, each, arg);
  }
  sqlite3_finalize(stmt);
  return rc;
}

static int32_t drop(void *self, const uint64_t *ids, uint64_t n, uint64_t *ret_dropped) {
  struct loader *in = self;
  sqlite3_stmt *stmt = NULL;
  bool there = false, row;
  const char *doing = "dropping rows that were set aside";
  *ret_dropped = 0;
  int32_t rc = open_if_there(in, &there);
  if (rc != ETL_OK || !there)
    return rc;
  rc = database_prepare(&in->d, doing, "DELETE FROM etl_quarantine WHERE pipeline = ?1 AND aside = '' AND (?2 IS NULL OR id = ?2)", &stmt);
  for (uint64_t i = 0; rc == ETL_OK && i < (ids ? n : 1); i++) {
    sqlite3_reset(stmt);
    sqlite3_bind_text(stmt, 1, in->pipeline, -1, SQLITE_STATIC);
    if (ids)
      sqlite3_bind_int64(stmt, 2, (int64_t)ids[i]);
    rc = database_step(&in->d, doing, stmt, &row);
    *ret_dropped += rc == ETL_OK ? (uint64_t)sqlite3_changes(in->d.db) : 0;
  }
  sqlite3_finalize(stmt);
  return rc;
}

const struct etl_quarantine sqlite_quarantine = {.struct_size = sizeof sqlite_quarantine, .list = list, .drop = drop};
