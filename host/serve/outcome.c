/* The end of a run: what the worker's summary comes to, stored in one transaction with all that follows from it. */
#include <stdlib.h>
#include <string.h>

#include "base/member.h"
#include "base/units.h"
#include "serve/attempts.h"
#include "serve/downstream.h"
#include "serve/outcome.h"
#include "serve/positions.h"
#include "serve/windows.h"


static int64_t int_of(const json_t *j, const char *key) { return member_number(j, key); }

/* ---- the run's row ------------------------------------------------------------------------------------------------------------------------ */

/* For what it did, not because somebody asked. */
static bool is_ended_by_us(const struct running *r) { return r->why == WHY_DEADLINE || r->why == WHY_MEMORY; }

static const char *state_of(const struct running *r) {
  static const struct { const char *status, *state; } states[] = {{"success", "succeeded"}, {"partial", "partial"}, {"failed", "failed"},
                                                                 {"cancelled", "cancelled"}, {"crashed", "crashed"}};
  const char *status = member_text(r->summary, "status");
  if (is_ended_by_us(r) && status && strcmp(status, "success") != 0)
    return "failed";
  for (size_t i = 0; status && i < sizeof states / sizeof *states; i++)
    if (strcmp(states[i].status, status) == 0)
      return states[i].state;
  return "crashed";
}

static const json_t *error_of_lanes(const json_t *summary) {
  const json_t *lane;
  size_t i;
  json_array_foreach(json_object_get(summary, "lanes"), i, lane)
    if (json_object_get(lane, "error"))
      return json_object_get(lane, "error");
  return NULL;
}

static const char *code_of(const json_t *error, struct arena *a) {
  const char *state = member_text(error, "vendor_state");
  return state ? state : int_of(error, "vendor_code") ? arena_printf(a, "%lld", (long long)int_of(error, "vendor_code")) : NULL;
}

void outcome_take_error(struct outcome *o, const json_t *error) {
  struct store_run *row = &o->row;
  row->error_class = member_text(error, "class");
  row->error_code = code_of(error, o->of->arena);
  row->error_message = member_text(error, "message");
  row->error_remedy = member_text(error, "remedy");
  row->error_stage = member_text(error, "stage");
  row->error_connector = member_text(error, "connector");
}

/* What the engine says of the run beside an error of a lane is what came of that: people want to know the cause, retries go by the run's own class. */
static void take_cause(struct outcome *o) {
  const json_t *own = json_object_get(o->of->summary, "error"), *lane = error_of_lanes(o->of->summary);
  const char *stage = member_text(own, "stage");
  bool follows = own && lane && stage && strcmp(stage, "engine") == 0;
  outcome_take_error(o, own && !follows ? own : lane);
  if (!follows)
    return;
  o->row.error_class = member_text(own, "class");
  if (!o->row.reason)
    o->row.reason = member_text(own, "message");
}

static void take_summary(struct outcome *o) {
  const struct running *r = o->of;
  struct store_run *row = &o->row;
  row->state = state_of(r);
  row->rows_read = int_of(r->summary, "rows_read");
  row->rows_written = int_of(r->summary, "rows_written");
  row->rows_filtered = int_of(r->summary, "rows_filtered");
  row->rows_rejected = int_of(r->summary, "rows_rejected");
  row->bytes = int_of(r->summary, "bytes_read");
  row->reason = r->reason;
  take_cause(o);
  attempts_sum_up(o);
  if (is_ended_by_us(r) && strcmp(row->state, "failed") == 0) {
    row->error_class = err_class_name(ETL_E_PERMANENT);
    row->error_message = r->reason;
    row->error_remedy = r->why == WHY_MEMORY ? "raise worker_memory of 'serve', or lower memory and parallelism of the pipeline; the next run goes on from the last commit"
                                             : "raise run_timeout of the pipeline, or look what made it slow; the next run goes on from the last commit";
  }
}

/* ---- its tasks ---------------------------------------------------------------------------------------------------------------------------- */

static const char *task_state(const char *lane_status) {
  return !lane_status || strcmp(lane_status, "running") == 0 ? "crashed" : strcmp(lane_status, "success") == 0 ? "succeeded" : lane_status;
}

/* Of which stage an error is: transformers are one, and what is the engine's own counts as the sink's. */
static const char *stage_of(const json_t *error) {
  const char *stage = member_text(error, "stage");
  return stage && strcmp(stage, "extract") == 0 ? "extract" : stage && strncmp(stage, "transform", strlen("transform")) == 0 ? "transforms" : "load";
}

static void take_stage(struct outcome *o, const json_t *lane, const char *stage, int64_t rows_in, int64_t rows_out) {
  const json_t *error = json_object_get(lane, "error"), *took = json_object_get(lane, "seconds");
  struct store_task *t = &o->tasks[o->tasks_n++];
  *t = (struct store_task){.run = o->row.id,
                           .stage = stage,
                           .stream = member_text(lane, "stream"),
                           .shard = member_text(lane, "shard"),
                           .state = task_state(member_text(lane, "status")),
                           .attempts = int_of(lane, "retries") + 1,
                           .rows_in = rows_in,
                           .rows_out = rows_out,
                           .bytes = strcmp(stage, "extract") == 0 ? int_of(lane, "bytes_read") : 0,
                           .started_ns = o->row.started_ns,
                           .ended_ns = took ? o->row.started_ns + (int64_t)(json_number_value(took) * (double)NS_PER_SEC) : o->row.ended_ns};
  if (!error || strcmp(stage_of(error), stage) != 0)
    return;
  t->error_class = member_text(error, "class");
  t->error_code = code_of(error, o->of->arena);
  t->error_message = member_text(error, "message");
  t->error_remedy = member_text(error, "remedy");
}

/* A row for each stage of each lane; the stage that failed has the error, the others of a failed lane ended with it. */
static void take_lane(struct outcome *o, const json_t *lane) {
  int64_t read = int_of(lane, "rows_read"), left = read + int_of(lane, "rows_added") - int_of(lane, "rows_filtered");
  take_stage(o, lane, "extract", read, read);
  if (o->of->conf->transforms_n)
    take_stage(o, lane, "transforms", read, left);
  take_stage(o, lane, "load", left, int_of(lane, "rows_written"));
}

static void take_tasks(struct outcome *o) {
  const json_t *lanes = json_object_get(o->of->summary, "lanes"), *left_out = json_object_get(o->of->summary, "left_out"), *one;
  size_t i;
  o->tasks = arena_alloc(o->of->arena, (3 * json_array_size(lanes) + json_array_size(left_out) + 1) * sizeof *o->tasks);
  json_array_foreach(lanes, i, one)
    take_lane(o, one);
  json_array_foreach(left_out, i, one)
    o->tasks[o->tasks_n++] = (struct store_task){
        .run = o->row.id, .stage = "extract", .shard = json_string_value(one), .state = "skipped", .ended_ns = o->row.ended_ns};
}

/* ---- telling ------------------------------------------------------------------------------------------------------------------------------- */

static void tell_end(struct serve *s, const struct outcome *o, bool stored) {
  const struct store_run *row = &o->row;
  char took[UNITS_TEXT];
  bool good = strcmp(row->state, "succeeded") == 0 || strcmp(row->state, "skipped") == 0, partial = strcmp(row->state, "partial") == 0;
  bool stopped = strcmp(row->state, "cancelled") == 0;
  const char *why = row->error_message ? row->error_message : row->reason;
  units_print_duration(took, (row->ended_ns - row->started_ns) / NS_PER_MS * NS_PER_MS);
  cleanup_free char *message = xasprintf("run %s %s after %s: %lld rows read, %lld written%s%s%s%s%s", row->id, row->state, took,
                                         (long long)row->rows_read, (long long)row->rows_written, good || !why ? "" : ": ", good || !why ? "" : why,
                                         !good && row->error_message && row->error_remedy ? "; " : "",
                                         !good && row->error_message && row->error_remedy ? row->error_remedy : "",
                                         stored ? "" : " (the state store hears of it when it can be used again)");
  serve_event(s, &(struct serve_event){.level = good || stopped ? LEVEL_INFO : partial ? LEVEL_WARNING : LEVEL_ERROR,
                                       .kind = "run",
                                       .name = row->state,
                                       .pipeline = row->pipeline,
                                       .run = row->id,
                                       .stage = row->error_stage,
                                       .message = message,
                                       .of = o->of,
                                       .outcome = row});
}

static void tell_retry(struct serve *s, const struct outcome *o) {
  const struct store_run *next = &o->queue[0]; /* of a run that is tried again nothing else follows */
  char wait[UNITS_TEXT];
  units_print_wait(wait, next->not_before_ns - o->row.ended_ns);
  const char *message = arena_printf(o->of->arena, "attempt %lld of run %s comes %s", (long long)next->attempt, next->root, wait);
  serve_event(
      s, &(struct serve_event){
             .level = LEVEL_INFO, .kind = "retry", .name = "queued", .pipeline = next->pipeline, .run = next->id, .message = message, .of = o->of});
}

/* Once: when it is stored, so that a run which turns out to be another host's is not told as ours; or at once while the store is away. */
static void tell(struct serve *s, struct outcome *o, bool stored) {
  if (o->told)
    return;
  o->told = true;
  tell_end(s, o, stored);
  if (o->again)
    tell_retry(s, o);
  for (size_t i = 0; i < o->news_n; i++)
    serve_event(s, &o->news[i]);
}

/* ---- storing ------------------------------------------------------------------------------------------------------------------------------- */

static void forget(struct serve *s, struct running *r) {
  if (r->job && r->job->running == r)
    r->job->running = NULL;
  running_free(r);
  serve_poke(s);
}

/* True: it is settled, one way or the other. */
static bool store_outcome(struct serve *s, struct outcome *o) {
  const struct store_outcome row = {.run = &o->row,
                                    .tasks = o->tasks,
                                    .tasks_n = o->tasks_n,
                                    .queue = o->queue,
                                    .queue_n = o->queue_n,
                                    .followed = o->again || !downstream_has_any(s, o->row.pipeline),
                                    .window_done = o->window_done,
                                    .breakers = o->breakers,
                                    .breakers_n = o->breakers_n};
  struct err e;
  if (s->store_away || positions_store(o->of) < 0)
    return false;
  if (store_finish(s->store, &row, &e) == 0) {
    tell(s, o, true);
    if (!row.followed)
      serve_follow(s);
    return true;
  }
  if (serve_store_failed(s, &e))
    return false;
  serve_event(s, &(struct serve_event){
                     .level = LEVEL_WARNING, .kind = "run", .name = "lost", .pipeline = o->row.pipeline, .run = o->row.id, .message = e.message});
  return true;
}

static void settle(struct running *r) {
  struct serve *s = r->serve;
  if (store_outcome(s, r->outcome)) {
    forget(s, r);
    return;
  }
  tell(s, r->outcome, false);
  struct running **at = &s->ended;
  while (*at)
    at = &(*at)->next;
  r->next = NULL;
  *at = r;
  serve_poke(s); /* a host that stops waits for nothing else */
}

void outcome_retry_store(struct serve *s) {
  while (s->ended && !s->store_away) {
    struct running *r = s->ended;
    if (!store_outcome(s, r->outcome))
      return;
    s->ended = r->next;
    forget(s, r);
  }
}

static struct outcome *outcome_new(struct running *r) {
  struct outcome *o = arena_alloc(r->arena, sizeof *o);
  *o = (struct outcome){.of = r, .row = r->run};
  o->row.started_ns = r->started_ns;
  o->row.ended_ns = serve_now(r->serve);
  r->outcome = o;
  return o;
}

static void end(struct outcome *o) {
  struct running *r = o->of;
  outcome_follow(o);
  o->window_done = o->row.window_to_ns && strcmp(o->row.state, "succeeded") == 0 && !window_leaves_out(r, NULL);
  settle(r);
}

void outcome_of(struct running *r) {
  struct outcome *o = outcome_new(r);
  take_summary(o);
  take_tasks(o);
  end(o);
}

void outcome_without_worker(struct serve *s, const struct store_run *run, const char *state, const struct err *e) {
  struct running *r = running_new(s, run);
  struct outcome *o = outcome_new(r);
  if (r->job && !r->job->running)
    r->job->running = r;
  o->row.state = state;
  if (run->started_ns)
    o->row.started_ns = run->started_ns;
  o->row.reason = arena_strdup(r->arena, e->message);
  if (e->error_class == RUN_EMPTY) {
    end(o);
    return;
  }
  o->row.error_class = err_class_name(e->error_class);
  o->row.error_message = arena_strdup(r->arena, e->message);
  o->row.error_remedy = e->remedy[0] ? arena_strdup(r->arena, e->remedy) : NULL;
  end(o);
}
