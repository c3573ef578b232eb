/* The store in a file of SQLite.  The journal is a WAL, so that commands read while the host writes.  A commit is one append to it, on disk
 * before it counts (synchronous = FULL) but for what may be lost with the power (NORMAL): the next one on disk takes those before it along.
 * A lock of others is waited for very shortly, since the host's only thread waits with it. */
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/driver.h"

enum {
  WAIT_SERVING_MS = 100,
  WAIT_COMMAND_MS = 5000,
};

struct driver_sqlite {
  struct driver base;
  sqlite3 *db;
  sqlite3_stmt *stmts[SQL_N];
  struct stat file; /* as it was opened */
  int lock_fd;
  bool opening;
};

/* ---- errors --------------------------------------------------------------------------------------------------------------------------- */

static const struct {
  int code;
  uint32_t class_opening, class_later; /* a disk may become writable again, but a host does not start on one that is not */
  const char *what, *remedy;
} meanings[] = {
    {SQLITE_BUSY, ETL_E_RETRYABLE, ETL_E_RETRYABLE, "another process holds its lock",
     "end what else writes it (a shell of sqlite3 in a transaction?)"},
    {SQLITE_LOCKED, ETL_E_RETRYABLE, ETL_E_RETRYABLE, "it is locked", NULL},
    {SQLITE_FULL, ETL_E_RETRYABLE, ETL_E_RETRYABLE, "its disk is full", "free space on the disk; nothing is lost, it goes on by itself then"},
    {SQLITE_IOERR, ETL_E_RETRYABLE, ETL_E_RETRYABLE, "its disk does not take or give what it should",
     "look at the disk and at the limits of the process"},
    {SQLITE_READONLY, ETL_E_CONFIG, ETL_E_RETRYABLE, "it cannot be written",
     "let the user that etl runs as write the file, its -wal and -shm, and their folder; the disk must not be mounted read-only"},
    {SQLITE_CANTOPEN, ETL_E_CONFIG, ETL_E_RETRYABLE, "it cannot be opened",
     "let the user that etl runs as read and write the file, its -wal and -shm, and their folder"},
    {SQLITE_PERM, ETL_E_CONFIG, ETL_E_RETRYABLE, "it cannot be opened", "let the user that etl runs as read and write the file and its folder"},
    {SQLITE_AUTH, ETL_E_CONFIG, ETL_E_RETRYABLE, "it cannot be opened", NULL},
    {SQLITE_CORRUPT, ETL_E_PERMANENT, ETL_E_PERMANENT, "it is damaged",
     "put a backup in its place, or move it away with its -wal and -shm: the host begins a new one, sinks still know what they have; "
     "sqlite3 FILE .recover saves what can be read"},
    {SQLITE_NOTADB, ETL_E_CONFIG, ETL_E_PERMANENT, "it is no database of SQLite", "correct 'state', or move the file away"},
    {SQLITE_NOMEM, ETL_E_RETRYABLE, ETL_E_RETRYABLE, "no memory", NULL},
};

static int fail(struct driver_sqlite *d, int code, struct err *e) {
  char said[400];
  snprintf(said, sizeof said, "%s", d->db && sqlite3_errcode(d->db) != SQLITE_OK ? sqlite3_errmsg(d->db) : sqlite3_errstr(code)); /* before anything else is done with it */
  int system = d->db ? sqlite3_system_errno(d->db) : 0;
  if ((code & 0xff) == SQLITE_IOERR && (system == ENOSPC || system == EDQUOT || system == EFBIG))
    code = SQLITE_FULL;
  for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++)
    if (meanings[i].code == (code & 0xff)) {
      err_set(e, d->opening ? meanings[i].class_opening : meanings[i].class_later, "state store %s: %s (%s%s%s)", d->base.place, meanings[i].what,
              said, system ? ": " : "", system ? strerror(system) : "");
      e->vendor_code = code;
      return meanings[i].remedy ? err_remedy(e, "%s", meanings[i].remedy) : -1;
    }
  err_set(e, ETL_E_INTERNAL, "state store %s: %s", d->base.place, said);
  e->vendor_code = code;
  return -1;
}

/* ---- statements ----------------------------------------------------------------------------------------------------------------------- */

static int plain(struct driver_sqlite *d, const char *sql, struct err *e) {
  int code = sqlite3_exec(d->db, sql, NULL, NULL, NULL);
  return code == SQLITE_OK ? 0 : fail(d, code, e);
}

static int bind(struct driver_sqlite *d, sqlite3_stmt *stmt, const struct value *params, size_t n, struct err *e) {
  for (size_t i = 0; i < n; i++) {
    char name[24];
    snprintf(name, sizeof name, "$%zu", i + 1);
    int at = sqlite3_bind_parameter_index(stmt, name), code = SQLITE_OK;
    if (at == 0)
      continue; /* only the other database's text has it */
    if (params[i].is_null)
      code = sqlite3_bind_null(stmt, at);
    else if (params[i].is_text)
      code = sqlite3_bind_text(stmt, at, params[i].s, -1, SQLITE_STATIC);
    else
      code = sqlite3_bind_int64(stmt, at, params[i].i);
    if (code != SQLITE_OK)
      return fail(d, code, e);
  }
  return 0;
}

static struct value cell(sqlite3_stmt *stmt, int col, struct arena *a) {
  switch (sqlite3_column_type(stmt, col)) {
  case SQLITE_NULL:
    return (struct value){.is_null = true};
  case SQLITE_INTEGER:
    return INT(sqlite3_column_int64(stmt, col));
  default:
    return TEXT(arena_strdup(a, (const char *)sqlite3_column_text(stmt, col)));
  }
}

static void rows_begin(struct rows *r, sqlite3_stmt *stmt, struct arena *a) {
  r->cols = (size_t)sqlite3_column_count(stmt);
  r->names = arena_alloc(a, (r->cols + 1) * sizeof *r->names);
  for (size_t i = 0; i < r->cols; i++)
    r->names[i] = arena_strdup(a, sqlite3_column_name(stmt, (int)i));
}

/* Cells in a table that doubles: what it outgrows stays in the arena, no more than the table itself. */
static void rows_add(struct rows *r, size_t *room, sqlite3_stmt *stmt, struct arena *a) {
  if (r->n == *room) {
    size_t more = *room ? *room * 2 : 1;
    struct value *cells = arena_alloc(a, more * r->cols * sizeof *cells);
    if (r->n)
      memcpy(cells, r->cells, r->n * r->cols * sizeof *cells);
    r->cells = cells;
    *room = more;
  }
  for (size_t i = 0; i < r->cols; i++)
    r->cells[r->n * r->cols + i] = cell(stmt, (int)i, a);
  r->n++;
}

static int sqlite_run(struct driver *base, enum sql sql, const struct value *params, size_t n, struct arena *a, struct rows *ret, struct err *e) {
  struct driver_sqlite *d = (struct driver_sqlite *)base;
  struct rows rows = {0};
  size_t room = 0;
  int code = d->stmts[sql] ? SQLITE_OK : sqlite3_prepare_v3(d->db, sql_statements[sql].sqlite, -1, SQLITE_PREPARE_PERSISTENT, &d->stmts[sql], NULL);
  if (code != SQLITE_OK)
    return fail(d, code, e);
  sqlite3_stmt *stmt = d->stmts[sql];
  int rc = bind(d, stmt, params, n, e);
  if (rc == 0) {
    rows_begin(&rows, stmt, a);
    while ((code = sqlite3_step(stmt)) == SQLITE_ROW)
      rows_add(&rows, &room, stmt, a);
    if (code != SQLITE_DONE)
      rc = fail(d, code, e);
  }
  sqlite3_reset(stmt);
  sqlite3_clear_bindings(stmt);
  if (rc == 0)
    *ret = rows;
  return rc;
}

static int sqlite_script(struct driver *base, const struct sql_text *text, struct err *e) {
  return plain((struct driver_sqlite *)base, text->sqlite, e);
}

/* ---- transactions --------------------------------------------------------------------------------------------------------------------- */

/* SQLite goes on with a file that was removed, and all of it would be gone with the process. */
static int still_there(struct driver_sqlite *d, struct err *e) {
  struct stat st;
  if (d->file.st_ino == 0 || (stat(d->base.place, &st) == 0 && st.st_ino == d->file.st_ino && st.st_dev == d->file.st_dev))
    return 0;
  err_set(e, ETL_E_PERMANENT, "state store %s: its file was removed or replaced while it was open", d->base.place);
  return err_remedy(e, "stop the host, bring the right file back, and start it again");
}

static int sqlite_begin(struct driver *base, enum access access, struct err *e) {
  struct driver_sqlite *d = (struct driver_sqlite *)base;
  static const char *const texts[] = {
    [ACCESS_READ] = "BEGIN",
    [ACCESS_LIGHT] = "PRAGMA synchronous = NORMAL; BEGIN IMMEDIATE",
    [ACCESS_WRITE] = "PRAGMA synchronous = FULL; BEGIN IMMEDIATE",
  };
  return access != ACCESS_READ && still_there(d, e) < 0 ? -1 : plain(d, texts[access], e);
}

static void sqlite_rollback(struct driver *base) {
  struct driver_sqlite *d = (struct driver_sqlite *)base;
  if (d->db && !sqlite3_get_autocommit(d->db))
    sqlite3_exec(d->db, "ROLLBACK", NULL, NULL, NULL);
}

static int sqlite_commit(struct driver *base, struct err *e) {
  if (plain((struct driver_sqlite *)base, "COMMIT", e) == 0)
    return 0;
  sqlite_rollback(base);
  return -1;
}

/* ---- opening -------------------------------------------------------------------------------------------------------------------------- */

static void sqlite_close(struct driver *base) {
  struct driver_sqlite *d = (struct driver_sqlite *)base;
  sqlite_rollback(base);
  for (size_t i = 0; i < SQL_N; i++)
    sqlite3_finalize(d->stmts[i]);
  sqlite3_close(d->db);
  if (d->lock_fd >= 0)
    close(d->lock_fd);
  mem_free_ptr(&d->base.place);
  mem_free_ptr(&d);
}

static const struct driver_api api = {sqlite_begin, sqlite_commit, sqlite_rollback, sqlite_run, sqlite_script, sqlite_close};

/* SQLite says no more than "unable to open database file". */
static int look_at_file(struct driver_sqlite *d, enum store_use use, struct err *e) {
  struct stat st;
  if (stat(d->base.place, &st) == 0) {
    if (!S_ISDIR(st.st_mode))
      return 0;
    err_set(e, ETL_E_CONFIG, "state store %s: it is a folder", d->base.place);
    return err_remedy(e, "name a file in it");
  }
  if (errno != ENOENT && errno != ENOTDIR) {
    err_set(e, ETL_E_CONFIG, "state store %s: %s", d->base.place, strerror(errno));
    return err_remedy(e, "let the user that etl runs as read its folder");
  }
  if (use == STORE_READ) {
    err_set(e, ETL_E_UNSUPPORTED, "there is no state store %s yet", d->base.place);
    return err_remedy(e, "'etl serve' makes it, or correct 'state'");
  }
  cleanup_free char *folder = xstrdup(d->base.place);
  char *slash = strrchr(folder, '/');
  if (slash)
    slash[slash == folder] = 0;
  if (!slash || stat(folder, &st) == 0)
    return 0;
  err_set(e, ETL_E_CONFIG, "state store %s: there is no folder %s", d->base.place, folder);
  return err_remedy(e, "make it, for the user that etl runs as: mkdir -p '%s'", folder);
}

static int want_wal(struct driver_sqlite *d, struct err *e) {
  sqlite3_stmt *stmt = NULL;
  char mode[16] = "";
  int code = sqlite3_prepare_v2(d->db, "PRAGMA journal_mode = WAL", -1, &stmt, NULL);
  if (code == SQLITE_OK && (code = sqlite3_step(stmt)) == SQLITE_ROW)
    snprintf(mode, sizeof mode, "%s", (const char *)sqlite3_column_text(stmt, 0));
  int ended = sqlite3_finalize(stmt);
  if (code != SQLITE_ROW)
    return fail(d, ended == SQLITE_OK ? code : ended, e);
  if (strcmp(mode, "wal") == 0)
    return 0;
  err_set(e, ETL_E_CONFIG, "state store %s: the file system it lies on has no shared memory (journal mode stays '%s')", d->base.place, mode);
  return err_remedy(e, "put it on a local disk; several machines share a store in PostgreSQL");
}

static int check_pages(struct driver_sqlite *d, struct err *e) {
  sqlite3_stmt *stmt = NULL;
  char said[200] = "";
  int code = sqlite3_prepare_v2(d->db, "PRAGMA quick_check(1)", -1, &stmt, NULL);
  if (code == SQLITE_OK && (code = sqlite3_step(stmt)) == SQLITE_ROW)
    snprintf(said, sizeof said, "%s", (const char *)sqlite3_column_text(stmt, 0));
  int ended = sqlite3_finalize(stmt);
  if (code != SQLITE_ROW)
    return fail(d, ended == SQLITE_OK ? code : ended, e);
  if (strcmp(said, "ok") == 0)
    return 0;
  fail(d, SQLITE_CORRUPT, e);
  struct err full = *e;
  return err_set(e, full.error_class, "state store %s: it is damaged (%s)", d->base.place, said), err_remedy(e, "%s", full.remedy);
}

static int open_file(struct driver_sqlite *d, enum store_use use, struct err *e) {
  int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE | (use == STORE_READ ? 0 : SQLITE_OPEN_CREATE);
  int code = sqlite3_open_v2(d->base.place, &d->db, flags, NULL), on = 1;
  if (code != SQLITE_OK)
    return fail(d, code, e);
  static const int switches[][2] = {{SQLITE_DBCONFIG_DQS_DML, 0}, {SQLITE_DBCONFIG_DQS_DDL, 0}, {SQLITE_DBCONFIG_DEFENSIVE, 1},
                                    {SQLITE_DBCONFIG_ENABLE_FKEY, 1}, {SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0}};
  for (size_t i = 0; i < sizeof switches / sizeof *switches; i++)
    sqlite3_db_config(d->db, switches[i][0], switches[i][1], (int *)NULL);
  sqlite3_busy_timeout(d->db, use == STORE_SERVE ? WAIT_SERVING_MS : WAIT_COMMAND_MS);
  /* With -wal and -shm left in place a user who may only read the folder can read the store while no host runs. */
  sqlite3_file_control(d->db, "main", SQLITE_FCNTL_PERSIST_WAL, &on);
  if (plain(d, "SELECT count(*) FROM sqlite_schema", e) < 0 || plain(d, "PRAGMA journal_size_limit = 67108864", e) < 0)
    return -1;
  if (use != STORE_READ && sqlite3_db_readonly(d->db, "main") == 1)
    return fail(d, SQLITE_READONLY, e);
  if (use != STORE_READ && want_wal(d, e) < 0)
    return -1;
  if (use == STORE_SERVE && check_pages(d, e) < 0)
    return -1;
  return stat(d->base.place, &d->file) == 0 ? 0 : fail(d, SQLITE_CANTOPEN, e);
}

int driver_sqlite_open(const char *url, enum store_use use, struct err *e, struct driver **ret) {
  struct driver_sqlite *d = xcalloc(1, sizeof *d);
  d->base = (struct driver){.api = &api, .place = xstrdup(url + strlen("sqlite://")), .exclusive = true};
  d->lock_fd = -1;
  d->opening = true;
  int rc = look_at_file(d, use, e);
  if (rc == 0 && use == STORE_SERVE) {
    cleanup_free char *real = realpath(d->base.place, NULL), *path = xasprintf("%s.lock", real ? real : d->base.place);
    d->lock_fd = lock_take(path, d->base.place, e);
    rc = d->lock_fd < 0 ? -1 : 0;
  }
  if (rc == 0)
    rc = open_file(d, use, e);
  d->opening = false;
  if (rc < 0) {
    sqlite_close(&d->base);
    return -1;
  }
  *ret = &d->base;
  return 0;
}
