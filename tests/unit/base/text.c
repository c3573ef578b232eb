/* UTF-8 and paths. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/text.h"

Test(text, utf8) {
  static const char *const good[] = {"", "abc", "Grüße", "東京", "\xf0\x9f\x98\x80", "\xef\xbf\xbf", "\xf4\x8f\xbf\xbf"};
  for (size_t i = 0; i < sizeof good / sizeof *good; i++)
    cr_expect(text_is_utf8(good[i], strlen(good[i])), "%zu", i);
  static const char *const bad[] = {"\xff",
                                    "\xc3",
                                    "\xc0\xaf" /* overlong */,
                                    "\xe0\x80\xaf",
                                    "\xed\xa0\x80" /* surrogate */,
                                    "\xf4\x90\x80\x80" /* past the end */,
                                    "\x80",
                                    "a\xe2\x82",
                                    "Gr\xfc\xdf"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    cr_expect_not(text_is_utf8(bad[i], strlen(bad[i])), "%zu", i);
}

Test(text, width) {
  cr_expect_eq(text_width("abc"), 3);
  cr_expect_eq(text_width("Grüße"), 5);
  cr_expect_eq(text_width("東京"), 4);
  cr_expect_eq(text_width("e\xcc\x81"), 1); /* e and a combining accent */
  cr_expect_eq(text_width("\xf0\x9f\x98\x80"), 2);
  cr_expect_eq(text_width("\xff\xfe"), 2);
}

Test(text, paths) {
  struct arena *a = arena_new();
  cr_expect_str_eq(text_join(a, "/etc", "x.conf"), "/etc/x.conf");
  cr_expect_str_eq(text_join(a, "/etc/", "x.conf"), "/etc/x.conf");
  cr_expect_str_eq(text_join(a, "/etc", "/x.conf"), "/x.conf");
  cr_expect_str_eq(text_join(a, ".", "x"), "x");
  cr_expect_str_eq(text_dirname(a, "a/b/c"), "a/b");
  cr_expect_str_eq(text_dirname(a, "/c"), "/");
  cr_expect_str_eq(text_dirname(a, "c"), ".");
  cr_expect_str_eq(text_basename("a/b/c"), "c");
  cr_expect_str_eq(text_basename("c"), "c");
  cr_expect_str_eq(text_absolute(a, "/x"), "/x");
  const char *here = text_absolute(a, "x");
  cr_expect_eq(here[0], '/');
  cr_expect_str_eq(text_basename(here), "x");
  arena_free(a);
}

Test(text, within) {
  cr_expect_eq(text_within("Grüße", 3), 2);
  cr_expect_eq(text_within("Grüße", 4), 4);
  cr_expect_eq(text_within("ab", 9), 2);
}

Test(text, ends_at_a_letter) {
  static const char *const cut[] = {"ab", "ab\xc3", "ab\xe2\x82", "ab\xe6", "ab\xf0\x9f", "ab\xf0\x9f\x98"};
  for (size_t i = 0; i < sizeof cut / sizeof *cut; i++)
    cr_expect_eq(text_end(cut[i]), 2, "%zu", i);
  static const char *const whole[] = {"", "ü", "東", "\xf0\x9f\x98\x80", "\x80\x80\x80\x80"};
  for (size_t i = 0; i < sizeof whole / sizeof *whole; i++)
    cr_expect_eq(text_end(whole[i]), strlen(whole[i]), "%zu", i);
  cr_expect_eq(text_end("\xc3"), 0);
}

Test(text, mended) {
  cleanup_free char *mended = text_mended("Gr\xfc\xdf""e ü\0x", 10);
  cr_expect_str_eq(mended, "Gr??e ü?x");
  cr_expect(text_is_utf8(mended, strlen(mended)));
}

Test(text, same) {
  char copy[] = "a";
  cr_expect(text_same(NULL, NULL));
  cr_expect(text_same("a", copy));
  cr_expect_not(text_same("a", NULL));
  cr_expect_not(text_same(NULL, ""));
  cr_expect_not(text_same("a", "b"));
}
