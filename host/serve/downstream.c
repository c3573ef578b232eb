/* What comes after a run: pipelines that were to run after it for the same due time.  A downstream is queued, or recorded as skipped, once all
 * that it comes after have ended for good; what is skipped has ended, too.
 *
 * The store keeps which ended runs nobody has looked behind yet, so none is forgotten when a host dies, a commit is not answered, or a run ends
 * by the hand of somebody else.  Since it is looked when their ends are stored, of two upstreams that end on two hosts at the same moment the later
 * one sees both; a downstream that is queued twice for the same time is there once. */
#include "serve/downstream.h"

#include <string.h>

#include "base/member.h"
#include "base/units.h"
#include "serve/attempts.h"

enum { AT_ONCE = 256 };
#define STRANGER_NS (3600 * NS_PER_SEC) /* runs of pipelines that only other hosts have are left to them for so long */

struct downstream {
  struct arena *arena;
  const struct store_run *run; /* that has ended */
  struct store_run *rows; /* to be queued: "queued", or "skipped" for the record */
  size_t n;
};

struct upstream_end { /* how an upstream came out for a due time */
  bool final;
  const char *state, *run;
  int64_t rows_read, rows_written, rows_rejected;
};

static bool ended(const char *state) {
  return strcmp(state, "queued") != 0 && strcmp(state, "claimed") != 0 && strcmp(state, "running") != 0;
}

static struct upstream_end end_of(const struct store_run *r) {
  struct attempts_rows rows = attempts_rows(r);
  return (struct upstream_end){true, r->state, r->id, rows.read, rows.written, rows.rejected};
}

/* An attempt that is still to come counts before one that has ended. */
static int look(struct serve *s, const struct downstream *d, const char *pipeline, struct upstream_end *ret, struct err *e) {
  struct store_run *runs;
  size_t n;
  *ret = end_of(d->run);
  if (strcmp(d->run->pipeline, pipeline) == 0)
    return 0;
  if (store_of_due(s->store, pipeline, d->run->due_ns, d->arena, &runs, &n, e) < 0)
    return -1;
  *ret = n ? end_of(&runs[0]) : (struct upstream_end){0};
  for (size_t i = 0; i < n; i++)
    ret->final &= ended(runs[i].state);
  return 0;
}

static json_t *upstream_json(const struct upstream_end *u) {
  return json_pack("{s:s, s:s, s:I, s:I, s:I}", "status", u->state, "run", u->run ? u->run : "", "rows_read", (json_int_t)u->rows_read,
                   "rows_written", (json_int_t)u->rows_written, "rows_rejected", (json_int_t)u->rows_rejected);
}

static void append(struct downstream *d, const struct store_run *row) {
  d->rows = arena_more(d->arena, d->rows, d->n, sizeof *d->rows);
  d->rows[d->n++] = *row;
}

/* All that p comes after have ended: first_bad is one that did not succeed, if there is any. */
static void add(struct serve *s, struct downstream *d, const struct conf_pipeline *p, const json_t *upstream, const char *first_bad) {
  json_t *options = json_pack("{s:O}", "upstream", upstream);
  char *text = json_dumps(options, JSON_COMPACT);
  struct store_run row = {.id = spec_run_id(d->arena),
                          .pipeline = p->name,
                          .trigger = "dependency",
                          .state = "queued",
                          .due_ns = d->run->due_ns,
                          .queued_ns = serve_now(s),
                          .not_before_ns = serve_now(s),
                          .priority = p->priority,
                          .attempt = 1,
                          .connections = serve_connections(p, d->arena),
                          .options = arena_strdup(d->arena, text)};
  if (p->on == ON_SUCCESS && first_bad) {
    const char *state = member_text(json_object_get(upstream, first_bad), "status");
    row.state = "skipped";
    row.ended_ns = row.queued_ns;
    row.reason = arena_printf(d->arena, "upstream %s %s", first_bad, strcmp(state, "skipped") == 0 ? "was skipped" : state);
  }
  mem_free_ptr(&text);
  json_decref(options);
  append(d, &row);
}

/* One downstream. */
static int consider(struct serve *s, struct downstream *d, const struct conf_pipeline *p, struct err *e) {
  const char *first_bad = NULL;
  json_t *upstream = json_object();
  struct upstream_end u = {.final = p->enabled};
  int rc = 0;
  for (size_t i = 0; rc == 0 && u.final && i < p->after_n; i++) {
    const char *name = p->after[i].name;
    rc = look(s, d, name, &u, e);
    if (rc < 0 || !u.final)
      break;
    if (strcmp(u.state, "succeeded") != 0 && !first_bad)
      first_bad = name;
    json_object_set_new(upstream, name, upstream_json(&u));
  }
  if (rc == 0 && u.final)
    add(s, d, p, upstream, first_bad);
  json_decref(upstream);
  return rc;
}

static const struct graph_node *node_of(const struct serve *s, const char *pipeline) {
  const struct conf_pipeline *p = generation_find(s->gen, pipeline);
  return p && s->gen->graph ? &s->gen->graph->nodes[p - s->gen->conf->pipelines] : NULL;
}

bool downstream_has_any(const struct serve *s, const char *pipeline) {
  const struct graph_node *node = node_of(s, pipeline);
  return node && node->downstream_n > 0;
}

static int consider_all(struct serve *s, struct downstream *d, const struct store_run *run, struct err *e) {
  const struct graph_node *node = node_of(s, run->pipeline);
  d->run = run;
  for (size_t i = 0; node && i < node->downstream_n; i++)
    if (consider(s, d, &s->gen->conf->pipelines[node->downstream[i]], e) < 0)
      return -1;
  return 0;
}

static void tell_skipped(struct serve *s, const struct store_run *r) {
  cleanup_free char *message = xasprintf("run %s is skipped: %s", r->id, r->reason);
  serve_event(
      s, &(struct serve_event){
             .level = LEVEL_WARNING, .kind = "run", .name = "skipped", .pipeline = r->pipeline, .run = r->id, .message = message, .outcome = r});
}

/* ret_ours: how many of them we know. */
static int follow(struct serve *s, struct downstream *d, struct store_run *ended, size_t n, size_t *ret_ours, struct err *e) {
  size_t ours = 0;
  for (size_t i = 0; i < n; i++) {
    if (!generation_find(s->gen, ended[i].pipeline) && ended[i].ended_ns > serve_now(s) - STRANGER_NS)
      continue;
    if (consider_all(s, d, &ended[i], e) < 0)
      return -1;
    ended[ours++] = ended[i];
  }
  *ret_ours = ours;
  bool *added = arena_alloc(d->arena, (d->n + 1) * sizeof *added);
  if (ours && store_followed(s->store, ended, ours, d->rows, d->n, serve_now(s), added, e) < 0)
    return -1;
  for (size_t i = 0; i < d->n; i++)
    if (added[i] && strcmp(d->rows[i].state, "skipped") == 0)
      tell_skipped(s, &d->rows[i]);
  return 0;
}

bool downstream_follow(struct serve *s) {
  struct downstream d = {.arena = arena_new()};
  struct store_run *ended, last, *after = NULL;
  struct err e;
  size_t n = 0, ours = 0;
  int rc;
  do {
    rc = store_unfollowed(s->store, after, AT_ONCE, d.arena, &ended, &n, &e);
    if (rc == 0 && n) {
      last = ended[n - 1];
      after = &last;
      rc = follow(s, &d, ended, n, &ours, &e);
    }
  } while (rc == 0 && n == AT_ONCE && ours == 0);
  if (rc < 0)
    serve_store_failed(s, &e);
  bool more = rc == 0 && ours && (n == AT_ONCE || d.n > 0); /* what is skipped has ended, too */
  arena_free(d.arena);
  return more;
}
