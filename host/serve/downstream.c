/* What comes after a run: pipelines that were to run after it for the same due time.  A downstream is queued, or recorded as skipped, once all
 * that it comes after have ended for good; what is skipped has ended, too.
 *
 * It is done in the transaction of the outcome.  Two upstreams that end on two hosts at the same moment do not see each other there; so it is
 * looked at once more when the outcome is stored.  A downstream that is queued twice for the same time is there once. */
#include "serve/downstream.h"

#include <string.h>

struct upstream_end { /* how an upstream came out for a due time */
  bool final;
  const char *state, *run;
  int64_t rows_read, rows_written, rows_rejected;
};

static bool ended(const char *state) {
  return strcmp(state, "queued") != 0 && strcmp(state, "claimed") != 0 && strcmp(state, "running") != 0;
}

static struct upstream_end end_of(const struct store_run *r) {
  return (struct upstream_end){true, r->state, r->id, r->rows_read, r->rows_written, r->rows_rejected};
}

/* Of the runs at hand, else of the store's: an attempt that is still to come counts before one that has ended. */
static struct upstream_end look(struct serve *s, const struct downstream *d, const char *pipeline, int64_t due_ns) {
  struct store_run *runs;
  struct err e;
  size_t n = 0;
  for (size_t i = 0; i < d->n; i++)
    if (d->rows[i].due_ns == due_ns && strcmp(d->rows[i].pipeline, pipeline) == 0)
      return strcmp(d->rows[i].state, "queued") == 0 ? (struct upstream_end){0} : end_of(&d->rows[i]);
  if (strcmp(d->run->pipeline, pipeline) == 0)
    return end_of(d->run);
  if (s->store_away ||
      store_list(s->store, &(struct store_filter){.pipeline = pipeline, .due_ns = due_ns, .limit = 100}, d->arena, &runs, &n, &e) < 0)
    return (struct upstream_end){0};
  for (size_t i = 0; i < n; i++)
    if (!ended(runs[i].state))
      return (struct upstream_end){0};
  return n ? end_of(&runs[0]) : (struct upstream_end){0};
}

static json_t *upstream_json(const struct upstream_end *u) {
  return json_pack("{s:s, s:s, s:I, s:I, s:I}", "status", u->state, "run", u->run ? u->run : "", "rows_read", (json_int_t)u->rows_read,
                   "rows_written", (json_int_t)u->rows_written, "rows_rejected", (json_int_t)u->rows_rejected);
}

static void append(struct downstream *d, const struct store_run *row) {
  struct store_run *grown = arena_alloc(d->arena, (d->n + 1) * sizeof *grown);
  if (d->n)
    memcpy(grown, d->rows, d->n * sizeof *grown);
  grown[d->n++] = *row;
  d->rows = grown;
}

/* One downstream p, for the due time of what has ended. */
static void consider(struct serve *s, struct downstream *d, const struct conf_pipeline *p, int64_t due_ns) {
  const char *failed = NULL, *failed_state = NULL;
  json_t *upstream = json_object();
  bool all = p->enabled;
  for (size_t i = 0; all && i < p->after_n; i++) {
    struct upstream_end u = look(s, d, p->after[i].name, due_ns);
    all = u.final;
    if (!all)
      break;
    if (strcmp(u.state, "succeeded") != 0 && !failed) {
      failed = p->after[i].name;
      failed_state = u.state;
    }
    json_object_set_new(upstream, p->after[i].name, upstream_json(&u));
  }
  json_t *options = json_pack("{s:o}", "upstream", upstream);
  char *text = json_dumps(options, JSON_COMPACT);
  struct store_run row = {.id = spec_run_id(d->arena),
                          .pipeline = p->name,
                          .trigger = "dependency",
                          .state = "queued",
                          .due_ns = due_ns,
                          .queued_ns = serve_now(s),
                          .not_before_ns = serve_now(s),
                          .priority = p->priority,
                          .attempt = 1,
                          .connections = serve_connections(p, d->arena),
                          .options = arena_strdup(d->arena, text)};
  if (p->on == ON_SUCCESS && failed) {
    row.state = "skipped";
    row.ended_ns = row.queued_ns;
    row.reason = arena_printf(d->arena, "upstream %s %s", failed, strcmp(failed_state, "skipped") == 0 ? "was skipped" : failed_state);
  }
  mem_free_ptr(&text);
  json_decref(options);
  if (all)
    append(d, &row);
}

static void consider_all(struct serve *s, struct downstream *d, const char *pipeline, int64_t due_ns) {
  const struct generation *g = s->gen;
  const struct conf_pipeline *p = generation_find(g, pipeline);
  if (!p || !g->graph)
    return;
  const struct graph_node *node = &g->graph->nodes[p - g->conf->pipelines];
  for (size_t i = 0; i < node->downstream_n; i++)
    consider(s, d, &g->conf->pipelines[node->downstream[i]], due_ns);
}

bool downstream_has_any(const struct serve *s, const char *pipeline) {
  const struct conf_pipeline *p = generation_find(s->gen, pipeline);
  return p && s->gen->graph && s->gen->graph->nodes[p - s->gen->conf->pipelines].downstream_n > 0;
}

void downstream_of(struct serve *s, const struct store_run *run, struct arena *a, struct downstream *ret) {
  *ret = (struct downstream){.arena = a, .run = run};
  if (!run->due_ns)
    return;
  consider_all(s, ret, run->pipeline, run->due_ns);
  for (size_t i = 0; i < ret->n; i++) /* the list grows: what is skipped has downstreams of its own */
    if (strcmp(ret->rows[i].state, "skipped") == 0)
      consider_all(s, ret, ret->rows[i].pipeline, run->due_ns);
}

void downstream_tell(struct serve *s, const struct downstream *d) {
  for (size_t i = 0; i < d->n; i++) {
    const struct store_run *r = &d->rows[i];
    if (strcmp(r->state, "skipped") != 0)
      continue;
    cleanup_free char *message = xasprintf("run %s is skipped: %s", r->id, r->reason);
    serve_event(
        s, &(struct serve_event){
               .level = LEVEL_WARNING, .kind = "run", .name = "skipped", .pipeline = r->pipeline, .run = r->id, .message = message, .outcome = r});
  }
}

void downstream_again(struct serve *s, const struct store_run *run) {
  struct arena *a = arena_new();
  struct downstream d;
  struct err e;
  downstream_of(s, run, a, &d);
  if (d.n && !s->store_away && store_enqueue(s->store, d.rows, d.n, false, serve_now(s), NULL, &e) < 0)
    serve_store_failed(s, &e);
  arena_free(a);
}
