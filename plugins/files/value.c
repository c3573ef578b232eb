/* One text into one column of a batch. */
#include <math.h>

#include "parse.h"
#include "types.h"

static int add_int(const struct type *t, struct etl_batch *b, int64_t col, const char *p, size_t n) {
  int64_t v;
  if (!parse_int(p, n, &v))
    return 1;
  if (t->kind == TYPE_INT64)
    etl_batch_i64(b, col, v);
  else if (t->kind == TYPE_INT32 && v == (int32_t)v)
    etl_batch_i32(b, col, (int32_t)v);
  else if (t->kind == TYPE_INT16 && v == (int16_t)v)
    etl_batch_i16(b, col, (int16_t)v);
  else
    return 1;
  return 0;
}

static int add_float(const struct type *t, struct etl_batch *b, int64_t col, const char *p, size_t n) {
  double v;
  if (!parse_float(p, n, &v))
    return 1;
  if (t->kind == TYPE_FLOAT32 && isfinite(v) && (!isfinite((float)v) || ((float)v == 0 && v != 0)))
    return 1;
  if (t->kind == TYPE_FLOAT32)
    etl_batch_f32(b, col, (float)v);
  else
    etl_batch_f64(b, col, v);
  return 0;
}

static int add_temporal(const struct type *t, struct etl_batch *b, int64_t col, const char *p, size_t n) {
  const int64_t day = INT64_C(86400000000);
  int64_t v;
  bool ok = t->format                    ? parse_by_format(p, n, t->format, &v)
            : t->kind == TYPE_DATE       ? parse_date(p, n, &v)
            : t->kind == TYPE_TIME       ? parse_time(p, n, &v)
                                         : parse_timestamp(p, n, t->kind == TYPE_TIMESTAMPTZ, &v);
  if (!ok)
    return 1;
  if (t->kind == TYPE_DATE)
    etl_batch_i32(b, col, (int32_t)(t->format ? (v >= 0 ? v / day : -((day - 1 - v) / day)) : v));
  else
    etl_batch_i64(b, col, t->kind == TYPE_TIME && t->format ? (v % day + day) % day : v);
  return 0;
}

static int add_binary(struct etl_batch *b, int64_t col, const char *p, size_t n) {
  if (n < 2 || p[0] != '\\' || p[1] != 'x' || n % 2)
    return 1;
  uint8_t *to = etl_batch_bytes_room(b, col, n / 2 - 1);
  if (!to)
    return -1;
  if (!parse_hex(p + 2, n - 2, to))
    return 1;
  etl_batch_bytes_done(b, col, n / 2 - 1);
  return 0;
}

int type_add(const struct type *t, struct etl_batch *b, int64_t col, const char *p, size_t n) {
  uint8_t uuid[16];
  __int128 x;
  bool v;
  switch (t->kind) {
  case TYPE_TEXT:
  case TYPE_JSON: return text_is_utf8(p, n) ? etl_batch_bytes(b, col, p, n) : 1;
  case TYPE_INT64:
  case TYPE_INT32:
  case TYPE_INT16: return add_int(t, b, col, p, n);
  case TYPE_FLOAT64:
  case TYPE_FLOAT32: return add_float(t, b, col, p, n);
  case TYPE_DECIMAL:
    if (!parse_decimal(p, n, t->precision, t->scale, &x))
      return 1;
    etl_batch_fixed(b, col, &x);
    return 0;
  case TYPE_BOOL:
    if (!parse_bool(p, n, &v))
      return 1;
    etl_batch_bool(b, col, v);
    return 0;
  case TYPE_UUID:
    if (!parse_uuid(p, n, uuid))
      return 1;
    etl_batch_fixed(b, col, uuid);
    return 0;
  case TYPE_BINARY: return add_binary(b, col, p, n);
  default: return add_temporal(t, b, col, p, n);
  }
}
