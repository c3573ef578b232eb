/* Connections.  A lock of another process is waited for in small steps through the host, so that cancelling does not wait with it; long
 * statements are interrupted by the progress handler. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "database.h"

enum {
  OPS_BETWEEN_LOOKS = 10000, /* steps of SQLite's machine until cancelled() is asked */
  WAIT_MS = 5,
  OWN_MS = 1000,     /* after so long a wait, maybe it is for a reader of this run, which waits for us */
  TELL_MS = 10000,   /* so long a wait is worth a word */
  TURN_MS = 500      /* after so long others get a turn */
};

int32_t database_init(struct database *d, const struct etl_host *h, const char *path, int64_t busy_ns) {
  *d = (struct database){.host = h, .path = strdup(path), .busy_ms = (uint64_t)(busy_ns / 1000000)};
  return d->path ? ETL_OK : database_no_memory(d);
}

void database_close(struct database *d) {
  sqlite3_close(d->db);
  d->db = NULL;
}

void database_fini(struct database *d) {
  database_close(d);
  free(d->path);
  d->path = NULL;
}

int32_t database_no_memory(const struct database *d) {
  struct etl_error e = ETL_ERROR(ETL_E_PERMANENT);
  return etl_failf(d->host, &e, "sqlite: no memory");
}

bool database_exists(const struct database *d) {
  struct stat st;
  return stat(d->path, &st) == 0;
}

/* Whether this process reads the file that it waits to write, in a mode in which the one shuts out the other.  With a journal of the WAL
 * mode it does not.  What has to be asked is the process: the reader may be another connector's. */
static bool is_read_here(const struct database *d) {
  struct stat file, st;
  char *wal = sqlite3_mprintf("%s-wal", d->path);
  bool shared = !wal || stat(wal, &st) == 0, found = false;
  sqlite3_free(wal);
  DIR *dir = shared || sqlite3_db_readonly(d->db, "main") != 0 || stat(d->path, &file) < 0 ? NULL : opendir("/proc/self/fd");
  for (const struct dirent *e; dir && !found && (e = readdir(dir));) {
    int fd = (int)strtol(e->d_name, NULL, 10), flags = fcntl(fd, F_GETFL);
    found = flags >= 0 && (flags & O_ACCMODE) == O_RDONLY && fstat(fd, &st) == 0 && st.st_dev == file.st_dev && st.st_ino == file.st_ino;
  }
  if (dir)
    closedir(dir);
  return found;
}

static int wait_for_lock(void *arg, int times) {
  struct database *d = arg;
  if (times == 0) {
    d->waited_ms = 0;
    d->read_here = false;
  }
  if (d->waited_ms >= d->busy_ms || d->host->sleep_ms(d->host, WAIT_MS) != ETL_OK)
    return 0;
  d->waited_ms += WAIT_MS;
  if (d->waited_ms == OWN_MS && (d->read_here = is_read_here(d)))
    return 0;
  if (d->waited_ms == TELL_MS)
    etl_logf(d->host, ETL_LOG_INFO, "sqlite: %s: waiting for another writer since %d s", d->path, TELL_MS / 1000);
  return 1;
}

static int look(void *arg) { return ((const struct etl_host *)arg)->cancelled(arg); }

/* SQLite says no more than "unable to open database file". */
static int32_t cannot_open(const struct database *d, int flags) {
  struct etl_error e = ETL_ERROR(ETL_E_CONFIG);
  struct stat st;
  e.option = "path";
  e.vendor_code = SQLITE_CANTOPEN;
  if (stat(d->path, &st) < 0 && errno == ENOENT) {
    e.remedy = flags & SQLITE_OPEN_CREATE ? "make its folder" : "correct path";
    return etl_failf(d->host, &e, flags & SQLITE_OPEN_CREATE ? "sqlite: %s cannot be made: its folder is not there" : "sqlite: there is no file %s", d->path);
  }
  if (stat(d->path, &st) == 0 && S_ISDIR(st.st_mode)) {
    e.remedy = "name a file in it";
    return etl_failf(d->host, &e, "sqlite: %s is a folder, not a database", d->path);
  }
  e.remedy = "let the user that etl runs as read and write the file and its folder (a database in WAL mode needs its -wal and -shm files)";
  return etl_failf(d->host, &e, "sqlite: %s cannot be opened: %s", d->path, strerror(errno));
}

static const char look_sql[] = "SELECT count(*) FROM sqlite_schema";

/* Undoes what a writer that was killed left in the file, as the next writer would. */
static bool recover(const struct database *d) {
  sqlite3 *db = NULL;
  bool done = sqlite3_open_v2(d->path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) == SQLITE_OK &&
              sqlite3_busy_timeout(db, (int)d->busy_ms) == SQLITE_OK && sqlite3_exec(db, look_sql, NULL, NULL, NULL) == SQLITE_OK;
  sqlite3_close(db);
  if (done)
    etl_logf(d->host, ETL_LOG_WARN, "sqlite: %s: a process was killed while it wrote; its unfinished transaction was undone (by %s-journal)", d->path, d->path);
  return done;
}

/* Whether it is a database shows only now. */
static int32_t look_at_file(struct database *d) {
  int code = sqlite3_exec(d->db, look_sql, NULL, NULL, NULL);
  if (code == SQLITE_READONLY_ROLLBACK && recover(d))
    code = sqlite3_exec(d->db, look_sql, NULL, NULL, NULL);
  if (code != SQLITE_READONLY_ROLLBACK)
    return code == SQLITE_OK ? ETL_OK : database_fail(d, code, "looking at it");
  struct etl_error e = ETL_ERROR(ETL_E_CONFIG);
  e.vendor_code = code;
  e.remedy = "read it once as somebody who may write the file and its folder, for instance by sqlite3 FILE .schema: that undoes the transaction; "
             "keep the -journal, without it the file is damaged";
  return etl_failf(d->host, &e, "sqlite: %s: a process was killed while it wrote, and its unfinished transaction has to be undone (by %s-journal) before "
                                "anybody reads, which this user may not do", d->path, d->path);
}

int32_t database_open(struct database *d, int flags) {
  if (d->db)
    return ETL_OK;
  struct stat st;
  if (stat(d->path, &st) == 0 && S_ISDIR(st.st_mode))
    return cannot_open(d, flags);
  int code = sqlite3_open_v2(d->path, &d->db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
  if (code != SQLITE_OK) {
    database_close(d);
    return (code & 0xff) == SQLITE_NOMEM ? database_no_memory(d) : cannot_open(d, flags);
  }
  static const int switches[][2] = {{SQLITE_DBCONFIG_DQS_DML, 0}, {SQLITE_DBCONFIG_DQS_DDL, 0}, {SQLITE_DBCONFIG_DEFENSIVE, 1},
                                    {SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0}, {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0}};
  for (size_t i = 0; i < sizeof switches / sizeof *switches; i++)
    sqlite3_db_config(d->db, switches[i][0], switches[i][1], (int *)NULL);
  sqlite3_limit(d->db, SQLITE_LIMIT_ATTACHED, 0);
  sqlite3_busy_handler(d->db, wait_for_lock, d);
  sqlite3_progress_handler(d->db, OPS_BETWEEN_LOOKS, look, (void *)(uintptr_t)d->host);
  return look_at_file(d);
}

/* ---- errors ---------------------------------------------------------------------------------------------------------------------- */

static const struct {
  int code;
  uint32_t class;
  const char *remedy;
} meanings[] = {
    {SQLITE_BUSY, ETL_E_RETRYABLE, "another process holds its lock: wait for it, or raise busy_timeout"},
    {SQLITE_LOCKED, ETL_E_RETRYABLE, "another connection holds its lock: wait for it, or raise busy_timeout"},
    {SQLITE_FULL, ETL_E_PERMANENT, "free space on its disk (or raise max_page_count), then run again: nothing of the epoch is there"},
    {SQLITE_CORRUPT, ETL_E_PERMANENT, "the file is damaged: look with PRAGMA integrity_check, restore it, or save what is left with .recover"},
    {SQLITE_NOTADB, ETL_E_CONFIG, "the file is no database of SQLite, or it is encrypted: correct path"},
    {SQLITE_READONLY, ETL_E_CONFIG, "let the user that etl runs as write the file and its folder"},
    {SQLITE_PERM, ETL_E_CONFIG, "let the user that etl runs as write the file and its folder"},
    {SQLITE_CANTOPEN, ETL_E_CONFIG, "let the user that etl runs as write the file and its folder"},
    {SQLITE_IOERR, ETL_E_RETRYABLE, "look at its disk"},
    {SQLITE_CONSTRAINT, ETL_E_DATA, NULL},
    {SQLITE_MISMATCH, ETL_E_DATA, NULL},
    {SQLITE_TOOBIG, ETL_E_DATA, NULL},
    {SQLITE_SCHEMA, ETL_E_RETRYABLE, "the tables were changed meanwhile"},
    {SQLITE_ERROR, ETL_E_SCHEMA, NULL},
};

bool database_is_of_row(int code) {
  return (code & 0xff) == SQLITE_CONSTRAINT || (code & 0xff) == SQLITE_MISMATCH || (code & 0xff) == SQLITE_TOOBIG;
}

int32_t database_fail(const struct database *d, int code, const char *doing) {
  struct etl_error e = ETL_ERROR(ETL_E_PERMANENT);
  if (d->host->cancelled(d->host) && ((code & 0xff) == SQLITE_INTERRUPT || (code & 0xff) == SQLITE_BUSY))
    return ETL_STOPPED;
  if ((code & 0xff) == SQLITE_NOMEM)
    return database_no_memory(d);
  e.vendor_code = code;
  for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++)
    if (meanings[i].code == (code & 0xff)) {
      e.error_class = meanings[i].class;
      e.remedy = meanings[i].remedy;
    }
  if ((code & 0xff) == SQLITE_BUSY && d->read_here) {
    e.error_class = ETL_E_CONFIG;
    e.remedy = "let readers and writers of it go side by side: sqlite3 FILE 'PRAGMA journal_mode = WAL'";
    return etl_failf(d->host, &e, "sqlite: %s: %s: this run reads the file as well, and each would wait for the other", d->path, doing);
  }
  return etl_failf(d->host, &e, "sqlite: %s: %s: %s", d->path, doing, d->db ? sqlite3_errmsg(d->db) : sqlite3_errstr(code));
}

int32_t database_fail_sql(const struct database *d, const char *option, const char *doing) {
  struct etl_error e = ETL_ERROR(ETL_E_CONFIG);
  int code = sqlite3_extended_errcode(d->db);
  if (code != SQLITE_ERROR)
    return database_fail(d, code, doing);
  e.option = option;
  e.vendor_code = code;
  return etl_failf(d->host, &e, "sqlite: %s: %s: %s", d->path, doing, sqlite3_errmsg(d->db));
}

/* ---- statements ------------------------------------------------------------------------------------------------------------------ */

int32_t database_run(struct database *d, const char *doing, const char *sql) {
  int code = sqlite3_exec(d->db, sql, NULL, NULL, NULL);
  return code == SQLITE_OK ? ETL_OK : database_fail(d, code, doing);
}

int32_t database_run_owned(struct database *d, const char *doing, char *sql) {
  int32_t rc = sql ? database_run(d, doing, sql) : database_no_memory(d);
  sqlite3_free(sql);
  return rc;
}

int32_t database_prepare(struct database *d, const char *doing, const char *sql, sqlite3_stmt **ret) {
  int code = sqlite3_prepare_v2(d->db, sql, -1, ret, NULL);
  return code == SQLITE_OK ? ETL_OK : database_fail(d, code, doing);
}

int32_t database_prepare_owned(struct database *d, const char *doing, char *sql, sqlite3_stmt **ret) {
  *ret = NULL;
  int32_t rc = sql ? database_prepare(d, doing, sql, ret) : database_no_memory(d);
  sqlite3_free(sql);
  return rc;
}

void database_bind(sqlite3_stmt *stmt, int n, const char *const *texts) {
  for (int i = 0; i < n; i++)
    sqlite3_bind_text(stmt, i + 1, texts[i], -1, SQLITE_STATIC);
}

int32_t database_step(struct database *d, const char *doing, sqlite3_stmt *stmt, bool *ret_row) {
  int code = sqlite3_step(stmt);
  *ret_row = code == SQLITE_ROW;
  return code == SQLITE_ROW || code == SQLITE_DONE ? ETL_OK : database_fail(d, code, doing);
}

int32_t database_begin(struct database *d) {
  int32_t rc = database_run(d, "beginning a transaction", "BEGIN IMMEDIATE");
  d->began_ns = rc == ETL_OK ? d->host->now_ns(d->host, ETL_CLOCK_MONOTONIC) : 0;
  return rc;
}

void database_held(struct database *d) {
  if (d->began_ns)
    d->held_ns += d->host->now_ns(d->host, ETL_CLOCK_MONOTONIC) - d->began_ns;
  d->began_ns = 0;
}

/* SQLite hands its lock to whoever asks first, and that would nearly always be the one who just gave it away: the others look only now
 * and then. */
int32_t database_yield(struct database *d) {
  if (d->held_ns < TURN_MS * INT64_C(1000000))
    return ETL_OK;
  d->held_ns = 0;
  return d->host->sleep_ms(d->host, 3 * WAIT_MS);
}

void database_rollback(struct database *d) {
  if (d->db && !sqlite3_get_autocommit(d->db))
    sqlite3_exec(d->db, "ROLLBACK", NULL, NULL, NULL);
}
