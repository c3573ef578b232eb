/* A run with its worker: the specification it gets, what its events become, how it is stopped. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/member.h"
#include "base/units.h"
#include "serve/breakers.h"
#include "serve/connectors.h"
#include "serve/positions.h"
#include "serve/reload.h"
#include "serve/windows.h"

enum { DEADLINE_GRACE_SECONDS = 30 };

/* ---- what the worker says -------------------------------------------------------------------------------------------------------------- */

static void say(struct running *r, enum log_level level, const json_t *of, const char *message) {
  if (level >= LEVEL_WARNING) {
    char **slot = &r->lines[r->lines_n++ % RUNNING_LINES];
    free(*slot);
    *slot = xstrdup(message);
  }
  log_write(r->serve->log, &(struct log_record){.level = level,
                                                .pipeline = r->run.pipeline,
                                                .run = r->run.id,
                                                .stage = member_text(of, "stage"),
                                                .connector = member_text(of, "connector"),
                                                .shard = member_text(of, "lane"),
                                                .message = message});
}

static void on_log(struct running *r, const json_t *event) {
  const char *name = member_text(event, "level"), *message = member_text(event, "message");
  int level = name ? log_level_from_name(name) : -1;
  say(r, level < 0 ? LEVEL_INFO : (enum log_level)level, event, message ? message : "");
}

static void on_warning(struct running *r, const json_t *event) {
  const char *message = member_text(event, "message"), *remedy = member_text(event, "remedy");
  cleanup_free char *text = xasprintf("%s%s%s", message ? message : "", remedy ? "; " : "", remedy ? remedy : "");
  say(r, LEVEL_WARNING, event, text);
}

static void on_retry(struct running *r, const json_t *event) {
  const json_t *error = json_object_get(event, "error");
  char wait[UNITS_TEXT];
  units_print_wait(wait, (int64_t)(json_number_value(json_object_get(event, "delay_seconds")) * 1000) * NS_PER_MS);
  cleanup_free char *text = xasprintf("attempt %lld comes %s, since this one failed: %s",
                                      (long long)member_number(event, "attempt"), wait, member_text(error, "message"));
  say(r, LEVEL_WARNING, event, text);
}

/* A connector that leaks takes the whole machine down otherwise. */
static void look_at_memory(struct running *r) {
  int64_t rss = member_number(r->progress, "rss_bytes"), max = r->gen->conf->serve.worker_memory_bytes;
  char is[UNITS_TEXT], may[UNITS_TEXT];
  if (max <= 0 || rss <= max)
    return;
  cleanup_free char *reason = xasprintf("its process takes %s of memory, more than worker_memory (%s)", units_print_size(is, rss), units_print_size(may, max));
  running_cancel(r, STOP_NOW, WHY_MEMORY, reason);
}

static void on_event(void *arg, json_t *event) {
  struct running *r = arg;
  const char *name = member_text(event, "event");
  if (strcmp(name, "committed") == 0) { /* for the host alone */
    positions_take(r, event);
    return;
  }
  serve_parts_worker_event(r->serve, r, event);
  if (strcmp(name, "progress") == 0) {
    json_decref(r->progress);
    r->progress = json_incref(event);
    look_at_memory(r);
  } else if (strcmp(name, "summary") == 0) {
    r->summary = json_incref(event);
  } else if (strcmp(name, "log") == 0) {
    on_log(r, event);
  } else if (strcmp(name, "warning") == 0) {
    on_warning(r, event);
  } else if (strcmp(name, "retry") == 0) {
    on_retry(r, event);
  }
}

static void on_end(void *arg) {
  struct running *r = arg;
  struct serve *s = r->serve;
  for (struct running **at = &s->running; *at; at = &(*at)->next)
    if (*at == r) {
      *at = r->next;
      break;
    }
  s->running_n--;
  ev_timer_stop(s->loop, &r->deadline);
  outcome_of(r);
}

/* ---- start --------------------------------------------------------------------------------------------------------------------------------- */

/* What lanes have been failing for goes on while they wait in the queue. */
static json_t *retries_of(const struct running *r) {
  json_t *retries = json_deep_copy(json_object_get(r->options, "retries")), *retry;
  double waited = (double)(r->started_ns - r->run.queued_ns) / (double)NS_PER_SEC;
  size_t i;
  json_array_foreach(retries, i, retry)
    json_object_set_new(retry, "failing_seconds",
                        json_real(json_number_value(json_object_get(retry, "failing_seconds")) + (waited > 0 ? waited : 0)));
  return retries;
}

static void take_options(struct spec *spec, const struct running *r) {
  const json_t *o = r->options;
  const json_t *shards = json_object_get(o, "shards"), *range = json_object_get(o, "range");
  spec->full_refresh = member_true(o, "full_refresh");
  spec->accept_change = member_true(o, "accept_change");
  spec->shards = arena_alloc(spec->arena, (json_array_size(shards) + 1) * sizeof *spec->shards);
  for (size_t i = 0; i < json_array_size(shards); i++)
    if (json_is_string(json_array_get(shards, i)))
      spec->shards[spec->shards_n++] = arena_strdup(spec->arena, json_string_value(json_array_get(shards, i)));
  if (json_array_size(range) == 2) {
    spec->range_from = arena_strdup(spec->arena, json_string_value(json_array_get(range, 0)));
    spec->range_to = arena_strdup(spec->arena, json_string_value(json_array_get(range, 1)));
  }
  spec->window = arena_strdup(spec->arena, member_text(o, "window"));
  spec->retries = retries_of(r);
}

static void put_moment(json_t *values, const char *name, int64_t ns, struct arena *a) {
  if (ns)
    json_object_set_new(values, name, json_string(window_moment(a, ns)));
}

static void put_upstream(json_t *values, const json_t *options, struct arena *a) {
  const char *name, *field;
  json_t *one, *value;
  json_object_foreach(json_object_get(options, "upstream"), name, one)
    json_object_foreach(one, field, value)
      json_object_set_new(values, arena_printf(a, "upstream.%s.%s", name, field),
                          json_is_integer(value) ? json_string(arena_printf(a, "%lld", (long long)json_integer_value(value))) : json_incref(value));
}

/* Of the variables that stand for this run. */
static json_t *values_of(const struct running *r) {
  json_t *values = json_pack("{s:s}", "run.id", r->run.id);
  json_object_set_new(values, "run.attempt", json_string(arena_printf(r->arena, "%lld", (long long)r->run.attempt)));
  put_moment(values, "run.due", r->run.due_ns, r->arena);
  put_moment(values, "window.from", r->run.window_from_ns, r->arena);
  put_moment(values, "window.to", r->run.window_to_ns, r->arena);
  put_upstream(values, r->options, r->arena);
  return values;
}

static int make_spec(struct running *r, struct err *e, struct spec **ret) {
  const struct conf_serve *limits = &r->gen->conf->serve;
  struct spec *spec;
  if (connectors_current(r->gen->registry, r->conf, e) < 0) {
    serve_look(r->serve);
    return -1;
  }
  json_t *values = values_of(r);
  int rc = spec_new_with(r->gen->conf, r->conf, r->gen->registry, values, e, &spec);
  json_decref(values);
  if (rc < 0)
    return -1;
  spec->run = r->run.id;
  spec->owner = r->run.fence;
  spec->defer_retries = true;
  spec->max_files = limits->worker_files;
  spec->max_cpu_ns = limits->worker_cpu_ns;
  spec->max_memory_bytes = limits->worker_memory_bytes;
  spec->no_core = !limits->worker_cores;
  take_options(spec, r);
  breakers_start(r, spec);
  window_put(r, spec);
  *ret = spec;
  return 0;
}

static void on_deadline(struct ev_loop *loop, ev_timer *t, int revents) {
  struct running *r = t->data;
  char limit[UNITS_TEXT];
  (void)loop, (void)revents;
  if (r->asked != STOP_NONE) {
    running_cancel(r, STOP_NOW, WHY_DEADLINE, NULL);
    return;
  }
  cleanup_free char *reason = xasprintf("it did not end within its run_timeout of %s", units_print_duration(limit, r->conf->run_timeout_ns));
  running_cancel(r, STOP_FINISH, WHY_DEADLINE, reason);
  ev_timer_set(t, DEADLINE_GRACE_SECONDS, 0);
  ev_timer_start(r->serve->loop, t);
}

static void copy_run(struct running *r, const struct store_run *run) {
  struct arena *a = r->arena;
  r->run = *run;
  const char **texts[] = {&r->run.id, &r->run.pipeline, &r->run.trigger, &r->run.root, &r->run.connections, &r->run.options};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
    *texts[i] = arena_strdup(a, *texts[i]);
  r->run.host = r->run.state = r->run.reason = r->run.cancel = NULL;
}

struct running *running_new(struct serve *s, const struct store_run *run) {
  struct running *r = xcalloc(1, sizeof *r);
  struct job *j = serve_job(s, run->pipeline);
  *r = (struct running){.serve = s, .arena = arena_new(), .job = j, .options = run->options ? json_loads(run->options, 0, NULL) : NULL};
  r->gen = generation_ref(s->gen);
  r->conf = generation_find(r->gen, run->pipeline);
  copy_run(r, run);
  r->started_ns = serve_now(s);
  r->lease_until_mono_ns = s->clock.mono_ns(&s->clock) + s->gen->conf->serve.lease_ns;
  ev_timer_init(&r->deadline, on_deadline, 0, 0);
  r->deadline.data = r;
  return r;
}

void running_free(struct running *r) {
  if (!r)
    return;
  ev_timer_stop(r->serve->loop, &r->deadline);
  supervise_free(r->worker);
  json_decref(r->options);
  json_decref(r->progress);
  json_decref(r->summary);
  json_decref(r->positions);
  for (size_t i = 0; i < RUNNING_LINES; i++)
    free(r->lines[i]);
  free(r->reason);
  generation_unref(r->gen);
  arena_free(r->arena);
  free(r);
}

/* Credentials were refused: they, or where they are, may have been changed.  When that has mistakes, what everybody has counts. */
static void read_again(struct running *r) {
  struct serve *s = r->serve;
  struct generation *fresh = generation_of_one(s->gen, s->conf_path, r->run.pipeline, s->describes, serve_now(s));
  if (!fresh)
    return;
  generation_unref(r->gen);
  r->gen = fresh;
  r->conf = generation_find(fresh, r->run.pipeline);
}

static int start_worker(struct running *r, struct err *e) {
  struct serve *s = r->serve;
  struct spec *spec;
  if (member_true(r->options, "read_again"))
    read_again(r);
  if (!r->conf)
    return err_set(e, ETL_E_CONFIG, "there is no pipeline '%s' any more", r->run.pipeline);
  if (window_choose(r, e) < 0)
    return -1;
  if (window_is_empty(r))
    return err_set(e, RUN_EMPTY, "its window is covered already");
  if (make_spec(r, e, &spec) < 0)
    return -1;
  int rc = positions_start(r, spec, e) < 0 ? -1 : supervise_start(spec, s->loop, on_event, r, e, &r->worker);
  spec_free(spec);
  if (rc == 0)
    supervise_on_end(r->worker, on_end);
  return rc;
}

int running_start(struct serve *s, const struct store_run *run, struct err *e) {
  struct running *r = running_new(s, run);
  if (start_worker(r, e) < 0) {
    running_free(r);
    return -1;
  }
  r->next = s->running;
  s->running = r;
  s->running_n++;
  r->job->running = r;
  if (r->conf->run_timeout_ns) {
    ev_timer_set(&r->deadline, (double)r->conf->run_timeout_ns / (double)NS_PER_SEC, 0);
    ev_timer_start(s->loop, &r->deadline);
  }
  cleanup_free char *message = xasprintf("run %s started (%s, attempt %lld)", r->run.id, r->run.trigger, (long long)r->run.attempt);
  serve_event(s,
              &(struct serve_event){
                  .level = LEVEL_INFO, .kind = "run", .name = "started", .pipeline = r->run.pipeline, .run = r->run.id, .message = message, .of = r});
  return 0;
}

/* ---- stop ---------------------------------------------------------------------------------------------------------------------------------- */

void running_cancel(struct running *r, enum stop_mode mode, enum stop_why why, const char *reason) {
  if (mode <= r->asked)
    return;
  r->asked = mode;
  if (r->why == WHY_NONE || why == WHY_LEASE) /* a lost lease outweighs every reason: the run is somebody else's */
    r->why = why;
  if (reason && !r->reason)
    r->reason = xstrdup(reason);
  if (reason)
    log_write(r->serve->log, &(struct log_record){.level = LEVEL_INFO, .pipeline = r->run.pipeline, .run = r->run.id, .message = reason});
  supervise_cancel(r->worker, mode);
}

struct running *serve_running(const struct serve *s, const char *run) {
  struct running *found = NULL;
  size_t n = strlen(run);
  for (struct running *r = s->running; r; r = r->next) {
    if (strncmp(r->run.id, run, n) != 0)
      continue;
    if (found)
      return NULL;
    found = r;
  }
  return found;
}
