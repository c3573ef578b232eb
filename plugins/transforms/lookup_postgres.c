/* The table of a lookup out of PostgreSQL: one read-only query, row by row, so that the answer is never in memory twice.  Waits are
 * short, so that a cancel is seen. */
#include <errno.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "lookup.h"

enum {
  LOOK_EVERY_MS = 100,
  CONNECT_MS = 30000
};

static void one_line(char *to, size_t size, const char *from) {
  snprintf(to, size, "%s", from ? from : "");
  size_t n = strlen(to);
  while (n && to[n - 1] == '\n')
    to[--n] = 0;
  for (; *to; to++)
    if (*to == '\n' || *to == '\t')
      *to = ' ';
}

static int32_t unreachable(const struct lookup_reader *r, PGconn *c, const char *why) {
  char text[512];
  struct etl_error e = ETL_ERROR(ETL_E_RETRYABLE);
  e.option = "url";
  e.remedy = "check that the server runs and can be reached, and the user and password of the URL";
  one_line(text, sizeof text, why ? why : PQerrorMessage(c));
  return etl_failf(r->host, &e, "lookup: PostgreSQL: %s", text);
}

static int32_t refused(const struct lookup_reader *r, const PGresult *res) {
  char text[512];
  const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
  bool again = !state || strncmp(state, "08", 2) == 0 || strncmp(state, "53", 2) == 0 || strncmp(state, "57", 2) == 0 ||
               strncmp(state, "40", 2) == 0;
  struct etl_error e = ETL_ERROR(again ? ETL_E_RETRYABLE : ETL_E_CONFIG);
  e.vendor_state = state;
  e.option = "query";
  e.remedy = again ? "it is tried again" : "try the query with psql, as the user of the URL";
  const char *message = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
  one_line(text, sizeof text, message ? message : PQresultErrorMessage(res));
  return etl_failf(r->host, &e, "lookup: PostgreSQL: %s", text);
}

/* ETL_OK when the socket is ready; ETL_IDLE after LOOK_EVERY_MS. */
static int32_t wait_for(const struct lookup_reader *r, PGconn *c, short events) {
  struct pollfd p = {.fd = PQsocket(c), .events = events};
  if (r->host->cancelled(r->host))
    return ETL_STOPPED;
  int n = poll(&p, 1, LOOK_EVERY_MS);
  return n > 0 ? ETL_OK : n < 0 && errno != EINTR ? unreachable(r, c, strerror(errno)) : ETL_IDLE;
}

static int32_t connect_to(const struct lookup_reader *r, PGconn *c) {
  int64_t began = r->host->now_ns(r->host, ETL_CLOCK_MONOTONIC);
  PostgresPollingStatusType state = PGRES_POLLING_WRITING;
  if (PQstatus(c) == CONNECTION_BAD)
    return unreachable(r, c, NULL);
  while (state != PGRES_POLLING_OK) {
    int32_t rc = wait_for(r, c, state == PGRES_POLLING_READING ? POLLIN : POLLOUT);
    if (rc != ETL_OK && rc != ETL_IDLE)
      return rc;
    if (r->host->now_ns(r->host, ETL_CLOCK_MONOTONIC) - began > CONNECT_MS * INT64_C(1000000))
      return unreachable(r, c, "no connection within 30 s");
    if (rc == ETL_OK && (state = PQconnectPoll(c)) == PGRES_POLLING_FAILED)
      return unreachable(r, c, NULL);
  }
  return ETL_OK;
}

/* The next result of what was sent; *ret NULL: there are no more. */
static int32_t next_result(const struct lookup_reader *r, PGconn *c, PGresult **ret) {
  while (PQisBusy(c)) {
    int32_t rc = wait_for(r, c, POLLIN);
    if (rc != ETL_OK && rc != ETL_IDLE)
      return rc;
    if (rc == ETL_OK && !PQconsumeInput(c))
      return unreachable(r, c, NULL);
  }
  *ret = PQgetResult(c);
  return ETL_OK;
}

static const char *column_name(void *res, int64_t i) { return PQfname(res, (int)i); }

struct rows {
  int64_t *at, line;
  struct etl_bytes *cells;
};

static int32_t take(const struct lookup_reader *r, PGresult *res, struct rows *rows) {
  ExecStatusType status = PQresultStatus(res);
  int32_t rc = ETL_OK;
  if (status != PGRES_SINGLE_TUPLE && status != PGRES_TUPLES_OK)
    return status == PGRES_COMMAND_OK ? ETL_OK : refused(r, res);
  if (rows->line == 0)
    rc = lookup_find_columns(r, column_name, res, PQnfields(res), rows->at);
  for (int row = 0; rc == ETL_OK && row < PQntuples(res); row++) {
    for (size_t i = 0; i < r->names_n; i++) {
      int at = (int)rows->at[i];
      bool null = PQgetisnull(res, row, at);
      rows->cells[i] = (struct etl_bytes){null ? NULL : PQgetvalue(res, row, at), (uint64_t)PQgetlength(res, row, at)};
    }
    rc = r->row(r->arg, rows->cells, ++rows->line);
  }
  return rc;
}

static int32_t run_query(const struct lookup_reader *r, PGconn *c, const char *sql, struct rows *rows) {
  int32_t rc = PQsendQuery(c, sql) ? ETL_OK : unreachable(r, c, NULL);
  PGresult *res = NULL;
  PQsetSingleRowMode(c);
  while (rc == ETL_OK && (rc = next_result(r, c, &res)) == ETL_OK && res) {
    rc = take(r, res, rows);
    PQclear(res);
  }
  return rc;
}

/* The server is told, lest it go on computing for nobody. */
static void abandon(PGconn *c) {
  char text[256];
  PGcancel *cancel = PQtransactionStatus(c) == PQTRANS_ACTIVE ? PQgetCancel(c) : NULL;
  if (cancel)
    PQcancel(cancel, text, sizeof text);
  PQfreeCancel(cancel);
}

/* libpq's own message would show the URL, and the password in it. */
static int32_t check_url(const struct lookup_reader *r, const char *url) {
  PQconninfoOption *parsed = PQconninfoParse(url, NULL);
  struct etl_error e = ETL_ERROR(ETL_E_CONFIG);
  e.option = "url";
  e.remedy = "write postgresql://user:password@host:5432/database, with %40 and the like for special characters";
  if (!parsed)
    return etl_failf(r->host, &e, "lookup: option url: it is no URL that libpq understands");
  PQconninfoFree(parsed);
  return ETL_OK;
}

int32_t lookup_read_postgres(const struct lookup_reader *r) {
  static const char settings[] =
      "SET default_transaction_read_only = on; SET datestyle = 'ISO, YMD'; SET timezone = 'UTC'; SET bytea_output = hex; "
      "SET extra_float_digits = 1";
  struct etl_value ref = {.struct_size = sizeof ref, .str = r->o->url_ref};
  const char *const names[] = {"dbname", "client_encoding", "fallback_application_name", NULL};
  const char *const values[] = {etl_secret(r->host, &ref), "UTF8", "etl lookup", NULL};
  int32_t rc = check_url(r, values[0]);
  if (rc != ETL_OK)
    return rc;
  PGconn *c = PQconnectStartParams(names, values, 1);
  struct rows rows = {.at = calloc(r->names_n, sizeof *rows.at), .cells = calloc(r->names_n, sizeof *rows.cells)};
  rc = c && rows.at && rows.cells ? connect_to(r, c) : transformer_no_memory(r->host, "lookup");
  if (rc == ETL_OK)
    rc = run_query(r, c, settings, &rows);
  if (rc == ETL_OK)
    rc = run_query(r, c, r->o->query, &rows);
  if (rc != ETL_OK && c)
    abandon(c);
  PQfinish(c);
  free(rows.at);
  free(rows.cells);
  return rc;
}
