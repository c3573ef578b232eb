/* Runs that somebody asks for, and runs that somebody wants to end. */
#include <stdlib.h>
#include <string.h>

#include "serve/commands.h"
#include "serve/shown.h"

/* ---- start -------------------------------------------------------------------------------------------------------------------------------- */

static int texts_only(const json_t *list, const char *what, bool or_null, struct err *e) {
  const json_t *one;
  size_t i;
  if (list && !json_is_array(list))
    return err_set(e, ETL_E_CONFIG, "'%s' of the question is no list", what);
  json_array_foreach(list, i, one)
    if (!json_is_string(one) && !(or_null && json_is_null(one)))
      return err_set(e, ETL_E_CONFIG, "'%s' of the question is no list of texts", what);
  return 0;
}

/* The options of a run row, as text in the arena; NULL: none. */
static int take_options(const struct asked *q, const char **ret, struct err *e) {
  static const char *const flags[] = {"full_refresh", "accept_change"};
  json_t *shards = json_object_get(q->request, "shards"), *range = json_object_get(q->request, "range"), *window = json_object_get(q->request, "window");
  if (texts_only(shards, "shards", false, e) < 0 || texts_only(range, "range", true, e) < 0)
    return -1;
  if (range && json_array_size(range) != 2)
    return err_set(e, ETL_E_CONFIG, "'range' of the question is no pair of texts");
  if (window && (!range || !json_is_string(window)))
    return err_set(e, ETL_E_CONFIG, "'window' of the question cuts a range, and there is none");
  json_t *options = json_object();
  for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
    if (asked_flag(q, flags[i]))
      json_object_set_new(options, flags[i], json_true());
  if (json_array_size(shards))
    json_object_set(options, "shards", shards);
  if (range)
    json_object_set(options, "range", range);
  if (window)
    json_object_set(options, "window", window);
  char *text = json_object_size(options) ? json_dumps(options, JSON_COMPACT) : NULL;
  *ret = arena_strdup(q->arena, text);
  free(text);
  json_decref(options);
  return 0;
}

/* What keeps it from beginning at once, for people. */
static int note_obstacles(const struct asked *q, const char *pipeline, struct err *e) {
  const struct job *j = q->serve ? serve_job(q->serve, pipeline) : NULL;
  const struct store_names of = {&pipeline, 1};
  struct store_run *latest, *active = NULL;
  size_t n;
  bool paused;
  if (store_latest(q->store, &of, q->arena, &latest, &n, e) < 0 || asked_paused(q, pipeline, &paused, e) < 0)
    return asked_failed(q, e);
  for (size_t i = 0; i < n; i++)
    active = latest[i].ended_ns ? active : &latest[i];
  if (paused)
    shown_text(q->answer, "waits", arena_printf(q->arena, "the pipeline is paused: the run begins after `etl resume %s`", pipeline));
  else if (active)
    shown_text(q->answer, "waits", arena_printf(q->arena, "run %s of the pipeline is at work: this one begins when that has ended", active->id));
  else if (j && q->serve->running_n >= serve_max_running(q->serve))
    shown_text(q->answer, "waits", arena_printf(q->arena, "%zu runs are at work, and no more may be (max_running): this one begins when one has ended", q->serve->running_n));
  return 0;
}

int command_start(struct asked *q, struct err *e) {
  const struct conf_pipeline *p = asked_pipeline(q, e);
  const char *options = NULL;
  bool added = false;
  if (!p || take_options(q, &options, e) < 0 || asked_store(q, e) < 0)
    return -1;
  if (q->serve && q->serve->state != SERVE_RUNNING)
    return err_set(e, ETL_E_RETRYABLE, "the host is stopping: nothing more starts"), err_remedy(e, "start the run when the host is back");
  if (note_obstacles(q, p->name, e) < 0)
    return -1;
  const struct store_run run = {.id = spec_run_id(q->arena),
                                .pipeline = p->name,
                                .trigger = "manual",
                                .state = "queued",
                                .due_ns = q->now_ns,
                                .queued_ns = q->now_ns,
                                .priority = p->priority,
                                .attempt = 1,
                                .connections = serve_connections(p, q->arena),
                                .options = options};
  bool part = json_object_get(q->request, "shards") || json_object_get(q->request, "range");
  if (store_enqueue(q->store, &run, 1, !part, q->now_ns, &added, e) < 0)
    return asked_failed(q, e);
  json_object_set_new(q->answer, "run", json_string(run.id));
  json_object_set_new(q->answer, "pipeline", json_string(p->name));
  if (!q->serve)
    return 0;
  cleanup_free char *message = xasprintf("run %s was queued by %s", run.id, q->who);
  serve_event(q->serve, &(struct serve_event){.level = LEVEL_INFO, .kind = "run", .name = "queued", .pipeline = p->name, .run = run.id, .message = message});
  serve_follow(q->serve); /* retries that waited may be skipped */
  if (asked_flag(q, "wait"))
    q->follow = (struct follow){.kind = FOLLOW_RUN, .run = xstrdup(run.id)};
  return 0;
}

/* ---- stop, cancel ---------------------------------------------------------------------------------------------------------------------------- */

struct ending {
  enum stop_mode mode;
  const char *how;    /* of the store */
  const char *reason; /* in the arena */
  json_t *list;       /* what was told to end */
};

static void note(const struct ending *x, const char *run, const char *pipeline, const char *was) {
  json_array_append_new(x->list, json_pack("{ss, ss, ss}", "run", run, "pipeline", pipeline, "was", was));
}

/* One at work here needs no store: it is told at once. */
static void end_here(const struct ending *x, struct running *r) {
  note(x, r->run.id, r->run.pipeline, "running");
  running_cancel(r, x->mode, WHY_USER, x->reason);
}

/* The store has it. */
static void note_stored(const struct asked *q, const struct ending *x, const struct store_run *run, const char *was) {
  bool waited = strcmp(was, "queued") == 0;
  if (!waited && strcmp(was, "claimed") != 0 && strcmp(was, "running") != 0)
    return;
  note(x, run->id, run->pipeline, was);
  if (q->serve && waited) {
    cleanup_free char *message = xasprintf("run %s, which had not begun, is %s", run->id, x->reason);
    serve_event(q->serve, &(struct serve_event){.level = LEVEL_INFO, .kind = "run", .name = "cancelled", .pipeline = run->pipeline, .run = run->id, .message = message});
  }
}

/* All of a pipeline that have not ended. */
static int end_pipeline(const struct asked *q, const struct ending *x, const char *pipeline, struct err *e) {
  const struct store_filter f = {.pipeline = pipeline, .states = "queued,claimed,running", .limit = INT32_MAX};
  struct job *j = q->serve ? serve_job(q->serve, pipeline) : NULL;
  struct store_run *runs;
  int64_t cancelled;
  size_t n = 0;
  if (!q->store && j && j->running) {
    end_here(x, j->running);
    return 0;
  }
  if (asked_store(q, e) < 0)
    return -1;
  if (store_list(q->store, &f, q->arena, &runs, &n, e) < 0 || (n && store_cancel_all(q->store, pipeline, x->how, x->reason, q->now_ns, &cancelled, e) < 0))
    return asked_failed(q, e);
  for (size_t i = 0; i < n; i++) {
    struct running *here = q->serve ? serve_running(q->serve, runs[i].id) : NULL;
    if (here)
      end_here(x, here);
    else
      note_stored(q, x, &runs[i], runs[i].state);
  }
  return 0;
}

static int end_run(const struct asked *q, const struct ending *x, const char *name, struct err *e) {
  struct running *here = q->serve ? serve_running(q->serve, name) : NULL;
  struct store_run *run = NULL;
  if (here) {
    end_here(x, here);
    return 0;
  }
  if (asked_store(q, e) < 0)
    return -1;
  if (asked_run(q, name, &run, e) < 0)
    return -1;
  if (!run) {
    const char *near = diag_nearest(name, q->conf->pipeline_names);
    err_set(e, ETL_E_CONFIG, "there is no pipeline and no run '%s'", name);
    return near ? err_remedy(e, "did you mean '%s'?", near) : err_remedy(e, "`etl list` shows pipelines, `etl history` shows runs");
  }
  const char *was = NULL;
  if (store_cancel(q->store, run->id, x->how, x->reason, q->now_ns, &was, e) < 0)
    return asked_failed(q, e);
  shown_text(q->answer, "state", was);
  note_stored(q, x, run, was ? was : "");
  return 0;
}

static int end(struct asked *q, enum stop_mode mode, struct err *e) {
  const char *name = asked_text(q, "run");
  if (!name || !*name)
    return err_set(e, ETL_E_CONFIG, "the question lacks a run or a pipeline");
  struct ending x = {.mode = mode, .how = mode == STOP_NOW ? "now" : "finish", .list = json_array()};
  x.reason = arena_printf(q->arena, "%s by %s", mode == STOP_NOW ? "cancelled" : "stopped", q->who);
  json_object_set_new(q->answer, "ended", x.list);
  bool pipeline = conf_pipeline_find(q->conf, name) || (q->serve && serve_job(q->serve, name));
  int rc = pipeline ? end_pipeline(q, &x, name, e) : end_run(q, &x, name, e);
  if (rc == 0 && q->serve)
    serve_follow(q->serve);
  return rc;
}

int command_stop(struct asked *q, struct err *e) { return end(q, STOP_FINISH, e); }
int command_cancel(struct asked *q, struct err *e) { return end(q, STOP_NOW, e); }
