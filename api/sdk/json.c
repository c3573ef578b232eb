/* Rows of a batch as JSON objects, for people, for quarantine and for captured records: many rows of few bytes each, so values are written without
 * a detour.  Any thread. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "etl/sdk.h"

enum { CUT_BYTES = 64 * 1024 };

struct out {
  char *p;
  size_t n, cap;
  bool failed;
};

/* Room for n more bytes, and for a NUL behind them; NULL: no memory. */
static char *room(struct out *o, size_t n) {
  if (o->n + n + 1 > o->cap && !o->failed) {
    size_t cap = (o->n + n + 1) * 2;
    char *grown = realloc(o->p, cap);
    o->failed = !grown;
    o->p = grown ? grown : o->p;
    o->cap = grown ? cap : o->cap;
  }
  return o->failed ? NULL : o->p + o->n;
}

static void put(struct out *o, const char *p, size_t n) {
  char *to = room(o, n);
  if (!to)
    return;
  if (n)
    memcpy(to, p, n);
  o->n += n;
  o->p[o->n] = 0;
}

static void put_text(struct out *o, const char *text) { put(o, text, strlen(text)); }

static void put_char(struct out *o, char c) { put(o, &c, 1); }

/* With zeroes before it, up to so many digits. */
static void put_uint(struct out *o, uint64_t v, size_t digits) {
  char text[24], *end = text + sizeof text, *p = end;
  do
    *--p = (char)('0' + v % 10);
  while (v /= 10);
  while ((size_t)(end - p) < digits)
    *--p = '0';
  put(o, p, (size_t)(end - p));
}

static void put_int(struct out *o, int64_t v, size_t digits) {
  if (v < 0)
    put_char(o, '-');
  put_uint(o, v < 0 ? -(uint64_t)v : (uint64_t)v, digits);
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
    if ((uint8_t)(p[i] - 1) < 0x7f)
      length = 1;
    else if (p[i] == 0 || (length = character(p + i, n - i)) == 0)
      return false;
  return true;
}

static void put_hex_digits(struct out *o, const uint8_t *p, size_t n) {
  static const char digits[] = "0123456789abcdef";
  char *to = room(o, 2 * n);
  for (size_t i = 0; to && i < n; i++) {
    *to++ = digits[p[i] >> 4];
    *to++ = digits[p[i] & 15];
  }
  if (!to)
    return;
  *to = 0;
  o->n += 2 * n;
}

static void put_hex(struct out *o, const char *before, const uint8_t *p, size_t n) {
  put_char(o, '"');
  put_text(o, before);
  put_hex_digits(o, p, n);
  put_char(o, '"');
}

static void put_escaped(struct out *o, uint8_t c) {
  if (c == '"' || c == '\\' || c == '\n') {
    put_char(o, '\\');
    put_char(o, c == '\n' ? 'n' : (char)c);
  } else {
    put(o, "\\u00", 4);
    put_hex_digits(o, &c, 1);
  }
}

static void put_string(struct out *o, const uint8_t *p, size_t n) {
  put_char(o, '"');
  for (size_t i = 0, from = 0; i <= n; i++) {
    bool plain = i < n && p[i] >= ' ' && p[i] != '"' && p[i] != '\\' && p[i] != 0x7f;
    if (plain)
      continue;
    put(o, (const char *)p + from, i - from);
    from = i + 1;
    if (i < n)
      put_escaped(o, p[i]);
  }
  put_char(o, '"');
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
  if (cut) {
    put_text(o, ", \"$bytes\": ");
    put_uint(o, b.n, 1);
    put_char(o, '}');
  }
}

/* ---- numbers and times ----------------------------------------------------------------------------------------------------------- */

/* The few digits that most numbers have: m / 10^k, when just that is the number. */
static bool put_short_float(struct out *o, double v, uint32_t width) {
  static const double powers[] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6};
  double most = width == 4 ? 0x1p24 : 0x1p53, positive = v < 0 ? -v : v;
  if (v == 0 && signbit(v))
    return false;
  for (size_t k = 0; k < sizeof powers / sizeof *powers && positive * powers[k] < most; k++) {
    uint64_t m = (uint64_t)(positive * powers[k] + 0.5), unit = (uint64_t)powers[k];
    double same = (double)m / powers[k];
    if (width == 4 ? (float)same != (float)positive : same != positive)
      continue;
    put(o, "-", v < 0);
    put_uint(o, m / unit, 1);
    put(o, ".", k > 0);
    if (k > 0)
      put_uint(o, m % unit, k);
    return true;
  }
  return false;
}

static void put_float(struct out *o, double v, uint32_t width) {
  char text[40];
  if (put_short_float(o, v, width))
    return;
  if (isnan(v) || isinf(v))
    snprintf(text, sizeof text, isnan(v) ? "\"NaN\"" : v > 0 ? "\"Infinity\"" : "\"-Infinity\"");
  else
    snprintf(text, sizeof text, "%.*g", width == 4 ? 9 : 17, v);
  put_text(o, text);
}

static void put_decimal(struct out *o, const uint8_t *p, int32_t scale) {
  unsigned __int128 v;
  char digits[64];
  size_t n = 0, point = scale > 0 ? (size_t)scale : 0;
  memcpy(&v, p, sizeof v);
  bool negative = v >> 127, zero = v == 0;
  if (negative)
    v = -v;
  for (; n < sizeof digits && v > UINT64_MAX; v /= 10)
    digits[n++] = (char)('0' + (int)(v % 10));
  for (uint64_t low = (uint64_t)v; n < sizeof digits && (low || n <= point); low /= 10)
    digits[n++] = (char)('0' + (int)(low % 10));
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
  put_int(o, c.year, 4);
  put_char(o, '-');
  put_uint(o, (uint64_t)c.month, 2);
  put_char(o, '-');
  put_uint(o, (uint64_t)c.day, 2);
}

static void put_time(struct out *o, int64_t v, int64_t per_second) {
  int64_t seconds = v / per_second, fraction = v % per_second;
  size_t digits = per_second == 1000 ? 3 : per_second == 1000000 ? 6 : 9;
  put_int(o, seconds / 3600, 2);
  put_char(o, ':');
  put_int(o, seconds / 60 % 60, 2);
  put_char(o, ':');
  put_int(o, seconds % 60, 2);
  if (!fraction)
    return;
  for (; fraction % 10 == 0; fraction /= 10)
    digits--;
  put_char(o, '.');
  put_int(o, fraction, digits);
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
  put_char(o, '"');
  for (size_t i = 0; i < 16; i++) {
    if (i == 4 || i == 6 || i == 8 || i == 10)
      put_char(o, '-');
    put_hex_digits(o, p + i, 1);
  }
  put_char(o, '"');
}

/* ---- rows ---------------------------------------------------------------------------------------------------------------------- */

static void put_value(struct out *o, const struct etl_view *v, int64_t row) {
  switch (v->f.logical) {
  case ETL_L_BOOL: put_text(o, etl_view_bool(v, row) ? "true" : "false"); return;
  case ETL_L_INT: put_int(o, etl_view_i64(v, row), 1); return;
  case ETL_L_UINT: put_uint(o, (uint64_t)etl_view_i64(v, row), 1); return;
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

struct column {
  struct etl_view view;
  bool known;             /* its format */
  size_t name, name_end;  /* in names: what goes before its values */
};
struct writer {
  const struct ArrowSchema *schema;
  struct column *columns;
  struct out names, out;
};

static bool writer_init(struct writer *w, const struct ArrowSchema *schema, const struct ArrowArray *batch) {
  *w = (struct writer){.schema = schema, .columns = calloc((size_t)schema->n_children + 1, sizeof *w->columns)};
  for (int64_t i = 0; w->columns && i < schema->n_children; i++) {
    struct column *c = &w->columns[i];
    const char *name = schema->children[i]->name;
    c->known = etl_view_init(&c->view, schema, batch, i) == 0;
    c->name = w->names.n;
    put_text(&w->names, i ? ", " : "");
    put_bytes(&w->names, (struct etl_bytes){name, strlen(name)}, true);
    put_text(&w->names, ": ");
    c->name_end = w->names.n;
  }
  return w->columns && !w->names.failed;
}

static void put_row(struct writer *w, int64_t row) {
  struct out *o = &w->out;
  put_char(o, '{');
  for (int64_t i = 0; i < w->schema->n_children; i++) {
    const struct column *c = &w->columns[i];
    put(o, w->names.p + c->name, c->name_end - c->name);
    if (!c->known) {
      const char *format = w->schema->children[i]->format;
      put_text(o, "{\"$format\": ");
      put_string(o, (const uint8_t *)format, strlen(format));
      put_char(o, '}');
    } else if (etl_view_null(&c->view, row)) {
      put(o, "null", 4);
    } else {
      put_value(o, &c->view, row);
    }
  }
  put_char(o, '}');
}

static char *writer_end(struct writer *w) {
  free(w->columns);
  free(w->names.p);
  if (!w->out.failed)
    return w->out.p;
  free(w->out.p);
  return NULL;
}

char *etl_row_json(const struct ArrowSchema *schema, const struct ArrowArray *batch, int64_t row) {
  struct writer w;
  if (writer_init(&w, schema, batch))
    put_row(&w, row);
  return writer_end(&w);
}

char *etl_rows_json(const struct ArrowSchema *schema, const struct ArrowArray *batch, uint64_t *ret_bytes) {
  struct writer w;
  bool good = writer_init(&w, schema, batch);
  put(&w.out, "", 0); /* a text even of no rows */
  for (int64_t row = 0; good && row < batch->length; row++) {
    put_row(&w, row);
    put_char(&w.out, 0);
  }
  w.out.failed |= !good;
  *ret_bytes = w.out.n;
  return writer_end(&w);
}
