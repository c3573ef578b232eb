/* Which values a column of the target can hold: where its range is smaller than that of the rows' format, and for contracts under which
 * rows go into a column that is too narrow for some of them. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "types.h"

/* The range of PostgreSQL's types in days and seconds since 1970; the end is where 64 bits of microseconds do. */
#define FIRST_DAY             INT64_C(-2440588)
#define LAST_DAY              INT64_C(2145042905)
#define LAST_DAY_OF_TIMESTAMP INT64_C(106762939)
#define FIRST_SECOND          INT64_C(-210866803200)

bool fits_range(const struct column *c, const struct etl_view *v, int64_t i) {
  int64_t x = etl_view_i64(v, i);
  return x >= c->least && x <= c->most && (c->tick == 0 || x % c->tick == 0);
}

bool fits_unsigned(const struct column *c, const struct etl_view *v, int64_t i) { return (uint64_t)etl_view_i64(v, i) <= (uint64_t)c->most; }

bool fits_real(const struct column *c, const struct etl_view *v, int64_t i) {
  double x = etl_view_f64(v, i);
  (void)c;
  return isnan(x) || (double)(float)x == x;
}

/* most: how many there may be.  Continuation bytes do not count. */
bool fits_characters(const struct column *c, const struct etl_view *v, int64_t i) {
  struct etl_bytes b = etl_view_bytes(v, i);
  const uint8_t *p = b.p;
  int64_t n = 0;
  if ((int64_t)b.n <= c->most)
    return true;
  for (uint64_t k = 0; k < b.n; k++)
    n += (p[k] & 0xC0) != 0x80;
  return n <= c->most;
}

/* most: digits in all; least: digits behind the point.  A digit that would be rounded away does not fit. */
bool fits_numeric(const struct column *c, const struct etl_view *v, int64_t i) {
  __int128 x, limit = 1;
  memcpy(&x, etl_view_fixed(v, i), sizeof x);
  int64_t drop = c->f.scale - c->least, digits = c->most - c->least + c->f.scale; /* before the point, then all of the rows' scale */
  for (int64_t k = 0; k < drop; k++, x /= 10, digits--)
    if (x % 10 != 0)
      return false;
  for (int64_t k = 0; k < digits && k < 38; k++)
    limit *= 10;
  return digits >= 38 || (digits < 0 ? x == 0 : x > -limit && x < limit);
}

bool fits_none(const struct column *c, const struct etl_view *v, int64_t i) {
  (void)c, (void)v, (void)i;
  return false;
}

static void set_range(struct column *c, int64_t least, int64_t most) {
  c->fits = fits_range;
  c->least = least;
  c->most = most;
}

static bool is_time(uint32_t oid) { return oid == OID_TIME || oid == OID_TIMESTAMP || oid == OID_TIMESTAMPTZ; }

/* timestamp(3): 1/1000 s. */
static void set_tick(struct column *c, const char *type) {
  int64_t n[2], per_second = 1;
  if (type_numbers(type, n) != 1 || n[0] >= 6)
    return;
  for (int64_t k = 0; k < n[0]; k++)
    per_second *= 10;
  if (per_second >= c->f.per_second)
    return;
  if (!c->fits)
    set_range(c, INT64_MIN, INT64_MAX);
  c->tick = c->f.per_second / per_second;
}

void fits_init(struct column *c, uint32_t oid, const char *type) {
  c->fits = NULL;
  c->tick = 0;
  if (c->f.logical == ETL_L_DATE)
    set_range(c, FIRST_DAY, oid == OID_DATE ? LAST_DAY : LAST_DAY_OF_TIMESTAMP);
  else if (c->f.logical == ETL_L_TIMESTAMP && c->f.per_second <= 1000000)
    set_range(c, FIRST_SECOND * c->f.per_second, INT64_MAX / (1000000 / c->f.per_second));
  if (c->f.logical == ETL_L_TIMESTAMP || c->f.logical == ETL_L_TIME)
    set_tick(c, type);
}

int type_numbers(const char *type, int64_t ret[2]) {
  const char *p = strchr(type, '(');
  char *end;
  int n = 0;
  while (p && n < 2) {
    ret[n] = strtoll(p + 1, &end, 10);
    if (end == p + 1)
      return n;
    n++;
    p = *end == ',' ? end : NULL;
  }
  return n;
}

/* ---- too narrow ------------------------------------------------------------------------------------------------------------------------ */

static void narrow_integer(struct column *c, uint32_t oid) {
  static const struct {
    uint32_t oid;
    int64_t most;
    encode_fn *encode;
  } types[] = {{OID_INT2, INT16_MAX, encode_int2}, {OID_INT4, INT32_MAX, encode_int4}, {OID_INT8, INT64_MAX, encode_int8}};
  for (size_t i = 0; i < sizeof types / sizeof *types; i++)
    if (types[i].oid == oid) {
      set_range(c, -types[i].most - 1, types[i].most);
      c->fits = c->f.logical == ETL_L_UINT ? fits_unsigned : fits_range;
      c->encode = types[i].encode;
    }
}

static void narrow_lengths(struct column *c, uint32_t oid, const char *type) {
  int64_t n[2] = {0, 0};
  int numbers = type_numbers(type, n);
  if (numbers == 0)
    return;
  if (oid == OID_NUMERIC && c->f.logical == ETL_L_DECIMAL) {
    c->fits = fits_numeric;
    c->most = n[0];
    c->least = numbers == 2 ? n[1] : 0;
  } else if (c->f.logical == ETL_L_STRING && (oid == OID_VARCHAR || oid == OID_BPCHAR)) {
    c->fits = fits_characters;
    c->most = n[0];
  }
}

void types_narrow(struct column *c, uint32_t oid, const char *type) {
  if (types_match(c, oid, type)) {
    narrow_lengths(c, oid, type);
    return;
  }
  c->encode = NULL;
  c->version_byte = false;
  c->fits = fits_none;
  strncpy(c->target_type, type, sizeof c->target_type - 1);
  if (c->f.logical == ETL_L_INT || c->f.logical == ETL_L_UINT) {
    narrow_integer(c, oid);
  } else if (c->f.logical == ETL_L_FLOAT && oid == OID_FLOAT4) {
    c->encode = encode_float8_as_float4;
    c->fits = fits_real;
  }
}

/* ---- wider ----------------------------------------------------------------------------------------------------------------------------- */

/* What the source says of its own type: "nvarchar(20)", "nvarchar(max)".  -1: without a limit; 0: it says nothing. */
static int64_t declared_length(const struct column *c) {
  int64_t n[2];
  if (!strstr(c->source_type, "char"))
    return strstr(c->source_type, "text") ? -1 : 0;
  if (strstr(c->source_type, "(max)"))
    return -1;
  return type_numbers(c->source_type, n) == 1 ? n[0] : 0;
}

/* Digits behind the seconds: what the source says of its type, else what the rows' format has; PostgreSQL has no more than 6. */
static int64_t declared_digits(const struct column *c) {
  int64_t n[2], digits = 0;
  for (int64_t k = c->f.per_second; k > 1 && digits < 6; k /= 10)
    digits++;
  if (strcmp(c->source_type, "smalldatetime") == 0)
    return 0;
  if (strcmp(c->source_type, "datetime") == 0)
    return digits < 3 ? digits : 3;
  bool says = strncmp(c->source_type, "time", 4) == 0 || strncmp(c->source_type, "datetime", 8) == 0;
  return says && type_numbers(c->source_type, n) == 1 && n[0] < digits ? n[0] : digits;
}

bool types_round(const struct column *c, uint32_t oid, const char *type) {
  int64_t n[2] = {0, 0};
  int numbers = type_numbers(type, n);
  if (c->f.logical == ETL_L_TIMESTAMP || c->f.logical == ETL_L_TIME)
    return is_time(oid) && numbers == 1 && declared_digits(c) > n[0];
  return oid == OID_NUMERIC && numbers > 0 && (c->f.logical == ETL_L_DECIMAL ? c->f.scale : 0) > n[1];
}

static bool widen_text(const struct column *c, const char *type, char ret[TYPE_TEXT]) {
  int64_t n[2], length = declared_length(c);
  if (type_numbers(type, n) != 1 || length == 0 || (length > 0 && length <= n[0]))
    return false;
  if (length < 0)
    snprintf(ret, TYPE_TEXT, "text");
  else
    snprintf(ret, TYPE_TEXT, "character varying(%lld)", (long long)length);
  return true;
}

static bool widen_numeric(const struct column *c, const char *type, char ret[TYPE_TEXT]) {
  int64_t n[2] = {0, 0}, before = c->f.precision - c->f.scale;
  int numbers = type_numbers(type, n);
  int64_t scale = numbers == 2 ? n[1] : 0;
  if (numbers == 0 || (before <= n[0] - scale && c->f.scale <= scale))
    return false;
  int64_t whole = before > n[0] - scale ? before : n[0] - scale, behind = c->f.scale > scale ? c->f.scale : scale;
  snprintf(ret, TYPE_TEXT, "numeric(%lld,%lld)", (long long)(whole + behind), (long long)behind);
  return true;
}

bool types_widen(const struct column *c, uint32_t oid, const char *type, char ret[TYPE_TEXT]) {
  bool number = c->f.logical == ETL_L_INT || c->f.logical == ETL_L_UINT;
  if (c->f.logical == ETL_L_STRING && oid == OID_VARCHAR)
    return widen_text(c, type, ret);
  if (c->f.logical == ETL_L_DECIMAL && oid == OID_NUMERIC)
    return widen_numeric(c, type, ret);
  if (is_time(oid) && types_round(c, oid, type) && (c->f.tz != NULL) == (oid == OID_TIMESTAMPTZ) && (c->f.logical == ETL_L_TIME) == (oid == OID_TIME)) {
    snprintf(ret, TYPE_TEXT, "%s", c->create_type);
    return true;
  }
  if ((number && ((oid == OID_INT2 && c->f.width >= 2) || (oid == OID_INT4 && c->f.width >= 4)) && strncmp(c->create_type, "numeric", 7) != 0) ||
      (c->f.logical == ETL_L_FLOAT && c->f.width == 8 && oid == OID_FLOAT4)) {
    snprintf(ret, TYPE_TEXT, "%s", c->create_type);
    return strcmp(c->create_type, type) != 0;
  }
  return false;
}
