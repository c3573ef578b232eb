/* The civil calendar against one that counts day by day. */
#include <criterion/criterion.h>

#include "etl/sdk.h"

enum { EPOCH = 719162 /* from 0001-01-01 to 1970-01-01 */, ERA_DAYS = 146097 };

static bool is(struct etl_civil c, int64_t year, int month, int day) { return c.year == year && c.month == month && c.day == day; }

static int month_days(int64_t year, int month) {
  bool leap = year % 400 == 0 || (year % 100 != 0 && year % 4 == 0);
  return month == 2 ? 28 + leap : month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

/* Every day from the year -4800 to 12000, each one after the one before it. */
Test(civil, day_by_day) {
  int64_t year = -4800, days = -EPOCH - (4801 * 365 + 1201 - 49 + 13); /* 4801 years before the year 1, with their leap days */
  int month = 1, day = 1;
  for (; year <= 12000; days++) {
    if (!is(etl_civil_from_days(days), year, month, day) || etl_days_from_civil(year, month, day) != days)
      cr_assert_fail("day %lld is not %lld-%d-%d", (long long)days, (long long)year, month, day);
    if (!etl_civil_valid(year, month, day))
      cr_assert_fail("%lld-%d-%d is there", (long long)year, month, day);
    if (++day <= month_days(year, month))
      continue;
    if (etl_civil_valid(year, month, day) || etl_days_from_civil(year, month, day) != days + 1)
      cr_assert_fail("%lld-%d-%d is not there, and counts on", (long long)year, month, day);
    day = 1;
    if (++month > 12) {
      if (etl_days_from_civil(year, month, day) != days + 1 || etl_days_from_civil(year + 1, 0, 31) != days)
        cr_assert_fail("the months beside the year %lld", (long long)year);
      month = 1;
      year++;
    }
  }
}

Test(civil, known_days) {
  static const struct { int64_t days, year; int month, day; } known[] = {
    {0, 1970, 1, 1},         {-1, 1969, 12, 31},    {11016, 2000, 2, 29},   {-EPOCH, 1, 1, 1},          {-EPOCH - 1, 0, 12, 31},
    {-719468, 0, 3, 1},      {-719469, 0, 2, 29},   {-719528, 0, 1, 1},     {-719529, -1, 12, 31},      {2932896, 9999, 12, 31},
    {-735525, -44, 3, 15},   {-25567, 1900, 1, 1},  {INT32_MAX, 5881580, 7, 11}, {INT32_MIN, -5877641, 6, 23}};
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    cr_expect(is(etl_civil_from_days(known[i].days), known[i].year, known[i].month, known[i].day), "day %lld", (long long)known[i].days);
    cr_expect_eq(etl_days_from_civil(known[i].year, known[i].month, known[i].day), known[i].days, "day %lld", (long long)known[i].days);
  }
}

/* What no calendar holds is still counted without overflow, and 400 years later it is the same day of the year. */
Test(civil, far_away) {
  for (int64_t days = INT64_MIN / ERA_DAYS * ERA_DAYS; days < 0; days /= 10) {
    struct etl_civil c = etl_civil_from_days(days), later = etl_civil_from_days(days + ERA_DAYS);
    cr_expect(is(later, c.year + 400, c.month, c.day), "day %lld", (long long)days);
    struct etl_civil ahead = etl_civil_from_days(-(days + 1));
    cr_expect(ahead.month >= 1 && ahead.month <= 12 && ahead.day >= 1 && ahead.day <= 31, "day %lld", (long long)-(days + 1));
  }
  struct etl_civil first = etl_civil_from_days(INT64_MIN), last = etl_civil_from_days(INT64_MAX);
  cr_expect(is(first, INT64_C(-25252734927764585), 6, 7), "%lld-%d-%d", (long long)first.year, first.month, first.day);
  cr_expect(is(last, INT64_C(25252734927768524), 7, 27), "%lld-%d-%d", (long long)last.year, last.month, last.day);
  cr_expect_eq(etl_days_from_civil(INT64_C(1) << 53, 1, 1) - etl_days_from_civil((INT64_C(1) << 53) - 400, 1, 1), ERA_DAYS);
}

Test(civil, no_days) {
  static const int none[][3] = {{2023, 2, 29}, {1900, 2, 29}, {2024, 2, 30}, {2024, 0, 1}, {2024, 13, 1}, {2024, -1, 1}, {2024, 4, 31}, {2024, 1, 0}, {2024, 1, -5}};
  for (size_t i = 0; i < sizeof none / sizeof *none; i++)
    cr_expect_not(etl_civil_valid(none[i][0], none[i][1], none[i][2]), "%d-%d-%d", none[i][0], none[i][1], none[i][2]);
}
