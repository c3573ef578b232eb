/* What a session is asked: statements, transactions, rows into the server and out of it.  Its thread. */
#include <poll.h>
#include <stdlib.h>

#include "connect.h"
#include "wait.h"

/* ---- statements ---------------------------------------------------------------------------------------------------------------------- */

static int32_t flush(struct session *s, const char *doing) {
  int rc;
  while ((rc = PQflush(s->conn)) == 1) {
    if (session_wait_for(s, POLLIN | POLLOUT, -1) == WAIT_CANCELLED)
      return session_give_up(s);
    if (!PQconsumeInput(s->conn))
      return session_fail(s, doing, NULL);
  }
  return rc == 0 ? ETL_OK : session_fail(s, doing, NULL);
}

static int32_t next_result(struct session *s, const char *doing, PGresult **ret) {
  while (PQisBusy(s->conn)) {
    if (session_wait_for(s, POLLIN, -1) == WAIT_CANCELLED)
      return session_give_up(s);
    if (!PQconsumeInput(s->conn))
      return session_fail(s, doing, NULL);
  }
  *ret = PQgetResult(s->conn);
  return ETL_OK;
}

/* Reads all results; keeps the last good one.  The first error counts. */
static int32_t collect(struct session *s, const char *doing, PGresult **ret) {
  PGresult *r = NULL, *kept = NULL;
  int32_t failed = ETL_OK, rc;
  while ((rc = next_result(s, doing, &r)) == ETL_OK && r) {
    ExecStatusType st = PQresultStatus(r);
    bool good = st == PGRES_COMMAND_OK || st == PGRES_TUPLES_OK || st == PGRES_COPY_IN || st == PGRES_EMPTY_QUERY;
    if (!good && failed == ETL_OK)
      failed = session_fail(s, doing, r);
    PQclear(good ? kept : r);
    if (good)
      kept = r;
    if (st == PGRES_COPY_IN)
      break;
    if (st == PGRES_COPY_OUT || st == PGRES_COPY_BOTH) { /* nobody reads it: the only way out is to leave */
      session_disconnect(s);
      break;
    }
  }
  if (rc == ETL_OK && failed == ETL_OK && !kept)
    failed = session_fail(s, doing, NULL);
  if (rc != ETL_OK || failed != ETL_OK || !ret) {
    PQclear(kept);
    kept = NULL;
  }
  if (ret)
    *ret = kept;
  return rc != ETL_OK ? rc : failed;
}

int32_t session_query_binary(struct session *s, const char *doing, const char *sql, int params_n, const char *const *params,
                             const int *lengths, const int *formats, PGresult **ret) {
  if (ret)
    *ret = NULL;
  if (!s->conn || !PQsendQueryParams(s->conn, sql, params_n, NULL, params, lengths, formats, 0))
    return session_fail(s, doing, NULL);
  int32_t rc = flush(s, doing);
  return rc == ETL_OK ? collect(s, doing, ret) : rc;
}

int32_t session_query_values(struct session *s, const char *doing, const char *sql, PGresult **ret) {
  *ret = NULL;
  if (!s->conn || !PQsendQueryParams(s->conn, sql, 0, NULL, NULL, NULL, NULL, 1))
    return session_fail(s, doing, NULL);
  int32_t rc = flush(s, doing);
  return rc == ETL_OK ? collect(s, doing, ret) : rc;
}

int32_t session_query(struct session *s, const char *doing, const char *sql, int params_n, const char *const *params, PGresult **ret) {
  return session_query_binary(s, doing, sql, params_n, params, NULL, NULL, ret);
}

int32_t session_run(struct session *s, const char *doing, const char *sql) {
  if (!s->conn || !PQsendQuery(s->conn, sql))
    return session_fail(s, doing, NULL);
  int32_t rc = flush(s, doing);
  return rc == ETL_OK ? collect(s, doing, NULL) : rc;
}

int32_t session_copy_data(struct session *s, const char *p, size_t n) {
  enum { PIECE = 1 << 20 }; /* libpq copies what it is given: not a whole 64 MiB cell at once */
  for (size_t done = 0; done < n;) {
    size_t piece = n - done < PIECE ? n - done : PIECE;
    if (PQputCopyData(s->conn, p + done, (int)piece) != 1)
      return session_fail(s, "sending rows", NULL);
    int32_t rc = flush(s, "sending rows");
    if (rc != ETL_OK)
      return rc;
    done += piece;
  }
  return ETL_OK;
}

int32_t session_copy_end(struct session *s, const char *doing, int64_t *ret_rows) {
  PGresult *r;
  if (PQputCopyEnd(s->conn, NULL) != 1)
    return session_fail(s, doing, NULL);
  int32_t rc = flush(s, doing);
  if (rc == ETL_OK)
    rc = collect(s, doing, &r);
  if (rc != ETL_OK)
    return rc;
  *ret_rows = strtoll(PQcmdTuples(r), NULL, 10);
  PQclear(r);
  return ETL_OK;
}

int32_t session_commit(struct session *s, const char *doing) {
  PGresult *r;
  if (s->conn && PQtransactionStatus(s->conn) == PQTRANS_IDLE) { /* of a session that was made since: the server undid what was to be committed */
    struct etl_error e = ETL_ERROR(ETL_E_RETRYABLE);
    return etl_failf(s->host, &e, "postgres: %s: the transaction is no more", doing);
  }
  s->lost_class = ETL_E_INDOUBT;
  int32_t rc = session_query(s, doing, "COMMIT", 0, NULL, &r);
  s->lost_class = 0;
  if (rc != ETL_OK)
    return rc;
  if (strcmp(PQcmdStatus(r), "COMMIT") != 0) { /* a transaction that had failed answers ROLLBACK */
    struct etl_error e = ETL_ERROR(ETL_E_INTERNAL);
    rc = etl_failf(s->host, &e, "postgres: %s: the server answered %s", doing, PQcmdStatus(r));
  }
  PQclear(r);
  return rc;
}

void session_rollback(struct session *s) {
  if (!s->conn || PQtransactionStatus(s->conn) == PQTRANS_IDLE)
    return;
  PGresult *r = NULL;
  bool asked = PQtransactionStatus(s->conn) != PQTRANS_ACTIVE && !session_lost(s) && PQsendQuery(s->conn, "ROLLBACK") && PQflush(s->conn) == 0;
  bool done = false;
  while (asked && !done) {
    if (PQisBusy(s->conn) && (session_wait_for(s, POLLIN, 5000) != WAIT_READY || !PQconsumeInput(s->conn)))
      break;
    if (PQisBusy(s->conn))
      continue;
    r = PQgetResult(s->conn);
    done = r == NULL;
    PQclear(r);
  }
  if (!done)
    session_disconnect(s); /* the server undoes it when we are gone */
}

/* ---- rows out of the server ------------------------------------------------------------------------------------------------------------ */

int32_t session_copy_out(struct session *s, const char *doing, const char *sql) {
  PGresult *r = NULL;
  if (!s->conn || !PQsendQuery(s->conn, sql))
    return session_fail(s, doing, NULL);
  int32_t rc = flush(s, doing);
  if (rc == ETL_OK)
    rc = next_result(s, doing, &r);
  if (rc == ETL_OK && PQresultStatus(r) != PGRES_COPY_OUT)
    rc = session_fail(s, doing, r);
  PQclear(r);
  return rc;
}

/* Only the server's own CommandComplete is the end: a connection that goes is an error. */
static int32_t copy_out_end(struct session *s, const char *doing, int64_t *ret_rows) {
  PGresult *r = NULL;
  int32_t rc = next_result(s, doing, &r);
  if (rc == ETL_OK && PQresultStatus(r) != PGRES_COMMAND_OK)
    rc = session_fail(s, doing, r);
  if (rc == ETL_OK)
    *ret_rows = strtoll(PQcmdTuples(r), NULL, 10);
  PQclear(r);
  while (rc == ETL_OK && (rc = next_result(s, doing, &r)) == ETL_OK && r)
    PQclear(r);
  return rc == ETL_OK ? ETL_DONE : rc;
}

int32_t session_copy_next(struct session *s, const char *doing, int64_t until_ns, struct etl_bytes *ret, int64_t *ret_rows) {
  char *p;
  int n;
  while ((n = PQgetCopyData(s->conn, &p, 1)) == 0) {
    int64_t left_ns = until_ns - s->host->now_ns(s->host, ETL_CLOCK_MONOTONIC);
    enum session_wait w = session_wait_for(s, POLLIN, left_ns > 0 ? left_ns / 1000000 : 0);
    if (w == WAIT_CANCELLED)
      return session_give_up(s);
    if (w == WAIT_TIMEOUT)
      return ETL_IDLE;
    if (!PQconsumeInput(s->conn))
      return session_fail(s, doing, NULL);
  }
  if (n == -1)
    return copy_out_end(s, doing, ret_rows);
  if (n < 0)
    return session_fail(s, doing, NULL);
  *ret = (struct etl_bytes){p, (uint64_t)n};
  return ETL_OK;
}
