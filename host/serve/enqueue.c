/* From due times to runs in the store's queue: all that is due at a moment in one transaction. */
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "sched/due.h"
#include "sched/missed.h"
#include "serve/breakers.h"
#include "serve/downstream.h"

/* What is later than this was missed: the host was not there, or could not reach its store. */
#define ON_TIME_NS (60 * NS_PER_SEC)
enum { LOOKED_AT = 100 /* runs of a pipeline that wait */ };

struct touched { /* a job that was due */
  struct job *job;
  int64_t last_due_ns; /* before */
  size_t late, made_up;
  bool more; /* there were older ones, which nobody counted */
  int64_t due_ns;         /* of its row; 0: it has none */
  const char *reason;     /* why that is left out; NULL: it is not */
  bool counted;           /* left out for the same reason as the one before: it has no row of its own */
};
struct batch {
  struct serve *serve;
  struct arena *arena;
  int64_t now_ns;
  struct store_run *rows;
  size_t n, room;
  struct touched *jobs;
  size_t jobs_n, jobs_room;
  struct store_pipeline *noted; /* times without a row */
  size_t noted_n;
};

const char *serve_connections(const struct conf_pipeline *p, struct arena *a) {
  const char *from = p->extract.connection, *to = p->load.connection;
  if (from && to && strcmp(from, to) != 0)
    return arena_printf(a, "%s %s", from, to);
  return from ? from : to ? to : "";
}

static struct store_run *add(struct batch *b, const struct job *j, const char *trigger, int64_t due_ns) {
  if (b->n == b->room) {
    b->room = b->room ? 2 * b->room : 64;
    b->rows = xrealloc(b->rows, b->room * sizeof *b->rows);
  }
  b->rows[b->n] = (struct store_run){.id = spec_run_id(b->arena),
                                     .pipeline = j->name,
                                     .trigger = trigger,
                                     .state = "queued",
                                     .due_ns = due_ns,
                                     .queued_ns = b->now_ns,
                                     .not_before_ns = due_ns + sched_jitter_ns(j->name, due_ns, j->conf->jitter_ns),
                                     .priority = j->conf->priority,
                                     .attempt = 1,
                                     .connections = serve_connections(j->conf, b->arena)};
  return &b->rows[b->n++];
}

static bool wants_all(const struct conf_pipeline *p) { return p->catch_up == CATCH_UP_ALL || p->interval; }

/* A run of an earlier due time that nobody has begun yet: this one would do the same work once more. */
static bool one_waits(struct serve *s, struct job *j) {
  struct arena *a = arena_new();
  const char *name = j->name;
  struct store_run *runs;
  size_t n = 0;
  struct err e;
  if (j->waiting && store_waiting(s->store, &(struct store_names){&name, 1}, LOOKED_AT, a, &runs, &n, &e) < 0)
    n = 0;
  j->waiting = false;
  for (size_t i = 0; i < n; i++)
    j->waiting |= strcmp(runs[i].trigger, "schedule") == 0 || strcmp(runs[i].trigger, "catch_up") == 0;
  arena_free(a);
  return j->waiting;
}

/* A schedule of seconds would fill history with times that are left out: only the first is in it, the others are counted.  Pipelines that come
 * after this one wait for each, though. */
static void add_on_time(struct batch *b, struct touched *t, int64_t due_ns) {
  struct job *j = t->job;
  bool waits = !wants_all(j->conf) && one_waits(b->serve, j);
  const char *breaker = wants_all(j->conf) ? NULL : breakers_reason(b->serve, j, b->arena);
  t->reason = breaker ? breaker : waits ? "a run of an earlier time still waits in the queue" : NULL;
  t->counted = t->reason && j->left_out && strcmp(j->left_out, t->reason) == 0 && !downstream_has_any(b->serve, j->name);
  if (t->counted)
    return;
  struct store_run *row = add(b, j, "schedule", due_ns);
  t->due_ns = due_ns;
  j->waiting |= !breaker;
  if (!t->reason)
    return;
  row->state = "skipped";
  row->ended_ns = b->now_ns;
  row->reason = t->reason;
}

/* The times of one job up to now, as catch_up wants them. */
static void add_job(struct batch *b, struct job *j) {
  const struct conf_pipeline *p = j->conf;
  struct touched *t = &b->jobs[b->jobs_n++];
  struct sched_missed late = {0};
  int64_t on_time = b->now_ns - ON_TIME_NS, first = 0;
  *t = (struct touched){.job = j, .last_due_ns = j->last_due_ns};
  if (j->paused) {
    j->last_due_ns = b->now_ns;
    serve_job_next(b->serve, j);
    return;
  }
  if (j->last_due_ns < on_time) {
    sched_missed(p, j->last_due_ns, on_time, b->arena, &late);
    j->last_due_ns = on_time;
    serve_job_next(b->serve, j);
  }
  t->late = late.passed;
  t->more = late.more;
  while (j->next_due_ns <= b->now_ns) {
    first = j->next_due_ns;
    j->last_due_ns = first;
    serve_job_next(b->serve, j);
    if (wants_all(p) || j->next_due_ns > b->now_ns)
      add_on_time(b, t, first);
  }
  if (first && !wants_all(p)) /* the newest one stands for those before it */
    return;
  t->made_up = late.n;
  for (size_t i = 0; i < late.n; i++)
    add(b, j, "catch_up", late.due_ns[i]);
}

static void tell_missed(struct serve *s, const struct touched *t) {
  if (t->late == 0)
    return;
  cleanup_free char *message = xasprintf("%s%zu due time%s missed; %zu of them made up", t->more ? "more than " : "", t->late, t->late == 1 ? " was" : "s were", t->made_up);
  serve_event(s, &(struct serve_event){
                     .level = LEVEL_WARNING, .kind = "schedule", .name = "missed", .pipeline = t->job->name, .message = message});
}

static void tell_left_out(struct serve *s, const struct job *j) {
  char since[TIME_TEXT];
  if (j->left_out_n == 0)
    return;
  cleanup_free char *message = xasprintf("%zu more due times were left out since that of %s, which is in history: %s", j->left_out_n,
                                         time_text(since, j->left_out_ns), j->left_out);
  serve_event(s, &(struct serve_event){.level = LEVEL_WARNING, .kind = "schedule", .name = "left_out", .pipeline = j->name, .message = message});
}

static void count_left_out(struct serve *s, const struct touched *t) {
  struct job *j = t->job;
  j->left_out_n += t->counted;
  if (!t->due_ns)
    return;
  tell_left_out(s, j);
  free(j->left_out);
  j->left_out = t->reason ? xstrdup(t->reason) : NULL;
  j->left_out_ns = t->due_ns;
  j->left_out_n = 0;
}

void serve_tell_left_out(struct serve *s) {
  for (size_t i = 0; i < s->jobs_n; i++)
    tell_left_out(s, s->jobs[i]);
}

/* ---- what all upstreams run for, too -------------------------------------------------------------------------------------------------------- */

static int by_slot(const void *a, const void *b) {
  const struct store_run *const *x = a, *const *y = b;
  int c = strcmp((*x)->pipeline, (*y)->pipeline);
  return c ? c : ((*x)->due_ns > (*y)->due_ns) - ((*x)->due_ns < (*y)->due_ns);
}

struct slots {
  struct serve *serve;
  struct store_run **rows; /* by_slot() */
  size_t n;
  json_t *seen; /* names of pipelines, as members: all that has been asked for so far runs, or the answer would be there */
};

static bool upstreams_run(const struct slots *t, const struct conf_pipeline *p, int64_t due_ns);

/* It has a row here for this time, or it comes after pipelines that run for it. */
static bool runs_for(const struct slots *t, const char *pipeline, int64_t due_ns) {
  struct store_run key = {.pipeline = pipeline, .due_ns = due_ns}, *k = &key;
  const struct job *j = serve_job(t->serve, pipeline);
  if (json_object_get(t->seen, pipeline) || bsearch(&k, t->rows, t->n, sizeof *t->rows, by_slot))
    return true;
  json_object_set_new(t->seen, pipeline, json_true());
  return j && j->conf && j->conf->enabled && !j->paused && upstreams_run(t, j->conf, due_ns);
}

static bool upstreams_run(const struct slots *t, const struct conf_pipeline *p, int64_t due_ns) {
  for (size_t i = 0; i < p->after_n; i++)
    if (!runs_for(t, p->after[i].name, due_ns))
      return false;
  return p->after_n > 0;
}

/* Whether the run is queued by the end of its upstreams. */
static bool comes_after(struct slots *t, const struct store_run *row) {
  if (strcmp(row->state, "queued") != 0)
    return false;
  t->seen = json_object();
  bool all = upstreams_run(t, serve_job(t->serve, row->pipeline)->conf, row->due_ns);
  json_decref(t->seen);
  return all;
}

/* Takes these out of the rows. */
static void leave_to_upstreams(struct batch *b) {
  struct slots t = {.serve = b->serve, .rows = arena_alloc(b->arena, (b->n + 1) * sizeof *t.rows), .n = b->n};
  bool *later = arena_alloc(b->arena, (b->n + 1) * sizeof *later);
  size_t n = b->n, kept = 0;
  for (size_t i = 0; i < n; i++)
    t.rows[i] = &b->rows[i];
  qsort(t.rows, n, sizeof *t.rows, by_slot);
  for (size_t i = 0; i < n; i++)
    later[i] = comes_after(&t, &b->rows[i]);
  b->noted = arena_alloc(b->arena, (n + b->jobs_n + 1) * sizeof *b->noted);
  for (size_t i = 0; i < n; i++)
    if (later[i])
      b->noted[b->noted_n++] = (struct store_pipeline){.name = b->rows[i].pipeline, .last_due_ns = b->rows[i].due_ns};
    else
      b->rows[kept++] = b->rows[i];
  b->n = kept;
}

/* Without a row the store does not know that a time is done with. */
static int note_times(struct batch *b, struct err *e) {
  for (size_t i = 0; i < b->jobs_n; i++)
    if (b->jobs[i].counted)
      b->noted[b->noted_n++] = (struct store_pipeline){.name = b->jobs[i].job->name, .last_due_ns = b->jobs[i].job->last_due_ns};
  return b->noted_n ? store_pipelines_note(b->serve->store, b->noted, b->noted_n, e) : 0;
}

/* It is due until the store has it. */
static void undo(struct serve *s, struct touched *t) {
  t->job->last_due_ns = t->last_due_ns;
  serve_job_next(s, t->job);
}

/* False: nothing is queued. */
static bool flush(struct batch *b) {
  struct serve *s = b->serve;
  struct err e;
  leave_to_upstreams(b);
  int rc = b->n ? store_enqueue(s->store, b->rows, b->n, true, b->now_ns, NULL, &e) : 0;
  if (rc == 0 && b->n)
    serve_follow(s); /* what was added took the place of retries, or is left out */
  if (rc == 0)
    rc = note_times(b, &e);
  for (size_t i = 0; i < b->jobs_n; i++) {
    if (rc < 0) {
      undo(s, &b->jobs[i]);
      continue;
    }
    tell_missed(s, &b->jobs[i]);
    count_left_out(s, &b->jobs[i]);
  }
  if (rc < 0)
    serve_store_failed(s, &e);
  free(b->rows);
  free(b->jobs);
  return rc == 0;
}

void serve_enqueue_due(struct serve *s, struct arena *a) {
  struct batch b = {.serve = s, .arena = a, .now_ns = serve_now(s)};
  size_t index;
  int64_t at;
  while (due_first(s->due, &index, &at) && at <= b.now_ns) {
    if (b.jobs_n == b.jobs_room) {
      b.jobs_room = b.jobs_room ? 2 * b.jobs_room : 64;
      b.jobs = xrealloc(b.jobs, b.jobs_room * sizeof *b.jobs);
    }
    add_job(&b, s->jobs[index]);
  }
  flush(&b);
}

bool serve_enqueue_reboot(struct serve *s) {
  struct arena *a = arena_new();
  struct batch b = {.serve = s, .arena = a, .now_ns = serve_now(s)};
  for (size_t i = 0; i < s->jobs_n; i++)
    if (s->jobs[i]->conf && s->jobs[i]->conf->enabled && s->jobs[i]->conf->when.kind == SCHEDULE_REBOOT && !s->jobs[i]->paused)
      add(&b, s->jobs[i], "reboot", s->started_ns);
  bool queued = flush(&b);
  arena_free(a);
  return queued;
}
