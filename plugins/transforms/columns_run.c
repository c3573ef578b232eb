/* The plan carried out on a batch.  Casts come first, because they may reject rows; a row is reported once, for the first cast that
 * fails.  Columns that only keep or change their names are moved. */
#include <stdlib.h>

#include "columns.h"
#include "keep.h"

enum {
  CANCEL_EVERY_ROWS = 1024
};

struct run { /* one batch */
  struct columns *c;
  struct ArrowArray *in;
  struct ArrowArray *cols; /* one an output column */
  uint8_t *dead;           /* a byte a row; NULL without casts */
  int64_t length, rejected;
};

/* A builder for one column of that schema. */
static int builder(struct columns *c, const struct ArrowSchema *column, int64_t rows, struct etl_batch *ret) {
  struct ArrowSchema *children[] = {(struct ArrowSchema *)(uintptr_t)column};
  struct ArrowSchema one = {.format = "+s", .n_children = 1, .children = children};
  return etl_batch_init(ret, c->host, &one, (uint64_t)rows);
}

static int32_t finish(struct columns *c, struct etl_batch *b, int32_t rc, struct ArrowArray *ret) {
  if (rc == ETL_OK && etl_batch_finish_column(b, ret) < 0)
    rc = columns_out_of_memory(c);
  etl_batch_fini(b);
  return rc;
}

static int32_t reject(struct run *r, const struct out_column *o, int64_t row, const struct etl_format *from, const char *why) {
  const struct ArrowSchema *column = r->c->in.children[o->source];
  r->dead[row] = 1;
  r->rejected++;
  struct etl_error e = ETL_ERROR(ETL_E_DATA);
  e.column = (int32_t)o->source;
  return etl_reject(r->c->host, &e, NULL, &r->c->in, r->in, row, "columns: the %s value in column \"%s\" cannot become %s: %s",
                    cast_name_of(from), column->name, o->cast->name, why);
}

static int32_t cast_rows(struct run *r, const struct out_column *o, const struct etl_view *v, struct etl_batch *b) {
  for (int64_t row = 0; row < r->length; row++) {
    const char *why = NULL;
    enum cast_result result = CAST_OK;
    if (row % CANCEL_EVERY_ROWS == 0 && r->c->host->cancelled(r->c->host))
      return ETL_STOPPED;
    if (etl_batch_row(b) < 0)
      return columns_out_of_memory(r->c);
    if (!r->dead[row] && !etl_view_null(v, row))
      result = cast_add(v, row, o->cast, b, &why);
    else if (etl_batch_null(b, 0) < 0)
      result = CAST_NO_MEMORY;
    if (result == CAST_BAD) {
      int32_t rc = reject(r, o, row, &v->f, why);
      if (rc != ETL_OK)
        return rc;
      result = etl_batch_null(b, 0) < 0 ? CAST_NO_MEMORY : CAST_OK;
    }
    if (result == CAST_NO_MEMORY)
      return columns_out_of_memory(r->c);
  }
  return ETL_OK;
}

static int32_t cast_column(struct run *r, int64_t i) {
  const struct out_column *o = &r->c->plan[i];
  struct etl_view v;
  struct etl_batch b = {0};
  if (etl_view_init(&v, &r->c->in, r->in, o->source) < 0 || builder(r->c, r->c->out.children[i], r->length, &b) < 0)
    return columns_out_of_memory(r->c);
  return finish(r->c, &b, cast_rows(r, o, &v, &b), &r->cols[i]);
}

/* Text to text: cols[i] is replaced by its hash or mask. */
static int32_t hide_column(struct run *r, int64_t i) {
  const struct out_column *o = &r->c->plan[i];
  const struct ArrowSchema *schema = o->cast ? r->c->out.children[i] : r->c->in.children[o->source];
  struct etl_view v;
  struct etl_batch b = {0};
  struct ArrowArray made = {0};
  int rc = keep_view(&v, schema, &r->cols[i]);
  if (rc == 0)
    rc = builder(r->c, r->c->out.children[i], v.length, &b);
  for (int64_t row = 0; rc == 0 && row < v.length; row++) {
    rc = etl_batch_row(&b);
    if (rc < 0)
      break;
    if (etl_view_null(&v, row))
      rc = etl_batch_null(&b, 0);
    else if (o->hash)
      rc = hash_add(r->c->hasher, etl_view_bytes(&v, row), &b);
    else
      rc = mask_add(o->mask, etl_view_bytes(&v, row), &b);
  }
  int32_t status = finish(r->c, &b, rc < 0 ? columns_out_of_memory(r->c) : ETL_OK, &made);
  if (status == ETL_OK) {
    etl_array_release(&r->cols[i]);
    etl_array_move(&made, &r->cols[i]);
  }
  return status;
}

/* The row in hand gets what row 0 has. */
static int repeat_first(struct etl_batch *b) {
  const struct etl_builder_col *c = &b->cols[0];
  if (c->f.phys == ETL_P_BOOL) {
    etl_batch_bool(b, 0, c->data[0] & 1);
  } else if (c->f.phys == ETL_P_FIXED) {
    etl_batch_fixed(b, 0, c->data);
  } else {
    uint64_t n = (uint64_t)c->offsets[1];
    uint8_t *to = etl_batch_bytes_room(b, 0, n);
    if (!to)
      return -1;
    memcpy(to, c->data, n);
    etl_batch_bytes_done(b, 0, n);
  }
  return 0;
}

static int32_t constant_column(struct run *r, int64_t i, int64_t rows) {
  const struct column_constant *k = r->c->plan[i].constant;
  struct etl_batch b = {0};
  const char *why = NULL;
  int rc = builder(r->c, r->c->out.children[i], rows, &b);
  for (int64_t row = 0; rc == 0 && row < rows; row++) {
    rc = etl_batch_row(&b);
    if (rc == 0 && row == 0)
      rc = cast_add_text((struct etl_bytes){k->text, strlen(k->text)}, &k->type, &b, &why) == CAST_OK ? 0 : -1;
    else if (rc == 0)
      rc = repeat_first(&b);
  }
  return finish(r->c, &b, rc < 0 ? columns_out_of_memory(r->c) : ETL_OK, &r->cols[i]);
}

/* Leaves the rejected rows out of all columns there are. */
static int32_t drop_dead(struct run *r) {
  int64_t kept = 0;
  int64_t *keep = malloc(sizeof *keep * ((size_t)r->length + 1));
  int rc = keep ? 0 : -1;
  for (int64_t row = 0; rc == 0 && row < r->length; row++)
    if (!r->dead[row])
      keep[kept++] = row;
  for (int64_t i = 0; rc == 0 && i < r->c->plan_n; i++) {
    const struct out_column *o = &r->c->plan[i];
    if (r->cols[i].release)
      rc = keep_rows(r->c->host, o->cast ? r->c->out.children[i] : r->c->in.children[o->source], &r->cols[i], keep, kept);
  }
  free(keep);
  return rc < 0 ? columns_out_of_memory(r->c) : ETL_OK;
}

static int32_t run_columns(struct run *r) {
  struct columns *c = r->c;
  int32_t rc = ETL_OK;
  for (int64_t i = 0; rc == ETL_OK && i < c->plan_n; i++)
    if (c->plan[i].cast)
      rc = cast_column(r, i);
  for (int64_t i = 0; rc == ETL_OK && i < c->plan_n; i++)
    if (c->plan[i].source >= 0 && !c->plan[i].cast)
      keep_take(r->in, c->plan[i].source, &r->cols[i]);
  if (rc == ETL_OK && r->rejected)
    rc = drop_dead(r);
  for (int64_t i = 0; rc == ETL_OK && i < c->plan_n; i++) {
    if (c->plan[i].constant)
      rc = constant_column(r, i, r->length - r->rejected);
    else if (c->plan[i].hash || c->plan[i].mask)
      rc = hide_column(r, i);
  }
  return rc;
}

static int32_t run_batch(struct columns *c, struct ArrowArray *in, struct ArrowArray *ret) {
  struct run r = {.c = c, .in = in, .length = in->length};
  r.cols = calloc((size_t)c->plan_n + 1, sizeof *r.cols);
  r.dead = calloc((size_t)in->length + 1, 1);
  int32_t rc = r.cols && r.dead ? run_columns(&r) : columns_out_of_memory(c);
  if (rc == ETL_OK && etl_array_assemble(in, r.cols, c->plan_n, r.length - r.rejected, ret) < 0)
    rc = columns_out_of_memory(c);
  for (int64_t i = 0; r.cols && i < c->plan_n; i++)
    etl_array_release(&r.cols[i]);
  free(r.cols);
  free(r.dead);
  return rc;
}

int32_t columns_process(void *self, struct etl_msg *in, const struct etl_sink *sink) {
  struct columns *c = self;
  if (!(in->flags & ETL_M_ROWS))
    return ETL_OK;
  struct etl_msg m = {
      .struct_size = sizeof m, .flags = ETL_M_ROWS, .stream = in->stream, .lag_ns = in->lag_ns, .src_bytes = in->src_bytes};
  int32_t rc = run_batch(c, &in->rows, &m.rows);
  etl_array_release(&in->rows);
  if (rc == ETL_OK) {
    etl_tell_rows(c->host, NULL, (uint64_t)m.rows.length);
    rc = sink->emit(sink, &m);
  }
  etl_array_release(&m.rows);
  return rc;
}
