/* Values out of columns, and as text.  Dates are those of the proleptic Gregorian calendar. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "value.h"

static int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); }

struct value value_load(const struct etl_view *v, int64_t row) {
  static const enum value_kind kinds[] = {
      [ETL_L_BOOL] = VALUE_BOOL,      [ETL_L_INT] = VALUE_NUMBER,  [ETL_L_UINT] = VALUE_NUMBER,  [ETL_L_FLOAT] = VALUE_FLOAT,
      [ETL_L_DECIMAL] = VALUE_NUMBER, [ETL_L_STRING] = VALUE_TEXT, [ETL_L_BINARY] = VALUE_BYTES, [ETL_L_UUID] = VALUE_UUID,
      [ETL_L_JSON] = VALUE_JSON,      [ETL_L_DATE] = VALUE_DATE,   [ETL_L_TIME] = VALUE_TIME,    [ETL_L_TIMESTAMP] = VALUE_STAMP};
  struct value r = {.kind = kinds[v->f.logical], .per_second = v->f.per_second, .zoned = v->f.tz != NULL};
  switch (v->f.logical) {
  case ETL_L_BOOL: r.number = etl_view_bool(v, row); break;
  case ETL_L_INT: r.number = etl_view_i64(v, row); break;
  case ETL_L_UINT: r.number = (uint64_t)etl_view_i64(v, row); break;
  case ETL_L_DECIMAL:
    memcpy(&r.number, etl_view_fixed(v, row), sizeof r.number);
    r.scale = v->f.scale;
    break;
  case ETL_L_FLOAT:
    r.f = etl_view_f64(v, row);
    r.narrow = v->f.width == 4;
    break;
  case ETL_L_DATE:
  case ETL_L_TIME:
  case ETL_L_TIMESTAMP: r.t = etl_view_i64(v, row); break;
  default: r.b = etl_view_bytes(v, row);
  }
  return r;
}

/* ---- text ------------------------------------------------------------------------------------------------------------------- */

static size_t print_number(const struct value *v, char *buf) {
  char digits[VALUE_TEXT_BYTES];
  size_t n = 0, at = 0;
  unsigned __int128 left = v->number < 0 ? -(unsigned __int128)v->number : (unsigned __int128)v->number;
  for (int32_t zeros = v->scale; zeros < 0 && left && n < DECIMAL_DIGITS; zeros++) /* decimals with a negative scale end in zeros */
    digits[n++] = '0';
  do {
    digits[n++] = (char)('0' + (int)(left % 10));
    left /= 10;
  } while (left || (v->scale > 0 && n <= (size_t)v->scale));
  if (v->number < 0)
    buf[at++] = '-';
  while (n) {
    buf[at++] = digits[--n];
    if (v->scale > 0 && n == (size_t)v->scale)
      buf[at++] = '.';
  }
  return at;
}

static size_t print_float(const struct value *v, char *buf) {
  if (isnan(v->f))
    return (size_t)snprintf(buf, VALUE_TEXT_BYTES, "NaN");
  if (isinf(v->f))
    return (size_t)snprintf(buf, VALUE_TEXT_BYTES, v->f < 0 ? "-Infinity" : "Infinity");
  size_t n = 0;
  for (int digits = v->narrow ? 6 : 15; digits <= 17; digits++) { /* the shortest that reads back the same */
    n = (size_t)snprintf(buf, VALUE_TEXT_BYTES, "%.*g", digits, v->f);
    double back = strtod(buf, NULL);
    if (v->narrow ? (float)back == (float)v->f : back == v->f)
      break;
  }
  return n;
}

static size_t print_date(int64_t days, char *buf, size_t size) {
  struct etl_civil c = etl_civil_from_days(days);
  return (size_t)snprintf(buf, size, "%04lld-%02d-%02d", (long long)c.year, (int)c.month, (int)c.day);
}

static size_t print_time(int64_t units, int64_t per_second, char *buf, size_t size) {
  int64_t s = units / per_second, fraction = units % per_second;
  size_t n = (size_t)snprintf(buf, size, "%02d:%02d:%02d", (int)(s / 3600), (int)(s / 60 % 60), (int)(s % 60));
  if (fraction) {
    n += (size_t)snprintf(buf + n, size - n, ".%0*lld",
                          per_second == 1000      ? 3
                          : per_second == 1000000 ? 6
                                                  : 9,
                          (long long)fraction);
    while (buf[n - 1] == '0')
      n--;
  }
  return n;
}

size_t value_print(const struct value *v, char buf[VALUE_TEXT_BYTES]) {
  size_t n = 0;
  switch (v->kind) {
  case VALUE_NUMBER: return print_number(v, buf);
  case VALUE_FLOAT: return print_float(v, buf);
  case VALUE_BOOL: return (size_t)snprintf(buf, VALUE_TEXT_BYTES, v->number ? "true" : "false");
  case VALUE_DATE: return print_date(v->t, buf, VALUE_TEXT_BYTES);
  case VALUE_TIME: return print_time(v->t, v->per_second, buf, VALUE_TEXT_BYTES);
  case VALUE_UUID:
    for (size_t i = 0; i < 16; i++)
      n += (size_t)snprintf(buf + n, VALUE_TEXT_BYTES - n, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "",
                            ((const uint8_t *)v->b.p)[i]);
    return n;
  case VALUE_STAMP: {
    int64_t day = v->per_second * SECONDS_A_DAY, since_midnight = v->t % day;
    n = print_date(floor_div(v->t, day), buf, VALUE_TEXT_BYTES);
    buf[n++] = ' ';
    n += print_time(since_midnight < 0 ? since_midnight + day : since_midnight, v->per_second, buf + n, VALUE_TEXT_BYTES - n);
    if (v->zoned)
      n += (size_t)snprintf(buf + n, VALUE_TEXT_BYTES - n, "+00");
    return n;
  }
  default: return 0;
  }
}

struct etl_bytes value_text(const struct value *v, char buf[VALUE_TEXT_BYTES]) {
  if (v->kind == VALUE_TEXT || v->kind == VALUE_JSON || v->kind == VALUE_BYTES)
    return (struct etl_bytes){v->b.n ? v->b.p : "", v->b.n};
  return (struct etl_bytes){buf, value_print(v, buf)};
}
