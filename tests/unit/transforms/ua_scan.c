/* The scan against memmem(). */
#include <criterion/criterion.h>
#include <ctype.h>
#include <stdlib.h>

#include "ua_scan.h"

static const char *const literals[] = {"he", "she", "his", "hers", "e", "hershey", "\xc3\xa9", "aaa", "aa", "bot/"};
enum {
  LITERALS = sizeof literals / sizeof *literals
};

static bool in(const char *text, const char *literal) {
  char lower[256];
  size_t n = strlen(text);
  for (size_t i = 0; i < n; i++)
    lower[i] = (char)tolower((unsigned char)text[i]);
  return memmem(lower, n, literal, strlen(literal)) != NULL;
}

Test(ua_scan, finds_what_is_there) {
  static const char *const texts[] = {"",   "ushers", "HERSHEY", "xhisx", "caf\xc3\xa9", "aAaa",
                                      "aa", "a",      "robot/1", "bot",   "hershe",      "shershishers"};
  struct ua_scan *s = ua_scan_new();
  for (uint32_t i = 0; i < LITERALS; i++)
    cr_assert_eq(ua_scan_add(s, literals[i], strlen(literals[i]), 100 + i), 0);
  cr_assert_eq(ua_scan_add(s, "his", 3, 5), 0); /* a second mark of one literal */
  cr_assert_eq(ua_scan_finish(s), 0);
  void *seen = malloc(ua_scan_seen_bytes(s));
  for (size_t t = 0; t < sizeof texts / sizeof *texts; t++) {
    uint64_t bits[2] = {0};
    ua_scan_text(s, texts[t], strlen(texts[t]), bits, seen);
    for (uint32_t i = 0; i < LITERALS; i++)
      cr_assert_eq(bits[(100 + i) >> 6] >> ((100 + i) & 63) & 1, in(texts[t], literals[i]), "%s in %s", literals[i], texts[t]);
    cr_assert_eq(bits[0] >> 5 & 1, in(texts[t], "his"));
  }
  free(seen);
  ua_scan_free(s);
}

Test(ua_scan, agrees_with_memmem_on_random_texts) {
  struct ua_scan *s = ua_scan_new();
  char made[300][6], text[200];
  unsigned seed = 7;
  for (uint32_t i = 0; i < 300; i++) {
    size_t n = 1 + (seed = seed * 1103515245 + 12345) / 65536 % 5;
    for (size_t k = 0; k < n; k++)
      made[i][k] = (char)('a' + (seed = seed * 1103515245 + 12345) / 65536 % 3);
    made[i][n] = 0;
    cr_assert_eq(ua_scan_add(s, made[i], n, i), 0);
  }
  cr_assert_eq(ua_scan_finish(s), 0);
  void *seen = malloc(ua_scan_seen_bytes(s));
  for (int t = 0; t < 300; t++) {
    uint64_t bits[5] = {0};
    size_t n = (seed = seed * 1103515245 + 12345) / 65536 % 12;
    for (size_t k = 0; k < n; k++)
      text[k] = (char)('a' + (seed = seed * 1103515245 + 12345) / 65536 % 3);
    text[n] = 0;
    ua_scan_text(s, text, n, bits, seen);
    for (uint32_t i = 0; i < 300; i++)
      cr_assert_eq(bits[i >> 6] >> (i & 63) & 1, in(text, made[i]), "%s in %s", made[i], text);
  }
  free(seen);
  ua_scan_free(s);
}
