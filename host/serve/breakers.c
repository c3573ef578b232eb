/* Breakers live in the store; what is here is a copy that is read again with every lease. */
#include "serve/breakers.h"

#include <stdlib.h>
#include <string.h>

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

static void save_now(struct serve *s, const struct job *j, const struct job_breaker *k) {
  struct store_breaker row = {.pipeline = j->name, .shard = k->shard, .state = breaker_state_name(k->b.state), .failures = k->b.failures,
                              .opened_ns = k->b.opened_at_ns, .changed_ns = serve_now(s)};
  struct err e;
  if (store_breakers_save(s->store, &row, 1, &e) < 0)
    serve_store_failed(s, &e);
}

static void tell(struct serve *s, const struct job *j, const struct job_breaker *k, const char *run, const char *message) {
  static const char *const names[] = {[BREAKER_CLOSED] = "closed", [BREAKER_OPEN] = "opened", [BREAKER_HALF_OPEN] = "half_open"};
  serve_event(s, &(struct serve_event){.level = k->b.state == BREAKER_OPEN ? LEVEL_ERROR : LEVEL_INFO,
                                       .kind = "breaker",
                                       .name = names[k->b.state],
                                       .pipeline = j->name,
                                       .run = run,
                                       .shard = *k->shard ? k->shard : NULL,
                                       .message = message});
}

void breakers_start(struct running *r, struct spec *spec) {
  struct job *j = r->job;
  struct err e;
  if (learn(r->serve, j, &e) < 0) /* what this run comes to is counted on top of what other hosts have counted */
    serve_store_failed(r->serve, &e);
  spec->skip_shards = arena_alloc(r->arena, (j->breakers_n + 1) * sizeof *spec->skip_shards);
  for (size_t i = 0; i < j->breakers_n; i++) {
    struct job_breaker *k = &j->breakers[i];
    enum breaker_state was = k->b.state;
    if (was == BREAKER_OPEN && attempts_has(json_object_get(r->options, "shards"), k->shard))
      k->b.state = BREAKER_HALF_OPEN; /* somebody asked for this one */
    if (!tries_nobody(&k->b) && !breaker_allow(&k->b, &r->conf->breaker, serve_now(r->serve)) && *k->shard)
      spec->skip_shards[spec->skip_shards_n++] = arena_strdup(r->arena, k->shard);
    if (k->b.state == was)
      continue;
    save_now(r->serve, j, k);
    tell(r->serve, j, k, r->run.id, "the circuit breaker is half open: this run tries whether it works again");
  }
}

/* ---- ending ------------------------------------------------------------------------------------------------------------------------------ */

static void add_row(struct outcome *o, const struct job_breaker *k, const char *reason) {
  struct arena *a = o->of->arena;
  struct store_breaker *grown = arena_alloc(a, (o->breakers_n + 1) * sizeof *grown);
  if (o->breakers_n)
    memcpy(grown, o->breakers, o->breakers_n * sizeof *grown);
  grown[o->breakers_n++] = (struct store_breaker){.pipeline = o->row.pipeline,
                                                  .shard = arena_strdup(a, k->shard),
                                                  .state = breaker_state_name(k->b.state),
                                                  .failures = k->b.failures,
                                                  .opened_ns = k->b.opened_at_ns,
                                                  .changed_ns = o->row.ended_ns,
                                                  .reason = reason};
  o->breakers = grown;
}

static void note(struct outcome *o, struct job *j, const char *shard, enum breaker_outcome what, const char *reason) {
  struct job_breaker *k = what == BREAKER_FAILURE ? find_or_add(j, shard) : find(j, shard);
  const struct conf_breaker *c = &o->of->conf->breaker;
  char text[UNITS_TEXT];
  if (!k)
    return;
  bool changed = breaker_note(&k->b, c, what, o->row.ended_ns);
  add_row(o, k, reason);
  if (!changed)
    return;
  const char *of = *shard ? arena_printf(o->of->arena, " of shard %s", shard) : "";
  if (k->b.state == BREAKER_OPEN) {
    const char *message = arena_printf(
        o->of->arena, "the circuit breaker%s opened after %lld failure%s in a row: %s for %s; `etl breaker %s reset` closes it at once", of,
        (long long)k->b.failures, k->b.failures == 1 ? "" : "s", *shard ? "the shard is left out" : "no run starts", units_print_duration(text, c->cooldown_ns), j->name);
    tell(o->of->serve, j, k, o->row.id, message);
    if (!*shard)
      outcome_queue(o, "probe", o->row.ended_ns + c->cooldown_ns, 1, NULL);
  } else {
    tell(o->of->serve, j, k, o->row.id, arena_printf(o->of->arena, "the circuit breaker%s is closed: it works again", of));
  }
}

/* A shard has failed if any of its lanes has.  again: those that are not settled yet. */
static void note_shards(struct outcome *o, struct job *j, const json_t *again) {
  const json_t *lanes = json_object_get(o->of->summary, "lanes"), *lane, *other;
  size_t i, k;
  json_array_foreach(lanes, i, lane) {
    const char *shard = attempts_shard(lane, o->of->arena), *reason = NULL;
    bool first = !attempts_has(again, shard);
    json_array_foreach(lanes, k, other) {
      if (strcmp(attempts_shard(other, o->of->arena), shard) != 0)
        continue;
      first &= k >= i;
      if (!reason && strcmp(json_string_value(json_object_get(other, "status")), "failed") == 0)
        reason = json_string_value(json_object_get(json_object_get(other, "error"), "message"));
    }
    if (first)
      note(o, j, shard, reason ? BREAKER_FAILURE : BREAKER_SUCCESS, reason);
  }
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
      rows[rows_n++] = (struct store_breaker){
        .pipeline = j->name, .shard = j->breakers[i].shard, .state = breaker_state_name(BREAKER_CLOSED), .changed_ns = serve_now(s)};
  int rc = store_breakers_save(s->store, rows, rows_n, e);
  arena_free(a);
  for (size_t i = 0; rc == 0 && i < j->breakers_n; i++) {
    struct job_breaker *k = &j->breakers[i];
    if (shard && strcmp(shard, k->shard) != 0)
      continue;
    bool was_open = k->b.state != BREAKER_CLOSED;
    k->b = (struct breaker){.state = BREAKER_CLOSED};
    if (was_open)
      tell(s, j, k, NULL, "the circuit breaker was closed by hand");
    n += was_open;
  }
  serve_follow(s); /* the probe that waited is skipped */
  return rc < 0 ? rc : n;
}
