/* Jobs: one a pipeline, sorted by name.  What they know beside the configuration comes from the store. */
#include <stdlib.h>
#include <string.h>

#include "sched/due.h"
#include "sched/next.h"
#include "serve/breakers.h"
#include "serve/changes.h"

static int by_name(const void *a, const void *b) {
  const struct job *const *x = a, *const *y = b;
  return strcmp((*x)->name, (*y)->name);
}

struct job *serve_job(const struct serve *s, const char *pipeline) {
  struct job key = {.name = (char *)(uintptr_t)pipeline};
  const struct job *k = &key;
  struct job **found = s->jobs_n == 0 ? NULL : bsearch(&k, s->jobs, s->jobs_n, sizeof *s->jobs, by_name);
  return found ? *found : NULL;
}

static void job_free(struct job *j) {
  breakers_free(j);
  free(j->left_out);
  free(j->name);
  free(j);
}

void serve_job_next(struct serve *s, struct job *j) {
  const struct conf_pipeline *p = j->conf;
  j->next_due_ns = INT64_MAX;
  if (p && p->enabled && (p->when.kind == SCHEDULE_CRON || p->when.kind == SCHEDULE_EVERY))
    j->next_due_ns = sched_pipeline_next_ns(p, j->last_due_ns);
  due_set(s->due, j->index, j->next_due_ns);
}

/* Old ones that are configured no more stay only while they run. */
void serve_jobs_take(struct serve *s, const struct generation *g) {
  size_t n = 0;
  struct job **jobs = xcalloc(g->conf->pipelines_n + s->jobs_n + 1, sizeof *jobs);
  for (size_t i = 0; i < g->conf->pipelines_n; i++) {
    struct job *j = serve_job(s, g->by_name[i]->name);
    if (!j) {
      j = xcalloc(1, sizeof *j);
      j->name = xstrdup(g->by_name[i]->name);
      j->last_due_ns = serve_now(s);
    }
    if (s->state != SERVE_STARTING && (!j->conf || change_moves_times(j->conf, g->by_name[i])))
      j->last_due_ns = j->begins_ns = serve_now(s);
    j->conf = g->by_name[i];
    jobs[n++] = j;
  }
  for (size_t i = 0; i < s->jobs_n; i++) {
    struct job *j = s->jobs[i];
    if (generation_find(g, j->name))
      continue;
    j->conf = NULL;
    if (j->running)
      jobs[n++] = j;
    else
      job_free(j);
  }
  qsort(jobs, n, sizeof *jobs, by_name);
  free(s->jobs);
  s->jobs = jobs;
  s->jobs_n = n;
  due_free(s->due);
  s->due = due_new();
  for (size_t i = 0; i < n; i++) {
    jobs[i]->index = i;
    serve_job_next(s, jobs[i]);
  }
}

static void learn_one(struct serve *s, const struct store_pipeline *p) {
  struct job *j = serve_job(s, p->name);
  if (!j)
    return;
  j->paused = p->paused;
  j->window_to_ns = p->window_to_ns;
  if (p->last_due_ns)
    j->last_due_ns = p->last_due_ns > j->begins_ns ? p->last_due_ns : j->begins_ns;
}

/* A pipeline that is new, to the store or in its times, has missed nothing; from now on it can. */
static int note_new(struct serve *s, const struct store_pipeline *known, size_t known_n, struct arena *a, struct err *e) {
  struct store_pipeline *fresh = arena_alloc(a, (s->jobs_n + 1) * sizeof *fresh);
  size_t n = 0, k = 0;
  for (size_t i = 0; i < s->jobs_n; i++) { /* both are sorted */
    while (k < known_n && strcmp(known[k].name, s->jobs[i]->name) < 0)
      k++;
    bool there = k < known_n && strcmp(known[k].name, s->jobs[i]->name) == 0 && known[k].last_due_ns && known[k].last_due_ns >= s->jobs[i]->begins_ns;
    if (!there && s->jobs[i]->next_due_ns != INT64_MAX)
      fresh[n++] = (struct store_pipeline){.name = s->jobs[i]->name, .last_due_ns = s->jobs[i]->last_due_ns};
  }
  return n ? store_pipelines_note(s->store, fresh, n, e) : 0;
}

/* A clock that was ahead for a while has left due times behind that no schedule would reach for years.  By how little it may be ahead, those
 * times count: none of them is due twice. */
static void look_at_clock(struct serve *s) {
  const char *one = NULL;
  size_t n = 0;
  int64_t now = serve_now(s);
  for (size_t i = 0; i < s->jobs_n; i++) {
    struct job *j = s->jobs[i];
    if (j->last_due_ns <= now + STORE_AHEAD_NS)
      continue;
    j->last_due_ns = now;
    one = j->name;
    n++;
  }
  if (n)
    serve_tell(s, LEVEL_WARNING, "schedule", "clock",
               "%zu pipelines, such as '%s', were due more than a day ahead of now: the clock was wrong then, or is now; their schedules go on from now", n,
               one);
}

void serve_jobs_clock(struct serve *s) {
  look_at_clock(s);
  for (size_t i = 0; i < s->jobs_n; i++)
    serve_job_next(s, s->jobs[i]);
}

int serve_jobs_learn(struct serve *s, struct err *e) {
  struct arena *a = arena_new();
  struct store_pipeline *known;
  size_t n;
  int rc = store_pipelines(s->store, NULL, a, &known, &n, e);
  if (rc == 0) {
    for (size_t i = 0; i < n; i++)
      learn_one(s, &known[i]);
    look_at_clock(s);
    rc = note_new(s, known, n, a, e);
  }
  if (rc == 0)
    rc = breakers_learn(s, e);
  for (size_t i = 0; rc == 0 && i < s->jobs_n; i++)
    serve_job_next(s, s->jobs[i]);
  arena_free(a);
  return rc;
}

/* Somebody may have asked another host, or the store alone.  One that goes on knows again up to where its due times were left out. */
int serve_jobs_learn_paused(struct serve *s, struct err *e) {
  struct arena *a = arena_new();
  struct store_pipeline *paused;
  size_t n, still = 0, before = 0;
  int rc = store_paused(s->store, a, &paused, &n, e);
  for (size_t i = 0; rc == 0 && i < s->jobs_n; i++)
    before += s->jobs[i]->paused;
  for (size_t i = 0; rc == 0 && i < n; i++) {
    struct job *j = serve_job(s, paused[i].name);
    still += j && j->paused;
    if (j)
      j->paused = true;
  }
  arena_free(a);
  return rc < 0 || still == before ? rc : serve_jobs_learn(s, e);
}

void serve_jobs_free(struct serve *s) {
  for (size_t i = 0; i < s->jobs_n; i++)
    job_free(s->jobs[i]);
  free(s->jobs);
  due_free(s->due);
  s->jobs = NULL;
  s->due = NULL;
  s->jobs_n = 0;
}
