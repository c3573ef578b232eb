/* Rows picked out of a batch by the bucket of their key. */
#include "verify/sieve.h"

#include <stdlib.h>

#include "base/mem.h"
#include "verify/rows.h"

static int no_memory(struct err *e) {
  err_set(e, ETL_E_PERMANENT, "a batch of the repair does not fit in the memory of the pipeline");
  return err_remedy(e, "raise `memory` of the pipeline, or lower batch.bytes");
}

static int copy_cell(struct etl_batch *to, int64_t column, const struct etl_view *v, int64_t row) {
  struct etl_bytes b;
  if (etl_view_null(v, row))
    return etl_batch_null(to, column);
  switch (v->f.phys) {
  case ETL_P_BOOL: etl_batch_bool(to, column, etl_view_bool(v, row)); return 0;
  case ETL_P_FIXED: etl_batch_fixed(to, column, etl_view_fixed(v, row)); return 0;
  default: b = etl_view_bytes(v, row); return etl_batch_bytes(to, column, b.p, b.n);
  }
}

static int copy_rows(const struct etl_host *host, const struct ArrowSchema *schema, const struct ArrowArray *rows, const bool *wanted,
                     struct ArrowArray *ret) {
  struct etl_view *views = xcalloc((size_t)schema->n_children + 1, sizeof *views);
  struct etl_batch to = {0};
  int rc = etl_batch_init(&to, host, schema, 0);
  for (int64_t c = 0; c < schema->n_children && rc == 0; c++)
    rc = etl_view_init(&views[c], schema, rows, c);
  for (int64_t i = 0; i < rows->length && rc == 0; i++) {
    if (!wanted[i])
      continue;
    rc = etl_batch_row(&to);
    for (int64_t c = 0; c < schema->n_children && rc == 0; c++)
      rc = copy_cell(&to, c, &views[c], i);
  }
  if (rc == 0)
    rc = etl_batch_finish(&to, ret);
  etl_batch_fini(&to);
  free(views);
  return rc;
}

/* Marks the rows that are wanted.  0, -1 with e. */
static int mark(const json_t *asked, const struct ArrowSchema *schema, const struct ArrowArray *rows, bool *wanted, struct err *e) {
  struct bound_rows bound = {0};
  uint64_t *cells = NULL;
  int rc = rows_bind(&bound, asked, schema, e);
  if (rc == 0 && !(cells = rows_cells(&bound, schema, rows)))
    rc = err_set(e, ETL_E_UNSUPPORTED, "a column has a format that cannot be compared");
  for (int64_t i = 0; i < rows->length && rc == 0; i++)
    wanted[i] = bound.wanted && bound.wanted[rows_hash(&bound, cells + (size_t)i * bound.columns_n).bucket];
  free(cells);
  rows_fini(&bound);
  return rc;
}

int sieve_rows(const struct run *r, const struct etl_host *host, const char *stream, const struct ArrowSchema *schema, struct ArrowArray *rows,
               struct err *e) {
  const json_t *asked = rows_asked(r->spec->ask, stream);
  bool *wanted = xcalloc((size_t)rows->length + 1, sizeof *wanted);
  struct ArrowArray kept = {0};
  int rc = asked ? mark(asked, schema, rows, wanted, e) : 0;
  if (rc == 0 && copy_rows(host, schema, rows, wanted, &kept) < 0)
    rc = no_memory(e);
  if (rc == 0) {
    etl_array_release(rows);
    etl_array_move(&kept, rows);
  }
  free(wanted);
  return rc;
}
