/* Values in the binary format of COPY: https://www.postgresql.org/docs/15/sql-copy.html, section Binary Format; each type's own
 * format is what its receive function reads. */
#include "types.h"

#define PER_SECOND INT64_C(1000000)

uint8_t *encode_bool(uint8_t *out, const struct column *c, const struct etl_view *v, int64_t i) {
  (void)c;
  out = put32(out, 1);
  *out = etl_view_bool(v, i);
  return out + 1;
}

uint8_t *encode_int2(uint8_t *out, const struct column *c, const struct etl_view *v, int64_t i) {
  (void)c;
  return put16(put32(out, 2), (uint16_t)etl_view_i64(v, i));
}

uint8_t *encode_int4(uint8_t *out, const struct column *c, const struct etl_view *v, int64_t i) {
  (void)c;
  return put32(put32(out, 4), (uint32_t)etl_view_i64(v, i));
}

uint8_t *encode_int8(uint8_t *out, const struct column *c, const struct etl_view *v, int64_t i) {
  (void)c;
  return put64(put32(out, 8), (uint64_t)etl_view_i64(v, i));
}

uint8_t *encode_float4(uint8_t *out, const struct column *c, const struct etl_view *v, int64_t i) {
  uint32_t bits;
  (void)c;
  memcpy(&bits, etl_view_fixed(v, i), sizeof bits);
  return put32(put32(out, 4), bits);
}

uint8_t *encode_float8_as_float4(uint8_t *out, const struct column *c, const struct etl_view *v, int64_t i) {
  float x = (float)etl_view_f64(v, i);
  uint32_t bits;
  (void)c;
  memcpy(&bits, &x, sizeof bits);
  return put32(put32(out, 4), bits);
}

uint8_t *encode_float8(uint8_t *out, const struct column *c, const struct etl_view *v, int64_t i) {
  double x = etl_view_f64(v, i);
  uint64_t bits;
  (void)c;
  memcpy(&bits, &x, sizeof bits);
  return put64(put32(out, 8), bits);
}

uint8_t *encode_date(uint8_t *out, const struct column *c, const struct etl_view *v, int64_t i) {
  (void)c;
  return put32(put32(out, 4), (uint32_t)(etl_view_i64(v, i) - EPOCH_DAYS));
}

uint8_t *encode_date_as_timestamp(uint8_t *out, const struct column *c, const struct etl_view *v, int64_t i) {
  (void)c;
  return put64(put32(out, 8), (uint64_t)((etl_view_i64(v, i) - EPOCH_DAYS) * DAY_US));
}

/* What is finer than a microsecond is cut off, towards the past. */
static int64_t to_us(int64_t x, int64_t per_second) {
  if (per_second <= PER_SECOND)
    return x * (PER_SECOND / per_second);
  int64_t div = per_second / PER_SECOND, q = x / div;
  return q - (x % div < 0);
}

uint8_t *encode_time(uint8_t *out, const struct column *c, const struct etl_view *v, int64_t i) {
  return put64(put32(out, 8), (uint64_t)to_us(etl_view_i64(v, i), c->f.per_second));
}

uint8_t *encode_timestamp(uint8_t *out, const struct column *c, const struct etl_view *v, int64_t i) {
  return put64(put32(out, 8), (uint64_t)(to_us(etl_view_i64(v, i), c->f.per_second) - EPOCH_US));
}

uint8_t *encode_uuid(uint8_t *out, const struct column *c, const struct etl_view *v, int64_t i) {
  (void)c;
  out = put32(out, 16);
  memcpy(out, etl_view_fixed(v, i), 16);
  return out + 16;
}
