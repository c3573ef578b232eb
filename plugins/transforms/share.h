/* share.h: one batch whose columns several batches use.  share_new() and share_column() are for one thread; the arrays made may be
 * released on any. */
#ifndef TRANSFORMS_SHARE_H
#define TRANSFORMS_SHARE_H

#include "etl/sdk.h"

struct share;
/* Moves the batch in.  NULL: no memory, and *batch stays as it was. */
struct share *share_new(struct ArrowArray *batch);
/* Gives up the maker's hold; the batch is released with the last column.  Accepts NULL. */
void share_free(struct share *s);
/* Column i as an array of its own over the same buffers.  -1: no memory. */
int share_column(struct share *s, int64_t i, struct ArrowArray *ret);
const struct ArrowArray *share_batch(const struct share *s);

#endif
