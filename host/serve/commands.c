/* The table, and what its handlers share. */
#include "serve/commands.h"

#include <stdlib.h>
#include <string.h>

#include "base/member.h"
#include "serve/shown.h"

enum { PART_ROWS = 500 };

static int ping(struct asked *q, struct err *e) {
  (void)e;
  json_object_set_new(q->answer, "pid", json_integer(getpid()));
  return 0;
}

const struct command commands[] = {{"ping", false, false, ping},
                                   {"list", true, false, command_list},
                                   {"status", true, false, command_status},
                                   {"start", true, true, command_start},
                                   {"stop", true, true, command_stop},
                                   {"cancel", true, true, command_cancel},
                                   {"info", true, false, command_info},
                                   {"history", true, false, command_history},
                                   {"logs", true, false, command_logs},
                                   {"reload", false, true, command_reload},
                                   {"pause", true, true, command_pause},
                                   {"resume", true, true, command_resume},
                                   {"breaker", true, false, command_breaker},
                                   {0}};

void follow_fini(struct follow *f) {
  free(f->pipeline);
  free(f->run);
  free(f->after);
  json_decref(f->request);
  *f = (struct follow){0};
}

const char *asked_text(const struct asked *q, const char *key) { return member_text(q->request, key); }

bool asked_flag(const struct asked *q, const char *key) { return member_true(q->request, key); }

int asked_number(const struct asked *q, const char *key, int64_t min, int64_t max, int64_t dflt, int64_t *ret, struct err *e) {
  const json_t *j = json_object_get(q->request, key);
  if (!j) {
    *ret = dflt;
    return 0;
  }
  *ret = json_integer_value(j);
  if (json_is_integer(j) && *ret >= min && *ret <= max)
    return 0;
  err_set(e, ETL_E_CONFIG, "'%s' is out of range", key);
  return err_remedy(e, "give a whole number from %lld to %lld", (long long)min, (long long)max);
}

const struct conf_pipeline *asked_pipeline(const struct asked *q, struct err *e) {
  const char *name = asked_text(q, "pipeline");
  const struct conf_pipeline *p = name ? conf_pipeline_find(q->conf, name) : NULL;
  if (p)
    return p;
  if (!name) {
    err_set(e, ETL_E_CONFIG, "the question lacks the name of a pipeline");
    return NULL;
  }
  const char *near = diag_nearest(name, q->conf->pipeline_names);
  err_set(e, ETL_E_CONFIG, "there is no pipeline '%s'", name);
  if (near)
    err_remedy(e, "did you mean '%s'?", near);
  else
    err_remedy(e, "`etl list` shows them%s", q->serve ? "; one that is new is there after `etl reload`" : "");
  return NULL;
}

void asked_add(struct asked *q, const char *key, json_t *row) {
  json_t *list = json_object_get(q->answer, key);
  if (!list) {
    list = json_array();
    json_object_set_new(q->answer, key, list);
  }
  json_array_append_new(list, row);
  if (q->part && json_array_size(list) >= PART_ROWS)
    q->part(q);
}

void asked_later(struct asked *q, const char *after, size_t told) {
  struct follow next = {0};
  if (after)
    next = (struct follow){.kind = FOLLOW_PARTS, .request = json_incref((json_t *)(uintptr_t)q->request), .after = xstrdup(after), .told = told};
  follow_fini(&q->follow);
  q->follow = next;
}

int asked_run(const struct asked *q, const char *id, struct store_run **ret, struct err *e) {
  struct store_run *found;
  size_t n;
  if (store_get(q->store, id, q->arena, &found, &n, e) < 0)
    return asked_failed(q, e);
  if (n > 1) {
    err_set(e, ETL_E_CONFIG, "several runs begin with %s, for instance %s and %s", id, found[0].id, found[1].id);
    return err_remedy(e, "write more of it");
  }
  *ret = n ? found : NULL;
  return 0;
}

int asked_paused(const struct asked *q, const char *pipeline, bool *ret, struct err *e) {
  struct store_pipeline *p;
  size_t n;
  if (store_pipelines(q->store, &(struct store_names){&pipeline, 1}, q->arena, &p, &n, e) < 0)
    return -1;
  *ret = n && p->paused;
  return 0;
}

int asked_store(const struct asked *q, struct err *e) {
  if (q->store)
    return 0;
  err_set(e, ETL_E_RETRYABLE, "the state store cannot be used: %s", q->store_error ? q->store_error : "it is not open");
  return err_remedy(e, "try again when `etl status` says that it can");
}

int asked_failed(const struct asked *q, const struct err *e) {
  if (q->serve)
    serve_store_failed(q->serve, e);
  return -1;
}

static int unknown(const char *name, struct err *e) {
  const char *names[sizeof commands / sizeof *commands];
  size_t n = 0;
  if (!name)
    return err_set(e, ETL_E_CONFIG, "the question has no 'cmd'");
  for (; commands[n].name; n++)
    names[n] = commands[n].name;
  names[n] = NULL;
  const char *near = diag_nearest(name, names);
  err_set(e, ETL_E_CONFIG, "this host has no command '%s'", name);
  return near ? err_remedy(e, "did you mean '%s'?", near) : -1;
}

static void tell(const struct asked *q, const struct command *c, const struct err *failed) {
  const char *of = asked_text(q, "pipeline") ? asked_text(q, "pipeline") : asked_text(q, "run");
  cleanup_free char *message = xasprintf("%s%s%s was asked for by %s (pid %lld)%s%s", c->name, of ? " of " : "", of ? of : "", q->who, (long long)q->pid, failed ? " and refused: " : "",
                                         failed ? failed->message : "");
  log_write(q->serve->log, &(struct log_record){.level = c->changes ? LEVEL_INFO : LEVEL_DEBUG, .message = message});
}

int command_run(struct asked *q, struct err *e) {
  const char *name = asked_text(q, "cmd");
  const struct command *c = commands;
  while (c->name && (!name || strcmp(c->name, name) != 0))
    c++;
  if (!c->name)
    return unknown(name, e);
  if (!q->serve && !c->offline)
    return err_set(e, ETL_E_UNSUPPORTED, "no host is running, and %s needs one", c->name), err_remedy(e, "start it: etl serve");
  bool first = q->follow.kind == FOLLOW_NONE;
  int rc = c->run(q, e);
  if (q->serve && first)
    tell(q, c, rc < 0 ? e : NULL);
  return rc;
}
