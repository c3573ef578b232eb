/* Calls into a transformer, with what it declares and emits kept for the test to look at. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "drive.h"

static struct drive *of(const struct etl_host *h) { return (struct drive *)(uintptr_t)h; }

static void *counted_alloc(const struct etl_host *h, uint64_t size) {
  struct drive *d = of(h);
  if (d->allocs_left == 0)
    return NULL;
  if (d->allocs_left > 0)
    d->allocs_left--;
  return d->buf_alloc(h, size);
}

/* "a=x|b=y" for a map. */
static void set_option(struct testopts *to, const struct etl_option *const *options, const char *name, const char *text) {
  char pairs[2048];
  snprintf(pairs, sizeof pairs, "%s", text);
  bool key = true;
  for (size_t i = 0; options[i]; i++)
    for (char *p = pairs; options[i]->type == ETL_T_MAP && strcmp(options[i]->name, name) == 0 && *p; p++) {
      bool at_value = key && *p == '=';
      key = *p == '|' || (key && *p != '=');
      if (at_value)
        *p = '|';
    }
  testopts_set(to, name, pairs);
}

static const struct etl_option *const *members(const struct etl_option *const *options, const char *name) {
  while (strcmp((*options)->name, name) != 0)
    options++;
  return (*options)->members;
}

void drive_begin(struct drive *d, const char *name, const char *const *options) {
  memset(d, 0, sizeof *d);
  testhost_init(&d->t);
  d->allocs_left = -1;
  d->buf_alloc = d->t.host.buf_alloc;
  d->t.host.buf_alloc = counted_alloc;
  d->connector = testhost_connector(name, ETL_KIND_TRANSFORMER);
  d->api = d->connector->api;
  d->options = testopts_new(&d->t, d->connector->options);
  for (size_t i = 0; options && options[i]; i += 2)
    set_option(d->options, d->connector->options, options[i], options[i + 1]);
}

void drive_group(struct drive *d, const char *option, const char *const *options) {
  struct testopts *g = testopts_group(d->options, option);
  for (size_t i = 0; options[i]; i += 2)
    set_option(g, members(d->connector->options, option), options[i], options[i + 1]);
}

/* The values live only as long as the call: the connector copies what it keeps. */
int32_t drive_start(struct drive *d) {
  int32_t rc = testopts_open(d->options, d->connector, "p", "1", NULL, 0, &d->self);
  testopts_free(d->options);
  d->options = NULL;
  return rc;
}

int32_t drive_open(struct drive *d, const char *name, const char *const *options) {
  drive_begin(d, name, options);
  return drive_start(d);
}

static void release_rows(struct drive *d) {
  for (size_t i = 0; i < d->out_n; i++)
    etl_array_release(&d->out[i].rows);
}

static void release_outputs(struct drive *d) {
  release_rows(d);
  for (size_t i = 0; i < d->out_n; i++)
    etl_schema_release(&d->out[i].schema);
  d->out_n = 0;
}

void drive_close(struct drive *d) {
  testopts_free(d->options);
  if (d->self)
    d->connector->common->close(d->self);
  release_outputs(d); /* after close(), as the ABI allows */
  testhost_fini(&d->t);
}

static int32_t on_stream(void *arg, const struct etl_stream *out) {
  struct drive *d = arg;
  assert(d->out_n < DRIVE_OUTPUTS);
  struct drive_output *o = &d->out[d->out_n];
  snprintf(o->name, sizeof o->name, "%s", out->name);
  snprintf(o->key, sizeof o->key, "%s", out->key ? "" : "-");
  for (size_t i = 0; out->key && out->key[i]; i++)
    snprintf(o->key + strlen(o->key), sizeof o->key - strlen(o->key), "%s%s", i ? "," : "", out->key[i]);
  if (etl_schema_copy(out->schema, &o->schema) < 0)
    return ETL_FAILED;
  d->out_n++;
  return ETL_OK;
}

int32_t drive_bind(struct drive *d, const struct ArrowSchema *schema, const char *const *key) {
  struct etl_stream in = {.struct_size = sizeof in, .name = "dbo.logins", .schema = schema, .key = key};
  release_outputs(d);
  int32_t rc = d->api->bind(d->self, &in, on_stream, d);
  testhost_call_done(&d->t);
  return rc;
}

struct collect {
  struct etl_sink sink; /* first */
  struct drive *drive;
};

/* One batch for an output and call: the tests are small. */
static int32_t on_rows(const struct etl_sink *sink, struct etl_msg *m) {
  struct drive *d = ((const struct collect *)sink)->drive;
  size_t i = 0;
  while (d->out_n > 1 && i < d->out_n && strcmp(d->out[i].name, m->stream) != 0)
    i++;
  assert(m->flags == ETL_M_ROWS && i < d->out_n && !d->out[i].rows.release);
  etl_array_move(&m->rows, &d->out[i].rows);
  return ETL_OK;
}

int32_t drive_process(struct drive *d, struct ArrowArray *rows) {
  struct collect c = {.sink = {.struct_size = sizeof c.sink, .emit = on_rows}, .drive = d};
  struct etl_msg m = {.struct_size = sizeof m, .flags = ETL_M_ROWS, .lag_ns = -1};
  release_rows(d);
  etl_array_move(rows, &m.rows);
  int32_t rc = d->api->process(d->self, &m, &c.sink);
  testhost_call_done(&d->t);
  assert(!m.rows.release);
  return rc;
}

int32_t drive_flush(struct drive *d) {
  struct collect c = {.sink = {.struct_size = sizeof c.sink, .emit = on_rows}, .drive = d};
  release_rows(d);
  int32_t rc = d->api->flush(d->self, &c.sink);
  testhost_call_done(&d->t);
  return rc;
}

void drive_schema(struct ArrowSchema *ret, const char *const *names_and_formats) {
  int64_t n = 0;
  while (names_and_formats[2 * n])
    n++;
  int rc = etl_schema_init(ret, n);
  for (int64_t i = 0; i < n && rc == 0; i++)
    rc = etl_schema_set(ret, i, names_and_formats[2 * i], names_and_formats[2 * i + 1], true, "varchar(100)", NULL);
  assert(rc == 0);
}

static int add_cell(struct etl_batch *b, int64_t col, const char *text) {
  const struct etl_format *f = &b->cols[col].f;
  int64_t whole = strtoll(text, NULL, 10);
  if (f->logical == ETL_L_BOOL)
    etl_batch_bool(b, col, strcmp(text, "true") == 0);
  else if (f->logical == ETL_L_FLOAT && f->width == 8)
    etl_batch_f64(b, col, strtod(text, NULL));
  else if (f->phys == ETL_P_FIXED && f->width <= sizeof whole)
    etl_batch_fixed(b, col, &whole); /* its low bytes come first */
  else if (f->phys == ETL_P_FIXED)
    abort();
  else
    return etl_batch_bytes(b, col, text, strlen(text));
  return 0;
}

void drive_batch(struct drive *d, const struct ArrowSchema *schema, const char *const *cells, size_t rows, struct ArrowArray *ret) {
  struct etl_batch b;
  int64_t left = d->allocs_left;
  d->allocs_left = -1;
  int rc = etl_batch_init(&b, &d->t.host, schema, rows);
  for (size_t r = 0; r < rows && rc == 0; r++) {
    rc = etl_batch_row(&b);
    for (int64_t i = 0; i < b.n_cols && rc == 0; i++) {
      const char *cell = cells[r * (size_t)b.n_cols + (size_t)i];
      rc = cell ? add_cell(&b, i, cell) : etl_batch_null(&b, i);
    }
  }
  if (rc == 0)
    rc = etl_batch_finish(&b, ret);
  etl_batch_fini(&b);
  d->allocs_left = left;
  assert(rc == 0);
}

int32_t drive_texts(struct drive *d, const char *name, const char *const *texts, size_t n) {
  struct ArrowSchema s;
  struct ArrowArray rows;
  drive_schema(&s, (const char *const[]){name, "u", NULL});
  int32_t rc = drive_bind(d, &s, NULL);
  if (rc == ETL_OK) {
    drive_batch(d, &s, texts, n, &rows);
    rc = drive_process(d, &rows);
  }
  s.release(&s);
  return rc;
}

const char *drive_cell(struct drive *d, int64_t row, const char *column) { return drive_cell_of(d, 0, row, column); }

const char *drive_cell_of(struct drive *d, size_t output, int64_t row, const char *column) {
  const struct drive_output *o = &d->out[output];
  char *to = d->cells[d->cells_next++ % DRIVE_CELLS];
  struct etl_view v;
  int64_t at = etl_schema_find(&o->schema, column);
  if (at < 0)
    return "no such column";
  int rc = etl_view_init(&v, &o->schema, &o->rows, at);
  assert(rc == 0 && row < o->rows.length);
  if (etl_view_null(&v, row))
    return "NULL";
  if (v.f.logical == ETL_L_BOOL) {
    return etl_view_bool(&v, row) ? "true" : "false";
  } else if (v.f.logical == ETL_L_FLOAT) {
    snprintf(to, sizeof d->cells[0], "%.15g", etl_view_f64(&v, row));
  } else if (v.f.logical == ETL_L_DECIMAL) {
    __int128 x;
    memcpy(&x, etl_view_fixed(&v, row), sizeof x);
    snprintf(to, sizeof d->cells[0], "%lld/%d", (long long)x, v.f.scale);
  } else if (v.f.logical == ETL_L_UUID || v.f.logical == ETL_L_BINARY) {
    struct etl_bytes b = etl_view_bytes(&v, row);
    *to = 0;
    for (uint64_t i = 0; i < b.n && i < 1000; i++)
      snprintf(to + 2 * i, 3, "%02x", ((const uint8_t *)b.p)[i]);
  } else if (v.f.phys == ETL_P_FIXED) {
    snprintf(to, sizeof d->cells[0], "%lld", (long long)etl_view_i64(&v, row));
  } else {
    struct etl_bytes b = etl_view_bytes(&v, row);
    snprintf(to, sizeof d->cells[0], "%.*s", (int)b.n, (const char *)b.p);
  }
  return to;
}
