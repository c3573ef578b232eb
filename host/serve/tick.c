/* From due times to workers.  A tick looks at everything that is due, queues it in one transaction, claims what there is room for in
 * another, and then sleeps until the next moment at which something can happen. */
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "sched/due.h"
#include "serve/breakers.h"
#include "serve/downstream.h"

enum { POLL_SECONDS = 5 /* others queue runs, too */, UNCLAIM_SECONDS = 1 };

/* ---- claim --------------------------------------------------------------------------------------------------------------------------------- */

static bool accept(void *arg, const struct store_run *candidate) {
  struct serve *s = arg;
  const struct job *j = serve_job(s, candidate->pipeline);
  return j && j->conf && !j->running && breakers_admit(s, j, candidate->trigger);
}

static void start(struct serve *s, const struct store_run *run) {
  struct err e, ignored;
  serve_job(s, run->pipeline)->waiting = false; /* accept() has seen it */
  if (running_start(s, run, &e) < 0) {
    if (e.error_class != ETL_E_RETRYABLE) {
      outcome_without_worker(s, run, e.error_class == RUN_EMPTY ? "skipped" : "failed", &e);
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

/* looked_ns: a time before the queue was looked at, since what became due meanwhile was not seen. */
static void sleep_until_next(struct serve *s, int64_t looked_ns) {
  int64_t now = serve_now(s), next = now + POLL_SECONDS * NS_PER_SEC, stored = INT64_MAX;
  struct err e;
  size_t index;
  int64_t due;
  if (due_first(s->due, &index, &due) && due < next && due > looked_ns) /* else the store did not take it */
    next = due;
  if (s->running_n < serve_max_running(s) && store_next(s->store, looked_ns, &stored, &e) < 0)
    serve_store_failed(s, &e);
  if (stored < next)
    next = stored;
  double seconds = (double)(next - serve_now(s)) / (double)NS_PER_SEC;
  ev_timer_stop(s->loop, &s->tick);
  ev_timer_set(&s->tick, seconds > 0 ? seconds : 0, 0);
  ev_timer_start(s->loop, &s->tick);
}

static void tell_status(struct serve *s) {
  systemd_status(&s->systemd, "%zu pipeline%s, %zu running%s%s", s->gen->conf->pipelines_n, s->gen->conf->pipelines_n == 1 ? "" : "s", s->running_n,
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
    else if (s->running_n == 0)
      serve_stop(s, STOP_NOW, "the state store has not been told of all that has ended");
    return;
  }
  if (s->store_away)
    return; /* its return pokes */
  struct arena *a = arena_new();
  int64_t looked_ns = serve_now(s);
  if (looked_ns + STORE_AHEAD_NS < s->ticked_ns)
    serve_jobs_clock(s);
  s->ticked_ns = looked_ns;
  serve_enqueue_due(s, a);
  if (s->follow && !s->store_away)
    s->follow = downstream_follow(s);
  if (!s->store_away)
    claim(s, a);
  arena_free(a);
  serve_flush_events(s);
  if (s->follow)
    serve_poke(s);
  else if (!s->store_away)
    sleep_until_next(s, looked_ns);
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

void serve_follow(struct serve *s) {
  s->follow = true;
  serve_poke(s);
}
