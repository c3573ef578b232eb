/* Rows out of COPY into batches.  One row is held back: a cursor goes with a batch only when the row behind it, or the end, shows
 * that no equal tuple follows.  A group of equal tuples larger than a batch goes out in batches without one.  The end is the
 * server's CommandComplete with a count that is ours, and nothing else. */
#include "source_reader.h"

#include <stdlib.h>

static const char reading[] = "reading";
enum {
  REFUSED_MAX = 1024
};

/* ---- opening -------------------------------------------------------------------------------------------------------- */

static int32_t report_nulls(struct source_reader *r) {
  struct text sql = {0};
  PGresult *res = NULL;
  query_nulls(&sql, &r->table);
  int32_t rc = sql.failed ? source_no_memory(r->host)
               : sql.n    ? session_query(&r->session, "counting rows with a NULL cursor", text_str(&sql), 0, NULL, &res)
                          : ETL_OK;
  long long rows = res ? strtoll(PQgetvalue(res, 0, 0), NULL, 10) : 0;
  PQclear(res);
  text_fini(&sql);
  if (rc != ETL_OK || rows == 0)
    return rc;
  r->host->count(r->host, "null_cursor_rows", rows);
  if (r->settings->nulls == SOURCE_NULLS_FAIL) {
    struct etl_error e = ETL_ERROR(ETL_E_DATA);
    e.option = "null_cursor";
    e.remedy = "give these rows a value, leave them out with `where`, or set null_cursor = \"warn\"";
    return etl_failf(r->host, &e, "postgres: shard %s: %s: %lld rows have NULL in a cursor column", r->shard->id, r->table.stream,
                     rows);
  }
  etl_logf(r->host, ETL_LOG_WARN, "shard %s: %s: %lld rows have NULL in a cursor column and are not read", r->shard->id,
           r->table.stream, rows);
  return ETL_OK;
}

/* The snapshot of a piece must be the one that its instance holds: it ends with the session that exported it. */
static int32_t begin(struct source_reader *r) {
  r->session.trying = r->from.snapshot != NULL;
  int32_t rc = source_begin(&r->session, r->from.snapshot);
  r->session.trying = false;
  if (rc != ETL_FAILED || !r->session.trouble.message)
    return rc;
  struct etl_error e = ETL_ERROR(ETL_E_RETRYABLE);
  e.remedy = "run again: a new run makes a new one";
  return etl_failf(r->host, &e, "postgres: shard %s: the snapshot in which all pieces of %s are read is gone (%s)", r->shard->id,
                   r->table.stream, r->session.trouble.message);
}

/* The table is looked at in the transaction that then reads it; which snapshot that has only the cursor tells. */
static int32_t open_table(struct source_reader *r, const struct etl_read *read) {
  int32_t rc = session_connect(&r->session);
  if (rc == ETL_OK)
    rc = source_begin(&r->session, NULL);
  if (rc == ETL_OK)
    rc = source_table_init(&r->table, &r->session, r->settings, read->stream->name);
  if (rc == ETL_OK)
    rc = position_init(&r->from, &r->table, r->host, read->cursor);
  if (rc == ETL_OK && r->from.snapshot) {
    rc = session_run(&r->session, reading, "ROLLBACK");
    if (rc == ETL_OK)
      rc = begin(r);
  }
  if (rc == ETL_OK)
    rc = bounds_init(&r->bounds, &r->table, &r->session, read->range_from, read->range_to);
  return rc == ETL_OK && !r->from.until ? report_nulls(r) : rc;
}

static int32_t start(struct source_reader *r, const struct etl_read *read) {
  struct text sql = {0};
  int32_t rc = source_table_schema(&r->table, r->host, &r->schema);
  if (rc == ETL_OK &&
      (etl_batch_init(&r->batch, r->host, &r->schema, r->want_rows) < 0 || !(r->row = calloc(r->table.n, sizeof *r->row))))
    rc = source_no_memory(r->host);
  if (rc == ETL_OK)
    query_data(&sql, &r->table, &r->from, &r->bounds, read->limit_rows);
  if (rc == ETL_OK)
    rc = sql.failed ? source_no_memory(r->host) : session_copy_out(&r->session, reading, text_str(&sql));
  text_fini(&sql);
  return rc;
}

int32_t source_reader_open(struct source_instance *in, const struct etl_read *read, void **ret_reader) {
  const struct source_shard *shard = source_shard_find(&in->settings, read->shard->id);
  struct source_reader *r = shard ? calloc(1, sizeof *r) : NULL;
  if (!shard)
    return source_refuse(read->host, "shards", NULL, "there is no shard \"%s\"", read->shard->id);
  if (!r)
    return source_no_memory(read->host);
  r->host = read->host;
  r->settings = &in->settings;
  r->shard = shard;
  r->want_rows = read->want_rows ? read->want_rows : 8192;
  r->want_bytes = read->want_bytes ? read->want_bytes : 8 << 20;
  int32_t rc = session_init(&r->session, read->host, &shard->settings);
  if (rc == ETL_OK)
    rc = open_table(r, read);
  if (rc == ETL_OK)
    rc = start(r, read);
  if (rc == ETL_OK)
    *ret_reader = r;
  else
    source_reader_close(r);
  return rc;
}

void source_reader_cancel(void *reader) { session_cancel(&((struct source_reader *)reader)->session); }

void source_reader_close(void *reader) {
  struct source_reader *r = reader;
  PQfreemem(r->held);
  session_fini(&r->session);
  source_table_fini(&r->table);
  position_fini(&r->from);
  etl_schema_release(&r->schema);
  etl_batch_fini(&r->batch);
  tuple_fini(&r->last);
  refused_fini(r);
  text_fini(&r->told_cursor);
  free(r->row);
  free(r);
}

/* ---- rows ----------------------------------------------------------------------------------------------------------- */

static int32_t damaged(const struct source_reader *r, const char *what) {
  struct etl_error e = ETL_ERROR(ETL_E_INTERNAL);
  return etl_failf(r->host, &e, "postgres: shard %s: %s: what the server sent is not as COPY BINARY is described: %s", r->shard->id,
                   r->table.stream, what);
}

/* The signature, flags and an extension, in front of the first row.  Bytes taken, -1 when it is none. */
static int64_t skip_header(const uint8_t *p, uint64_t n) {
  if (n < COPY_HEADER_BYTES || memcmp(p, COPY_SIGNATURE, sizeof COPY_SIGNATURE) != 0)
    return -1;
  uint64_t extension = get32(p + COPY_HEADER_BYTES - 4);
  return extension > n - COPY_HEADER_BYTES ? -1 : (int64_t)(COPY_HEADER_BYTES + extension);
}

/* Finds the values of the row in hand.  ETL_IDLE: there is no row in it, but the header or the trailer alone. */
static int32_t parse_row(struct source_reader *r, uint64_t n) {
  const uint8_t *p = (const uint8_t *)r->held, *end = p + n;
  if (!r->header_seen) {
    int64_t header = skip_header(p, n);
    if (header < 0)
      return damaged(r, "the header");
    r->header_seen = true;
    p += header;
  }
  if (p == end || (end - p == 2 && get16(p) == UINT16_MAX))
    return ETL_IDLE;
  if (end - p < 2 || get16(p) != r->table.n)
    return damaged(r, "the count of columns");
  p += 2;
  for (size_t i = 0; i < r->table.n; i++) {
    uint32_t length = end - p >= 4 ? get32(p) : 0;
    bool null = length == UINT32_MAX;
    if (end - p < 4 || (!null && length > (uint64_t)(end - p - 4)))
      return damaged(r, "the length of a value");
    p += 4;
    r->row[i] = null ? (struct etl_bytes){NULL, 0} : (struct etl_bytes){p, length};
    p += null ? 0 : length;
  }
  return p == end && tuple_readable(&r->table, r->row) ? ETL_OK : damaged(r, "a row");
}

static void let_go(struct source_reader *r) {
  PQfreemem(r->held);
  r->held = NULL;
}

/* Holds the next row.  As session_copy_next(). */
static int32_t fetch(struct source_reader *r, int64_t until_ns, int64_t *ret_counted) {
  int32_t rc = ETL_IDLE;
  while (rc == ETL_IDLE) {
    struct etl_bytes piece;
    rc = session_copy_next(&r->session, reading, until_ns, &piece, ret_counted);
    if (rc != ETL_OK)
      return rc;
    r->held = (char *)(uintptr_t)piece.p;
    rc = parse_row(r, piece.n);
    if (rc != ETL_OK)
      let_go(r);
  }
  return rc;
}

static enum decoded add_values(struct source_reader *r, size_t *ret_column) {
  size_t shown = r->table.n - r->table.hidden_n;
  enum decoded st = DECODED;
  uint64_t bytes = 0;
  *ret_column = 0;
  if (etl_batch_row(&r->batch) < 0)
    return DECODED_NO_MEMORY;
  for (size_t i = 0; i < shown && st == DECODED; i++) {
    const struct field *c = &r->table.fields[i];
    const struct etl_bytes v = r->row[i];
    *ret_column = i;
    bytes += v.n;
    if (!v.p)
      st = etl_batch_null(&r->batch, (int64_t)i) < 0 ? DECODED_NO_MEMORY : DECODED;
    else
      st = value_too_large(r, i) ? DECODED_REFUSED : c->type->decode(&r->batch, (int64_t)i, c, v.p, (uint32_t)v.n);
  }
  if (st == DECODED && r->settings->shard_column &&
      etl_batch_bytes(&r->batch, (int64_t)shown, r->shard->id, strlen(r->shard->id)) < 0)
    st = DECODED_NO_MEMORY;
  if (st == DECODED)
    r->batch_bytes += bytes;
  else
    etl_batch_undo_row(&r->batch);
  return st;
}

/* The row held goes into the batch or aside.  ETL_IDLE: the batch has to go first, there is no memory for it. */
static int32_t take_row(struct source_reader *r) {
  size_t column;
  enum decoded st = add_values(r, &column);
  if (st == DECODED_NO_MEMORY && etl_batch_rows(&r->batch))
    return ETL_IDLE;
  if (st == DECODED_NO_MEMORY) {
    struct etl_error e = ETL_ERROR(ETL_E_PERMANENT);
    e.remedy = "give the run more memory, or make max_cell smaller so that such rows are set aside";
    return etl_failf(r->host, &e, "postgres: shard %s: %s: no memory left for a row: column \"%s\" has %llu bytes", r->shard->id,
                     r->table.stream, r->table.fields[column].name, (unsigned long long)r->row[column].n);
  }
  if (st == DECODED_DAMAGED)
    return damaged(r, r->table.fields[column].name);
  if (tuple_set(&r->last, &r->table, r->row) < 0)
    return source_no_memory(r->host);
  r->unsaved = true;
  r->rows_seen++;
  int32_t rc = st == DECODED_REFUSED ? refused_add(r, column) : ETL_OK;
  let_go(r);
  return rc;
}

/* ---- messages ------------------------------------------------------------------------------------------------------- */

static int64_t lag_ns(const struct source_reader *r) {
  const struct field *c = r->table.cursor_n ? cursor_field(&r->table, 0) : NULL;
  if (!c || !c->type->counts_time || !r->last.set)
    return -1;
  bool local = r->settings->clock == SOURCE_CLOCK_LOCAL && strcmp(c->type->format, "tsu:UTC") != 0;
  int64_t us = value_us(c, r->last.values[0].p, r->last.values[0].n), lag;
  if (__builtin_sub_overflow(local ? r->bounds.local_us : r->bounds.utc_us, us, &lag) || lag < 0 || lag > INT64_MAX / 1000)
    return 0;
  return lag * 1000;
}

static int32_t add_cursor(struct source_reader *r, struct etl_msg *m) {
  text_clear(&r->told_cursor);
  if ((r->last.set && r->table.cursor_n ? tuple_json(&r->told_cursor, &r->last, &r->table, &r->from)
                                        : position_json(&r->told_cursor, &r->table, &r->from)) < 0)
    return source_no_memory(r->host);
  m->cursor = (struct etl_bytes){text_str(&r->told_cursor), r->told_cursor.n};
  m->flags |= ETL_M_CURSOR;
  r->unsaved = false;
  return ETL_OK;
}

static int32_t deliver(struct source_reader *r, bool with_cursor, struct etl_msg *m) {
  bool rows = etl_batch_rows(&r->batch) > 0;
  int32_t rc = refused_tell(r);
  if (rc == ETL_OK && with_cursor)
    rc = add_cursor(r, m);
  if (rc == ETL_OK && !r->schema_told)
    rc = etl_schema_copy(&r->schema, &m->schema) < 0 ? source_no_memory(r->host) : ETL_OK;
  if (rc == ETL_OK && rows && etl_batch_finish(&r->batch, &m->rows) < 0) {
    etl_schema_release(&m->schema);
    rc = source_no_memory(r->host);
  }
  if (rc != ETL_OK)
    return rc;
  m->flags |= (r->schema_told ? 0 : ETL_M_SCHEMA) | (rows ? ETL_M_ROWS : 0);
  m->lag_ns = lag_ns(r);
  m->src_bytes = r->batch_bytes;
  r->schema_told = true;
  r->batch_bytes = 0;
  return ETL_OK;
}

static int32_t finish(struct source_reader *r, int64_t counted, struct etl_msg *m) {
  struct etl_error e = ETL_ERROR(ETL_E_RETRYABLE);
  if (counted != r->rows_seen)
    return etl_failf(r->host, &e, "postgres: shard %s: %s: %lld rows came, but the server counted %lld", r->shard->id,
                     r->table.stream, (long long)r->rows_seen, (long long)counted);
  int32_t rc = deliver(r, r->table.cursor_n == 0 || r->last.set || r->from.given, m);
  r->ended = rc == ETL_OK;
  return rc == ETL_OK ? ETL_DONE : rc;
}

static bool batch_due(const struct source_reader *r) {
  return etl_batch_rows(&r->batch) >= r->want_rows || r->batch_bytes >= r->want_bytes || r->refused_n >= REFUSED_MAX;
}

int32_t source_reader_next(void *reader, uint64_t wait_ms, uint32_t want_cursor, struct etl_msg *m) {
  struct source_reader *r = reader;
  int64_t until_ns = r->host->now_ns(r->host, ETL_CLOCK_MONOTONIC) + (int64_t)wait_ms * 1000000, counted = 0;
  if (r->ended)
    return ETL_DONE;
  for (;;) {
    if (!r->held) {
      int32_t rc = fetch(r, until_ns, &counted);
      if (rc == ETL_IDLE && etl_batch_rows(&r->batch))
        return deliver(r, false, m);
      if (rc != ETL_OK)
        return rc == ETL_DONE ? finish(r, counted, m) : rc;
    }
    bool due = batch_due(r), safe = r->table.cursor_n && r->unsaved && !tuple_equal(&r->last, &r->table, r->row);
    if (due || (safe && want_cursor))
      return deliver(r, safe, m);
    int32_t rc = take_row(r);
    if (rc == ETL_IDLE)
      return deliver(r, safe, m);
    if (rc != ETL_OK)
      return rc;
  }
}
