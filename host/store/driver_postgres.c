/* The store in PostgreSQL: statements and transactions.  The host's only thread calls it, so nothing waits for long (postgres_session.c,
 * postgres_answer.c). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/postgres.h"

enum {
  AGAIN_MS = 500, /* a session that breaks sooner is opened again at once */
  PARAMS_MAX = 40,
};
enum { OID_INT8 = 20, OID_TEXT = 25 };

/* ---- statements ------------------------------------------------------------------------------------------------------------------------ */

static int prepare(struct driver_postgres *d, enum sql sql, const char *name, const struct value *params, int n, struct err *e) {
  Oid types[PARAMS_MAX];
  PGresult *r;
  for (int i = 0; i < n; i++)
    types[i] = params[i].is_text ? OID_TEXT : OID_INT8;
  if (!d->conn || !d->pq.PQsendPrepare(d->conn, name, sql_statements[sql].postgres, n, types))
    return postgres_fail(d, NULL, "preparing a statement", e);
  if (postgres_answer(d, "preparing a statement", &r, e) < 0)
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
    return postgres_fail(d, NULL, doing, e);
  if (postgres_answer(d, doing, &r, e) < 0)
    return -1;
  read_rows(d, r, a, ret);
  d->pq.PQclear(r);
  return 0;
}

static int postgres_script(struct driver *base, const struct sql_text *text, struct err *e) {
  return postgres_query((struct driver_postgres *)base, "making the tables", text->postgres, NULL, e);
}

/* ---- transactions ---------------------------------------------------------------------------------------------------------------------- */

/* A session that broke while nobody looked is seen here; nothing is lost by opening another. */
static int postgres_begin(struct driver *base, enum access access, struct err *e) {
  struct driver_postgres *d = (struct driver_postgres *)base;
  const char *text = access == ACCESS_READ ? "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY" : "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";
  bool was_open = d->conn != NULL;
  int64_t began_ms = postgres_now_ms();
  if (postgres_connected(d, e) < 0)
    return -1;
  if (postgres_query(d, "beginning a transaction", text, NULL, e) == 0)
    return 0;
  if (!was_open || d->conn || postgres_now_ms() - began_ms > AGAIN_MS || postgres_connected(d, e) < 0)
    return -1;
  return postgres_query(d, "beginning a transaction", text, NULL, e);
}

static void postgres_rollback(struct driver *base) {
  struct driver_postgres *d = (struct driver_postgres *)base;
  struct err ignored;
  if (d->conn && d->pq.PQtransactionStatus(d->conn) != PQTRANS_IDLE && postgres_query(d, "undoing", "ROLLBACK", NULL, &ignored) < 0)
    postgres_disconnect(d);
}

static int postgres_commit(struct driver *base, struct err *e) {
  struct driver_postgres *d = (struct driver_postgres *)base;
  PGresult *r;
  if (postgres_query(d, "committing", "COMMIT", &r, e) < 0)
    return -1;
  bool done = strcmp(d->pq.PQcmdStatus(r), "COMMIT") == 0;
  d->pq.PQclear(r);
  return done ? 0 : err_set(e, ETL_E_INTERNAL, "state store %s: a transaction that failed was to be committed", d->base.place);
}

/* ---- opening --------------------------------------------------------------------------------------------------------------------------- */

static void postgres_close(struct driver *base) {
  struct driver_postgres *d = (struct driver_postgres *)base;
  postgres_disconnect(d);
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

int driver_postgres_open(const char *url, enum store_use use, const char *host, struct err *e, struct driver **ret) {
  struct driver_postgres *d = xcalloc(1, sizeof *d);
  d->base = (struct driver){.api = &api, .place = xstrdup("in PostgreSQL")};
  d->makes = use != STORE_READ;
  d->opening = true;
  d->host = use == STORE_SERVE ? xstrdup(host) : NULL;
  d->host_quoted = d->host ? quoted(host) : NULL;
  if (address_parse(url, &d->address, e) < 0 || libpq_load(&d->pq, e) < 0 || check_url(d, e) < 0 || postgres_connected(d, e) < 0) {
    postgres_close(&d->base);
    return -1;
  }
  d->opening = d->makes = false;
  *ret = &d->base;
  return 0;
}
