/* Durations and sizes: what is read, what is refused, and that what is printed reads back. */
#include <criterion/criterion.h>

#include "base/units.h"

struct good {
  const char *text;
  int64_t value;
};

Test(units, durations) {
  static const struct good good[] = {{"250ms", 250 * NS_PER_MS},
                                     {"10s", 10 * NS_PER_SEC},
                                     {"5m", 300 * NS_PER_SEC},
                                     {"2h", 7200 * NS_PER_SEC},
                                     {"1d", 86400 * NS_PER_SEC},
                                     {"0", 0},
                                     {"0s", 0},
                                     {"1h30m", 5400 * NS_PER_SEC},
                                     {"1.5s", 1500 * NS_PER_MS},
                                     {"1h 30m", 5400 * NS_PER_SEC},
                                     {"10 s", 10 * NS_PER_SEC},
                                     {"7us", 7000},
                                     {"3ns", 3},
                                     {"106751d", 106751ll * 86400 * NS_PER_SEC}};
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
    int64_t ns = -1;
    cr_expect_eq(units_parse_duration(good[i].text, &ns), 0, "%s", good[i].text);
    cr_expect_eq(ns, good[i].value, "%s", good[i].text);
  }
}

Test(units, no_durations) {
  static const char *const bad[] = {
      "", "10", "s", "-5s", "5 parsecs", "1h30", "1..5s", "10s!", "9999999999d", "99999999999999999999s", "1e3s", ".5s"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    int64_t ns = 77;
    cr_expect_eq(units_parse_duration(bad[i], &ns), -1, "%s", bad[i]);
    cr_expect_eq(ns, 77, "%s must leave the result alone", bad[i]);
  }
}

Test(units, sizes) {
  static const struct good good[] = {
      {"64KiB", 65536},     {"16MiB", 16 << 20}, {"1GiB", 1ll << 30}, {"2TiB", 2ll << 40}, {"1.5MiB", 3 << 19},
      {"10KB", 10000},      {"3MB", 3000000},    {"1GB", 1000000000}, {"4096", 4096},      {"0", 0},
      {"16 mib", 16 << 20}, {"12B", 12}};
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
    int64_t n = -1;
    cr_expect_eq(units_parse_size(good[i].text, &n), 0, "%s", good[i].text);
    cr_expect_eq(n, good[i].value, "%s", good[i].text);
  }
  static const char *const bad[] = {"", "MiB", "-1", "16MiBs", "1MiB1KiB", "9999999TiB", "16 M B"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    int64_t n;
    cr_expect_eq(units_parse_size(bad[i], &n), -1, "%s", bad[i]);
  }
}

Test(units, printed_and_read_back) {
  static const int64_t values[] = {
      0, 1, 999, 1000, 1500000, 250 * NS_PER_MS, 90 * NS_PER_SEC, 5400 * NS_PER_SEC, 86400 * NS_PER_SEC + 1, INT64_MAX};
  char buf[UNITS_TEXT];
  for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
    int64_t back = -1;
    cr_expect_eq(units_parse_duration(units_print_duration(buf, values[i]), &back), 0, "%s", buf);
    cr_expect_eq(back, values[i], "%s", buf);
    cr_expect_eq(units_parse_size(units_print_size(buf, values[i]), &back), 0, "%s", buf);
    cr_expect_eq(back, values[i], "%s", buf);
  }
  cr_expect_str_eq(units_print_duration(buf, 5400 * NS_PER_SEC), "1h30m");
  cr_expect_str_eq(units_print_duration(buf, INT64_MIN), "-106751d23h47m16s854ms775us808ns");
  cr_expect_str_eq(units_print_wait(buf, 10 * NS_PER_SEC + NS_PER_MS), "in 10s");
  cr_expect_str_eq(units_print_wait(buf, 4 * NS_PER_MS), "now");
  cr_expect_str_eq(units_print_wait(buf, -NS_PER_SEC), "now");
  cr_expect_str_eq(units_print_wait(buf, INT64_MAX), "in 106751d23h47m16s850ms");
  cr_expect_str_eq(units_print_size(buf, 65536), "64KiB");
  cr_expect_str_eq(units_print_size(buf, 65537), "65537");
}
