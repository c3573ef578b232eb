/* A client of the control socket.  Its timer runs while something is expected of it: a request, or room for an answer. */
#include "serve/client.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "serve/control.h"
#include "serve/shown.h"

enum { HEAD = 4, FOLLOWED_MAX = 4 * 1024 * 1024, LARGE_BYTES = 1024 * 1024 };

void client_end(struct client *c, const char *why) {
  if (c->over)
    return;
  c->over = true;
  c->why = why ? why : c->why;
  ev_io_stop(c->loop, &c->readable);
  ev_io_stop(c->loop, &c->writable);
  ev_timer_stop(c->loop, &c->more);
  ev_timer_start(c->loop, &c->end); /* not now: the caller may be going through the clients */
}

static void be_patient(struct client *c) {
  c->patience.repeat = CONTROL_SECONDS;
  ev_timer_again(c->loop, &c->patience);
}

/* ---- out ----------------------------------------------------------------------------------------------------------------------------------- */

/* A long answer is not kept in mind for the next one: hosts live for months. */
static void drop_out(struct client *c) {
  bool large = c->out_room > LARGE_BYTES;
  free(c->out);
  c->out = NULL;
  c->out_at = c->out_room = 0;
  if (large)
    malloc_trim(0);
}

/* What fits goes into the socket. */
static void put_out(struct client *c) {
  while (c->out_n > 0 && !c->over) {
    ssize_t n = send(c->fd, c->out + c->out_at, c->out_n, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0 && errno == EAGAIN) {
      ev_io_start(c->loop, &c->writable);
      return;
    }
    if (n <= 0) {
      client_end(c, NULL);
      return;
    }
    c->out_at += (size_t)n;
    c->out_n -= (size_t)n;
    be_patient(c);
  }
  if (c->over)
    return;
  ev_io_stop(c->loop, &c->writable);
  drop_out(c);
  if (c->follow.kind == FOLLOW_PARTS) {
    ev_timer_set(&c->more, 0, 0);
    ev_timer_start(c->loop, &c->more); /* in the next turn: others are served as well */
  } else if (c->leaving) {
    client_end(c, NULL);
  } else if (c->follow.kind != FOLLOW_NONE) {
    ev_timer_stop(c->loop, &c->patience); /* nothing is expected of it */
  }
}

static void make_room(struct client *c, size_t n) {
  if (c->out_at + c->out_n + n <= c->out_room)
    return;
  if (c->out_at > 0)
    memmove(c->out, c->out + c->out_at, c->out_n);
  c->out_at = 0;
  if (c->out_n + n <= c->out_room)
    return;
  c->out_room = (c->out_n + n) * 2;
  c->out = xrealloc(c->out, c->out_room);
}

static void add_frame(struct client *c, const json_t *part) {
  size_t n = json_dumpb(part, NULL, 0, JSON_COMPACT);
  if (c->follow.kind != FOLLOW_NONE && c->out_n > FOLLOWED_MAX) {
    client_end(c, "it does not fetch what it asked for");
    return;
  }
  if (n == 0 || n > FRAME_MAX_BYTES) {
    client_end(c, "the answer is too long");
    return;
  }
  make_room(c, HEAD + n);
  char *at = c->out + c->out_at + c->out_n;
  for (unsigned i = 0; i < HEAD; i++)
    at[i] = (char)(n >> (8 * i) & 0xff);
  json_dumpb(part, at + HEAD, n, JSON_COMPACT);
  c->out_n += HEAD + n;
}

void client_send(struct client *c, const json_t *part) {
  if (c->over)
    return;
  bool waits = c->out_n > 0;
  add_frame(c, part);
  if (waits || c->over)
    return;
  be_patient(c);
  put_out(c);
}

void client_answer(struct client *c, json_t *answer) {
  client_send(c, answer);
  json_decref(answer);
}

void client_refuse(struct client *c, const struct err *e) {
  client_answer(c, json_pack("{sb, so}", "done", 1, "error", shown_error(e)));
}

/* ---- in ------------------------------------------------------------------------------------------------------------------------------------- */

static void refuse_garbage(struct client *c, const char *what) {
  struct err e;
  err_set(&e, ETL_E_CONFIG, "what came over the control socket %s", what);
  err_remedy(&e, "ask by the commands of etl (etl status, etl list ...), of the same version");
  c->leaving = true;
  c->why = what;
  ev_io_stop(c->loop, &c->readable);
  client_refuse(c, &e);
}

/* What it announces is looked at before it has come. */
static bool too_long(const struct client *c) {
  size_t n = 0;
  for (unsigned i = 0; i < HEAD && c->in.n >= HEAD; i++)
    n |= (size_t)(unsigned char)c->in.buf[i] << (8 * i);
  return n > CONTROL_REQUEST_MAX || c->in.n > 2 * CONTROL_REQUEST_MAX;
}

/* False: there is none. */
static bool next_request(struct client *c, json_t **ret) {
  if (too_long(c)) {
    refuse_garbage(c, "is no request, or too long for one");
    return false;
  }
  int rc = frame_reader_next(&c->in, ret);
  if (rc == 0)
    return false;
  if (rc > 0 && json_is_object(*ret))
    return true;
  if (rc > 0)
    json_decref(*ret);
  refuse_garbage(c, "is no request");
  return false;
}

/* Each request once the answer to the one before it has been fetched. */
static void take_requests(struct client *c) {
  json_t *request;
  while (!c->over && !c->leaving && c->out_n == 0 && c->follow.kind == FOLLOW_NONE && next_request(c, &request)) {
    c->calls->asked(c, request);
    json_decref(request);
  }
  if (c->silent && c->out_n == 0 && c->follow.kind != FOLLOW_PARTS)
    client_end(c, c->in.n > 0 ? "it left in the middle of a request" : NULL);
}

void client_ready(struct client *c) {
  follow_fini(&c->follow);
  be_patient(c);
  ev_feed_event(c->loop, &c->writable, EV_WRITE); /* not now: the caller may be in the midst of something */
}

static void on_readable(struct ev_loop *loop, ev_io *w, int revents) {
  struct client *c = w->data;
  (void)revents;
  long n = frame_reader_fill(&c->in, c->fd);
  if (n < 0 && errno == EAGAIN)
    return;
  if (n > 0) {
    if (too_long(c)) /* also while it is not its turn */
      refuse_garbage(c, "is no request, or too long for one");
    take_requests(c);
    return;
  }
  ev_io_stop(loop, w);
  c->silent = true; /* what was asked for is still sent */
  if (n < 0 || (c->follow.kind != FOLLOW_NONE && c->follow.kind != FOLLOW_PARTS))
    client_end(c, NULL);
  take_requests(c);
}

static void on_writable(struct ev_loop *loop, ev_io *w, int revents) {
  struct client *c = w->data;
  (void)loop, (void)revents;
  put_out(c);
  take_requests(c);
}

static void on_patience(struct ev_loop *loop, ev_timer *t, int revents) {
  struct client *c = t->data;
  (void)loop, (void)revents;
  ev_timer_stop(c->loop, t);
  client_end(c, c->out_n > 0 ? "it does not fetch its answer" : c->in.n > 0 ? "its request does not come to an end" : NULL);
}

static void on_more(struct ev_loop *loop, ev_timer *t, int revents) {
  struct client *c = t->data;
  (void)loop, (void)revents;
  c->calls->more(c);
  take_requests(c);
}

static void on_end(struct ev_loop *loop, ev_timer *t, int revents) {
  struct client *c = t->data;
  (void)loop, (void)revents;
  c->calls->ended(c);
}

struct client *client_new(int fd, struct ev_loop *loop, const struct client_calls *calls, void *owner) {
  struct client *c = xcalloc(1, sizeof *c);
  *c = (struct client){.fd = fd, .loop = loop, .calls = calls, .owner = owner};
  socket_peer(fd, &c->peer);
  frame_reader_init(&c->in);
  ev_io_init(&c->readable, on_readable, fd, EV_READ);
  ev_io_init(&c->writable, on_writable, fd, EV_WRITE);
  ev_timer_init(&c->patience, on_patience, 0, CONTROL_SECONDS);
  ev_timer_init(&c->more, on_more, 0, 0);
  ev_timer_init(&c->end, on_end, 0, 0);
  c->readable.data = c->writable.data = c->patience.data = c->more.data = c->end.data = c;
  ev_io_start(loop, &c->readable);
  be_patient(c);
  return c;
}

void client_free(struct client *c) {
  ev_io_stop(c->loop, &c->readable);
  ev_io_stop(c->loop, &c->writable);
  ev_timer_stop(c->loop, &c->patience);
  ev_timer_stop(c->loop, &c->more);
  ev_timer_stop(c->loop, &c->end);
  frame_reader_fini(&c->in);
  follow_fini(&c->follow);
  close(c->fd);
  drop_out(c);
  free(c);
}
