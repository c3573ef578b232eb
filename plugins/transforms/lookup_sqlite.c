/* The table of a lookup out of a SQLite database, opened for reading alone. */
#include <sqlite3.h>
#include <stdlib.h>

#include "lookup.h"

enum {
  BUSY_MS = 5000,
  OPS_BETWEEN_LOOKS = 10000
};

static int look(void *host) { return ((const struct etl_host *)host)->cancelled(host); }

static int32_t fail(const struct lookup_reader *r, sqlite3 *db, int code, const char *option) {
  bool busy = (code & 0xff) == SQLITE_BUSY || (code & 0xff) == SQLITE_LOCKED;
  struct etl_error e = ETL_ERROR(busy ? ETL_E_RETRYABLE : ETL_E_CONFIG);
  if ((code & 0xff) == SQLITE_INTERRUPT)
    return ETL_STOPPED;
  e.vendor_code = code;
  e.option = option;
  e.remedy = busy ? "wait until whoever writes to the database is done" : "check the file and the query";
  return etl_failf(r->host, &e, "lookup: %s: %s", r->o->database, db ? sqlite3_errmsg(db) : sqlite3_errstr(code));
}

static const char *column_name(void *stmt, int64_t i) { return sqlite3_column_name(stmt, (int)i); }

static int32_t read_rows(const struct lookup_reader *r, sqlite3 *db, sqlite3_stmt *stmt, int64_t *at, struct etl_bytes *cells) {
  int code = SQLITE_ROW;
  int32_t rc = lookup_find_columns(r, column_name, stmt, sqlite3_column_count(stmt), at);
  for (int64_t line = 1; rc == ETL_OK && (code = sqlite3_step(stmt)) == SQLITE_ROW; line++) {
    for (size_t i = 0; i < r->names_n; i++) {
      const void *text = sqlite3_column_text(stmt, (int)at[i]);
      cells[i] = (struct etl_bytes){text, (uint64_t)sqlite3_column_bytes(stmt, (int)at[i])};
      if (!text && sqlite3_column_type(stmt, (int)at[i]) != SQLITE_NULL)
        return transformer_no_memory(r->host, "lookup");
    }
    rc = r->row(r->arg, cells, line);
  }
  return rc == ETL_OK && code != SQLITE_DONE ? fail(r, db, code, "query") : rc;
}

static int32_t read_query(const struct lookup_reader *r, sqlite3 *db) {
  sqlite3_stmt *stmt = NULL;
  const char *rest = "";
  int code = sqlite3_prepare_v2(db, r->o->query, -1, &stmt, &rest);
  if (code != SQLITE_OK || !stmt)
    return fail(r, db, code ? code : SQLITE_ERROR, "query");
  int64_t *at = calloc(r->names_n, sizeof *at);
  struct etl_bytes *cells = calloc(r->names_n, sizeof *cells);
  int32_t rc = at && cells ? read_rows(r, db, stmt, at, cells) : transformer_no_memory(r->host, "lookup");
  free(at);
  free(cells);
  sqlite3_finalize(stmt);
  return rc;
}

int32_t lookup_read_sqlite(const struct lookup_reader *r) {
  sqlite3 *db = NULL;
  int code = sqlite3_open_v2(r->o->database, &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL);
  int32_t rc = ETL_OK;
  if (code != SQLITE_OK) {
    rc = fail(r, db, code, "database");
  } else {
    sqlite3_busy_timeout(db, BUSY_MS);
    sqlite3_progress_handler(db, OPS_BETWEEN_LOOKS, look, (void *)(uintptr_t)r->host);
    rc = read_query(r, db);
  }
  sqlite3_close(db);
  return rc;
}
