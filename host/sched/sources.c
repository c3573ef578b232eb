/* A common time is found by going from the next time of one schedule to that of the other, until all agree. */
#include "sched/sources.h"

#include <string.h>

#include "sched/next.h"

enum { STEPS = 20000 };

static bool same_times(const struct conf_pipeline *a, const struct conf_pipeline *b) {
  return strcmp(a->schedule, b->schedule) == 0 && a->zone == b->zone && a->start_at_ns == b->start_at_ns && a->end_at_ns == b->end_at_ns;
}

static void add(struct sources *s, const struct conf_pipeline *p) {
  for (size_t i = 0; i < s->n; i++)
    if (same_times(s->list[i], p))
      return;
  if (s->n == sizeof s->list / sizeof *s->list || p->when.never || !p->zone)
    s->unsure = true;
  else
    s->list[s->n++] = p;
}

const struct sources *sources_make(const struct conf *c, const struct graph *g, struct arena *a) {
  struct sources *all = arena_alloc(a, (g->n + 1) * sizeof *all);
  for (size_t k = 0; k < g->n; k++) {
    const struct graph_node *node = &g->nodes[g->order[k]];
    const struct conf_pipeline *p = &c->pipelines[g->order[k]];
    struct sources *own = &all[g->order[k]];
    if (p->when.kind == SCHEDULE_CRON || p->when.kind == SCHEDULE_EVERY)
      add(own, p);
    if (!own->n == !node->upstream_n) /* one of both tells; with both it runs at more times than they have in common */
      own->unsure = true;
    for (size_t u = 0; u < node->upstream_n; u++) {
      const struct sources *up = &all[node->upstream[u]];
      own->unsure |= up->unsure;
      for (size_t n = 0; n < up->n; n++)
        add(own, up->list[n]);
    }
  }
  return all;
}

int64_t sources_next_ns(const struct sources *s, int64_t after_ns) {
  int64_t at = after_ns;
  size_t agreed = 0;
  if (s->unsure)
    return SCHED_NEVER;
  for (size_t step = 0, k = 0; step < STEPS && agreed < s->n; step++, k = (k + 1) % s->n) {
    int64_t next = sched_pipeline_next_ns(s->list[k], agreed ? at - 1 : at);
    if (next == SCHED_NEVER)
      return SCHED_NEVER;
    agreed = agreed && next == at ? agreed + 1 : 1;
    at = next;
  }
  return s->n && agreed == s->n ? at : SCHED_NEVER;
}
