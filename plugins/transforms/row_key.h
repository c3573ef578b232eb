/* row_key.h: the values of some columns of a row as one byte string; equal values give equal bytes, whatever the width of an
 * integer. One thread at a time. */
#ifndef TRANSFORMS_ROW_KEY_H
#define TRANSFORMS_ROW_KEY_H

#include "etl/sdk.h"

struct row_key {
  uint8_t *bytes;
  size_t n, cap;
};
void row_key_fini(struct row_key *k);
/* The n values of a row; the bytes are borrowed until the next call.  *ret_null: one of them is NULL (NULLs are equal here).  -1:
 * no memory. */
int row_key_of(struct row_key *k, const struct etl_view *views, size_t n, int64_t row, struct etl_bytes *ret, bool *ret_null);

#endif
