/* Values out of JSON, each type as etl_row_json() writes it. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "engine/json_rows.h"
#include "engine/json_text.h"

#define WRONG "it is of another type"
#define FIT   "it does not fit"
const char json_value_no_memory[] = "there is no memory for it";

/* ---- numbers ------------------------------------------------------------------------------------------------------------------------ */

static const char *add_int(struct etl_batch *b, int64_t column, const struct json_value *v) {
  const struct etl_format *f = &b->cols[column].f;
  char *end;
  errno = 0;
  bool is_unsigned = f->logical == ETL_L_UINT;
  uint64_t u = is_unsigned ? strtoull(v->text, &end, 10) : (uint64_t)strtoll(v->text, &end, 10);
  if (v->kind != JSON_TEXT_NUMBER || *end || (is_unsigned && *v->text == '-'))
    return WRONG;
  unsigned bits = f->width * 8;
  int64_t i = (int64_t)u;
  bool fits = bits == 64 || (is_unsigned ? u >> bits == 0 : i >= -(INT64_C(1) << (bits - 1)) && i < INT64_C(1) << (bits - 1));
  if (errno || !fits)
    return FIT;
  etl_batch_fixed(b, column, &u); /* little endian: the low bytes come first */
  return NULL;
}

static const char *add_float(struct etl_batch *b, int64_t column, const struct json_value *v) {
  char *end = NULL;
  double d = 0;
  if (v->kind == JSON_TEXT_STRING) /* "NaN", "Infinity", "-Infinity" */
    d = strcmp(v->text, "NaN") == 0 ? (double)NAN : strcmp(v->text, "Infinity") == 0 ? (double)INFINITY : -(double)INFINITY;
  else if (v->kind == JSON_TEXT_NUMBER)
    d = strtod(v->text, &end);
  if (v->kind == JSON_TEXT_STRING ? !isnan(d) && strcmp(v->text, "Infinity") != 0 && strcmp(v->text, "-Infinity") != 0 : !end || *end)
    return WRONG;
  if (b->cols[column].f.width == 4)
    etl_batch_f32(b, column, (float)d);
  else
    etl_batch_f64(b, column, d);
  return NULL;
}

static const char *add_decimal(struct etl_batch *b, int64_t column, const struct json_value *v) {
  const struct etl_format *f = &b->cols[column].f;
  const unsigned __int128 limit = ((unsigned __int128)1 << 127) / 10 - 1;
  unsigned __int128 n = 0;
  const char *p = v->text;
  int32_t fraction = -1; /* digits behind the point */
  bool negative = *p == '-';
  for (p += negative; *p; p++) {
    if (*p == '.' && fraction < 0) {
      fraction = 0;
      continue;
    }
    if (*p < '0' || *p > '9')
      return WRONG;
    if (n > limit)
      return FIT;
    n = n * 10 + (unsigned)(*p - '0');
    fraction += fraction >= 0;
  }
  if (v->kind != JSON_TEXT_STRING || p == v->text + negative)
    return WRONG;
  int32_t have = fraction > 0 ? fraction : 0;
  for (; have < f->scale; have++, n *= 10)
    if (n > limit)
      return FIT;
  for (; have > f->scale; have--, n /= 10)
    if (n % 10)
      return FIT;
  n = negative ? -n : n;
  etl_batch_fixed(b, column, &n);
  return NULL;
}

/* ---- bytes -------------------------------------------------------------------------------------------------------------------------- */

static const char *add_bytes(struct etl_batch *b, int64_t column, const char *p, size_t n) {
  const struct etl_format *f = &b->cols[column].f;
  if (f->phys != ETL_P_FIXED)
    return etl_batch_bytes(b, column, p, n) < 0 ? json_value_no_memory : NULL;
  if (n != f->width)
    return FIT;
  etl_batch_fixed(b, column, p);
  return NULL;
}

static const char *add_text(struct etl_batch *b, int64_t column, const struct json_value *v) {
  return v->kind == JSON_TEXT_STRING || v->kind == JSON_TEXT_HEX ? add_bytes(b, column, v->text, v->n) : WRONG;
}

static const char *add_binary(struct etl_batch *b, int64_t column, const struct json_value *v, struct arena *a) {
  if (v->kind != JSON_TEXT_STRING || strncmp(v->text, "\\x", 2) != 0)
    return WRONG;
  const char *bytes = json_text_hex(a, v->text + 2, v->n - 2);
  return bytes ? add_bytes(b, column, bytes, (v->n - 2) / 2) : WRONG;
}

static const char *add_uuid(struct etl_batch *b, int64_t column, const struct json_value *v, struct arena *a) {
  char digits[33];
  size_t n = 0;
  for (const char *p = v->text; *p && n < 32; p++)
    if (*p != '-')
      digits[n++] = *p;
  const char *bytes = v->kind == JSON_TEXT_STRING && v->n == 36 && n == 32 ? json_text_hex(a, digits, n) : NULL;
  return bytes ? add_bytes(b, column, bytes, 16) : WRONG;
}

/* ---- times -------------------------------------------------------------------------------------------------------------------------- */

/* Digits from *p on; false: there are none, or too many. */
static bool take_number(const char **p, int64_t *ret) {
  char *end;
  if (**p < '0' || **p > '9')
    return false;
  errno = 0;
  *ret = strtoll(*p, &end, 10);
  *p = end;
  return errno == 0;
}

static bool take_letter(const char **p, char c) {
  if (**p != c)
    return false;
  ++*p;
  return true;
}

/* "-0044-03-15": days since 1970-01-01. */
static bool take_date(const char **p, int64_t *ret_days) {
  bool negative = take_letter(p, '-');
  int64_t year, month, day;
  if (!take_number(p, &year) || !take_letter(p, '-') || !take_number(p, &month) || !take_letter(p, '-') || !take_number(p, &day))
    return false;
  if (month < 1 || month > 12 || day < 1 || day > 31 || year > INT64_C(1) << 40)
    return false;
  *ret_days = etl_days_from_civil(negative ? -year : year, month, day);
  return true;
}

/* "23:59:59.5" in units of the column. */
static bool take_time(const char **p, int64_t per_second, int64_t *ret) {
  int64_t hours, minutes, seconds, fraction = 0;
  if (!take_number(p, &hours) || !take_letter(p, ':') || !take_number(p, &minutes) || !take_letter(p, ':') || !take_number(p, &seconds))
    return false;
  if (take_letter(p, '.'))
    for (int64_t unit = per_second / 10; **p >= '0' && **p <= '9'; ++*p, unit /= 10) {
      if (unit == 0 && **p != '0')
        return false;
      fraction += unit * (**p - '0');
    }
  if (hours > 24 || minutes >= 60 || seconds >= 61)
    return false;
  *ret = (hours * 3600 + minutes * 60 + seconds) * per_second + fraction;
  return true;
}

static const char *add_moment(struct etl_batch *b, int64_t column, const struct json_value *v) {
  const struct etl_format *f = &b->cols[column].f;
  const char *p = v->text;
  int64_t days = 0, time = 0;
  if (v->kind != JSON_TEXT_STRING || (f->logical != ETL_L_TIME && !take_date(&p, &days)))
    return WRONG;
  if (f->logical == ETL_L_TIMESTAMP && !take_letter(&p, 'T'))
    return WRONG;
  if (f->logical != ETL_L_DATE && !take_time(&p, f->per_second, &time))
    return WRONG;
  if (f->logical == ETL_L_TIMESTAMP)
    take_letter(&p, 'Z');
  if (*p)
    return WRONG;
  __int128 sum = f->logical == ETL_L_DATE ? days : (__int128)days * 86400 * f->per_second + time;
  if (sum < INT64_MIN || sum > INT64_MAX || (f->width == 4 && (sum < INT32_MIN || sum > INT32_MAX)))
    return FIT;
  int64_t value = (int64_t)sum;
  etl_batch_fixed(b, column, &value);
  return NULL;
}

/* ---- any ---------------------------------------------------------------------------------------------------------------------------- */

static const char *add_bool(struct etl_batch *b, int64_t column, const struct json_value *v) {
  if (v->kind != JSON_TEXT_TRUE && v->kind != JSON_TEXT_FALSE)
    return WRONG;
  etl_batch_bool(b, column, v->kind == JSON_TEXT_TRUE);
  return NULL;
}

const char *json_value_add(struct etl_batch *b, int64_t column, const struct json_value *v, struct arena *a) {
  if (v->kind == JSON_TEXT_CUT)
    return "it was too long to be kept, and was cut";
  if (v->kind == JSON_TEXT_OTHER)
    return "its type could not be kept";
  if (v->kind == JSON_TEXT_NULL)
    return etl_batch_null(b, column) < 0 ? json_value_no_memory : NULL;
  switch (b->cols[column].f.logical) {
  case ETL_L_BOOL: return add_bool(b, column, v);
  case ETL_L_INT:
  case ETL_L_UINT: return add_int(b, column, v);
  case ETL_L_FLOAT: return add_float(b, column, v);
  case ETL_L_DECIMAL: return add_decimal(b, column, v);
  case ETL_L_STRING:
  case ETL_L_JSON: return add_text(b, column, v);
  case ETL_L_BINARY: return add_binary(b, column, v, a);
  case ETL_L_UUID: return add_uuid(b, column, v, a);
  case ETL_L_DATE:
  case ETL_L_TIME:
  case ETL_L_TIMESTAMP: return add_moment(b, column, v);
  }
  return WRONG;
}
