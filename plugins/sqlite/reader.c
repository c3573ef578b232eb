/* A reader: one statement, open from the first row to the last, so that it sees one state of the database.  A safe point lies only where the
 * cursor's values change: after a batch the next row is looked at before the batch is told. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "source.h"

void reader_close(void *reader) {
  struct reader *r = reader;
  sqlite3_finalize(r->stmt);
  database_fini(&r->d);
  etl_batch_fini(&r->batch);
  etl_schema_release(&r->schema);
  tuple_fini(&r->last);
  tuple_fini(&r->now);
  free(r->told.p);
  free(r->columns);
  free(r->cursor_at);
  free(r->stream);
  free(r);
}

static int32_t start(struct reader *r, const struct etl_read *read) {
  struct tuple from = {0};
  struct etl_error e = ETL_ERROR(ETL_E_CONFIG);
  e.option = "cursor";
  e.remedy = "run with --full-refresh, or set cursor as it was";
  int32_t rc = database_init(&r->d, read->host, r->s->path, r->s->busy_ns);
  r->stream = strdup(read->stream->name);
  if (rc == ETL_OK && !r->stream)
    rc = database_no_memory(&r->d);
  r->is_query = r->s->query != NULL;
  if (rc == ETL_OK && r->s->cursor.n && read->cursor.p && tuple_decode(&from, read->cursor, r->s->cursor.v, r->s->cursor.n) < 0)
    rc = etl_failf(read->host, &e, "sqlite: what was committed of %s belongs to another cursor", read->stream->name);
  if (rc == ETL_OK)
    rc = database_open(&r->d, SQLITE_OPEN_READONLY);
  if (rc == ETL_OK)
    rc = table_open(r, &from);
  r->range = (struct range){0};
  if (rc == ETL_OK && etl_batch_init(&r->batch, read->host, &r->schema, r->want_rows) < 0)
    rc = database_no_memory(&r->d);
  tuple_fini(&from);
  return rc;
}

int32_t reader_open(void *self, const struct etl_read *read, void **ret) {
  struct reader *r = calloc(1, sizeof *r);
  struct etl_error e = ETL_ERROR(ETL_E_PERMANENT);
  if (!r)
    return etl_failf(read->host, &e, "sqlite: no memory");
  r->s = self;
  r->limit_rows = read->limit_rows;
  if (ETL_HAS(read, etl_read, range_to))
    r->range = (struct range){.from = read->range_from, .to = read->range_to};
  r->want_rows = read->want_rows ? read->want_rows : 8192;
  r->want_bytes = read->want_bytes ? read->want_bytes : 8 << 20;
  int32_t rc = start(r, read);
  if (rc != ETL_OK)
    reader_close(r);
  else
    *ret = r;
  return rc;
}

/* ---- rows ------------------------------------------------------------------------------------------------------------------------------------ */

static json_t *value_json(sqlite3_stmt *stmt, int i) {
  const void *p;
  size_t n;
  json_t *v = NULL;
  switch (sqlite3_column_type(stmt, i)) {
  case SQLITE_NULL: return json_null();
  case SQLITE_INTEGER: return json_integer(sqlite3_column_int64(stmt, i));
  case SQLITE_FLOAT:
    v = json_real(sqlite3_column_double(stmt, i));
    return v ? v : json_string((const char *)sqlite3_column_text(stmt, i)); /* an infinity */
  case SQLITE_TEXT:
    p = sqlite3_column_text(stmt, i);
    v = json_stringn(p, (size_t)sqlite3_column_bytes(stmt, i));
    if (v)
      return v;
  }
  p = sqlite3_column_blob(stmt, i);
  n = (size_t)sqlite3_column_bytes(stmt, i);
  char *hex = malloc(2 * n + 3);
  if (!hex)
    return json_null();
  memcpy(hex, "\\x", 3);
  for (size_t k = 0; k < n; k++)
    snprintf(hex + 2 + 2 * k, 3, "%02x", ((const uint8_t *)p)[k]);
  v = json_string(hex);
  free(hex);
  return v;
}

static int32_t reject(struct reader *r, int64_t column, const char *why) {
  struct etl_error e = ETL_ERROR(ETL_E_DATA);
  json_t *row = json_object();
  char where[64] = "";
  e.column = (int32_t)column;
  for (int64_t i = 0; i < r->schema.n_children; i++)
    json_object_set_new(row, r->schema.children[i]->name, value_json(r->stmt, r->columns[i].at));
  char *raw = json_dumps(row, JSON_COMPACT | JSON_REAL_PRECISION(17));
  json_decref(row);
  if (!raw)
    return database_no_memory(&r->d);
  if (r->has_rowid)
    snprintf(where, sizeof where, ", rowid %lld", (long long)sqlite3_column_int64(r->stmt, 0));
  int32_t rc = etl_reject_raw(r->d.host, &e, (struct etl_bytes){raw, strlen(raw)}, (int64_t)r->rows, "sqlite: %s%s: the value in column \"%s\": %s",
                              r->stream, where, r->schema.children[column]->name, why);
  free(raw);
  return rc;
}

static int32_t take_row(struct reader *r) {
  if (etl_batch_row(&r->batch) < 0)
    return database_no_memory(&r->d);
  for (int64_t i = 0; i < r->schema.n_children; i++) {
    bool no_memory = false;
    const char *why = type_read(r->stmt, r->columns[i].at, &r->columns[i].f, &r->batch, i, &no_memory);
    if (no_memory)
      return database_no_memory(&r->d);
    if (why) {
      etl_batch_undo_row(&r->batch);
      return reject(r, i, why);
    }
  }
  return ETL_OK;
}

static bool full(const struct reader *r, uint64_t since) {
  return since >= r->want_rows || (since % 256 == 0 && etl_batch_size_bytes(&r->batch) >= r->want_bytes);
}

/* Rows until the batch is full and the next one stands at another place; *ret_safe: it does, or there is none. */
static int32_t fill(struct reader *r, bool *ret_safe) {
  size_t n = r->s->cursor.n;
  uint64_t since = 0;
  *ret_safe = false;
  for (;;) {
    bool row = r->pending;
    int32_t rc = row ? ETL_OK : database_step(&r->d, "reading", r->stmt, &row);
    if (rc != ETL_OK)
      return rc;
    r->pending = row;
    r->ended = !row;
    if (row && tuple_take(&r->now, r->stmt, r->cursor_at, n) < 0)
      return database_no_memory(&r->d);
    if (r->ended || (since > 0 && full(r, since))) {
      *ret_safe = r->ended || (n > 0 && !tuple_equal(&r->now, &r->last));
      return ETL_OK;
    }
    rc = take_row(r);
    if (rc != ETL_OK)
      return rc;
    struct tuple swap = r->last;
    r->last = r->now;
    r->now = swap;
    r->pending = false;
    r->rows++;
    since++;
  }
}

int32_t reader_next(void *reader, uint64_t wait_ms, uint32_t want_cursor, struct etl_msg *m) {
  struct reader *r = reader;
  bool safe = false;
  (void)wait_ms; /* a file does not let one wait */
  (void)want_cursor;
  if (r->ended)
    return ETL_DONE;
  int32_t rc = fill(r, &safe);
  if (rc != ETL_OK)
    return rc;
  if (etl_batch_rows(&r->batch) > 0) {
    if (etl_batch_finish(&r->batch, &m->rows) < 0)
      return database_no_memory(&r->d);
    m->flags |= ETL_M_ROWS;
  }
  bool whole = r->s->cursor.n == 0;
  if (safe && (whole ? r->ended : r->last.n > 0)) {
    if (tuple_encode(&r->last, whole ? NULL : r->s->cursor.v, &r->told) < 0)
      return database_no_memory(&r->d);
    m->flags |= ETL_M_CURSOR;
    m->cursor = (struct etl_bytes){r->told.p, r->told.n};
  }
  if (!r->told_schema && etl_schema_copy(&r->schema, &m->schema) < 0)
    return database_no_memory(&r->d); /* the host releases the rows */
  m->flags |= r->told_schema ? 0 : ETL_M_SCHEMA;
  r->told_schema = true;
  if (safe && r->limit_rows && r->rows >= r->limit_rows)
    r->ended = true;
  m->lag_ns = -1;
  return r->ended ? ETL_DONE : ETL_OK;
}
