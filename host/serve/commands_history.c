/* Runs that were, are and will be. */
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "base/zone.h"
#include "serve/commands.h"
#include "serve/shown.h"

enum { HISTORY = 50, HISTORY_MAX = 10000, SLICE = 500 /* runs told in one turn of the loop */, EVENTS_MAX = 500, ATTEMPTS_MAX = 1000 };

static void add_runs(struct asked *q, const char *key, const struct store_run *runs, size_t n) {
  json_object_set_new(q->answer, key, json_array());
  for (size_t i = 0; i < n; i++) {
    const struct running *here = q->serve && !runs[i].ended_ns ? serve_running(q->serve, runs[i].id) : NULL;
    asked_add(q, key, here ? command_live(here, false) : shown_run(&runs[i]));
  }
}

json_t *command_live(const struct running *r, bool lanes) {
  static const char *const taken[] = {"rows_read", "rows_written", "rss_bytes"};
  json_t *j = shown_run(&r->run);
  json_object_set_new(j, "state", json_string(r->worker ? "running" : "claimed"));
  shown_text(j, "host", r->serve->host);
  shown_time(j, "started", r->started_ns);
  json_object_set_new(j, "seconds", json_real((double)(serve_now(r->serve) - r->started_ns) / 1e9));
  for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
    if (json_object_get(r->progress, taken[i]))
      json_object_set(j, taken[i], json_object_get(r->progress, taken[i]));
  if (lanes && json_object_get(r->progress, "lanes"))
    json_object_set(j, "lanes", json_object_get(r->progress, "lanes"));
  if (r->worker)
    json_object_set_new(j, "pid", json_integer(supervise_pid(r->worker)));
  if (r->asked != STOP_NONE)
    json_object_set_new(j, "cancel", json_string(r->asked == STOP_NOW ? "now" : "finish"));
  shown_text(j, "reason", r->reason);
  return j;
}

/* ---- history ------------------------------------------------------------------------------------------------------------------------------ */

/* "2h" ago, or a time. */
static int since_ns(const struct asked *q, int64_t *ret, struct err *e) {
  const char *text = asked_text(q, "since");
  int64_t ago;
  *ret = 0;
  if (!text || zone_parse(&zone_utc, text, ret) == 0)
    return 0;
  if (units_parse_duration(text, &ago) == 0 && ago >= 0 && ago < q->now_ns) {
    *ret = q->now_ns - ago;
    return 0;
  }
  err_set(e, ETL_E_CONFIG, "'%s' is no time, and no duration", text);
  return err_remedy(e, "write for instance 2h, 7d, 2026-03-01, or 2026-03-01T06:00:00Z");
}

static const char *const states[] = {"queued", "claimed", "running", "succeeded", "partial", "failed", "cancelled", "crashed", "skipped", NULL};

/* Names with commas between them. */
static int check_states(const struct asked *q, const char *list, struct err *e) {
  for (const char *at = list; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
    const char *one = arena_printf(q->arena, "%.*s", (int)strcspn(at, ","), at);
    size_t i = 0;
    while (states[i] && strcmp(states[i], one) != 0)
      i++;
    if (states[i])
      continue;
    const char *near = diag_nearest(one, states);
    err_set(e, ETL_E_CONFIG, "there is no state '%s'", one);
    return near ? err_remedy(e, "did you mean '%s'?", near) : err_remedy(e, "there are: queued, claimed, running, succeeded, partial, failed, cancelled, crashed, skipped");
  }
  return 0;
}

/* What stands behind a run, which asked_later() got as "QUEUED_NS ID". */
static void go_on(const struct asked *q, struct store_filter *f) {
  char *end;
  if (!q->follow.after)
    return;
  f->before_ns = strtoll(q->follow.after, &end, 10);
  f->before_id = arena_strdup(q->arena, end + 1);
}

int command_history(struct asked *q, struct err *e) {
  struct store_filter f = {.pipeline = asked_text(q, "pipeline"), .states = asked_text(q, "state")};
  struct store_run *runs;
  int64_t limit;
  size_t n, told = q->follow.told;
  go_on(q, &f);
  if (asked_number(q, "limit", 1, HISTORY_MAX, HISTORY, &limit, e) < 0 || since_ns(q, &f.since_ns, e) < 0 || (f.states && check_states(q, f.states, e) < 0) ||
      asked_store(q, e) < 0)
    return -1;
  f.limit = q->serve && limit - (int64_t)told > SLICE ? SLICE : limit - (int64_t)told;
  if (store_list(q->store, &f, q->arena, &runs, &n, e) < 0)
    return asked_failed(q, e);
  if (n + told == 0 && f.pipeline && !asked_pipeline(q, e)) /* one that is configured no more may have a history */
    return -1;
  add_runs(q, "runs", runs, n);
  told += n;
  bool more = (int64_t)n == f.limit && (int64_t)told < limit;
  asked_later(q, more ? arena_printf(q->arena, "%lld %s", (long long)runs[n - 1].queued_ns, runs[n - 1].id) : NULL, told);
  return 0;
}

/* ---- info ----------------------------------------------------------------------------------------------------------------------------------- */

/* Of a pipeline the one at work, else the last that ended, else one that waits. */
static int find_of_pipeline(const struct asked *q, const char *name, struct store_run **ret, struct err *e) {
  const struct store_names of = {&name, 1};
  struct store_run *runs;
  size_t n;
  if (store_latest(q->store, &of, q->arena, &runs, &n, e) < 0 || (n == 0 && store_waiting(q->store, &of, 1, q->arena, &runs, &n, e) < 0))
    return asked_failed(q, e);
  for (size_t i = 0; i < n; i++)
    if (!*ret || !runs[i].ended_ns)
      *ret = &runs[i];
  return 0;
}

static int find_run(const struct asked *q, const char *name, struct store_run **ret, struct err *e) {
  if (asked_run(q, name, ret, e) < 0 || (!*ret && find_of_pipeline(q, name, ret, e) < 0))
    return -1;
  if (*ret)
    return 0;
  if (conf_pipeline_find(q->conf, name)) {
    err_set(e, ETL_E_CONFIG, "pipeline '%s' has not run yet", name);
    return err_remedy(e, "start it: etl start %s", name);
  }
  err_set(e, ETL_E_CONFIG, "there is no run '%s'", name);
  return err_remedy(e, "`etl history` shows them; the beginning of an id is enough");
}

int command_info(struct asked *q, struct err *e) {
  const char *name = asked_text(q, "run");
  struct store_run *run = NULL, *attempts;
  struct store_task *tasks;
  struct store_event *events;
  size_t attempts_n, tasks_n, events_n;
  if (!name)
    return err_set(e, ETL_E_CONFIG, "the question lacks a run");
  if (asked_store(q, e) < 0 || find_run(q, name, &run, e) < 0)
    return -1;
  if (q->serve)
    serve_flush_events(q->serve);
  if (store_list(q->store, &(struct store_filter){.root = run->root ? run->root : run->id, .limit = ATTEMPTS_MAX}, q->arena, &attempts, &attempts_n, e) < 0 ||
      store_tasks(q->store, run->id, q->arena, &tasks, &tasks_n, e) < 0 ||
      store_events(q->store, -1, NULL, run->id, EVENTS_MAX, q->arena, &events, &events_n, e) < 0)
    return asked_failed(q, e);
  const struct running *here = q->serve && !run->ended_ns ? serve_running(q->serve, run->id) : NULL;
  json_object_set_new(q->answer, "info", here ? command_live(here, true) : shown_run(run));
  add_runs(q, "attempts", attempts, attempts_n);
  json_object_set_new(q->answer, "tasks", json_array());
  json_object_set_new(q->answer, "events", json_array());
  for (size_t i = 0; i < tasks_n; i++)
    asked_add(q, "tasks", shown_task(&tasks[i]));
  for (size_t i = 0; i < events_n; i++)
    asked_add(q, "events", shown_event(&events[i]));
  return 0;
}
