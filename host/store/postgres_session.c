/* The session with PostgreSQL.  Connecting takes CONNECT_MS at most, and a server that could not be reached is left alone for a while that grows
 * with what the attempt took.  A session that lies frozen in a transaction is ended by the server, so that it cannot keep others from what it
 * locked. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "store/postgres.h"

enum {
  CONNECT_MS = 2000,
  STATEMENT_MS = 5000, /* of the server */
  IDLE_MS = 5000,      /* in a transaction */
  ENDING_MS = 1000,    /* of a session of ours that the server was told to end */
  REST_MS = 250,       /* after an attempt that failed at once */
  REST_TIMES = 5,      /* as long as the attempt took */
};

static void note_place(struct driver_postgres *d) {
  const char *host = d->pq.PQhost(d->conn), *port = d->pq.PQport(d->conn), *db = d->pq.PQdb(d->conn);
  free(d->base.place);
  d->base.place = xasprintf("%s:%s/%s (schema %s)", host ? host : "?", port ? port : "?", db ? db : "?", d->address.schema);
}

/* What the server or libpq says has no SQLSTATE yet. */
static int refused(struct driver_postgres *d, struct err *e) {
  static const struct {
    const char *said;
    uint32_t error_class;
    const char *remedy;
  } meanings[] = {
    {"authentication failed", ETL_E_AUTH, "correct user and password in 'state'"},
    {"no pg_hba.conf entry", ETL_E_AUTH, "let the server's pg_hba.conf have a line for this host, user and database"},
    {"FATAL:  database \"", ETL_E_RETRYABLE, "make the database, or correct 'state'"},
    {"invalid ", ETL_E_CONFIG, "correct the parameters in 'state'"},
  };
  const size_t n = sizeof meanings / sizeof *meanings;
  size_t i = 0;
  while (i < n && !strstr(d->pq.PQerrorMessage(d->conn), meanings[i].said))
    i++;
  postgres_fail(d, NULL, "connecting", e);
  if (i == n)
    return -1;
  e->error_class = meanings[i].error_class;
  return err_remedy(e, "%s", meanings[i].remedy);
}

/* Connected, or *e. */
static int dial(struct driver_postgres *d, struct err *e) {
  static const char *const keys[] = {"fallback_application_name", "tcp_user_timeout", "keepalives_idle", "dbname", "client_encoding", NULL};
  cleanup_free char *name = xasprintf("etl %s", d->host ? d->host : "");
  const char *const values[] = {name, "6000", "10", d->address.url, "UTF8", NULL};
  int64_t deadline = postgres_now_ms() + CONNECT_MS;
  if (d->names && !resolve_within(&d->resolving, d->names, CONNECT_MS, resolve_name, NULL)) {
    err_set(e, ETL_E_RETRYABLE, "state store %s: connecting: the address of %s was not found within %d s", d->base.place, d->names, CONNECT_MS / 1000);
    return err_remedy(e, "check the name servers (/etc/resolv.conf); nothing is lost");
  }
  d->conn = d->pq.PQconnectStartParams(keys, values, 1);
  if (!d->conn)
    return err_set(e, ETL_E_RETRYABLE, "state store %s: no memory", d->base.place);
  note_place(d);
  PostgresPollingStatusType st = d->pq.PQstatus(d->conn) == CONNECTION_BAD ? PGRES_POLLING_FAILED : PGRES_POLLING_WRITING;
  while (st != PGRES_POLLING_OK && st != PGRES_POLLING_FAILED) {
    if (postgres_wait(d, st == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline) == 0)
      return postgres_no_answer(d, "connecting", CONNECT_MS, e);
    st = d->pq.PQconnectPoll(d->conn);
  }
  if (st == PGRES_POLLING_OK) {
    d->pq.PQsetnonblocking(d->conn, 1);
    return 0;
  }
  return refused(d, e);
}

static int64_t number(struct driver_postgres *d, PGresult *r) {
  int64_t n = d->pq.PQntuples(r) ? strtoll(d->pq.PQgetvalue(r, 0, 0), NULL, 10) : 0;
  d->pq.PQclear(r);
  return n;
}

static int make_schema(struct driver_postgres *d, struct err *e) {
  PGresult *r;
  cleanup_free char *there = xasprintf("SELECT count(*) FROM pg_namespace WHERE nspname = '%s'", d->address.schema);
  cleanup_free char *make = xasprintf("CREATE SCHEMA IF NOT EXISTS \"%s\"", d->address.schema);
  if (postgres_query(d, "looking for the schema", there, &r, e) < 0)
    return -1;
  if (number(d, r) > 0 || postgres_query(d, "making the schema", make, NULL, e) == 0)
    return 0;
  return strcmp(e->vendor_state, "23505") == 0 ? 0 : -1; /* another host was making it at the same time */
}

/* Who has the name of this host, as far as the store tells.  In a buffer of the caller. */
static const char *holder(struct driver_postgres *d, char *to, size_t size) {
  PGresult *r;
  struct err ignored;
  cleanup_free char *text = xasprintf("SELECT 'process ' || pid || ' on ' || machine FROM hosts WHERE name = %s", d->host_quoted);
  snprintf(to, size, "another session");
  if (postgres_query(d, "looking for a host", text, &r, &ignored) == 0) {
    if (d->pq.PQntuples(r))
      postgres_one_line(to, size, d->pq.PQgetvalue(r, 0, 0));
    d->pq.PQclear(r);
  }
  return to;
}

/* The network was cut, and the server takes our last session for alive, for hours if nobody tells it.  What that one left open is undone. */
static bool end_own_session(struct driver_postgres *d) {
  struct err ignored;
  PGresult *r;
  cleanup_free char *text = xasprintf("SELECT count(*) FILTER (WHERE pg_terminate_backend(l.pid)) FROM pg_locks l, "
                                      "hashtextextended('%s:host:' || %s, 0) k WHERE l.locktype = 'advisory' AND l.objsubid = 1 AND l.pid = %d "
                                      "AND l.classid = (k >> 32 & 4294967295)::oid AND l.objid = (k & 4294967295)::oid",
                                      d->address.schema, d->host_quoted, d->holder);
  return d->holder && postgres_query(d, "ending the session before", text, &r, &ignored) == 0 && number(d, r) > 0;
}

/* A session of ours that broke may not have ended at the server yet, so at the start it is waited for. */
static int take_name(struct driver_postgres *d, struct err *e) {
  char who[300];
  PGresult *r;
  cleanup_free char *take =
      xasprintf("SELECT CASE WHEN pg_try_advisory_lock(hashtextextended('%s:host:' || %s, 0)) THEN 1 ELSE 0 END", d->address.schema, d->host_quoted);
  int64_t deadline = postgres_now_ms() + (d->opening ? CONNECT_MS : 0);
  for (bool told = false;;) {
    if (postgres_query(d, "taking the name of this host", take, &r, e) < 0)
      return -1;
    if (number(d, r) == 1) {
      d->holder = d->pq.PQbackendPID(d->conn);
      return 0;
    }
    if (!told && end_own_session(d))
      deadline = postgres_now_ms() + ENDING_MS;
    told = true;
    if (postgres_now_ms() >= deadline || !d->conn)
      break;
    poll(NULL, 0, 50);
  }
  err_set(e, d->opening ? ETL_E_CONFIG : ETL_E_RETRYABLE, "state store %s: a host named '%s' is serving already: %s", d->base.place, d->host,
          holder(d, who, sizeof who));
  postgres_disconnect(d);
  return err_remedy(e, "give each host that shares the store a name of its own, or stop that one");
}

/* Every statement looks few rows up by an index and takes them in its order.  The planner, who knows nothing of tables that have just begun to
 * grow, would rather read and sort the whole queue for each claim.  The server asks after seconds of silence whether we are there: a host that
 * starts again on a machine that lost its power has its name back soon. */
static int set_up(struct driver_postgres *d, struct err *e) {
  cleanup_free char *settings = xasprintf("SET standard_conforming_strings = on; SET search_path TO \"%s\"; SET statement_timeout = %d; "
                                          "SET lock_timeout = %d; SET idle_in_transaction_session_timeout = %d; SET client_min_messages = error; "
                                          "SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3; "
                                          "SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_hashjoin = off; "
                                          "SET enable_mergejoin = off; SET enable_sort = off; SET jit = off",
                                          d->address.schema, STATEMENT_MS, STATEMENT_MS, IDLE_MS);
  if (postgres_query(d, "setting up the session", settings, NULL, e) < 0 || (d->makes && make_schema(d, e) < 0))
    return -1;
  return d->host ? take_name(d, e) : 0;
}

int postgres_connected(struct driver_postgres *d, struct err *e) {
  if (d->conn && d->pq.PQstatus(d->conn) == CONNECTION_OK)
    return 0;
  int64_t began = clock_mono_ns();
  if (began < d->rest_until_ns) {
    *e = d->rest;
    return -1;
  }
  postgres_disconnect(d);
  if (dial(d, e) == 0 && set_up(d, e) == 0)
    return 0;
  postgres_disconnect(d);
  int64_t now = clock_mono_ns(), rest = (now - began) * REST_TIMES, least = REST_MS * INT64_C(1000000);
  d->rest_until_ns = now + (rest > least ? rest : least);
  d->rest = *e;
  return -1;
}
