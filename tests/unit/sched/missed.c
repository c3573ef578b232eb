/* Times that passed while the host was down, and jitter. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "base/units.h"
#include "sched/missed.h"

static struct conf_pipeline pipeline(const char *schedule, int64_t catch_up) {
  struct conf_pipeline p = {.name = "p", .zone = &zone_utc, .catch_up = catch_up};
  struct err e;
  cr_assert_eq(schedule_parse(schedule, &p.when, &e), 0, "%s", e.message);
  return p;
}

static int64_t at(const char *text) {
  int64_t ns;
  cr_assert_eq(zone_parse(&zone_utc, text, &ns), 0);
  return ns;
}

static struct sched_missed missed(const struct conf_pipeline *p, const char *last, const char *now, struct arena *a) {
  struct sched_missed m;
  sched_missed(p, at(last), at(now), a, &m);
  return m;
}

Test(missed, as_catch_up_says) {
  struct arena *a = arena_new();
  struct conf_pipeline p = pipeline("@hourly", CATCH_UP_ALL);
  struct sched_missed m = missed(&p, "2026-01-01 10:00", "2026-01-01 13:00", a);
  cr_assert_eq(m.n, 3);
  cr_expect_eq(m.due_ns[0], at("2026-01-01 11:00"));
  cr_expect_eq(m.due_ns[2], at("2026-01-01 13:00"), "now is over, too");
  cr_expect(m.passed == 3 && !m.more);
  p.catch_up = CATCH_UP_LATEST;
  m = missed(&p, "2026-01-01 10:00", "2026-01-01 12:59", a);
  cr_assert_eq(m.n, 1);
  cr_expect_eq(m.due_ns[0], at("2026-01-01 12:00"));
  cr_expect_eq(m.passed, 2);
  p.catch_up = CATCH_UP_NONE;
  m = missed(&p, "2026-01-01 10:00", "2026-01-01 12:59", a);
  cr_expect(m.n == 0 && m.passed == 2);
  p.interval = true;
  m = missed(&p, "2026-01-01 10:00", "2026-01-01 12:59", a);
  cr_expect_eq(m.n, 2, "each window is due");
  p.catch_up = CATCH_UP_LATEST;
  p.interval = false;
  m = missed(&p, "2026-01-01 10:00", "2026-01-01 10:59", a);
  cr_expect(m.n == 0 && m.passed == 0 && !m.more);
  m = missed(&p, "2026-01-02 10:00", "2026-01-01 10:00", a);
  cr_expect(m.n == 0, "a clock that was set back");
  arena_free(a);
}

Test(missed, between_start_and_end) {
  struct arena *a = arena_new();
  struct conf_pipeline p = pipeline("@daily", CATCH_UP_ALL);
  p.start_at_ns = at("2026-01-03");
  p.end_at_ns = at("2026-01-06");
  struct sched_missed m = missed(&p, "2026-01-01", "2026-02-01", a);
  cr_assert_eq(m.n, 3);
  cr_expect_eq(m.due_ns[0], at("2026-01-03"));
  cr_expect_eq(m.due_ns[2], at("2026-01-05"));
  arena_free(a);
}

Test(missed, no_more_than_can_be_made_up) {
  struct arena *a = arena_new();
  struct conf_pipeline p = pipeline("every 1s", CATCH_UP_ALL);
  struct sched_missed m = missed(&p, "2016-01-01", "2026-01-01", a); /* 300 million */
  cr_assert_eq(m.n, SCHED_MISSED_MAX);
  cr_expect(m.more);
  cr_expect_eq(m.due_ns[SCHED_MISSED_MAX - 1], at("2026-01-01"), "the newest");
  cr_expect_eq(m.due_ns[0], at("2026-01-01") - (SCHED_MISSED_MAX - 1) * NS_PER_SEC);
  p = pipeline("* * * * *", CATCH_UP_LATEST);
  m = missed(&p, "1990-01-01", "2026-01-01 00:00:30", a);
  cr_assert_eq(m.n, 1);
  cr_expect_eq(m.due_ns[0], at("2026-01-01"));
  cr_expect(m.more && m.passed == SCHED_MISSED_COUNTED, "the others are not counted");
  p = pipeline("every 1s", CATCH_UP_ALL);
  m = missed(&p, "2026-01-01 00:00:00", "2026-01-01 02:46:40", a);
  cr_expect(m.n == SCHED_MISSED_MAX && !m.more, "exactly as many");
  m = missed(&p, "2026-01-01 00:00:00", "2026-01-01 02:46:41", a);
  cr_expect(m.n == SCHED_MISSED_MAX && m.more);
  p = pipeline("@yearly", CATCH_UP_ALL);
  m = missed(&p, "1970-01-01", "2026-01-01", a);
  cr_expect_eq(m.n, 56);
  arena_free(a);
}

Test(jitter, by_name_and_time) {
  int64_t most = 0, least = INT64_MAX;
  for (int i = 0; i < 10000; i++) {
    char name[32];
    snprintf(name, sizeof name, "pipeline_%d", i);
    int64_t j = sched_jitter_ns(name, 1000, 30 * NS_PER_SEC);
    cr_assert(j >= 0 && j < 30 * NS_PER_SEC);
    cr_assert_eq(j, sched_jitter_ns(name, 1000, 30 * NS_PER_SEC));
    most = j > most ? j : most;
    least = j < least ? j : least;
  }
  cr_expect(most > 29 * NS_PER_SEC && least < NS_PER_SEC);
  cr_expect_neq(sched_jitter_ns("a", 1, NS_PER_SEC), sched_jitter_ns("a", 2, NS_PER_SEC));
  cr_expect_eq(sched_jitter_ns("a", 1, 0), 0);
}
