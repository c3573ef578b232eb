/* Numbers, dates and times from text that is not NUL ended. */
#include "parse.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "etl/sdk.h"

#define DAY_US INT64_C(86400000000)

bool parse_bool(const char *p, size_t n, bool *ret) {
  static const struct {
    const char *text;
    bool value;
  } words[] = {{"true", true}, {"false", false}, {"t", true}, {"f", false}, {"yes", true}, {"no", false}, {"1", true}, {"0", false}};
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (strlen(words[i].text) == n && strncasecmp(words[i].text, p, n) == 0) {
      *ret = words[i].value;
      return true;
    }
  return false;
}

bool parse_int(const char *p, size_t n, int64_t *ret) {
  size_t i = n > 0 && (*p == '-' || *p == '+');
  uint64_t x = 0;
  if (i == n || n - i > 19)
    return false;
  for (; i < n; i++) {
    unsigned d = (unsigned)(p[i] - '0');
    if (d > 9)
      return false;
    x = x * 10 + d;
  }
  bool minus = *p == '-';
  if (x > (uint64_t)INT64_MAX + minus)
    return false;
  *ret = (int64_t)(minus ? 0 - x : x);
  return true;
}

bool parse_decimal_digits(const char *p, size_t n, __int128 *ret, int32_t *ret_digits, int32_t *ret_scale) {
  size_t i = n > 0 && (*p == '-' || *p == '+');
  __int128 x = 0;
  int32_t digits = 0, significant = 0, scale = -1;
  for (; i < n; i++) {
    unsigned d = (unsigned)(p[i] - '0');
    if (p[i] == '.' && scale < 0) {
      scale = 0;
      continue;
    }
    if (d > 9)
      return false;
    if ((significant > 0 || d > 0) && ++significant > 38)
      return false;
    x = x * 10 + (int)d;
    digits++;
    scale += scale >= 0;
  }
  if (digits == 0)
    return false;
  *ret = *p == '-' ? -x : x;
  *ret_digits = significant;
  *ret_scale = scale < 0 ? 0 : scale;
  return true;
}

bool parse_decimal(const char *p, size_t n, int32_t precision, int32_t scale, __int128 *ret) {
  __int128 x;
  int32_t digits, has;
  if (!parse_decimal_digits(p, n, &x, &digits, &has))
    return false;
  for (; has > scale; has--, digits--) {
    if (x % 10 != 0)
      return false;
    x /= 10;
  }
  if (x != 0 && digits + (scale - has) > precision)
    return false;
  for (; has < scale && x != 0; has++)
    x *= 10;
  *ret = x;
  return true;
}

bool parse_float(const char *p, size_t n, double *ret) {
  static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                  1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
  char copy[400], *end;
  __int128 x;
  int32_t digits, scale;
  if (n == 0 || n >= sizeof copy)
    return false;
  if (parse_decimal_digits(p, n, &x, &digits, &scale) && digits <= 15 && scale <= 22 && (x != 0 || *p != '-')) {
    *ret = (double)(int64_t)x / powers[scale]; /* both are exact, so one rounding gives the nearest */
    return true;
  }
  for (size_t i = 0; i < n; i++)
    if (!strchr("0123456789+-.eE", p[i]) || !p[i]) {
      static const char *const words[] = {"nan", "infinity", "-infinity", "inf", "-inf", NULL};
      for (size_t w = 0; words[w]; w++)
        if (strlen(words[w]) == n && strncasecmp(words[w], p, n) == 0) {
          *ret = strtod(words[w], NULL);
          return true;
        }
      return false;
    }
  memcpy(copy, p, n);
  copy[n] = 0;
  errno = 0;
  *ret = strtod(copy, &end);
  return end == copy + n && (errno != ERANGE || (isfinite(*ret) && *ret != 0)); /* what is too small for all its digits has some of them */
}

static bool digits(const char *p, size_t n, int64_t *ret) {
  int64_t x = 0;
  for (size_t i = 0; i < n; i++) {
    unsigned d = (unsigned)(p[i] - '0');
    if (d > 9)
      return false;
    x = x * 10 + d;
  }
  *ret = x;
  return true;
}

bool parse_date(const char *p, size_t n, int64_t *ret) {
  int64_t y, m, d;
  if (n != 10 || p[4] != '-' || p[7] != '-' || !digits(p, 4, &y) || !digits(p + 5, 2, &m) || !digits(p + 8, 2, &d))
    return false;
  if (y < 1 || !etl_civil_valid(y, m, d))
    return false;
  *ret = etl_days_from_civil(y, m, d);
  return true;
}

/* How many characters of p[n] are a time: HH:MM[:SS[.ffffff]]; 0: none. */
static size_t time_prefix(const char *p, size_t n, int64_t *ret_us) {
  int64_t h, m, s = 0, us = 0;
  size_t at = 5;
  if (n < 5 || p[2] != ':' || !digits(p, 2, &h) || !digits(p + 3, 2, &m))
    return 0;
  if (n >= 8 && p[5] == ':') {
    if (!digits(p + 6, 2, &s))
      return 0;
    at = 8;
    if (n > 9 && p[8] == '.') {
      int64_t unit = 100000;
      for (at = 9; at < n && p[at] >= '0' && p[at] <= '9'; at++, unit /= 10) {
        if (unit == 0 && p[at] != '0')
          return 0; /* finer than a microsecond: never cut in silence */
        us += unit * (p[at] - '0');
      }
      if (at == 9)
        return 0;
    }
  }
  if (h > 23 || m > 59 || s > 59)
    return 0;
  *ret_us = ((h * 60 + m) * 60 + s) * 1000000 + us;
  return at;
}

bool parse_time(const char *p, size_t n, int64_t *ret) { return n > 0 && time_prefix(p, n, ret) == n; }

static bool parse_zone(const char *p, size_t n, int64_t *ret_us) {
  int64_t h, m = 0;
  *ret_us = 0;
  if (n == 1 && (*p == 'Z' || *p == 'z'))
    return true;
  if ((n != 3 && n != 5 && n != 6) || (*p != '+' && *p != '-') || !digits(p + 1, 2, &h))
    return false;
  if (n > 3 && ((n == 6 && p[3] != ':') || !digits(p + n - 2, 2, &m)))
    return false;
  if (h > 15 || m > 59)
    return false;
  *ret_us = (h * 60 + m) * 60000000 * (*p == '-' ? -1 : 1);
  return true;
}

bool parse_timestamp(const char *p, size_t n, bool zoned, int64_t *ret) {
  int64_t days, us = 0, zone = 0;
  if (n < 10 || !parse_date(p, 10, &days))
    return false;
  if (n == 10 && !zoned) {
    *ret = days * DAY_US;
    return true;
  }
  if (n < 16 || (p[10] != 'T' && p[10] != ' ' && p[10] != 't'))
    return false;
  size_t used = time_prefix(p + 11, n - 11, &us);
  if (used == 0)
    return false;
  used += 11;
  if (zoned ? !parse_zone(p + used, n - used, &zone) : used != n)
    return false;
  *ret = days * DAY_US + us - zone;
  return true;
}

bool parse_hex(const char *p, size_t n, uint8_t *ret) {
  for (size_t i = 0; i < n; i++) {
    int c = p[i], v = c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
    if (v < 0)
      return false;
    ret[i / 2] = (uint8_t)(i % 2 ? ret[i / 2] | v : v << 4);
  }
  return n % 2 == 0;
}

bool parse_uuid(const char *p, size_t n, uint8_t ret[16]) {
  char hex[32];
  size_t k = 0;
  if (n != 36 && n != 32)
    return false;
  for (size_t i = 0; i < n; i++) {
    bool dash = n == 36 && (i == 8 || i == 13 || i == 18 || i == 23);
    if (dash ? p[i] != '-' : k == 32)
      return false;
    if (!dash)
      hex[k++] = p[i];
  }
  return k == 32 && parse_hex(hex, 32, ret);
}

bool parse_by_format(const char *p, size_t n, const char *format, int64_t *ret) {
  char copy[128];
  struct tm tm = {.tm_mday = 1};
  if (n == 0 || n >= sizeof copy)
    return false;
  memcpy(copy, p, n);
  copy[n] = 0;
  const char *end = strptime(copy, format, &tm);
  if (!end || *end)
    return false;
  int64_t day = etl_days_from_civil(tm.tm_year + INT64_C(1900), tm.tm_mon + 1, tm.tm_mday);
  int64_t next_month = etl_days_from_civil(tm.tm_year + INT64_C(1900), tm.tm_mon + 2, 1);
  if (day >= next_month || tm.tm_sec > 59)
    return false; /* strptime() takes February 31st and leap seconds */
  *ret = day * DAY_US + ((tm.tm_hour * INT64_C(60) + tm.tm_min) * 60 + tm.tm_sec - tm.tm_gmtoff) * 1000000;
  return true;
}
