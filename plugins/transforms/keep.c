/* A batch without its rejected rows.  Rejecting is rare, so the rows kept are copied column by column into fresh buffers of the
 * run's budget; a batch without rejected rows never comes here. */
#include <stdlib.h>

#include "keep.h"

struct kept { /* private_data of the arrays made here */
  void (*buf_free)(void *);
  const void *buffers[3];
};

static void kept_release(struct ArrowArray *a) {
  struct kept *k = a->private_data;
  for (int64_t i = 0; i < a->n_buffers; i++)
    k->buf_free((void *)k->buffers[i]);
  free(k);
  a->release = NULL;
}

bool keep_supported(const struct ArrowSchema *column) {
  struct etl_format f;
  return etl_format_parse(column, &f) == 0;
}

void keep_take(struct ArrowArray *batch, int64_t i, struct ArrowArray *ret) {
  bool sliced = batch->offset != 0 || batch->children[i]->length != batch->length;
  etl_array_take(batch, i, ret);
  if (sliced && ret->null_count > 0)
    ret->null_count = -1;
}

static void *zeroed(const struct etl_host *h, uint64_t n) {
  void *p = h->buf_alloc(h, n ? n : 1);
  if (p)
    memset(p, 0, n);
  return p;
}

static void bit_set(uint8_t *bits, int64_t i) { bits[i >> 3] = (uint8_t)(bits[i >> 3] | 1u << (i & 7)); }

static int copy_valid(const struct etl_host *h, const struct etl_view *v, const int64_t *keep, int64_t n, struct ArrowArray *a,
                      struct kept *k) {
  if (!v->valid)
    return 0;
  uint8_t *bits = zeroed(h, (uint64_t)(n + 7) / 8);
  if (!bits)
    return -1;
  k->buffers[0] = bits;
  for (int64_t i = 0; i < n; i++)
    if (etl_view_null(v, keep[i]))
      a->null_count++;
    else
      bit_set(bits, i);
  return 0;
}

static int copy_fixed(const struct etl_host *h, const struct etl_view *v, const int64_t *keep, int64_t n, struct kept *k) {
  uint64_t width = v->f.width;
  uint8_t *to = zeroed(h, v->f.phys == ETL_P_BOOL ? (uint64_t)(n + 7) / 8 : width * (uint64_t)n);
  if (!to)
    return -1;
  k->buffers[1] = to;
  for (int64_t i = 0; i < n; i++)
    if (v->f.phys == ETL_P_FIXED)
      memcpy(to + (uint64_t)i * width, etl_view_fixed(v, keep[i]), width);
    else if (etl_view_bool(v, keep[i]))
      bit_set(to, i);
  return 0;
}

static int copy_var(const struct etl_host *h, const struct etl_view *v, const int64_t *keep, int64_t n, struct kept *k) {
  bool wide = v->f.phys == ETL_P_VAR64;
  uint64_t total = 0;
  for (int64_t i = 0; i < n; i++)
    total += etl_view_bytes(v, keep[i]).n;
  uint8_t *offsets = zeroed(h, (uint64_t)(n + 1) * (wide ? 8 : 4)), *data = zeroed(h, total);
  k->buffers[1] = offsets;
  k->buffers[2] = data;
  if (!offsets || !data)
    return -1;
  uint64_t at = 0;
  for (int64_t i = 0; i < n; i++) {
    struct etl_bytes b = etl_view_bytes(v, keep[i]);
    if (b.n)
      memcpy(data + at, b.p, b.n);
    at += b.n;
    if (wide)
      ((int64_t *)(void *)offsets)[i + 1] = (int64_t)at;
    else
      ((int32_t *)(void *)offsets)[i + 1] = (int32_t)at;
  }
  return 0;
}

int keep_view(struct etl_view *v, const struct ArrowSchema *schema, struct ArrowArray *column) {
  struct ArrowSchema *schemas[] = {(struct ArrowSchema *)(uintptr_t)schema};
  struct ArrowArray *columns[] = {column};
  struct ArrowSchema parent_schema = {.format = "+s", .n_children = 1, .children = schemas};
  struct ArrowArray parent = {.length = column->length, .n_children = 1, .children = columns};
  return etl_view_init(v, &parent_schema, &parent, 0);
}

int keep_rows(const struct etl_host *h, const struct ArrowSchema *schema, struct ArrowArray *column, const int64_t *keep,
              int64_t n) {
  struct etl_view v;
  struct kept *k = calloc(1, sizeof *k);
  if (!k || keep_view(&v, schema, column) < 0) {
    free(k);
    return -1;
  }
  bool var = v.f.phys == ETL_P_VAR32 || v.f.phys == ETL_P_VAR64;
  k->buf_free = h->buf_free;
  struct ArrowArray a = {.length = n, .n_buffers = var ? 3 : 2, .buffers = k->buffers, .release = kept_release, .private_data = k};
  if (copy_valid(h, &v, keep, n, &a, k) < 0 || (var ? copy_var : copy_fixed)(h, &v, keep, n, k) < 0) {
    kept_release(&a);
    return -1;
  }
  etl_array_release(column);
  *column = a;
  return 0;
}

int keep_living(const struct etl_host *h, const struct ArrowSchema *schema, struct ArrowArray *batch, const uint8_t *dead,
                struct ArrowArray *ret) {
  int64_t n = 0;
  int64_t *keep = malloc(sizeof *keep * ((size_t)batch->length + 1));
  struct ArrowArray *cols = calloc((size_t)schema->n_children + 1, sizeof *cols);
  int rc = keep && cols ? 0 : -1;
  for (int64_t row = 0; rc == 0 && row < batch->length; row++)
    if (!dead[row])
      keep[n++] = row;
  for (int64_t i = 0; rc == 0 && i < schema->n_children; i++) {
    keep_take(batch, i, &cols[i]);
    rc = keep_rows(h, schema->children[i], &cols[i], keep, n);
  }
  if (rc == 0)
    rc = etl_array_assemble(NULL, cols, schema->n_children, n, ret);
  for (int64_t i = 0; cols && i < schema->n_children; i++)
    etl_array_release(&cols[i]);
  free(cols);
  free(keep);
  return rc;
}
