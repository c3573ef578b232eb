/* What can happen to a file: it is shared, damaged, taken away, not to be written, and its disk is full. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <sched.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "docs.h"
#include "fixture.h"

TestSuite(store_sqlite, .init = enter, .fini = leave, .timeout = 60);

static void sql(const char *file, const char *text) {
  sqlite3 *db;
  cr_assert_eq(sqlite3_open(file, &db), SQLITE_OK);
  cr_assert_eq(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK, "%s: %s", text, sqlite3_errmsg(db));
  sqlite3_close(db);
}

static void url_of(const char *path) { snprintf(store_url, sizeof store_url, "sqlite://%s", path); }

/* ---- sharing ------------------------------------------------------------------------------------------------------------------------------ */

Test(store_sqlite, one_host_at_a_time) {
  struct store *s = opened("a", STORE_SERVE), *second;
  REFUSED(store_open(store_url, STORE_SERVE, "b", T0, &err, &second), ETL_E_CONFIG, "in use by another host");
  cr_expect_not_null(strstr(err.message, arena_printf(arena, "process %ld on ", (long)getpid())), "%s", err.message);
  cr_assert_eq(symlink("etl.db", "other.db"), 0);
  url_of(arena_printf(arena, "%s/other.db", tmpdir_path));
  REFUSED(store_open(store_url, STORE_SERVE, "b", T0, &err, &second), ETL_E_CONFIG, "in use by another host");
  store_close(s);
  store_close(opened("b", STORE_SERVE));
}

Test(store_sqlite, the_lock_of_a_killed_host_is_gone) {
  int pipe_fds[2];
  char byte;
  cr_assert_eq(pipe(pipe_fds), 0);
  pid_t child = fork_bound();
  if (child == 0) {
    opened("a", STORE_SERVE);
    if (write(pipe_fds[1], "x", 1) == 1)
      pause();
    _exit(1);
  }
  cr_assert_eq(read(pipe_fds[0], &byte, 1), 1);
  struct store *s;
  REFUSED(store_open(store_url, STORE_SERVE, "b", T0, &err, &s), ETL_E_CONFIG, arena_printf(arena, "process %ld on ", (long)child));
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
  store_close(opened("b", STORE_SERVE));
}

Test(store_sqlite, what_any_host_left_behind_is_taken_over) {
  struct store *s = opened("a", STORE_SERVE);
  enqueue(s, due("1", "p", 0));
  size_t n;
  claim(s, 5, 1, &n);
  store_close(s);
  s = opened("b", STORE_SERVE); /* the machine has another name now */
  struct store_run *left;
  OK(store_reap(s, T0 + 6 * SECOND, T0 + 36 * SECOND, arena, &left, &n, &err));
  cr_assert_eq(n, 1);
  cr_expect_str_eq(left->host, "a");
  store_close(s);
}

Test(store_sqlite, commands_beside_a_host) {
  struct store *s = opened("a", STORE_SERVE), *reader = opened("cli", STORE_READ), *writer = opened("cli", STORE_WRITE);
  enqueue(s, due("1", "p", 0));
  cr_expect_str_eq(got(reader, "1")->state, "queued");
  OK(store_pause(writer, "p", true, T0, &err));
  size_t n;
  claim(s, 1, 1, &n);
  cr_expect_eq(n, 0);
  store_close(reader);
  store_close(writer);
  store_close(s);
}

Test(store_sqlite, somebody_holds_its_lock) {
  struct store *s = opened("a", STORE_SERVE);
  sqlite3 *db;
  cr_assert_eq(sqlite3_open("etl.db", &db), SQLITE_OK);
  cr_assert_eq(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
  struct store_run r = due("1", "p", 0);
  REFUSED(store_enqueue(s, &r, 1, false, T0, NULL, &err), ETL_E_RETRYABLE, "lock");
  sqlite3_close(db);
  enqueue(s, r);
  store_close(s);
}

static void documented(const char *query) { sql("etl.db", query); }

Test(store_sqlite, the_documented_queries) {
  struct store *s = opened("a", STORE_SERVE);
  cr_expect_geq(docs_each(documented), 6);
  store_close(s);
}

static int only_row(void *arg, int n, char **cells, char **names) {
  (void)names;
  for (int i = 0; i < n; i++)
    strncat(arg, arena_printf(arena, "%s;", cells[i] ? cells[i] : "NULL"), 200);
  return 0;
}

Test(store_sqlite, readable_times) {
  struct store *s = opened("a", STORE_SERVE);
  struct store_run r = due("1", "p", 0);
  r.due_ns += 250 * 1000000;
  r.state = "skipped";
  r.started_ns = T0 + SECOND;
  r.ended_ns = T0 + 3 * SECOND + 500 * 1000000;
  enqueue(s, r);
  store_close(s);
  sqlite3 *db;
  char text[500] = "";
  cr_assert_eq(sqlite3_open("etl.db", &db), SQLITE_OK);
  cr_assert_eq(sqlite3_exec(db, "SELECT due, started, ended, seconds, window_to FROM runs", only_row, text, NULL), SQLITE_OK);
  sqlite3_close(db);
  cr_expect_str_eq(text, "2023-11-14 22:13:20.250;2023-11-14 22:13:21.000;2023-11-14 22:13:23.500;2.5;NULL;");
}

/* ---- files that are not right ------------------------------------------------------------------------------------------------------------- */

Test(store_sqlite, not_a_store) {
  struct store *s;
  tmpdir_write("text.db", "%s",
               "This is a text, long enough to be taken for the head of a database; it is none, though, and never was one, not at all.\n");
  url_of(arena_printf(arena, "%s/text.db", tmpdir_path));
  REFUSED(store_open(store_url, STORE_SERVE, "a", T0, &err, &s), ETL_E_CONFIG, "no database of SQLite");
  sql("shop.db", "CREATE TABLE pipelines (x)");
  url_of(arena_printf(arena, "%s/shop.db", tmpdir_path));
  REFUSED(store_open(store_url, STORE_SERVE, "a", T0, &err, &s), ETL_E_CONFIG, "not those of a state store");
  cr_assert_eq(mkdir("folder", 0755), 0);
  url_of(arena_printf(arena, "%s/folder", tmpdir_path));
  REFUSED(store_open(store_url, STORE_SERVE, "a", T0, &err, &s), ETL_E_CONFIG, "is a folder");
  url_of(arena_printf(arena, "%s/no/etl.db", tmpdir_path));
  REFUSED(store_open(store_url, STORE_SERVE, "a", T0, &err, &s), ETL_E_CONFIG, "there is no folder");
  cr_expect_not_null(strstr(err.remedy, "mkdir"));
}

Test(store_sqlite, a_damaged_store) {
  struct store *s = opened("a", STORE_SERVE);
  for (int i = 0; i < 200; i++)
    enqueue(s, due(arena_printf(arena, "run-%d", i), "p", i));
  store_close(s);
  sql("etl.db", "PRAGMA wal_checkpoint(TRUNCATE)");
  struct stat st;
  cr_assert_eq(stat("etl.db", &st), 0);
  int fd = open("etl.db", O_WRONLY);
  char junk[4096];
  memset(junk, 0xa5, sizeof junk);
  for (off_t at = 4096; at < st.st_size; at += 8192)
    cr_assert_eq(pwrite(fd, junk, sizeof junk, at), (ssize_t)sizeof junk);
  close(fd);
  REFUSED(store_open(store_url, STORE_SERVE, "a", T0, &err, &s), ETL_E_PERMANENT, "damaged");
  cr_expect_not_null(strstr(err.remedy, ".recover"));
}

Test(store_sqlite, damaged_while_it_is_open) {
  struct store *s = opened("a", STORE_SERVE);
  for (int i = 0; i < 200; i++)
    enqueue(s, due(arena_printf(arena, "run-%d", i), "p", i));
  store_close(s);
  sql("etl.db",
      "PRAGMA wal_checkpoint(TRUNCATE); PRAGMA writable_schema = ON; UPDATE sqlite_schema SET rootpage = 2 WHERE name = 'pipeline_runs_pipeline'");
  struct store_run *r;
  size_t n;
  s = opened("a", STORE_READ);
  REFUSED(store_list(s, &(struct store_filter){.pipeline = "p"}, arena, &r, &n, &err), ETL_E_PERMANENT, "damaged");
  store_close(s);
}

Test(store_sqlite, its_file_is_taken_away) {
  struct store *s = opened("a", STORE_SERVE);
  cr_assert_eq(unlink("etl.db"), 0);
  struct store_run r = due("1", "p", 0);
  REFUSED(store_enqueue(s, &r, 1, false, T0, NULL, &err), ETL_E_PERMANENT, "removed or replaced");
  store_close(s);
}

/* ---- files that may not be written -------------------------------------------------------------------------------------------------------- */

/* What `check` finds as a user who owns nothing here; it is the code of a process of its own. */
static void as_nobody(void (*check)(void)) {
  pid_t child = fork_bound();
  if (child == 0) {
    if (setuid(65534) < 0 || access(".", X_OK) < 0)
      _exit(77); /* not root, or a folder above is not for everybody */
    check();
    _exit(0);
  }
  int status;
  cr_assert_eq(waitpid(child, &status, 0), child);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
    cr_skip_test("this needs root, and a folder that others may enter");
  cr_assert_eq(status, 0, "%x", status);
}

static void expect(bool good, const char *what) {
  if (good)
    return;
  fprintf(stderr, "%s: class %s: %s\n", what, err_class_name(err.error_class), err.message);
  _exit(1);
}

static void refused_to_nobody(void) {
  struct store *s;
  expect(store_open(store_url, STORE_SERVE, "n", T0, &err, &s) < 0 && err.error_class == ETL_E_CONFIG, "serving");
  expect(store_open(store_url, STORE_WRITE, "n", T0, &err, &s) < 0 && err.error_class == ETL_E_CONFIG, "writing");
  expect(strstr(err.message, "cannot be written") != NULL && strstr(err.remedy, "read-only") != NULL, "the message of writing");
}

static void read_by_nobody(void) {
  struct store *s;
  struct store_run *r = NULL;
  size_t n = 0;
  expect(store_open(store_url, STORE_READ, "n", T0, &err, &s) == 0, "opening to read");
  expect(store_get(s, "1", arena, &r, &n, &err) == 0 && n == 1, "reading");
  expect(store_pause(s, "p", true, T0, &err) < 0 && strstr(err.message, "cannot be written (attempt to"), "writing what was opened to read");
  store_close(s);
}

Test(store_sqlite, whoever_may_only_read) {
  struct store *s = opened("a", STORE_SERVE);
  chmod(tmpdir_path, 0755);
  chmod("etl.db", 0644);
  enqueue(s, due("1", "p", 0));
  as_nobody(read_by_nobody);
  store_close(s);
  as_nobody(read_by_nobody); /* no host runs */
  as_nobody(refused_to_nobody);
}

/* ---- a full disk -------------------------------------------------------------------------------------------------------------------------- */

static void file_limit(rlim_t bytes) {
  struct rlimit l;
  cr_assert_eq(getrlimit(RLIMIT_FSIZE, &l), 0);
  l.rlim_cur = bytes;
  cr_assert_eq(setrlimit(RLIMIT_FSIZE, &l), 0);
}

Test(store_sqlite, a_file_that_may_not_grow) {
  struct store *s = opened("a", STORE_SERVE);
  enqueue(s, due("0", "p", 0));
  signal(SIGXFSZ, SIG_IGN);
  struct stat st;
  cr_assert_eq(stat("etl.db-wal", &st), 0);
  file_limit((rlim_t)st.st_size + 3000); /* not even half a page more */
  struct store_run r = due("1", "p", 1);
  for (int i = 0; i < 3; i++) {
    int rc = store_enqueue(s, &r, 1, false, T0, NULL, &err);
    cr_assert_eq(rc, -1);
    cr_expect_eq(err.error_class, (uint32_t)ETL_E_RETRYABLE, "%s", err.message);
    cr_expect_not_null(strstr(err.message, "disk"), "%s", err.message);
    struct store_run *none;
    size_t n;
    OK(store_get(s, "1", arena, &none, &n, &err));
    cr_expect_eq(n, 0);
  }
  cr_expect_str_eq(got(s, "0")->state, "queued", "what is there can be read");
  file_limit(RLIM_INFINITY);
  enqueue(s, r);
  cr_expect_str_eq(got(s, "1")->state, "queued");
  store_close(s);
}

/* At each size at which the log can end in the middle of the claim. */
Test(store_sqlite, a_claim_for_which_there_is_no_room) {
  enum { RUNS = 40, STEP = 1000 };
  const struct store_limits limits = {.max = RUNS};
  struct store *s = opened("a", STORE_SERVE);
  struct store_run *runs;
  struct stat st;
  size_t n = 0;
  int failed = 0;
  for (int i = 0; i < RUNS; i++)
    enqueue(s, due(arena_printf(arena, "%d", i), arena_printf(arena, "p%d", i), i % 5));
  signal(SIGXFSZ, SIG_IGN);
  cr_assert_eq(stat("etl.db-wal", &st), 0);
  for (rlim_t limit = (rlim_t)st.st_size; n == 0; limit += STEP) {
    file_limit(limit);
    int rc = store_claim(s, T0 + 9 * SECOND, T0 + 99 * SECOND, &limits, arena, &runs, &n, &err);
    file_limit(RLIM_INFINITY);
    if (rc == 0)
      break;
    failed++;
    REFUSED(rc, ETL_E_RETRYABLE, "disk");
    cr_assert_eq(n, 0);
    for (int i = 0; i < RUNS; i++)
      cr_assert_str_eq(got(s, arena_printf(arena, "%d", i))->state, "queued");
  }
  cr_expect_gt(failed, 5, "the log was to end within the claim, and did so %d times", failed);
  cr_expect_eq(n, (size_t)RUNS);
  store_close(s);
}

Test(store_sqlite, a_full_disk_and_space_again) {
  if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
      mount("tmpfs", tmpdir_path, "tmpfs", 0, "size=1m") < 0 || chdir(tmpdir_path) < 0)
    cr_skip_test("this needs the right to mount a small disk");
  struct store *s = opened("a", STORE_SERVE), *none;
  enqueue(s, due("0", "p", 0));
  static char junk[2 << 20];
  int fd = open("junk", O_WRONLY | O_CREAT, 0600), rc = 0, tried = 0;
  cr_expect_lt(write(fd, junk, sizeof junk), (ssize_t)sizeof junk);
  while (rc == 0 && tried++ < 100) { /* what is left of the last page may still take one */
    struct store_run r = due(arena_printf(arena, "%d", tried), "p", tried);
    rc = store_enqueue(s, &r, 1, false, T0, NULL, &err);
  }
  REFUSED(rc, ETL_E_RETRYABLE, "its disk is full");
  cr_expect_str_eq(got(s, "0")->state, "queued", "what is there can be read");
  snprintf(store_url, sizeof store_url, "sqlite://%s/other.db", tmpdir_path);
  REFUSED(store_open(store_url, STORE_SERVE, "a", T0, &err, &none), ETL_E_RETRYABLE, "");
  cr_assert_eq(unlink("junk"), 0);
  close(fd);
  enqueue(s, due(arena_printf(arena, "%d", tried), "p", tried));
  store_close(s);
  store_close(opened("a", STORE_SERVE));
  cr_assert_eq(chdir("/"), 0);
  umount(tmpdir_path);
}
