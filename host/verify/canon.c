/* Values brought into one form each, and hashed. */
#include "verify/canon.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <xxhash.h>

#include "base/mem.h"

#define DAY_US     INT64_C(86400000000)
#define SECOND_US  INT64_C(1000000)
#define HASH_NULL  UINT64_C(0x6e756c6c6e756c6c)
enum { DECIMAL_DIGITS_MAX = 38 };

static const char *const names[] = {
  [CANON_NUMBER] = "number", [CANON_FLOAT] = "float", [CANON_FLOAT4] = "float4", [CANON_TEXT] = "text",      [CANON_JSON] = "json",
  [CANON_BYTES] = "bytes",   [CANON_UUID] = "uuid",   [CANON_INSTANT] = "instant", [CANON_TIME] = "time"};
enum { NAMES = sizeof names / sizeof *names };

const char *canon_name(enum canon c) { return names[c]; }

enum canon canon_from_name(const char *name) {
  for (int i = CANON_NUMBER; name && i < NAMES; i++)
    if (strcmp(names[i], name) == 0)
      return (enum canon)i;
  return CANON_NONE;
}

static enum canon own(const struct etl_format *f) {
  switch (f->logical) {
  case ETL_L_BOOL:
  case ETL_L_INT:
  case ETL_L_UINT:
  case ETL_L_DECIMAL: return CANON_NUMBER;
  case ETL_L_FLOAT: return f->width == 4 ? CANON_FLOAT4 : CANON_FLOAT;
  case ETL_L_STRING: return CANON_TEXT;
  case ETL_L_JSON: return CANON_JSON;
  case ETL_L_BINARY: return CANON_BYTES;
  case ETL_L_UUID: return CANON_UUID;
  case ETL_L_DATE:
  case ETL_L_TIMESTAMP: return CANON_INSTANT;
  case ETL_L_TIME: return CANON_TIME;
  }
  return CANON_NONE;
}

enum canon canon_pair(const struct etl_format *a, const struct etl_format *b) {
  static const struct { enum canon one, other, as; } mixed[] = {
    {CANON_NUMBER, CANON_FLOAT, CANON_FLOAT}, {CANON_NUMBER, CANON_FLOAT4, CANON_FLOAT4}, {CANON_FLOAT, CANON_FLOAT4, CANON_FLOAT4},
    {CANON_NUMBER, CANON_TEXT, CANON_NUMBER}, {CANON_FLOAT, CANON_TEXT, CANON_FLOAT},     {CANON_FLOAT4, CANON_TEXT, CANON_FLOAT4},
    {CANON_TEXT, CANON_JSON, CANON_JSON},     {CANON_TEXT, CANON_UUID, CANON_UUID},       {CANON_TEXT, CANON_BYTES, CANON_BYTES}};
  enum canon x = own(a), y = own(b);
  if (x == y)
    return x;
  for (size_t i = 0; i < sizeof mixed / sizeof *mixed; i++)
    if ((mixed[i].one == x && mixed[i].other == y) || (mixed[i].one == y && mixed[i].other == x))
      return mixed[i].as;
  return CANON_NONE;
}

static uint64_t hash(const void *p, size_t n, enum canon c) { return XXH3_64bits_withSeed(n ? p : "", n, (uint64_t)c); }

/* Without the padding that a struct of the two would have. */
static uint64_t hash_wide(__int128 v, int64_t more, enum canon c) {
  uint64_t parts[] = {(uint64_t)v, (uint64_t)(v >> 64), (uint64_t)more};
  return hash(parts, sizeof parts, c);
}

/* ---- numbers ------------------------------------------------------------------------------------------------------------------------ */

struct number { /* unscaled * 10^-scale, without zeros at the end */
  __int128 unscaled;
  int64_t scale;
};

static void number_reduce(struct number *n) {
  if (n->unscaled == 0)
    n->scale = 0;
  while (n->unscaled != 0 && n->unscaled % 10 == 0) {
    n->unscaled /= 10;
    n->scale--;
  }
}

/* [+-]digits[.digits][e[+-]digits]; false: it is none, or has more digits than 38. */
static bool number_parse(struct etl_bytes text, struct number *n) {
  const char *p = text.p, *end = p + text.n;
  int digits = 0, exponent = 0;
  bool any = false, point = false;
  *n = (struct number){0};
  bool negative = p < end && *p == '-';
  if (p < end && (*p == '-' || *p == '+'))
    p++;
  for (; p < end && ((*p >= '0' && *p <= '9') || (*p == '.' && !point)); p++) {
    if (*p == '.') {
      point = true;
      continue;
    }
    any = true;
    digits += digits > 0 || *p != '0';
    if (digits > DECIMAL_DIGITS_MAX)
      return false;
    n->unscaled = n->unscaled * 10 + (*p - '0');
    n->scale += point;
  }
  if (any && p < end && (*p == 'e' || *p == 'E')) {
    bool down = ++p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+'))
      p++;
    any = p < end;
    for (; p < end && *p >= '0' && *p <= '9' && exponent < 10000; p++)
      exponent = exponent * 10 + (*p - '0');
    n->scale += down ? exponent : -exponent;
  }
  if (negative)
    n->unscaled = -n->unscaled;
  return any && p == end;
}

static bool number_of(const struct etl_view *v, int64_t i, struct number *n) {
  switch (v->f.logical) {
  case ETL_L_BOOL: *n = (struct number){.unscaled = etl_view_bool(v, i)}; return true;
  case ETL_L_UINT: *n = (struct number){.unscaled = (__int128)(uint64_t)etl_view_i64(v, i)}; return true;
  case ETL_L_INT: *n = (struct number){.unscaled = etl_view_i64(v, i)}; return true;
  case ETL_L_DECIMAL:
    *n = (struct number){.scale = v->f.scale};
    memcpy(&n->unscaled, etl_view_fixed(v, i), sizeof n->unscaled);
    return true;
  default: return number_parse(etl_view_bytes(v, i), n);
  }
}

static uint64_t hash_number(const struct etl_view *v, int64_t i) {
  struct number n;
  if (!number_of(v, i, &n)) {
    struct etl_bytes text = etl_view_bytes(v, i);
    return hash(text.p, text.n, CANON_TEXT);
  }
  number_reduce(&n);
  return hash_wide(n.unscaled, n.scale, CANON_NUMBER);
}

/* How many characters at p are a number of JSON; 0: none. */
static size_t number_token(const char *p, const char *end) {
  size_t n = 0;
  if (p == end || (*p != '-' && (*p < '0' || *p > '9')))
    return 0;
  while (p + n < end && p[n] && strchr("+-.0123456789eE", p[n]))
    n++;
  return n;
}

/* ---- the other kinds ---------------------------------------------------------------------------------------------------------------- */

/* False: the text is no number. */
static bool double_of_text(struct etl_bytes b, double *ret) {
  char text[512], *end;
  if (b.n == 0 || b.n >= sizeof text || isspace(*(const unsigned char *)b.p))
    return false;
  memcpy(text, b.p, b.n);
  text[b.n] = 0;
  *ret = strtod(text, &end);
  return end == text + b.n;
}

/* By its digits, so that it is rounded once, as a sink does it. */
static double double_of_number(const struct etl_view *v, int64_t i) {
  char text[64];
  struct number n;
  (void)number_of(v, i, &n);
  size_t at = sizeof text - 1;
  int64_t exponent = -n.scale;
  bool negative = n.unscaled < 0;
  unsigned __int128 left = negative ? -(unsigned __int128)n.unscaled : (unsigned __int128)n.unscaled;
  text[at] = 0;
  for (uint64_t e = (uint64_t)(exponent < 0 ? -exponent : exponent); e; e /= 10)
    text[--at] = (char)('0' + (int)(e % 10));
  if (exponent) {
    if (exponent < 0)
      text[--at] = '-';
    text[--at] = 'e';
  }
  do
    text[--at] = (char)('0' + (int)(left % 10));
  while (left /= 10);
  double x = strtod(text + at, NULL);
  return negative ? -x : x;
}

static bool double_of(const struct etl_view *v, int64_t i, double *ret) {
  if (v->f.logical == ETL_L_STRING)
    return double_of_text(etl_view_bytes(v, i), ret);
  *ret = v->f.logical == ETL_L_FLOAT ? etl_view_f64(v, i) : double_of_number(v, i);
  return true;
}

static uint64_t hash_float(const struct etl_view *v, int64_t i, bool single) {
  double x;
  if (!double_of(v, i, &x)) {
    struct etl_bytes text = etl_view_bytes(v, i);
    return hash(text.p, text.n, CANON_TEXT);
  }
  if (single)
    x = (double)(float)x;
  if (isnan(x))
    return hash("NaN", 3, CANON_FLOAT);
  if (x == 0)
    x = 0; /* -0 */
  return hash(&x, sizeof x, CANON_FLOAT);
}

/* A JSON text with each number as a string that says its value exactly, since a parser would make a double of it.  To be freed. */
static char *json_numbers_quoted(struct etl_bytes text, size_t *ret_n) {
  const char *p = text.p, *end = p + text.n;
  char *out = NULL;
  FILE *f = open_memstream(&out, ret_n);
  for (bool in_string = false; f && p < end;) {
    size_t n = in_string ? 0 : number_token(p, end);
    struct number value;
    if (n && number_parse((struct etl_bytes){p, n}, &value)) {
      number_reduce(&value);
      fprintf(f, "\"#%016llx%016llxe%lld\"", (unsigned long long)((unsigned __int128)value.unscaled >> 64), (unsigned long long)value.unscaled,
              (long long)value.scale);
    } else if (n) {
      fprintf(f, "\"#%.*s\"", (int)n, p);
    } else {
      n = in_string && *p == '\\' && end - p > 1 ? 2 : 1;
      in_string ^= n == 1 && *p == '"';
      fwrite(p, 1, n, f);
    }
    p += n;
  }
  if (f)
    fclose(f);
  return out;
}

static uint64_t hash_json(struct etl_bytes text) {
  size_t n = 0;
  char *quoted = json_numbers_quoted(text, &n);
  json_t *j = quoted ? json_loadb(quoted, n, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL) : NULL;
  free(quoted);
  char *same = j ? json_dumps(j, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY) : NULL;
  uint64_t h = same ? hash(same, strlen(same), CANON_JSON) : hash(text.p, text.n, CANON_TEXT);
  free(same);
  json_decref(j);
  return h;
}

static int hex_digit(int c) {
  if (c >= '0' && c <= '9')
    return c - '0';
  c |= 0x20;
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static uint64_t hash_uuid(const struct etl_view *v, int64_t i) {
  struct etl_bytes b = etl_view_bytes(v, i);
  uint8_t id[16] = {0};
  size_t n = 0;
  if (v->f.phys == ETL_P_FIXED)
    return hash(b.p, b.n, CANON_UUID);
  for (const char *p = b.p; p < (const char *)b.p + b.n; p++) {
    int digit = hex_digit(*p);
    if (digit < 0 && *p != '-' && *p != '{' && *p != '}')
      return hash(b.p, b.n, CANON_TEXT);
    if (digit >= 0 && n < 32) {
      id[n / 2] = (uint8_t)(id[n / 2] << 4 | digit);
      n++;
    }
  }
  return n == 32 ? hash(id, sizeof id, CANON_UUID) : hash(b.p, b.n, CANON_TEXT);
}

/* Where there is only text, bytes are written like PostgreSQL's: \x00ff.  Any other text is its own bytes. */
static uint64_t hash_bytes(const struct etl_view *v, int64_t i) {
  struct etl_bytes b = etl_view_bytes(v, i);
  const char *p = b.p;
  if (v->f.logical == ETL_L_BINARY || b.n < 2 || b.n % 2 || memcmp(p, "\\x", 2) != 0)
    return hash(b.p, b.n, CANON_TEXT);
  size_t n = (size_t)b.n / 2 - 1;
  cleanup_free uint8_t *bytes = xcalloc(n + 1, 1);
  for (size_t k = 0; k < n; k++) {
    int high = hex_digit(p[2 + 2 * k]), low = hex_digit(p[3 + 2 * k]);
    if (high < 0 || low < 0)
      return hash(b.p, b.n, CANON_TEXT);
    bytes[k] = (uint8_t)(high << 4 | low);
  }
  return hash(bytes, n, CANON_TEXT);
}

static __int128 to_us(int64_t x, int64_t per_second) {
  if (per_second <= SECOND_US)
    return (__int128)x * (SECOND_US / per_second);
  int64_t div = per_second / SECOND_US, q = x / div;
  return q - (x % div < 0);
}

static uint64_t hash_time(const struct etl_view *v, int64_t i, enum canon c) {
  int64_t x = etl_view_i64(v, i);
  return hash_wide(v->f.logical == ETL_L_DATE ? (__int128)x * DAY_US : to_us(x, v->f.per_second), 0, c);
}

static uint64_t hash_cell(enum canon c, const struct etl_view *v, int64_t i) {
  struct etl_bytes b;
  switch (c) {
  case CANON_NUMBER: return hash_number(v, i);
  case CANON_FLOAT:
  case CANON_FLOAT4: return hash_float(v, i, c == CANON_FLOAT4);
  case CANON_JSON: return hash_json(etl_view_bytes(v, i));
  case CANON_UUID: return hash_uuid(v, i);
  case CANON_BYTES: return hash_bytes(v, i);
  case CANON_INSTANT:
  case CANON_TIME: return hash_time(v, i, c);
  default: b = etl_view_bytes(v, i); return hash(b.p, b.n, CANON_TEXT);
  }
}

void canon_hash(enum canon c, const struct etl_view *v, int64_t rows, uint64_t *out, size_t step) {
  for (int64_t i = 0; i < rows; i++, out += step)
    *out = etl_view_null(v, i) ? HASH_NULL : hash_cell(c, v, i);
}
