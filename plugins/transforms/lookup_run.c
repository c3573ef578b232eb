/* The join: each row's key is looked up, then the values of the rows found are gathered column by column. */
#include <stdio.h>
#include <stdlib.h>

#include "keep.h"
#include "lookup.h"
#include "shown.h"
#include "value.h"

enum {
  CANCEL_EVERY_ROWS = 4096,
  SHOWN_BYTES = 64
};
struct run { /* one batch */
  struct lookup *l;
  const struct lookup_table *table;
  struct ArrowArray *in;
  struct etl_view keys[LOOKUP_KEYS_MAX];
  int64_t *found; /* row of the table for each row that stays */
  int64_t *keep;  /* the rows that stay */
  int64_t n;
};

/* -1: no match; -2: no memory. */
static int64_t find(struct run *r, int64_t row) {
  struct lookup *l = r->l;
  struct lookup_key *k = &l->scratch;
  char buf[VALUE_TEXT_BYTES];
  k->n = 0;
  for (size_t i = 0; i < l->o.keys_n; i++) {
    const struct etl_view *v = &r->keys[i];
    int rc;
    if (etl_view_null(v, row))
      return -1;
    if (l->kinds[i] == 'i') {
      rc = lookup_key_int(k, etl_view_i64(v, row));
    } else if (v->f.logical == ETL_L_STRING) {
      rc = lookup_key_text(k, etl_view_bytes(v, row), l->o.ignore_case);
    } else {
      struct value x = value_load(v, row);
      rc = lookup_key_text(k, value_text(&x, buf), l->o.ignore_case);
    }
    if (rc < 0)
      return -2;
  }
  return lookup_table_find(r->table, (struct etl_bytes){k->bytes, k->n});
}

static void show_key(const struct run *r, int64_t row, char *to, size_t size) {
  char buf[VALUE_TEXT_BYTES], text[SHOWN_BYTES];
  size_t at = 0;
  for (size_t i = 0; i < r->l->o.keys_n && at < size; i++) {
    bool null = etl_view_null(&r->keys[i], row);
    struct value x = null ? (struct value){0} : value_load(&r->keys[i], row);
    struct etl_bytes b = null ? (struct etl_bytes){0} : value_text(&x, buf);
    const char *quote = null ? "" : "\"";
    int n = snprintf(to + at, size - at, "%s%s%s%s", i ? ", " : "", quote, null ? "NULL" : shown_text(text, sizeof text, b), quote);
    at += n > 0 ? (size_t)n : 0;
  }
}

static int32_t missing(struct run *r, int64_t row) {
  const struct lookup *l = r->l;
  char key[SHOWN_BYTES * 4];
  struct etl_error e = ETL_ERROR(ETL_E_DATA);
  l->host->count(l->host, "lookup_missing", 1);
  switch (l->o.on_missing) {
  case MISSING_DROP: return ETL_OK;
  case MISSING_REJECT:
  case MISSING_FAIL:
    show_key(r, row, key, sizeof key);
    e.column = (int32_t)l->at[0];
    e.row = row;
    e.remedy = "add the key to the table, or choose another on_missing";
    if (l->o.on_missing == MISSING_FAIL)
      return etl_failf(l->host, &e, "lookup: row %lld: the table has no row for %s in column \"%s\"", (long long)row + 1, key,
                       l->o.key[0]);
    return etl_reject(l->host, &e, NULL, &l->in, r->in, row, "lookup: the table has no row for %s in column \"%s\"", key,
                      l->o.key[0]);
  default:
    r->found[r->n] = lookup_table_rows(r->table);
    r->keep[r->n++] = row;
    return ETL_OK;
  }
}

static int32_t find_all(struct run *r) {
  const struct etl_host *h = r->l->host;
  for (size_t i = 0; i < r->l->o.keys_n; i++)
    if (etl_view_init(&r->keys[i], &r->l->in, r->in, r->l->at[i]) < 0)
      return transformer_no_memory(h, "lookup");
  for (int64_t row = 0; row < r->in->length; row++) {
    if (row % CANCEL_EVERY_ROWS == 0 && h->cancelled(h))
      return ETL_STOPPED;
    int64_t at = find(r, row);
    if (at >= 0) {
      r->found[r->n] = at;
      r->keep[r->n++] = row;
      continue;
    }
    int32_t rc = at == -1 ? missing(r, row) : transformer_no_memory(h, "lookup");
    if (rc != ETL_OK)
      return rc;
  }
  return ETL_OK;
}

static int add_value(const struct etl_view *v, int64_t at, struct etl_batch *b) {
  if (etl_batch_row(b) < 0)
    return -1;
  if (etl_view_null(v, at))
    return etl_batch_null(b, 0);
  if (v->f.phys == ETL_P_BOOL) {
    etl_batch_bool(b, 0, etl_view_bool(v, at));
  } else if (v->f.phys == ETL_P_FIXED) {
    etl_batch_fixed(b, 0, etl_view_fixed(v, at));
  } else {
    struct etl_bytes text = etl_view_bytes(v, at);
    return etl_batch_bytes(b, 0, text.p, text.n);
  }
  return 0;
}

static int gather(struct run *r, size_t column, struct ArrowArray *ret) {
  struct ArrowSchema *children[] = {r->l->added.children[column]};
  struct ArrowSchema one = {.format = "+s", .n_children = 1, .children = children};
  const struct etl_view *v = lookup_table_view(r->table, column);
  struct etl_batch b = {0};
  int rc = etl_batch_init(&b, r->l->host, &one, (uint64_t)r->n);
  for (int64_t i = 0; rc == 0 && i < r->n; i++)
    rc = add_value(v, r->found[i], &b);
  if (rc == 0)
    rc = etl_batch_finish_column(&b, ret);
  etl_batch_fini(&b);
  return rc;
}

static int32_t run_batch(struct run *r, struct ArrowArray *ret) {
  struct lookup *l = r->l;
  int64_t old = l->in.n_children, n = old + (int64_t)l->o.columns_n;
  struct ArrowArray *cols = calloc((size_t)n + 1, sizeof *cols);
  int32_t status = cols ? find_all(r) : transformer_no_memory(l->host, "lookup");
  int rc = 0;
  for (int64_t i = 0; status == ETL_OK && rc == 0 && i < old; i++) {
    keep_take(r->in, i, &cols[i]);
    if (r->n < r->in->length)
      rc = keep_rows(l->host, l->in.children[i], &cols[i], r->keep, r->n);
  }
  for (size_t i = 0; status == ETL_OK && rc == 0 && i < l->o.columns_n; i++)
    rc = gather(r, i, &cols[old + (int64_t)i]);
  if (status == ETL_OK && rc == 0)
    rc = etl_array_assemble(NULL, cols, n, r->n, ret);
  for (int64_t i = 0; cols && i < n; i++)
    etl_array_release(&cols[i]);
  free(cols);
  return status == ETL_OK && rc < 0 ? transformer_no_memory(l->host, "lookup") : status;
}

int32_t lookup_process(void *self, struct etl_msg *in, const struct etl_sink *sink) {
  struct lookup *l = self;
  if (!(in->flags & ETL_M_ROWS))
    return ETL_OK;
  struct etl_msg m = {
      .struct_size = sizeof m, .flags = ETL_M_ROWS, .stream = in->stream, .lag_ns = in->lag_ns, .src_bytes = in->src_bytes};
  struct run r = {.l = l, .table = lookup_share_table(l->share), .in = &in->rows};
  size_t rows = (size_t)in->rows.length + 1;
  r.found = malloc(rows * sizeof *r.found);
  r.keep = malloc(rows * sizeof *r.keep);
  int32_t rc = r.found && r.keep ? run_batch(&r, &m.rows) : transformer_no_memory(l->host, "lookup");
  if (rc == ETL_OK)
    etl_tell_rows(l->host, r.keep, (uint64_t)r.n);
  free(r.found);
  free(r.keep);
  etl_array_release(&in->rows);
  if (rc == ETL_OK)
    rc = sink->emit(sink, &m);
  etl_array_release(&m.rows);
  return rc;
}
