/* One file being read: opened where its cursor says, taken record by record, told in messages that each end at a safe point. */
#include "extract.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum {
  RAW_MOST = 64 * 1024, /* of a bad line are kept */
  ROWS_DEFAULT = 8192,
  BYTES_DEFAULT = 4 << 20
};

/* ---- opening ------------------------------------------------------------------------------------------------------------ */

static int open_once(struct reader *r, struct instance *in) {
  pthread_mutex_lock(&in->lock);
  if (in->once) {
    r->window = *in->once;
    free(in->once);
    in->once = NULL;
  }
  pthread_mutex_unlock(&in->lock);
  if (r->window.buf)
    return 0;
  return failure_set(&r->failure, ETL_E_PERMANENT, NULL, "start the run again", "%s cannot be read a second time",
                     strcmp(r->file->path, "-") == 0 ? "standard input" : r->file->path);
}

static int open_at(struct reader *r, struct etl_bytes cursor) {
  const struct settings *s = &r->in->settings;
  struct failure *f = &r->failure;
  enum verdict verdict = VERDICT_AGAIN;
  if (window_open(&r->window, r->host, r->file->path, s->compression, s->encoding, s->max_line, f) < 0)
    return -1;
  int fd = r->window.src.fd;
  if (cursor.p && (position_decode(&r->position, cursor, f) < 0 ||
                   position_judge(&r->position, fd, r->file->path, s->follow, s->reload, &verdict, f) < 0))
    return -1;
  if (cursor.p && verdict == VERDICT_AGAIN)
    etl_logf(r->host, ETL_LOG_WARN, "%s changed since it was read, and is read from its beginning", r->file->path);
  r->ended = verdict == VERDICT_FINISHED;
  if (verdict == VERDICT_AGAIN || (r->position.line <= 1 && r->position.offset <= 3)) {
    r->at_start = true;
    r->position = (struct position){0};
  } else if (!r->ended && window_seek(&r->window, r->position.offset, r->position.line, f) < 0) {
    return -1;
  }
  return r->ended ? 0 : position_mark(&r->position, fd, (uint64_t)r->window.src.at_open.st_size, r->file->path, f);
}

int reader_columns_changed(struct reader *r) {
  etl_schema_release(&r->schema);
  etl_batch_fini(&r->batch);
  r->batch = (struct etl_batch){0};
  r->schema_told = false;
  if (layout_schema(&r->layout, &r->schema) < 0 || etl_batch_init(&r->batch, r->host, &r->schema, r->want_rows) < 0)
    return failure_memory(&r->failure, "a batch");
  return 0;
}

static int open_reader(struct reader *r, struct instance *in, const struct etl_read *read) {
  if (extract_sample(in, r->host, &r->failure) < 0)
    return -1;
  r->file = files_find(&in->files, read->shard->id);
  if (!r->file)
    return failure_set(&r->failure, ETL_E_CONFIG, "path", "check `path`", "no file of `path` is the shard \"%s\"", read->shard->id);
  r->shape = &in->shapes[r->file - in->files.list];
  r->once = r->file->once;
  r->at_start = r->once;
  if ((r->once ? open_once(r, in) : open_at(r, read->cursor)) < 0)
    return -1;
  if (!r->ended && shape_check(r->shape, r->file->path, &r->failure) < 0)
    return -1;
  if (layout_copy(&in->layout, &r->layout) < 0)
    return failure_memory(&r->failure, "a reader");
  return r->ended ? 0 : reader_columns_changed(r) < 0 ? -1 : in->format->begin(r);
}

int32_t reader_open(void *self, const struct etl_read *read, void **ret_reader) {
  struct instance *in = self;
  struct reader *r = calloc(1, sizeof *r);
  struct failure f = {0};
  if (!r) {
    failure_memory(&f, "a reader");
    return failure_report(read->host, &f);
  }
  r->host = read->host;
  r->in = in;
  r->window.src.fd = -1;
  r->limit_rows = read->limit_rows;
  r->want_rows = read->want_rows ? read->want_rows : ROWS_DEFAULT;
  r->want_bytes = read->want_bytes ? read->want_bytes : BYTES_DEFAULT;
  if (open_reader(r, in, read) < 0) {
    int32_t rc = failure_report(read->host, &r->failure);
    reader_close(r);
    return rc;
  }
  *ret_reader = r;
  return ETL_OK;
}

void reader_close(void *reader) {
  struct reader *r = reader;
  if (r->state)
    r->in->format->end(r);
  window_close(&r->window);
  layout_fini(&r->layout);
  pool_fini(&r->pool);
  etl_schema_release(&r->schema);
  etl_batch_fini(&r->batch);
  free(r);
}

/* ---- what is no row -------------------------------------------------------------------------------------------------------- */

enum step reader_reject(struct reader *r, const uint8_t *raw, size_t n, uint64_t line, int64_t column, const char *fmt, ...) {
  char why[600];
  struct etl_error e = ETL_ERROR(ETL_E_DATA);
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(why, sizeof why, fmt, ap);
  va_end(ap);
  e.column = (int32_t)column;
  while (n > 0 && (raw[n - 1] == '\n' || raw[n - 1] == '\r'))
    n--;
  struct etl_bytes text = {raw, n < RAW_MOST ? n : RAW_MOST};
  int32_t rc = etl_reject_raw(r->host, &e, text, (int64_t)line, "%s:%llu: %s", r->file->path, (unsigned long long)line, why);
  return rc == ETL_OK ? STEP_SKIPPED : STEP_STOPPED;
}

enum step reader_pass_long(struct reader *r) {
  struct window *w = &r->window;
  uint64_t line = w->line;
  uint8_t begin[1024];
  size_t kept = w->n - w->at < sizeof begin ? w->n - w->at : sizeof begin;
  memcpy(begin, window_from(w), kept);
  for (;;) {
    const uint8_t *newline = memchr(window_from(w), '\n', w->n - w->at);
    if (newline) {
      window_pass(w, (size_t)(newline + 1 - window_from(w)), 1);
      break;
    }
    window_pass(w, w->n - w->at, 0);
    enum window_more more = window_more(w);
    if (more == WINDOW_BROKEN)
      return STEP_BROKEN;
    if (more == WINDOW_END)
      break;
  }
  return reader_reject(r, begin, kept, line, -1, "the line is longer than max_line (%zu bytes); its first %zu bytes are kept", w->most, kept);
}

/* ---- messages -------------------------------------------------------------------------------------------------------------- */

static int add_cursor(struct reader *r, struct etl_msg *m) {
  r->position.offset = window_offset(&r->window);
  r->position.line = r->window.line;
  size_t n = position_encode(&r->position, r->cursor, sizeof r->cursor);
  if (n == 0)
    return failure_set(&r->failure, ETL_E_INTERNAL, NULL, NULL, "%s: the cursor does not fit", r->file->path);
  m->flags |= ETL_M_CURSOR;
  m->cursor = (struct etl_bytes){r->cursor, n};
  return 0;
}

static int finish_file(struct reader *r) {
  if (source_unchanged(&r->window.src, &r->failure) < 0)
    return -1;
  r->position.end = true;
  return r->once ? 0 : position_mark(&r->position, r->window.src.fd, r->window.src.file_bytes, r->file->path, &r->failure);
}

static int fill_message(struct reader *r, struct etl_msg *m, bool cursor) {
  if (!r->schema_told && r->schema.n_children > 0) {
    if (etl_schema_copy(&r->schema, &m->schema) < 0)
      return failure_memory(&r->failure, "the schema");
    m->flags |= ETL_M_SCHEMA;
    r->schema_told = true;
  }
  if (etl_batch_rows(&r->batch) > 0) {
    r->given_rows += etl_batch_rows(&r->batch);
    if (etl_batch_finish(&r->batch, &m->rows) < 0)
      return failure_memory(&r->failure, "a batch");
    m->flags |= ETL_M_ROWS;
  }
  m->lag_ns = -1;
  m->src_bytes = r->window.src.file_bytes - r->told_bytes;
  r->told_bytes = r->window.src.file_bytes;
  return cursor ? add_cursor(r, m) : 0;
}

/* Rows until the batch is full or something else comes. */
static enum step fill_batch(struct reader *r) {
  uint64_t want = r->want_rows;
  if (r->limit_rows && r->limit_rows - r->given_rows < want)
    want = r->limit_rows - r->given_rows;
  for (uint64_t passed = 0;; passed++) {
    if (etl_batch_rows(&r->batch) >= want)
      return STEP_ROW;
    if (passed % 64 == 63 && (passed >= want * 2 || etl_batch_size_bytes(&r->batch) >= r->want_bytes || r->host->cancelled(r->host)))
      return STEP_ROW;
    enum step step = r->in->format->row(r);
    if (step != STEP_ROW && step != STEP_SKIPPED)
      return step;
  }
}

int32_t reader_next(void *reader, uint64_t wait_ms, uint32_t want_cursor, struct etl_msg *m) {
  struct reader *r = reader;
  (void)want_cursor; /* every message has one */
  if (r->ended)
    return ETL_DONE;
  if (r->host->cancelled(r->host))
    return ETL_STOPPED;
  r->window.wait_ms = r->once ? (int)(wait_ms < 1000 ? wait_ms : 1000) : -1;
  enum step step = fill_batch(r);
  bool rows = etl_batch_rows(&r->batch) > 0;
  if (step == STEP_STOPPED)
    return ETL_FAILED;
  if (step == STEP_IDLE && !rows)
    return ETL_IDLE;
  if (step == STEP_BROKEN && !rows)
    r->failure = r->window.why;
  if (step == STEP_FAILED || (step == STEP_BROKEN && !rows) || (step == STEP_END && finish_file(r) < 0))
    return failure_report(r->host, &r->failure);
  if (fill_message(r, m, !r->once || step == STEP_END) < 0)
    return failure_report(r->host, &r->failure);
  if (step == STEP_SCHEMA && reader_columns_changed(r) < 0)
    return failure_report(r->host, &r->failure);
  r->ended = step == STEP_END || (r->limit_rows && r->given_rows >= r->limit_rows);
  return r->ended ? ETL_DONE : ETL_OK;
}
