/* Numbers, times and foreign texts for people. */
#include <criterion/criterion.h>

#include "base/text.h"
#include "cli/words.h"

static struct arena *a;
static void begin(void) { a = arena_new(); }
static void end(void) { arena_free(a); }
TestSuite(words, .init = begin, .fini = end);

Test(words, numbers) {
  cr_expect_str_eq(words_number(a, 0), "0");
  cr_expect_str_eq(words_number(a, 999), "999");
  cr_expect_str_eq(words_number(a, 1000), "1,000");
  cr_expect_str_eq(words_number(a, -123456), "-123,456");
  cr_expect_str_eq(words_number(a, INT64_MIN), "-9,223,372,036,854,775,808");
  cr_expect_str_eq(words_count(a, 1, "row"), "1 row");
  cr_expect_str_eq(words_count(a, 0, "row"), "0 rows");
  cr_expect_str_eq(words_count(a, 12345, "lane"), "12,345 lanes");
}

Test(words, times_and_sizes) {
  static const struct {
    double seconds;
    const char *text;
  } times[] = {{0, "0ms"},         {0.0404, "40ms"},  {0.9994, "999ms"}, {0.9996, "1.0s"}, {9.94, "9.9s"},
               {9.96, "10s"},      {59.4, "59s"},     {59.6, "1m00s"},   {125, "2m05s"},   {3599.6, "1h00m"},
               {86399.7, "1d00h"}, {439200, "5d02h"}, {-1, "?"},         {0.0 / 0.0, "?"}, {1e300, "?"}};
  for (size_t i = 0; i < sizeof times / sizeof *times; i++)
    cr_expect_str_eq(words_seconds(a, times[i].seconds), times[i].text, "%g: %s", times[i].seconds,
                     words_seconds(a, times[i].seconds));
  cr_expect_str_eq(words_bytes(a, 1023), "1023 B");
  cr_expect_str_eq(words_bytes(a, 1536), "1.5 KiB");
  cr_expect_str_eq(words_bytes(a, 61132513), "58.3 MiB");
  cr_expect_str_eq(words_bytes(a, INT64_MAX), "8388608.0 TiB");
}

Test(words, nothing_that_steers_the_terminal) {
  cr_expect_str_eq(words_clean(a, "a\033[2Jb\r\n\x7f"
                                  "c"),
                   "a [2Jb   c");
  cr_expect_str_eq(words_clean(a, "x\xc2\x9b"
                                  "1my"),
                   "x 1my", "C1 control characters are some too");
  cr_expect_str_eq(words_clean(a, "Zoë 東京"), "Zoë 東京");
  cr_expect_str_eq(words_clean(a, NULL), "");
}

Test(words, cut_to_columns) {
  cr_expect_str_eq(words_fit_tail(a, "dbo.t/eu1", 9), "dbo.t/eu1");
  cr_expect_str_eq(words_fit_tail(a, "dbo.t/eu1", 5), "…/eu1");
  cr_expect_str_eq(words_fit_head(a, "dbo.t/eu1", 5), "dbo.…");
  cr_expect_str_eq(words_fit_tail(a, "dbo.t/eu1", 1), "…");
  cr_expect_str_eq(words_fit_tail(a, "dbo.t/eu1", 0), "");
  cr_expect_str_eq(words_fit_head(a, "東京都", 4), "東…", "a wide letter is not cut in two");
  cr_expect_str_eq(words_fit_tail(a, "東京都", 4), "…都");
  for (size_t columns = 0; columns < 20; columns++) {
    cr_expect_leq(text_width(words_fit_tail(a, "ab東cd京ef都/é́x", columns)), columns);
    cr_expect_leq(text_width(words_fit_head(a, "ab東cd京ef都/é́x", columns)), columns);
  }
}

Test(words, when_it_was_or_will_be) {
  const int64_t now = words_time("2026-03-01T12:00:00Z");
  cr_expect_eq(now, 1772366400000000000);
  cr_expect_str_eq(words_when(a, "2026-03-01T11:59:59.5Z", now), "just now");
  cr_expect_str_eq(words_when(a, "2026-03-01T11:56:55Z", now), "3m05s ago");
  cr_expect_str_eq(words_when(a, "2026-03-01T12:00:12.9Z", now), "in 12s");
  cr_expect_str_eq(words_when(a, "2026-03-02T14:00:00Z", now), "in 1d02h");
  cr_expect_str_eq(words_when(a, NULL, now), "");
  cr_expect_str_eq(words_when(a, "soon", now), "");
}

Test(words, colours_are_for_terminals) {
  FILE *f = tmpfile();
  cr_expect_str_eq(colours_of(f)->bad, "");
  cr_expect_not(words_is_terminal(f));
  fclose(f);
}
