/* The binary form of numeric: count of groups, weight of the first, sign, scale, and groups of four decimal digits. */
#include "source_types.h"

typedef unsigned __int128 u128;
enum {
  GROUP = 10000,
  GROUP_DIGITS = 4,
  HEAD_BYTES = 8,
  SIGN_POSITIVE = 0,
  SIGN_NEGATIVE = 0x4000,
  SIGN_NAN = 0xC000,
  SIGN_INFINITE = 0xD000, /* and 0xF000: minus */
  SIGN_MINUS_INFINITE = 0xF000
};
struct numeric {
  int groups, weight;
  uint16_t sign;
  const uint8_t *digits;
};

static bool parse(struct numeric *v, const uint8_t *p, uint32_t n) {
  if (n < HEAD_BYTES)
    return false;
  *v = (struct numeric){.groups = get16(p), .weight = (int16_t)get16(p + 2), .sign = get16(p + 4), .digits = p + HEAD_BYTES};
  return n == HEAD_BYTES + 2 * (uint32_t)v->groups;
}

static bool times(u128 *x, uint64_t by) { return !__builtin_mul_overflow(*x, (u128)by, x); }

/* |v| * 10^scale.  false: it does not fit, or has more digits behind the point. */
static bool scaled(const struct numeric *v, int scale, u128 *ret) {
  static const uint64_t pow10[] = {1, 10, 100, 1000};
  u128 x = 0;
  int exponent = 0; /* of the last group's unit, after scaling */
  for (int i = 0; i < v->groups; i++) {
    uint64_t group = get16(v->digits + 2 * i);
    exponent = GROUP_DIGITS * (v->weight - i) + scale;
    if (exponent > -GROUP_DIGITS && exponent < 0) { /* the group has digits on both sides of the end */
      uint64_t cut = pow10[-exponent];
      if (group % cut || !times(&x, GROUP / cut))
        return false;
      x += group / cut;
    } else if (exponent >= 0) {
      if (!times(&x, GROUP))
        return false;
      x += group;
    } else if (group) {
      return false;
    }
  }
  for (; x && exponent > 0; exponent--)
    if (!times(&x, 10))
      return false;
  *ret = x;
  return x <= ~(u128)0 >> 1;
}

enum decoded decode_numeric(struct etl_batch *b, int64_t col, const struct field *c, const uint8_t *p, uint32_t n) {
  struct numeric v;
  u128 x;
  if (!parse(&v, p, n))
    return DECODED_DAMAGED;
  if ((v.sign != SIGN_POSITIVE && v.sign != SIGN_NEGATIVE) || !scaled(&v, c->scale, &x))
    return DECODED_REFUSED;
  __int128 value = v.sign == SIGN_NEGATIVE ? -(__int128)x : (__int128)x;
  etl_batch_fixed(b, col, &value);
  return DECODED;
}

void value_numeric(struct text *t, const struct field *c, const uint8_t *p, uint32_t n) {
  struct numeric v;
  u128 x;
  char digits[48];
  int at = (int)sizeof digits;
  if (!parse(&v, p, n) || v.sign == SIGN_NAN || !scaled(&v, c->scale, &x)) {
    bool infinite = n >= HEAD_BYTES && (get16(p + 4) == SIGN_INFINITE || get16(p + 4) == SIGN_MINUS_INFINITE);
    text_add(t, infinite ? get16(p + 4) == SIGN_MINUS_INFINITE ? "-Infinity" : "Infinity" : "NaN");
    return;
  }
  digits[--at] = '\0';
  for (int i = 0; x || i <= c->scale; i++, x /= 10) {
    if (i == c->scale && i > 0)
      digits[--at] = '.';
    digits[--at] = (char)('0' + (int)(x % 10));
  }
  text_addf(t, "%s%s", v.sign == SIGN_NEGATIVE ? "-" : "", digits + at);
}
