/* Values from text: what is one, what is none, and that nothing is rounded in silence. */
#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "parse.h"
#include "types.h"

#define N(text_) text_, strlen(text_)

Test(parse, integers) {
  int64_t v;
  cr_assert(parse_int(N("0"), &v) && v == 0);
  cr_assert(parse_int(N("9223372036854775807"), &v) && v == INT64_MAX);
  cr_assert(parse_int(N("-9223372036854775808"), &v) && v == INT64_MIN);
  static const char *const none[] = {"",    "-",   "+",   "9223372036854775808",    "-9223372036854775809", "1 ", " 1",
                                     "1.0", "1e3", "0x1", "12345678901234567890123"};
  for (size_t i = 0; i < sizeof none / sizeof *none; i++)
    cr_assert_not(parse_int(N(none[i]), &v), "%s", none[i]);
}

Test(parse, decimals) {
  __int128 v;
  cr_assert(parse_decimal(N("123.45"), 5, 2, &v) && v == 12345);
  cr_assert(parse_decimal(N("-0.5"), 5, 2, &v) && v == -50);
  cr_assert(parse_decimal(N("1.500"), 5, 2, &v) && v == 150);
  cr_assert(parse_decimal(N("7"), 38, 37, &v));
  cr_assert_not(parse_decimal(N("1.234"), 5, 2, &v), "nothing is rounded");
  cr_assert_not(parse_decimal(N("1234.5"), 5, 2, &v));
  cr_assert_not(parse_decimal(N("."), 5, 2, &v));
  cr_assert_not(parse_decimal(N("1.2.3"), 5, 2, &v));
  cr_assert_not(parse_decimal(N("10"), 38, 37, &v));
}

Test(parse, floats_are_the_nearest) {
  uint64_t seed = 12345;
  for (int i = 0; i < 100000; i++) {
    char text[64];
    double got;
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    int n =
        snprintf(text, sizeof text, "%lld.%0*llu", (long long)(seed >> 40) - 8000000, (int)(seed % 12 + 1), (unsigned long long)(seed >> 20 & 0xfff));
    cr_assert(parse_float(text, (size_t)n, &got));
    cr_assert_eq(memcmp(&got, &(double){strtod(text, NULL)}, sizeof got), 0, "%s", text);
  }
  double v;
  cr_assert(parse_float(N("nan"), &v) && isnan(v));
  cr_assert(parse_float(N("-Infinity"), &v) && isinf(v) && v < 0);
  cr_assert_not(parse_float(N("1e"), &v) || parse_float(N("0x1p3"), &v) || parse_float(N(""), &v));
}

Test(parse, floats_are_in_range) {
  double v;
  cr_assert(parse_float(N("1.7976931348623157e308"), &v) && v == DBL_MAX);
  cr_assert(parse_float(N("-4.9406564584124654e-324"), &v) && v < 0);
  cr_assert(parse_float(N("0e999"), &v) && v == 0);
  cr_assert_not(parse_float(N("1e309"), &v) || parse_float(N("-1e400"), &v) || parse_float(N("1e-400"), &v));
}

Test(parse, dates_and_times) {
  int64_t v;
  cr_assert(parse_date(N("2000-02-29"), &v) && v == 11016);
  cr_assert(parse_date(N("0001-01-01"), &v) && v == -719162);
  cr_assert_not(parse_date(N("1900-02-29"), &v) || parse_date(N("2026-13-01"), &v) || parse_date(N("2026-1-01"), &v) ||
                parse_date(N("0000-01-01"), &v));
  cr_assert(parse_timestamp(N("1970-01-01 00:00:01.5"), false, &v) && v == 1500000);
  cr_assert(parse_timestamp(N("1970-01-01T01:00:00+01:00"), true, &v) && v == 0);
  cr_assert(parse_timestamp(N("1969-12-31T23:59:59Z"), true, &v) && v == -1000000);
  cr_assert(parse_timestamp(N("1970-01-01T00:00:00.123456000"), false, &v) && v == 123456);
  cr_assert_not(parse_timestamp(N("1970-01-01T00:00:00.1234567"), false, &v), "finer than a microsecond");
  cr_assert_not(parse_timestamp(N("1970-01-01T00:00:00"), true, &v) || parse_timestamp(N("1970-01-01T00:00:00Z"), false, &v));
  cr_assert_not(parse_timestamp(N("1970-01-01T24:00:00"), false, &v));
  cr_assert(parse_time(N("23:59:59.999999"), &v) && v == 86399999999);
  cr_assert(parse_by_format(N("31.12.1969 23:00"), "%d.%m.%Y %H:%M", &v) && v == -3600000000);
  cr_assert_not(parse_by_format(N("31.02.2026"), "%d.%m.%Y", &v));
}

Test(types, guesses) {
  static const struct {
    const char *values[4];
    enum type_kind kind;
  } cases[] = {{{"1", "-2"}, TYPE_INT64},          {{"1", "0"}, TYPE_INT64},
               {{"true", "False"}, TYPE_BOOL},     {{"1", "2.5"}, TYPE_DECIMAL},
               {{"1", "2e5"}, TYPE_FLOAT64},       {{"007", "1"}, TYPE_TEXT},
               {{"+49", "1"}, TYPE_TEXT},          {{"2026-01-01", "2026-01-02"}, TYPE_DATE},
               {{"2026-01-01", "2026-01-02T10:00"}, TYPE_TIMESTAMP}, {{"2026-01-01T10:00:00Z"}, TYPE_TIMESTAMPTZ},
               {{"2026-01-01T10:00:00Z", "2026-01-01"}, TYPE_TEXT},  {{"1", "x"}, TYPE_TEXT},
               {{"9223372036854775808"}, TYPE_DECIMAL}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct guess g = {0};
    for (size_t k = 0; k < 4 && cases[i].values[k]; k++)
      guess_add(&g, N(cases[i].values[k]));
    cr_assert_eq(guess_type(&g).kind, cases[i].kind, "%s", cases[i].values[0]);
  }
}

Test(types, utf8) {
  cr_assert(text_is_utf8(N("plain")) && text_is_utf8("", 0) && text_is_utf8(N("\u00e4 \u20ac \U0001F600 and more of it")));
  static const char *const bad[] = {"\xff", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82", "abcdefgh\x80", "\xf8\x88\x80\x80\x80"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    cr_assert_not(text_is_utf8(N(bad[i])), "%zu", i);
  cr_assert_not(text_is_utf8("a\0b", 3));
}
