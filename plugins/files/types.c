/* Names and formats of types, and guessing them. */
#include "types.h"

#include <stdio.h>

#include "parse.h"

static const struct {
  const char *name, *format, *extension;
} types[] = {
    [TYPE_BOOL] = {"bool", "b", NULL},
    [TYPE_INT64] = {"int64", "l", NULL},
    [TYPE_DECIMAL] = {"decimal", NULL, NULL},
    [TYPE_FLOAT64] = {"float64", "g", NULL},
    [TYPE_DATE] = {"date", "tdD", NULL},
    [TYPE_TIMESTAMP] = {"timestamp", "tsu:", NULL},
    [TYPE_TIMESTAMPTZ] = {"timestamptz", "tsu:UTC", NULL},
    [TYPE_TEXT] = {"text", "u", NULL},
    [TYPE_JSON] = {"json", "u", "arrow.json"},
    [TYPE_INT16] = {"int16", "s", NULL},
    [TYPE_INT32] = {"int32", "i", NULL},
    [TYPE_FLOAT32] = {"float32", "f", NULL},
    [TYPE_TIME] = {"time", "ttu", NULL},
    [TYPE_UUID] = {"uuid", "w:16", "arrow.uuid"},
    [TYPE_BINARY] = {"binary", "z", NULL},
};

int type_parse(const char *name, struct type *ret) {
  int p, s, end = 0;
  if (sscanf(name, "decimal(%d,%d)%n", &p, &s, &end) == 2 && end == (int)strlen(name)) {
    if (p < 1 || p > 38 || s < 0 || s > p)
      return -1;
    *ret = (struct type){.kind = TYPE_DECIMAL, .precision = p, .scale = s};
    return 0;
  }
  for (size_t i = 0; i < sizeof types / sizeof *types; i++)
    if (i != TYPE_DECIMAL && strcmp(types[i].name, name) == 0) {
      *ret = (struct type){.kind = (enum type_kind)i};
      return 0;
    }
  return -1;
}

void type_name(const struct type *t, char *to, size_t n) {
  if (t->kind == TYPE_DECIMAL)
    snprintf(to, n, "decimal(%d,%d)", t->precision, t->scale);
  else
    snprintf(to, n, "%s", types[t->kind].name);
}

const char *type_format(const struct type *t, char *to, size_t n) {
  if (t->kind == TYPE_DECIMAL)
    snprintf(to, n, "d:%d,%d", t->precision, t->scale);
  else
    snprintf(to, n, "%s", types[t->kind].format);
  return types[t->kind].extension;
}

/* ---- guessing ----------------------------------------------------------------------------------------------------------- */

/* A number written with leading zeros or a plus is a code that happens to be digits: it stays text. */
static bool looks_like_code(const char *p, size_t n) {
  if (n > 0 && *p == '-')
    p++, n--;
  return n > 0 && (*p == '+' || *p == '.' || (n > 1 && *p == '0' && p[1] >= '0' && p[1] <= '9'));
}

static uint32_t kinds_of(const char *p, size_t n, int32_t *scale) {
  int64_t i;
  bool b;
  double d;
  __int128 x;
  int32_t digits;
  uint32_t kinds = 1u << TYPE_TEXT;
  if (n == 0 || n > 64)
    return kinds;
  bool code = looks_like_code(p, n);
  if (parse_bool(p, n, &b) && n > 1)
    kinds |= 1u << TYPE_BOOL;
  if (!code && parse_int(p, n, &i))
    kinds |= 1u << TYPE_INT64;
  if (!code && parse_decimal_digits(p, n, &x, &digits, scale))
    kinds |= 1u << TYPE_DECIMAL;
  if (!code && parse_float(p, n, &d))
    kinds |= 1u << TYPE_FLOAT64;
  if (parse_date(p, n, &i))
    kinds |= 1u << TYPE_DATE | 1u << TYPE_TIMESTAMP;
  if (parse_timestamp(p, n, false, &i))
    kinds |= 1u << TYPE_TIMESTAMP;
  if (parse_timestamp(p, n, true, &i))
    kinds |= 1u << TYPE_TIMESTAMPTZ;
  return kinds;
}

void guess_add(struct guess *g, const char *p, size_t n) { guess_add_only(g, p, n, UINT32_MAX); }

void guess_add_only(struct guess *g, const char *p, size_t n, uint32_t only) {
  int32_t scale = 0;
  uint32_t kinds = kinds_of(p, n, &scale);
  g->not_kinds |= ~(kinds & only);
  g->seen++;
  if (scale > g->scale)
    g->scale = scale;
}

struct type guess_type(const struct guess *g) {
  struct type t = {.kind = TYPE_TEXT};
  if (g->nested)
    t.kind = TYPE_JSON;
  if (g->seen == 0 || g->nested)
    return t;
  t.kind = TYPE_BOOL;
  while (t.kind < TYPE_TEXT && (g->not_kinds >> t.kind & 1))
    t.kind++;
  if (t.kind == TYPE_DECIMAL) {
    t.precision = 38;
    t.scale = g->scale;
  }
  return t;
}

enum type_kind guess_one(const char *p, size_t n) {
  struct guess g = {0};
  guess_add(&g, p, n);
  return guess_type(&g).kind;
}

bool text_is_utf8(const char *text, size_t n) {
  const uint8_t *p = (const uint8_t *)text, *end = p + n;
  while (p < end) {
    uint64_t w;
    if (end - p >= 8) {
      memcpy(&w, p, 8);
      if (!((w | (w - 0x0101010101010101u)) & 0x8080808080808080u)) { /* eight bytes of 1..127 */
        p += 8;
        continue;
      }
    }
    if (*p < 0x80) {
      if (*p++ == 0)
        return false;
      continue;
    }
    int more = *p >= 0xc2 && *p <= 0xdf ? 1 : (*p & 0xf0) == 0xe0 ? 2 : *p >= 0xf0 && *p <= 0xf4 ? 3 : 0;
    if (more == 0 || end - p <= more)
      return false;
    if ((*p == 0xe0 && p[1] < 0xa0) || (*p == 0xed && p[1] > 0x9f) || (*p == 0xf0 && p[1] < 0x90) || (*p == 0xf4 && p[1] > 0x8f))
      return false;
    for (int i = 1; i <= more; i++)
      if ((p[i] & 0xc0) != 0x80)
        return false;
    p += more + 1;
  }
  return true;
}
