/* Binary COPY: header, then for each row a count of fields and each field behind its length (-1: NULL), then -1.
 * A row is encoded in one pass; variable values that do not fit the buffer go to libpq from where they lie. */
#include "copy.h"

#include <stdlib.h>

enum {
  BUFFER_BYTES = 128 * 1024,
  SEND_BYTES = 32 * 1024 /* a message of COPY stays in the caches of both sides */
};

int32_t copy_init(struct copy *c, struct session *s, const struct columns *columns) {
  copy_fini(c);
  *c = (struct copy){.session = s, .columns = columns, .row_max = 2 + 12 + 4};
  c->views = calloc(columns->n + columns->left + 1, sizeof *c->views);
  c->nuls = calloc(columns->n + columns->left + 1, sizeof *c->nuls);
  c->checks = calloc(columns->n + columns->left + 1, sizeof *c->checks);
  c->discards = calloc(columns->n + columns->left + 1, sizeof *c->discards);
  c->discards_n = c->discards ? columns->n : 0;
  c->buf = malloc(BUFFER_BYTES);
  for (size_t i = 0; i < columns->n; i++)
    c->row_max += columns->list[i].encode ? ENCODED_MAX : 5;
  for (size_t i = 0; i < columns->n + columns->left; i++)
    if (c->checks && columns->list[i].fits)
      c->checks[c->checks_n++] = i;
  struct etl_error e = ETL_ERROR(ETL_E_PERMANENT);
  if (c->row_max > BUFFER_BYTES)
    return etl_failf(s->host, &e, "postgres: %zu columns are more than a row may have", columns->n);
  return c->views && c->buf && c->checks && c->nuls && c->discards ? ETL_OK : etl_failf(s->host, &e, "postgres: no memory for the buffer of COPY");
}

void copy_fini(struct copy *c) {
  free(c->views);
  free(c->checks);
  free(c->nuls);
  free(c->discards);
  free(c->buf);
  *c = (struct copy){0};
}

static int32_t send_buffer(struct copy *c) {
  int32_t rc = session_copy_data(c->session, (const char *)c->buf, c->n);
  c->n = 0;
  return rc;
}

void copy_begin(struct copy *c, int64_t first) {
  memcpy(c->buf, COPY_HEADER, COPY_HEADER_BYTES);
  c->n = COPY_HEADER_BYTES;
  c->first = first;
  c->rows = 0;
  for (size_t i = 0; i < c->discards_n; i++)
    c->discards[i].now = 0;
}

/* A value of any length.  *out is where the buffer is filled to, before and after. */
static int32_t put_bytes(struct copy *c, struct etl_bytes b, bool version_byte, size_t later_max, uint8_t **out) {
  uint8_t *p = put32(*out, (uint32_t)(b.n + version_byte));
  if (version_byte)
    *p++ = 1;
  if ((size_t)(p - c->buf) + b.n + later_max <= BUFFER_BYTES) {
    if (b.n)
      memcpy(p, b.p, b.n);
    *out = p + b.n;
    return ETL_OK;
  }
  c->n = (size_t)(p - c->buf);
  int32_t rc = send_buffer(c);
  if (rc != ETL_OK)
    return rc;
  if (b.n + later_max > BUFFER_BYTES) {
    *out = c->buf;
    return session_copy_data(c->session, b.p, b.n);
  }
  if (b.n)
    memcpy(c->buf, b.p, b.n);
  *out = c->buf + b.n;
  return rc;
}

static bool has_nul(const struct etl_view *v, int64_t row) {
  struct etl_bytes b = etl_view_bytes(v, row);
  return b.n && memchr(b.p, 0, b.n);
}

static bool misfits(const struct copy *c, size_t i, int64_t row) {
  const struct column *col = &c->columns->list[i];
  if ((!col->fits && !c->nuls[i]) || etl_view_null(&c->views[i], row))
    return false;
  return (col->fits && !col->fits(col, &c->views[i], row)) || (c->nuls[i] && has_nul(&c->views[i], row));
}

static int32_t put_raw(struct copy *c, int64_t row, uint8_t **out) {
  char *json = etl_row_json(c->schema, c->batch, row);
  struct etl_error e = ETL_ERROR(ETL_E_PERMANENT);
  int32_t rc = json ? put_bytes(c, (struct etl_bytes){json, strlen(json)}, false, 0, out)
                    : etl_failf(c->session->host, &e, "postgres: no memory for the raw form of a row");
  free(json);
  return rc;
}

static int32_t put_row(struct copy *c, int64_t row) {
  if (c->n >= SEND_BYTES || c->n + c->row_max > BUFFER_BYTES) {
    int32_t rc = send_buffer(c);
    if (rc != ETL_OK)
      return rc;
  }
  uint8_t *out = put16(c->buf + c->n, (uint16_t)(c->columns->n + c->numbered + c->raw));
  for (size_t i = 0; i < c->columns->n; i++) {
    const struct column *col = &c->columns->list[i];
    const struct etl_view *v = &c->views[i];
    if (etl_view_null(v, row)) {
      out = put32(out, UINT32_MAX);
    } else if (c->nulls && misfits(c, i, row)) {
      c->discards[i].now++;
      out = put32(out, UINT32_MAX);
    } else if (col->encode) {
      out = col->encode(out, col, v, row);
    } else {
      int32_t rc = put_bytes(c, etl_view_bytes(v, row), col->version_byte, c->row_max, &out);
      if (rc != ETL_OK)
        return rc;
    }
  }
  c->rows++;
  if (c->numbered)
    out = put64(put32(out, 8), (uint64_t)(c->first + c->rows));
  int32_t rc = c->raw ? put_raw(c, row, &out) : ETL_OK;
  c->n = (size_t)(out - c->buf);
  return rc;
}

/* The values of a column lie one behind the other: they are looked through at once, and row by row only when there is something. */
static void find_nuls(struct copy *c, int64_t rows) {
  c->any_nul = false;
  for (size_t i = 0; i < c->columns->n; i++) {
    const struct etl_view *v = &c->views[i];
    bool text = v->f.logical == ETL_L_STRING || v->f.logical == ETL_L_JSON;
    c->nuls[i] = false;
    if (!text || rows == 0)
      continue;
    const uint8_t *first = etl_view_bytes(v, 0).p;
    struct etl_bytes last = etl_view_bytes(v, rows - 1);
    size_t n = (size_t)((const uint8_t *)last.p + last.n - first);
    c->nuls[i] = n && memchr(first, 0, n);
    c->any_nul |= c->nuls[i];
  }
}

int32_t copy_take(struct copy *c, const struct ArrowSchema *schema, const struct ArrowArray *batch) {
  for (size_t i = 0; i < c->columns->n + c->columns->left; i++)
    if (etl_view_init(&c->views[i], schema, batch, c->columns->list[i].index) < 0) {
      struct etl_error e = ETL_ERROR(ETL_E_INTERNAL);
      return etl_failf(c->session->host, &e, "postgres: a batch does not fit its schema: column \"%s\"", c->columns->list[i].name);
    }
  c->schema = schema;
  c->batch = batch;
  find_nuls(c, batch->length);
  return ETL_OK;
}

const struct column *copy_misfit(const struct copy *c, int64_t row) {
  for (size_t i = 0; c->any_nul && i < c->columns->n; i++)
    if (c->nuls[i] && !(c->nulls && c->columns->list[i].can_be_null) && misfits(c, i, row))
      return &c->columns->list[i];
  for (size_t k = 0; k < c->checks_n; k++) {
    const struct column *col = &c->columns->list[c->checks[k]];
    if (!(c->nulls && col->can_be_null) && misfits(c, c->checks[k], row))
      return col;
  }
  return NULL;
}

bool copy_has_nul(const struct copy *c, const struct column *col, int64_t row) {
  size_t i = (size_t)(col - c->columns->list);
  return c->nuls[i] && has_nul(&c->views[i], row);
}

int32_t copy_write(struct copy *c, const bool *skip, int64_t from, int64_t to) {
  int32_t rc = ETL_OK;
  for (int64_t row = from; row < to && rc == ETL_OK; row++)
    if (!skip || !skip[row])
      rc = put_row(c, row);
  return rc;
}

int32_t copy_end(struct copy *c, const char *doing) {
  int64_t counted = 0;
  if (c->n + 2 > BUFFER_BYTES) {
    int32_t rc = send_buffer(c);
    if (rc != ETL_OK)
      return rc;
  }
  c->n = (size_t)(put16(c->buf + c->n, UINT16_MAX) - c->buf);
  int32_t rc = send_buffer(c);
  if (rc == ETL_OK)
    rc = session_copy_end(c->session, doing, &counted);
  for (size_t i = 0; i < c->discards_n && rc == ETL_OK; i++)
    c->discards[i].epoch += c->discards[i].now;
  if (rc != ETL_OK || counted == c->rows)
    return rc;
  struct etl_error e = ETL_ERROR(ETL_E_DATA);
  e.remedy = "a trigger or rule of the table drops rows: load a table without it";
  return etl_failf(c->session->host, &e, "postgres: %s: %lld rows were sent, but the server took %lld", doing, (long long)c->rows,
                   (long long)counted);
}

void copy_tell(struct copy *c, const char *table, bool committed) {
  int64_t all = 0;
  for (size_t i = 0; i < c->discards_n; i++) {
    struct discard *d = &c->discards[i];
    if (committed && d->epoch && !d->told) {
      const struct column *col = &c->columns->list[i];
      etl_logf(c->session->host, ETL_LOG_WARN,
               "postgres: column \"%s\" of %s is %s, which cannot hold %lld of the values that came: NULL stands there; the counter "
               "values_discarded goes on",
               col->name, table, col->target_type, (long long)d->epoch);
      d->told = true;
    }
    all += d->epoch;
    d->epoch = 0;
  }
  if (committed && all)
    c->session->host->count(c->session->host, "values_discarded", all);
}
