/* A pipeline that waits for several others runs when these are due at the same time; schedules that never meet are found by going from
 * one's next time to the other's. */
#include "sched/check.h"

#include <string.h>

#include "sched/graph.h"
#include "sched/next.h"

enum { MEETING_STEPS = 20000 };

static void check_bounds(const struct conf_pipeline *p, struct diags *d) {
  if (p->when.kind == SCHEDULE_NONE || p->when.kind == SCHEDULE_REBOOT || p->when.never || !p->zone || !p->end_at_ns)
    return;
  if (sched_pipeline_next_ns(p, p->start_at_ns - 1) == SCHED_NEVER)
    diags_add(d, DIAG_WARNING, p->file, "the schedule \"%s\" never fires: none of its times is %s'end_at'; look at both", p->schedule,
              p->start_at_ns ? "between 'start_at' and " : "before ");
}

static void check_upstreams(const struct conf *c, const struct graph *g, size_t i, struct diags *d) {
  const struct conf_pipeline *p = &c->pipelines[i];
  for (size_t k = 0; k < g->nodes[i].upstream_n; k++)
    if (p->enabled && !c->pipelines[g->nodes[i].upstream[k]].enabled)
      diags_add(d, DIAG_WARNING, p->after[k].origin, "this waits for '%s', which is not enabled and runs only when it is asked to", p->after[k].name);
}

static bool same_times(const struct conf_pipeline *a, const struct conf_pipeline *b) {
  return strcmp(a->schedule, b->schedule) == 0 && a->zone == b->zone && (a->when.kind != SCHEDULE_EVERY || a->start_at_ns == b->start_at_ns);
}

/* Pipelines with a schedule of their own that p comes after, near or far, each schedule once.  How many; room more were looked at: stop. */
struct sources {
  const struct conf_pipeline *list[16];
  size_t n;
  bool unsure; /* there are too many, or one has no times */
};

static void add_source(struct sources *s, const struct conf_pipeline *p) {
  for (size_t i = 0; i < s->n; i++)
    if (same_times(s->list[i], p))
      return;
  if (s->n == sizeof s->list / sizeof *s->list || p->when.never || !p->zone)
    s->unsure = true;
  else
    s->list[s->n++] = p;
}

/* all[] has the sources of those that come before in g->order. */
static void find_sources(const struct conf *c, const struct graph *g, size_t i, struct sources *all) {
  const struct conf_pipeline *p = &c->pipelines[i];
  if (p->when.kind == SCHEDULE_CRON || p->when.kind == SCHEDULE_EVERY)
    add_source(&all[i], p);
  else if (!g->nodes[i].upstream_n)
    all[i].unsure = true;
  for (size_t k = 0; k < g->nodes[i].upstream_n; k++) {
    const struct sources *up = &all[g->nodes[i].upstream[k]];
    all[i].unsure |= up->unsure;
    for (size_t n = 0; n < up->n; n++)
      add_source(&all[i], up->list[n]);
  }
}

/* false: they do not meet in a long time. */
static bool meet(const struct sources *s, int64_t now_ns) {
  int64_t at = now_ns;
  size_t agreed = 0;
  for (size_t step = 0, k = 0; step < MEETING_STEPS && agreed < s->n; step++, k = (k + 1) % s->n) {
    int64_t next = sched_pipeline_next_ns(s->list[k], at - 1);
    if (next == SCHED_NEVER)
      return true; /* it has ended: that may be meant */
    agreed = next == at ? agreed + 1 : 1;
    at = next;
  }
  return agreed == s->n;
}

static void check_meetings(const struct conf *c, const struct graph *g, int64_t now_ns, struct diags *d) {
  struct sources *all = xcalloc(c->pipelines_n + 1, sizeof *all);
  for (size_t k = 0; k < g->n; k++) {
    size_t i = g->order[k];
    const struct conf_pipeline *p = &c->pipelines[i];
    find_sources(c, g, i, all);
    if (p->after_n < 2 || p->schedule || all[i].unsure || meet(&all[i], now_ns))
      continue;
    const struct conf_pipeline *a = all[i].list[0], *b = all[i].list[1];
    diags_add(d, DIAG_WARNING, p->after[0].origin,
              "this never runs: those that it comes after are never due at the same time, such as '%s' (\"%s\") and '%s' (\"%s\"); give them the same "
              "schedule",
              a->name, a->schedule, b->name, b->schedule);
    all[i].unsure = true; /* those behind it are not told again */
  }
  mem_free_ptr(&all);
}

void sched_check(const struct conf *c, int64_t now_ns, struct diags *d) {
  struct arena *a = arena_new();
  const struct graph *g;
  for (size_t i = 0; i < c->pipelines_n; i++)
    check_bounds(&c->pipelines[i], d);
  if (graph_make(c, a, d, &g) == 0) {
    for (size_t i = 0; i < c->pipelines_n; i++)
      check_upstreams(c, g, i, d);
    check_meetings(c, g, now_ns, d);
  }
  arena_free(a);
}
