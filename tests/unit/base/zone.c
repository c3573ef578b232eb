/* Zones: what the C library says of the same instants, changes of real zones, rules of POSIX, and files that are damaged. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/civil.h"
#include "base/units.h"
#include "base/zone.h"
#include "base/zone_rule.h"

static const char *const names[] = {"Europe/Berlin",  "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "Asia/Kathmandu", "Pacific/Apia",
                                    "Europe/Dublin",  "America/Nuuk",     "Asia/Gaza",           "America/Sao_Paulo", "Asia/Tokyo",     "Antarctica/Troll",
                                    "Pacific/Chatham", "Asia/Tehran",     "Africa/Monrovia",     "Etc/GMT+5"};

static const struct zone *load(const char *name, struct arena *a) {
  const struct zone *z;
  struct err e;
  cr_assert_eq(zone_load(name, a, &e, &z), 0, "is the package tzdata installed? %s", e.message);
  return z;
}

Test(zone, as_the_c_library_has_it) {
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    struct arena *a = arena_new();
    const struct zone *z = load(names[i], a);
    setenv("TZ", names[i], 1);
    tzset();
    unsigned seed = 1;
    for (time_t t = -(time_t)3000000000; t < (time_t)9000000000; t += 40000 + rand_r(&seed) % 90000) {
      struct tm tm;
      localtime_r(&t, &tm);
      cr_assert_eq(zone_offset_s(z, t), tm.tm_gmtoff, "%s at %lld: %lld, not %ld", names[i], (long long)t, (long long)zone_offset_s(z, t),
                   tm.tm_gmtoff);
    }
    arena_free(a);
  }
}

Test(zone, spans_meet) {
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    struct arena *a = arena_new();
    const struct zone *z = load(names[i], a);
    struct zone_span s, next;
    int changes = 0;
    zone_span(z, -INT64_C(5000000000), &s);
    cr_expect_eq(s.from_s, INT64_MIN);
    for (; s.until_s < INT64_C(9000000000); s = next, changes++) {
      zone_span(z, s.until_s, &next);
      cr_assert_eq(next.from_s, s.until_s, "%s", names[i]);
      cr_assert_eq(next.before_s, s.offset_s, "%s at %lld", names[i], (long long)s.until_s);
      cr_assert_neq(next.offset_s, s.offset_s);
      cr_assert_eq(zone_offset_s(z, s.until_s - 1), s.offset_s);
    }
    cr_expect(changes > 0 || strcmp(names[i], "Etc/GMT+5") == 0, "%s", names[i]);
    arena_free(a);
  }
}

struct instant {
  const char *zone, *local, *utc, *shown;
};
static const struct instant instants[] = {
    {"UTC", "2026-03-01", "2026-03-01T00:00:00Z", "2026-03-01T00:00:00Z"},
    {"Europe/Berlin", "2026-03-29 01:59", "2026-03-29T00:59:00Z", "2026-03-29T01:59:00+01:00"},
    {"Europe/Berlin", "2026-03-29 02:30", "2026-03-29T01:00:00Z", "2026-03-29T03:00:00+02:00"}, /* skipped */
    {"Europe/Berlin", "2026-10-25 02:30", "2026-10-25T00:30:00Z", "2026-10-25T02:30:00+02:00"}, /* the first of two */
    {"Europe/Berlin", "2026-10-25T02:30:00+01:00", "2026-10-25T01:30:00Z", "2026-10-25T02:30:00+01:00"},
    {"Europe/Berlin", "2126-07-01 12:00", "2126-07-01T10:00:00Z", "2126-07-01T12:00:00+02:00"},
    {"Australia/Lord_Howe", "2026-04-05 01:45", "2026-04-04T14:45:00Z", "2026-04-05T01:45:00+11:00"},
    {"Asia/Kathmandu", "2026-01-01", "2025-12-31T18:15:00Z", "2026-01-01T00:00:00+05:45"},
    {"Pacific/Apia", "2011-12-30 12:00", "2011-12-30T10:00:00Z", "2011-12-31T00:00:00+14:00"}, /* a day that was not */
    {"America/New_York", "2026-11-01T01:30:00.25-05:00", "2026-11-01T06:30:00.25Z", "2026-11-01T01:30:00.25-05:00"},
};

Test(zone, texts) {
  for (size_t i = 0; i < sizeof instants / sizeof *instants; i++) {
    const struct instant *t = &instants[i];
    struct arena *a = arena_new();
    const struct zone *z = load(t->zone, a);
    int64_t ns;
    char buf[ZONE_TEXT];
    cr_assert_eq(zone_parse(z, t->local, &ns), 0, "%s", t->local);
    cr_expect_str_eq(zone_print(&zone_utc, ns, buf), t->utc);
    cr_expect_str_eq(zone_print(z, ns, buf), t->shown);
    arena_free(a);
  }
  static const char *const bad[] = {"", "2026", "2026-13-01", "2026-03-01T10", "2026-03-01T10:00+25:00", "2026-03-01T10:00Z+01:00", "1960-01-01",
                                    "2026-03-01+01:00", "2026-03-01T10:00:00+1:00", "tomorrow", "2300-01-01"};
  int64_t ns;
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    cr_expect_eq(zone_parse(&zone_utc, bad[i], &ns), -1, "%s", bad[i]);
}

Test(zone, rules) {
  static const struct {
    const char *text;
    int64_t year, first_s, first_offset, second_s, second_offset;
  } rules[] = {
      {"CET-1CEST,M3.5.0,M10.5.0/3", 2026, 1774746000, 7200, 1792890000, 3600},
      {"<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", 2026, 1775314800, 37800, 1791041400, 39600},
      {"EST5EDT,M3.2.0,M11.1.0", 2026, 1772953200, -14400, 1793512800, -18000},
      {"XXX0YYY,J60/0,J366", 2026, 0, 0, 0, 0},
      {"XXX0YYY,J60/0,364/0", 2024, 1709251200, 3600, 1735513200, 0},
      {"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", 2026, 1774746000, -3600, 1792890000, -7200},
  };
  for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
    struct zone_rule r;
    struct zone_change c[2];
    if (!rules[i].first_s) {
      cr_expect_eq(zone_rule_parse(rules[i].text, &r), -1, "%s", rules[i].text);
      continue;
    }
    cr_assert_eq(zone_rule_parse(rules[i].text, &r), 0, "%s", rules[i].text);
    zone_rule_changes(&r, rules[i].year, c);
    cr_expect_eq(c[0].at_s, rules[i].first_s, "%s: %lld", rules[i].text, (long long)c[0].at_s);
    cr_expect_eq(c[0].offset_s, rules[i].first_offset);
    cr_expect_eq(c[1].at_s, rules[i].second_s, "%s: %lld", rules[i].text, (long long)c[1].at_s);
    cr_expect_eq(c[1].offset_s, rules[i].second_offset);
  }
  static const char *const bad[] = {"", "CET", "C-1", "CET-1CEST", "CET-1CEST,M3.5.0", "CET-1CEST,M13.5.0,M10.5.0", "CET-1CEST,M3.6.0,M10.5.0",
                                    "CET-1CEST,M3.5.7,M10.5.0", "CET-200", "<CET-1", "CET-1 ", "CET-1CEST,M3.5.0/,M10.5.0"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    struct zone_rule r;
    cr_expect_eq(zone_rule_parse(bad[i], &r), -1, "%s", bad[i]);
  }
}

Test(zone, damaged_files) {
  struct arena *a = arena_new();
  const struct zone *z;
  struct err e;
  char whole[16384], copy[16384];
  FILE *f = fopen(ZONE_DIR "/Europe/Berlin", "re");
  cr_assert(f);
  size_t n = fread(whole, 1, sizeof whole, f);
  fclose(f);
  cr_assert_eq(zone_read("whole", whole, n, a, &e, &z), 0);
  for (size_t cut = 0; cut < n; cut++) {
    char *exact = xcalloc(1, cut + 1); /* so that a sanitizer sees each byte behind it */
    memcpy(exact, whole, cut);
    cr_assert_eq(zone_read("cut", exact, cut, a, &e, &z), -1, "%zu of %zu bytes", cut, n);
    free(exact);
  }
  cr_expect_str_eq(e.message, "the file of the time zone \"cut\" is damaged");
  unsigned seed = 7;
  for (int i = 0; i < 20000; i++) {
    memcpy(copy, whole, n);
    for (int k = 0; k < 3; k++)
      copy[(size_t)rand_r(&seed) % n] = (char)rand_r(&seed);
    struct zone_span s;
    if (zone_read("changed", copy, n, a, &e, &z) == 0) {
      zone_span(z, rand_r(&seed), &s);
      zone_span(z, INT64_C(4000000000), &s);
      cr_assert(s.from_s < s.until_s);
    }
    if (i % 100 == 0)
      arena_reset(a);
  }
  cr_expect_eq(zone_load("Europe", a, &e, &z), -1);
  cr_expect_eq(zone_load("../zoneinfo/UTC", a, &e, &z), -1);
  arena_free(a);
}

Test(civil, days) {
  cr_expect_eq(etl_days_from_civil(1970, 1, 1), 0);
  for (int64_t day = -1000000; day < 1000000; day += 13) {
    struct etl_civil c = etl_civil_from_days(day);
    cr_assert_eq(etl_days_from_civil(c.year, c.month, c.day), day);
    cr_assert(c.month >= 1 && c.month <= 12 && c.day >= 1 && c.day <= civil_month_days(c.year, c.month));
  }
  cr_expect_eq(civil_weekday(etl_days_from_civil(2026, 3, 29)), 0);
  cr_expect_eq(civil_weekday(-5), 6);
  cr_expect_eq(civil_month_days(2100, 2), 28);
}
