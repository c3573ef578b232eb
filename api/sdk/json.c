/* One row of a batch as a JSON object, for people and for quarantine.  Any thread. */
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "etl/sdk.h"

enum { CUT_BYTES = 64 * 1024 };

struct out {
  char *p;
  size_t n, cap;
  bool failed;
};

static void put(struct out *o, const char *p, size_t n) {
  if (o->failed)
    return;
  if (o->n + n + 1 > o->cap) {
    size_t cap = (o->n + n + 1) * 2;
    char *grown = realloc(o->p, cap);
    if (!grown) {
      o->failed = true;
      return;
    }
    o->p = grown;
    o->cap = cap;
  }
  memcpy(o->p + o->n, p, n);
  o->n += n;
  o->p[o->n] = 0;
}

static void put_text(struct out *o, const char *text) { put(o, text, strlen(text)); }

__attribute__((format(printf, 2, 3))) static void putf(struct out *o, const char *fmt, ...) {
  char text[96];
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(text, sizeof text, fmt, ap);
  va_end(ap);
  put_text(o, text);
}

/* ---- strings ------------------------------------------------------------------------------------------------------------------- */

/* Bytes of the UTF-8 character at p (of n), 0: none that is valid. */
static size_t character(const uint8_t *p, size_t n) {
  if (p[0] < 0x80)
    return 1;
  size_t length = p[0] >= 0xF0 ? 4 : p[0] >= 0xE0 ? 3 : 2;
  if (p[0] < 0xC2 || p[0] > 0xF4 || n < length)
    return 0;
  for (size_t i = 1; i < length; i++)
    if ((p[i] & 0xC0) != 0x80)
      return 0;
  if ((p[0] == 0xE0 && p[1] < 0xA0) || (p[0] == 0xED && p[1] > 0x9F) || (p[0] == 0xF0 && p[1] < 0x90) || (p[0] == 0xF4 && p[1] > 0x8F))
    return 0;
  return length;
}

/* A NUL is taken for no text: PostgreSQL's json would hold it, but not give it out. */
static bool is_text(const uint8_t *p, size_t n) {
  for (size_t i = 0, length; i < n; i += length)
    if (p[i] == 0 || (length = character(p + i, n - i)) == 0)
      return false;
  return true;
}

static void put_string(struct out *o, const uint8_t *p, size_t n) {
  put(o, "\"", 1);
  for (size_t i = 0, from = 0; i <= n; i++) {
    bool plain = i < n && p[i] >= ' ' && p[i] != '"' && p[i] != '\\' && p[i] != 0x7f;
    if (plain)
      continue;
    put(o, (const char *)p + from, i - from);
    from = i + 1;
    if (i == n)
      break;
    if (p[i] == '"' || p[i] == '\\')
      putf(o, "\\%c", p[i]);
    else if (p[i] == '\n')
      put(o, "\\n", 2);
    else
      putf(o, "\\u%04x", p[i]);
  }
  put(o, "\"", 1);
}

static void put_hex(struct out *o, const char *before, const uint8_t *p, size_t n) {
  put(o, "\"", 1);
  put_text(o, before);
  for (size_t i = 0; i < n; i++)
    putf(o, "%02x", p[i]);
  put(o, "\"", 1);
}

static void put_bytes(struct out *o, struct etl_bytes b, bool text) {
  const uint8_t *p = b.p;
  size_t n = b.n < CUT_BYTES ? (size_t)b.n : CUT_BYTES;
  bool cut = n < b.n;
  while (text && cut && n && (p[n] & 0xC0) == 0x80)
    n--; /* not within a character */
  if (cut)
    put_text(o, "{\"$cut\": ");
  if (!text)
    put_hex(o, "\\\\x", p, n);
  else if (is_text(p, n))
    put_string(o, p, n);
  else {
    put_text(o, "{\"$hex\": ");
    put_hex(o, "", p, n);
    put_text(o, "}");
  }
  if (cut)
    putf(o, ", \"$bytes\": %" PRIu64 "}", b.n);
}

/* ---- numbers and times ----------------------------------------------------------------------------------------------------------- */

static void put_float(struct out *o, double v, uint32_t width) {
  if (isnan(v) || isinf(v))
    put_text(o, isnan(v) ? "\"NaN\"" : v > 0 ? "\"Infinity\"" : "\"-Infinity\"");
  else
    putf(o, "%.*g", width == 4 ? 9 : 17, v);
}

static void put_decimal(struct out *o, const uint8_t *p, int32_t scale) {
  unsigned __int128 v;
  char digits[64];
  size_t n = 0, point = scale > 0 ? (size_t)scale : 0;
  memcpy(&v, p, sizeof v);
  bool negative = v >> 127, zero = v == 0;
  if (negative)
    v = -v;
  while (n < sizeof digits && (v || n <= point)) {
    digits[n++] = (char)('0' + (int)(v % 10));
    v /= 10;
  }
  put_text(o, negative ? "\"-" : "\"");
  while (n) {
    if (n == point)
      put(o, ".", 1);
    put(o, &digits[--n], 1);
  }
  for (int32_t i = scale; i < 0 && !zero; i++)
    put(o, "0", 1);
  put(o, "\"", 1);
}

static void put_date(struct out *o, int64_t days) {
  struct etl_civil c = etl_civil_from_days(days);
  putf(o, "%s%04" PRId64 "-%02" PRId32 "-%02" PRId32, c.year < 0 ? "-" : "", c.year < 0 ? -c.year : c.year, c.month, c.day);
}

static void put_time(struct out *o, int64_t v, int64_t per_second) {
  int64_t seconds = v / per_second, fraction = v % per_second;
  putf(o, "%02d:%02d:%02d", (int)(seconds / 3600), (int)(seconds / 60 % 60), (int)(seconds % 60));
  if (!fraction)
    return;
  int digits = per_second == 1000 ? 3 : per_second == 1000000 ? 6 : 9;
  for (; fraction % 10 == 0; fraction /= 10)
    digits--;
  putf(o, ".%0*" PRId64, digits, fraction);
}

static void put_timestamp(struct out *o, int64_t v, const struct etl_format *f) {
  int64_t day = 86400 * f->per_second, days = v / day, left = v % day;
  if (left < 0) {
    left += day;
    days--;
  }
  put(o, "\"", 1);
  put_date(o, days);
  put(o, "T", 1);
  put_time(o, left, f->per_second);
  put_text(o, f->tz ? "Z\"" : "\"");
}

static void put_uuid(struct out *o, const uint8_t *p) {
  put(o, "\"", 1);
  for (int i = 0; i < 16; i++)
    putf(o, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", p[i]);
  put(o, "\"", 1);
}

/* ---- rows ---------------------------------------------------------------------------------------------------------------------- */

static void put_value(struct out *o, const struct etl_view *v, int64_t row) {
  switch (v->f.logical) {
  case ETL_L_BOOL: put_text(o, etl_view_bool(v, row) ? "true" : "false"); return;
  case ETL_L_INT: putf(o, "%" PRId64, etl_view_i64(v, row)); return;
  case ETL_L_UINT: putf(o, "%" PRIu64, (uint64_t)etl_view_i64(v, row)); return;
  case ETL_L_FLOAT: put_float(o, etl_view_f64(v, row), v->f.width); return;
  case ETL_L_DECIMAL: put_decimal(o, etl_view_fixed(v, row), v->f.scale); return;
  case ETL_L_STRING:
  case ETL_L_JSON: put_bytes(o, etl_view_bytes(v, row), true); return;
  case ETL_L_BINARY: put_bytes(o, etl_view_bytes(v, row), false); return;
  case ETL_L_UUID: put_uuid(o, etl_view_fixed(v, row)); return;
  case ETL_L_TIMESTAMP: put_timestamp(o, etl_view_i64(v, row), &v->f); return;
  case ETL_L_DATE:
    put(o, "\"", 1);
    put_date(o, etl_view_i64(v, row));
    put(o, "\"", 1);
    return;
  case ETL_L_TIME:
    put(o, "\"", 1);
    put_time(o, etl_view_i64(v, row), v->f.per_second);
    put(o, "\"", 1);
    return;
  }
  put_text(o, "null");
}

char *etl_row_json(const struct ArrowSchema *schema, const struct ArrowArray *batch, int64_t row) {
  struct out o = {0};
  put(&o, "{", 1);
  for (int64_t i = 0; i < schema->n_children; i++) {
    const struct ArrowSchema *column = schema->children[i];
    struct etl_view v;
    if (i)
      put(&o, ", ", 2);
    put_bytes(&o, (struct etl_bytes){column->name, strlen(column->name)}, true);
    put(&o, ": ", 2);
    if (etl_view_init(&v, schema, batch, i) < 0) {
      put_text(&o, "{\"$format\": ");
      put_string(&o, (const uint8_t *)column->format, strlen(column->format));
      put_text(&o, "}");
    } else if (etl_view_null(&v, row)) {
      put_text(&o, "null");
    } else {
      put_value(&o, &v, row);
    }
  }
  put(&o, "}", 1);
  if (o.failed) {
    free(o.p);
    return NULL;
  }
  return o.p;
}
