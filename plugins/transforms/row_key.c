/* Row keys.  An integer is eight bytes, a variable value its length and its bytes, anything else its bytes as they lie; each behind
 * a byte that tells NULL. */
#include <stdlib.h>

#include "row_key.h"

void row_key_fini(struct row_key *k) { free(k->bytes); }

static int room(struct row_key *k, size_t more) {
  if (k->n + more <= k->cap)
    return 0;
  size_t cap = (k->n + more) * 2 + 64;
  uint8_t *grown = realloc(k->bytes, cap);
  if (!grown)
    return -1;
  k->bytes = grown;
  k->cap = cap;
  return 0;
}

static int put_text(struct row_key *k, struct etl_bytes b) {
  if (room(k, sizeof b.n + b.n) < 0)
    return -1;
  memcpy(k->bytes + k->n, &b.n, sizeof b.n);
  k->n += sizeof b.n;
  if (b.n)
    memcpy(k->bytes + k->n, b.p, b.n);
  k->n += b.n;
  return 0;
}

static int put_value(struct row_key *k, const struct etl_view *v, int64_t row) {
  if (v->f.phys != ETL_P_FIXED && v->f.phys != ETL_P_BOOL)
    return put_text(k, etl_view_bytes(v, row));
  bool whole = v->f.logical == ETL_L_INT || v->f.logical == ETL_L_UINT || v->f.phys == ETL_P_BOOL;
  uint64_t width = whole ? 8 : v->f.width;
  if (room(k, width) < 0)
    return -1;
  int64_t i = v->f.phys == ETL_P_BOOL ? etl_view_bool(v, row) : whole ? etl_view_i64(v, row) : 0;
  memcpy(k->bytes + k->n, whole ? (const void *)&i : etl_view_fixed(v, row), width);
  k->n += width;
  return 0;
}

int row_key_of(struct row_key *k, const struct etl_view *views, size_t n, int64_t row, struct etl_bytes *ret, bool *ret_null) {
  k->n = 0;
  *ret_null = false;
  for (size_t i = 0; i < n; i++) {
    bool null = etl_view_null(&views[i], row);
    if (room(k, 1) < 0)
      return -1;
    k->bytes[k->n++] = null;
    *ret_null |= null;
    if (!null && put_value(k, &views[i], row) < 0)
      return -1;
  }
  *ret = (struct etl_bytes){k->bytes, k->n};
  return 0;
}
