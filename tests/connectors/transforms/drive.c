/* The host's side of the ABI, as small as a transformer needs it. */
#include <assert.h>
#include <dlfcn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "drive.h"

static atomic_llong live_buffers; /* buf_free() is given no host */

int64_t drive_buffers(void) { return atomic_load(&live_buffers); }

static struct drive *of(const struct etl_host *h) { return (struct drive *)(uintptr_t)h; }

static void host_log(const struct etl_host *h, uint32_t level, const char *msg, uint64_t n) {
  (void)h;
  fprintf(stderr, "log %u: %.*s\n", level, (int)n, msg);
}
static void host_count(const struct etl_host *h, const char *metric, int64_t add) {
  (void)metric;
  of(h)->counted += add;
}
static int32_t host_cancelled(const struct etl_host *h) { return of(h)->cancelled; }
static int32_t host_secret(const struct etl_host *h, const char *ref, struct etl_bytes *out) {
  (void)h;
  *out = (struct etl_bytes){ref, strlen(ref)};
  return ETL_OK;
}
static void *host_buf_alloc(const struct etl_host *h, uint64_t size) {
  struct drive *d = of(h);
  if (d->allocs_left == 0)
    return NULL;
  if (d->allocs_left > 0)
    d->allocs_left--;
  atomic_fetch_add(&live_buffers, 1);
  return aligned_alloc(64, (size + 63) / 64 * 64 + 64);
}
static void host_buf_free(void *p) {
  if (p)
    atomic_fetch_sub(&live_buffers, 1);
  free(p);
}
static int32_t host_fail(const struct etl_host *h, const struct etl_error *e) {
  struct drive *d = of(h);
  if (d->error_class)
    return ETL_FAILED;
  d->error_class = e->error_class;
  snprintf(d->message, sizeof d->message, "%s", e->message);
  snprintf(d->remedy, sizeof d->remedy, "%s", e->remedy ? e->remedy : "");
  snprintf(d->option, sizeof d->option, "%s", e->option ? e->option : "");
  return ETL_FAILED;
}
static int32_t host_bad_row(const struct etl_host *h, const struct etl_bad_row *b) {
  struct drive *d = of(h);
  if (d->bad_n >= d->bad_limit || d->bad_n == DRIVE_BAD_ROWS)
    return ETL_FAILED;
  d->bad[d->bad_n].row = b->row;
  d->bad[d->bad_n].column = b->column;
  snprintf(d->bad[d->bad_n++].message, sizeof d->bad->message, "%s", b->message);
  return ETL_OK;
}

static const struct etl_connector *load(const char *name) {
  char path[512];
  const char *dir = getenv("ETL_TEST_PLUGINS");
  snprintf(path, sizeof path, "%s/%s.so", dir ? dir : "plugins", name);
  void *so = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!so) {
    fprintf(stderr, "%s\n", dlerror());
    abort();
  }
  etl_plugin_fn entry = (etl_plugin_fn)(uintptr_t)dlsym(so, ETL_ENTRY_NAME);
  assert(entry && entry(2, 0) == NULL);
  const struct etl_plugin *p = entry(ETL_ABI_MAJOR, 0);
  assert(p && p->magic == ETL_MAGIC && p->connectors[0]->kind == ETL_KIND_TRANSFORMER);
  return p->connectors[0];
}

enum {
  ITEMS_MAX = 64
};
struct value_store {
  struct etl_value value;
  struct etl_bytes list[ITEMS_MAX];
  char *text;
};

/* The next item of *at up to one of `separators`; NULL at the end. */
static char *split(char **at, const char *separators) {
  char *item = *at + strspn(*at, separators);
  if (!*item)
    return NULL;
  *at = item + strcspn(item, separators);
  if (**at)
    *(*at)++ = 0;
  return item;
}

/* "a|b", for a map "a=x|b=y", or, as in defaults, [ "a", "b" ]. */
static void set_list(struct value_store *s, bool map) {
  bool dflt = *s->text == '[';
  char *at = s->text, *item;
  while (s->value.list_n < ITEMS_MAX && (item = split(&at, dflt ? "[]\", " : map && s->value.list_n % 2 == 0 ? "=" : "|")))
    s->list[s->value.list_n++] = (struct etl_bytes){item, strlen(item)};
  s->value.list = s->list;
}

static void set_value(struct value_store *s, const struct etl_option *o, const char *const *options) {
  const char *text = o->dflt;
  for (size_t i = 0; options[i]; i += 2)
    if (strcmp(options[i], o->name) == 0) {
      text = options[i + 1];
      s->value.is_set = 1;
    }
  s->value.struct_size = sizeof s->value;
  if (!text)
    return;
  s->value.str = s->text = strdup(text);
  if (o->type == ETL_T_LIST || o->type == ETL_T_MAP)
    set_list(s, o->type == ETL_T_MAP);
  else if (o->type == ETL_T_INT || o->type == ETL_T_SIZE)
    s->value.i = strtoll(text, NULL, 10);
  for (int64_t i = 0; o->type == ETL_T_ENUM && o->choices[i]; i++)
    if (strcmp(o->choices[i], text) == 0)
      s->value.i = i;
}

/* The values live only as long as the call: the connector copies what it keeps. */
int32_t drive_open(struct drive *d, const char *name, const char *const *options) {
  *d = (struct drive){.host = {.struct_size = sizeof d->host,
                               .abi_major = ETL_ABI_MAJOR,
                               .abi_minor = ETL_ABI_MINOR,
                               .host_version = "test",
                               .log = host_log,
                               .count = host_count,
                               .cancelled = host_cancelled,
                               .secret = host_secret,
                               .buf_alloc = host_buf_alloc,
                               .buf_free = host_buf_free,
                               .fail = host_fail,
                               .bad_row = host_bad_row},
                      .allocs_left = -1,
                      .bad_limit = DRIVE_BAD_ROWS};
  d->connector = load(name);
  d->api = d->connector->api;
  size_t n = 0;
  while (d->connector->options[n])
    n++;
  for (size_t i = 0; options[i]; i += 2) { /* a misspelt option would test nothing */
    size_t k = 0;
    while (k < n && strcmp(d->connector->options[k]->name, options[i]) != 0)
      k++;
    assert(k < n);
  }
  struct value_store *stores = calloc(n, sizeof *stores);
  const struct etl_value **values = calloc(n, sizeof *values);
  for (size_t i = 0; i < n; i++) {
    set_value(&stores[i], d->connector->options[i], options);
    values[i] = &stores[i].value;
  }
  struct etl_open o = {.struct_size = sizeof o, .host = &d->host, .values = values, .values_n = n, .pipeline = "p", .run = "1"};
  int32_t rc = d->connector->common->open(&o, &d->self);
  for (size_t i = 0; i < n; i++)
    free(stores[i].text);
  free(stores);
  free(values);
  return rc;
}

void drive_close(struct drive *d) {
  if (d->self)
    d->connector->common->close(d->self);
  etl_array_release(&d->rows); /* after close(), as the ABI allows */
  etl_schema_release(&d->schema);
}

static int32_t on_stream(void *arg, const struct etl_stream *out) {
  struct drive *d = arg;
  etl_schema_release(&d->schema);
  snprintf(d->key, sizeof d->key, "%s", out->key ? "" : "-");
  for (size_t i = 0; out->key && out->key[i]; i++)
    snprintf(d->key + strlen(d->key), sizeof d->key - strlen(d->key), "%s%s", i ? "," : "", out->key[i]);
  return etl_schema_copy(out->schema, &d->schema) == 0 ? ETL_OK : ETL_FAILED;
}

int32_t drive_bind(struct drive *d, const struct ArrowSchema *schema, const char *const *key) {
  struct etl_stream in = {.struct_size = sizeof in, .name = "dbo.logins", .schema = schema, .key = key};
  return d->api->bind(d->self, &in, on_stream, d);
}

struct collect {
  struct etl_sink sink; /* first */
  struct drive *drive;
};
static int32_t on_rows(const struct etl_sink *sink, struct etl_msg *m) {
  struct drive *d = ((const struct collect *)sink)->drive;
  assert(m->flags == ETL_M_ROWS && !d->rows.release);
  etl_array_move(&m->rows, &d->rows);
  return ETL_OK;
}

int32_t drive_process(struct drive *d, struct ArrowArray *rows) {
  struct collect c = {.sink = {.struct_size = sizeof c.sink, .emit = on_rows}, .drive = d};
  struct etl_msg m = {.struct_size = sizeof m, .flags = ETL_M_ROWS, .lag_ns = -1};
  etl_array_release(&d->rows);
  etl_array_move(rows, &m.rows);
  int32_t rc = d->api->process(d->self, &m, &c.sink);
  assert(!m.rows.release);
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

void drive_batch(struct drive *d, const struct ArrowSchema *schema, const char *const *cells, size_t rows, struct ArrowArray *ret) {
  struct etl_batch b;
  int64_t left = d->allocs_left;
  d->allocs_left = -1;
  int rc = etl_batch_init(&b, &d->host, schema, rows);
  for (size_t r = 0; r < rows && rc == 0; r++) {
    rc = etl_batch_row(&b);
    for (int64_t i = 0; i < b.n_cols && rc == 0; i++) {
      const char *cell = cells[r * (size_t)b.n_cols + (size_t)i];
      rc = cell ? etl_batch_bytes(&b, i, cell, strlen(cell)) : etl_batch_null(&b, i);
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

const char *drive_cell(struct drive *d, int64_t row, const char *column) {
  char *to = d->cells[d->cells_next++ % DRIVE_CELLS];
  struct etl_view v;
  int64_t at = etl_schema_find(&d->schema, column);
  if (at < 0)
    return "no such column";
  int rc = etl_view_init(&v, &d->schema, &d->rows, at);
  assert(rc == 0 && row < d->rows.length);
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
