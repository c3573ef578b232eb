/* Windows, and the life of a backfill's lanes.  How far a lane is, its note in the sink says: the windows before are read. */
#include "engine/ranges.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "engine/control.h"
#include "engine/outside.h"
#include "base/moment.h"
#include "engine/quarantine.h"

/* ---- windows ---------------------------------------------------------------------------------------------------------------------- */

struct cutting {
  struct arena *a;
  struct range *list;
  size_t n, room;
};

static struct range *add(struct cutting *c) {
  if (c->n == c->room) {
    struct range *old = c->list;
    c->room = c->room ? 2 * c->room : 16;
    c->list = arena_alloc(c->a, c->room * sizeof *c->list);
    if (c->n)
      memcpy(c->list, old, c->n * sizeof *old);
  }
  return &c->list[c->n++];
}

static bool is_number(const char *text, int64_t *ret) {
  char *end;
  errno = 0;
  *ret = strtoll(text, &end, 10);
  return !errno && end != text && !*end && *text != ' ' && *text != '+';
}

static int too_many(const char *window, struct err *e) {
  err_set(e, ETL_E_CONFIG, "--window %s cuts the range into more than %d windows", window, RANGES_MAX);
  return err_remedy(e, "give a larger one");
}

static int refuse_empty(const char *from, const char *to, struct err *e) {
  err_set(e, ETL_E_CONFIG, "there is nothing in --range %s,%s: it goes from its first value up to, and without, its second", from, to);
  return err_remedy(e, "give the smaller one first");
}

static int cut_numbers(struct cutting *c, int64_t from, int64_t to, const char *window, struct err *e) {
  int64_t step;
  if (!is_number(window, &step) || step <= 0) {
    err_set(e, ETL_E_CONFIG, "--window %s is no number above 0, as it has to be for a range of numbers", window);
    return err_remedy(e, "write it like --window 100000");
  }
  while (from < to) {
    int64_t end = (uint64_t)to - (uint64_t)from > (uint64_t)step ? from + step : to;
    if (c->n == RANGES_MAX)
      return too_many(window, e);
    *add(c) = (struct range){arena_printf(c->a, "%lld", (long long)from), arena_printf(c->a, "%lld", (long long)end)};
    from = end;
  }
  return 0;
}

static int cut_time(struct cutting *c, struct moment from, const struct moment *to, const char *window, struct err *e) {
  int64_t step;
  if (units_parse_duration(window, &step) < 0 || step <= 0) {
    err_set(e, ETL_E_CONFIG, "--window %s is no duration, as it has to be for a range of dates or timestamps", window);
    return err_remedy(e, "write it like --window 7d or --window 12h");
  }
  while (moment_compare(&from, to) < 0) {
    struct moment end = from;
    moment_add(&end, step);
    if (moment_compare(&end, to) > 0)
      end = *to;
    if (c->n == RANGES_MAX)
      return too_many(window, e);
    *add(c) = (struct range){moment_print(&from, c->a), moment_print(&end, c->a)};
    from = end;
  }
  return 0;
}

int ranges_cut(const char *from, const char *to, const char *window, struct arena *a, struct range **ret_ranges, size_t *ret_n, struct err *e) {
  struct cutting c = {.a = a};
  int64_t n_from, n_to;
  struct moment m_from, m_to;
  int rc = 0;
  bool numbers = from && to && is_number(from, &n_from) && is_number(to, &n_to);
  bool moments = from && to && moment_parse(from, &m_from) == 0 && moment_parse(to, &m_to) == 0;
  if ((numbers && n_from >= n_to) || (moments && moment_compare(&m_from, &m_to) >= 0))
    return refuse_empty(from, to, e);
  if (!window) {
    *add(&c) = (struct range){from, to};
  } else if (numbers) {
    rc = cut_numbers(&c, n_from, n_to, window, e);
  } else if (moments) {
    rc = cut_time(&c, m_from, &m_to, window, e);
  } else {
    err_set(e, ETL_E_CONFIG, "--window needs a range with both ends, of whole numbers or of dates: %s,%s is none", from ? from : "", to ? to : "");
    rc = err_remedy(e, "write it like --range 2024-01-01,2024-02-01 --window 1d, or leave --window out");
  }
  if (rc < 0)
    return rc;
  c.list[c.n - 1].to = to; /* as it was typed */
  *ret_ranges = c.list;
  *ret_n = c.n;
  return 0;
}

/* ---- lanes ------------------------------------------------------------------------------------------------------------------------ */

int ranges_check(struct run *r) {
  struct err e;
  if (!ranges_wanted(r->spec) || r->spec->repair || (r->extract.conn->caps & ETL_CAP_RANGE))
    return 0;
  err_set(&e, ETL_E_UNSUPPORTED, "--range cannot be used here: connector %s cannot read a part of its rows", r->extract.conn->name);
  err_remedy(&e, "leave --range out; --full-refresh reads everything again");
  return run_fail(r, &e, &r->extract);
}

const char *ranges_shard(const struct run *r, const char *shard) {
  const char *from = r->spec->range_from, *to = r->spec->range_to;
  if (r->spec->repair)
    return arena_printf(r->arena, "%s@repair", shard);
  if (r->spec->interval)
    return arena_printf(r->arena, "%s@window", shard);
  return arena_printf(r->arena, "%s@%s..%s", shard, from ? from : "", to ? to : "");
}

bool ranges_covered(const struct spec *s, const char *done) {
  struct moment read, to;
  return done && s->range_to && moment_parse(done, &read) == 0 && moment_parse(s->range_to, &to) == 0 && moment_compare(&read, &to) >= 0;
}

/* A window of another size than before begins where the ones before ended. */
int ranges_of_lane(struct lane *l, const char *done, struct err *e) {
  const struct spec *spec = l->run->spec;
  struct range *list;
  size_t n;
  const char *from = done && *done ? done : spec->range_from;
  if (ranges_cut(from, spec->range_to, spec->window, l->run->arena, &list, &n, e) < 0)
    return -1;
  l->windows = list;
  l->windows_n = n;
  l->window = 0;
  return 0;
}

const char *ranges_done(const struct lane *l, bool window_ends) {
  if (!l->windows)
    return NULL;
  const struct range *w = &l->windows[l->window];
  const char *done = window_ends ? w->to : w->from;
  return done ? done : "";
}

/* Rows that were set aside stay when the lane is forgotten. */
static int settle(struct run *r, const struct lane *l) {
  struct err e;
  if (part_loader(&r->load)->reject || (r->loader_caps & ETL_CAP_ASIDE) || quarantine_settle(r->spec, l->stream, l->shard, &e) == 0)
    return 0;
  return run_fail(r, &e, NULL);
}

int ranges_forget(struct run *r) {
  if (!ranges_wanted(r->spec) || r->spec->interval || r->spec->dry_run || !run_stores_cursors(r))
    return 0;
  struct control_commit c = {0};
  for (size_t i = 0; i < r->lanes_n; i++) {
    const struct lane *l = &r->lanes[i];
    if (!l->finished) /* --limit ended it */
      return 0;
    if (l->at.epoch > 0 && settle(r, l) < 0)
      return -1;
    if (l->at.epoch > 0)
      control_add(&c, r, l, (struct etl_bytes){0}, ETL_CURSOR_FORGET, NULL);
  }
  return control_commit(&c, r, "forget");
}
