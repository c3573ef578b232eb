/* Ranges cut in windows: every value is in exactly one of them. */
#include <criterion/criterion.h>

#include "base/moment.h"
#include "engine/ranges.h"

static struct arena *arena;
static void make(void) { arena = arena_new(); }
static void drop(void) { arena_free(arena); }
TestSuite(ranges, .init = make, .fini = drop);

/* "1..11 11..21" */
static const char *cut(const char *from, const char *to, const char *window) {
  struct range *list;
  size_t n;
  struct err e;
  const char *text = "";
  if (ranges_cut(from, to, window, arena, &list, &n, &e) < 0)
    return arena_strdup(arena, e.message);
  for (size_t i = 0; i < n; i++)
    text = arena_printf(arena, "%s%s%s..%s", text, i ? " | " : "", list[i].from ? list[i].from : "", list[i].to ? list[i].to : "");
  return text;
}

Test(ranges, without_a_window_it_is_what_was_typed) {
  cr_expect_str_eq(cut("2024-1-1", "whatever", NULL), "2024-1-1..whatever");
  cr_expect_str_eq(cut("7", NULL, NULL), "7..");
  cr_expect_str_eq(cut(NULL, "7", NULL), "..7");
}

Test(ranges, numbers) {
  cr_expect_str_eq(cut("1", "25", "10"), "1..11 | 11..21 | 21..25");
  cr_expect_str_eq(cut("-5", "5", "5"), "-5..0 | 0..5");
  cr_expect_str_eq(cut("9223372036854775800", "9223372036854775807", "100"), "9223372036854775800..9223372036854775807");
  cr_expect_str_eq(cut("-9223372036854775808", "9223372036854775807", "9223372036854775807"),
                   "-9223372036854775808..-1 | -1..9223372036854775806 | 9223372036854775806..9223372036854775807");
  cr_expect(strstr(cut("5", "5", NULL), "there is nothing in --range 5,5"));
  cr_expect(strstr(cut("1", "5", "0"), "no number above 0"));
  cr_expect(strstr(cut("0", "9000000000", "1"), "more than 100000 windows"));
}

Test(ranges, dates_and_timestamps) {
  cr_expect_str_eq(cut("2024-02-27", "2024-03-02", "2d"), "2024-02-27..2024-02-29 | 2024-02-29..2024-03-02");
  cr_expect_str_eq(cut("2023-12-31", "2024-01-01", "12h"), "2023-12-31..2023-12-31T12:00:00 | 2023-12-31T12:00:00..2024-01-01");
  cr_expect_str_eq(cut("2024-05-01 10:00", "2024-05-01 10:00:02.5", "1500ms"),
                   "2024-05-01 10:00:00..2024-05-01 10:00:01.5 | 2024-05-01 10:00:01.5..2024-05-01 10:00:02.5");
  cr_expect_str_eq(cut("2024-05-01T23:00:00Z", "2024-05-02T01:00:00Z", "1h"),
                   "2024-05-01T23:00:00Z..2024-05-02T00:00:00Z | 2024-05-02T00:00:00Z..2024-05-02T01:00:00Z");
  cr_expect(strstr(cut("2024-05-02", "2024-05-01", "1d"), "there is nothing in"));
  cr_expect(strstr(cut("2024-05-01", "2024-05-02", "10"), "--window 10 is no duration"));
  cr_expect(strstr(cut("2024-05-01", NULL, "1d"), "needs a range with both ends"));
  cr_expect(strstr(cut("2024-05-01", "7", "1d"), "needs a range with both ends"));
}

Test(ranges, moments) {
  static const char *const none[] = {"", "2024", "2024-13-01", "2024-02-30", "2023-02-29", "0000-01-01", "2024-01-01T", "2024-01-01 24:00",
                                     "2024-01-01 10", "2024-01-01 10:00:60", "2024-01-01 10:00:00.", "2024-01-01 10:00:00.1234567890", "2024-01-01x"};
  struct moment m;
  for (size_t i = 0; i < sizeof none / sizeof *none; i++)
    cr_expect_eq(moment_parse(none[i], &m), -1, "%s", none[i]);
  static const char *const same[] = {"0001-01-01", "1600-02-29", "1970-01-01", "1969-12-31 23:59:59.999999999", "9999-12-31T23:59:59Z"};
  for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
    cr_expect_eq(moment_parse(same[i], &m), 0, "%s", same[i]);
    cr_expect_str_eq(moment_print(&m, arena), same[i]);
  }
  cr_expect_eq(moment_parse("1970-01-02", &m), 0);
  cr_expect_eq(m.seconds, 86400);
}
