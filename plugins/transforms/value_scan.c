/* Text to values.  Strict: a whole value with blanks around it at most, else a reason that holds nothing of the text. */
#include <ctype.h>
#include <stdlib.h>
#include <strings.h>

#include "value.h"

static struct etl_bytes trimmed(struct etl_bytes t) {
  const char *p = t.p;
  while (t.n && isspace((unsigned char)p[t.n - 1]))
    t.n--;
  while (t.n && isspace((unsigned char)*p))
    p++, t.n--;
  t.p = p;
  return t;
}

bool value_rescale(__int128 number, int32_t from, int32_t to, __int128 *ret) {
  const __int128 most = (__int128)5000000000000000000 * 10000000000000000000u * 2 - 1; /* 10^38 - 1 */
  for (; from < to && number; from++)
    if (__builtin_mul_overflow(number, (__int128)10, &number))
      return false;
  int last = 0;
  bool negative = number < 0;
  for (; from > to && (number || last); from--) {
    last = (int)(number % 10);
    number /= 10;
  }
  number += negative ? -(last <= -5) : (last >= 5);
  *ret = number;
  return number <= most && number >= -most;
}

const char *value_scan_number(struct etl_bytes text, struct value *ret) {
  static const char why[] = "not a number", many[] = "more than 38 digits";
  text = trimmed(text);
  const char *p = text.p, *end = p + text.n;
  struct value v = {.kind = VALUE_NUMBER};
  bool negative = p < end && *p == '-', digits = false, point = false;
  p += p < end && (*p == '-' || *p == '+');
  for (; p < end && (isdigit((unsigned char)*p) || (*p == '.' && !point)); p++) {
    if (*p == '.') {
      point = true;
      continue;
    }
    digits = true;
    if (__builtin_mul_overflow(v.number, (__int128)10, &v.number) || __builtin_add_overflow(v.number, *p - '0', &v.number))
      return many;
    v.scale += point;
  }
  if (digits && p < end && (*p == 'e' || *p == 'E')) {
    bool down = p + 1 < end && p[1] == '-';
    int32_t exponent = 0;
    p += 1 + (p + 1 < end && (p[1] == '-' || p[1] == '+'));
    digits = p < end;
    for (; p < end && isdigit((unsigned char)*p) && exponent < 1000; p++)
      exponent = exponent * 10 + (*p - '0');
    v.scale += down ? exponent : -exponent;
  }
  if (!digits || p != end)
    return why;
  v.number = negative ? -v.number : v.number;
  if (v.scale < 0) {
    if (!value_rescale(v.number, v.scale, 0, &v.number))
      return many;
    v.scale = 0;
  }
  *ret = v;
  return NULL;
}

const char *value_scan_float(struct etl_bytes text, struct value *ret) {
  char copy[VALUE_TEXT_BYTES * 8], *end;
  text = trimmed(text);
  if (text.n == 0 || text.n >= sizeof copy || memchr(text.p, 0, text.n) || memchr(text.p, 'x', text.n) ||
      memchr(text.p, 'X', text.n) || memchr(text.p, '(', text.n))
    return "not a number";
  memcpy(copy, text.p, text.n);
  copy[text.n] = 0;
  *ret = (struct value){.kind = VALUE_FLOAT, .f = strtod(copy, &end)};
  return *end ? "not a number" : NULL;
}

const char *value_scan_bool(struct etl_bytes text, struct value *ret) {
  static const char *const words[] = {"false", "true", "f", "t", "no", "yes", "n", "y", "off", "on", "0", "1"};
  text = trimmed(text);
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (strlen(words[i]) == text.n && strncasecmp(words[i], text.p, text.n) == 0) {
      *ret = (struct value){.kind = VALUE_BOOL, .number = i % 2 != 0};
      return NULL;
    }
  return "not one of true, false, yes, no, on, off, 1, 0";
}

static int nibble(char c) {
  return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

const char *value_scan_uuid(struct etl_bytes text, uint8_t ret[16]) {
  static const char why[] = "not a UUID";
  text = trimmed(text);
  const char *p = text.p, *end = p + text.n;
  if (text.n > 2 && p[0] == '{' && end[-1] == '}')
    p++, end--;
  bool dashes = end - p == 36;
  if (!dashes && end - p != 32)
    return why;
  for (size_t i = 0; i < 16; i++) {
    if (dashes && (i == 4 || i == 6 || i == 8 || i == 10) && *p++ != '-')
      return why;
    int high = nibble(p[0]), low = nibble(p[1]);
    if (high < 0 || low < 0)
      return why;
    ret[i] = (uint8_t)(high << 4 | low);
    p += 2;
  }
  return NULL;
}

/* ---- dates ------------------------------------------------------------------------------------------------------------------ */

struct cursor {
  const char *p, *end;
};

/* Exactly n digits; -1: they are not there. */
static int take_digits(struct cursor *c, int n) {
  int v = 0;
  if (c->end - c->p < n)
    return -1;
  for (; n; n--, c->p++) {
    if (!isdigit((unsigned char)*c->p))
      return -1;
    v = v * 10 + (*c->p - '0');
  }
  return v;
}

static bool take(struct cursor *c, char wanted) {
  if (c->p == c->end || *c->p != wanted)
    return false;
  c->p++;
  return true;
}

static bool take_date(struct cursor *c, int64_t *ret_days) {
  int y = take_digits(c, 4), m = take(c, '-') ? take_digits(c, 2) : -1, d = take(c, '-') ? take_digits(c, 2) : -1;
  if (y < 1 || !etl_civil_valid(y, m, d))
    return false;
  *ret_days = etl_days_from_civil(y, m, d);
  return true;
}

const char *value_scan_date(struct etl_bytes text, struct value *ret) {
  text = trimmed(text);
  struct cursor c = {text.p, (const char *)text.p + text.n};
  struct value v = {.kind = VALUE_DATE};
  if (!take_date(&c, &v.t) || c.p != c.end)
    return "not a date as in 2024-12-31";
  *ret = v;
  return NULL;
}

/* HH:MM[:SS[.fraction]] in microseconds. */
static bool take_time(struct cursor *c, int64_t *ret_us) {
  int h = take_digits(c, 2), m = take(c, ':') ? take_digits(c, 2) : -1, s = 0, fraction = 0;
  if (h < 0 || h > 23 || m < 0 || m > 59)
    return false;
  if (take(c, ':') && ((s = take_digits(c, 2)) < 0 || s > 59))
    return false;
  if (take(c, '.')) {
    int n = 0;
    for (; c->p < c->end && isdigit((unsigned char)*c->p); c->p++, n++)
      fraction = n < 6 ? fraction * 10 + (*c->p - '0') : fraction;
    if (n == 0)
      return false;
    for (; n < 6; n++)
      fraction *= 10;
  }
  *ret_us = ((h * 60 + m) * 60 + s) * (int64_t)1000000 + fraction;
  return true;
}

/* Z, +HH, +HHMM or +HH:MM; nothing is fine, too. */
static bool take_zone(struct cursor *c, bool *ret_zoned, int64_t *ret_us) {
  take(c, ' ');
  *ret_us = 0;
  *ret_zoned = true;
  if (take(c, 'Z') || take(c, 'z'))
    return true;
  bool west = c->p < c->end && *c->p == '-';
  if (!take(c, '+') && !take(c, '-')) {
    *ret_zoned = false;
    return true;
  }
  int h = take_digits(c, 2), m = 0;
  if (take(c, ':') || c->p < c->end)
    m = take_digits(c, 2);
  if (h < 0 || h > 15 || m < 0 || m > 59)
    return false;
  *ret_us = (west ? -1 : 1) * (h * 60 + m) * (int64_t)60000000;
  return true;
}

const char *value_scan_stamp(struct etl_bytes text, struct value *ret) {
  static const char why[] = "not a time as in 2024-12-31 23:59:59.123456 or 2024-12-31T23:59:59+01:00";
  text = trimmed(text);
  struct cursor c = {text.p, (const char *)text.p + text.n};
  struct value v = {.kind = VALUE_STAMP, .per_second = 1000000};
  int64_t days, us = 0, zone_us = 0;
  if (!take_date(&c, &days))
    return why;
  if (c.p != c.end) {
    if (!take(&c, 'T') && !take(&c, 't') && !take(&c, ' '))
      return why;
    if (!take_time(&c, &us) || !take_zone(&c, &v.zoned, &zone_us) || c.p != c.end)
      return why;
  }
  v.t = days * SECONDS_A_DAY * 1000000 + us - zone_us;
  *ret = v;
  return NULL;
}
