/* Schedules. */
#include <criterion/criterion.h>

#include "conf/schedule.h"

Test(schedule, fields) {
  struct schedule s;
  struct err e;
  cr_assert_eq(schedule_parse("0,30 */6 1-5,31 jan-mar,12 1-5", &s, &e), 0);
  cr_expect_eq(s.minutes, 1ull | 1ull << 30);
  cr_expect_eq(s.hours, 1u | 1u << 6 | 1u << 12 | 1u << 18);
  cr_expect_eq(s.days, 0x3eu | 1u << 31);
  cr_expect_eq(s.months, 0xe | 1u << 12);
  cr_expect_eq(s.weekdays, 0x3e);
  cr_expect_not(s.any_day);
  cr_expect_not(s.any_weekday);
  cr_assert_eq(schedule_parse("5/20 * * * 7", &s, &e), 0);
  cr_expect_eq(s.minutes, 1ull << 5 | 1ull << 25 | 1ull << 45);
  cr_expect_eq(s.weekdays, 1, "7 is Sunday too");
  cr_assert_eq(schedule_parse("@hourly", &s, &e), 0);
  cr_expect_eq(s.minutes, 1);
  cr_expect_eq(s.hours, 0xffffff);
  cr_expect(s.any_day && s.any_weekday);
  cr_assert_eq(schedule_parse("  0   0 29 2 *  ", &s, &e), 0, "leap years exist");
  cr_expect_not(s.never);
  cr_assert_eq(schedule_parse("0 0 31 2 fri", &s, &e), 0, "every Friday in February, as in cron");
  cr_expect_not(s.never);
  cr_assert_eq(schedule_parse("0 0 * * sat-sun", &s, &e), 0);
  cr_expect_eq(s.weekdays, 0x41);
  cr_expect_eq(s.kind, SCHEDULE_CRON);
}

Test(schedule, last_days) {
  struct schedule s;
  struct err e;
  cr_assert_eq(schedule_parse("0 0 15,L 2 *", &s, &e), 0, "%s", e.message);
  cr_expect_eq(s.days, 1u << 15);
  cr_expect(s.last_day && !s.any_day && !s.never);
  cr_assert_eq(schedule_parse("0 0 L * *", &s, &e), 0);
  cr_expect_eq(s.days, 0);
  cr_assert_eq(schedule_parse("0 0 * * 5L,sunL,1", &s, &e), 0);
  cr_expect_eq(s.last_weekdays, 1u << 5 | 1);
  cr_expect_eq(s.weekdays, 2);
  cr_assert_eq(schedule_parse("0 0 * * 7L", &s, &e), 0);
  cr_expect_eq(s.last_weekdays, 1);
}

Test(schedule, without_fields) {
  struct schedule s;
  struct err e;
  cr_assert_eq(schedule_parse("@reboot", &s, &e), 0);
  cr_expect_eq(s.kind, SCHEDULE_REBOOT);
  cr_assert_eq(schedule_parse("every 1h30m", &s, &e), 0);
  cr_expect_eq(s.kind, SCHEDULE_EVERY);
  cr_expect_eq(s.every_ns, 5400ll * 1000000000);
  cr_expect_eq(schedule_parse("every 5", &s, &e), -1);
  cr_expect_str_eq(e.message, "'every' wants a duration, but '5' is not one; write for instance: every 5m");
  cr_expect_eq(schedule_parse("every 10ms", &s, &e), -1);
  cr_expect_str_eq(e.message, "'every 10ms' is too often: the shortest is 1s, the longest 366d");
  cr_expect_eq(schedule_parse("every 0", &s, &e), -1);
  cr_expect_eq(schedule_parse("every 400d", &s, &e), -1);
  cr_expect_eq(schedule_parse("every", &s, &e), -1);
}

Test(schedule, never) {
  static const char *const never[] = {"0 0 31 2 *", "0 0 30 feb *", "0 0 31 4,6,9,11 *"};
  for (size_t i = 0; i < sizeof never / sizeof *never; i++) {
    struct schedule s = {0};
    struct err e;
    cr_expect_eq(schedule_parse(never[i], &s, &e), 0);
    cr_expect(s.never, "%s", never[i]);
  }
}

Test(schedule, mistakes) {
  static const char *const bad[] = {"",
                                    "* * * *",
                                    "* * * * * *",
                                    "60 * * * *",
                                    "* 24 * * *",
                                    "* * 0 * *",
                                    "* * * 13 *",
                                    "* * * * 8",
                                    "*/0 * * * *",
                                    "5-1 * * * *",
                                    "a * * * *",
                                    "1, * * * *",
                                    "*/99 * * * *",
                                    "1-2-3 * * * *",
                                    "@sometimes",
                                    "-5 * * * *",
                                    "L * * * *",
                                    "0 0 5L * *",
                                    "0 0 * * L",
                                    "0 0 * L *",
                                    "0 0 * * 1-5L",
                                    "0 0 Lx * *",
                                    "99999999999999999999 * * * *",
                                    "* * * januar *",
                                    "** * * * *",
                                    "@"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    struct schedule s;
    struct err e = {0};
    cr_expect_eq(schedule_parse(bad[i], &s, &e), -1, "%s", bad[i]);
    cr_expect_neq(e.message[0], '\0');
  }
  struct schedule s;
  struct err e;
  schedule_parse("@hourli", &s, &e);
  cr_expect_str_eq(e.message, "'@hourli' is no schedule; did you mean '@hourly'?");
}
