/* keep.h: a batch without its rejected rows.  One thread at a time. */
#ifndef TRANSFORMS_KEEP_H
#define TRANSFORMS_KEEP_H

#include "etl/sdk.h"

/* Can keep_rows() copy this column?  Nested and dictionary columns it cannot. */
bool keep_supported(const struct ArrowSchema *column);
/* Moves column i out of the batch into *ret, which counts its nulls again when the batch is a slice. */
void keep_take(struct ArrowArray *batch, int64_t i, struct ArrowArray *ret);
/* A view of an array that stands alone; -1: an unknown format. */
int keep_view(struct etl_view *v, const struct ArrowSchema *schema, struct ArrowArray *column);
/* Replaces *column (of that schema) by a copy of the rows keep[0..n) names, which are in order.  0, or -1 with column untouched: no
 * memory left in the run's budget. */
int keep_rows(const struct etl_host *h, const struct ArrowSchema *schema, struct ArrowArray *column, const int64_t *keep,
              int64_t n);

/* A batch of the rows that are not dead (a byte a row).  The columns of `batch` are taken, also when it fails. */
int keep_living(const struct etl_host *h, const struct ArrowSchema *schema, struct ArrowArray *batch, const uint8_t *dead,
                struct ArrowArray *ret);

#endif
