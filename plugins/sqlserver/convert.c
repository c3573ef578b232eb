/* The converters, one a kind.  They run for every value, so they do nothing but convert; the caller handles NULL and names the row
 * when one refuses. */
#include "convert.h"

#include <stdio.h>
#include <sybdb.h>

#include "temporal.h"
#include "utf16.h"

/* Bytes of a decimal's sign and magnitude, by precision, as db-lib lays it out. */
static const uint8_t decimal_bytes[39] = {1,  2,  2,  3,  3,  4,  4,  4,  5,  5,  6,  6,  6,  7,  7,  8,  8,  9,  9, 9,
                                          10, 10, 11, 11, 11, 12, 12, 13, 13, 14, 14, 14, 15, 15, 16, 16, 16, 17, 17};

static __int128 magnitude(const uint8_t *p, uint32_t n) {
  unsigned __int128 v = 0;
  for (uint32_t i = 0; i < n; i++)
    v = v << 8 | p[i];
  return (__int128)v;
}

static __int128 decimal_value(const DBNUMERIC *d, uint32_t n) {
  __int128 v = magnitude(d->array + 1, n);
  return d->array[0] ? -v : v;
}

static int64_t money_value(const uint8_t *p) {
  DBMONEY m;
  memcpy(&m, p, sizeof m);
  return (int64_t)((uint64_t)(uint32_t)m.mnyhigh << 32 | m.mnylow);
}

static DBDATETIMEALL datetime_all(const uint8_t *p) {
  DBDATETIMEALL d;
  memcpy(&d, p, sizeof d);
  return d;
}

static int64_t ticks2(const uint8_t *p) {
  DBDATETIMEALL d = datetime_all(p);
  return temporal_ticks(d.date, (int64_t)d.time);
}

static int64_t ticks_datetime(const uint8_t *p) {
  DBDATETIME d;
  memcpy(&d, p, sizeof d);
  return temporal_datetime_ticks(d.dtdays, d.dttime);
}

static int64_t ticks_smalldatetime(const uint8_t *p) {
  DBDATETIME4 d;
  memcpy(&d, p, sizeof d);
  return temporal_ticks(d.days, d.minutes * 60 * TICKS_PER_SECOND);
}

/* ---- converters ---------------------------------------------------------------------------------------------------------- */

static enum convert_status add_bit(const struct converter *cv, struct etl_batch *b, const uint8_t *p, uint32_t n) {
  (void)n;
  etl_batch_bool(b, cv->column, *p != 0);
  return CONVERT_OK;
}

static enum convert_status add_fixed(const struct converter *cv, struct etl_batch *b, const uint8_t *p, uint32_t n) {
  (void)n;
  etl_batch_fixed(b, cv->column, p);
  return CONVERT_OK;
}

static enum convert_status add_i32(const struct converter *cv, struct etl_batch *b, const uint8_t *p, uint32_t n) {
  int32_t v;
  (void)n;
  memcpy(&v, p, sizeof v);
  etl_batch_i32(b, cv->column, v);
  return CONVERT_OK;
}

static enum convert_status add_i64(const struct converter *cv, struct etl_batch *b, const uint8_t *p, uint32_t n) {
  int64_t v;
  (void)n;
  memcpy(&v, p, sizeof v);
  etl_batch_i64(b, cv->column, v);
  return CONVERT_OK;
}

static enum convert_status add_decimal(const struct converter *cv, struct etl_batch *b, const uint8_t *p, uint32_t n) {
  __int128 v = decimal_value((const DBNUMERIC *)p, cv->digits_bytes);
  (void)n;
  etl_batch_fixed(b, cv->column, &v);
  return CONVERT_OK;
}

static enum convert_status add_money(const struct converter *cv, struct etl_batch *b, const uint8_t *p, uint32_t n) {
  __int128 v = money_value(p);
  (void)n;
  etl_batch_fixed(b, cv->column, &v);
  return CONVERT_OK;
}

static enum convert_status add_smallmoney(const struct converter *cv, struct etl_batch *b, const uint8_t *p, uint32_t n) {
  int32_t small;
  (void)n;
  memcpy(&small, p, sizeof small);
  __int128 v = small;
  etl_batch_fixed(b, cv->column, &v);
  return CONVERT_OK;
}

static enum convert_status add_date(const struct converter *cv, struct etl_batch *b, const uint8_t *p, uint32_t n) {
  (void)n;
  etl_batch_i32(b, cv->column, datetime_all(p).date - DAYS_1900_TO_1970);
  return CONVERT_OK;
}

static enum convert_status add_time(const struct converter *cv, struct etl_batch *b, const uint8_t *p, uint32_t n) {
  (void)n;
  etl_batch_i64(b, cv->column, (int64_t)(datetime_all(p).time / 10));
  return CONVERT_OK;
}

static enum convert_status add_smalldatetime(const struct converter *cv, struct etl_batch *b, const uint8_t *p, uint32_t n) {
  (void)n;
  etl_batch_i64(b, cv->column, ticks_smalldatetime(p) / 10);
  return CONVERT_OK;
}

static enum convert_status add_datetime(const struct converter *cv, struct etl_batch *b, const uint8_t *p, uint32_t n) {
  (void)n;
  etl_batch_i64(b, cv->column, ticks_datetime(p) / 10);
  return CONVERT_OK;
}

/* The seventh digit is cut towards the past, as a clock that counts microseconds would. */
static enum convert_status add_datetime2_us(const struct converter *cv, struct etl_batch *b, const uint8_t *p, uint32_t n) {
  DBDATETIMEALL d = datetime_all(p);
  (void)n;
  etl_batch_i64(b, cv->column, (d.date - DAYS_1900_TO_1970) * (TICKS_PER_DAY / 10) + (int64_t)(d.time / 10));
  return CONVERT_OK;
}

static enum convert_status add_datetime2_ns(const struct converter *cv, struct etl_batch *b, const uint8_t *p, uint32_t n) {
  int64_t ns;
  (void)n;
  if (__builtin_mul_overflow(ticks2(p), INT64_C(100), &ns))
    return CONVERT_RANGE;
  etl_batch_i64(b, cv->column, ns);
  return CONVERT_OK;
}

static enum convert_status add_bytes(const struct converter *cv, struct etl_batch *b, const uint8_t *p, uint32_t n) {
  if (n > cv->max_bytes)
    return CONVERT_TOO_LARGE;
  return etl_batch_bytes(b, cv->column, p, n) < 0 ? CONVERT_NO_MEMORY : CONVERT_OK;
}

enum { MEASURED_BYTES = 64 * 1024 }; /* of longer texts the room is reckoned beforehand */

static enum convert_status add_utf16(const struct converter *cv, struct etl_batch *b, const uint8_t *p, uint32_t n) {
  size_t units = n / 2, room = n <= MEASURED_BYTES ? 3 * units : utf16_measure(p, units);
  if (room == SIZE_MAX)
    return CONVERT_CHARACTERS;
  if (n > MEASURED_BYTES && room > cv->max_bytes)
    return CONVERT_TOO_LARGE;
  uint8_t *to = etl_batch_bytes_room(b, cv->column, room ? room : 1);
  if (!to)
    return CONVERT_NO_MEMORY;
  size_t bytes = utf16_to_utf8(p, units, to);
  if (bytes == SIZE_MAX)
    return CONVERT_CHARACTERS;
  if (bytes > cv->max_bytes)
    return CONVERT_TOO_LARGE;
  etl_batch_bytes_done(b, cv->column, bytes);
  return CONVERT_OK;
}

static enum convert_status add_uuid(const struct converter *cv, struct etl_batch *b, const uint8_t *p, uint32_t n) {
  uint8_t u[16];
  (void)n;
  convert_uuid(p, u);
  etl_batch_fixed(b, cv->column, u);
  return CONVERT_OK;
}

typedef enum convert_status (*converter_fn)(const struct converter *, struct etl_batch *, const uint8_t *, uint32_t);
static const struct {
  converter_fn add;
  uint32_t fixed_bytes;
} converters[] = {
    [KIND_BIT] = {add_bit, 1},
    [KIND_INT] = {add_fixed, 8}, /* see int_converter() */
    [KIND_DECIMAL] = {add_decimal, 16},
    [KIND_MONEY] = {add_money, 16},
    [KIND_SMALLMONEY] = {add_smallmoney, 16},
    [KIND_FLOAT] = {add_fixed, 8},
    [KIND_REAL] = {add_fixed, 4},
    [KIND_DATE] = {add_date, 4},
    [KIND_TIME] = {add_time, 8},
    [KIND_SMALLDATETIME] = {add_smalldatetime, 8},
    [KIND_DATETIME] = {add_datetime, 8},
    [KIND_DATETIME2] = {add_datetime2_us, 8},
    [KIND_DATETIMEOFFSET] = {add_datetime2_us, 8},
    [KIND_TEXT] = {add_bytes, 0},
    [KIND_BINARY] = {add_bytes, 0},
    [KIND_ROWVERSION] = {add_fixed, 8},
    [KIND_UUID] = {add_uuid, 16},
};

static converter_fn int_converter(const struct column *c) {
  switch (c->type->format[0]) {
  case 'l': return add_i64;
  case 'i': return add_i32;
  default: return add_fixed;
  }
}

void converter_init(struct converter *cv, const struct column *c, int64_t column, const struct settings *s) {
  enum kind k = c->type->kind;
  *cv = (struct converter){.add = converters[k].add,
                           .column = column,
                           .fixed_bytes = converters[k].fixed_bytes,
                           .max_bytes = (uint32_t)s->max_cell_bytes,
                           .digits_bytes = k == KIND_DECIMAL ? decimal_bytes[c->precision] - 1u : 0};
  if (k == KIND_INT)
    cv->add = int_converter(c);
  if (c->as_bytes)
    cv->add = add_utf16;
  if ((k == KIND_DATETIME2 || k == KIND_DATETIMEOFFSET) && s->datetime_unit == UNIT_NS)
    cv->add = add_datetime2_ns;
}

/* ---- single values ------------------------------------------------------------------------------------------------------------
 */

int64_t convert_ticks(const struct column *c, const uint8_t *p) {
  switch (c->type->kind) {
  case KIND_DATETIME: return ticks_datetime(p);
  case KIND_SMALLDATETIME: return ticks_smalldatetime(p);
  case KIND_TIME: return (int64_t)datetime_all(p).time;
  case KIND_DATE: return temporal_ticks(datetime_all(p).date, 0);
  default: return ticks2(p);
  }
}

__int128 convert_decimal(const struct column *c, const uint8_t *p) {
  int32_t small;
  switch (c->type->kind) {
  case KIND_MONEY: return money_value(p);
  case KIND_SMALLMONEY: memcpy(&small, p, sizeof small); return small;
  default: return decimal_value((const DBNUMERIC *)p, decimal_bytes[c->precision] - 1u);
  }
}

void convert_decimal_text(const struct column *c, const uint8_t *p, char *ret, size_t cap) {
  __int128 v = convert_decimal(c, p);
  unsigned __int128 u = v < 0 ? -(unsigned __int128)v : (unsigned __int128)v;
  int scale = c->type->kind == KIND_DECIMAL ? c->scale : 4;
  char digits[64], *d = digits + sizeof digits - 1;
  *d = '\0';
  for (int i = 0; u || i <= scale; i++) {
    if (i == scale && scale)
      *--d = '.';
    *--d = (char)('0' + (int)(u % 10));
    u /= 10;
  }
  snprintf(ret, cap, "%s%s", v < 0 ? "-" : "", d);
}

/* The first three of its parts come in the byte order of Intel. */
void convert_uuid(const uint8_t *p, uint8_t ret[16]) {
  static const uint8_t from[16] = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};
  for (int i = 0; i < 16; i++)
    ret[i] = p[from[i]];
}
