/* From SQLite's five kinds of values to the types of columns.  A floating point number becomes a decimal by way of its first 15
 * digits, so that 1.005 * 3 is 3.015 and not a little less; what leaves a type's range is refused, never cut. */
#include <float.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "shown.h"
#include "sql/result.h"
#include "value.h"

struct cell { /* the value in hand */
  const struct etl_format *to;
  sqlite3_stmt *stmt;
  int i, kind;
};
typedef enum result (*put_fn)(const struct cell *c, struct etl_batch *b, const char **ret_why);

static const char out_of_range[] = "out of the type's range", not_a_number[] = "a blob is no number";

static enum result bad(const char **ret_why, const char *why) {
  *ret_why = why;
  return RESULT_BAD;
}

static struct etl_bytes text_of(const struct cell *c) {
  const void *p = sqlite3_column_text(c->stmt, c->i);
  return (struct etl_bytes){p ? p : "", (uint64_t)sqlite3_column_bytes(c->stmt, c->i)};
}

static enum result put_bytes(struct etl_batch *b, struct etl_bytes v) {
  return etl_batch_bytes(b, 0, v.p, v.n) < 0 ? RESULT_NO_MEMORY : RESULT_OK;
}

/* Any number at a scale. */
static const char *number_of(const struct cell *c, int32_t scale, __int128 *ret) {
  struct value v = {.kind = VALUE_NUMBER};
  char buf[VALUE_TEXT_BYTES];
  const char *why = NULL;
  if (c->kind == SQLITE_BLOB)
    return not_a_number;
  if (c->kind == SQLITE_INTEGER) {
    v.number = sqlite3_column_int64(c->stmt, c->i);
  } else if (c->kind == SQLITE_FLOAT) {
    double f = sqlite3_column_double(c->stmt, c->i);
    if (!isfinite(f) || fabs(f) >= 1e38)
      return out_of_range;
    why = value_scan_number((struct etl_bytes){buf, (uint64_t)snprintf(buf, sizeof buf, "%.15g", f)}, &v);
  } else {
    why = value_scan_number(text_of(c), &v);
  }
  if (why)
    return why;
  return value_rescale(v.number, v.scale, scale, ret) ? NULL : out_of_range;
}

static enum result put_bool(const struct cell *c, struct etl_batch *b, const char **ret_why) {
  struct value v = {.number = sqlite3_column_int64(c->stmt, c->i)};
  const char *why = c->kind == SQLITE_TEXT ? value_scan_bool(text_of(c), &v) : c->kind != SQLITE_INTEGER ? "neither 0 nor 1" : NULL;
  if (why || v.number < 0 || v.number > 1)
    return bad(ret_why, why ? why : "neither 0 nor 1");
  etl_batch_bool(b, 0, v.number != 0);
  return RESULT_OK;
}

static enum result put_int(const struct cell *c, struct etl_batch *b, const char **ret_why) {
  const struct etl_format *f = c->to;
  bool is_signed = f->logical == ETL_L_INT;
  __int128 n, most = ((__int128)1 << (f->width * 8 - is_signed)) - 1;
  const char *why = number_of(c, 0, &n);
  if (why || n > most || n < (is_signed ? -most - 1 : 0))
    return bad(ret_why, why ? why : out_of_range);
  uint64_t whole = (uint64_t)n;
  etl_batch_fixed(b, 0, &whole); /* its low bytes come first */
  return RESULT_OK;
}

static enum result put_float(const struct cell *c, struct etl_batch *b, const char **ret_why) {
  struct value v = {.f = sqlite3_column_double(c->stmt, c->i)};
  bool narrow = c->to->width == 4;
  const char *why = c->kind == SQLITE_TEXT ? value_scan_float(text_of(c), &v) : c->kind == SQLITE_BLOB ? not_a_number : NULL;
  if (!why && narrow && isfinite(v.f) && fabs(v.f) > (double)FLT_MAX)
    why = out_of_range;
  if (why)
    return bad(ret_why, why);
  if (narrow)
    etl_batch_f32(b, 0, (float)v.f);
  else
    etl_batch_f64(b, 0, v.f);
  return RESULT_OK;
}

static enum result put_decimal(const struct cell *c, struct etl_batch *b, const char **ret_why) {
  const struct etl_format *f = c->to;
  __int128 n, limit = 1;
  const char *why = number_of(c, f->scale, &n);
  for (int32_t i = 0; i < f->precision; i++)
    limit *= 10;
  if (why || n >= limit || n <= -limit)
    return bad(ret_why, why ? why : out_of_range);
  etl_batch_fixed(b, 0, &n);
  return RESULT_OK;
}

static enum result put_text(const struct cell *c, struct etl_batch *b, const char **ret_why) {
  if (c->kind == SQLITE_BLOB)
    return bad(ret_why, "a blob is no text (hex() makes it one)");
  struct etl_bytes v = text_of(c);
  return c->kind != SQLITE_TEXT || shown_is_utf8(v) ? put_bytes(b, v) : bad(ret_why, "not UTF-8"); /* as CAST and || make it of bytes */
}

static enum result put_json(const struct cell *c, struct etl_batch *b, const char **ret_why) {
  struct etl_bytes v = text_of(c);
  json_t *parsed = c->kind == SQLITE_BLOB ? NULL : json_loadb(v.p, v.n, JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL, NULL);
  if (!parsed)
    return bad(ret_why, "not JSON");
  json_decref(parsed);
  return put_bytes(b, v);
}

static enum result put_binary(const struct cell *c, struct etl_batch *b, const char **ret_why) {
  const struct etl_format *f = c->to;
  const void *p = sqlite3_column_blob(c->stmt, c->i);
  struct etl_bytes v = {p ? p : "", (uint64_t)sqlite3_column_bytes(c->stmt, c->i)};
  if (c->kind != SQLITE_BLOB && c->kind != SQLITE_TEXT)
    return bad(ret_why, "a number is no blob");
  if (f->phys == ETL_P_VAR32)
    return put_bytes(b, v);
  if (v.n != f->width)
    return bad(ret_why, "not of the type's length");
  etl_batch_fixed(b, 0, v.p);
  return RESULT_OK;
}

static enum result put_uuid(const struct cell *c, struct etl_batch *b, const char **ret_why) {
  uint8_t uuid[16];
  if (c->kind == SQLITE_BLOB && sqlite3_column_bytes(c->stmt, c->i) == (int)sizeof uuid) {
    etl_batch_fixed(b, 0, sqlite3_column_blob(c->stmt, c->i));
    return RESULT_OK;
  }
  const char *why = c->kind == SQLITE_TEXT ? value_scan_uuid(text_of(c), uuid) : "neither the text of a uuid nor 16 bytes";
  if (why)
    return bad(ret_why, why);
  etl_batch_fixed(b, 0, uuid);
  return RESULT_OK;
}

/* ---- dates and times --------------------------------------------------------------------------------------------------------- */

/* A time in nanoseconds' precision: value_scan_stamp() cuts at microseconds, so that the fraction is read here. */
static const char *stamp_of(struct etl_bytes text, int64_t *ret_s, int64_t *ret_ns, bool *ret_zoned) {
  char buf[64];
  struct value v;
  const char *from = text.p, *point = memchr(from, '.', text.n);
  size_t whole = point ? (size_t)(point - from) : text.n, digits = 0;
  *ret_ns = 0;
  for (int64_t unit = 100000000; point && whole + 1 + digits < text.n && point[1 + digits] >= '0' && point[1 + digits] <= '9'; digits++, unit /= 10)
    *ret_ns += (point[1 + digits] - '0') * unit;
  size_t rest = point && digits ? whole + 1 + digits : whole;
  if (text.n >= sizeof buf)
    return "too long for a time";
  memcpy(buf, from, whole);
  memcpy(buf + whole, from + rest, text.n - rest);
  const char *why = value_scan_stamp((struct etl_bytes){buf, whole + text.n - rest}, &v);
  if (why)
    return why;
  *ret_s = v.t / 1000000;
  *ret_zoned = v.zoned;
  return NULL;
}

static const char *text_wanted(const struct cell *c) {
  return c->kind == SQLITE_TEXT ? NULL : "not text (SQLite's date functions make it from numbers: datetime(x, 'unixepoch'))";
}

static enum result put_date(const struct cell *c, struct etl_batch *b, const char **ret_why) {
  struct value v = {0};
  const char *why = text_wanted(c);
  if (!why)
    why = value_scan_date(text_of(c), &v);
  if (why)
    return bad(ret_why, why);
  etl_batch_i32(b, 0, (int32_t)v.t);
  return RESULT_OK;
}

static enum result put_time(const struct cell *c, struct etl_batch *b, const char **ret_why) {
  static const char day[] = "1970-01-01 ";
  const struct etl_format *f = c->to;
  char buf[64];
  int64_t s = 0, ns = 0;
  bool zoned = false;
  const char *why = text_wanted(c);
  if (!why) {
    struct etl_bytes text = text_of(c);
    int n = snprintf(buf, sizeof buf, "%s%.*s", day, text.n < 40 ? (int)text.n : 0, (const char *)text.p);
    why = stamp_of((struct etl_bytes){buf, (uint64_t)n}, &s, &ns, &zoned);
  }
  if (why || zoned)
    return bad(ret_why, "not a time as in 23:59:59.123456");
  int64_t t = s * f->per_second + ns / (1000000000 / f->per_second);
  etl_batch_fixed(b, 0, &t); /* its low bytes come first */
  return RESULT_OK;
}

static enum result put_stamp(const struct cell *c, struct etl_batch *b, const char **ret_why) {
  const struct etl_format *f = c->to;
  int64_t s = 0, ns = 0, t = 0;
  bool zoned = false;
  const char *why = text_wanted(c);
  if (!why)
    why = stamp_of(text_of(c), &s, &ns, &zoned);
  if (!why && zoned && !f->tz)
    why = "it has a time zone, which the type timestamp does not keep (timestamptz does)";
  if (!why && (__builtin_mul_overflow(s, f->per_second, &t) || __builtin_add_overflow(t, ns / (1000000000 / f->per_second), &t)))
    why = out_of_range;
  if (why)
    return bad(ret_why, why);
  etl_batch_i64(b, 0, t);
  return RESULT_OK;
}

enum result result_add(sqlite3_stmt *stmt, int i, const struct etl_format *to, struct etl_batch *b, const char **ret_why) {
  static const put_fn putters[] = {[ETL_L_BOOL] = put_bool,   [ETL_L_INT] = put_int,       [ETL_L_UINT] = put_int,   [ETL_L_FLOAT] = put_float,
                                 [ETL_L_DECIMAL] = put_decimal, [ETL_L_STRING] = put_text, [ETL_L_BINARY] = put_binary, [ETL_L_UUID] = put_uuid,
                                 [ETL_L_JSON] = put_json,   [ETL_L_DATE] = put_date,     [ETL_L_TIME] = put_time,  [ETL_L_TIMESTAMP] = put_stamp};
  struct cell c = {.to = to, .stmt = stmt, .i = i, .kind = sqlite3_column_type(stmt, i)};
  if (c.kind == SQLITE_NULL)
    return etl_batch_null(b, 0) < 0 ? RESULT_NO_MEMORY : RESULT_OK;
  return putters[to->logical](&c, b, ret_why);
}
