/* connect.h: a session with the server that never blocks for ever: every wait also waits for a cancel.  One thread at a time, but for
 * session_cancel().  Functions return enum etl_status; before ETL_FAILED they have called host->fail(). */
#ifndef POSTGRES_CONNECT_H
#define POSTGRES_CONNECT_H

#include <stdatomic.h>

#include <libpq-fe.h>

#include "settings.h"

struct trouble { /* an error that may be got over */
  char *message, *state, *column; /* owned; column NULL: not told */
  const char *remedy;
};
void trouble_fini(struct trouble *t); /* accepts a zeroed one */
struct session {
  const struct etl_host *host;
  const struct settings *settings;
  PGconn *conn; /* NULL: not connected */
  int wake_fd;
  _Atomic int cancelled;
  bool trying;         /* an error of class ETL_E_DATA goes into trouble, and host->fail() is not called */
  struct trouble trouble;
  uint32_t lost_class; /* enum etl_error_class of a connection that goes now; 0: retryable */
};
int32_t session_init(struct session *s, const struct etl_host *host, const struct settings *settings);
void session_fini(struct session *s);
/* Connects, unless there is a connection that works. */
int32_t session_connect(struct session *s);
void session_disconnect(struct session *s);
void session_cancel(struct session *s); /* any thread: what waits returns ETL_STOPPED, now and from now on */

/* One statement with parameters ($1 ...; NULL is NULL).  doing: "asking where the lanes stand", for messages.  *ret (may be NULL) is to
 * be cleared by the caller. */
int32_t session_query(struct session *s, const char *doing, const char *sql, int params_n, const char *const *params, PGresult **ret);
/* The same with parameters in binary where formats says 1. */
int32_t session_query_binary(struct session *s, const char *doing, const char *sql, int params_n, const char *const *params,
                             const int *lengths, const int *formats, PGresult **ret);
/* The same without parameters; values come in binary. */
int32_t session_query_values(struct session *s, const char *doing, const char *sql, PGresult **ret);
/* Statements without results or parameters, several with semicolons. */
int32_t session_run(struct session *s, const char *doing, const char *sql);
/* After a COPY ... FROM STDIN: data, then the end; *ret_rows: what the server counted. */
int32_t session_copy_data(struct session *s, const char *p, size_t n);
int32_t session_copy_end(struct session *s, const char *doing, int64_t *ret_rows);
/* COPY ... TO STDOUT, and its pieces: ETL_OK with one (to be freed by PQfreemem()), ETL_IDLE at until_ns (monotonic), ETL_DONE with the rows
 * that the server counted, or as the others. */
int32_t session_copy_out(struct session *s, const char *doing, const char *sql);
int32_t session_copy_next(struct session *s, const char *doing, int64_t until_ns, struct etl_bytes *ret, int64_t *ret_rows);
/* COMMIT.  ETL_E_INDOUBT when the connection goes before the answer. */
int32_t session_commit(struct session *s, const char *doing);
/* Undoes the transaction in hand, by ROLLBACK or by leaving the server. */
void session_rollback(struct session *s);
/* host->fail() from what the connection or (not NULL) the result says. */
int32_t session_fail(struct session *s, const char *doing, const PGresult *r);
bool session_lost(const struct session *s); /* the connection is gone */

#endif
