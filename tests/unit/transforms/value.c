/* Values: what is printed is read back the same. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "value.h"

static const char *print(const struct value *v, char *buf) {
  buf[value_print(v, buf)] = 0;
  return buf;
}

Test(value, every_day_of_four_centuries_prints_and_reads) {
  char buf[VALUE_TEXT_BYTES + 1];
  for (int64_t day = -719162; day < -719162 + 146097 * 6; day += day % 1000 ? 1 : 13) {
    struct value v = {.kind = VALUE_DATE, .t = day}, back;
    print(&v, buf);
    cr_assert_null(value_scan_date((struct etl_bytes){buf, strlen(buf)}, &back), "%s", buf);
    cr_assert_eq(back.t, day, "%s", buf);
  }
}

Test(value, times_print_and_read) {
  char buf[VALUE_TEXT_BYTES + 1];
  uint64_t seed = 1;
  for (int i = 0; i < 20000; i++) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    struct value v = {.kind = VALUE_STAMP, .per_second = 1000000, .zoned = i & 1, .t = (int64_t)(seed >> 8) % 60000000000000000},
                 back;
    v.t = i & 2 ? -v.t : v.t;
    print(&v, buf);
    cr_assert_null(value_scan_stamp((struct etl_bytes){buf, strlen(buf)}, &back), "%s", buf);
    cr_assert(back.t == v.t && back.zoned == v.zoned, "%s", buf);
  }
}

Test(value, extremes_fit_their_buffer) {
  static const int64_t units[] = {1, 1000, 1000000, 1000000000};
  char buf[VALUE_TEXT_BYTES + 1];
  for (size_t i = 0; i < 4; i++)
    for (int sign = 0; sign < 2; sign++) {
      struct value v = {.kind = VALUE_STAMP, .per_second = units[i], .zoned = true, .t = sign ? INT64_MAX : INT64_MIN};
      cr_assert(value_print(&v, buf) < VALUE_TEXT_BYTES);
    }
  struct value n = {.kind = VALUE_NUMBER, .number = (__int128)1 << 126, .scale = -38};
  cr_assert(value_print(&n, buf) < VALUE_TEXT_BYTES);
}

Test(value, decimals) {
  static const struct {
    const char *text, *want;
    int32_t scale;
  } cases[] = {{"0", "0", 0},
               {"-0", "0", 0},
               {"000.10", "0.10", 2},
               {"-.5", "-0.5", 1},
               {"5.", "5", 0},
               {"+1e-3", "0.001", 3},
               {"12.5E1", "125", 0},
               {"-0.001", "-0.001", 3},
               {"99999999999999999999999999999999999999", "99999999999999999999999999999999999999", 0}};
  char buf[VALUE_TEXT_BYTES + 1];
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct value v;
    cr_assert_null(value_scan_number((struct etl_bytes){cases[i].text, strlen(cases[i].text)}, &v), "%s", cases[i].text);
    cr_assert_str_eq(print(&v, buf), cases[i].want);
    cr_assert_eq(v.scale, cases[i].scale);
  }
}

Test(value, rescale_rounds_half_away_from_zero) {
  static const struct {
    long long from;
    int32_t scale, to;
    long long want;
  } cases[] = {{15, 1, 0, 2}, {-15, 1, 0, -2}, {14, 1, 0, 1}, {-14, 1, 0, -1}, {149, 2, 0, 1},  {999, 2, 1, 100},
               {5, 1, 0, 1},  {-5, 1, 0, -1},  {4, 1, 0, 0},  {9, 5, 0, 0},    {7, 0, 3, 7000}, {0, 0, 38, 0}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    __int128 r;
    cr_assert(value_rescale(cases[i].from, cases[i].scale, cases[i].to, &r));
    cr_assert_eq((long long)r, cases[i].want, "%lld scale %d to %d", cases[i].from, cases[i].scale, cases[i].to);
  }
  __int128 r;
  cr_assert(!value_rescale(1, 0, 38, &r));
  cr_assert(value_rescale(1, 0, 37, &r));
  cr_assert(!value_rescale((__int128)1 << 126, 0, 30, &r));
}
