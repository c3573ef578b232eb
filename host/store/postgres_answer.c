/* What PostgreSQL answers, within ANSWER_MS, and what its errors mean to the host. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "store/postgres.h"

enum { ANSWER_MS = 6000 };

/* ---- errors --------------------------------------------------------------------------------------------------------------------------- */

static const struct {
  const char *state; /* how a SQLSTATE begins */
  uint32_t error_class;
  const char *remedy;
} meanings[] = {
  {"53100", ETL_E_RETRYABLE, "free space on the server's disk; nothing is lost, it goes on by itself then"},
  {"53300", ETL_E_RETRYABLE, "raise max_connections of the server, or end sessions"},
  {"53", ETL_E_RETRYABLE, NULL},
  {"57014", ETL_E_RETRYABLE, "look at what keeps the server busy (pg_stat_activity)"},
  {"57", ETL_E_RETRYABLE, NULL},
  {"08", ETL_E_RETRYABLE, NULL},
  {"40", ETL_E_RETRYABLE, NULL},
  {"55", ETL_E_RETRYABLE, NULL},
  {"58", ETL_E_RETRYABLE, "look at the server's disk and log"},
  {"0A000", ETL_E_RETRYABLE, NULL}, /* the tables were altered under a prepared statement */
  {"25", ETL_E_RETRYABLE, "the address must lead to the primary server, not to a standby"},
  {"28", ETL_E_AUTH, "correct user and password in 'state'"},
  {"42501", ETL_E_CONFIG, "give the user the rights: GRANT CREATE ON DATABASE ... (it makes the schema), or make it the owner of the schema"},
  {"3D000", ETL_E_CONFIG, "make the database, or correct 'state'"},
  {"3F000", ETL_E_CONFIG, "make the schema, or give the user the right to use it"},
  {"XX001", ETL_E_PERMANENT, "the server's files are damaged: bring a backup back"},
  {"XX002", ETL_E_PERMANENT, "an index is damaged: REINDEX SCHEMA"},
};

void postgres_one_line(char *to, size_t size, const char *from) {
  snprintf(to, size, "%s", from ? from : "");
  size_t n = strlen(to);
  while (n && (to[n - 1] == '\n' || to[n - 1] == ' '))
    to[--n] = 0;
  for (char *c = to; *c; c++)
    if (*c == '\n' || *c == '\t')
      *c = ' ';
}

void postgres_disconnect(struct driver_postgres *d) {
  if (d->conn)
    d->pq.PQfinish(d->conn);
  d->conn = NULL;
  memset(d->prepared, 0, sizeof d->prepared);
}

int postgres_fail(struct driver_postgres *d, PGresult *r, const char *doing, struct err *e) {
  char said[1000];
  const char *state = r ? d->pq.PQresultErrorField(r, PG_DIAG_SQLSTATE) : NULL;
  const char *primary = r ? d->pq.PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY) : NULL;
  postgres_one_line(said, sizeof said, primary ? primary : d->conn ? d->pq.PQerrorMessage(d->conn) : "no connection");
  err_set(e, state ? ETL_E_INTERNAL : ETL_E_RETRYABLE, "state store %s: %s: %s", d->base.place, doing, said);
  err_remedy(e, "%s", state ? "" : "check that the server runs and can be reached; nothing is lost");
  for (size_t i = 0; state && i < sizeof meanings / sizeof *meanings; i++)
    if (strncmp(state, meanings[i].state, strlen(meanings[i].state)) == 0) {
      e->error_class = meanings[i].error_class;
      err_remedy(e, "%s", meanings[i].remedy ? meanings[i].remedy : "it is tried again; nothing is lost");
      break;
    }
  snprintf(e->vendor_state, sizeof e->vendor_state, "%s", state ? state : "");
  bool altered = state && strcmp(state, "0A000") == 0;
  if (r)
    d->pq.PQclear(r);
  if (altered || !d->conn || d->pq.PQstatus(d->conn) != CONNECTION_OK)
    postgres_disconnect(d);
  return -1;
}

int postgres_no_answer(struct driver_postgres *d, const char *doing, int ms, struct err *e) {
  err_set(e, ETL_E_RETRYABLE, "state store %s: %s: no answer within %d s", d->base.place, doing, ms / 1000);
  postgres_disconnect(d);
  return err_remedy(e, "check the server and the network; nothing is lost");
}

/* ---- answers --------------------------------------------------------------------------------------------------------------------------- */

int64_t postgres_now_ms(void) { return clock_mono_ns() / 1000000; }

int postgres_wait(struct driver_postgres *d, short events, int64_t deadline_ms) {
  struct pollfd p = {.fd = d->pq.PQsocket(d->conn), .events = events};
  for (;;) {
    int64_t left = deadline_ms - postgres_now_ms();
    int n = poll(&p, 1, left > 0 ? (int)left : 0);
    if (n > 0 || (n == 0 && left <= 0))
      return n;
    if (n < 0 && errno != EINTR)
      return 0;
  }
}

int postgres_answer(struct driver_postgres *d, const char *doing, PGresult **ret, struct err *e) {
  int64_t deadline = postgres_now_ms() + ANSWER_MS;
  PGresult *last = NULL, *r;
  bool failed = false;
  for (;;) {
    int flushed;
    while ((flushed = d->pq.PQflush(d->conn)) == 1 || (flushed == 0 && d->pq.PQisBusy(d->conn))) {
      if (postgres_wait(d, flushed == 1 ? POLLIN | POLLOUT : POLLIN, deadline) == 0) {
        d->pq.PQclear(last); /* takes NULL */
        return postgres_no_answer(d, doing, ANSWER_MS, e);
      }
      if (!d->pq.PQconsumeInput(d->conn))
        break;
    }
    if (!(r = d->pq.PQgetResult(d->conn)))
      break;
    if (failed) {
      d->pq.PQclear(r);
      continue;
    }
    d->pq.PQclear(last);
    last = r;
    ExecStatusType st = d->pq.PQresultStatus(r);
    failed = st != PGRES_COMMAND_OK && st != PGRES_TUPLES_OK && st != PGRES_EMPTY_QUERY;
  }
  if (failed || !last)
    return postgres_fail(d, last, doing, e);
  *ret = last;
  return 0;
}

int postgres_query(struct driver_postgres *d, const char *doing, const char *text, PGresult **ret, struct err *e) {
  PGresult *r;
  if (!d->conn || !d->pq.PQsendQuery(d->conn, text))
    return postgres_fail(d, NULL, doing, e);
  if (postgres_answer(d, doing, &r, e) < 0)
    return -1;
  if (ret)
    *ret = r;
  else
    d->pq.PQclear(r);
  return 0;
}
