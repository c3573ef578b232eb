/* Settings that mean something only together with others: a date is one of the pipeline's zone. */
#include "conf/when.h"

#include <string.h>

#include "conf/zone.h"

static const char *origin_of(const struct conf_node *root, const char *name) {
  const struct conf_node *n = conf_node_find(root, name);
  return n ? n->origin : root->origin;
}

static void complain(const struct conf_node *root, const char *name, const struct err *e, struct diags *d) {
  diags_add(d, DIAG_ERROR, origin_of(root, name), "%s%s%s", e->message, e->remedy[0] ? "; " : "", e->remedy);
}

static const struct zone *find_zone(const char *name, struct when_zones *zones, struct arena *a, struct err *e) {
  const struct zone *z = NULL;
  for (size_t i = 0; i < zones->n; i++)
    if (strcmp(zone_name(zones->list[i]), name) == 0)
      return zones->list[i];
  if (zone_find(name, a, e, &z) < 0)
    return NULL;
  zones->list = arena_more(a, zones->list, zones->n, sizeof *zones->list);
  zones->list[zones->n++] = z;
  return z;
}

static void read_moment(const char *name, const char *text, const struct conf_node *root, const struct zone *z, struct diags *d,
                        int64_t *ret_ns) {
  if (text && zone_parse(z ? z : &zone_utc, text, ret_ns) < 0)
    diags_add(d, DIAG_ERROR, origin_of(root, name),
              "'%s' wants a date or a time, but \"%.100s\" is not one; write for instance: %s = \"2026-03-01\"; or \"2026-03-01T06:00:00Z\"",
              name, text, name);
}

static void read_schedule(struct conf_pipeline *p, const struct conf_node *root, struct diags *d) {
  struct err e = {0};
  if (!p->schedule)
    return;
  if (schedule_parse(p->schedule, &p->when, &e) < 0)
    complain(root, "schedule", &e, d);
  else if (p->when.never)
    diags_add(d, DIAG_WARNING, origin_of(root, "schedule"),
              "the schedule \"%s\" never fires: no such day exists in any year; look at the day of the month and the month", p->schedule);
}

static void read_after(struct conf_pipeline *p, const struct conf_node *list, struct arena *a, struct diags *d) {
  const struct conf_node *const one[] = {list};
  const struct conf_node *const *kids = one;
  size_t n = list ? 1 : 0;
  if (list && list->kind == CONF_LIST) {
    kids = (const struct conf_node *const *)list->kids;
    n = list->kids_n;
  }
  p->after = arena_alloc(a, (n + 1) * sizeof *p->after);
  for (size_t i = 0; i < n; i++) {
    bool twice = false;
    if (kids[i]->broken)
      continue;
    for (size_t k = 0; k < p->after_n; k++)
      twice |= strcmp(p->after[k].name, kids[i]->text) == 0;
    if (twice)
      diags_add(d, DIAG_ERROR, kids[i]->origin, "'after' names the pipeline '%s' twice; remove one of both", kids[i]->text);
    else
      p->after[p->after_n++] = (struct conf_upstream){kids[i]->text, kids[i]->origin};
  }
}

void when_read(struct pipeline_settings *s, const struct conf_node *root, struct when_zones *zones, struct arena *a, struct diags *d) {
  struct conf_pipeline *p = &s->p;
  struct err e = {0};
  read_schedule(p, root, d);
  p->zone = p->timezone ? find_zone(p->timezone, zones, a, &e) : NULL;
  if (p->timezone && !p->zone)
    complain(root, "timezone", &e, d);
  read_moment("start_at", s->start_at, root, p->zone, d, &p->start_at_ns);
  read_moment("end_at", s->end_at, root, p->zone, d, &p->end_at_ns);
  if (p->start_at_ns && p->end_at_ns && p->start_at_ns >= p->end_at_ns)
    diags_add(d, DIAG_ERROR, origin_of(root, "end_at"), "'end_at' (%s) is not after 'start_at' (%s); make it later", s->end_at, s->start_at);
  read_after(p, s->after, a, d);
}
