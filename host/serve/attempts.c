/* What the attempts of a run came to together. */
#include "serve/attempts.h"

#include <stdlib.h>
#include <string.h>

#include "base/member.h"
#include "base/text.h"

enum { LINE_KEPT = 500 };

static const char *const row_counts[] = {"rows_read", "rows_written", "rows_filtered", "rows_rejected"};
enum { ROW_COUNTS = sizeof row_counts / sizeof *row_counts };

const char *attempts_shard(const json_t *lane, struct arena *a) {
  const char *shard = member_text(lane, "shard");
  return shard ? arena_memdup(a, shard, strcspn(shard, "#@")) : "";
}

bool attempts_has(const json_t *shards, const char *shard) {
  const json_t *one;
  size_t i;
  json_array_foreach(shards, i, one)
    if (strcmp(json_string_value(one), shard) == 0)
      return true;
  return false;
}

static bool is_status(const json_t *lane, const char *status) {
  const char *is = member_text(lane, "status");
  return is && strcmp(is, status) == 0;
}

static void keep_lane(const struct running *r, const json_t *lane, const json_t *again, json_t *before) {
  if (attempts_has(again, attempts_shard(lane, r->arena)))
    return;
  if (is_status(lane, "success"))
    json_object_set_new(before, "loaded", json_true());
  else if (is_status(lane, "failed") && !json_object_get(before, "lost"))
    json_object_set(before, "lost", (json_t *)(uintptr_t)lane);
}

size_t attempts_log(const struct running *r, const char **lines) {
  const json_t *kept = json_object_get(json_object_get(r->options, "before"), "log");
  size_t own = r->lines_n < RUNNING_LINES ? r->lines_n : RUNNING_LINES, most = RUNNING_LINES - own, n = json_array_size(kept), first = n > most ? n - most : 0, to = 0;
  for (size_t i = first; i < n; i++)
    lines[to++] = json_string_value(json_array_get(kept, i));
  for (size_t i = 0; i < own; i++)
    lines[to++] = r->lines[(r->lines_n - own + i) % RUNNING_LINES];
  return to;
}

static json_t *before_in(json_t *options) {
  json_t *before = json_object_get(options, "before");
  before = before ? json_deep_copy(before) : json_object();
  json_object_set_new(options, "before", before);
  return before;
}

bool attempts_by_hand(const struct running *r) {
  return strcmp(r->run.trigger, "manual") == 0 || member_true(json_object_get(r->options, "before"), "by_hand");
}

void attempts_keep_story(const struct running *r, json_t *options) {
  const char *lines[RUNNING_LINES];
  size_t n = attempts_log(r, lines);
  json_t *log = json_array(), *before = before_in(options);
  for (size_t i = 0; i < n; i++)
    json_array_append_new(log, json_stringn(lines[i], text_within(lines[i], LINE_KEPT)));
  json_object_set_new(before, "log", log);
  if (attempts_by_hand(r))
    json_object_set_new(before, "by_hand", json_true());
}

void attempts_keep(const struct running *r, const json_t *again, json_t *options) {
  json_t *before = before_in(options), *lane;
  json_t *left_out = json_object_get(r->summary, "left_out");
  size_t i;
  for (i = 0; i < ROW_COUNTS; i++)
    json_object_set_new(before, row_counts[i],
                        json_integer(member_number(before, row_counts[i]) + member_number(r->summary, row_counts[i])));
  if (again) {
    json_array_foreach(json_object_get(r->summary, "lanes"), i, lane)
      keep_lane(r, lane, again, before);
    if (json_array_size(left_out))
      json_object_set(before, "left_out", left_out);
  }
}

const json_t *attempts_lost(const struct running *r) { return json_object_get(json_object_get(r->options, "before"), "lost"); }

static const char *reason_of(const json_t *left_out, struct arena *a) {
  const char *list = "";
  const json_t *one;
  size_t i;
  json_array_foreach(left_out, i, one)
    list = arena_printf(a, "%s%s %s", list, *list ? "," : "", json_string_value(one));
  return arena_printf(a, "shards were left out, since their circuit breakers are open:%s", list);
}

void attempts_sum_up(struct outcome *o) {
  const struct running *r = o->of;
  const json_t *before = json_object_get(r->options, "before"), *error = json_object_get(attempts_lost(r), "error"), *left_out = json_object_get(r->summary, "left_out");
  struct store_run *row = &o->row;
  if (!left_out)
    left_out = json_object_get(before, "left_out");
  bool failed_by_lanes = strcmp(row->state, "failed") == 0 && is_status(r->summary, "failed") && !json_object_get(r->summary, "error");
  if ((strcmp(row->state, "succeeded") == 0 && (error || left_out)) || (failed_by_lanes && json_object_get(before, "loaded")))
    row->state = "partial";
  if (strcmp(row->state, "partial") != 0)
    return;
  if (!row->error_message && error)
    outcome_take_error(o, error);
  if (!row->error_message && !row->reason && left_out)
    row->reason = reason_of(left_out, r->arena);
}

struct attempts_rows attempts_rows(const struct store_run *run) {
  json_t *options = run->options ? json_loads(run->options, 0, NULL) : NULL, *before = json_object_get(options, "before");
  int64_t n[ROW_COUNTS];
  for (size_t i = 0; i < ROW_COUNTS; i++)
    n[i] = member_number(before, row_counts[i]);
  json_decref(options);
  return (struct attempts_rows){n[0] + run->rows_read, n[1] + run->rows_written, n[2] + run->rows_filtered, n[3] + run->rows_rejected};
}
