/* A batch without some of its rows: the others are copied column by column, unless none is missing. */
#include <stdlib.h>

#include "keep.h"
#include "sql/kept.h"

int kept_rows(const struct etl_host *h, const struct ArrowSchema *schema, struct ArrowArray *in, const int64_t *keep, int64_t n,
              struct ArrowArray *ret) {
  int64_t done = 0, all = in->n_children;
  if (n == in->length) {
    etl_array_move(in, ret);
    return 0;
  }
  struct ArrowArray *cols = calloc((size_t)all + 1, sizeof *cols);
  int rc = cols ? 0 : -1;
  for (; rc == 0 && done < all; done++) {
    keep_take(in, done, &cols[done]);
    rc = keep_rows(h, schema->children[done], &cols[done], keep, n);
  }
  if (rc == 0)
    rc = etl_array_assemble(in, cols, all, n, ret);
  for (int64_t i = 0; rc < 0 && i < done; i++)
    etl_array_release(&cols[i]);
  free(cols);
  etl_array_release(in);
  return rc;
}
