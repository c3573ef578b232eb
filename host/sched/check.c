/* Warnings, each told once: not again for what comes after. */
#include "sched/check.h"

#include "sched/next.h"
#include "sched/sources.h"

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

static bool has_ended(const struct sources *s, int64_t now_ns) {
  for (size_t i = 0; i < s->n; i++)
    if (sched_pipeline_next_ns(s->list[i], now_ns) == SCHED_NEVER)
      return true;
  return false;
}

static void check_meetings(const struct conf *c, const struct graph *g, struct arena *a, int64_t now_ns, struct diags *d) {
  const struct sources *all = sources_make(c, g, a);
  bool *told = arena_alloc(a, g->n + 1);
  for (size_t k = 0; k < g->n; k++) {
    size_t i = g->order[k];
    const struct conf_pipeline *p = &c->pipelines[i];
    for (size_t u = 0; u < g->nodes[i].upstream_n; u++)
      told[i] |= told[g->nodes[i].upstream[u]];
    if (p->after_n < 2 || p->schedule || told[i] || all[i].unsure || has_ended(&all[i], now_ns) || sources_next_ns(&all[i], now_ns) != SCHED_NEVER)
      continue;
    const struct conf_pipeline *one = all[i].list[0], *other = all[i].list[1];
    diags_add(d, DIAG_WARNING, p->after[0].origin,
              "this never runs: those that it comes after are never due at the same time, such as '%s' (\"%s\") and '%s' (\"%s\"); give them the same "
              "schedule",
              one->name, one->schedule, other->name, other->schedule);
    told[i] = true;
  }
}

void sched_check(const struct conf *c, int64_t now_ns, struct diags *d) {
  struct arena *a = arena_new();
  const struct graph *g;
  for (size_t i = 0; i < c->pipelines_n; i++)
    check_bounds(&c->pipelines[i], d);
  if (graph_make(c, a, d, &g) == 0) {
    for (size_t i = 0; i < c->pipelines_n; i++)
      check_upstreams(c, g, i, d);
    check_meetings(c, g, a, now_ns, d);
  }
  arena_free(a);
}
