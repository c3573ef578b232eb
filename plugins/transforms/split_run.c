/* The plan carried out on a batch: each output takes its columns from the shared batch; where it leaves rows out, copies of the
 * others. */
#include <stdlib.h>

#include "keep.h"
#include "keymap.h"
#include "share.h"
#include "split.h"
#include "value.h"

struct run { /* one output of one batch */
  struct split *s;
  const struct split_output *o;
  const struct ArrowArray *in;
  uint8_t *drop; /* a byte a row */
};

static int view(const struct run *r, int64_t column, struct etl_view *ret) { return etl_view_init(ret, &r->s->in, r->in, column); }

/* A column of any type may be NULL, so this looks at the bitmap alone. */
static void drop_nulls(struct run *r, int64_t column) {
  const struct ArrowArray *a = r->in->children[column];
  const uint8_t *valid = a->null_count == 0 || a->n_buffers == 0 ? NULL : a->buffers[0];
  for (int64_t row = 0, at = a->offset + r->in->offset; valid && row < r->in->length; row++, at++)
    r->drop[row] |= !(valid[at >> 3] >> (at & 7) & 1);
}

static void drop_others(struct run *r, const struct etl_view *v, const char *text) {
  char buf[VALUE_TEXT_BYTES];
  size_t n = strlen(text);
  for (int64_t row = 0; row < r->in->length; row++) {
    if (r->drop[row])
      continue;
    struct value x = etl_view_null(v, row) ? (struct value){0} : value_load(v, row);
    struct etl_bytes b = etl_view_null(v, row) ? (struct etl_bytes){0} : value_text(&x, buf);
    r->drop[row] = !b.p || b.n != n || memcmp(b.p, text, n) != 0;
  }
}

/* The last of equal rows stays: it is the one that a merge would leave. */
static int drop_doubles(struct run *r) {
  const struct split_output *o = r->o;
  struct keymap *seen = keymap_new();
  struct etl_view *views = calloc(o->distinct_n, sizeof *views);
  int rc = seen && views ? 0 : -1;
  for (size_t i = 0; rc == 0 && i < o->distinct_n; i++)
    rc = view(r, o->distinct_at[i], &views[i]);
  for (int64_t row = r->in->length - 1; rc == 0 && row >= 0; row--) {
    struct etl_bytes key;
    bool null, fresh;
    if (r->drop[row])
      continue;
    rc = row_key_of(&r->s->key, views, o->distinct_n, row, &key, &null);
    if (rc == 0 && keymap_add(seen, key, &fresh) < 0)
      rc = -1;
    if (rc == 0)
      r->drop[row] = !fresh;
  }
  keymap_free(seen);
  free(views);
  return rc;
}

/* The rows that stay, in order.  *ret NULL: all of them. */
static int choose_rows(struct run *r, int64_t **ret, int64_t *ret_n) {
  const struct split_output *o = r->o;
  struct etl_view v;
  int rc = 0;
  *ret = NULL;
  *ret_n = r->in->length;
  if (!split_filters(o))
    return 0;
  r->drop = calloc((size_t)r->in->length + 1, 1);
  int64_t *rows = malloc(sizeof *rows * ((size_t)r->in->length + 1)), n = 0;
  if (!r->drop || !rows)
    rc = -1;
  for (size_t i = 0; rc == 0 && i < o->not_null_n; i++)
    drop_nulls(r, o->not_null_at[i]);
  for (size_t i = 0; rc == 0 && i < o->where_n; i++) {
    rc = view(r, o->where_at[i], &v);
    if (rc == 0)
      drop_others(r, &v, o->where[i].text);
  }
  if (rc == 0 && o->distinct_n)
    rc = drop_doubles(r);
  for (int64_t row = 0; rc == 0 && row < r->in->length; row++)
    if (!r->drop[row])
      rows[n++] = row;
  free(r->drop);
  if (rc < 0 || n == r->in->length) {
    free(rows);
    return rc;
  }
  *ret = rows;
  *ret_n = n;
  return 0;
}

static int output_rows(struct split *s, const struct split_output *o, struct share *share, struct ArrowArray *ret) {
  struct run r = {.s = s, .o = o, .in = share_batch(share)};
  int64_t *rows, n, columns = o->out.n_children;
  struct ArrowArray *cols = calloc((size_t)columns + 1, sizeof *cols);
  if (!cols || choose_rows(&r, &rows, &n) < 0) {
    free(cols);
    return -1;
  }
  int rc = 0;
  for (int64_t i = 0; rc == 0 && i < columns; i++) {
    rc = share_column(share, o->from[i], &cols[i]);
    if (rc == 0 && rows)
      rc = keep_rows(s->host, o->out.children[i], &cols[i], rows, n);
  }
  etl_tell_rows(s->host, rows, (uint64_t)n);
  if (rc == 0)
    rc = etl_array_assemble(NULL, cols, columns, n, ret);
  for (int64_t i = 0; i < columns; i++)
    etl_array_release(&cols[i]);
  free(cols);
  free(rows);
  return rc;
}

int32_t split_process(void *self, struct etl_msg *in, const struct etl_sink *sink) {
  struct split *s = self;
  if (!(in->flags & ETL_M_ROWS))
    return ETL_OK;
  struct share *share = share_new(&in->rows);
  int32_t rc = share ? ETL_OK : transformer_no_memory(s->host, "split");
  for (size_t i = 0; rc == ETL_OK && i < s->outputs_n; i++) {
    struct etl_msg m = {.struct_size = sizeof m, .flags = ETL_M_ROWS, .stream = s->outputs[i].stream, .lag_ns = in->lag_ns};
    if (s->host->cancelled(s->host))
      rc = ETL_STOPPED;
    else if (output_rows(s, &s->outputs[i], share, &m.rows) < 0)
      rc = transformer_no_memory(s->host, "split");
    else if (m.rows.length)
      rc = sink->emit(sink, &m);
    etl_array_release(&m.rows);
  }
  share_free(share);
  etl_array_release(&in->rows);
  return rc;
}
