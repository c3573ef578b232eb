/* serve/client.h: one connection to the control socket: bytes in, bytes out, and their limits.  Event loop thread. */
#ifndef HOST_SERVE_CLIENT_H
#define HOST_SERVE_CLIENT_H

#include <ev.h>

#include "base/frame.h"
#include "serve/commands.h"
#include "serve/socket.h"

struct client;
struct client_calls {
  void (*asked)(struct client *c, json_t *request); /* a whole request; an object */
  void (*more)(struct client *c);                   /* it follows FOLLOW_PARTS, and has fetched all that there was */
  void (*ended)(struct client *c);                  /* it is to be freed; called from the loop alone */
};
struct client {
  struct client *next;
  void *owner;
  const struct client_calls *calls;
  struct ev_loop *loop;
  struct peer peer;
  struct follow follow;
  int fd;
  bool leaving;         /* it ends when what there is for it has gone */
  bool silent;          /* nothing more comes from it: it ends when all that it has asked for has gone */
  bool over;            /* it ends as soon as the loop gets to it */
  const char *why;      /* over because of a limit: a constant for the log; NULL */
  struct frame_reader in;
  char *out;            /* what it has not fetched: out_n bytes from out_at on */
  size_t out_at, out_n, out_room;
  ev_io readable, writable;
  ev_timer patience, more, end;
};

/* Takes fd, which does not block. */
struct client *client_new(int fd, struct ev_loop *loop, const struct client_calls *calls, void *owner);
void client_free(struct client *c);
/* What does not fit into the socket waits here; a client that follows and lets too much wait is over. */
void client_send(struct client *c, const json_t *part);
/* The same; takes it. */
void client_answer(struct client *c, json_t *answer);
void client_refuse(struct client *c, const struct err *e);
/* The next request may come. */
void client_ready(struct client *c);
void client_end(struct client *c, const char *why); /* frees it later */

#endif
