/* Between two changes of the zone local time runs evenly: it is searched span by span, and in a span by days. */
#include "sched/next.h"

#include "base/civil.h"
#include "base/units.h"

enum { EVERY_HOUR = (1 << 24) - 1 };

/* Of a day in one of its months, which has so many more days. */
static bool is_day(const struct schedule *s, int64_t day, const struct etl_civil *c, int64_t left) {
  int64_t weekday = civil_weekday(day);
  bool by_day = s->days >> c->day & 1 || (s->last_day && left == 0);
  bool by_weekday = s->weekdays >> weekday & 1 || (left < 7 && s->last_weekdays >> weekday & 1);
  return s->any_day || s->any_weekday ? by_day && by_weekday : by_day || by_weekday;
}

/* The first of the bits at or above from; -1: there is none. */
static int64_t first_bit(uint64_t bits, int64_t from) {
  bits = from > 63 ? 0 : bits >> from;
  return bits ? from + __builtin_ctzll(bits) : -1;
}

/* The first time of a day at or after a second of it; -1: there is none. */
static int64_t in_day(const struct schedule *s, int64_t second) {
  int64_t minute = (second + 59) / 60, hour = minute / 60, at = first_bit(s->hours, hour), m = -1;
  if (at == hour)
    m = first_bit(s->minutes, minute % 60);
  if (m < 0 && (at = first_bit(s->hours, at == hour ? hour + 1 : hour)) >= 0)
    m = first_bit(s->minutes, 0);
  return m < 0 ? -1 : at * 3600 + m * 60;
}

/* The first local time from `from` up to, and without, `to`; INT64_MAX: there is none. */
static int64_t search(const struct schedule *s, int64_t from, int64_t to) {
  int64_t second, day = civil_day_of(from, &second);
  for (; day * DAY_SECONDS < to; day++, second = 0) {
    struct etl_civil c = etl_civil_from_days(day);
    int64_t left = civil_month_days(c.year, c.month) - c.day;
    if (!(s->months >> c.month & 1)) {
      day += left;
      continue;
    }
    int64_t at = is_day(s, day, &c, left) ? in_day(s, second) : -1;
    if (at >= 0)
      return day * DAY_SECONDS + at < to ? day * DAY_SECONDS + at : INT64_MAX;
  }
  return INT64_MAX;
}

static int64_t plus(int64_t a, int64_t b) { return a == INT64_MAX ? a : a + b; }

/* In seconds, the first due time at or after from_s, before horizon_s. */
static int64_t next_cron(const struct schedule *s, const struct zone *z, int64_t from_s, int64_t horizon_s) {
  while (from_s < horizon_s) {
    struct zone_span span;
    zone_span(z, from_s, &span);
    int64_t local = from_s + span.offset_s;
    if (span.from_s == from_s && search(s, from_s + span.before_s, local) < local)
      return from_s; /* for all that was skipped */
    if (span.from_s != INT64_MIN && span.before_s > span.offset_s && s->hours != EVERY_HOUR && local < span.from_s + span.before_s)
      local = span.from_s + span.before_s; /* all before was there already */
    int64_t until = span.until_s < horizon_s ? span.until_s : horizon_s, at = search(s, local, plus(until, span.offset_s));
    if (at != INT64_MAX)
      return at - span.offset_s;
    from_s = until;
  }
  return INT64_MAX;
}

int64_t sched_next_ns(const struct schedule *s, const struct zone *z, int64_t anchor_ns, int64_t after_ns) {
  const int64_t last_s = INT64_MAX / NS_PER_SEC - 1;
  if (s->kind == SCHEDULE_EVERY) {
    if (after_ns < anchor_ns)
      return anchor_ns;
    int64_t times = (after_ns - anchor_ns) / s->every_ns + 1;
    return times > (INT64_MAX - 1 - anchor_ns) / s->every_ns ? SCHED_NEVER : anchor_ns + times * s->every_ns;
  }
  if (s->kind != SCHEDULE_CRON || s->never)
    return SCHED_NEVER;
  int64_t rest, first_s = after_ns / NS_PER_SEC - (after_ns % NS_PER_SEC < 0) + 1;
  /* Every date that there is comes again within 8 years (the 29th of February around 2100), so a search ends. */
  int64_t horizon_s = (civil_day_of(first_s, &rest) + 9 * 366) * DAY_SECONDS;
  int64_t at = next_cron(s, z, first_s, horizon_s < last_s ? horizon_s : last_s);
  return at == INT64_MAX ? SCHED_NEVER : at * NS_PER_SEC;
}

int64_t sched_pipeline_next_ns(const struct conf_pipeline *p, int64_t after_ns) {
  if (p->start_at_ns && after_ns < p->start_at_ns)
    after_ns = p->start_at_ns - 1;
  int64_t at = sched_next_ns(&p->when, p->zone, p->start_at_ns, after_ns);
  return p->end_at_ns && at >= p->end_at_ns ? SCHED_NEVER : at;
}
