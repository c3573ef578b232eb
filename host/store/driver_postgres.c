/* The store in PostgreSQL.  The host's only thread calls it, so nothing waits for long: connecting takes CONNECT_MS at most, an answer
 * ANSWER_MS, and a server that could not be reached is left alone for a while that grows with what the attempt took.  A session that lies
 * frozen in a transaction is ended by the server, so that it cannot keep others from what it locked. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "store/address.h"
#include "store/driver.h"
#include "store/libpq.h"
#include "store/resolve.h"

enum {
  CONNECT_MS = 2000,
  STATEMENT_MS = 5000, /* of the server */
  ANSWER_MS = 6000,
  IDLE_MS = 5000,      /* in a transaction */
  AGAIN_MS = 500,      /* a session that breaks sooner is opened again at once */
  ENDING_MS = 1000,    /* of a session of ours that the server was told to end */
  REST_MS = 250,       /* after an attempt that failed at once */
  REST_TIMES = 5,      /* as long as the attempt took */
};
enum { OID_INT8 = 20, OID_TEXT = 25 };

struct driver_postgres {
  struct driver base;
  struct libpq pq;
  struct address address;
  char *names; /* of servers, whose addresses have to be looked up; NULL: none */
  struct resolving *resolving;
  char *host, *host_quoted; /* of a host that serves; NULL: a command */
  PGconn *conn;
  bool prepared[SQL_N];
  int holder; /* the server's process of our newest session that took the name of this host; 0: none has */
  bool opening, makes; /* makes: the schema, if it is not there */
  int64_t rest_until_ns;
  struct err rest; /* what the last attempt to connect ended with */
};

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

static void one_line(char *to, size_t size, const char *from) {
  snprintf(to, size, "%s", from ? from : "");
  size_t n = strlen(to);
  while (n && (to[n - 1] == '\n' || to[n - 1] == ' '))
    to[--n] = 0;
  for (char *c = to; *c; c++)
    if (*c == '\n' || *c == '\t')
      *c = ' ';
}

static void disconnect(struct driver_postgres *d) {
  if (d->conn)
    d->pq.PQfinish(d->conn);
  d->conn = NULL;
  memset(d->prepared, 0, sizeof d->prepared);
}

/* r NULL: the connection itself.  Takes r. */
static int fail(struct driver_postgres *d, PGresult *r, const char *doing, struct err *e) {
  char said[1000];
  const char *state = r ? d->pq.PQresultErrorField(r, PG_DIAG_SQLSTATE) : NULL;
  const char *primary = r ? d->pq.PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY) : NULL;
  one_line(said, sizeof said, primary ? primary : d->conn ? d->pq.PQerrorMessage(d->conn) : "no connection");
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
    disconnect(d);
  return -1;
}

static int no_answer(struct driver_postgres *d, const char *doing, int ms, struct err *e) {
  err_set(e, ETL_E_RETRYABLE, "state store %s: %s: no answer within %d s", d->base.place, doing, ms / 1000);
  disconnect(d);
  return err_remedy(e, "check the server and the network; nothing is lost");
}

/* ---- answers --------------------------------------------------------------------------------------------------------------------------- */

static int64_t now_ms(void) { return clock_mono_ns() / 1000000; }

/* 1: ready, 0: too late. */
static int wait_for(struct driver_postgres *d, short events, int64_t deadline_ms) {
  struct pollfd p = {.fd = d->pq.PQsocket(d->conn), .events = events};
  for (;;) {
    int64_t left = deadline_ms - now_ms();
    int n = poll(&p, 1, left > 0 ? (int)left : 0);
    if (n > 0 || (n == 0 && left <= 0))
      return n;
    if (n < 0 && errno != EINTR)
      return 0;
  }
}

/* The last result of what was sent; the first that is an error. */
static int answer(struct driver_postgres *d, const char *doing, PGresult **ret, struct err *e) {
  int64_t deadline = now_ms() + ANSWER_MS;
  PGresult *last = NULL, *r;
  bool failed = false;
  for (;;) {
    int flushed;
    while ((flushed = d->pq.PQflush(d->conn)) == 1 || (flushed == 0 && d->pq.PQisBusy(d->conn))) {
      if (wait_for(d, flushed == 1 ? POLLIN | POLLOUT : POLLIN, deadline) == 0) {
        d->pq.PQclear(last); /* takes NULL */
        return no_answer(d, doing, ANSWER_MS, e);
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
    return fail(d, last, doing, e);
  *ret = last;
  return 0;
}

static int query(struct driver_postgres *d, const char *doing, const char *text, PGresult **ret, struct err *e) {
  PGresult *r;
  if (!d->conn || !d->pq.PQsendQuery(d->conn, text))
    return fail(d, NULL, doing, e);
  if (answer(d, doing, &r, e) < 0)
    return -1;
  if (ret)
    *ret = r;
  else
    d->pq.PQclear(r);
  return 0;
}

/* ---- statements ------------------------------------------------------------------------------------------------------------------------ */

enum { PARAMS_MAX = 40 };

static int prepare(struct driver_postgres *d, enum sql sql, const char *name, const struct value *params, int n, struct err *e) {
  Oid types[PARAMS_MAX];
  PGresult *r;
  for (int i = 0; i < n; i++)
    types[i] = params[i].is_text ? OID_TEXT : OID_INT8;
  if (!d->conn || !d->pq.PQsendPrepare(d->conn, name, sql_statements[sql].postgres, n, types))
    return fail(d, NULL, "preparing a statement", e);
  if (answer(d, "preparing a statement", &r, e) < 0)
    return -1;
  d->pq.PQclear(r);
  d->prepared[sql] = true;
  return 0;
}

static struct value cell(struct driver_postgres *d, PGresult *r, int row, int col, struct arena *a) {
  if (d->pq.PQgetisnull(r, row, col))
    return (struct value){.is_null = true};
  const char *text = d->pq.PQgetvalue(r, row, col);
  return d->pq.PQftype(r, col) == OID_INT8 ? INT(strtoll(text, NULL, 10)) : TEXT(arena_strdup(a, text));
}

static void read_rows(struct driver_postgres *d, PGresult *r, struct arena *a, struct rows *ret) {
  *ret = (struct rows){.cols = (size_t)d->pq.PQnfields(r), .n = (size_t)d->pq.PQntuples(r)};
  ret->names = arena_alloc(a, (ret->cols + 1) * sizeof *ret->names);
  ret->cells = arena_alloc(a, (ret->cols * ret->n + 1) * sizeof *ret->cells);
  for (size_t col = 0; col < ret->cols; col++)
    ret->names[col] = arena_strdup(a, d->pq.PQfname(r, (int)col));
  for (size_t row = 0; row < ret->n; row++)
    for (size_t col = 0; col < ret->cols; col++)
      ret->cells[row * ret->cols + col] = cell(d, r, (int)row, (int)col, a);
}

static int postgres_run(struct driver *base, enum sql sql, const struct value *params, size_t n, struct arena *a, struct rows *ret, struct err *e) {
  struct driver_postgres *d = (struct driver_postgres *)base;
  static const char doing[] = "a statement";
  const char *texts[PARAMS_MAX];
  char ints[PARAMS_MAX][24], name[16];
  PGresult *r;
  snprintf(name, sizeof name, "s%d", (int)sql);
  if (!d->prepared[sql] && prepare(d, sql, name, params, (int)n, e) < 0)
    return -1;
  for (size_t i = 0; i < n; i++) {
    snprintf(ints[i], sizeof ints[i], "%lld", (long long)params[i].i);
    texts[i] = params[i].is_null ? NULL : params[i].is_text ? params[i].s : ints[i];
  }
  if (!d->conn || !d->pq.PQsendQueryPrepared(d->conn, name, (int)n, texts, NULL, NULL, 0))
    return fail(d, NULL, doing, e);
  if (answer(d, doing, &r, e) < 0)
    return -1;
  read_rows(d, r, a, ret);
  d->pq.PQclear(r);
  return 0;
}

static int postgres_script(struct driver *base, const struct sql_text *text, struct err *e) {
  return query((struct driver_postgres *)base, "making the tables", text->postgres, NULL, e);
}

/* ---- connecting ------------------------------------------------------------------------------------------------------------------------ */

static void note_place(struct driver_postgres *d) {
  const char *host = d->pq.PQhost(d->conn), *port = d->pq.PQport(d->conn), *db = d->pq.PQdb(d->conn);
  free(d->base.place);
  d->base.place = xasprintf("%s:%s/%s (schema %s)", host ? host : "?", port ? port : "?", db ? db : "?", d->address.schema);
}

/* Connected, or *e. */
static int dial(struct driver_postgres *d, struct err *e) {
  static const char *const keys[] = {"fallback_application_name", "tcp_user_timeout", "keepalives_idle", "dbname", "client_encoding", NULL};
  cleanup_free char *name = xasprintf("etl %s", d->host ? d->host : "");
  const char *const values[] = {name, "6000", "10", d->address.url, "UTF8", NULL};
  int64_t deadline = now_ms() + CONNECT_MS;
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
    if (wait_for(d, st == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline) == 0)
      return no_answer(d, "connecting", CONNECT_MS, e);
    st = d->pq.PQconnectPoll(d->conn);
  }
  if (st == PGRES_POLLING_OK) {
    d->pq.PQsetnonblocking(d->conn, 1);
    return 0;
  }
  bool refused = strstr(d->pq.PQerrorMessage(d->conn), "authentication failed") != NULL;
  fail(d, NULL, "connecting", e);
  if (refused) {
    e->error_class = ETL_E_AUTH;
    err_remedy(e, "correct user and password in 'state'");
  }
  return -1;
}

static int64_t number(struct driver_postgres *d, PGresult *r) {
  int64_t n = d->pq.PQntuples(r) ? strtoll(d->pq.PQgetvalue(r, 0, 0), NULL, 10) : 0;
  d->pq.PQclear(r);
  return n;
}

static char *quoted(const char *s) {
  char *text = xcalloc(2 * strlen(s) + 3, 1), *to = text;
  for (*to++ = '\''; *s; s++) {
    if (*s == '\'')
      *to++ = '\'';
    *to++ = *s;
  }
  *to = '\'';
  return text;
}

static int make_schema(struct driver_postgres *d, struct err *e) {
  PGresult *r;
  cleanup_free char *there = xasprintf("SELECT count(*) FROM pg_namespace WHERE nspname = '%s'", d->address.schema);
  cleanup_free char *make = xasprintf("CREATE SCHEMA IF NOT EXISTS \"%s\"", d->address.schema);
  if (query(d, "looking for the schema", there, &r, e) < 0)
    return -1;
  if (number(d, r) > 0 || query(d, "making the schema", make, NULL, e) == 0)
    return 0;
  return strcmp(e->vendor_state, "23505") == 0 ? 0 : -1; /* another host was making it at the same time */
}

/* Who has the name of this host, as far as the store tells.  In a buffer of the caller. */
static const char *holder(struct driver_postgres *d, char *to, size_t size) {
  PGresult *r;
  struct err ignored;
  cleanup_free char *text = xasprintf("SELECT 'process ' || pid || ' on ' || machine FROM hosts WHERE name = %s", d->host_quoted);
  snprintf(to, size, "another session");
  if (query(d, "looking for a host", text, &r, &ignored) == 0) {
    if (d->pq.PQntuples(r))
      one_line(to, size, d->pq.PQgetvalue(r, 0, 0));
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
  return d->holder && query(d, "ending the session before", text, &r, &ignored) == 0 && number(d, r) > 0;
}

/* A session of ours that broke may not have ended at the server yet, so at the start it is waited for. */
static int take_name(struct driver_postgres *d, struct err *e) {
  char who[300];
  PGresult *r;
  cleanup_free char *take =
      xasprintf("SELECT CASE WHEN pg_try_advisory_lock(hashtextextended('%s:host:' || %s, 0)) THEN 1 ELSE 0 END", d->address.schema, d->host_quoted);
  int64_t deadline = now_ms() + (d->opening ? CONNECT_MS : 0);
  for (bool told = false;;) {
    if (query(d, "taking the name of this host", take, &r, e) < 0)
      return -1;
    if (number(d, r) == 1) {
      d->holder = d->pq.PQbackendPID(d->conn);
      return 0;
    }
    if (!told && end_own_session(d))
      deadline = now_ms() + ENDING_MS;
    told = true;
    if (now_ms() >= deadline || !d->conn)
      break;
    poll(NULL, 0, 50);
  }
  err_set(e, d->opening ? ETL_E_CONFIG : ETL_E_RETRYABLE, "state store %s: a host named '%s' is serving already: %s", d->base.place, d->host,
          holder(d, who, sizeof who));
  disconnect(d);
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
  if (query(d, "setting up the session", settings, NULL, e) < 0 || (d->makes && make_schema(d, e) < 0))
    return -1;
  return d->host ? take_name(d, e) : 0;
}

static int connected(struct driver_postgres *d, struct err *e) {
  if (d->conn && d->pq.PQstatus(d->conn) == CONNECTION_OK)
    return 0;
  int64_t began = clock_mono_ns();
  if (began < d->rest_until_ns) {
    *e = d->rest;
    return -1;
  }
  disconnect(d);
  if (dial(d, e) == 0 && set_up(d, e) == 0)
    return 0;
  disconnect(d);
  int64_t now = clock_mono_ns(), rest = (now - began) * REST_TIMES, least = REST_MS * INT64_C(1000000);
  d->rest_until_ns = now + (rest > least ? rest : least);
  d->rest = *e;
  return -1;
}

/* ---- transactions ---------------------------------------------------------------------------------------------------------------------- */

/* A session that broke while nobody looked is seen here; nothing is lost by opening another. */
static int postgres_begin(struct driver *base, enum access access, struct err *e) {
  struct driver_postgres *d = (struct driver_postgres *)base;
  const char *text = access == ACCESS_READ ? "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY" : "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";
  bool was_open = d->conn != NULL;
  int64_t began_ms = now_ms();
  if (connected(d, e) < 0)
    return -1;
  if (query(d, "beginning a transaction", text, NULL, e) == 0)
    return 0;
  if (!was_open || d->conn || now_ms() - began_ms > AGAIN_MS || connected(d, e) < 0)
    return -1;
  return query(d, "beginning a transaction", text, NULL, e);
}

static void postgres_rollback(struct driver *base) {
  struct driver_postgres *d = (struct driver_postgres *)base;
  struct err ignored;
  if (d->conn && d->pq.PQtransactionStatus(d->conn) != PQTRANS_IDLE && query(d, "undoing", "ROLLBACK", NULL, &ignored) < 0)
    disconnect(d);
}

static int postgres_commit(struct driver *base, struct err *e) {
  struct driver_postgres *d = (struct driver_postgres *)base;
  PGresult *r;
  if (query(d, "committing", "COMMIT", &r, e) < 0)
    return -1;
  bool done = strcmp(d->pq.PQcmdStatus(r), "COMMIT") == 0;
  d->pq.PQclear(r);
  return done ? 0 : err_set(e, ETL_E_INTERNAL, "state store %s: a transaction that failed was to be committed", d->base.place);
}

/* ---- opening --------------------------------------------------------------------------------------------------------------------------- */

static void postgres_close(struct driver *base) {
  struct driver_postgres *d = (struct driver_postgres *)base;
  disconnect(d);
  resolve_forget(d->resolving);
  free(d->names);
  address_fini(&d->address);
  free(d->base.place);
  free(d->host);
  free(d->host_quoted);
  free(d);
}

static const struct driver_api api = {postgres_begin, postgres_commit, postgres_rollback, postgres_run, postgres_script, postgres_close};

/* Of the URL, else of the environment. */
static const char *option_of(const PQconninfoOption *options, const char *keyword, const char *variable) {
  for (; options && options->keyword; options++)
    if (strcmp(options->keyword, keyword) == 0 && options->val && *options->val)
      return options->val;
  return getenv(variable);
}

/* libpq's own words may show the password in a URL that it cannot read. */
static int check_url(struct driver_postgres *d, struct err *e) {
  char *why = NULL;
  PQconninfoOption *options = d->pq.PQconninfoParse(d->address.url, &why);
  const char *names = option_of(options, "host", "PGHOST");
  if (names && !option_of(options, "hostaddr", "PGHOSTADDR"))
    d->names = xstrdup(names);
  d->pq.PQconninfoFree(options); /* takes NULL */
  if (why)
    d->pq.PQfreemem(why);
  if (options)
    return 0;
  err_set(e, ETL_E_CONFIG, "'state' is no address that libpq can read");
  return err_remedy(
      e, "write postgresql://user:password@host:5432/database, with special characters as %%40; further parameters are those of libpq, and schema");
}

int driver_postgres_open(const char *url, enum store_use use, const char *host, struct err *e, struct driver **ret) {
  struct driver_postgres *d = xcalloc(1, sizeof *d);
  d->base = (struct driver){.api = &api, .place = xstrdup("in PostgreSQL")};
  d->makes = use != STORE_READ;
  d->opening = true;
  d->host = use == STORE_SERVE ? xstrdup(host) : NULL;
  d->host_quoted = d->host ? quoted(host) : NULL;
  if (address_parse(url, &d->address, e) < 0 || libpq_load(&d->pq, e) < 0 || check_url(d, e) < 0 || connected(d, e) < 0) {
    postgres_close(&d->base);
    return -1;
  }
  d->opening = d->makes = false;
  *ret = &d->base;
  return 0;
}
