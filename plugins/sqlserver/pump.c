/* The pump: the thread that reads rows from db-lib.  A cursor is attached to a batch only when the row behind it, or the end of the
 * data, shows that no equal tuple follows; a group of equal tuples larger than a batch goes out in batches without a cursor.
 * The data has ended only when the server said so, nothing was recorded as an error, and its count is ours. */
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "reader.h"

enum {
  STACK_BYTES = 512 * 1024,
  REJECTED_MAX = 1024
};

/* ---- handing over ---------------------------------------------------------------------------------------------------------- */

static bool stopped(const struct reader *r) { return atomic_load(&r->conn.cancelled); }

static int stop_failure(struct reader *r, struct failure *f) { return conn_fail(&r->conn, r->what, f); }

/* Closes the batch in hand into r->next. */
static int close_batch(struct reader *r, bool with_cursor, struct failure *f) {
  struct parcel *p = &r->next;
  const struct source *src = &r->src;
  if (etl_batch_rows(&r->batch) && etl_batch_finish(&r->batch, &p->rows) < 0)
    return failure_out_of_memory(f, "a batch of rows");
  if (with_cursor && tuple_encode(&r->last, src, &r->from, &p->cursor, f) < 0)
    return -1;
  p->lag_ns = -1;
  if (src->cursor_n && r->last.set && src->columns[src->cursor[0]].type->counts_time) {
    bool local = r->settings->cursor_clock == CLOCK_LOCAL && src->columns[src->cursor[0]].type->kind != KIND_DATETIMEOFFSET;
    int64_t lag = (local ? r->bounds.local_ticks : r->bounds.utc_ticks) - tuple_ticks(&r->last, src);
    p->lag_ns = lag > 0 && lag < INT64_MAX / 100 ? lag * 100 : 0;
  }
  p->src_bytes = r->batch_bytes;
  r->batch_bytes = 0;
  return 0;
}

/* Waits until the slot is free. */
static int hand_over(struct reader *r, struct failure *f) {
  atomic_store_explicit(&r->hungry, 0, memory_order_relaxed);
  pthread_mutex_lock(&r->lock);
  while (r->slot_full && !stopped(r))
    pthread_cond_wait(&r->taken, &r->lock);
  bool free_slot = !r->slot_full;
  if (free_slot) {
    r->slot = r->next;
    r->slot_full = true;
    r->next = (struct parcel){0};
    pthread_cond_signal(&r->filled);
  }
  pthread_mutex_unlock(&r->lock);
  return free_slot ? 0 : stop_failure(r, f);
}

static int deliver(struct reader *r, bool with_cursor, struct failure *f) {
  return close_batch(r, with_cursor, f) < 0 || hand_over(r, f) < 0 ? -1 : 0;
}

/* The server is silent: what is complete need not wait for it.  Called by db-lib inside dbnextrow(), on this thread. */
static void on_silence(void *arg) {
  struct reader *r = arg;
  struct failure f = {0};
  if (etl_batch_rows(&r->batch) == 0)
    return;
  pthread_mutex_lock(&r->lock);
  bool free_slot = !r->slot_full;
  pthread_mutex_unlock(&r->lock);
  if (free_slot) /* if this fails for lack of memory, the rows stay and a later attempt will say so */
    (void)deliver(r, false, &f);
}

/* ---- rows ---------------------------------------------------------------------------------------------------------------------
 */

/* Adds the row in hand to the batch.  *ret_column: where it was refused. */
static enum convert_status convert_row(struct reader *r, size_t *ret_column) {
  DBPROCESS *db = r->conn.db;
  struct etl_batch *b = &r->batch;
  size_t n_columns = r->src.columns_n;
  uint64_t bytes = r->row_fixed_bytes;
  if (etl_batch_row(b) < 0) {
    *ret_column = 0;
    return CONVERT_NO_MEMORY;
  }
  enum convert_status st = CONVERT_OK;
  for (size_t i = 0; i < n_columns && st == CONVERT_OK; i++) {
    const struct converter *cv = &r->converters[i];
    const uint8_t *p = dbdata(db, (int)i + 1);
    *ret_column = i;
    if (!p) {
      st = etl_batch_null(b, (int64_t)i) < 0 ? CONVERT_NO_MEMORY : CONVERT_OK;
      continue;
    }
    uint32_t n = cv->fixed_bytes ? 0 : (uint32_t)dbdatlen(db, (int)i + 1);
    st = cv->add(cv, b, p, n);
    bytes += n;
  }
  if (st == CONVERT_OK && r->settings->shard_column && etl_batch_bytes(b, (int64_t)n_columns, r->conn.shard->id, r->shard_id_n) < 0)
    st = CONVERT_NO_MEMORY;
  if (st != CONVERT_OK)
    etl_batch_undo_row(b);
  else
    r->batch_bytes += bytes;
  return st;
}

static int no_room(struct reader *r, size_t column, struct failure *f) {
  int bytes = dbdatlen(r->conn.db, (int)column + 1);
  return failure_set(f, ETL_E_PERMANENT, "max_cell",
                     "give the run more memory, or make max_cell smaller so that such rows are rejected",
                     "sqlserver: %s: %s: no memory left for a row: column \"%s\" has %d bytes", r->conn.where, r->settings->stream,
                     r->src.columns[column].name, bytes);
}

static int add_row(struct reader *r, struct failure *f) {
  static const char *const refusals[] = {[CONVERT_RANGE] =
                                             "the time does not fit into 64 bits of nanoseconds (datetime_unit = \"us\" takes it)",
                                         [CONVERT_TOO_LARGE] = "the value is larger than max_cell",
                                         [CONVERT_CHARACTERS] = "the text has characters that are not valid Unicode (half a surrogate pair)"};
  size_t column = 0;
  if (r->conn.bad_characters)
    return rejected_characters(r, f);
  enum convert_status st = convert_row(r, &column);
  if (st == CONVERT_NO_MEMORY && etl_batch_rows(&r->batch) > 0) {
    if (deliver(r, false, f) < 0)
      return -1;
    st = convert_row(r, &column);
  }
  if (st == CONVERT_OK)
    return 0;
  if (st == CONVERT_NO_MEMORY)
    return stopped(r) ? stop_failure(r, f) : no_room(r, column, f);
  return rejected_add(r, (int32_t)column, refusals[st], f);
}

/* Remembers the row's tuple.  0; 1: a NULL is in it, the row is left out; -1 failed. */
static int take_tuple(struct reader *r, struct failure *f) {
  const struct source *src = &r->src;
  for (size_t i = 0; i < src->cursor_n; i++)
    if (!dbdata(r->conn.db, (int)src->cursor[i] + 1)) {
      r->nulls++;
      r->conn.bad_characters = false;
      return 1;
    }
  for (size_t i = 0; i < src->cursor_n; i++) {
    int column = (int)src->cursor[i] + 1;
    if (tuple_put(&r->last, i, dbdata(r->conn.db, column), (size_t)dbdatlen(r->conn.db, column)) < 0)
      return failure_out_of_memory(f, "the cursor");
  }
  r->last.set = true;
  return 0;
}

static int out_of_order(struct reader *r, struct failure *f) {
  struct text at = {0};
  tuple_describe(&r->last, &r->src, &at);
  failure_set(f, ETL_E_CONFIG, "query", "end the query with ORDER BY and the cursor columns",
              "sqlserver: %s: the query does not give its rows in the order of the cursor columns: a smaller one follows %s",
              r->conn.where, text_str(&at));
  text_fini(&at);
  return -1;
}

/* As large as a batch should be, or the host waits for it. */
static bool batch_due(const struct reader *r) {
  return etl_batch_rows(&r->batch) >= r->want_rows || r->batch_bytes >= r->want_bytes || r->next.rejected_n >= REJECTED_MAX ||
         atomic_load_explicit(&r->hungry, memory_order_relaxed);
}

/* A cursor is asked for, or the limit of a query is reached. */
static bool cursor_due(const struct reader *r) {
  return r->src.cursor_n &&
         (atomic_load_explicit(&r->want_cursor, memory_order_relaxed) || (r->limit_rows && r->rows_seen >= r->limit_rows));
}

static bool limit_reached(const struct reader *r) { return r->settings->query && r->limit_rows && r->rows_seen >= r->limit_rows; }

/* Before a row is taken: ends the batch in hand where it is due.  1: the row is behind the limit, the reading ends before it. */
static int before_row(struct reader *r, struct failure *f) {
  bool has_cursor = r->src.cursor_n > 0;
  if (has_cursor && r->settings->query && tuple_is_after(&r->last, &r->src, &r->conn))
    return out_of_order(r, f);
  bool safe = has_cursor && r->full && !tuple_may_equal(&r->last, &r->src, &r->conn);
  if (limit_reached(r) && (safe || !has_cursor))
    return 1;
  return r->full && (safe || batch_due(r)) ? deliver(r, safe, f) : 0;
}

/* One row.  1: it is behind the limit. */
static int take_row(struct reader *r, struct failure *f) {
  int rc = before_row(r, f);
  if (rc != 0)
    return rc;
  r->rows_seen++;
  rc = take_tuple(r, f);
  if (rc != 0)
    return rc < 0 ? -1 : 0;
  if (add_row(r, f) < 0)
    return -1;
  r->full = batch_due(r) || cursor_due(r);
  return 0;
}

/* ---- results ------------------------------------------------------------------------------------------------------------------
 */

/* Goes to the next result that has columns.  1: there is none. */
static int next_result(struct reader *r, struct failure *f) {
  RETCODE rc;
  while ((rc = dbresults(r->conn.db)) == SUCCEED)
    if (dbnumcols(r->conn.db) > 0)
      return 0;
  if (rc != NO_MORE_RESULTS)
    return conn_fail(&r->conn, r->what, f);
  return conn_ok(&r->conn, r->what, f) < 0 ? -1 : 1;
}

/* All rows of the result.  0: the server says that was all; 1: the limit was reached. */
static int read_rows(struct reader *r, struct failure *f) {
  STATUS st;
  while ((st = dbnextrow(r->conn.db)) == REG_ROW) {
    int rc = take_row(r, f);
    if (rc != 0)
      return rc;
    if (stopped(r))
      return stop_failure(r, f);
  }
  if (st != NO_MORE_ROWS)
    return conn_fail(&r->conn, r->what, f);
  if (conn_ok(&r->conn, r->what, f) < 0)
    return -1;
  if (dbiscount(r->conn.db) && (uint32_t)dbcount(r->conn.db) != (uint32_t)r->rows_seen)
    return failure_set(f, ETL_E_RETRYABLE, NULL, NULL, "sqlserver: %s: %s: %llu rows came, but the server counted %ld",
                       r->conn.where, r->settings->stream, (unsigned long long)r->rows_seen, (long)dbcount(r->conn.db));
  int rc = next_result(r, f);
  if (rc == 0)
    return failure_set(f, ETL_E_CONFIG, "query", "make it one SELECT", "sqlserver: %s: the query gives more than one result",
                       r->conn.where);
  return rc < 0 ? -1 : 0;
}

static int take_count(void *arg, struct conn *c, struct failure *f) {
  (void)f;
  *(uint64_t *)arg = (uint64_t)conn_int(c, 1);
  return 0;
}

static int report_nulls(struct reader *r, struct failure *f) {
  if (r->nulls == 0)
    return 0;
  r->host->count(r->host, "null_cursor_rows", (int64_t)r->nulls);
  if (r->settings->null_cursor == NULL_CURSOR_FAIL)
    return failure_set(f, ETL_E_DATA, "null_cursor",
                       "give these rows a value, leave them out with `where`, or set null_cursor = \"warn\"",
                       "sqlserver: %s: %s: %llu rows have NULL in a cursor column", r->conn.where, r->settings->stream,
                       (unsigned long long)r->nulls);
  etl_logf(r->host, ETL_LOG_WARN, "%s: %s: %llu rows have NULL in a cursor column and are not read", r->conn.where,
           r->settings->stream, (unsigned long long)r->nulls);
  return 0;
}

static int count_nulls(struct reader *r, struct failure *f) {
  struct text sql = {0};
  query_nulls(&sql, r->settings, &r->src);
  int rc = sql.failed ? failure_out_of_memory(f, "a statement") : 0;
  if (rc == 0 && sql.n)
    rc = conn_run(&r->conn, "counting rows with a NULL cursor", sql.p, take_count, &r->nulls, f);
  text_fini(&sql);
  return rc == 0 ? report_nulls(r, f) : -1;
}

/* The last batch, with a cursor that tells of the end.  A piece without a row in it stands where it began. */
static int end_batch(struct reader *r, struct failure *f) {
  bool cursor = r->src.cursor_n > 0, piece = r->from.from || r->from.until;
  if (close_batch(r, cursor && r->last.set, f) < 0)
    return -1;
  if (!cursor && !piece)
    text_add(&r->next.cursor, CURSOR_WHOLE);
  return piece && (!cursor || (!r->last.set && !r->from.n)) ? cursor_encode(&r->from, &r->src, &r->next.cursor, f) : 0;
}

static int read_all(struct reader *r, struct failure *f) {
  struct text sql = {0};
  if (!r->from.until && count_nulls(r, f) < 0) /* they are in no piece: the one without an end tells of them */
    return -1;
  query_data(&sql, r->settings, &r->src, &r->from, &r->bounds, r->limit_rows);
  int rc = sql.failed ? failure_out_of_memory(f, "a statement") : conn_send(&r->conn, r->what, sql.p, f);
  text_fini(&sql);
  if (rc == 0)
    rc = next_result(r, f);
  if (rc == 1)
    return failure_set(f, ETL_E_CONFIG, "query", "make it one SELECT", "sqlserver: %s: %s: the server gave no result",
                       r->conn.where, r->settings->stream);
  if (rc == 0)
    rc = source_check_result(&r->src, &r->conn, f);
  r->conn.on_silence = on_silence;
  r->conn.on_silence_arg = r;
  if (rc < 0 || read_rows(r, f) < 0 || (r->settings->query && report_nulls(r, f) < 0) || end_batch(r, f) < 0)
    return -1;
  r->next.last = true;
  return hand_over(r, f);
}

static void *pump_main(void *arg) {
  struct reader *r = arg;
  struct failure f = {0};
  if (read_all(r, &f) < 0) {
    pthread_mutex_lock(&r->lock);
    r->failure = f;
    r->failed = true;
    pthread_cond_signal(&r->filled);
    pthread_mutex_unlock(&r->lock);
  }
  return NULL;
}

static int prepare(struct reader *r, struct failure *f) {
  const struct source *src = &r->src;
  r->converters = calloc(src->columns_n, sizeof *r->converters);
  if (!r->converters || etl_batch_init(&r->batch, r->host, &r->schema, r->want_rows) < 0)
    return failure_out_of_memory(f, "a batch of rows");
  for (size_t i = 0; i < src->columns_n; i++) {
    converter_init(&r->converters[i], &src->columns[i], (int64_t)i, r->settings);
    r->row_fixed_bytes += r->converters[i].fixed_bytes;
  }
  r->shard_id_n = strlen(r->conn.shard->id);
  return 0;
}

int pump_start(struct reader *r, struct failure *f) {
  if (prepare(r, f) < 0)
    return -1;
  pthread_attr_t attr;
  sigset_t all, before;
  pthread_attr_init(&attr);
  pthread_attr_setstacksize(&attr, STACK_BYTES);
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the host's */
  int error = pthread_create(&r->thread, &attr, pump_main, r);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  pthread_attr_destroy(&attr);
  r->started = error == 0;
  return r->started ? 0
                    : failure_set(f, ETL_E_RETRYABLE, NULL, "raise the limit of threads",
                                  "sqlserver: %s: cannot start a thread: %s", r->conn.where, strerror(error));
}

void pump_join(struct reader *r) {
  if (!r->started)
    return;
  reader_cancel(r);
  pthread_join(r->thread, NULL);
  r->started = false;
}
