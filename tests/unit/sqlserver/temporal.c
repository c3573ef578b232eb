/* Dates and times as exact ticks and as text. */
#include <criterion/criterion.h>

#include "temporal.h"

static void expect(int64_t ticks, int digits, const char *want) {
  char got[TEMPORAL_TEXT_BYTES];
  temporal_text(ticks, digits, got, sizeof got);
  cr_expect_str_eq(got, want);
}

Test(temporal, epoch_and_its_eve) {
  expect(0, 7, "1970-01-01T00:00:00.0000000");
  expect(-1, 7, "1969-12-31T23:59:59.9999999");
  expect(TICKS_PER_DAY - 1, 3, "1970-01-01T23:59:59.999");
}

Test(temporal, ends_of_the_calendar) {
  expect(temporal_ticks(-693595, 0), 0, "0001-01-01T00:00:00");
  expect(temporal_ticks(2958463, TICKS_PER_DAY - 1), 7, "9999-12-31T23:59:59.9999999");
}

Test(temporal, leap_days) {
  expect(temporal_ticks(36583, 0), 0, "2000-02-29T00:00:00");
  expect(temporal_ticks(36584, 0), 0, "2000-03-01T00:00:00");
  expect(temporal_ticks(59, 0), 0, "1900-03-01T00:00:00"); /* 1900 had none */
}

Test(temporal, the_seventh_digit_stays) {
  expect(temporal_ticks(45411, INT64_C(360001234567)), 7, "2024-05-01T10:00:00.1234567");
  expect(temporal_ticks(45411, INT64_C(360001234567)), 6, "2024-05-01T10:00:00.123456");
  expect(temporal_ticks(45411, INT64_C(360001234567)), 0, "2024-05-01T10:00:00");
}

Test(temporal, datetime_as_the_server_prints_it) {
  static const char *const want[] = {"1900-01-01T00:00:00.000", "1900-01-01T00:00:00.003", "1900-01-01T00:00:00.007",
                                     "1900-01-01T00:00:00.010"};
  for (int i = 0; i < 4; i++)
    expect(temporal_datetime_ticks(0, i), 3, want[i]);
  expect(temporal_datetime_ticks(0, 86400 * 300 - 1), 3, "1900-01-01T23:59:59.997");
  expect(temporal_datetime_ticks(-53690, 0), 3, "1753-01-01T00:00:00.000");
}

Test(temporal, dates_and_times_alone) {
  char got[TEMPORAL_TEXT_BYTES];
  temporal_date_text(-1, got, sizeof got);
  cr_expect_str_eq(got, "1969-12-31");
  temporal_time_text(TICKS_PER_DAY - 1, 7, got, sizeof got);
  cr_expect_str_eq(got, "23:59:59.9999999");
}
