/* How the host itself stands; its log; its configuration read again. */
#include <stdlib.h>
#include <string.h>

#include "base/member.h"
#include "serve/commands.h"
#include "serve/reload.h"
#include "serve/shown.h"

enum { UNUSABLE_MAX = 1000, LOG_LINES = 50, LOG_LINES_MAX = 10000 };

/* ---- status ----------------------------------------------------------------------------------------------------------------------------------- */

static json_t *report_findings(const struct diags *d) {
  json_t *list = json_array();
  for (size_t i = 0; i < d->n; i++) {
    json_t *j = json_object();
    shown_text(j, "level", d->list[i].level == DIAG_ERROR ? "error" : "warning");
    shown_text(j, "origin", d->list[i].origin);
    shown_text(j, "text", d->list[i].text);
    json_array_append_new(list, j);
  }
  return list;
}

static json_t *report_host(const struct serve *s) {
  json_t *j = json_object();
  shown_text(j, "name", s->host);
  shown_text(j, "state", s->state == SERVE_RUNNING ? "running" : "stopping");
  shown_text(j, "version", ETL_VERSION);
  json_object_set_new(j, "pid", json_integer(getpid()));
  shown_time(j, "since", s->started_ns);
  json_object_set_new(j, "log_lost", json_integer(log_lost(s->log)));
  return j;
}

static json_t *report_configuration(const struct serve *s) {
  json_t *j = json_object(), *reload = json_object();
  shown_text(j, "file", s->gen->conf->file);
  shown_time(j, "loaded", s->gen->loaded_ns);
  json_object_set_new(j, "generation", json_integer(s->gen->number));
  json_object_set_new(j, "pipelines", json_integer((json_int_t)s->gen->conf->pipelines_n));
  if (s->reload_ns) {
    shown_time(reload, "at", s->reload_ns);
    json_object_set_new(reload, "errors", json_integer((json_int_t)s->reload_errors.errors));
    json_object_set_new(reload, "findings", report_findings(&s->reload_errors));
    json_object_set(j, "reload", reload);
  }
  json_decref(reload);
  return j;
}

static json_t *report_bad_connectors(const struct generation *g) {
  json_t *list = json_array();
  for (size_t i = 0; g->registry && i < g->registry->files_n; i++)
    if (g->registry->files[i].bad) {
      json_t *j = json_object();
      shown_text(j, "file", g->registry->files[i].path);
      shown_text(j, "reason", g->registry->files[i].bad);
      json_array_append_new(list, j);
    }
  return list;
}

static json_t *report_unusable(const struct generation *g) {
  json_t *list = json_array();
  for (size_t i = 0; g->problems && i < g->conf->pipelines_n && json_array_size(list) < UNUSABLE_MAX; i++)
    if (g->problems[i]) {
      json_t *j = json_object();
      shown_text(j, "pipeline", g->by_name[i]->name);
      shown_text(j, "reason", g->problems[i]);
      json_array_append_new(list, j);
    }
  return list;
}

static json_t *report_store(const struct asked *q) {
  json_t *j = json_object();
  size_t waiting = 0;
  json_object_set_new(j, "usable", json_boolean(q->store != NULL));
  if (q->serve) {
    shown_text(j, "place", q->serve->store ? store_place(q->serve->store) : NULL);
    shown_time(j, "away_since", q->serve->store_away ? q->serve->store_away_ns : 0);
    for (const struct running *r = q->serve->ended; r; r = r->next)
      waiting++;
    json_object_set_new(j, "outcomes_waiting", json_integer((json_int_t)waiting));
  } else if (q->store) {
    shown_text(j, "place", store_place(q->store));
  }
  shown_text(j, "error", q->store ? NULL : q->store_error);
  return j;
}

static int report_queue(const struct asked *q, json_t *queue, json_t *paused, json_t *breakers, json_t *hosts, struct err *e) {
  struct store_counts n;
  struct store_pipeline *p; /* paused */
  struct store_breaker *b;
  struct store_host *h;
  size_t p_n, b_n, h_n;
  if (store_count(q->store, q->now_ns, &n, e) < 0 || store_paused(q->store, q->arena, &p, &p_n, e) < 0 ||
      store_breakers(q->store, NULL, q->arena, &b, &b_n, e) < 0 || store_hosts(q->store, q->arena, &h, &h_n, e) < 0)
    return asked_failed(q, e);
  json_object_set_new(queue, "queued", json_integer(n.queued - n.waiting));
  json_object_set_new(queue, "waiting", json_integer(n.waiting));
  json_object_set_new(queue, "active", json_integer(n.claimed + n.running));
  for (size_t i = 0; i < p_n; i++)
    json_array_append_new(paused, json_string(p[i].name));
  for (size_t i = 0; i < b_n; i++)
    if (strcmp(b[i].state, "closed") != 0)
      json_array_append_new(breakers, shown_breaker(&b[i]));
  for (size_t i = 0; i < h_n; i++) {
    json_t *j = json_pack("{ss, sI}", "name", h[i].name, "pid", (json_int_t)h[i].pid);
    shown_text(j, "machine", h[i].machine);
    shown_time(j, "started", h[i].started_ns);
    shown_time(j, "seen", h[i].seen_ns);
    json_array_append_new(hosts, j);
  }
  return 0;
}

int command_status(struct asked *q, struct err *e) {
  json_t *queue = json_object(), *paused = json_array(), *breakers = json_array(), *hosts = json_array(), *runs = json_array();
  const struct serve *s = q->serve;
  int rc = q->store ? report_queue(q, queue, paused, breakers, hosts, e) : 0;
  for (const struct running *r = s ? s->running : NULL; r; r = r->next)
    json_array_append_new(runs, command_live(r, false));
  if (s) {
    json_object_set_new(queue, "running", json_integer((json_int_t)s->running_n));
    json_object_set_new(queue, "max_running", json_integer((json_int_t)serve_max_running(s)));
    json_object_set_new(q->answer, "host", report_host(s));
    json_object_set_new(q->answer, "configuration", report_configuration(s));
    json_object_set_new(q->answer, "bad_connectors", report_bad_connectors(s->gen));
    json_object_set_new(q->answer, "unusable", report_unusable(s->gen));
  }
  json_object_set_new(q->answer, "store", report_store(q));
  json_object_set_new(q->answer, "queue", queue);
  json_object_set_new(q->answer, "runs", runs);
  json_object_set_new(q->answer, "paused", paused);
  json_object_set_new(q->answer, "breakers", breakers);
  json_object_set_new(q->answer, "hosts", hosts);
  return rc;
}

/* ---- logs -------------------------------------------------------------------------------------------------------------------------------------- */

struct picked {
  const struct follow *filter;
  json_t *records;
};

bool follow_wants(const struct follow *f, const json_t *record) {
  const char *pipeline = member_text(record, "pipeline"), *level = member_text(record, "level");
  return (!f->pipeline || (pipeline && strcmp(f->pipeline, pipeline) == 0)) && (int)f->level <= log_level_from_name(level ? level : "info");
}

static bool pick(void *arg, const struct log_line *line) {
  struct picked *p = arg;
  if (follow_wants(p->filter, line->record))
    json_array_append(p->records, line->record);
  return true;
}

/* Without a host there are the events that the store remembers. */
static int pick_events(const struct asked *q, struct picked *p, struct err *e) {
  struct store_event *events;
  size_t events_n;
  if (asked_store(q, e) < 0)
    return -1;
  if (store_events(q->store, -1, p->filter->pipeline, NULL, LOG_LINES_MAX, q->arena, &events, &events_n, e) < 0)
    return asked_failed(q, e);
  for (size_t i = 0; i < events_n; i++) {
    json_t *record = shown_event(&events[i]);
    if (follow_wants(p->filter, record))
      json_array_append(p->records, record);
    json_decref(record);
  }
  return 0;
}

static json_t *last_of(const json_t *list, size_t n) {
  json_t *last = json_array();
  for (size_t all = json_array_size(list), i = all > n ? all - n : 0; i < all; i++)
    json_array_append(last, json_array_get(list, i));
  return last;
}

int command_logs(struct asked *q, struct err *e) {
  const char *level = asked_text(q, "level");
  int named = level ? log_level_from_name(level) : LEVEL_DEBUG;
  int64_t n;
  if (named < 0) {
    err_set(e, ETL_E_CONFIG, "there is no level '%s'", level);
    return err_remedy(e, "write debug, info, warning or error");
  }
  if (asked_number(q, "lines", 0, LOG_LINES_MAX, LOG_LINES, &n, e) < 0 || (asked_text(q, "pipeline") && !asked_pipeline(q, e)))
    return -1;
  struct follow f = {.kind = FOLLOW_LOGS, .level = (enum log_level)named, .pipeline = asked_text(q, "pipeline") ? xstrdup(asked_text(q, "pipeline")) : NULL};
  struct picked p = {.filter = &f, .records = json_array()};
  int rc = 0;
  if (q->serve)
    log_each(q->serve->log, 0, pick, &p);
  else
    rc = pick_events(q, &p, e);
  json_object_set_new(q->answer, "records", last_of(p.records, (size_t)n));
  json_decref(p.records);
  if (rc == 0 && q->serve && asked_flag(q, "follow"))
    q->follow = f;
  else
    follow_fini(&f);
  return rc;
}

/* ---- reload ------------------------------------------------------------------------------------------------------------------------------------ */

int command_reload(struct asked *q, struct err *e) {
  struct serve *s = q->serve;
  if (s->state != SERVE_RUNNING)
    return err_set(e, ETL_E_RETRYABLE, "the host is stopping: it reads nothing any more");
  int64_t reading = serve_reload(s);
  if (asked_flag(q, "wait"))
    q->follow = (struct follow){.kind = FOLLOW_RELOAD, .reading = reading};
  return 0;
}

json_t *command_reloaded(const struct serve *s, const char *message) {
  json_t *j = json_pack("{so, sb, sb}", "configuration", report_configuration(s), "taken", s->reload_errors.errors == 0, "done", 1);
  shown_text(j, "message", message);
  return j;
}
