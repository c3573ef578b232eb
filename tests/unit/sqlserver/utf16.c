/* UTF-16 into UTF-8: every length of character at every place of a stretch of ASCII, and surrogates that stand alone. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "utf16.h"

enum { LONGEST = 40 };

static size_t put_unit(uint8_t *p, size_t at, uint32_t unit) {
  p[2 * at] = (uint8_t)unit;
  p[2 * at + 1] = (uint8_t)(unit >> 8);
  return at + 1;
}

static size_t put_character(uint8_t *p, size_t at, uint32_t c) {
  if (c < 0x10000)
    return put_unit(p, at, c);
  at = put_unit(p, at, 0xd800 + ((c - 0x10000) >> 10));
  return put_unit(p, at, 0xdc00 + ((c - 0x10000) & 0x3ff));
}

Test(utf16, each_length_at_each_place) {
  static const struct { uint32_t c; const char *utf8; } characters[] = {
    {0x7f, "\x7f"}, {0x80, "\xc2\x80"}, {0x7ff, "\xdf\xbf"}, {0x800, "\xe0\xa0\x80"}, {0xd7ff, "\xed\x9f\xbf"}, {0xe000, "\xee\x80\x80"},
    {0xffff, "\xef\xbf\xbf"}, {0x10000, "\xf0\x90\x80\x80"}, {0x1f4de, "\xf0\x9f\x93\x9e"}, {0x10ffff, "\xf4\x8f\xbf\xbf"}};
  for (size_t k = 0; k < sizeof characters / sizeof *characters; k++)
    for (size_t before = 0; before < 10; before++)
      for (size_t after = 0; after < 10; after++) {
        uint8_t in[2 * LONGEST], out[3 * LONGEST];
        char want[3 * LONGEST];
        size_t n = 0;
        for (size_t i = 0; i < before; i++)
          n = put_unit(in, n, 'a' + (uint32_t)i);
        n = put_character(in, n, characters[k].c);
        for (size_t i = 0; i < after; i++)
          n = put_unit(in, n, 'A' + (uint32_t)i);
        snprintf(want, sizeof want, "%.*s%s%.*s", (int)before, "abcdefghij", characters[k].utf8, (int)after, "ABCDEFGHIJ");
        size_t bytes = utf16_to_utf8(in, n, out);
        cr_expect(bytes == strlen(want) && memcmp(out, want, bytes) == 0, "U+%x behind %zu and before %zu", characters[k].c, before, after);
        cr_expect_eq(utf16_measure(in, n), bytes);
      }
}

Test(utf16, nothing_and_nul) {
  uint8_t in[8] = {0}, out[12];
  cr_expect_eq(utf16_to_utf8(in, 0, out), 0);
  cr_expect_eq(utf16_measure(in, 0), 0);
  cr_expect_eq(utf16_to_utf8(in, 4, out), 4);
  cr_expect_arr_eq(out, "\0\0\0\0", 4);
}

Test(utf16, surrogates_alone) {
  static const uint32_t bad[][3] = {{0xd800, 'a', 'b'}, {0xdc00, 'a', 'b'}, {'a', 'b', 0xd83d}, {0xd83d, 0xd83d, 0xdc00}, {0xdbff, 0xdbff, 'a'}, {'a', 0xdfff, 'b'}};
  for (size_t k = 0; k < sizeof bad / sizeof *bad; k++)
    for (size_t before = 0; before < 6; before++) {
      uint8_t in[2 * LONGEST], out[3 * LONGEST];
      size_t n = 0;
      for (size_t i = 0; i < before; i++)
        n = put_unit(in, n, 'x');
      for (size_t i = 0; i < 3; i++)
        n = put_unit(in, n, bad[k][i]);
      cr_expect_eq(utf16_to_utf8(in, n, out), SIZE_MAX, "case %zu behind %zu", k, before);
      cr_expect_eq(utf16_measure(in, n), SIZE_MAX, "case %zu behind %zu", k, before);
    }
}
