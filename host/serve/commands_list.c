/* Pipelines with how they stand; pausing them; their circuit breakers. */
#include <stdlib.h>
#include <string.h>

#include "sched/next.h"
#include "serve/breakers.h"
#include "serve/commands.h"
#include "serve/shown.h"

enum { SLICE = 200 /* pipelines told in one turn of the loop */, WAITING_MAX = 10000 };

/* ---- list ------------------------------------------------------------------------------------------------------------------------------- */

/* What the store knows of some pipelines: each list sorted by pipeline. */
struct known {
  struct store_pipeline *pipelines;
  size_t pipelines_n;
  struct store_run *latest, *queued; /* of each pipeline the ended and the active one; what waits */
  size_t latest_n, queued_n;
  struct store_breaker *breakers;
  size_t breakers_n;
};

static int by_pipeline(const void *a, const void *b) { return strcmp(((const struct store_run *)a)->pipeline, ((const struct store_run *)b)->pipeline); }

static int learn(const struct asked *q, const struct store_names *of, struct known *k, struct err *e) {
  if (!q->store)
    return 0;
  if (store_pipelines(q->store, of, q->arena, &k->pipelines, &k->pipelines_n, e) < 0 ||
      store_latest(q->store, of, q->arena, &k->latest, &k->latest_n, e) < 0 ||
      store_waiting(q->store, of, WAITING_MAX, q->arena, &k->queued, &k->queued_n, e) < 0 ||
      store_breakers(q->store, of, q->arena, &k->breakers, &k->breakers_n, e) < 0)
    return asked_failed(q, e);
  qsort(k->latest, k->latest_n, sizeof *k->latest, by_pipeline);
  return 0;
}

/* The first row of a pipeline in a sorted list whose rows begin with, or hold at `at`, its name; n: none. */
static size_t first_of(const void *rows, size_t n, size_t size, size_t at, const char *name) {
  size_t low = 0, high = n;
  while (low < high) {
    size_t mid = low + (high - low) / 2;
    const char *const *text = (const void *)((const char *)rows + mid * size + at);
    if (strcmp(*text, name) < 0)
      low = mid + 1;
    else
      high = mid;
  }
  return low;
}
#define FIRST_OF(rows_, n_, type_, member_, name_) first_of(rows_, n_, sizeof(struct type_), offsetof(struct type_, member_), name_)

struct standing { /* of one pipeline */
  const struct conf_pipeline *p;
  bool paused, active;
  size_t queued, retrying;
  int64_t next_due_ns;
  const char *breaker; /* state of its own one, unless it is closed */
  size_t open_shards;
  json_t *active_run, *last_run, *waiting; /* the caller's references */
};

static void take_runs(const struct asked *q, const struct known *k, struct standing *t) {
  const char *name = t->p->name;
  for (size_t i = FIRST_OF(k->latest, k->latest_n, store_run, pipeline, name); i < k->latest_n && strcmp(k->latest[i].pipeline, name) == 0; i++) {
    const struct store_run *r = &k->latest[i];
    const struct running *here = !r->ended_ns && q->serve ? serve_running(q->serve, r->id) : NULL;
    json_t **to = r->ended_ns ? &t->last_run : &t->active_run;
    json_decref(*to);
    *to = here ? command_live(here, false) : shown_run(r);
    t->active |= !r->ended_ns;
  }
  for (size_t i = FIRST_OF(k->queued, k->queued_n, store_run, pipeline, name); i < k->queued_n && strcmp(k->queued[i].pipeline, name) == 0; i++) {
    bool waits = k->queued[i].not_before_ns > q->now_ns;
    t->queued += !waits;
    t->retrying += waits && strcmp(k->queued[i].trigger, "retry") == 0;
    if (!t->waiting)
      t->waiting = shown_run(&k->queued[i]);
  }
}

static void take_breakers(const struct known *k, struct standing *t) {
  const char *name = t->p->name;
  for (size_t i = FIRST_OF(k->breakers, k->breakers_n, store_breaker, pipeline, name); i < k->breakers_n && strcmp(k->breakers[i].pipeline, name) == 0; i++) {
    if (strcmp(k->breakers[i].state, "closed") == 0)
      continue;
    if (*k->breakers[i].shard)
      t->open_shards++;
    else
      t->breaker = k->breakers[i].state;
  }
}

static void take_next(const struct asked *q, const struct known *k, struct standing *t) {
  const struct job *j = q->serve ? serve_job(q->serve, t->p->name) : NULL;
  size_t i = FIRST_OF(k->pipelines, k->pipelines_n, store_pipeline, name, t->p->name);
  t->paused = j && !q->store ? j->paused : i < k->pipelines_n && strcmp(k->pipelines[i].name, t->p->name) == 0 && k->pipelines[i].paused;
  t->next_due_ns = j ? j->next_due_ns : t->p->enabled && (t->p->when.kind == SCHEDULE_CRON || t->p->when.kind == SCHEDULE_EVERY) ? sched_pipeline_next_ns(t->p, q->now_ns) : INT64_MAX;
}

/* The first that holds. */
static const char *state_of(const struct standing *t) {
  const struct { bool holds; const char *state; } states[] = {{t->active, "running"},
                                                              {t->paused, "paused"},
                                                              {t->breaker, "broken"},
                                                              {t->queued, "queued"},
                                                              {t->retrying, "retrying"},
                                                              {!t->p->enabled, "disabled"},
                                                              {t->p->schedule, "scheduled"},
                                                              {t->p->after_n, "dependent"},
                                                              {true, "manual"}};
  size_t i = 0;
  while (!states[i].holds)
    i++;
  return states[i].state;
}

static json_t *report_pipeline(const struct asked *q, const struct known *k, const struct conf_pipeline *p) {
  struct standing t = {.p = p};
  take_runs(q, k, &t);
  take_breakers(k, &t);
  take_next(q, k, &t);
  json_t *j = json_pack("{ss, sb, sb, ss, sI}", "pipeline", p->name, "enabled", (int)p->enabled, "paused", (int)t.paused, "state", state_of(&t), "queued",
                        (json_int_t)(t.queued + t.retrying));
  shown_text(j, "description", p->description);
  shown_text(j, "schedule", p->schedule);
  shown_text(j, "timezone", p->schedule ? p->timezone : NULL);
  if (!t.paused)
    shown_time(j, "next_due", t.next_due_ns);
  const struct job *job = q->serve ? serve_job(q->serve, p->name) : NULL;
  json_object_set_new(j, "breaker", json_string(t.breaker ? t.breaker : "closed"));
  shown_text(j, "reason", job && t.breaker ? breakers_reason(q->serve, job, q->arena) : NULL);
  if (t.open_shards)
    json_object_set_new(j, "open_shards", json_integer((json_int_t)t.open_shards));
  if (p->after_n) {
    json_t *after = json_array();
    for (size_t i = 0; i < p->after_n; i++)
      json_array_append_new(after, json_string(p->after[i].name));
    json_object_set_new(j, "after", after);
  }
  const struct { const char *key; json_t *run; } runs[] = {{"active", t.active_run}, {"waiting", t.waiting}, {"last", t.last_run}};
  for (size_t i = 0; i < sizeof runs / sizeof *runs; i++)
    if (runs[i].run)
      json_object_set_new(j, runs[i].key, runs[i].run);
  return j;
}

static int by_name(const void *a, const void *b) {
  const struct conf_pipeline *const *x = a, *const *y = b;
  return strcmp((*x)->name, (*y)->name);
}

static const struct conf_pipeline *const *sorted(const struct asked *q) {
  size_t n = q->conf->pipelines_n;
  if (q->serve)
    return q->serve->gen->by_name;
  const struct conf_pipeline **order = arena_alloc(q->arena, (n + 1) * sizeof *order);
  for (size_t i = 0; i < n; i++)
    order[i] = &q->conf->pipelines[i];
  qsort(order, n, sizeof *order, by_name);
  return order;
}

static int report_slice(struct asked *q, const struct conf_pipeline *const *list, size_t n, struct err *e) {
  const char *names[SLICE];
  struct known k = {0};
  for (size_t i = 0; i < n; i++)
    names[i] = list[i]->name;
  if (learn(q, &(struct store_names){names, n}, &k, e) < 0)
    return -1;
  for (size_t i = 0; i < n; i++)
    asked_add(q, "pipelines", report_pipeline(q, &k, list[i]));
  return 0;
}

/* A slice, and what is behind it when that was fetched; by the name, since the configuration may be read again in between. */
int command_list(struct asked *q, struct err *e) {
  const struct conf_pipeline *const *list = sorted(q);
  size_t all = q->conf->pipelines_n, at = 0, n;
  while (q->follow.after && at < all && strcmp(list[at]->name, q->follow.after) <= 0)
    at++;
  json_object_set_new(q->answer, "pipelines", json_array());
  do {
    n = all - at < SLICE ? all - at : SLICE;
    if (report_slice(q, list + at, n, e) < 0)
      return -1;
    at += n;
  } while (!q->serve && at < all);
  shown_text(q->answer, "store_error", q->store ? NULL : q->store_error);
  asked_later(q, at < all ? list[at - 1]->name : NULL, at);
  return 0;
}

/* ---- pause, resume -------------------------------------------------------------------------------------------------------------------------- */


static int set_paused(struct asked *q, bool paused, struct err *e) {
  const struct conf_pipeline *p = asked_pipeline(q, e);
  struct job *j = p && q->serve ? serve_job(q->serve, p->name) : NULL;
  bool before;
  if (!p || asked_store(q, e) < 0)
    return -1;
  if (asked_paused(q, p->name, &before, e) < 0 || store_pause(q->store, p->name, paused, q->now_ns, e) < 0)
    return asked_failed(q, e);
  if (j)
    j->paused = paused;
  json_object_set_new(q->answer, "paused", json_boolean(paused));
  json_object_set_new(q->answer, "changed", json_boolean(before != paused));
  json_object_set_new(q->answer, "running", json_boolean(j && j->running));
  if (!q->serve || before == paused)
    return 0;
  cleanup_free char *message = xasprintf("%s by %s%s", paused ? "paused" : "resumed", q->who, paused ? ": no run of it starts" : "");
  serve_event(q->serve, &(struct serve_event){.level = LEVEL_INFO, .kind = "pipeline", .name = paused ? "paused" : "resumed", .pipeline = p->name, .message = message});
  serve_poke(q->serve);
  return 0;
}

int command_pause(struct asked *q, struct err *e) { return set_paused(q, true, e); }
int command_resume(struct asked *q, struct err *e) { return set_paused(q, false, e); }

/* ---- breaker ------------------------------------------------------------------------------------------------------------------------------------ */

/* Of one shard, or all. */
static int reset(const struct asked *q, const struct conf_pipeline *p, const char *shard, const struct store_breaker *list, size_t n, struct err *e) {
  struct job *j = q->serve ? serve_job(q->serve, p->name) : NULL;
  struct store_breaker *closed = arena_alloc(q->arena, (n + 1) * sizeof *closed);
  size_t closed_n = 0;
  if (j) {
    log_write(q->serve->log, &(struct log_record){.level = LEVEL_INFO, .pipeline = p->name, .message = arena_printf(q->arena, "its circuit breakers are reset by %s", q->who)});
    return breakers_reset(q->serve, j, shard, e) < 0 ? -1 : 0;
  }
  for (size_t i = 0; i < n; i++)
    if (!shard || strcmp(shard, list[i].shard) == 0)
      closed[closed_n++] = (struct store_breaker){.pipeline = p->name, .shard = list[i].shard, .state = "closed", .changed_ns = q->now_ns};
  return closed_n ? store_breakers_save(q->store, closed, closed_n, e) : 0;
}

int command_breaker(struct asked *q, struct err *e) {
  const struct conf_pipeline *p = asked_pipeline(q, e);
  struct store_breaker *list;
  size_t n;
  if (!p || asked_store(q, e) < 0)
    return -1;
  if (store_breakers(q->store, &(struct store_names){(const char *const[]){p->name}, 1}, q->arena, &list, &n, e) < 0)
    return asked_failed(q, e);
  json_t *before = json_array();
  for (size_t i = 0; i < n; i++)
    json_array_append_new(before, shown_breaker(&list[i]));
  json_object_set_new(q->answer, "breakers", before);
  json_object_set_new(q->answer, "threshold", json_integer(p->breaker.threshold));
  json_object_set_new(q->answer, "cooldown_seconds", json_real((double)p->breaker.cooldown_ns / 1e9));
  if (!asked_flag(q, "reset"))
    return 0;
  json_object_set_new(q->answer, "reset", json_true());
  if (reset(q, p, asked_text(q, "shard"), list, n, e) < 0)
    return asked_failed(q, e);
  return 0;
}
