/* Most text is ASCII for long stretches: four units of it are taken at a time, everything else one by one. */
#include "utf16.h"

#include <string.h>

#define NOT_ASCII UINT64_C(0xff80ff80ff80ff80) /* bits that no unit of ASCII has, four units side by side */

enum { LITTLE_ENDIAN_HOST = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ };

static uint32_t unit(const uint8_t *p) { return (uint32_t)p[0] | (uint32_t)p[1] << 8; }

/* Four units of ASCII as four bytes. */
static void pack(uint64_t four, uint8_t *out) {
  four |= four >> 8;
  uint32_t low = (uint32_t)(four & 0xffff), high = (uint32_t)(four >> 32 & 0xffff), packed = low | high << 16;
  memcpy(out, &packed, sizeof packed);
}

/* The character that begins at p, and in *ret_units how many units it takes; UINT32_MAX: a surrogate stands alone. */
static uint32_t character(const uint8_t *p, size_t units, size_t *ret_units) {
  uint32_t first = unit(p);
  *ret_units = 1;
  if (first < 0xd800 || first > 0xdfff)
    return first;
  uint32_t second = units > 1 ? unit(p + 2) : 0;
  if (first > 0xdbff || second < 0xdc00 || second > 0xdfff)
    return UINT32_MAX;
  *ret_units = 2;
  return 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
}

static uint8_t *put(uint8_t *out, uint32_t c) {
  if (c < 0x80) {
    *out++ = (uint8_t)c;
    return out;
  }
  if (c < 0x800) {
    *out++ = (uint8_t)(0xc0 | c >> 6);
  } else {
    if (c < 0x10000) {
      *out++ = (uint8_t)(0xe0 | c >> 12);
    } else {
      *out++ = (uint8_t)(0xf0 | c >> 18);
      *out++ = (uint8_t)(0x80 | (c >> 12 & 0x3f));
    }
    *out++ = (uint8_t)(0x80 | (c >> 6 & 0x3f));
  }
  *out++ = (uint8_t)(0x80 | (c & 0x3f));
  return out;
}

size_t utf16_measure(const uint8_t *p, size_t units) {
  size_t bytes = 0, taken;
  for (; units; p += 2 * taken, units -= taken) {
    uint32_t c = character(p, units, &taken);
    if (c == UINT32_MAX)
      return SIZE_MAX;
    bytes += c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
  }
  return bytes;
}

size_t utf16_to_utf8(const uint8_t *p, size_t units, uint8_t *out) {
  const uint8_t *begin = out;
  while (units) {
    uint64_t four;
    while (LITTLE_ENDIAN_HOST && units >= 4 && (memcpy(&four, p, sizeof four), !(four & NOT_ASCII))) {
      pack(four, out);
      out += 4;
      p += 8;
      units -= 4;
    }
    size_t taken;
    for (int i = 0; i < 4 && units; i++, p += 2 * taken, units -= taken) {
      uint32_t c = character(p, units, &taken);
      if (c == UINT32_MAX)
        return SIZE_MAX;
      out = put(out, c);
    }
  }
  return (size_t)(out - begin);
}
