/* Breakers live in the store; what is here is a copy that is read again with every lease. */
#include "serve/breakers.h"

#include <stdlib.h>
#include <string.h>

#include "base/member.h"
#include "base/units.h"
#include "serve/attempts.h"

static struct job_breaker *find(const struct job *j, const char *shard) {
  for (size_t i = 0; i < j->breakers_n; i++)
    if (strcmp(j->breakers[i].shard, shard) == 0)
      return &j->breakers[i];
  return NULL;
}

static struct job_breaker *find_or_add(struct job *j, const char *shard) {
  struct job_breaker *k = find(j, shard);
  if (k)
    return k;
  j->breakers = xrealloc(j->breakers, (j->breakers_n + 1) * sizeof *j->breakers);
  j->breakers[j->breakers_n] = (struct job_breaker){.shard = xstrdup(shard)};
  return &j->breakers[j->breakers_n++];
}

void breakers_free(struct job *j) {
  for (size_t i = 0; i < j->breakers_n; i++)
    free(j->breakers[i].shard);
  free(j->breakers);
  j->breakers = NULL;
  j->breakers_n = 0;
}

/* One that opened in a future further away than its cooldown did so by a clock that was wrong: a run may try. */
static int64_t opened_ns(const struct serve *s, const struct job *j, int64_t opened_ns) {
  int64_t cooldown = j->conf ? j->conf->breaker.cooldown_ns : 0, now = serve_now(s);
  return opened_ns > now + cooldown ? now - cooldown : opened_ns;
}

/* Of one job; NULL: of all. */
static int learn(struct serve *s, struct job *only, struct err *e) {
  struct arena *a = arena_new();
  struct store_breaker *list;
  size_t n = 0;
  const char *name = only ? only->name : NULL;
  int rc = store_breakers(s->store, only ? &(struct store_names){&name, 1} : NULL, a, &list, &n, e);
  for (size_t i = 0; rc == 0 && i < s->jobs_n; i++)
    if (!only || s->jobs[i] == only)
      breakers_free(s->jobs[i]);
  for (size_t i = 0; rc == 0 && i < n; i++) {
    struct job *j = serve_job(s, list[i].pipeline);
    struct breaker b = {.failures = list[i].failures, .opened_at_ns = j ? opened_ns(s, j, list[i].opened_ns) : 0};
    if (j && breaker_state_parse(list[i].state, &b.state) == 0)
      find_or_add(j, list[i].shard)->b = b;
  }
  arena_free(a);
  return rc;
}

int breakers_learn(struct serve *s, struct err *e) { return learn(s, NULL, e); }

/* ---- starting -------------------------------------------------------------------------------------------------------------------------- */

/* One run of a pipeline is active at a time.  So when another one may start, whichever made a breaker half open has ended without a verdict:
 * it failed and is tried again, or was cancelled, or its host is gone.  The next one tries in its place. */
static bool tries_nobody(const struct breaker *b) { return b->state == BREAKER_HALF_OPEN; }

static bool asked_for(const char *trigger) { return strcmp(trigger, "manual") == 0 || strcmp(trigger, "probe") == 0; }

bool breakers_admit(const struct serve *s, const struct job *j, const char *trigger) {
  const struct job_breaker *own = find(j, "");
  return !own || asked_for(trigger) || tries_nobody(&own->b) || serve_now(s) >= breaker_wait_until_ns(&own->b, &j->conf->breaker);
}

const char *breakers_reason(const struct serve *s, const struct job *j, struct arena *a) {
  const struct job_breaker *own = find(j, "");
  char when[TIME_TEXT];
  int64_t until = own && j->conf ? breaker_wait_until_ns(&own->b, &j->conf->breaker) : 0;
  if (until <= serve_now(s) || until == INT64_MAX) /* half open: it waits for the run that tries */
    return NULL;
  return arena_printf(a, "its circuit breaker is open after %lld failure%s in a row, until %s", (long long)own->b.failures, own->b.failures == 1 ? "" : "s", time_text(when, until));
}

static struct serve_event event_of(const char *pipeline, const char *shard, enum breaker_state is, const char *run, const char *message) {
  static const char *const names[] = {[BREAKER_CLOSED] = "closed", [BREAKER_OPEN] = "opened", [BREAKER_HALF_OPEN] = "half_open"};
  return (struct serve_event){.level = is == BREAKER_OPEN ? LEVEL_ERROR : LEVEL_INFO,
                              .kind = "breaker",
                              .name = names[is],
                              .pipeline = pipeline,
                              .run = run,
                              .shard = *shard ? shard : NULL,
                              .message = message};
}

static struct store_breaker row_of(const char *pipeline, const char *shard, const struct breaker *b, int64_t now_ns, const char *reason) {
  return (struct store_breaker){.pipeline = pipeline,
                                .shard = shard,
                                .state = breaker_state_name(b->state),
                                .failures = b->failures,
                                .opened_ns = b->opened_at_ns,
                                .changed_ns = now_ns,
                                .reason = reason};
}

static void tell(struct serve *s, const char *pipeline, const char *shard, enum breaker_state is, const char *run, const char *message) {
  const struct serve_event e = event_of(pipeline, shard, is, run, message);
  serve_event(s, &e);
}

void breakers_start(struct running *r, struct spec *spec) {
  struct job *j = r->job;
  struct err e;
  if (learn(r->serve, j, &e) < 0) /* what this run comes to is counted on top of what other hosts have counted */
    serve_store_failed(r->serve, &e);
  spec->skip_shards = arena_alloc(r->arena, (j->breakers_n + 1) * sizeof *spec->skip_shards);
  struct store_breaker *changed = arena_alloc(r->arena, (j->breakers_n + 1) * sizeof *changed);
  size_t changed_n = 0;
  for (size_t i = 0; i < j->breakers_n; i++) {
    struct job_breaker *k = &j->breakers[i];
    enum breaker_state was = k->b.state;
    if (was == BREAKER_OPEN && attempts_has(json_object_get(r->options, "shards"), k->shard))
      k->b.state = BREAKER_HALF_OPEN; /* somebody asked for this one */
    if (!tries_nobody(&k->b) && !breaker_allow(&k->b, &r->conf->breaker, serve_now(r->serve)) && *k->shard)
      spec->skip_shards[spec->skip_shards_n++] = arena_strdup(r->arena, k->shard);
    if (k->b.state != was)
      changed[changed_n++] = row_of(j->name, k->shard, &k->b, serve_now(r->serve), NULL);
  }
  if (changed_n && store_breakers_save(r->serve->store, changed, changed_n, &e) < 0) {
    serve_store_failed(r->serve, &e);
    return;
  }
  for (size_t i = 0; i < changed_n; i++)
    tell(r->serve, j->name, changed[i].shard, BREAKER_HALF_OPEN, r->run.id, "the circuit breaker is half open: this run tries whether it works again");
}

/* ---- ending ------------------------------------------------------------------------------------------------------------------------------ */

static const char *words_of(const struct outcome *o, const char *shard, const struct breaker *b) {
  struct arena *a = o->of->arena;
  const char *of = *shard ? arena_printf(a, " of shard %s", shard) : "";
  char text[UNITS_TEXT];
  if (b->state == BREAKER_CLOSED)
    return arena_printf(a, "the circuit breaker%s is closed: it works again", of);
  return arena_printf(a, "the circuit breaker%s opened after %lld failure%s in a row: %s for %s; `etl breaker %s reset` closes it at once", of,
                      (long long)b->failures, b->failures == 1 ? "" : "s", *shard ? "the shard is left out" : "no run starts",
                      units_print_duration(text, o->of->conf->breaker.cooldown_ns), o->row.pipeline);
}

static void note(struct outcome *o, struct job *j, const char *shard, enum breaker_outcome what, const char *reason) {
  struct job_breaker *k = what == BREAKER_FAILURE ? find_or_add(j, shard) : find(j, shard);
  const struct conf_breaker *c = &o->of->conf->breaker;
  if (!k)
    return;
  bool changed = breaker_note(&k->b, c, what, o->row.ended_ns);
  o->breakers = arena_more(o->of->arena, o->breakers, o->breakers_n, sizeof *o->breakers);
  o->breakers[o->breakers_n++] = row_of(o->row.pipeline, shard, &k->b, o->row.ended_ns, reason);
  if (!changed)
    return;
  o->news = arena_more(o->of->arena, o->news, o->news_n, sizeof *o->news);
  o->news[o->news_n++] = event_of(o->row.pipeline, shard, k->b.state, o->row.id, words_of(o, shard, &k->b));
  if (k->b.state == BREAKER_OPEN && !*shard)
    outcome_queue(o, "probe", o->row.ended_ns + c->cooldown_ns, 1, NULL);
}

/* A shard has failed if any of its lanes has.  again: those that are not settled yet. */
static void note_shards(struct outcome *o, struct job *j, const json_t *again) {
  json_t *errors = json_object(), *lane, *error; /* by shard; null: it has none */
  struct arena *a = o->of->arena;
  const char *shard;
  size_t i;
  json_array_foreach(json_object_get(o->of->summary, "lanes"), i, lane) {
    shard = attempts_shard(lane, a);
    error = strcmp(member_text(lane, "status"), "failed") == 0 ? json_object_get(lane, "error") : NULL;
    if (!attempts_has(again, shard) && !json_is_object(json_object_get(errors, shard)))
      json_object_set_new(errors, shard, error ? json_incref(error) : json_null());
  }
  json_object_foreach(errors, shard, error)
    note(o, j, arena_strdup(a, shard), json_is_object(error) ? BREAKER_FAILURE : BREAKER_SUCCESS, member_text(error, "message"));
  json_decref(errors);
}

static struct job *job_of(const struct outcome *o) { return o->of->conf && o->of->conf->breaker.threshold ? o->of->job : NULL; }

void breakers_note_settled(struct outcome *o, const json_t *again) {
  struct job *j = job_of(o);
  if (j)
    note_shards(o, j, again);
}

void breakers_note(struct outcome *o) {
  struct job *j = job_of(o);
  const char *state = o->row.state;
  if (!j)
    return;
  bool good = strcmp(state, "succeeded") == 0 || strcmp(state, "partial") == 0, bad = strcmp(state, "failed") == 0 || strcmp(state, "crashed") == 0;
  note(o, j, "", good ? BREAKER_SUCCESS : bad ? BREAKER_FAILURE : BREAKER_NEITHER, o->row.error_message);
  if (good) /* when all shards fail the pipeline's own breaker counts */
    note_shards(o, j, NULL);
}

int breakers_reset(struct serve *s, struct job *j, const char *shard, struct err *e) {
  int n = 0;
  if (learn(s, j, e) < 0) /* another host may have opened one just now */
    return -1;
  struct arena *a = arena_new();
  struct store_breaker *rows = arena_alloc(a, (j->breakers_n + 1) * sizeof *rows);
  size_t rows_n = 0;
  for (size_t i = 0; i < j->breakers_n; i++)
    if (!shard || strcmp(shard, j->breakers[i].shard) == 0)
      rows[rows_n++] = row_of(j->name, j->breakers[i].shard, &(struct breaker){.state = BREAKER_CLOSED}, serve_now(s), NULL);
  int rc = store_breakers_save(s->store, rows, rows_n, e);
  arena_free(a);
  for (size_t i = 0; rc == 0 && i < j->breakers_n; i++) {
    struct job_breaker *k = &j->breakers[i];
    if (shard && strcmp(shard, k->shard) != 0)
      continue;
    bool was_open = k->b.state != BREAKER_CLOSED;
    k->b = (struct breaker){.state = BREAKER_CLOSED};
    if (was_open)
      tell(s, j->name, k->shard, BREAKER_CLOSED, NULL, "the circuit breaker was closed by hand");
    n += was_open;
  }
  serve_follow(s); /* the probe that waited is skipped */
  return rc < 0 ? rc : n;
}
