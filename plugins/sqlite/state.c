/* Where lanes stand, in tables of the database that rows go to.
 *
 *   etl_pipelines   (pipeline, owner, run, claimed_at)     owner: grows with every run that claims
 *   etl_cursors     (pipeline, aside, stream, shard, target, epoch, cursor, note, finished, rows, run, updated_at)
 *                   aside: '', or the run that builds its tables aside; its cursors take the place of the others at the swap
 *   etl_asides      (pipeline, run, stream, table_name, target)     tables aside, so that a later run removes what a dead one left
 *   etl_quarantine  one row for each that was set aside
 *
 * There is one writer at a time: a claim waits for the transaction of an older run, and a commit that comes after it sees the new owner. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "loader.h"

static const char tables[] =
    "CREATE TABLE IF NOT EXISTS etl_pipelines (pipeline TEXT PRIMARY KEY, owner INTEGER NOT NULL, run TEXT NOT NULL, claimed_at TEXT NOT NULL);"
    "CREATE TABLE IF NOT EXISTS etl_cursors (pipeline TEXT, aside TEXT, stream TEXT, shard TEXT, target TEXT NOT NULL, epoch INTEGER NOT NULL, "
    "cursor BLOB NOT NULL, note TEXT, finished INTEGER NOT NULL, rows INTEGER NOT NULL, run TEXT NOT NULL, updated_at TEXT NOT NULL, "
    "PRIMARY KEY (pipeline, aside, stream, shard));"
    "CREATE TABLE IF NOT EXISTS etl_asides (pipeline TEXT, run TEXT, stream TEXT, table_name TEXT NOT NULL, target TEXT NOT NULL, "
    "PRIMARY KEY (pipeline, run, stream));"
    "CREATE TABLE IF NOT EXISTS etl_quarantine (id INTEGER PRIMARY KEY AUTOINCREMENT, pipeline TEXT NOT NULL, aside TEXT NOT NULL, run TEXT NOT NULL, "
    "stream TEXT NOT NULL, shard TEXT NOT NULL, epoch INTEGER NOT NULL, seq INTEGER NOT NULL, at TEXT NOT NULL, stage TEXT NOT NULL, "
    "connector TEXT NOT NULL, table_stream TEXT NOT NULL, error_class INTEGER NOT NULL, vendor_code INTEGER, vendor_state TEXT, column_name TEXT, "
    "row INTEGER, message TEXT NOT NULL, raw TEXT NOT NULL, columns TEXT, UNIQUE (pipeline, aside, stream, shard, epoch, seq))";

#define NOW "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')"

const char *state_scope(const struct loader *in) { return loader_asides(in) ? in->run : ""; }

int32_t state_run(struct loader *in, const char *doing, const char *sql, int n, const char *const *params, int *ret_changes) {
  sqlite3_stmt *stmt = NULL;
  bool row;
  int32_t rc = database_prepare(&in->d, doing, sql, &stmt);
  if (rc == ETL_OK) {
    database_bind(stmt, n, params);
    rc = database_step(&in->d, doing, stmt, &row);
  }
  sqlite3_finalize(stmt);
  if (ret_changes)
    *ret_changes = sqlite3_changes(in->d.db);
  return rc;
}

int32_t state_exists(struct loader *in, bool *ret) { return table_exists(in, "etl_quarantine", ret); }

/* ---- claim ------------------------------------------------------------------------------------------------------------------------------- */

static int32_t fenced(const struct loader *in, const char *why) {
  struct etl_error e = ETL_ERROR(ETL_E_FENCED);
  e.remedy = "nothing is lost: the newer run goes on; run one instance of a pipeline at a time";
  return etl_failf(in->host, &e, "sqlite: another run has taken over the pipeline %s: %s", in->pipeline, why);
}

/* Who owns the pipeline; *ret_owner 0: nobody yet. */
static int32_t owner_of(struct loader *in, uint64_t *ret_owner, char *ret_run, size_t run_size) {
  sqlite3_stmt *stmt = NULL;
  bool row = false;
  const char *doing = "looking who owns the pipeline", *pipeline = in->pipeline;
  int32_t rc = database_prepare(&in->d, doing, "SELECT owner, run FROM etl_pipelines WHERE pipeline = ?1", &stmt);
  if (rc == ETL_OK) {
    database_bind(stmt, 1, &pipeline);
    rc = database_step(&in->d, doing, stmt, &row);
  }
  *ret_owner = row ? (uint64_t)sqlite3_column_int64(stmt, 0) : 0;
  snprintf(ret_run, run_size, "%s", row ? (const char *)sqlite3_column_text(stmt, 1) : "its row in etl_pipelines was deleted");
  sqlite3_finalize(stmt);
  return rc;
}

static int32_t claim(struct loader *in, const struct etl_claim *c, uint64_t *ret_owner) {
  char run[128], number[24];
  uint64_t owner = 0;
  int32_t rc = database_run(&in->d, "making its state tables", tables);
  if (rc == ETL_OK)
    rc = owner_of(in, &owner, run, sizeof run);
  if (rc != ETL_OK)
    return rc;
  if (c->owner != 0 && c->owner < owner)
    return fenced(in, run);
  owner = c->owner ? c->owner : owner + 1;
  snprintf(number, sizeof number, "%" PRIu64, owner);
  rc = state_run(in, "claiming the pipeline",
                 "INSERT INTO etl_pipelines VALUES (?1, CAST(?2 AS INTEGER), ?3, " NOW ") ON CONFLICT (pipeline) DO UPDATE SET owner = excluded.owner, "
                 "run = excluded.run, claimed_at = excluded.claimed_at",
                 3, (const char *const[]){in->pipeline, number, c->run}, NULL);
  if (rc == ETL_OK)
    rc = database_run(&in->d, "claiming the pipeline", "COMMIT");
  if (rc == ETL_OK)
    *ret_owner = in->owner = owner;
  return rc;
}

int32_t state_claim(struct loader *in, const struct etl_claim *c, uint64_t *ret_owner) {
  bool made = !database_exists(&in->d);
  int32_t rc = loader_connect(in);
  if (rc == ETL_OK && made && in->wal)
    rc = database_run(&in->d, "setting its journal", "PRAGMA journal_mode = WAL");
  if (rc == ETL_OK)
    rc = database_begin(&in->d);
  if (rc == ETL_OK)
    rc = claim(in, c, ret_owner);
  database_rollback(&in->d);
  return rc;
}

int32_t state_check_owner(struct loader *in) {
  char run[128];
  uint64_t owner;
  int32_t rc = owner_of(in, &owner, run, sizeof run);
  return rc == ETL_OK && owner != in->owner ? fenced(in, run) : rc;
}

/* ---- cursors ------------------------------------------------------------------------------------------------------------------------------- */

/* New rows would go into the new table, and the old ones would never be there. */
static int32_t check_target(const struct loader *in, const char *target) {
  struct etl_error e = ETL_ERROR(ETL_E_CONFIG);
  char remedy[512];
  if (strcmp(target, in->table) == 0)
    return ETL_OK;
  snprintf(remedy, sizeof remedy,
           "run with --full-refresh to load it from the start; or, if the table was renamed: UPDATE etl_cursors SET target = '%.100s' WHERE pipeline = '%.100s'",
           in->table, in->pipeline);
  e.option = "table";
  e.remedy = remedy;
  return etl_failf(in->host, &e, "sqlite: the pipeline %s has loaded %s so far; %s would get only what is new from now on", in->pipeline, target, in->table);
}

static int32_t tell(struct loader *in, sqlite3_stmt *stmt, int32_t (*each)(void *arg, const struct etl_cursor *), void *arg) {
  int32_t rc = check_target(in, (const char *)sqlite3_column_text(stmt, 4));
  struct etl_cursor c = {.struct_size = sizeof c,
                         .stream = (const char *)sqlite3_column_text(stmt, 0),
                         .shard = (const char *)sqlite3_column_text(stmt, 1),
                         .epoch = (uint64_t)sqlite3_column_int64(stmt, 2),
                         .note = (const char *)sqlite3_column_text(stmt, 5),
                         .flags = sqlite3_column_int(stmt, 6) ? ETL_CURSOR_FINISHED : 0};
  const void *p = sqlite3_column_blob(stmt, 3);
  c.cursor = (struct etl_bytes){p ? p : "", (uint64_t)sqlite3_column_bytes(stmt, 3)};
  return rc == ETL_OK ? each(arg, &c) : rc;
}

/* A write lock is asked for, because the transaction of a commit in flight holds it. */
int32_t state_committed(struct loader *in, int32_t (*each)(void *arg, const struct etl_cursor *), void *arg) {
  sqlite3_stmt *stmt = NULL;
  bool there = false, row = true;
  if (!database_exists(&in->d))
    return ETL_OK;
  int32_t rc = loader_connect(in);
  if (rc == ETL_OK)
    rc = state_exists(in, &there);
  if (rc == ETL_OK && there && !in->testing)
    rc = database_begin(&in->d);
  if (rc == ETL_OK && there)
    rc = database_prepare(&in->d, "asking where the lanes stand",
                          "SELECT stream, shard, epoch, cursor, target, note, finished FROM etl_cursors WHERE pipeline = ?1 AND aside = ?2", &stmt);
  if (stmt)
    database_bind(stmt, 2, (const char *const[]){in->pipeline, state_scope(in)});
  while (rc == ETL_OK && stmt && row) {
    rc = database_step(&in->d, "asking where the lanes stand", stmt, &row);
    if (rc == ETL_OK && row)
      rc = tell(in, stmt, each, arg);
  }
  sqlite3_finalize(stmt);
  database_rollback(&in->d);
  return rc;
}

int32_t state_store(struct loader *in, const struct etl_cursor *to) {
  static const char update[] = "UPDATE etl_cursors SET epoch = ?5, cursor = ?6, note = ?7, finished = ?8, rows = rows + ?9, run = ?10, target = ?11, "
                               "updated_at = " NOW " WHERE pipeline = ?1 AND aside = ?2 AND stream = ?3 AND shard = ?4 AND epoch = ?5 - 1";
  static const char insert[] = "INSERT OR IGNORE INTO etl_cursors (pipeline, aside, stream, shard, epoch, cursor, note, finished, rows, run, target, updated_at) "
                               "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, " NOW ")";
  const char *doing = "storing the cursor";
  const char *where[] = {in->pipeline, state_scope(in), to->stream, to->shard};
  sqlite3_stmt *stmt = NULL;
  bool row;
  if (to->flags & ETL_CURSOR_FORGET)
    return state_run(in, "forgetting a lane", "DELETE FROM etl_cursors WHERE pipeline = ?1 AND aside = ?2 AND stream = ?3 AND shard = ?4", 4, where, NULL);
  int32_t rc = database_prepare(&in->d, doing, to->epoch > 1 ? update : insert, &stmt);
  if (rc == ETL_OK) {
    database_bind(stmt, 4, where);
    sqlite3_bind_int64(stmt, 5, (int64_t)to->epoch);
    sqlite3_bind_blob64(stmt, 6, to->cursor.n ? to->cursor.p : "", to->cursor.n, SQLITE_STATIC);
    sqlite3_bind_text(stmt, 7, ETL_HAS(to, etl_cursor, note) ? to->note : NULL, -1, SQLITE_STATIC);
    sqlite3_bind_int(stmt, 8, (to->flags & ETL_CURSOR_FINISHED) != 0);
    sqlite3_bind_int64(stmt, 9, in->written);
    sqlite3_bind_text(stmt, 10, in->run, -1, SQLITE_STATIC);
    sqlite3_bind_text(stmt, 11, in->table, -1, SQLITE_STATIC);
    rc = database_step(&in->d, doing, stmt, &row);
  }
  sqlite3_finalize(stmt);
  return rc == ETL_OK && sqlite3_changes(in->d.db) != 1 ? fenced(in, "the lane stands at another epoch than this run left it") : rc;
}
