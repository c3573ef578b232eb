/* When schedules are due, over the changes of real zones, and against a search minute by minute. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/civil.h"
#include "base/units.h"
#include "sched/next.h"

struct due {
  const char *zone, *schedule, *after; /* after: of the zone */
  const char *times;                   /* what follows, in the zone */
};
static const struct due dues[] = {
    /* no change of clocks */
    {"UTC", "*/15 * * * *", "2026-01-01 00:00", "2026-01-01T00:15 2026-01-01T00:30 2026-01-01T00:45 2026-01-01T01:00"},
    {"UTC", "0 0 1 1 *", "2026-01-01 00:00", "2027-01-01T00:00 2028-01-01T00:00"},
    {"UTC", "59 23 31 12 *", "2026-01-01", "2026-12-31T23:59 2027-12-31T23:59"},
    {"UTC", "0 12 L * *", "2026-01-31 12:00", "2026-02-28T12:00 2026-03-31T12:00 2026-04-30T12:00"},
    {"UTC", "0 12 L 2 *", "2027-03-01", "2028-02-29T12:00 2029-02-28T12:00"},
    {"UTC", "0 6 * * 5L", "2026-01-01", "2026-01-30T06:00 2026-02-27T06:00 2026-03-27T06:00 2026-04-24T06:00 2026-05-29T06:00 2026-06-26T06:00 2026-07-31T06:00"},
    {"UTC", "0 6 13 * 5", "2026-02-01", "2026-02-06T06:00 2026-02-13T06:00 2026-02-20T06:00 2026-02-27T06:00 2026-03-06T06:00 2026-03-13T06:00"},
    {"UTC", "0 6 */10 * 1", "2026-01-01", "2026-05-11T06:00 2026-06-01T06:00 2026-08-31T06:00"},
    {"UTC", "0 0 29 2 *", "2095-01-01", "2096-02-29T00:00 2104-02-29T00:00"},
    {"UTC", "7,5 3-4 * jan,mar sun", "2026-01-25 04:05", "2026-01-25T04:07 2026-03-01T03:05 2026-03-01T03:07"},
    {"Asia/Kathmandu", "0 0 * * *", "2026-01-01", "2026-01-02T00:00 2026-01-03T00:00"},
    /* skipped: once, right after the gap */
    {"Europe/Berlin", "30 2 * * *", "2026-03-28 03:00", "2026-03-29T03:00 2026-03-30T02:30"},
    {"Europe/Berlin", "0 2 * * *", "2026-03-28 03:00", "2026-03-29T03:00 2026-03-30T02:00"},
    {"Europe/Berlin", "0 3 * * *", "2026-03-28 03:00", "2026-03-29T03:00 2026-03-30T03:00"},
    {"Europe/Berlin", "0 2-3 * * *", "2026-03-29 00:00", "2026-03-29T03:00 2026-03-30T02:00"},
    {"Europe/Berlin", "*/20 2 * * *", "2026-03-29 00:00", "2026-03-29T03:00 2026-03-30T02:00 2026-03-30T02:20"},
    {"Europe/Berlin", "*/15 * * * *", "2026-03-29 01:30", "2026-03-29T01:45 2026-03-29T03:00 2026-03-29T03:15"},
    {"Europe/Berlin", "30 * * * *", "2026-03-29 01:00", "2026-03-29T01:30 2026-03-29T03:00 2026-03-29T03:30"},
    {"America/New_York", "30 2 * * *", "2026-03-07 12:00", "2026-03-08T03:00 2026-03-09T02:30"},
    {"Australia/Lord_Howe", "15 2 * * *", "2026-10-03 12:00", "2026-10-04T02:30 2026-10-05T02:15"},
    {"Australia/Lord_Howe", "0 * * * *", "2026-10-04 01:00", "2026-10-04T02:30 2026-10-04T03:00"},
    {"Africa/Casablanca", "30 2 * * *", "2026-03-21 12:00", "2026-03-22T03:00 2026-03-23T02:30"},
    {"Pacific/Apia", "0 12 30 12 *", "2011-12-01", "2011-12-31T00:00 2012-12-30T12:00"},
    {"Pacific/Apia", "0 0 * * *", "2011-12-29 00:00", "2011-12-31T00:00 2012-01-01T00:00"},
    {"Pacific/Apia", "0 6 * * *", "2011-12-29 07:00", "2011-12-31T00:00 2011-12-31T06:00"},
    /* repeated: once, the first time */
    {"Europe/Berlin", "30 2 * * *", "2026-10-24 03:00", "2026-10-25T02:30+02 2026-10-26T02:30"},
    {"Europe/Berlin", "0 3 * * *", "2026-10-24 04:00", "2026-10-25T03:00 2026-10-26T03:00"},
    {"Europe/Berlin", "*/30 1-2 * * *", "2026-10-25 00:00", "2026-10-25T01:00 2026-10-25T01:30 2026-10-25T02:00+02 2026-10-25T02:30+02 2026-10-26T01:00"},
    {"Europe/Berlin", "30 2 * * *", "2026-10-25T02:30:00+02:00", "2026-10-26T02:30"},
    {"Europe/Berlin", "30 2 * * *", "2026-10-25T02:10:00+01:00", "2026-10-26T02:30"},
    {"America/New_York", "30 1 * * *", "2026-10-31 12:00", "2026-11-01T01:30-04 2026-11-02T01:30"},
    {"Australia/Lord_Howe", "45 1 * * *", "2026-04-04 12:00", "2026-04-05T01:45+11 2026-04-06T01:45"},
    {"Africa/Casablanca", "30 2 * * *", "2026-02-14 12:00", "2026-02-15T02:30+01 2026-02-16T02:30"},
    /* but every hour is every hour */
    {"Europe/Berlin", "0 * * * *", "2026-10-25 01:00", "2026-10-25T02:00+02 2026-10-25T02:00+01 2026-10-25T03:00"},
    {"Europe/Berlin", "*/30 0-23 * * *", "2026-10-25 02:00", "2026-10-25T02:30+02 2026-10-25T02:00+01 2026-10-25T02:30+01 2026-10-25T03:00"},
    {"Australia/Lord_Howe", "45 * * * *", "2026-04-05 00:45", "2026-04-05T01:45+11 2026-04-05T01:45+10 2026-04-05T02:45"},
    /* time that passes */
    {"Europe/Berlin", "every 45m", "2026-10-25 01:59", "2026-10-25T02:00+02 2026-10-25T02:45+02 2026-10-25T02:30+01 2026-10-25T03:15"},
    {"UTC", "every 90s", "1970-01-01T00:00:00Z", "1970-01-01T00:01:30 1970-01-01T00:03:00"},
};

static const struct zone *zone(const char *name, struct arena *a) {
  const struct zone *z;
  struct err e;
  cr_assert_eq(zone_load(name, a, &e, &z), 0, "is the package tzdata installed? %s", e.message);
  return z;
}

static struct schedule schedule(const char *text) {
  struct schedule s;
  struct err e;
  cr_assert_eq(schedule_parse(text, &s, &e), 0, "%s", e.message);
  return s;
}

/* Is what is due the time that is wanted?  Written without seconds if they are 0, with the offset's hours where it says which. */
static void expect_time(const struct due *d, const char *want, const char *got) {
  size_t n = strcspn(want + 11, "+-") + 11, seconds = n < 19 ? 19 : n;
  cr_expect(strncmp(got, want, n) == 0 && (n == 19 || strncmp(got + 16, ":00", 3) == 0) && strncmp(got + seconds, want + n, strlen(want + n)) == 0,
            "%s in %s after %s: %s, not %s", d->schedule, d->zone, d->after, got, want);
}

Test(next, real_zones) {
  for (size_t i = 0; i < sizeof dues / sizeof *dues; i++) {
    const struct due *d = &dues[i];
    struct arena *a = arena_new();
    const struct zone *z = zone(d->zone, a);
    struct schedule s = schedule(d->schedule);
    int64_t at;
    cr_assert_eq(zone_parse(z, d->after, &at), 0, "%s", d->after);
    char *times = arena_strdup(a, d->times), *rest;
    for (char *want = strtok_r(times, " ", &rest); want; want = strtok_r(NULL, " ", &rest)) {
      char got[ZONE_TEXT];
      at = sched_next_ns(&s, z, 0, at);
      cr_assert_neq(at, SCHED_NEVER, "%s", d->schedule);
      expect_time(d, want, zone_print(z, at, got));
    }
    arena_free(a);
  }
}

/* ---- minute by minute --------------------------------------------------------------------------------------------------------------- */

static bool fits(const struct schedule *s, int64_t local_s) {
  int64_t rest, day = civil_day_of(local_s, &rest);
  struct etl_civil c = etl_civil_from_days(day);
  bool by_day = s->days >> c.day & 1, by_weekday = s->weekdays >> civil_weekday(day) & 1;
  return s->minutes >> (rest / 60 % 60) & 1 && s->hours >> (rest / 3600) & 1 && s->months >> c.month & 1 &&
         (s->any_day || s->any_weekday ? by_day && by_weekday : by_day || by_weekday);
}

/* Whether the minute is due, by the rule's words alone: clocks that showed it before, and those it skipped. */
static bool is_due(const struct schedule *s, const struct zone *z, int64_t utc_s) {
  int64_t off = zone_offset_s(z, utc_s), before = zone_offset_s(z, utc_s - 60);
  for (int64_t skipped = utc_s + before; skipped < utc_s + off; skipped += 60)
    if (fits(s, skipped))
      return true;
  return fits(s, utc_s + off) && (s->hours == 0xffffff || zone_utc_s(z, utc_s + off) == utc_s);
}

Test(next, minute_by_minute) {
  static const char *const schedules[] = {"*/15 * * * *", "30 2 * * *", "0 */2 * * *", "7 1-3 * * 0", "0 0 1 * 1", "59 23 29-31 * *", "*/7 0-23 * 3,4,10,11 *"};
  static const struct {
    const char *zone, *from;
  } starts[] = {{"Europe/Berlin", "2026-03-28"}, {"Europe/Berlin", "2026-10-24"},     {"America/New_York", "2026-10-31"},    {"Australia/Lord_Howe", "2026-04-04"},
                {"Pacific/Apia", "2011-12-28"},  {"Africa/Casablanca", "2026-02-14"}, {"Australia/Lord_Howe", "2041-10-05"}, {"America/New_York", "2045-03-11"}};
  for (size_t i = 0; i < sizeof starts / sizeof *starts; i++)
    for (size_t k = 0; k < sizeof schedules / sizeof *schedules; k++) {
      struct arena *a = arena_new();
      const struct zone *z = zone(starts[i].zone, a);
      struct schedule s = schedule(schedules[k]);
      int64_t from;
      zone_parse(z, starts[i].from, &from);
      int64_t next = sched_next_ns(&s, z, 0, from);
      for (int64_t at = from + 60 * NS_PER_SEC; at < from + 4 * DAY_SECONDS * NS_PER_SEC; at += 60 * NS_PER_SEC) {
        char got[ZONE_TEXT];
        bool due = is_due(&s, z, at / NS_PER_SEC);
        cr_assert_eq(next == at, due, "%s in %s: %s is%s due", schedules[k], starts[i].zone, zone_print(z, at, got), due ? "" : " not");
        if (next == at)
          next = sched_next_ns(&s, z, 0, at);
        cr_assert(next > at);
      }
      arena_free(a);
    }
}

/* ---- any text ------------------------------------------------------------------------------------------------------------------------ */

Test(next, of_any_text) {
  static const char *const words[] = {"*",   "0",   "5",   "59",   "31", "12", "7", "L", "5L", "jan", "fri",    "friL",
                                      "-",   "/",   ",",   " ",    " ",  " ",  " ", " ", "@daily", "every ", "1h", "x", "60"};
  struct arena *a = arena_new();
  const struct zone *z = zone("America/New_York", a);
  unsigned seed = 11;
  int good = 0;
  for (int i = 0; i < 300000; i++) {
    char text[128];
    size_t used = 0;
    for (int n = rand_r(&seed) % 14; n >= 0; n--)
      used += (size_t)snprintf(text + used, sizeof text - used, "%s", words[(size_t)rand_r(&seed) % (sizeof words / sizeof *words)]);
    struct schedule s;
    struct err e = {0};
    if (schedule_parse(text, &s, &e) < 0) {
      cr_assert(e.message[0] && e.error_class == ETL_E_CONFIG, "%s", text);
      continue;
    }
    good++;
    int64_t at = (1700000000 + rand_r(&seed) % 100000000) * NS_PER_SEC, next = sched_next_ns(&s, z, 0, at);
    cr_assert(next > at, "%s", text);
    cr_assert_eq(next == SCHED_NEVER, s.never || s.kind == SCHEDULE_REBOOT, "%s", text);
  }
  cr_expect(good > 100, "%d", good);
  arena_free(a);
}

/* ---- ends --------------------------------------------------------------------------------------------------------------------------- */

Test(next, never) {
  struct schedule s = schedule("0 0 31 2 *");
  cr_expect_eq(sched_next_ns(&s, &zone_utc, 0, 0), SCHED_NEVER);
  s = schedule("@reboot");
  cr_expect_eq(sched_next_ns(&s, &zone_utc, 0, 0), SCHED_NEVER);
  s = (struct schedule){0};
  cr_expect_eq(sched_next_ns(&s, &zone_utc, 0, 0), SCHED_NEVER);
  s = schedule("every 366d");
  cr_expect_eq(sched_next_ns(&s, &zone_utc, 0, INT64_MAX - 5), SCHED_NEVER);
  s = schedule("@hourly");
  cr_expect_eq(sched_next_ns(&s, &zone_utc, 0, INT64_MAX - 5), SCHED_NEVER);
  cr_expect_eq(sched_next_ns(&s, &zone_utc, 0, -1), 0);
  cr_expect_eq(sched_next_ns(&s, &zone_utc, 0, 0), 3600 * NS_PER_SEC);
}

Test(next, of_a_pipeline) {
  int64_t start = 1000 * NS_PER_SEC;
  struct conf_pipeline p = {.when = schedule("every 5m"), .zone = &zone_utc, .start_at_ns = start, .end_at_ns = start + 600 * NS_PER_SEC};
  cr_expect_eq(sched_pipeline_next_ns(&p, 0), start, "the first one is at start_at");
  cr_expect_eq(sched_pipeline_next_ns(&p, start), start + 300 * NS_PER_SEC);
  cr_expect_eq(sched_pipeline_next_ns(&p, start + 300 * NS_PER_SEC), SCHED_NEVER, "end_at is outside");
  p.when = schedule("* * * * *");
  cr_expect_eq(sched_pipeline_next_ns(&p, 0), 1020 * NS_PER_SEC);
  p.start_at_ns = 1020 * NS_PER_SEC;
  cr_expect_eq(sched_pipeline_next_ns(&p, 0), 1020 * NS_PER_SEC, "start_at itself can be due");
}
