/* From one text column to new columns.  Existing columns are moved into the outgoing batch; when rows were rejected they are copied
 * without them (keep.c).  Runs on the chain thread of a lane. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "derive.h"
#include "keep.h"
#include "names.h"

enum {
  CANCEL_EVERY_ROWS = 1024,
  COLUMN_NAME_BYTES = 256,
  CACHE_ENTRY_BYTES = 1024 /* allowed on average */
};

struct packed_cell {
  uint32_t kind;
  uint32_t text_n;
  union {
    uint64_t text_at;
    int64_t i;
    double f;
  };
};
struct packed { /* n cells, then their texts */
  uint64_t n;
  struct packed_cell cells[];
};

int32_t derive_out_of_memory(const struct derive *d) {
  struct etl_error e = ETL_ERROR(ETL_E_PERMANENT);
  e.remedy = "raise the run's memory budget, or read smaller batches";
  return etl_failf(d->host, &e, "%s: no memory left for the columns made from \"%s\"", d->connector, d->column);
}

void derive_fini(struct derive *d) {
  etl_schema_release(&d->schema);
  etl_schema_release(&d->added);
  lru_free(d->cache);
  free(d->column);
  free(d->into);
  free(d->scratch);
  *d = (struct derive){0};
}

int32_t derive_init(struct derive *d, const struct etl_host *h, const char *connector, const char *column, const char *into,
                    int64_t as, size_t cache_entries) {
  *d = (struct derive){.host = h,
                       .connector = connector,
                       .column = strdup(column),
                       .into = strdup(into),
                       .as = as == DERIVE_JSON ? DERIVE_JSON : DERIVE_COLUMNS,
                       .cache = lru_new(cache_entries, cache_entries * CACHE_ENTRY_BYTES)};
  if (d->column && d->into && d->cache)
    return ETL_OK;
  struct etl_error e = ETL_ERROR(ETL_E_PERMANENT);
  return etl_failf(h, &e, "%s: no memory", connector);
}

/* ---- schema ---------------------------------------------------------------------------------------------------------------- */

static int added_init(struct derive *d, struct ArrowSchema *ret) {
  static const char *const formats[] = {[CELL_TEXT] = "u", [CELL_INT] = "l", [CELL_FLOAT] = "g", [CELL_BOOL] = "b"};
  struct ArrowSchema s;
  int64_t n = d->as == DERIVE_JSON ? 1 : (int64_t)d->fields_n;
  if (etl_schema_init(&s, n) < 0)
    return -1;
  int rc = d->as == DERIVE_JSON ? etl_schema_set(&s, 0, d->into, "u", true, NULL, "arrow.json") : 0;
  for (int64_t i = 0; d->as == DERIVE_COLUMNS && i < n && rc == 0; i++) {
    char name[COLUMN_NAME_BYTES];
    snprintf(name, sizeof name, "%s_%s", d->into, d->fields[i].name);
    rc = etl_schema_set(&s, i, name, formats[d->fields[i].kind], true, NULL, NULL);
  }
  if (rc < 0) {
    s.release(&s);
    return -1;
  }
  *ret = s;
  return 0;
}

static int32_t check_column(const struct derive *d, const struct etl_stream *in, int64_t at) {
  struct etl_format f;
  const struct ArrowSchema *c = in->schema->children[at];
  if (etl_format_parse(c, &f) == 0 && f.logical == ETL_L_STRING)
    return ETL_OK;
  uint64_t n = 0;
  const char *source = etl_schema_meta(c, ETL_META_SOURCE_TYPE, &n);
  struct etl_error e = ETL_ERROR(ETL_E_SCHEMA);
  e.option = "column";
  e.column = (int32_t)at;
  e.remedy = "name a text column, or make it one with the columns transformer (cast) before this stage";
  return etl_failf(d->host, &e, "%s: column \"%s\" of stream %s is not text (type %.*s)", d->connector, d->column, in->name,
                   source ? (int)n : (int)strlen(c->format), source ? source : c->format);
}

static int32_t check_clash(const struct derive *d, const struct etl_stream *in, const struct ArrowSchema *added) {
  struct etl_error e = ETL_ERROR(ETL_E_SCHEMA);
  e.option = "into";
  e.remedy = "choose another name with the option into";
  for (int64_t i = 0; i < added->n_children; i++)
    if (etl_schema_find(in->schema, added->children[i]->name) >= 0)
      return etl_failf(d->host, &e, "%s: stream %s already has a column \"%s\", which this stage would add", d->connector, in->name,
                       added->children[i]->name);
  return ETL_OK;
}

static int32_t check_rejecting(const struct derive *d, const struct etl_stream *in) {
  struct etl_error e = ETL_ERROR(ETL_E_UNSUPPORTED);
  e.remedy = "drop or cast that column before this stage, or do not reject rows here";
  for (int64_t i = 0; d->rejects && i < in->schema->n_children; i++)
    if (!keep_supported(in->schema->children[i]))
      return etl_failf(d->host, &e,
                       "%s: cannot leave rejected rows out of column \"%s\" of stream %s: its type %s is nested or unknown",
                       d->connector, in->schema->children[i]->name, in->name, in->schema->children[i]->format);
  return ETL_OK;
}

static int joined(const struct ArrowSchema *a, const struct ArrowSchema *b, struct ArrowSchema *ret) {
  struct ArrowSchema s;
  if (etl_schema_init(&s, a->n_children + b->n_children) < 0)
    return -1;
  for (int64_t i = 0; i < s.n_children; i++)
    if (etl_schema_set_copy(&s, i, i < a->n_children ? a->children[i] : b->children[i - a->n_children]) < 0) {
      s.release(&s);
      return -1;
    }
  *ret = s;
  return 0;
}

int32_t derive_bind(struct derive *d, const struct etl_stream *in, int32_t (*out)(void *, const struct etl_stream *),
                    void *out_arg) {
  struct ArrowSchema all = {0};
  int64_t at = etl_schema_find(in->schema, d->column);
  if (at < 0)
    return names_missing(d->host, in, d->connector, "column", d->column);
  etl_schema_release(&d->added);
  etl_schema_release(&d->schema);
  if (added_init(d, &d->added) < 0)
    return derive_out_of_memory(d);
  int32_t rc = check_column(d, in, at);
  if (rc == ETL_OK)
    rc = check_clash(d, in, &d->added);
  if (rc == ETL_OK)
    rc = check_rejecting(d, in);
  if (rc != ETL_OK)
    return rc;
  if (etl_schema_copy(in->schema, &d->schema) < 0 || joined(in->schema, &d->added, &all) < 0)
    return derive_out_of_memory(d);
  d->at = at;
  struct etl_stream stream = {
      .struct_size = sizeof stream, .flags = in->flags, .name = in->name, .doc = in->doc, .schema = &all, .key = in->key};
  rc = out(out_arg, &stream);
  all.release(&all);
  return rc;
}

/* ---- packing ---------------------------------------------------------------------------------------------------------------- */

static int put(struct derive *d, const void *p, size_t n) {
  if (d->scratch_n + n > d->scratch_cap) {
    size_t cap = (d->scratch_n + n) * 2 + 256;
    char *grown = realloc(d->scratch, cap);
    if (!grown)
      return -1;
    d->scratch = grown;
    d->scratch_cap = cap;
  }
  if (n)
    memcpy(d->scratch + d->scratch_n, p, n);
  d->scratch_n += n;
  return 0;
}

static int put_json_text(struct derive *d, struct etl_bytes t) {
  const unsigned char *p = t.p;
  int rc = put(d, "\"", 1);
  for (uint64_t i = 0, from = 0; i <= t.n && rc == 0; i++) {
    if (i < t.n && p[i] >= 0x20 && p[i] != '"' && p[i] != '\\')
      continue;
    rc = put(d, p + from, i - from);
    from = i + 1;
    char escape[8];
    int n = i == t.n      ? snprintf(escape, sizeof escape, "\"")
            : p[i] < 0x20 ? snprintf(escape, sizeof escape, "\\u%04x", p[i])
                          : snprintf(escape, sizeof escape, "\\%c", p[i]);
    if (rc == 0)
      rc = put(d, escape, (size_t)n);
  }
  return rc;
}

static int put_json_value(struct derive *d, const struct cell *c) {
  char number[32];
  int n = 0;
  if (c->kind == CELL_TEXT)
    return put_json_text(d, c->text);
  if (c->kind == CELL_BOOL)
    return c->i ? put(d, "true", 4) : put(d, "false", 5);
  if (c->kind == CELL_INT)
    n = snprintf(number, sizeof number, "%lld", (long long)c->i);
  for (int digits = 15; c->kind == CELL_FLOAT && digits <= 17; digits += 2) { /* the shortest of two that reads back the same */
    n = snprintf(number, sizeof number, "%.*g", digits, c->f);
    if (strtod(number, NULL) == c->f)
      break;
  }
  return put(d, number, (size_t)n);
}

static bool absent(const struct cell *c) { return c->kind == CELL_NULL || (c->kind == CELL_FLOAT && !isfinite(c->f)); }

static const struct packed *pack_json(struct derive *d, const struct cell *cells) {
  struct packed head = {.n = 1};
  struct packed_cell cell = {.kind = CELL_NULL};
  size_t at = sizeof head + sizeof cell;
  bool any = false;
  if (put(d, &head, sizeof head) < 0 || put(d, &cell, sizeof cell) < 0)
    return NULL;
  for (size_t i = 0; i < d->fields_n; i++) {
    if (absent(&cells[i]))
      continue;
    struct etl_bytes name = {d->fields[i].name, strlen(d->fields[i].name)};
    if (put(d, any ? "," : "{", 1) < 0 || put_json_text(d, name) < 0 || put(d, ":", 1) < 0 || put_json_value(d, &cells[i]) < 0)
      return NULL;
    any = true;
  }
  if (any && put(d, "}", 1) < 0)
    return NULL;
  struct packed *p = (struct packed *)(void *)d->scratch;
  if (any)
    p->cells[0] = (struct packed_cell){.kind = CELL_TEXT, .text_n = (uint32_t)(d->scratch_n - at), .text_at = at};
  return p;
}

static const struct packed *pack_columns(struct derive *d, const struct cell *cells) {
  struct packed head = {.n = d->fields_n};
  if (put(d, &head, sizeof head) < 0)
    return NULL;
  uint64_t at = sizeof head + d->fields_n * sizeof(struct packed_cell);
  for (size_t i = 0; i < d->fields_n; i++) {
    struct packed_cell c = {.kind = absent(&cells[i]) ? CELL_NULL : cells[i].kind};
    if (c.kind == CELL_TEXT) {
      c.text_n = (uint32_t)cells[i].text.n;
      c.text_at = at;
      at += c.text_n;
    } else if (c.kind == CELL_FLOAT) {
      c.f = cells[i].f;
    } else {
      c.i = cells[i].i;
    }
    if (put(d, &c, sizeof c) < 0)
      return NULL;
  }
  for (size_t i = 0; i < d->fields_n; i++)
    if (cells[i].kind == CELL_TEXT && put(d, cells[i].text.p, cells[i].text.n) < 0)
      return NULL;
  return (const struct packed *)(const void *)d->scratch;
}

const struct packed *derive_pack(struct derive *d, struct etl_bytes key, const struct cell *cells) {
  d->scratch_n = 0;
  const struct packed *p = d->as == DERIVE_JSON ? pack_json(d, cells) : pack_columns(d, cells);
  if (p)
    lru_put(d->cache, key, p, d->scratch_n);
  return p;
}

/* ---- rows ------------------------------------------------------------------------------------------------------------------- */

static int append(struct etl_batch *b, const struct packed *p) {
  if (etl_batch_row(b) < 0)
    return -1;
  for (int64_t i = 0; i < b->n_cols; i++) {
    const struct packed_cell *c = p ? &p->cells[i] : NULL;
    int rc = 0;
    if (!c || c->kind == CELL_NULL)
      rc = etl_batch_null(b, i);
    else if (c->kind == CELL_TEXT)
      rc = etl_batch_bytes(b, i, (const char *)p + c->text_at, c->text_n);
    else if (c->kind == CELL_FLOAT)
      etl_batch_f64(b, i, c->f);
    else if (c->kind == CELL_BOOL)
      etl_batch_bool(b, i, c->i != 0);
    else
      etl_batch_i64(b, i, c->i);
    if (rc < 0)
      return -1;
  }
  return 0;
}

int32_t derive_reject(const struct derive *d, int64_t row, const char *what) {
  struct etl_error e = ETL_ERROR(ETL_E_DATA);
  e.column = (int32_t)d->at;
  int32_t rc = etl_reject(d->host, &e, NULL, &d->schema, d->batch, row, "%s: the text in column \"%s\" %s", d->connector, d->column, what);
  return rc == ETL_OK ? DERIVE_ROW_REJECTED : rc;
}

/* Fills the builder; keep[] gets the rows that stay. */
static int32_t derive_rows(struct derive *d, const struct etl_view *v, struct etl_batch *b, int64_t *keep, int64_t *kept,
                           derive_fn fn, void *arg) {
  for (int64_t row = 0; row < v->length; row++) {
    const struct packed *p = NULL;
    if (row % CANCEL_EVERY_ROWS == 0 && d->host->cancelled(d->host))
      return ETL_STOPPED;
    int32_t rc = etl_view_null(v, row) ? ETL_OK : fn(arg, etl_view_bytes(v, row), row, &p);
    if (rc == DERIVE_ROW_REJECTED)
      continue;
    if (rc != ETL_OK)
      return rc;
    if (append(b, p) < 0)
      return derive_out_of_memory(d);
    if (keep)
      keep[*kept] = row;
    ++*kept;
  }
  return ETL_OK;
}

/* The outgoing batch: the old columns (without rejected rows) and those of `made`. */
static int32_t derive_assemble(struct derive *d, struct ArrowArray *in, struct ArrowArray *made, const int64_t *keep, int64_t kept,
                               struct ArrowArray *ret) {
  int64_t old = in->n_children, all = old + made->n_children, length = in->length, n = 0;
  struct ArrowArray *cols = calloc((size_t)all, sizeof *cols);
  int rc = cols ? 0 : -1;
  for (; rc == 0 && n < old; n++) {
    keep_take(in, n, &cols[n]);
    if (kept < length)
      rc = keep_rows(d->host, d->schema.children[n], &cols[n], keep, kept);
  }
  for (; rc == 0 && n < all; n++)
    etl_array_move(made->children[n - old], &cols[n]);
  if (rc == 0)
    rc = etl_array_assemble(in, cols, all, kept, ret);
  for (int64_t i = 0; rc < 0 && i < n; i++)
    etl_array_release(&cols[i]);
  free(cols);
  return rc < 0 ? derive_out_of_memory(d) : ETL_OK;
}

static int32_t derive_batch(struct derive *d, struct ArrowArray *in, derive_fn fn, void *arg, struct ArrowArray *ret) {
  struct etl_view v;
  struct etl_batch b = {0};
  struct ArrowArray made = {0};
  int64_t kept = 0;
  int64_t *keep = d->rejects ? malloc(sizeof *keep * ((size_t)in->length + 1)) : NULL;
  int32_t rc = ETL_OK;
  if ((d->rejects && !keep) || etl_view_init(&v, &d->schema, in, d->at) < 0 ||
      etl_batch_init(&b, d->host, &d->added, (uint64_t)in->length) < 0)
    rc = derive_out_of_memory(d);
  d->batch = in;
  if (rc == ETL_OK)
    rc = derive_rows(d, &v, &b, keep, &kept, fn, arg);
  if (rc == ETL_OK && etl_batch_finish(&b, &made) < 0)
    rc = derive_out_of_memory(d);
  if (rc == ETL_OK)
    rc = derive_assemble(d, in, &made, keep, kept, ret);
  etl_array_release(&made);
  etl_batch_fini(&b);
  free(keep);
  return rc;
}

int32_t derive_process(struct derive *d, struct etl_msg *in, const struct etl_sink *sink, derive_fn fn, void *arg) {
  if (!(in->flags & ETL_M_ROWS))
    return ETL_OK;
  struct etl_msg m = {
      .struct_size = sizeof m, .flags = ETL_M_ROWS, .stream = in->stream, .lag_ns = in->lag_ns, .src_bytes = in->src_bytes};
  int32_t rc = derive_batch(d, &in->rows, fn, arg, &m.rows);
  etl_array_release(&in->rows);
  if (rc == ETL_OK) {
    etl_tell_rows(d->host, NULL, (uint64_t)m.rows.length);
    rc = sink->emit(sink, &m);
  }
  etl_array_release(&m.rows);
  return rc;
}
