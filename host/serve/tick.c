/* From due times to workers.  A tick looks at everything that is due, queues it in one transaction, claims what there is room for in
 * another, and then sleeps until the next moment at which something can happen. */
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "sched/next.h"
#include "serve/serve.h"

enum { POLL_SECONDS = 5 /* others queue runs, too */, MISSED_AFTER_SECONDS = 60, MISSED_MAX = 10000, UNCLAIM_SECONDS = 1 };

/* ---- due --------------------------------------------------------------------------------------------------------------------------------- */

struct touched { /* a job that was due */
  struct job *job;
  int64_t last_due_ns; /* before */
  int64_t late, made_up;
};
struct due {
  struct arena *arena;
  int64_t now_ns;
  struct store_run *rows;
  size_t n, room;
  struct touched *jobs;
  size_t jobs_n;
};

static const char *connections_of(const struct conf_pipeline *p, struct arena *a) {
  const char *from = p->extract.connection, *to = p->load.connection;
  if (from && to && strcmp(from, to) != 0)
    return arena_printf(a, "%s %s", from, to);
  return from ? from : to ? to : "";
}

static void add(struct due *d, struct job *j, int64_t due_ns, bool late) {
  if (d->n == d->room) {
    d->room = d->room ? 2 * d->room : 64;
    d->rows = xrealloc(d->rows, d->room * sizeof *d->rows);
  }
  d->rows[d->n++] = (struct store_run){.id = spec_run_id(d->arena),
                                       .pipeline = j->name,
                                       .trigger = late ? "catch_up" : "schedule",
                                       .state = "queued",
                                       .due_ns = due_ns,
                                       .queued_ns = d->now_ns,
                                       .not_before_ns = due_ns,
                                       .priority = j->conf->priority,
                                       .attempt = 1,
                                       .connections = connections_of(j->conf, d->arena)};
}

/* The times of one job up to now, as catch_up wants them. */
static void add_job(struct due *d, struct job *j) {
  struct touched *t = &d->jobs[d->jobs_n++];
  *t = (struct touched){.job = j, .last_due_ns = j->last_due_ns};
  for (int64_t rows = 0; j->next_due_ns <= d->now_ns;) {
    int64_t due = j->next_due_ns;
    bool late = d->now_ns - due > MISSED_AFTER_SECONDS * NS_PER_SEC;
    j->last_due_ns = due;
    serve_job_next(j);
    bool last = j->next_due_ns > d->now_ns;
    t->late += late;
    if (j->paused || (late && j->conf->catch_up == CATCH_UP_NONE) || (!last && j->conf->catch_up != CATCH_UP_ALL) || ++rows > MISSED_MAX)
      continue;
    t->made_up += late;
    add(d, j, due, late);
  }
}

static void tell_missed(struct serve *s, const struct touched *t) {
  if (t->late == 0)
    return;
  cleanup_free char *message = xasprintf("%lld due times were missed; %lld of them are made up", (long long)t->late, (long long)t->made_up);
  serve_event(s, &(struct serve_event){.level = LEVEL_WARNING, .kind = "schedule", .name = "missed", .pipeline = t->job->name, .message = message});
}

/* They are due until the store has them. */
static void undo(struct touched *t) {
  t->job->last_due_ns = t->last_due_ns;
  serve_job_next(t->job);
}

static void enqueue_due(struct serve *s, struct arena *a) {
  struct due d = {.arena = a, .now_ns = serve_now(s), .jobs = xcalloc(s->jobs_n + 1, sizeof *d.jobs)};
  struct err e;
  for (size_t i = 0; i < s->jobs_n; i++)
    if (s->jobs[i]->next_due_ns <= d.now_ns)
      add_job(&d, s->jobs[i]);
  int rc = d.n ? store_enqueue(s->store, d.rows, d.n, true, d.now_ns, NULL, &e) : 0;
  for (size_t i = 0; i < d.jobs_n; i++)
    if (rc < 0)
      undo(&d.jobs[i]);
    else
      tell_missed(s, &d.jobs[i]);
  if (rc < 0)
    serve_store_failed(s, &e);
  free(d.rows);
  free(d.jobs);
}

/* ---- claim --------------------------------------------------------------------------------------------------------------------------------- */

static bool accept(void *arg, const struct store_run *candidate) {
  struct serve *s = arg;
  const struct job *j = serve_job(s, candidate->pipeline);
  return j && j->conf && !j->running;
}

static void start(struct serve *s, const struct store_run *run) {
  struct err e, ignored;
  if (running_start(s, run, &e) < 0) {
    if (e.error_class != ETL_E_RETRYABLE) {
      outcome_without_worker(s, run, "failed", &e);
      return;
    }
    log_err(s->log, LEVEL_WARNING, run->pipeline, &e);
    if (store_unclaim(s->store, run->id, run->fence, serve_now(s) + UNCLAIM_SECONDS * NS_PER_SEC, &ignored) < 0)
      serve_store_failed(s, &ignored); /* its lease runs out */
    return;
  }
  if (store_running(s->store, run->id, run->fence, serve_now(s), &e) < 0 && !serve_store_failed(s, &e))
    running_cancel(serve_running(s, run->id), STOP_NOW, WHY_LEASE, e.message);
}

/* Connections with a limit. */
static void limit_connections(const struct conf *c, struct arena *a, struct store_limits *l) {
  size_t n = 0;
  while (c->connection_names[n])
    n++;
  const char **names = arena_alloc(a, (n + 1) * sizeof *names);
  int64_t *max = arena_alloc(a, (n + 1) * sizeof *max);
  for (size_t i = 0; i < n; i++)
    if (c->connection_max[i] > 0) {
      names[l->connections_n] = c->connection_names[i];
      max[l->connections_n++] = c->connection_max[i];
    }
  l->connections = names;
  l->connection_max = max;
}

static void claim(struct serve *s, struct arena *a) {
  size_t max = serve_max_running(s), n = 0;
  const struct conf *c = s->gen->conf;
  struct store_run *runs;
  struct err e;
  if (s->running_n >= max)
    return;
  struct store_limits limits = {.max = (int64_t)(max - s->running_n), .accept = accept, .arg = s};
  limit_connections(c, a, &limits);
  int64_t now = serve_now(s);
  if (store_claim(s->store, now, now + c->serve.lease_ns, &limits, a, &runs, &n, &e) < 0) {
    serve_store_failed(s, &e);
    return;
  }
  for (size_t i = 0; i < n; i++)
    start(s, &runs[i]);
}

/* ---- the tick ------------------------------------------------------------------------------------------------------------------------------- */

static void sleep_until_next(struct serve *s) {
  int64_t now = serve_now(s), next = now + POLL_SECONDS * NS_PER_SEC, stored = INT64_MAX;
  struct err e;
  for (size_t i = 0; i < s->jobs_n; i++)
    if (s->jobs[i]->next_due_ns < next)
      next = s->jobs[i]->next_due_ns;
  if (s->running_n < serve_max_running(s) && store_next(s->store, now, &stored, &e) < 0)
    serve_store_failed(s, &e);
  if (stored < next)
    next = stored;
  double seconds = (double)(next - serve_now(s)) / (double)NS_PER_SEC;
  ev_timer_stop(s->loop, &s->tick);
  ev_timer_set(&s->tick, seconds > 0 ? seconds : 0, 0);
  ev_timer_start(s->loop, &s->tick);
}

static void tell_status(struct serve *s) {
  systemd_status(&s->systemd, "%zu pipelines, %zu running%s%s", s->gen->conf->pipelines_n, s->running_n,
                 s->store_away ? ", the state store cannot be used" : "", s->state == SERVE_STOPPING ? ", stopping" : "");
}

static void on_tick(struct ev_loop *loop, ev_timer *t, int revents) {
  struct serve *s = t->data;
  (void)revents;
  ev_timer_stop(loop, t);
  tell_status(s);
  if (s->state == SERVE_STOPPING) {
    serve_flush_events(s);
    if (s->running_n == 0 && !s->ended)
      ev_break(loop, EVBREAK_ALL);
    return;
  }
  if (s->store_away)
    return; /* its return pokes */
  struct arena *a = arena_new();
  enqueue_due(s, a);
  if (!s->store_away)
    claim(s, a);
  arena_free(a);
  serve_flush_events(s);
  if (!s->store_away)
    sleep_until_next(s);
}

void serve_tick_init(struct serve *s) {
  ev_timer_init(&s->tick, on_tick, 0, 0);
  s->tick.data = s;
}

void serve_poke(struct serve *s) {
  ev_timer_stop(s->loop, &s->tick);
  ev_timer_set(&s->tick, 0, 0);
  ev_timer_start(s->loop, &s->tick);
}
