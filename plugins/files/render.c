/* Numbers, dates, times and bytes as text. */
#include "render.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static void add_unsigned(struct text *t, uint64_t x) {
  char digits[20];
  size_t n = sizeof digits;
  do
    digits[--n] = (char)('0' + x % 10);
  while (x /= 10);
  text_add(t, digits + n, sizeof digits - n);
}

static void add_signed(struct text *t, int64_t x) {
  if (x < 0)
    text_char(t, '-');
  add_unsigned(t, x < 0 ? 0 - (uint64_t)x : (uint64_t)x);
}

static void add_padded(struct text *t, uint64_t x, int width) {
  char digits[20];
  for (int i = width; i-- > 0; x /= 10)
    digits[i] = (char)('0' + x % 10);
  text_add(t, digits, (size_t)width);
}

static void add_float(struct text *t, double x, bool single) {
  char copy[40];
  if (!isfinite(x)) {
    const char *word = isnan(x) ? "NaN" : x > 0 ? "Infinity" : "-Infinity";
    text_add(t, word, strlen(word));
    return;
  }
  for (int digits = single ? 6 : 15;; digits++) {
    int n = snprintf(copy, sizeof copy, "%.*g", digits, x);
    if (digits == (single ? 9 : 17) || (single ? strtof(copy, NULL) == (float)x : strtod(copy, NULL) == x)) {
      text_add(t, copy, (size_t)n);
      return;
    }
  }
}

static void add_decimal(struct text *t, const uint8_t *p, int32_t scale) {
  char digits[48];
  int n = sizeof digits;
  __int128 x;
  memcpy(&x, p, sizeof x);
  unsigned __int128 u = x < 0 ? -(unsigned __int128)x : (unsigned __int128)x;
  for (int32_t k = 0; u > 0 || k <= scale; k++, u /= 10) {
    if (k == scale && scale > 0)
      digits[--n] = '.';
    digits[--n] = (char)('0' + (int)(u % 10));
  }
  if (x < 0)
    digits[--n] = '-';
  text_add(t, digits + n, sizeof digits - (size_t)n);
}

static void add_date(struct text *t, int64_t days) {
  struct etl_civil c = etl_civil_from_days(days);
  if (c.year >= 0 && c.year <= 9999)
    add_padded(t, (uint64_t)c.year, 4);
  else
    add_signed(t, c.year);
  text_char(t, '-');
  add_padded(t, (uint64_t)c.month, 2);
  text_char(t, '-');
  add_padded(t, (uint64_t)c.day, 2);
}

/* Time of day, with as many digits of a second as there are. */
static void add_time(struct text *t, int64_t units, int64_t per_second) {
  int64_t s = units / per_second, part = units % per_second;
  add_padded(t, (uint64_t)(s / 3600), 2);
  text_char(t, ':');
  add_padded(t, (uint64_t)(s / 60 % 60), 2);
  text_char(t, ':');
  add_padded(t, (uint64_t)(s % 60), 2);
  if (part == 0)
    return;
  int width = per_second == 1000 ? 3 : per_second == 1000000 ? 6 : 9;
  for (; part % 10 == 0; part /= 10)
    width--;
  text_char(t, '.');
  add_padded(t, (uint64_t)part, width);
}

static void add_timestamp(struct text *t, const struct etl_format *f, int64_t v) {
  int64_t day = f->per_second * 86400, days = v / day, rest = v % day;
  if (rest < 0) {
    rest += day;
    days--;
  }
  add_date(t, days);
  text_char(t, 'T');
  add_time(t, rest, f->per_second);
  if (f->tz)
    text_char(t, 'Z');
}

static void add_hex(struct text *t, const uint8_t *p, uint64_t n) {
  char *to = text_room(t, n * 2);
  for (uint64_t i = 0; to && i < n; i++) {
    *to++ = "0123456789abcdef"[p[i] >> 4];
    *to++ = "0123456789abcdef"[p[i] & 15];
  }
  t->n += to ? n * 2 : 0;
}

static void add_uuid(struct text *t, const uint8_t *p) {
  static const uint8_t parts[] = {4, 2, 2, 2, 6};
  for (size_t i = 0; i < sizeof parts; p += parts[i++]) {
    if (i)
      text_char(t, '-');
    add_hex(t, p, parts[i]);
  }
}

void render_value(struct text *t, const struct etl_view *v, int64_t i) {
  struct etl_bytes b;
  switch (v->f.logical) {
  case ETL_L_BOOL: etl_view_bool(v, i) ? text_add(t, "true", 4) : text_add(t, "false", 5); break;
  case ETL_L_INT: add_signed(t, etl_view_i64(v, i)); break;
  case ETL_L_UINT: add_unsigned(t, (uint64_t)etl_view_i64(v, i)); break;
  case ETL_L_FLOAT: add_float(t, etl_view_f64(v, i), v->f.width == 4); break;
  case ETL_L_DECIMAL: add_decimal(t, etl_view_fixed(v, i), v->f.scale); break;
  case ETL_L_DATE: add_date(t, etl_view_i64(v, i)); break;
  case ETL_L_TIME: add_time(t, etl_view_i64(v, i), v->f.per_second); break;
  case ETL_L_TIMESTAMP: add_timestamp(t, &v->f, etl_view_i64(v, i)); break;
  case ETL_L_UUID: add_uuid(t, etl_view_fixed(v, i)); break;
  default:
    b = etl_view_bytes(v, i);
    text_add(t, "\\x", 2);
    add_hex(t, b.p, b.n);
  }
}

bool render_is_number(const struct etl_format *f) {
  return f->logical == ETL_L_INT || f->logical == ETL_L_UINT || f->logical == ETL_L_FLOAT || f->logical == ETL_L_DECIMAL;
}
