/* connect.h: one connection to a shard: login with retries, statements, timeouts, cancel.  A connection belongs to one thread at a
 * time, except for conn_cancel(). */
#ifndef SQLSERVER_CONNECT_H
#define SQLSERVER_CONNECT_H

#include <stdatomic.h>
#include <sybdb.h>

#include "errors.h"
#include "settings.h"

struct conn {
  const struct etl_host *host;
  const struct settings *settings;
  const struct shard *shard;
  DBPROCESS *db;
  int wake_fd; /* a second descriptor of the socket, ours to shut down at any time; -1: none */
  _Atomic int cancelled;
  bool bad_characters; /* db-lib replaced a character since this was cleared: error 2403 */
  bool silent_too_long;
  int64_t login_deadline_ns, silent_since_ns;
  uint64_t received_bytes;
  void (*on_silence)(void *arg); /* called once a second while the server is silent, by the thread that waits; may be NULL */
  void *on_silence_arg;
  struct vendor_error server_error, client_error;
  char where[420]; /* "shard \"eu1\" (db1:1433, database app)": for messages */
};

/* What a process needs once; any thread. */
void conn_process_init(void);
/* Connects, tries again as configured, and prepares the session.  0, or -1 with f; conn_close() in both cases. */
int conn_open(struct conn *c, const struct etl_host *host, const struct settings *s, const struct shard *shard, struct failure *f);
void conn_close(struct conn *c);  /* accepts one that never opened */
void conn_cancel(struct conn *c); /* any thread: a blocked call fails soon */

/* Sends a statement and waits for the begin of its answer.  what: "reading dbo.t". */
int conn_send(struct conn *c, const char *what, const char *sql, struct failure *f);
/* Runs a statement to its end, row() for each row of each result; a row() that returns -1 has set f and ends it. */
int conn_run(struct conn *c, const char *what, const char *sql, int (*row)(void *arg, struct conn *c, struct failure *f), void *arg,
             struct failure *f);
/* -1 with f if anything went wrong since the last statement was sent, also what db-lib let pass. */
int conn_ok(struct conn *c, const char *what, struct failure *f);
int conn_fail(struct conn *c, const char *what, struct failure *f); /* -1 with f from what was recorded */

/* Values of the row in hand, columns from 1.  NULL gives NULL or 0. */
const char *conn_text(struct conn *c, int column, size_t *ret_n);
int64_t conn_int(struct conn *c, int column);
char *conn_strdup(struct conn *c, int column, struct pool *pool);

#endif
