/* numeric in binary: base 10000 digits, the most significant first, behind count, weight, sign and display scale (numeric_recv() in
 * PostgreSQL's numeric.c). */
#include "types.h"

typedef unsigned __int128 u128;
typedef __int128 i128;

enum {
  BASE = 10000,
  BASE_DIGITS = 4,
  GROUPS_MAX = 12, /* 2^128 * 10^3 has 42 digits, in 11 groups */
  NUMERIC_NEG = 0x4000
};
static const uint16_t pow10_small[] = {1, 10, 100, 1000};

/* Groups of value, the least significant first. */
static int split64(uint64_t value, uint16_t *groups) {
  int n = 0;
  for (; value; value /= BASE)
    groups[n++] = (uint16_t)(value % BASE);
  return n;
}

static int split128(u128 value, uint16_t *groups) {
  int n = 0;
  while (value >> 64) {
    groups[n++] = (uint16_t)(value % BASE);
    value /= BASE;
  }
  /* four groups at a time would be quicker, but few values get here */
  uint64_t low = (uint64_t)value;
  for (; low; low /= BASE)
    groups[n++] = (uint16_t)(low % BASE);
  return n;
}

/* magnitude / 10^scale.  A negative scale multiplies. */
static uint8_t *put_numeric(uint8_t *out, u128 magnitude, bool negative, int32_t scale) {
  uint16_t groups[GROUPS_MAX];
  unsigned in_last = (unsigned)(((scale % BASE_DIGITS) + BASE_DIGITS) % BASE_DIGITS);
  unsigned pad = in_last ? BASE_DIGITS - in_last : 0; /* the decimal point must lie between two groups */
  int n, low = 0;
  uint64_t small = (uint64_t)magnitude;
  if (magnitude == small && small <= UINT64_MAX / 1000)
    n = split64(small * pow10_small[pad], groups);
  else if (pad == 0 || magnitude <= ~(u128)0 / 1000)
    n = split128(magnitude * pow10_small[pad], groups);
  else { /* padding would not fit: the last group is split off before it */
    n = split128(magnitude / pow10_small[BASE_DIGITS - pad], groups + 1);
    groups[0] = (uint16_t)((uint64_t)(magnitude % pow10_small[BASE_DIGITS - pad]) * pow10_small[pad]);
    n++;
  }
  int point = (scale + (int32_t)pad) / BASE_DIGITS; /* groups behind the decimal point */
  int weight = n - point - 1;
  while (low < n && groups[low] == 0)
    low++;
  if (low == n)
    weight = 0;
  uint8_t *p = out + 4;
  p = put16(p, (uint16_t)(n - low));
  p = put16(p, (uint16_t)weight);
  p = put16(p, negative && low < n ? NUMERIC_NEG : 0);
  p = put16(p, (uint16_t)(scale > 0 ? scale : 0));
  for (int i = n - 1; i >= low; i--)
    p = put16(p, groups[i]);
  put32(out, (uint32_t)(p - out - 4));
  return p;
}

uint8_t *encode_int_as_numeric(uint8_t *out, const struct column *c, const struct etl_view *v, int64_t i) {
  int64_t x = etl_view_i64(v, i);
  bool negative = c->f.logical == ETL_L_INT && x < 0;
  return put_numeric(out, negative ? (uint64_t)0 - (uint64_t)x : (uint64_t)x, negative, 0);
}

uint8_t *encode_decimal(uint8_t *out, const struct column *c, const struct etl_view *v, int64_t i) {
  i128 x;
  memcpy(&x, etl_view_fixed(v, i), sizeof x);
  bool negative = x < 0;
  return put_numeric(out, negative ? (u128)0 - (u128)x : (u128)x, negative, c->f.scale);
}
