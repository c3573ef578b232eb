/* The host's events as notices.  A run is told of when it has ended for good: one that is tried again may still come right; but when the next
 * scheduled run takes the place of that attempt and fails as well, it does not.  A recovery is the first good run of a pipeline whose last end
 * was told as a failure, or was one before this host began. */
#include "serve/notify_part.h"

#include <stdlib.h>
#include <string.h>

#include "base/member.h"
#include "base/units.h"
#include "serve/attempts.h"
#include "serve/notify_kept.h"

enum {
  LANES_SHOWN = 10,
  FLUSH_SECONDS = 5, /* at the host's end */
  FLUSH_NOW_SECONDS = 2
};

struct notify_part {
  struct serve *serve;
  struct notifier *notifier;
  struct notify_kept kept;
  json_t *failing; /* names of pipelines, as members */
  json_t *waiting; /* {"pipeline": "run"}: of the run that failed and is tried again, its first attempt */
  bool learned;    /* failing has what the store knew */
};

/* Which events are told as what.  Of runs name is the state they ended in. */
static const struct told {
  const char *kind, *name;
  enum notify_event event;
  const char *state; /* of the notice; NULL: none */
} told[] = {
    {"run", "failed", NOTIFY_FAILURE, "failed"},
    {"run", "crashed", NOTIFY_FAILURE, "crashed"},
    {"run", "partial", NOTIFY_PARTIAL, "partial"},
    {"run", "succeeded", NOTIFY_RECOVERY, "succeeded"},
    {"run", "lost", NOTIFY_HOST, NULL},
    {"breaker", "opened", NOTIFY_BREAKER, "open"},
    {"breaker", "half_open", NOTIFY_BREAKER, "half_open"},
    {"breaker", "closed", NOTIFY_BREAKER, "closed"},
    {"schedule", "missed", NOTIFY_MISSED, NULL},
    {"reload", "failed", NOTIFY_HOST, NULL},
    {"store", "away", NOTIFY_HOST, NULL},
    {"store", "back", NOTIFY_HOST, NULL},
    {"plugin", "refused", NOTIFY_HOST, NULL},
};

static const struct told *told_of(const struct serve_event *e) {
  for (size_t i = 0; i < sizeof told / sizeof *told; i++)
    if (strcmp(told[i].kind, e->kind) == 0 && strcmp(told[i].name, e->name) == 0)
      return &told[i];
  return NULL;
}

/* ---- which pipelines fail ------------------------------------------------------------------------------------------------------------ */

static bool is_failure(const char *state) { return strcmp(state, "failed") == 0 || strcmp(state, "crashed") == 0 || strcmp(state, "partial") == 0; }

static const char *first_of(const struct store_run *run) { return run->root ? run->root : run->id; }

/* Of a run that is tried again nothing was told yet: what counts is how the one before it ended. */
static bool failed_before(struct serve *s, const struct store_run *retry, struct arena *a) {
  const struct store_filter f = {.pipeline = retry->pipeline, .states = "succeeded,partial,failed,crashed", .limit = 100};
  struct store_run *runs;
  struct err e;
  size_t n;
  if (store_list(s->store, &f, a, &runs, &n, &e) < 0)
    return false;
  for (size_t i = 0; i < n; i++)
    if (strcmp(first_of(&runs[i]), first_of(retry)) != 0)
      return is_failure(runs[i].state);
  return false;
}

/* From the store, as it was before this host told anything. */
static void learn(struct notify_part *p) {
  struct serve *s = p->serve;
  struct arena *a = arena_new();
  struct store_run *runs;
  struct err e;
  size_t n;
  if (!p->learned && s->store && !s->store_away && store_latest(s->store, NULL, a, &runs, &n, &e) == 0) {
    p->learned = true;
    for (size_t i = 0; i < n; i++)
      if (is_failure(runs[i].state))
        json_object_set_new(p->failing, runs[i].pipeline, json_true());
    for (size_t i = 0; i < n; i++)
      if (runs[i].ended_ns == 0 && runs[i].trigger && strcmp(runs[i].trigger, "retry") == 0 && !failed_before(s, &runs[i], a))
        json_object_del(p->failing, runs[i].pipeline);
  }
  arena_free(a);
}

static bool is_tried_again(const struct serve_event *e) {
  const struct outcome *o = e->of ? e->of->outcome : NULL;
  for (size_t i = 0; o && i < o->queue_n; i++)
    if (o->queue[i].trigger && strcmp(o->queue[i].trigger, "retry") == 0)
      return true;
  return false;
}

/* Whether the end of a run is told; notes it. */
static bool end_is_told(struct notify_part *p, const struct serve_event *e, enum notify_event event) {
  const char *waits = member_text(p->waiting, e->pipeline), *first = first_of(e->outcome);
  bool another = waits && strcmp(waits, first) != 0;
  learn(p);
  if (event != NOTIFY_RECOVERY && is_tried_again(e) && !another) {
    json_object_set_new(p->waiting, e->pipeline, json_string(first));
    return false;
  }
  json_object_del(p->waiting, e->pipeline);
  if (event == NOTIFY_RECOVERY)
    return json_object_del(p->failing, e->pipeline) == 0;
  json_object_set_new(p->failing, e->pipeline, json_true());
  return e->outcome->error_message != NULL; /* shards that were left out alone: their breakers have been told */
}

/* ---- notices ------------------------------------------------------------------------------------------------------------------------ */

struct story { /* what was said before: of a run the end of its log, and its lanes that failed */
  const char *lines[RUNNING_LINES + LANES_SHOWN + 1];
  size_t n;
  char *owned[LANES_SHOWN + 1];
  size_t owned_n;
};

static void add_lane(struct story *t, const json_t *lane, const json_t *error) {
  const char *stream = member_text(lane, "stream"), *shard = member_text(lane, "shard");
  const char *message = member_text(error, "message"), *remedy = member_text(error, "remedy");
  t->lines[t->n++] = t->owned[t->owned_n++] = xasprintf("%s/%s failed: %s%s%s", stream ? stream : "", shard ? shard : "", message ? message : "",
                                                        remedy && *remedy ? "; " : "", remedy ? remedy : "");
}

/* Also finds the lane that the run's error is from: the one with its message, or the only one that failed, now or in an attempt before. */
static const json_t *story_init(struct story *t, const struct running *r, const char *message) {
  const json_t *lane, *same = NULL, *first = NULL;
  size_t i, failed = 0;
  *t = (struct story){0};
  t->n = attempts_log(r, t->lines);
  json_array_foreach(json_object_get(r->summary, "lanes"), i, lane) {
    const json_t *error = json_object_get(lane, "error");
    const char *said = member_text(error, "message");
    if (!error)
      continue;
    first = failed++ == 0 ? lane : first;
    if (said && message && strcmp(said, message) == 0)
      same = same ? same : lane;
    else if (t->owned_n < LANES_SHOWN)
      add_lane(t, lane, error);
  }
  return same ? same : failed == 1 ? first : failed == 0 ? attempts_lost(r) : NULL;
}

/* A configuration that was not taken: its mistakes. */
static void story_of_reload(struct story *t, const struct diags *d) {
  *t = (struct story){0};
  for (size_t i = 0; i < d->n && t->owned_n < LANES_SHOWN; i++)
    if (d->list[i].level == DIAG_ERROR)
      t->lines[t->n++] = t->owned[t->owned_n++] = xasprintf("%s%s%s", d->list[i].origin ? d->list[i].origin : "", d->list[i].origin ? ": " : "", d->list[i].text);
}

static void story_fini(struct story *t) {
  while (t->owned_n > 0)
    free(t->owned[--t->owned_n]);
}

static void take_outcome(struct notice *n, const struct store_run *row) {
  struct attempts_rows rows = attempts_rows(row);
  n->rows_read = rows.read;
  n->rows_written = rows.written;
  n->rows_filtered = rows.filtered;
  n->rows_rejected = rows.rejected;
  n->attempt = row->attempt;
  n->due_ns = row->due_ns;
  n->started_ns = row->started_ns;
  n->ended_ns = row->ended_ns;
  if (n->event == NOTIFY_RECOVERY)
    return;
  n->stage = row->error_stage;
  n->connector = row->error_connector;
  n->error_class = row->error_class;
  n->error_code = row->error_code;
  n->message = row->error_message ? row->error_message : row->reason;
  n->remedy = row->error_remedy;
}

void notify_part_event(struct serve *s, void *self, const struct serve_event *e) {
  struct notify_part *p = self;
  const struct told *t = told_of(e);
  struct story story = {0};
  bool end = t && strcmp(e->kind, "run") == 0 && e->outcome;
  if (!t || (end && !end_is_told(p, e, t->event)) || (t->event == NOTIFY_RECOVERY && !end))
    return;
  struct notice n = {.event = t->event, .state = t->state, .pipeline = e->pipeline, .run = e->run, .stage = e->stage, .shard = e->shard, .at_ns = serve_now(s)};
  if (end)
    take_outcome(&n, e->outcome);
  else
    n.message = e->message;
  if (end && t->event != NOTIFY_RECOVERY && e->of) {
    const json_t *lane = story_init(&story, e->of, n.message);
    n.shard = member_text(lane, "shard");
    n.stream = member_text(lane, "stream");
  } else if (strcmp(e->kind, "reload") == 0) {
    story_of_reload(&story, &s->reload_errors);
  }
  n.lines = story.lines;
  n.lines_n = story.n;
  notifier_event(p->notifier, &n);
  story_fini(&story);
}

/* ---- what became of them -------------------------------------------------------------------------------------------------------------- */

static void on_report(void *arg, const struct notify_report *r) {
  struct notify_part *p = arg;
  char wait[UNITS_TEXT];
  cleanup_free char *message = NULL;
  if (r->delivered)
    message = xasprintf("%s was told: %s%s%s", r->target, r->subject, *r->said ? "; it said: " : "", r->said);
  else
    message = xasprintf("%s could not be told: %s%s%s; %s%s (%s)", r->target, r->error->message, r->error->remedy[0] ? "; " : "", r->error->remedy,
                        r->again_ns < 0 ? "it is given up" : "it is tried again after ", r->again_ns < 0 ? "" : units_print_duration(wait, r->again_ns), r->subject);
  serve_event(p->serve, &(struct serve_event){.level = r->delivered ? LEVEL_INFO : r->again_ns < 0 ? LEVEL_ERROR : LEVEL_WARNING,
                                              .kind = "notify",
                                              .name = r->delivered ? "delivered" : r->again_ns < 0 ? "failed" : "waits",
                                              .pipeline = r->pipeline,
                                              .run = r->run,
                                              .message = message});
}

static void on_changed(void *arg) {
  struct notify_part *p = arg;
  notify_kept_changed(&p->kept);
}

/* ---- life --------------------------------------------------------------------------------------------------------------------------- */

int notify_part_open(struct serve *s, void **ret_self, struct err *e) {
  struct notify_part *p = xcalloc(1, sizeof *p);
  (void)e;
  p->serve = s;
  p->failing = json_object();
  p->waiting = json_object();
  const struct notify_setup setup = {.loop = s->loop, .clock = &s->clock, .report = on_report, .changed = on_changed, .arg = p};
  p->notifier = notifier_new(&setup, s->gen->conf->notify, s->gen->conf->notify_n);
  notify_kept_open(&p->kept, s, p->notifier);
  learn(p);
  *ret_self = p;
  return 0;
}

void notify_part_reloaded(struct serve *s, void *self, const struct generation *old) {
  struct notify_part *p = self;
  (void)old;
  notifier_reload(p->notifier, s->gen->conf->notify, s->gen->conf->notify_n);
}

static void on_time_over(struct ev_loop *loop, ev_timer *t, int revents) {
  (void)loop, (void)revents;
  *(bool *)t->data = true;
}

/* What is under way may still arrive: the last things a host says are often the ones to know. */
void notify_part_close(struct serve *s, void *self) {
  struct notify_part *p = self;
  bool over = false, keep = s->store && !s->store_away;
  ev_timer limit;
  ev_timer_init(&limit, on_time_over, s->stopping == STOP_NOW ? FLUSH_NOW_SECONDS : FLUSH_SECONDS, 0);
  limit.data = &over;
  ev_now_update(s->loop);
  ev_timer_start(s->loop, &limit);
  notifier_flush(p->notifier, keep);
  while (!over && !notifier_idle(p->notifier))
    ev_run(s->loop, EVRUN_ONCE);
  ev_timer_stop(s->loop, &limit);
  notifier_free(p->notifier, notify_kept_close(&p->kept));
  json_decref(p->failing);
  json_decref(p->waiting);
  free(p);
}
