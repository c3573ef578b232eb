/* Clients of the host.  Those that follow a run are told what its worker says; whether it has ended, retries and all, is asked of the store, which
 * knows it also when another host works on it. */
#include "serve/control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/text.h"
#include "serve/client.h"
#include "serve/reload.h"
#include "serve/shown.h"

enum { ATTEMPTS_MAX = 100, LOOK_SECONDS = 1, ACCEPT_AGAIN_SECONDS = 1 };

struct control {
  struct serve *serve;
  struct listening at;
  char *group;
  ev_io accept;
  ev_timer again; /* accept() had no descriptor left */
  ev_timer look;  /* at runs that are followed */
  struct client *clients;
  size_t clients_n;
};

/* ---- asking --------------------------------------------------------------------------------------------------------------------------------- */

static void on_part(struct asked *q) {
  client_send(q->part_arg, q->answer);
  json_object_clear(q->answer);
}

/* Carries it out; of a list that comes in parts, the next one. */
static void answer(struct client *c, const json_t *request) {
  struct control *l = c->owner;
  struct serve *s = l->serve;
  struct err e;
  struct asked q = {.request = request,
                    .who = c->peer.name,
                    .pid = c->peer.pid,
                    .serve = s,
                    .conf = s->gen->conf,
                    .store = s->store_away ? NULL : s->store,
                    .store_error = s->store_error,
                    .now_ns = serve_now(s),
                    .arena = arena_new(),
                    .follow = c->follow,
                    .answer = json_object(),
                    .part = on_part,
                    .part_arg = c};
  c->follow = (struct follow){0};
  if (command_run(&q, &e) < 0) {
    follow_fini(&q.follow);
    client_refuse(c, &e);
    json_decref(q.answer);
  } else {
    c->follow = q.follow;
    if (c->follow.kind == FOLLOW_NONE)
      json_object_set_new(q.answer, "done", json_true());
    client_answer(c, q.answer);
    if (c->follow.kind == FOLLOW_RUN)
      ev_timer_again(s->loop, &l->look);
  }
  arena_free(q.arena);
}

static void on_more(struct client *c) {
  json_t *request = json_incref(c->follow.request);
  answer(c, request);
  json_decref(request);
}

static void on_asked(struct client *c, json_t *request) { answer(c, request); }

static void on_ended(struct client *c) {
  struct control *l = c->owner;
  for (struct client **at = &l->clients; *at; at = &(*at)->next)
    if (*at == c) {
      *at = c->next;
      break;
    }
  l->clients_n--;
  if (c->why)
    log_text(l->serve->log, LEVEL_WARNING, "the control connection of %s (pid %lld) was closed: %s", c->peer.name, (long long)c->peer.pid, c->why);
  client_free(c);
}

static const struct client_calls calls = {.asked = on_asked, .more = on_more, .ended = on_ended};

/* ---- following ---------------------------------------------------------------------------------------------------------------------------------- */

static void on_log_line(void *arg, const struct log_line *line) {
  struct control *l = arg;
  for (struct client *c = l->clients; c; c = c->next)
    if (c->follow.kind == FOLLOW_LOGS && follow_wants(&c->follow, line->record)) {
      json_t *part = json_pack("{s[O]}", "records", line->record);
      client_send(c, part);
      json_decref(part);
    }
}

void control_worker_event(struct serve *s, void *self, const struct running *r, json_t *event) {
  struct control *l = self;
  const char *root = r->run.root ? r->run.root : r->run.id;
  (void)s;
  for (struct client *c = l->clients; c; c = c->next)
    if (c->follow.kind == FOLLOW_RUN && strcmp(c->follow.run, root) == 0) {
      json_t *part = json_pack("{ss, sO}", "run", r->run.id, "event", event);
      client_send(c, part);
      json_decref(part);
    }
}

static void tell_reloaded(struct control *l, const char *message) {
  for (struct client *c = l->clients; c; c = c->next) {
    if (c->over || c->follow.kind != FOLLOW_RELOAD || !reload_ended(l->serve, c->follow.reading))
      continue;
    json_t *part = command_reloaded(l->serve, message);
    client_send(c, part);
    json_decref(part);
    client_ready(c);
  }
}

void control_event(struct serve *s, void *self, const struct serve_event *e) {
  struct control *l = self;
  if (strcmp(e->kind, "reload") == 0 && (strcmp(e->name, "done") == 0 || strcmp(e->name, "failed") == 0))
    tell_reloaded(l, e->message);
  if (strcmp(e->kind, "run") == 0 && ev_is_active(&l->look))
    ev_feed_event(s->loop, &l->look, EV_TIMER); /* once what happened is in the store */
}

/* All attempts have ended: the newest stands first. */
static bool has_ended(const struct store_run *runs, size_t n) {
  for (size_t i = 0; i < n; i++)
    if (!runs[i].ended_ns)
      return false;
  return n > 0;
}

static int look_at(struct control *l, struct client *c, struct err *e) {
  struct serve *s = l->serve;
  struct arena *a = arena_new();
  struct store_run *runs;
  size_t n = 0;
  int rc = store_list(s->store, &(struct store_filter){.root = c->follow.run, .limit = ATTEMPTS_MAX}, a, &runs, &n, e);
  json_t *list = json_array(), *part = json_pack("{so}", "attempts", list);
  for (size_t i = 0; rc == 0 && i < n; i++)
    json_array_append_new(list, shown_run(&runs[i]));
  if (rc == 0 && (n == 0 || has_ended(runs, n))) {
    json_object_set_new(part, "done", json_true());
    client_send(c, part);
    client_ready(c);
  } else if (rc == 0 && n != c->follow.told) {
    c->follow.told = n;
    client_send(c, part);
  }
  json_decref(part);
  arena_free(a);
  return rc;
}

static void on_look(struct ev_loop *loop, ev_timer *t, int revents) {
  struct control *l = t->data;
  struct err e;
  bool any = false;
  (void)revents;
  for (struct client *c = l->clients; c; c = c->next) {
    if (c->over || c->follow.kind != FOLLOW_RUN)
      continue;
    any = true;
    if (!l->serve->store_away && look_at(l, c, &e) < 0)
      serve_store_failed(l->serve, &e);
  }
  if (!any)
    ev_timer_stop(loop, t);
}

/* ---- clients come ------------------------------------------------------------------------------------------------------------------------------ */

static void turn_away(int fd) {
  struct err e;
  err_set(&e, ETL_E_RETRYABLE, "the host has %d control connections, and takes no more", CONTROL_CLIENTS_MAX);
  err_remedy(&e, "close some (etl logs -f, etl start --wait), or try again");
  json_t *answer = json_pack("{sb, so}", "done", 1, "error", shown_error(&e));
  frame_write(fd, answer); /* a new socket has room for it */
  json_decref(answer);
  close(fd);
}

static void on_accept(struct ev_loop *loop, ev_io *w, int revents) {
  struct control *l = w->data;
  (void)revents;
  int fd = accept4(l->at.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd < 0) {
    if (errno != EMFILE && errno != ENFILE && errno != ENOMEM && errno != ENOBUFS)
      return; /* whoever it was has gone */
    log_text(l->serve->log, LEVEL_WARNING, "a control connection cannot be taken just now: %s", strerror(errno));
    ev_io_stop(loop, w);
    ev_timer_again(loop, &l->again);
    return;
  }
  if (l->clients_n >= CONTROL_CLIENTS_MAX) {
    turn_away(fd);
    return;
  }
  struct client *c = client_new(fd, loop, &calls, l);
  c->next = l->clients;
  l->clients = c;
  l->clients_n++;
}

static void on_again(struct ev_loop *loop, ev_timer *t, int revents) {
  struct control *l = t->data;
  (void)revents;
  ev_timer_stop(loop, t);
  ev_io_start(loop, &l->accept);
}

/* ---- the part ------------------------------------------------------------------------------------------------------------------------------------ */

static char *copy(const char *text) { return text ? xstrdup(text) : NULL; }
static void note_group(struct control *l, const char *group) {
  free(l->group);
  l->group = copy(group);
}

static int listen_at(struct control *l, const char *path, const char *group, struct err *e) {
  struct listening at;
  if (socket_listen(path, group, e, &at) < 0)
    return -1;
  ev_io_stop(l->serve->loop, &l->accept);
  socket_close(&l->at);
  l->at = at;
  note_group(l, group);
  ev_io_set(&l->accept, at.fd, EV_READ);
  ev_io_start(l->serve->loop, &l->accept);
  return 0;
}

int control_open(struct serve *s, void **ret_self, struct err *e) {
  struct control *l = xcalloc(1, sizeof *l);
  struct arena *a = arena_new();
  *l = (struct control){.serve = s, .at = {.fd = -1}};
  ev_io_init(&l->accept, on_accept, -1, EV_READ);
  ev_timer_init(&l->again, on_again, 0, ACCEPT_AGAIN_SECONDS);
  ev_timer_init(&l->look, on_look, 0, LOOK_SECONDS);
  l->accept.data = l->again.data = l->look.data = l;
  const char *path = socket_path(s->gen->conf, a, e);
  int rc = path ? listen_at(l, path, s->gen->conf->serve.control_group, e) : -1;
  arena_free(a);
  if (rc < 0) {
    free(l);
    return -1;
  }
  log_follow(s->log, on_log_line, l);
  *ret_self = l;
  return 0;
}

void control_close(struct serve *s, void *self) {
  struct control *l = self;
  struct err e;
  err_set(&e, ETL_E_RETRYABLE, "the host has ended");
  err_remedy(&e, "`etl info` shows what became of a run");
  log_follow(s->log, NULL, NULL);
  while (l->clients) {
    struct client *c = l->clients;
    l->clients = c->next;
    if (c->follow.kind != FOLLOW_NONE)
      client_refuse(c, &e);
    client_free(c);
  }
  ev_io_stop(s->loop, &l->accept);
  ev_timer_stop(s->loop, &l->again);
  ev_timer_stop(s->loop, &l->look);
  socket_close(&l->at);
  free(l->group);
  free(l);
}

/* Another place, or another group: clients that are there stay. */
void control_reloaded(struct serve *s, void *self, const struct generation *old) {
  struct control *l = self;
  struct arena *a = arena_new();
  const char *path, *group = s->gen->conf->serve.control_group;
  struct err e;
  (void)old;
  int rc = (path = socket_path(s->gen->conf, a, &e)) ? 0 : -1;
  if (rc == 0 && !text_same(path, l->at.path))
    rc = listen_at(l, path, group, &e);
  else if (rc == 0 && !text_same(group, l->group) && (rc = socket_give(&l->at, group, &e)) == 0)
    note_group(l, group);
  if (rc < 0)
    log_err(s->log, LEVEL_ERROR, NULL, &e);
  arena_free(a);
}
