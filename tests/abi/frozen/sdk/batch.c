/* Building Arrow batches from rows, and taking them apart.  Buffers come from host->buf_alloc, so a batch counts against the run's
 * budget until whoever holds it releases it, on whatever thread.  A builder belongs to one thread. */
#include <stdlib.h>

#include "etl/sdk.h"

enum { FIRST_DATA_BYTES_PER_ROW = 16 };

struct owned_array { /* private_data of every array made here */
  void (*buf_free)(void *);
  const void *buffers[3];
};

static void array_release(struct ArrowArray *a) {
  struct owned_array *o = a->private_data;
  for (int64_t i = 0; i < a->n_children; i++) {
    etl_array_release(a->children[i]);
    free(a->children[i]);
  }
  free(a->children);
  for (int64_t i = 0; i < a->n_buffers; i++)
    o->buf_free((void *)a->buffers[i]);
  free(o);
  a->release = NULL;
}

static int array_init(struct ArrowArray *a, void (*buf_free)(void *), int64_t n_buffers, int64_t n_children, int64_t length) {
  struct owned_array *o = calloc(1, sizeof *o);
  if (!o)
    return -1;
  o->buf_free = buf_free;
  *a = (struct ArrowArray){.length = length, .n_buffers = n_buffers, .buffers = o->buffers, .release = array_release, .private_data = o};
  if (n_children) {
    a->children = calloc((size_t)n_children, sizeof *a->children);
    for (int64_t i = 0; a->children && i < n_children; i++, a->n_children++) {
      a->children[i] = calloc(1, sizeof **a->children);
      if (!a->children[i])
        break;
    }
    if (a->n_children < n_children) {
      array_release(a);
      return -1;
    }
  }
  return 0;
}

static void col_drop(struct etl_batch *b, struct etl_builder_col *c) {
  b->host->buf_free(c->valid);
  b->host->buf_free(c->offsets);
  b->host->buf_free(c->data);
  *c = (struct etl_builder_col){.f = c->f};
}

int etl_batch_init(struct etl_batch *b, const struct etl_host *h, const struct ArrowSchema *s, uint64_t rows_hint) {
  *b = (struct etl_batch){.host = h, .n_cols = s->n_children, .rows_first_cap = rows_hint < 64 ? 64 : rows_hint};
  b->cols = calloc((size_t)s->n_children + 1, sizeof *b->cols);
  if (!b->cols)
    return -1;
  for (int64_t i = 0; i < s->n_children; i++)
    if (etl_format_parse(s->children[i], &b->cols[i].f) < 0 || b->cols[i].f.phys == ETL_P_VAR64) {
      free(b->cols);
      *b = (struct etl_batch){0};
      return -1;
    }
  for (int64_t i = 0; i < s->n_children; i++)
    b->cols[i].f.tz = NULL;
  return 0;
}

void etl_batch_fini(struct etl_batch *b) {
  for (int64_t i = 0; b->cols && i < b->n_cols; i++)
    col_drop(b, &b->cols[i]);
  free(b->cols);
  *b = (struct etl_batch){0};
}

static void *regrow(struct etl_batch *b, void *old, uint64_t used, uint64_t size) {
  void *p = b->host->buf_alloc(b->host, size);
  if (!p)
    return NULL;
  if (used)
    memcpy(p, old, used);
  b->host->buf_free(old);
  return p;
}

static uint64_t bitmap_bytes(uint64_t rows) { return (rows + 7) / 8; }

static int col_grow(struct etl_batch *b, struct etl_builder_col *c, uint64_t cap) {
  void *p;
  if (c->valid) {
    if (!(p = regrow(b, c->valid, bitmap_bytes(b->rows), bitmap_bytes(cap))))
      return -1;
    c->valid = p;
    memset(c->valid + bitmap_bytes(b->rows), 0, bitmap_bytes(cap) - bitmap_bytes(b->rows));
  }
  if (c->f.phys == ETL_P_VAR32) {
    if (!(p = regrow(b, c->offsets, c->offsets ? (b->rows + 1) * 4 : 0, (cap + 1) * 4)))
      return -1;
    if (!c->offsets)
      *(int32_t *)p = 0;
    c->offsets = p;
    if (c->data)
      return 0;
    c->data_cap = cap * FIRST_DATA_BYTES_PER_ROW;
    c->data = b->host->buf_alloc(b->host, c->data_cap);
    return c->data ? 0 : -1;
  }
  uint64_t used = c->f.phys == ETL_P_BOOL ? bitmap_bytes(b->rows) : b->rows * c->f.width;
  uint64_t size = c->f.phys == ETL_P_BOOL ? bitmap_bytes(cap) : cap * c->f.width;
  if (!(p = regrow(b, c->data, c->data ? used : 0, size ? size : 1)))
    return -1;
  c->data = p;
  c->data_cap = size;
  return 0;
}

int etl_batch_grow_(struct etl_batch *b) {
  uint64_t cap = b->rows_cap ? b->rows_cap * 2 : b->rows_first_cap;
  for (int64_t i = 0; i < b->n_cols; i++)
    if (col_grow(b, &b->cols[i], cap) < 0)
      return -1;
  b->rows_cap = cap;
  return 0;
}

int etl_batch_grow_data_(struct etl_batch *b, int64_t col, uint64_t more) {
  struct etl_builder_col *c = &b->cols[col];
  if (c->data_n + more > INT32_MAX)
    return -1;
  uint64_t cap = c->data_cap + c->data_cap / 2;
  if (cap < c->data_n + more)
    cap = c->data_n + more;
  void *p = regrow(b, c->data, c->data_n, cap);
  if (!p)
    return -1;
  c->data = p;
  c->data_cap = cap;
  return 0;
}

int etl_batch_null_(struct etl_batch *b, int64_t col) {
  struct etl_builder_col *c = &b->cols[col];
  uint64_t r = b->rows - 1;
  if (!c->valid) {
    c->valid = b->host->buf_alloc(b->host, bitmap_bytes(b->rows_cap));
    if (!c->valid)
      return -1;
    memset(c->valid, 0, bitmap_bytes(b->rows_cap));
    memset(c->valid, 0xff, r >> 3);
    c->valid[r >> 3] = (uint8_t)((1u << (r & 7)) - 1);
  }
  c->null_count++;
  if (c->f.phys == ETL_P_VAR32)
    c->offsets[b->rows] = (int32_t)c->data_n;
  else if (c->f.phys == ETL_P_BOOL)
    c->data[r >> 3] = (uint8_t)(c->data[r >> 3] & ~(1u << (r & 7)));
  else
    memset(c->data + r * c->f.width, 0, c->f.width);
  return 0;
}

/* The row in hand may have any part of its columns added; offsets[rows - 1] is what stood before it. */
void etl_batch_undo_row(struct etl_batch *b) {
  uint64_t r = --b->rows;
  for (int64_t i = 0; i < b->n_cols; i++) {
    struct etl_builder_col *c = &b->cols[i];
    if (c->f.phys == ETL_P_VAR32)
      c->data_n = (uint64_t)c->offsets[r];
    if (!c->valid)
      continue;
    c->valid[r >> 3] = (uint8_t)(c->valid[r >> 3] & ~(1u << (r & 7)));
    int64_t valid = 0;
    for (uint64_t k = 0; k < bitmap_bytes(r); k++)
      valid += __builtin_popcount(c->valid[k]);
    c->null_count = (int64_t)r - valid;
  }
}

uint64_t etl_batch_size_bytes(const struct etl_batch *b) {
  uint64_t n = 0;
  for (int64_t i = 0; i < b->n_cols; i++) {
    const struct etl_builder_col *c = &b->cols[i];
    n += c->f.phys == ETL_P_VAR32 ? c->data_n + 4 * b->rows : c->f.phys == ETL_P_BOOL ? b->rows / 8 : c->f.width * b->rows;
  }
  return n;
}

static int col_finish(struct etl_batch *b, struct etl_builder_col *c, struct ArrowArray *ret) {
  bool var = c->f.phys == ETL_P_VAR32;
  if (array_init(ret, b->host->buf_free, var ? 3 : 2, 0, (int64_t)b->rows) < 0)
    return -1;
  ret->null_count = c->null_count;
  ret->buffers[0] = c->valid;
  ret->buffers[1] = var ? (const void *)c->offsets : c->data;
  if (var)
    ret->buffers[2] = c->data;
  *c = (struct etl_builder_col){.f = c->f};
  return 0;
}

/* An empty batch has no buffers yet: Arrow wants offsets all the same. */
static int ensure_buffers(struct etl_batch *b) { return b->rows_cap ? 0 : etl_batch_grow_(b); }

int etl_batch_finish(struct etl_batch *b, struct ArrowArray *ret) {
  struct ArrowArray a;
  if (ensure_buffers(b) < 0 || array_init(&a, b->host->buf_free, 1, b->n_cols, (int64_t)b->rows) < 0)
    return -1;
  for (int64_t i = 0; i < b->n_cols; i++)
    if (col_finish(b, &b->cols[i], a.children[i]) < 0) {
      array_release(&a);
      return -1;
    }
  b->rows = b->rows_cap = 0;
  *ret = a;
  return 0;
}

int etl_batch_finish_column(struct etl_batch *b, struct ArrowArray *ret) {
  if (b->n_cols != 1 || ensure_buffers(b) < 0 || col_finish(b, &b->cols[0], ret) < 0)
    return -1;
  b->rows = b->rows_cap = 0;
  return 0;
}

void etl_array_take(struct ArrowArray *in, int64_t i, struct ArrowArray *ret) {
  etl_array_move(in->children[i], ret);
  if (in->offset != 0 || in->length != ret->length) /* a slice: how many of its values are null was never counted */
    ret->null_count = ret->null_count == 0 ? 0 : -1;
  ret->offset += in->offset;
  ret->length = in->length;
}

static void free_nothing(void *p) { (void)p; }

int etl_array_assemble(struct ArrowArray *in, struct ArrowArray *cols, int64_t n_cols, int64_t length, struct ArrowArray *ret) {
  struct ArrowArray a;
  if (array_init(&a, free_nothing, 1, n_cols, length) < 0)
    return -1;
  for (int64_t i = 0; i < n_cols; i++)
    etl_array_move(&cols[i], a.children[i]);
  if (in)
    etl_array_release(in);
  *ret = a;
  return 0;
}

int etl_view_init(struct etl_view *v, const struct ArrowSchema *s, const struct ArrowArray *batch, int64_t col) {
  struct etl_format f;
  const struct ArrowArray *a = batch->children[col];
  if (etl_format_parse(s->children[col], &f) < 0)
    return -1;
  bool var = f.phys == ETL_P_VAR32 || f.phys == ETL_P_VAR64;
  *v = (struct etl_view){.f = f,
                         .valid = a->null_count == 0 ? NULL : a->buffers[0],
                         .offsets = var ? a->buffers[1] : NULL,
                         .data = var ? a->buffers[2] : a->buffers[1],
                         .offset = a->offset + batch->offset,
                         .length = batch->length};
  return 0;
}
