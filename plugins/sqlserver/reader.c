/* The ABI's side of a reader: opening (connection, catalog, bounds), handing parcels to the host, cancel, close.  Called by the
 * host's threads, one at a time but for reader_cancel(). */
#include "reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "explain.h"

void parcel_fini(struct parcel *p) {
  etl_array_release(&p->rows);
  text_fini(&p->cursor);
  for (size_t i = 0; i < p->rejected_n; i++) {
    free(p->rejected[i].message);
    free(p->rejected[i].json);
  }
  free(p->rejected);
  *p = (struct parcel){0};
}

static struct reader *reader_new(const struct settings *s, const struct etl_read *read) {
  struct reader *r = calloc(1, sizeof *r);
  pthread_condattr_t monotonic;
  if (!r)
    return NULL;
  r->host = read->host;
  r->settings = s;
  r->limit_rows = read->limit_rows;
  r->want_rows = read->want_rows ? read->want_rows : 8192;
  r->want_bytes = read->want_bytes ? read->want_bytes : 8 << 20;
  r->conn.wake_fd = -1;
  snprintf(r->what, sizeof r->what, "reading %.150s", s->stream);
  pthread_mutex_init(&r->lock, NULL);
  pthread_condattr_init(&monotonic);
  pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
  pthread_cond_init(&r->filled, &monotonic);
  pthread_cond_init(&r->taken, &monotonic);
  pthread_condattr_destroy(&monotonic);
  return r;
}

static void warn(const struct reader *r, const char *text) {
  etl_logf(r->host, ETL_LOG_WARN, "%s: %s: %s", r->conn.where, r->settings->stream, text);
}

static int reader_connect(struct reader *r, const struct etl_read *read, struct failure *f) {
  const struct shard *shard = settings_shard(r->settings, read->shard->id);
  if (!shard)
    return failure_set(f, ETL_E_CONFIG, "shards", NULL, "sqlserver: there is no shard \"%s\"", read->shard->id);
  if (conn_open(&r->conn, r->host, r->settings, shard, f) < 0 || source_init(&r->src, &r->conn, f) < 0 ||
      source_schema(&r->src, r->settings, &r->schema, f) < 0 ||
      cursor_decode(&r->from, read->cursor, &r->src, r->settings, &r->pool, f) < 0 ||
      bounds_init(&r->bounds, &r->src, &r->conn, f) < 0)
    return -1;
  if ((read->range_from || read->range_to) && bounds_range(&r->bounds, &r->src, r->settings, read->range_from, read->range_to, f) < 0)
    return -1;
  char text[512];
  if (explain_index(&r->src, r->settings, text, sizeof text))
    warn(r, text);
  return pump_start(r, f);
}

int32_t reader_open(const struct settings *s, const struct etl_read *read, void **ret_reader) {
  struct reader *r = reader_new(s, read);
  struct failure f = {0};
  if (!r) {
    failure_out_of_memory(&f, "a reader");
    return failure_report(read->host, &f);
  }
  if (reader_connect(r, read, &f) < 0) {
    reader_close(r);
    return read->host->cancelled(read->host) ? ETL_STOPPED : failure_report(read->host, &f); /* what fails after a cancel fails because of it */
  }
  *ret_reader = r;
  return ETL_OK;
}

/* Waits for a parcel.  ETL_OK, ETL_IDLE, ETL_STOPPED, or ETL_FAILED with the pump's failure. */
static int32_t take_parcel(struct reader *r, uint64_t wait_ms, struct parcel *ret) {
  struct timespec until;
  int32_t rc = ETL_OK;
  clock_gettime(CLOCK_MONOTONIC, &until);
  until.tv_sec += (time_t)(wait_ms / 1000);
  until.tv_nsec += (long)(wait_ms % 1000) * 1000000;
  if (until.tv_nsec >= 1000000000) {
    until.tv_sec++;
    until.tv_nsec -= 1000000000;
  }
  pthread_mutex_lock(&r->lock);
  while (!r->slot_full && !r->failed && !atomic_load(&r->conn.cancelled) && rc == ETL_OK)
    if (pthread_cond_timedwait(&r->filled, &r->lock, &until) != 0)
      rc = ETL_IDLE;
  if (r->slot_full) {
    *ret = r->slot;
    r->slot = (struct parcel){0};
    r->slot_full = false;
    pthread_cond_signal(&r->taken);
    rc = ETL_OK;
  } else if (atomic_load(&r->conn.cancelled))
    rc = ETL_STOPPED;
  else if (r->failed)
    rc = failure_report(r->host, &r->failure);
  else
    atomic_store_explicit(&r->hungry, 1, memory_order_relaxed);
  pthread_mutex_unlock(&r->lock);
  return rc;
}

static int32_t report_rejected(const struct reader *r, const struct parcel *p) {
  int32_t rc = ETL_OK;
  for (size_t i = 0; i < p->rejected_n && rc == ETL_OK; i++) {
    const struct rejected *x = &p->rejected[i];
    struct etl_error e = ETL_ERROR(ETL_E_DATA);
    e.column = x->column;
    rc = etl_reject_raw(r->host, &e, (struct etl_bytes){x->json, strlen(x->json)}, x->row, "%s", x->message);
  }
  return rc;
}

int32_t reader_next(void *reader, uint64_t wait_ms, uint32_t want_cursor, struct etl_msg *m) {
  struct reader *r = reader;
  struct parcel p = {0};
  if (r->ended)
    return ETL_DONE;
  atomic_store_explicit(&r->want_cursor, want_cursor != 0, memory_order_relaxed);
  int32_t rc = take_parcel(r, wait_ms, &p);
  if (rc == ETL_OK)
    rc = report_rejected(r, &p);
  if (rc == ETL_OK && !r->schema_told && etl_schema_copy(&r->schema, &m->schema) < 0) {
    struct failure f = {0};
    failure_out_of_memory(&f, "the schema");
    rc = failure_report(r->host, &f);
  }
  if (rc != ETL_OK) {
    parcel_fini(&p);
    return rc;
  }
  m->flags |= r->schema_told ? 0 : ETL_M_SCHEMA;
  r->schema_told = true;
  if (p.rows.release) {
    m->flags |= ETL_M_ROWS;
    etl_array_move(&p.rows, &m->rows);
  }
  if (p.cursor.n) {
    m->flags |= ETL_M_CURSOR;
    text_fini(&r->told_cursor);
    r->told_cursor = p.cursor;
    p.cursor = (struct text){0};
    m->cursor = (struct etl_bytes){r->told_cursor.p, r->told_cursor.n};
  }
  m->lag_ns = p.lag_ns;
  m->src_bytes = p.src_bytes;
  r->ended = p.last;
  parcel_fini(&p);
  return r->ended ? ETL_DONE : ETL_OK;
}

void reader_cancel(void *reader) {
  struct reader *r = reader;
  pthread_mutex_lock(&r->lock);
  conn_cancel(&r->conn);
  pthread_cond_broadcast(&r->filled);
  pthread_cond_broadcast(&r->taken);
  pthread_mutex_unlock(&r->lock);
}

void reader_close(void *reader) {
  struct reader *r = reader;
  pump_join(r);
  conn_close(&r->conn);
  source_fini(&r->src);
  etl_schema_release(&r->schema);
  etl_batch_fini(&r->batch);
  tuple_fini(&r->last);
  parcel_fini(&r->next);
  parcel_fini(&r->slot);
  text_fini(&r->told_cursor);
  free(r->converters);
  pool_fini(&r->pool);
  pthread_cond_destroy(&r->filled);
  pthread_cond_destroy(&r->taken);
  pthread_mutex_destroy(&r->lock);
  free(r);
}
