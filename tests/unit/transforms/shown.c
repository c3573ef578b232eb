/* Text as messages hold it: cut between characters, on one line, always UTF-8. */
#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>

#include "shown.h"

static void is(size_t size, const char *text, size_t n, const char *want) {
  char to[64];
  memset(to, '#', sizeof to);
  cr_assert_str_eq(shown_text(to, size, (struct etl_bytes){text, n}), want, "%s", to);
  cr_assert_eq(to[size], '#');
}

Test(shown, text) {
  is(16, "", 0, "");
  is(16, NULL, 0, "");
  is(16, "plain", 5, "plain");
  is(16, "a\nb\tc\0d\x7f", 8, "a b c d ");
  is(16, "h\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 10, "h\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
  is(32, "\xff\xc3", 2, "\\xff\\xc3");
}

Test(shown, cut) {
  is(16, "123456789012345", 15, "123456789012345");
  is(16, "1234567890123456", 16, "123456789012...");
  is(16, "12345678901\xe2\x82\xac\xe2\x82\xac", 17, "12345678901...");
  is(16, "\xff\xff\xff\xff", 4, "\\xff\\xff\\xff...");
}

Test(shown, utf8) {
  static const struct {
    const char *text;
    bool ok;
  } cases[] = {{"", true},
               {"a\xc3\xa9", true},
               {"\xc3", false},
               {"\x80", false},
               {"\xc0\xaf", false},
               {"\xe0\x80\xaf", false},
               {"\xed\xa0\x80", false},
               {"\xf4\x90\x80\x80", false},
               {"\xf5", false},
               {"\xf4\x8f\xbf\xbf", true},
               {"\xed\x9f\xbf", true},
               {"\xe2\x82", false},
               {"\xf0\x80\x80\x80", false}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    cr_assert_eq(shown_is_utf8((struct etl_bytes){cases[i].text, strlen(cases[i].text)}), cases[i].ok, "case %zu", i);
}
