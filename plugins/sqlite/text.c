/* Values as text.  Dates are those of the proleptic Gregorian calendar; digits of a second that a type does not have must be zeros, so
 * that nothing is lost without notice. */
#include <stdio.h>

#include "text.h"

static int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); }

enum { SECONDS_A_DAY = 86400 };

/* ---- printing ---------------------------------------------------------------------------------------------------------------------- */

static size_t print_date(int64_t days, char *buf) {
  struct etl_civil c = etl_civil_from_days(days);
  return (size_t)snprintf(buf, 40, "%04lld-%02d-%02d", (long long)c.year, (int)c.month, (int)c.day);
}

static size_t print_time(int64_t units, int64_t per_second, char *buf) {
  int64_t s = units / per_second, fraction = units % per_second;
  size_t n = (size_t)snprintf(buf, 24, "%02d:%02d:%02d", (int)(s / 3600), (int)(s / 60 % 60), (int)(s % 60));
  if (fraction == 0)
    return n;
  n += (size_t)snprintf(buf + n, 24, ".%09lld", (long long)(fraction * (1000000000 / per_second)));
  while (buf[n - 1] == '0')
    buf[--n] = 0;
  return n;
}

static size_t print_stamp(int64_t units, const struct etl_format *f, char *buf) {
  int64_t day = f->per_second * SECONDS_A_DAY, days = floor_div(units, day);
  size_t n = print_date(days, buf);
  buf[n++] = ' ';
  n += print_time(units - days * day, f->per_second, buf + n);
  if (f->tz)
    n += (size_t)snprintf(buf + n, 2, "Z");
  return n;
}

static size_t print_decimal(__int128 number, int32_t scale, char *buf) {
  char digits[TEXT_BYTES];
  size_t n = 0, at = 0;
  unsigned __int128 left = number < 0 ? -(unsigned __int128)number : (unsigned __int128)number;
  for (int32_t zeros = scale; zeros < 0 && left; zeros++) /* a negative scale ends in zeros */
    digits[n++] = '0';
  do {
    digits[n++] = (char)('0' + (int)(left % 10));
    left /= 10;
  } while (left || (scale > 0 && n <= (size_t)scale));
  if (number < 0)
    buf[at++] = '-';
  while (n) {
    buf[at++] = digits[--n];
    if (scale > 0 && n == (size_t)scale)
      buf[at++] = '.';
  }
  buf[at] = 0;
  return at;
}

size_t text_print(const struct etl_view *v, int64_t row, char buf[TEXT_BYTES]) {
  __int128 number;
  size_t n = 0;
  switch (v->f.logical) {
  case ETL_L_DECIMAL: memcpy(&number, etl_view_fixed(v, row), sizeof number); return print_decimal(number, v->f.scale, buf);
  case ETL_L_DATE: return print_date(etl_view_i64(v, row), buf);
  case ETL_L_TIME: return print_time(etl_view_i64(v, row), v->f.per_second, buf);
  case ETL_L_TIMESTAMP: return print_stamp(etl_view_i64(v, row), &v->f, buf);
  default:
    for (size_t i = 0; i < 16; i++)
      n += (size_t)snprintf(buf + n, 4, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", etl_view_fixed(v, row)[i]);
    return n;
  }
}

bool text_is_utf8(struct etl_bytes text) {
  const uint8_t *p = text.p, *end = p + text.n;
  while (p < end) {
    uint64_t eight;
    if (end - p >= 8 && (memcpy(&eight, p, 8), (eight & 0x8080808080808080u) == 0)) {
      p += 8;
      continue;
    }
    uint32_t c = *p, more = c < 0x80 ? 0 : c >= 0xc2 && c < 0xe0 ? 1 : c >= 0xe0 && c < 0xf0 ? 2 : c >= 0xf0 && c < 0xf5 ? 3 : 4;
    if (more > 3 || (uint64_t)(end - p) <= more)
      return false;
    for (uint32_t i = 1; i <= more; i++)
      if ((p[i] & 0xc0) != 0x80)
        return false;
    if ((c == 0xe0 && p[1] < 0xa0) || (c == 0xed && p[1] > 0x9f) || (c == 0xf0 && p[1] < 0x90) || (c == 0xf4 && p[1] > 0x8f))
      return false; /* written longer than need be, a half of a pair, or past the last character */
    p += more + 1;
  }
  return true;
}

/* ---- scanning ---------------------------------------------------------------------------------------------------------------------- */

struct scan {
  const char *p, *end;
};

static bool take(struct scan *s, char c) {
  if (s->p == s->end || *s->p != c)
    return false;
  s->p++;
  return true;
}

/* A number of exactly n digits. */
static bool take_digits(struct scan *s, int n, int64_t *ret) {
  *ret = 0;
  for (; n > 0; n--, s->p++) {
    if (s->p == s->end || *s->p < '0' || *s->p > '9')
      return false;
    *ret = *ret * 10 + (*s->p - '0');
  }
  return true;
}

static bool take_date(struct scan *s, int64_t *ret_days) {
  int64_t y, m, d;
  if (!take_digits(s, 4, &y) || !take(s, '-') || !take_digits(s, 2, &m) || !take(s, '-') || !take_digits(s, 2, &d))
    return false;
  if (!etl_civil_valid(y, m, d))
    return false;
  *ret_days = etl_days_from_civil(y, m, d);
  return true;
}

/* HH:MM, HH:MM:SS, HH:MM:SS.fraction, in nanoseconds. */
static bool take_time(struct scan *s, int64_t *ret_ns) {
  int64_t h, m, sec = 0, ns = 0;
  if (!take_digits(s, 2, &h) || !take(s, ':') || !take_digits(s, 2, &m) || h > 23 || m > 59)
    return false;
  if (take(s, ':')) {
    if (!take_digits(s, 2, &sec) || sec > 59)
      return false;
    if (take(s, '.')) {
      const char *from = s->p;
      for (int64_t unit = 100000000; s->p < s->end && *s->p >= '0' && *s->p <= '9'; unit /= 10) {
        if (unit == 0 && *s->p != '0')
          return false;
        ns += (*s->p++ - '0') * unit;
      }
      if (s->p == from)
        return false;
    }
  }
  *ret_ns = (h * 3600 + m * 60 + sec) * 1000000000 + ns;
  return true;
}

static bool take_zone(struct scan *s, bool *ret_zoned, int64_t *ret_s) {
  int64_t h, m = 0;
  *ret_s = 0;
  *ret_zoned = true;
  if (take(s, 'Z') || take(s, 'z'))
    return true;
  bool west = s->p < s->end && *s->p == '-';
  if (!take(s, '+') && !take(s, '-'))
    return *ret_zoned = false, true;
  if (!take_digits(s, 2, &h) || ((take(s, ':') || s->p < s->end) && !take_digits(s, 2, &m)) || h > 14 || m > 59)
    return false;
  *ret_s = (h * 3600 + m * 60) * (west ? -1 : 1);
  return true;
}

static const char too_fine[] = "it has more digits of a second than the type";

const char *text_scan_date(struct etl_bytes text, int64_t *ret_days) {
  struct scan s = {text.p, (const char *)text.p + text.n};
  return take_date(&s, ret_days) && s.p == s.end ? NULL : "not a date as in 2024-12-31";
}

const char *text_scan_time(struct etl_bytes text, int64_t per_second, int64_t *ret) {
  struct scan s = {text.p, (const char *)text.p + text.n};
  int64_t ns, unit = 1000000000 / per_second;
  if (!take_time(&s, &ns) || s.p != s.end)
    return "not a time as in 23:59:59.123456";
  *ret = ns / unit;
  return ns % unit ? too_fine : NULL;
}

const char *text_scan_stamp(struct etl_bytes text, int64_t per_second, int64_t *ret, bool *ret_zoned) {
  static const char why[] = "not a time as in 2024-12-31 23:59:59.123456";
  struct scan s = {text.p, (const char *)text.p + text.n};
  int64_t days, ns = 0, zone_s = 0, unit = 1000000000 / per_second;
  *ret_zoned = false;
  if (!take_date(&s, &days))
    return why;
  if (s.p != s.end) {
    if (!take(&s, ' ') && !take(&s, 'T'))
      return why;
    if (!take_time(&s, &ns) || !take_zone(&s, ret_zoned, &zone_s) || s.p != s.end)
      return why;
  }
  if (ns % unit)
    return too_fine;
  if (__builtin_mul_overflow(days * SECONDS_A_DAY - zone_s, per_second, ret) || __builtin_add_overflow(*ret, ns / unit, ret))
    return "out of the type's range";
  return NULL;
}

const char *text_scan_uuid(struct etl_bytes text, uint8_t ret[16]) {
  const char *p = text.p;
  size_t digits = 0;
  for (uint64_t i = 0; i < text.n; i++) {
    char c = p[i];
    int v = c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
    if (c == '-' && digits % 2 == 0)
      continue;
    if (v < 0 || digits == 32)
      return "not a uuid";
    ret[digits / 2] = (uint8_t)(digits % 2 ? ret[digits / 2] | v : v << 4);
    digits++;
  }
  return digits == 32 ? NULL : "not a uuid";
}

const char *text_scan_decimal(struct etl_bytes text, int32_t scale, __int128 *ret) {
  static const char why[] = "not a number", range[] = "out of the type's range";
  struct scan s = {text.p, (const char *)text.p + text.n};
  __int128 n = 0, limit = (__int128)1;
  bool minus = take(&s, '-'), point = false, any = false;
  int exponent = 0, after = 0;
  for (int i = 0; i < TEXT_DIGITS; i++)
    limit *= 10;
  if (!minus)
    take(&s, '+');
  for (; s.p < s.end && ((*s.p >= '0' && *s.p <= '9') || (*s.p == '.' && !point)); s.p++) {
    if (*s.p == '.') {
      point = true;
      continue;
    }
    any = true;
    if (n >= limit / 10)
      return range;
    n = n * 10 + (*s.p - '0');
    after += point;
  }
  if (!any)
    return why;
  if (take(&s, 'e') || take(&s, 'E')) {
    bool down = take(&s, '-');
    if ((!down && (take(&s, '+'), s.p == s.end)) || s.p == s.end)
      return why;
    for (; s.p < s.end && *s.p >= '0' && *s.p <= '9' && exponent < 1000; s.p++)
      exponent = exponent * 10 + (*s.p - '0');
    exponent = down ? -exponent : exponent;
  }
  if (s.p != s.end)
    return why;
  for (int have = after - exponent; have != scale && n != 0; have += have < scale ? 1 : -1) {
    if (have < scale && n >= limit / 10)
      return range;
    if (have > scale && n % 10 != 0)
      return "it has more decimal places than the type";
    n = have < scale ? n * 10 : n / 10;
  }
  *ret = minus ? -n : n;
  return NULL;
}
