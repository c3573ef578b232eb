/* What follows from the end of a run: another attempt for what may be tried again. */
#include <stdlib.h>
#include <string.h>

#include "base/member.h"
#include "base/units.h"
#include "conf/retry.h"
#include "serve/attempts.h"
#include "serve/breakers.h"
#include "serve/windows.h"

struct store_run *outcome_queue(struct outcome *o, const char *trigger, int64_t not_before_ns, int64_t attempt, const json_t *options) {
  struct arena *a = o->of->arena;
  const struct store_run *from = &o->of->run;
  char *text = options && json_object_size(options) ? json_dumps(options, JSON_COMPACT) : NULL;
  o->queue = arena_more(a, o->queue, o->queue_n, sizeof *o->queue);
  o->queue[o->queue_n] = (struct store_run){.id = spec_run_id(a),
                                         .pipeline = from->pipeline,
                                         .trigger = trigger,
                                         .state = "queued",
                                         .due_ns = from->due_ns,
                                         .queued_ns = o->row.ended_ns,
                                         .not_before_ns = not_before_ns,
                                         .window_from_ns = from->window_from_ns,
                                         .window_to_ns = from->window_to_ns,
                                         .priority = from->priority,
                                         .attempt = attempt,
                                         .root = attempt > 1 ? from->root ? from->root : from->id : NULL,
                                         .connections = from->connections,
                                         .options = arena_strdup(a, text)};
  free(text);
  return &o->queue[o->queue_n++];
}

/* The next scheduled run takes the place of the retry, as the store does it: but not of one that somebody asked for. */
static bool is_overtaken(const struct outcome *o) {
  const struct job *j = o->of->job;
  return j && j->next_due_ns <= o->queue[0].not_before_ns && !attempts_by_hand(o->of);
}

/* ---- lanes that were left to us ------------------------------------------------------------------------------------------------------------ */

static const char *status_of(const json_t *lane) {
  const char *status = member_text(lane, "status");
  return status ? status : "";
}

static bool is_refused(const json_t *lane) {
  const char *class_name = member_text(json_object_get(lane, "error"), "class");
  return class_name && strcmp(class_name, err_class_name(ETL_E_AUTH)) == 0;
}

struct again { /* lanes of a run that are to be tried again */
  json_t *retries, *shards;
  double after; /* seconds until the first of them; -1: there is none */
  bool refused; /* the credentials of some */
  bool lost;    /* another one has failed for good */
};

static void take_shard(struct again *g, const struct running *r, const json_t *lane, double after) {
  const char *shard = attempts_shard(lane, r->arena);
  if (!attempts_has(g->shards, shard))
    json_array_append_new(g->shards, json_string(shard));
  if (g->after < 0 || after < g->after)
    g->after = after;
}

/* For a reason that is none of its own: the next host, or this one when it has its store again, goes on with it at once. */
static bool is_cut_short(const struct running *r) { return r->why == WHY_HOST_STOPS || r->why == WHY_STORE; }

/* Lanes that were left to us; those that were refused, once: secrets and the pipeline's file may be better by now; those that the end of the
 * host cut short. */
static void look_at_lane(struct again *g, const struct running *r, const json_t *lane) {
  json_t *retry = json_object_get(lane, "retry");
  bool refused = is_refused(lane) && !member_true(r->options, "read_again");
  if (retry) {
    json_array_append(g->retries, retry);
    take_shard(g, r, lane, json_number_value(json_object_get(retry, "after_seconds")));
  } else if (refused) {
    take_shard(g, r, lane, (double)r->conf->retry.retry_delay_ns / (double)NS_PER_SEC);
    g->refused = true;
  } else if (strcmp(status_of(lane), "cancelled") == 0 && is_cut_short(r)) {
    take_shard(g, r, lane, 0);
  } else {
    g->lost |= strcmp(status_of(lane), "failed") == 0;
  }
}

static json_t *options_of_again(struct again *g, const struct running *r, bool whole) {
  json_t *options = r->options ? json_deep_copy(r->options) : json_object(), *retry;
  size_t i;
  json_array_foreach(g->retries, i, retry) /* what is left of each wait when the first is over */
    json_object_set_new(retry, "after_seconds", json_real(json_number_value(json_object_get(retry, "after_seconds")) - g->after));
  json_object_set(options, "retries", g->retries);
  attempts_keep_story(r, options);
  if (!whole && window_leaves_out(r, g->shards))
    json_object_set_new(options, "left_out", json_true());
  if (!whole) {
    json_object_set(options, "shards", g->shards);
    attempts_keep(r, g->shards, options);
  }
  if (g->refused)
    json_object_set_new(options, "read_again", json_true());
  return options;
}

/* Rows that stand aside until the end are gone with their run: it is tried again as a whole, if all of it can be. */
static bool follow_lanes(struct outcome *o) {
  const struct running *r = o->of;
  bool whole = member_true(r->summary, "aside");
  struct again g = {.retries = json_array(), .shards = json_array(), .after = -1};
  const json_t *lane;
  size_t i;
  json_array_foreach(json_object_get(r->summary, "lanes"), i, lane)
    look_at_lane(&g, r, lane);
  bool again = (json_array_size(g.retries) || g.refused) && !(whole && g.lost);
  if (again) {
    json_t *options = options_of_again(&g, r, whole);
    outcome_queue(o, "retry", o->row.ended_ns + (int64_t)(g.after * (double)NS_PER_SEC), r->run.attempt + 1, options);
    json_decref(options);
    if (!whole && !is_overtaken(o))
      breakers_note_settled(o, g.shards);
  }
  json_decref(g.retries);
  json_decref(g.shards);
  return again;
}

/* ---- the run as a whole ---------------------------------------------------------------------------------------------------------------------- */

static bool is_state(const struct outcome *o, const char *state) { return strcmp(o->row.state, state) == 0; }

static bool is_class(const struct outcome *o, uint32_t error_class) {
  return o->row.error_class && strcmp(o->row.error_class, err_class_name(error_class)) == 0;
}

/* An error of lanes was decided on by the worker; it speaks of the whole run only where it stands with that. */
static bool failed_as_whole(const struct outcome *o) {
  return is_state(o, "crashed") || (is_state(o, "failed") && (!o->of->summary || json_object_get(o->of->summary, "error")));
}

/* As for lanes: the next attempt reads secrets and the pipeline's file itself, once. */
static bool follow_auth(struct outcome *o, json_t *options) {
  if (!is_class(o, ETL_E_AUTH) || !failed_as_whole(o) || member_true(options, "read_again"))
    return false;
  json_object_set_new(options, "read_again", json_true());
  outcome_queue(o, "retry", o->row.ended_ns + o->of->conf->retry.retry_delay_ns, o->of->run.attempt + 1, options);
  return true;
}

static bool follow_whole(struct outcome *o, json_t *options) {
  const struct conf_pipeline *p = o->of->conf;
  bool crashed = is_state(o, "crashed") && !is_class(o, ETL_E_PERMANENT); /* it may be told to have had all that it may have */
  bool again = crashed || is_class(o, ETL_E_RETRYABLE) || is_class(o, ETL_E_INDOUBT);
  if (!p || is_state(o, "succeeded") || is_state(o, "cancelled"))
    return false;
  if (!again || !failed_as_whole(o))
    return follow_auth(o, options);
  int64_t failures = member_number(options, "failures") + 1,
          first_us = member_number(options, "failed_first_us");
  if (!first_us)
    first_us = o->row.ended_ns / 1000;
  int64_t pause =
      retry_pause_ns(&p->retry, &(struct retry_case){.failures = failures, .since_ns = o->row.ended_ns - first_us * 1000, .who = o->row.pipeline});
  if (pause < 0)
    return false;
  json_object_set_new(options, "failures", json_integer(failures));
  json_object_set_new(options, "failed_first_us", json_integer(first_us));
  outcome_queue(o, "retry", o->row.ended_ns + pause, o->of->run.attempt + 1, options);
  return true;
}

static bool follow_stop(struct outcome *o, json_t *options) {
  if (!is_cut_short(o->of) || is_state(o, "succeeded"))
    return false;
  if (!member_true(o->of->summary, "aside"))
    attempts_keep(o->of, NULL, options);
  outcome_queue(o, "retry", o->row.ended_ns, o->of->run.attempt, options)->root = o->of->run.root ? o->of->run.root : o->of->run.id;
  return true;
}

static bool follow_retry(struct outcome *o) {
  const struct running *r = o->of;
  bool last = r->why == WHY_USER || r->why == WHY_LEASE || r->why == WHY_DEADLINE || r->why == WHY_MEMORY;
  if (last || (r->job && !r->job->conf)) /* or its pipeline is gone */
    return false;
  if (follow_lanes(o))
    return true;
  json_t *options = r->options ? json_deep_copy(r->options) : json_object();
  attempts_keep_story(r, options);
  bool again = follow_stop(o, options) || follow_whole(o, options);
  json_decref(options);
  return again;
}

void outcome_follow(struct outcome *o) {
  o->again = follow_retry(o);
  if (o->again && o->of->why == WHY_HOST_STOPS)
    o->row.reason = "the host was stopped; the run goes on when it is back";
  if (!o->again || is_overtaken(o))
    breakers_note(o);
}
