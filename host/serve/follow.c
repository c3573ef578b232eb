/* What follows from the end of a run: another attempt for what may be tried again. */
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "serve/outcome.h"

static struct store_run *queue(struct outcome *o, const struct store_run *row) {
  struct arena *a = o->of->arena;
  struct store_run *grown = arena_alloc(a, (o->queue_n + 1) * sizeof *grown);
  if (o->queue_n)
    memcpy(grown, o->queue, o->queue_n * sizeof *grown);
  grown[o->queue_n] = *row;
  o->queue = grown;
  return &grown[o->queue_n++];
}

/* The same run once more, as a row of its own. */
static struct store_run *queue_again(struct outcome *o, int64_t not_before_ns, int64_t attempt, const json_t *options) {
  struct arena *a = o->of->arena;
  const struct store_run *from = &o->of->run;
  char *text = options && json_object_size(options) ? json_dumps(options, JSON_COMPACT) : NULL;
  struct store_run row = {.id = spec_run_id(a),
                          .pipeline = from->pipeline,
                          .trigger = "retry",
                          .state = "queued",
                          .due_ns = from->due_ns,
                          .queued_ns = o->row.ended_ns,
                          .not_before_ns = not_before_ns,
                          .window_from_ns = from->window_from_ns,
                          .window_to_ns = from->window_to_ns,
                          .priority = from->priority,
                          .attempt = attempt,
                          .root = from->root ? from->root : from->id,
                          .connections = from->connections,
                          .options = arena_strdup(a, text)};
  free(text);
  return queue(o, &row);
}

/* ---- lanes that were left to us ------------------------------------------------------------------------------------------------------------ */

static bool has(const json_t *list, const char *text) {
  const json_t *one;
  size_t i;
  json_array_foreach(list, i, one)
    if (strcmp(json_string_value(one), text) == 0)
      return true;
  return false;
}

/* Options of a run for the lanes that wait, and when the first of them is to be tried; NULL: none waits. */
static json_t *options_of_lanes(const struct running *r, double *ret_after) {
  json_t *retries = json_array(), *shards = json_array();
  const json_t *lane;
  size_t i;
  *ret_after = -1;
  json_array_foreach(json_object_get(r->summary, "lanes"), i, lane) {
    json_t *retry = json_object_get(lane, "retry");
    const char *shard = json_string_value(json_object_get(retry, "shard"));
    double after = json_number_value(json_object_get(retry, "after_seconds"));
    if (!shard)
      continue;
    json_array_append(retries, retry);
    if (!has(shards, shard))
      json_array_append_new(shards, json_string(shard));
    if (*ret_after < 0 || after < *ret_after)
      *ret_after = after;
  }
  json_t *options = NULL;
  if (json_array_size(retries)) {
    json_t *retry;
    options = r->options ? json_deep_copy(r->options) : json_object();
    json_array_foreach(retries, i, retry) /* what is left of each wait when the first is over */
      json_object_set_new(retry, "after_seconds", json_real(json_number_value(json_object_get(retry, "after_seconds")) - *ret_after));
    json_object_set(options, "retries", retries);
    json_object_set(options, "shards", shards);
  }
  json_decref(retries);
  json_decref(shards);
  return options;
}

static bool follow_lanes(struct outcome *o) {
  double after;
  json_t *options = options_of_lanes(o->of, &after);
  if (!options)
    return false;
  int64_t wait = (int64_t)(after * (double)NS_PER_SEC);
  queue_again(o, o->row.ended_ns + wait, o->of->run.attempt + 1, options);
  json_decref(options);
  return true;
}

static bool stopped_with_host(const struct outcome *o) {
  return o->of->why == WHY_HOST_STOPS && strcmp(o->row.state, "succeeded") != 0;
}

void outcome_follow(struct outcome *o) {
  const struct running *r = o->of;
  if (r->why == WHY_USER || r->why == WHY_LEASE || r->why == WHY_DEADLINE)
    return;
  if (follow_lanes(o))
    return;
  if (stopped_with_host(o)) { /* the next host goes on with it at once */
    queue_again(o, o->row.ended_ns, r->run.attempt, r->options);
    o->row.reason = "the host was stopped; the run goes on when it is back";
  }
}
