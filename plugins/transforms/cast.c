/* Casts: which are possible, and each target's way of taking a value.  Numbers are rounded half away from zero, as PostgreSQL does;
 * what leaves the target's range is refused, never cut. */
#include <jansson.h>
#include <math.h>
#include <stdio.h>

#include "cast.h"
#include "value.h"

#define FROM(l_) (1u << ETL_L_##l_)
enum {
  FROM_NUMBER = FROM(INT) | FROM(UINT) | FROM(FLOAT) | FROM(DECIMAL),
  FROM_STAMP = FROM(DATE) | FROM(TIMESTAMP)
};

static const char out_of_range[] = "out of the type's range";

static enum cast_result bad(const char **ret_why, const char *why) {
  *ret_why = why;
  return CAST_BAD;
}

typedef enum cast_result (*put_fn)(const struct value *v, const struct cast_type *to, struct etl_batch *b, const char **ret_why);

static enum cast_result put_bytes(struct etl_batch *b, const void *p, uint64_t n) {
  return etl_batch_bytes(b, 0, p, n) < 0 ? CAST_NO_MEMORY : CAST_OK;
}

static enum cast_result put_hex(struct etl_batch *b, struct etl_bytes from) {
  static const char digits[] = "0123456789abcdef";
  uint8_t *to = etl_batch_bytes_room(b, 0, 2 + 2 * from.n);
  if (!to)
    return CAST_NO_MEMORY;
  memcpy(to, "\\x", 2);
  for (uint64_t i = 0; i < from.n; i++) {
    to[2 + 2 * i] = (uint8_t)digits[((const uint8_t *)from.p)[i] >> 4];
    to[3 + 2 * i] = (uint8_t)digits[((const uint8_t *)from.p)[i] & 15];
  }
  etl_batch_bytes_done(b, 0, 2 + 2 * from.n);
  return CAST_OK;
}

static enum cast_result put_text(const struct value *v, const struct cast_type *to, struct etl_batch *b, const char **ret_why) {
  char buf[VALUE_TEXT_BYTES];
  (void)to;
  (void)ret_why;
  if (v->kind == VALUE_TEXT || v->kind == VALUE_JSON)
    return put_bytes(b, v->b.p, v->b.n);
  if (v->kind == VALUE_BYTES)
    return put_hex(b, v->b);
  return put_bytes(b, buf, value_print(v, buf));
}

static enum cast_result put_json(const struct value *v, const struct cast_type *to, struct etl_batch *b, const char **ret_why) {
  (void)to;
  if (v->kind == VALUE_TEXT) {
    json_t *parsed = json_loadb(v->b.p ? v->b.p : "", v->b.n, JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL, NULL);
    if (!parsed)
      return bad(ret_why, "not JSON");
    json_decref(parsed);
  }
  return put_bytes(b, v->b.p, v->b.n);
}

static enum cast_result put_bool(const struct value *v, const struct cast_type *to, struct etl_batch *b, const char **ret_why) {
  struct value x = *v;
  (void)to;
  const char *why = v->kind == VALUE_TEXT ? value_scan_bool(v->b, &x) : NULL;
  if (why || x.number < 0 || x.number > 1)
    return bad(ret_why, why ? why : "neither 0 nor 1");
  etl_batch_bool(b, 0, x.number != 0);
  return CAST_OK;
}

/* Any number, at the scale asked for. */
static const char *whole_number(const struct value *v, int32_t scale, __int128 *ret) {
  struct value x = *v;
  char buf[400]; /* the greatest double has 309 digits before the point */
  if (v->kind == VALUE_FLOAT) {
    if (!isfinite(v->f) || fabs(v->f) >= 1e38)
      return out_of_range;
    double f = scale == 0 ? round(v->f) : v->f;
    x.b = (struct etl_bytes){buf, (uint64_t)snprintf(buf, sizeof buf, "%.*f", scale > 0 ? scale : 0, f)};
    x.kind = VALUE_TEXT;
  }
  const char *why = x.kind == VALUE_TEXT ? value_scan_number(x.b, &x) : NULL;
  if (why)
    return why;
  return value_rescale(x.number, x.scale, scale, ret) ? NULL : out_of_range;
}

static enum cast_result put_int(const struct value *v, const struct cast_type *to, struct etl_batch *b, const char **ret_why) {
  __int128 n, most = ((__int128)1 << (to->f.width * 8 - 1)) - 1;
  const char *why = whole_number(v, 0, &n);
  if (why || n > most || n < -most - 1)
    return bad(ret_why, why ? why : out_of_range);
  int64_t whole = (int64_t)n;
  etl_batch_fixed(b, 0, &whole); /* its low bytes come first */
  return CAST_OK;
}

static enum cast_result put_decimal(const struct value *v, const struct cast_type *to, struct etl_batch *b, const char **ret_why) {
  __int128 n, limit = 1;
  const char *why = whole_number(v, to->f.scale, &n);
  for (int32_t i = 0; i < to->f.precision; i++)
    limit *= 10;
  if (why || n >= limit || n <= -limit)
    return bad(ret_why, why ? why : out_of_range);
  etl_batch_fixed(b, 0, &n);
  return CAST_OK;
}

static enum cast_result put_float(const struct value *v, const struct cast_type *to, struct etl_batch *b, const char **ret_why) {
  struct value x = *v;
  char buf[VALUE_TEXT_BYTES];
  (void)to;
  if (v->kind == VALUE_NUMBER) { /* by way of text: rounded once */
    x.b = (struct etl_bytes){buf, value_print(v, buf)};
    x.kind = VALUE_TEXT;
  }
  const char *why = x.kind == VALUE_TEXT ? value_scan_float(x.b, &x) : NULL;
  if (why)
    return bad(ret_why, why);
  etl_batch_f64(b, 0, x.f);
  return CAST_OK;
}

static int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); }

static enum cast_result put_date(const struct value *v, const struct cast_type *to, struct etl_batch *b, const char **ret_why) {
  struct value x = *v;
  (void)to;
  const char *why = v->kind == VALUE_TEXT ? value_scan_date(v->b, &x) : NULL;
  if (why)
    return bad(ret_why, why);
  etl_batch_i32(b, 0, (int32_t)(v->kind == VALUE_STAMP ? floor_div(v->t, v->per_second * SECONDS_A_DAY) : x.t));
  return CAST_OK;
}

static enum cast_result put_stamp(const struct value *v, const struct cast_type *to, struct etl_batch *b, const char **ret_why) {
  struct value x = *v;
  const char *why = v->kind == VALUE_TEXT ? value_scan_stamp(v->b, &x) : NULL;
  if (why)
    return bad(ret_why, why);
  if (v->kind == VALUE_TEXT && x.zoned && !to->f.tz)
    return bad(ret_why, "it has a time zone, which the type timestamp does not keep (cast to timestamptz)");
  if (v->kind == VALUE_DATE)
    x = (struct value){.t = v->t * SECONDS_A_DAY, .per_second = 1};
  if (x.per_second > to->f.per_second)
    x.t = floor_div(x.t, x.per_second / to->f.per_second);
  else if (__builtin_mul_overflow(x.t, to->f.per_second / x.per_second, &x.t))
    return bad(ret_why, out_of_range);
  etl_batch_i64(b, 0, x.t);
  return CAST_OK;
}

static int hex_digit(uint8_t c) {
  return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

static enum cast_result put_bytea(const struct value *v, const struct cast_type *to, struct etl_batch *b, const char **ret_why) {
  const uint8_t *p = v->b.p;
  (void)to;
  if (v->kind != VALUE_TEXT || v->b.n < 2 || p[0] != '\\' || p[1] != 'x')
    return put_bytes(b, v->b.p, v->b.n);
  uint8_t *out = etl_batch_bytes_room(b, 0, v->b.n / 2);
  if (!out)
    return CAST_NO_MEMORY;
  for (uint64_t i = 2; i < v->b.n; i += 2) {
    int high = hex_digit(p[i]), low = i + 1 < v->b.n ? hex_digit(p[i + 1]) : -1;
    if (high < 0 || low < 0)
      return bad(ret_why, "it begins with \\x but is not hexadecimal");
    out[i / 2 - 1] = (uint8_t)(high << 4 | low);
  }
  etl_batch_bytes_done(b, 0, v->b.n / 2 - 1);
  return CAST_OK;
}

static enum cast_result put_uuid(const struct value *v, const struct cast_type *to, struct etl_batch *b, const char **ret_why) {
  uint8_t uuid[16];
  (void)to;
  const char *why = v->kind == VALUE_TEXT ? value_scan_uuid(v->b, uuid) : v->b.n != sizeof uuid ? "not 16 bytes long" : NULL;
  if (why)
    return bad(ret_why, why);
  etl_batch_fixed(b, 0, v->kind == VALUE_TEXT ? uuid : v->b.p);
  return CAST_OK;
}

static const struct target {
  const char *name;
  const char *format; /* NULL: decimal */
  const char *extension;
  unsigned from; /* bits: enum etl_logical */
  put_fn put;
} targets[] = {
    {"text", "u", NULL, ~0u, put_text},
    {"bool", "b", NULL, FROM(BOOL) | FROM(INT) | FROM(UINT) | FROM(STRING), put_bool},
    {"int16", "s", NULL, FROM_NUMBER | FROM(BOOL) | FROM(STRING), put_int},
    {"int32", "i", NULL, FROM_NUMBER | FROM(BOOL) | FROM(STRING), put_int},
    {"int64", "l", NULL, FROM_NUMBER | FROM(BOOL) | FROM(STRING), put_int},
    {"float64", "g", NULL, FROM_NUMBER | FROM(STRING), put_float},
    {"decimal", NULL, NULL, FROM_NUMBER | FROM(STRING), put_decimal},
    {"date", "tdD", NULL, FROM_STAMP | FROM(STRING), put_date},
    {"timestamp", "tsu:", NULL, FROM_STAMP | FROM(STRING), put_stamp},
    {"timestamptz", "tsu:UTC", NULL, FROM_STAMP | FROM(STRING), put_stamp},
    {"bytea", "z", NULL, FROM(BINARY) | FROM(STRING) | FROM(UUID), put_bytea},
    {"uuid", "w:16", "arrow.uuid", FROM(UUID) | FROM(STRING) | FROM(BINARY), put_uuid},
    {"json", "u", "arrow.json", FROM(JSON) | FROM(STRING), put_json},
};
enum {
  TARGETS_N = sizeof targets / sizeof *targets
};
const char cast_type_names[] =
    "text, bool, int16, int32, int64, float64, decimal(precision,scale), date, timestamp, timestamptz, bytea, uuid, json";

static const struct target *target_of(const struct cast_type *t) {
  size_t n = strcspn(t->name, "(");
  for (size_t i = 0; i < TARGETS_N; i++)
    if (strlen(targets[i].name) == n && strncmp(targets[i].name, t->name, n) == 0)
      return &targets[i];
  return NULL;
}

int cast_type_parse(const char *text, struct cast_type *ret) {
  struct cast_type t = {0};
  if (strlen(text) >= sizeof t.name)
    return -1;
  memcpy(t.name, text, strlen(text) + 1);
  const struct target *target = target_of(&t);
  if (!target || (target->format && strchr(text, '(')))
    return -1;
  int precision, scale, n = 0;
  if (target->format)
    snprintf(t.format, sizeof t.format, "%s", target->format);
  else if (sscanf(text, "decimal(%d ,%d )%n", &precision, &scale, &n) == 2 && n && text[n] == 0 && precision >= 1 &&
           precision <= DECIMAL_DIGITS && scale >= 0 && scale <= precision)
    snprintf(t.format, sizeof t.format, "d:%d,%d", precision, scale);
  else
    return -1;
  t.extension = target->extension;
  struct ArrowSchema s;
  if (etl_schema_init(&s, 1) < 0)
    return -1;
  int rc = etl_schema_set(&s, 0, "", t.format, true, NULL, t.extension);
  if (rc == 0)
    rc = etl_format_parse(s.children[0], &t.f);
  s.release(&s);
  if (t.f.tz)
    t.f.tz = "UTC"; /* it was borrowed from s */
  if (rc == 0)
    *ret = t;
  return rc;
}

const char *cast_name_of(const struct etl_format *f) {
  static const char *const names[] = {[ETL_L_BOOL] = "bool",    [ETL_L_INT] = "integer",     [ETL_L_UINT] = "unsigned integer",
                                      [ETL_L_FLOAT] = "float",  [ETL_L_DECIMAL] = "decimal", [ETL_L_STRING] = "text",
                                      [ETL_L_BINARY] = "bytea", [ETL_L_UUID] = "uuid",       [ETL_L_JSON] = "json",
                                      [ETL_L_DATE] = "date",    [ETL_L_TIME] = "time",       [ETL_L_TIMESTAMP] = "timestamp"};
  return f->logical == ETL_L_TIMESTAMP && f->tz ? "timestamptz" : names[f->logical];
}

bool cast_possible(const struct etl_format *from, const struct cast_type *to) { return target_of(to)->from >> from->logical & 1; }

enum cast_result cast_add(const struct etl_view *v, int64_t row, const struct cast_type *to, struct etl_batch *b,
                          const char **ret_why) {
  struct value value = value_load(v, row);
  return target_of(to)->put(&value, to, b, ret_why);
}

enum cast_result cast_add_text(struct etl_bytes text, const struct cast_type *to, struct etl_batch *b, const char **ret_why) {
  struct value value = {.kind = VALUE_TEXT, .b = text};
  return target_of(to)->put(&value, to, b, ret_why);
}
