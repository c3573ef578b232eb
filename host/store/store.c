/* Opening and closing the store, bringing its tables up to date, and what all its functions are made of: statements within a transaction. */
#include "store/store.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "base/units.h"
#include "store/priv.h"

/* What a connector says need not be UTF-8, but PostgreSQL takes nothing else. */
static const struct value *mended(const struct value *params, size_t n, struct arena *a) {
  struct value *copy = NULL;
  for (size_t i = 0; i < n; i++)
    if (params[i].is_text && params[i].s && !text_is_utf8(params[i].s, strlen(params[i].s))) {
      cleanup_free char *text = text_mended(params[i].s, strlen(params[i].s));
      if (!copy)
        copy = memcpy(arena_alloc(a, n * sizeof *params), params, n * sizeof *params);
      copy[i].s = arena_strdup(a, text);
    }
  return copy ? copy : params;
}

static int run(struct store *s, enum sql sql, struct arena *a, struct rows *ret, struct err *e, const struct value *params, size_t n) {
  return s->driver->api->run(s->driver, sql, mended(params, n, a), n, a, ret, e);
}

int store_do(struct store *s, enum sql sql, struct rows *ret, struct err *e, const struct value *params, size_t n) {
  if (ret)
    return run(s, sql, s->scratch, ret, e, params, n);
  struct rows ignored;
  arena_reset(s->waste); /* thousands of them may be in one transaction */
  return run(s, sql, s->waste, &ignored, e, params, n);
}

int store_begin(struct store *s, enum access access, struct err *e) {
  arena_reset(s->scratch);
  return s->driver->api->begin(s->driver, access, e);
}

int store_end(struct store *s, int rc, struct err *e) {
  if (rc == 0)
    return s->driver->api->commit(s->driver, e);
  s->driver->api->rollback(s->driver);
  return rc;
}

int store_ask(struct store *s, enum sql sql, struct arena *a, struct rows *ret, struct err *e, const struct value *params, size_t n) {
  if (s->driver->api->begin(s->driver, ACCESS_READ, e) < 0)
    return -1;
  if (run(s, sql, a, ret, e, params, n) < 0) {
    s->driver->api->rollback(s->driver);
    return -1;
  }
  return s->driver->api->commit(s->driver, e);
}

int store_fetch(struct store *s, enum sql sql, const struct column *columns, size_t size, struct arena *a, void *ret, size_t *ret_n, struct err *e,
                const struct value *params, size_t n) {
  struct rows rows;
  if (store_ask(s, sql, a, &rows, e, params, n) < 0)
    return -1;
  void *found = columns_read(columns, size, &rows, a);
  memcpy(ret, &found, sizeof found);
  *ret_n = rows.n;
  return 0;
}

/* ---- versions of the tables ------------------------------------------------------------------------------------------------------------ */

/* 0: none yet. */
static int version_of(struct store *s, int64_t *ret, const char **ret_by, struct err *e) {
  struct rows rows;
  *ret = 0;
  if (store_do(s, SQL_META_THERE, &rows, e, NULL, 0) < 0)
    return -1;
  if (rows.n == 0 || rows_at(&rows, 0, 0)->i == 0)
    return 0;
  if (store_do(s, SQL_META_GET, &rows, e, NULL, 0) < 0)
    return -1;
  if (rows.n) {
    *ret = rows_at(&rows, 0, 0)->i;
    *ret_by = rows_at(&rows, 0, 1)->s;
  }
  return 0;
}

static int check_version(struct store *s, int64_t version, const char *by, size_t known, enum store_use use, struct err *e) {
  if (version > (int64_t)known) {
    err_set(e, ETL_E_CONFIG, "state store %s was written by a newer etl, %s: its tables are of version %lld, this etl (%s) knows up to %zu",
            s->driver->place, by ? by : "?", (long long)version, ETL_VERSION, known);
    return err_remedy(e, "use etl %s or newer, or another store", by ? by : "of that version");
  }
  if (use != STORE_READ || version == (int64_t)known)
    return 0;
  if (version == 0)
    return err_set(e, ETL_E_UNSUPPORTED, "there is no state store in %s yet", s->driver->place),
           err_remedy(e, "'etl serve' makes it, or correct 'state'");
  err_set(e, ETL_E_CONFIG, "state store %s is of an older version (%lld, this etl wants %zu)", s->driver->place, (long long)version, known);
  return err_remedy(e, "'etl serve' brings it up to date");
}

static int check_empty(struct store *s, struct err *e) {
  struct rows rows;
  if (store_do(s, SQL_META_OTHERS, &rows, e, NULL, 0) < 0)
    return -1;
  if (rows_at(&rows, 0, 0)->i == 0)
    return 0;
  err_set(e, ETL_E_CONFIG, "state store %s: it has tables, but not those of a state store", s->driver->place);
  return err_remedy(e, "give the state store a database file (or schema) of its own");
}

static int migrate(struct store *s, enum store_use use, const struct sql_text *versions, size_t n, struct err *e) {
  int64_t version;
  const char *by = NULL;
  if (use != STORE_READ && store_do(s, SQL_LOCK_SCHEMA, NULL, e, NULL, 0) < 0) /* two hosts may start at once */
    return -1;
  if (version_of(s, &version, &by, e) < 0 || check_version(s, version, by, n, use, e) < 0)
    return -1;
  if (use == STORE_READ || version == (int64_t)n)
    return 0;
  if (version == 0 && (check_empty(s, e) < 0 || store_do(s, SQL_META_MAKE, NULL, e, NULL, 0) < 0))
    return -1;
  for (; version < (int64_t)n; version++)
    if (s->driver->api->script(s->driver, &versions[version], e) < 0 ||
        store_do(s, SQL_META_ADD, NULL, e, PARAMS(INT(version + 1), TEXT(ETL_VERSION))) < 0)
      return -1;
  return 0;
}

int store_migrate(struct store *s, enum store_use use, const struct sql_text *versions, size_t n, struct err *e) {
  arena_reset(s->scratch);
  if (s->driver->api->begin(s->driver, use == STORE_READ ? ACCESS_READ : ACCESS_WRITE, e) < 0)
    return -1;
  return store_end(s, migrate(s, use, versions, n, e), e);
}

/* ---- opening --------------------------------------------------------------------------------------------------------------------------- */

static int note_host(struct store *s, int64_t now_ns, struct err *e) {
  char machine[256] = "";
  gethostname(machine, sizeof machine - 1);
  return store_begin(s, ACCESS_WRITE, e) < 0
             ? -1
             : store_end(s, store_do(s, SQL_HOST_PUT, NULL, e, PARAMS(TEXT(s->host), TEXT(machine), INT(getpid()), TIME(now_ns))), e);
}

int store_open(const char *url, enum store_use use, const char *host, int64_t now_ns, struct err *e, struct store **ret) {
  struct driver *driver;
  bool file = strncmp(url, "sqlite://", 9) == 0;
  if ((file ? driver_sqlite_open(url, use, e, &driver) : driver_postgres_open(url, use, host, e, &driver)) < 0)
    return -1;
  struct store *s = xcalloc(1, sizeof *s);
  *s = (struct store){.driver = driver, .host = xstrdup(host), .scratch = arena_new(), .waste = arena_new()};
  if (store_migrate(s, use, sql_versions, SQL_VERSIONS, e) < 0 || (use == STORE_SERVE && note_host(s, now_ns, e) < 0)) {
    store_close(s);
    return -1;
  }
  *ret = s;
  return 0;
}

void store_close(struct store *s) {
  if (!s)
    return;
  s->driver->api->close(s->driver);
  arena_free(s->scratch);
  arena_free(s->waste);
  for (size_t i = 0; i < s->doubts_n; i++)
    free((char *)(uintptr_t)s->doubts[i].id);
  free(s->doubts);
  free(s->host);
  free(s);
}

const char *store_place(const struct store *s) { return s->driver->place; }

/* Within a second they are the same: the answer takes its time, too. */
static int compare_clocks(struct store *s, int64_t *ret_behind_ns, struct err *e) {
  struct rows rows;
  int64_t asked_ns = clock_wall_ns();
  if (s->driver->exclusive) {
    *ret_behind_ns = 0;
    return 0;
  }
  if (store_do(s, SQL_SERVER_CLOCK, &rows, e, NULL, 0) < 0)
    return -1;
  int64_t behind_ns = rows_at(&rows, 0, 0)->i * 1000 - (asked_ns + (clock_wall_ns() - asked_ns) / 2);
  *ret_behind_ns = behind_ns > NS_PER_SEC || behind_ns < -NS_PER_SEC ? behind_ns : 0;
  return 0;
}

int store_ping(struct store *s, int64_t now_ns, struct err *e) {
  int64_t behind_ns = 0;
  if (store_begin(s, ACCESS_LIGHT, e) < 0)
    return -1;
  int rc = store_do(s, SQL_HOST_SEEN, NULL, e, PARAMS(TEXT(s->host), TIME(now_ns + s->behind_ns)));
  if (rc == 0)
    rc = compare_clocks(s, &behind_ns, e);
  if (store_end(s, rc, e) < 0)
    return -1;
  s->behind_ns = behind_ns;
  return 0;
}

int64_t store_clock_behind_ns(const struct store *s) { return s->behind_ns; }

int store_hosts(struct store *s, struct arena *a, struct store_host **ret, size_t *ret_n, struct err *e) {
  return store_fetch(s, SQL_HOST_LIST, host_columns, sizeof **ret, a, ret, ret_n, e, NULL, 0);
}
