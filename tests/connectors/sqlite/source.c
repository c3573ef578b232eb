/* sqlite.so as an extractor, through its ABI. */
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "desk.h"
#include "tap.h"

#define IN_FILE(...) OPTIONS("path", "@/t.db", __VA_ARGS__)

/* Statements in the folder's database. */
static void sql(struct desk *d, const char *text) {
  char path[256], *why = NULL;
  sqlite3 *db;
  snprintf(path, sizeof path, "%s/t.db", d->dir);
  if (sqlite3_open(path, &db) != SQLITE_OK || sqlite3_exec(db, text, NULL, NULL, &why) != SQLITE_OK) {
    fprintf(stderr, "wrong test: %s: %s\n", text, why);
    exit(99);
  }
  sqlite3_close(db);
}

static void types(struct tap *t) {
  struct desk d;
  desk_init(&d, "sqlite");
  sql(&d, "CREATE TABLE t (i INTEGER PRIMARY KEY, s VARCHAR(10), f DOUBLE, b BLOB, o BOOLEAN, d DATE, at DATETIME, p DECIMAL(12,2), w DECIMAL_TEXT(30,4), "
          "u UUID, j JSON, x, tm TIME, z TIMESTAMPTZ);"
          "INSERT INTO t VALUES (1, 'a', 1.5, x'00ff', 1, '2024-02-29', '2024-02-29 10:00:00.5', 12.35, '12345678901234567890.1234', "
          "'00112233-4455-6677-8899-aabbccddeeff', '{\"a\":1}', 'any', '23:59:59', '2024-05-01 10:00:00+02:00');"
          "INSERT INTO t (i) VALUES (9223372036854775807);");
  CHECK(t, desk_read(&d, IN_FILE("table", "t")) == ETL_OK);
  CHECK_TEXT(t, d.types, "i:l s:u f:g b:z o:b d:tdD at:tsu: p:d:12,2 w:d:30,4 u:w:16 j:u x:u tm:ttu z:tsu:UTC");
  CHECK(t, d.rows_n == 2 && d.t.bad_n == 0);
  CHECK_HAS(t, d.rows, "{\"i\": 1, \"s\": \"a\", \"f\": 1.5, \"b\": \"\\\\x00ff\", \"o\": true, \"d\": \"2024-02-29\", \"at\": \"2024-02-29T10:00:00.5\", "
                       "\"p\": \"12.35\", \"w\": \"12345678901234567890.1234\", \"u\": \"00112233-4455-6677-8899-aabbccddeeff\"");
  CHECK_HAS(t, d.rows, "\"x\": \"any\", \"tm\": \"23:59:59\", \"z\": \"2024-05-01T08:00:00Z\"}");
  CHECK_HAS(t, d.rows, "{\"i\": 9223372036854775807, \"s\": null");
  CHECK_TEXT(t, d.stream_name, "t");
  desk_fini(&d);
}

/* SQLite takes any value in any column; what is not of the column's type is set aside with its place. */
static void misfits(struct tap *t) {
  static const char *const bad[][2] = {{"i", "'abc'"},    {"i", "1.5"},          {"f", "'x'"},          {"f", "9007199254740993"}, {"o", "7"},
                                       {"d", "'2024-13-01'"}, {"at", "1700000000"}, {"p", "1.005"},     {"p", "'99999999999'"},    {"u", "'zz'"},
                                       {"s", "x'ff'"},    {"s", "CAST(x'61ff' AS TEXT)"},    {"at", "'2024-01-01T00:00:00Z'"}};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    struct desk d;
    char text[512];
    desk_init(&d, "sqlite");
    sql(&d, "CREATE TABLE t (id INTEGER PRIMARY KEY, i INT, f, o BOOL, d DATE, at TIMESTAMP, p DECIMAL(9,2), u UUID, s TEXT);"
            "INSERT INTO t (id, f) VALUES (3, 0.5), (8, 1)");
    snprintf(text, sizeof text, "INSERT INTO t (id, %s) VALUES (5, %s)", bad[i][0], bad[i][1]);
    sql(&d, text);
    int32_t rc = desk_read(&d, IN_FILE("table", "t", "cursor", "id"));
    snprintf(text, sizeof text, "sqlite: t, rowid 5: the value in column \"%s\": ", bad[i][0]);
    bool ok = rc == ETL_OK && d.rows_n == 2 && d.t.bad_n == 1 && strstr(d.t.bad[0].message, text) && strstr(d.t.bad[0].raw, "\"id\":5");
    tap_check(t, ok, __FILE__, __LINE__, "%s in column %s is set aside", bad[i][1], bad[i][0]);
    if (!ok)
      printf("# got %zu rows, %zu bad: %s %s %s\n", d.rows_n, d.t.bad_n, d.t.bad[0].message, d.t.bad[0].raw, d.t.message);
    desk_fini(&d);
  }
}

static void cursors(struct tap *t) {
  struct desk d;
  desk_init(&d, "sqlite");
  sql(&d, "CREATE TABLE t (at TEXT COLLATE NOCASE, id INTEGER); INSERT INTO t VALUES ('A', 1), ('a', 1), ('a', 2), ('b', 1), ('C', 9)");
  d.want_rows = 1;
  CHECK(t, desk_read(&d, IN_FILE("table", "t", "cursor", "at|id")) == ETL_OK && d.rows_n == 5);
  CHECK(t, desk_read(&d, IN_FILE("table", "t", "cursor", "at|id")) == ETL_OK && d.rows_n == 0);
  sql(&d, "INSERT INTO t VALUES ('b', 2), ('a', 7)");
  CHECK(t, desk_read(&d, IN_FILE("table", "t", "cursor", "at|id")) == ETL_OK && d.rows_n == 1);
  CHECK(t, desk_has_row(&d, "{\"at\": \"b\", \"id\": 2}"));
  CHECK(t, desk_read(&d, IN_FILE("table", "t", "cursor", "id")) == ETL_FAILED && d.t.error.error_class == ETL_E_CONFIG);
  CHECK_HAS(t, d.t.message, "belongs to another cursor");
  desk_fini(&d);
}

/* Rows with the same values are never parted by a safe point: a run that dies between them reads them all again. */
static void equal_cursors(struct tap *t) {
  struct desk d;
  desk_init(&d, "sqlite");
  sql(&d, "CREATE TABLE t (day INT, x INT); INSERT INTO t VALUES (1, 1), (1, 2), (1, 3), (2, 4), (2, 5)");
  d.want_rows = 2;
  d.stop_after = 2;
  CHECK(t, desk_read(&d, IN_FILE("table", "t", "cursor", "day")) == ETL_OK);
  d.stop_after = 0;
  CHECK(t, desk_read(&d, IN_FILE("table", "t", "cursor", "day")) == ETL_OK && d.rows_n == 5);
  desk_fini(&d);
}

static void kinds_of_cursor(struct tap *t) {
  static const char *const values[][2] = {{"1", "2"}, {"1.25", "1.5"}, {"'a''b'", "'b'"}, {"x'00ff'", "x'01'"}};
  for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
    struct desk d;
    char text[256];
    desk_init(&d, "sqlite");
    snprintf(text, sizeof text, "CREATE TABLE t (c, n INT); INSERT INTO t VALUES (%s, 1)", values[i][0]);
    sql(&d, text);
    bool ok = desk_read(&d, IN_FILE("table", "t", "cursor", "c")) == ETL_OK && d.rows_n == 1;
    snprintf(text, sizeof text, "INSERT INTO t VALUES (%s, 2), (NULL, 3)", values[i][1]);
    sql(&d, text);
    ok = ok && desk_read(&d, IN_FILE("table", "t", "cursor", "c")) == ETL_OK && d.rows_n == 1 && strstr(d.rows, "\"n\": 2") &&
         testhost_logged(&d.t, ETL_LOG_WARN, "NULL in the cursor column \"c\"");
    tap_check(t, ok, __FILE__, __LINE__, "a cursor at %s", values[i][0]);
    desk_fini(&d);
  }
}

/* Options of a table t with the column at as its cursor, bounds, and the ids that are in between; NULL: what is said against them. */
static void ranges(struct tap *t) {
  static const struct {
    const char *type, *values, *from, *to, *ids, *why;
  } cases[] = {
      {"INTEGER", "(1, 10), (2, 9), (3, 100), (4, NULL)", "9", "100", "21", NULL},
      {"INTEGER", "(1, 10), (2, 9), (3, 100)", NULL, "10", "2", NULL},
      {"REAL", "(1, 0.5), (2, 1.5), (3, 2)", "1.5", NULL, "23", NULL},
      {"DECIMAL(9,2)", "(1, 9.5), (2, 10.5)", "10", "11", "2", NULL},
      {"DATE", "(1, '2024-05-01'), (2, '2024-05-02')", "2024-05-02", NULL, "2", NULL},
      {"TIMESTAMP", "(1, '2024-05-01 23:59:59.9'), (2, '2024-05-02'), (3, '2024-05-02 10:00:00'), (4, '2024-05-03')", "2024-05-02", "2024-05-02T10:00:01", "23", NULL},
      {"TIMESTAMPTZ", "(1, '2024-05-02T10:00:00.5Z'), (2, '2024-05-02T10:00:01Z')", "2024-05-02 10:00:00Z", "2024-05-02 10:00:01", "1", NULL},
      {"TEXT COLLATE NOCASE", "(1, 'B'), (2, 'a'), (3, 'c')", "a", "c", "2", NULL},
      {"INTEGER", "(1, 10)", "x", NULL, NULL, "sqlite: the range begins at \"x\", which is no INTEGER as column \"at\" is"},
      {"INTEGER", "(1, 10)", "1", "", NULL, "sqlite: the range ends at \"\", which is no INTEGER as column \"at\" is"},
      {"TIMESTAMP", "(1, '2024-05-01')", "whenever", NULL, NULL, "sqlite: the range begins at \"whenever\", which is no TIMESTAMP as column \"at\" is"},
      {"TIMESTAMPTZ", "(1, '2024-05-01')", "2024-05-01 10:00+02:00", NULL, NULL, "sqlite: the range begins at \"2024-05-01 10:00+02:00\", which is no TIMESTAMPTZ as column \"at\" is"},
      {"DECIMAL_TEXT(30,2)", "(1, '9.5')", "9", NULL, NULL, "sqlite: the range begins at \"9\", which is no DECIMAL_TEXT(30,2) as column \"at\" is"},
      {"BLOB", "(1, x'00')", "00", NULL, NULL, "sqlite: the range begins at \"00\", which is no BLOB as column \"at\" is"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct desk d;
    char text[512], ids[16] = "";
    size_t n = 0;
    desk_init(&d, "sqlite");
    snprintf(text, sizeof text, "CREATE TABLE t (id INT, at %s); INSERT INTO t VALUES %s", cases[i].type, cases[i].values);
    sql(&d, text);
    d.range_from = cases[i].from;
    d.range_to = cases[i].to;
    d.want_rows = 1;
    int32_t rc = desk_read(&d, IN_FILE("table", "t", "cursor", "at"));
    for (const char *p = d.rows; rc == ETL_OK && (p = strstr(p, "{\"id\": ")) && n < sizeof ids - 1; p += 7)
      ids[n++] = p[7];
    bool ok = cases[i].why ? rc == ETL_FAILED && d.t.error.error_class == ETL_E_CONFIG && strcmp(d.t.message, cases[i].why) == 0
                           : rc == ETL_OK && strcmp(ids, cases[i].ids) == 0;
    tap_check(t, ok, __FILE__, __LINE__, "%s from %s to %s", cases[i].type, cases[i].from ? cases[i].from : "-", cases[i].to ? cases[i].to : "-");
    if (!ok)
      printf("# got %d %s %s\n", rc, ids, d.t.message);
    desk_fini(&d);
  }
}

/* Without a cursor the primary key tells; a range that was interrupted goes on. */
static void ranges_of_keys(struct tap *t) {
  struct desk d;
  desk_init(&d, "sqlite");
  sql(&d, "CREATE TABLE t (n INT, id INT, PRIMARY KEY (id, n)); CREATE TABLE u (n INT); INSERT INTO t VALUES (1, 1), (1, 2), (1, 3); INSERT INTO u VALUES (1), (2), (3)");
  d.range_from = "2";
  CHECK(t, desk_read(&d, IN_FILE("table", "t")) == ETL_OK && d.rows_n == 2);
  CHECK(t, desk_read(&d, IN_FILE("table", "t", "columns", "n")) == ETL_FAILED);
  CHECK_TEXT(t, d.t.message, "sqlite: t: a range goes by the primary key, but \"id\" is not read");
  CHECK(t, desk_read(&d, IN_FILE("table", "u")) == ETL_FAILED);
  CHECK_TEXT(t, d.t.message, "sqlite: u has no cursor and no primary key: a range has no column to go by");
  d.want_rows = 1;
  d.stop_after = 1;
  desk_forget(&d);
  CHECK(t, desk_read(&d, IN_FILE("table", "u", "cursor", "rowid")) == ETL_OK && d.rows_n == 1);
  d.stop_after = 0;
  d.range_to = "4";
  CHECK(t, desk_read(&d, IN_FILE("table", "u", "cursor", "rowid")) == ETL_OK && d.rows_n == 1 && desk_has_row(&d, "{\"n\": 3}"));
  desk_fini(&d);
}

static void streams(struct tap *t) {
  struct desk d;
  desk_init(&d, "sqlite");
  sql(&d, "CREATE TABLE t (a INT, b INT); INSERT INTO t VALUES (1, 10), (2, 20), (3, 30); CREATE VIEW v AS SELECT a, b * 2 AS twice FROM t");
  CHECK(t, desk_read(&d, IN_FILE("table", "V")) == ETL_OK && d.rows_n == 3);
  CHECK_TEXT(t, d.stream_name, "v");
  CHECK(t, (d.stream.flags & ETL_STREAM_WHOLE) != 0);
  CHECK(t, desk_read(&d, IN_FILE("query", "SELECT a, sum(b) AS s FROM t GROUP BY a -- all", "where", "s > 10", "stream", "sums")) == ETL_OK);
  CHECK(t, d.rows_n == 2 && desk_has_row(&d, "{\"a\": 3, \"s\": 30}"));
  CHECK_TEXT(t, d.types, "a:l s:l");
  desk_forget(&d);
  CHECK(t, desk_read(&d, IN_FILE("table", "t", "cursor", "rowid")) == ETL_OK && d.rows_n == 3);
  sql(&d, "INSERT INTO t VALUES (4, 40)");
  CHECK(t, desk_read(&d, IN_FILE("table", "t", "cursor", "rowid")) == ETL_OK && d.rows_n == 1);
  desk_forget(&d);
  CHECK(t, desk_read(&d, IN_FILE("table", "t", "types", "b|DECIMAL(9,1)")) == ETL_OK && desk_has_row(&d, "{\"a\": 1, \"b\": \"10.0\"}"));
  desk_fini(&d);
}

struct found {
  char text[512];
};
static int32_t find(void *arg, const struct etl_stream *s) {
  struct found *f = arg;
  size_t n = strlen(f->text);
  n += (size_t)snprintf(f->text + n, sizeof f->text - n, "%s(%s", s->name, s->key ? s->key[0] : "-");
  for (int64_t i = 0; s->schema && i < s->schema->n_children; i++)
    n += (size_t)snprintf(f->text + n, sizeof f->text - n, " %s:%s", s->schema->children[i]->name, s->schema->children[i]->format);
  snprintf(f->text + n, sizeof f->text - n, ");");
  return ETL_OK;
}

static void offers(struct tap *t, struct desk *d, const char *pattern, uint32_t with_schema, const char *want) {
  const struct etl_connector *c = testhost_connector("sqlite", ETL_KIND_EXTRACTOR);
  struct testopts *options = testopts_new(&d->t, c->options);
  struct found f = {""};
  char path[256];
  void *self = NULL;
  snprintf(path, sizeof path, "%s/t.db", d->dir);
  testopts_set(options, "path", path);
  CHECK(t, testopts_open(options, c, "p", "r", NULL, ETL_OPEN_CONNECTION, &self) == ETL_OK);
  const struct etl_catalog *catalog = c->common->ext(NULL, ETL_EXT_CATALOG);
  CHECK(t, catalog->list(self, pattern, with_schema, find, &f) == ETL_OK);
  CHECK_TEXT(t, f.text, want);
  c->common->close(self);
  testopts_free(options);
}

static void catalog(struct tap *t) {
  struct desk d;
  desk_init(&d, "sqlite");
  sql(&d, "CREATE TABLE users (id INTEGER, name TEXT, PRIMARY KEY (id)); CREATE VIEW names AS SELECT name, 1 AS one FROM users; CREATE TABLE etl_cursors (x)");
  offers(t, &d, NULL, 0, "names(-);users(id);");
  offers(t, &d, "u?er*", 1, "users(id id:l name:u);");
  offers(t, &d, "names", 1, "names(- name:u one:u);");
  offers(t, &d, "none", 1, "");
  CHECK(t, desk_read(&d, IN_FILE("table", "users", "columns", "name")) == ETL_OK);
  CHECK_TEXT(t, d.types, "name:u");
  desk_fini(&d);
}

static void fails(struct tap *t, struct desk *d, const char *const *options, uint32_t class, const char *message) {
  int32_t rc = desk_read(d, options);
  bool ok = rc == ETL_FAILED && d->t.error.error_class == class && strstr(d->t.message, message);
  tap_check(t, ok, __FILE__, __LINE__, "it fails: %s", message);
  if (!ok)
    printf("# got %d %u %s\n", rc, d->t.error.error_class, d->t.message);
}

static void mistakes(struct tap *t) {
  struct desk d;
  desk_init(&d, "sqlite");
  fails(t, &d, IN_FILE("table", "t"), ETL_E_CONFIG, "there is no file");
  sql(&d, "CREATE TABLE t (a INT); INSERT INTO t VALUES (1)");
  fails(t, &d, IN_FILE("table", "nowhere"), ETL_E_CONFIG, "has no table or view nowhere");
  fails(t, &d, IN_FILE("table", "t", "query", "SELECT 1"), ETL_E_CONFIG, "set one of table, tables and query");
  fails(t, &d, IN_FILE("query", "SELECT b FROM t"), ETL_E_CONFIG, "no such column: b");
  fails(t, &d, IN_FILE("query", "DELETE FROM t"), ETL_E_CONFIG, "syntax error");
  fails(t, &d, IN_FILE("table", "t", "where", "b > 1"), ETL_E_CONFIG, "no such column: b");
  fails(t, &d, IN_FILE("table", "t", "cursor", "id"), ETL_E_CONFIG, "cursor names the column \"id\"");
  fails(t, &d, IN_FILE("table", "t", "types", "a|MONEY"), ETL_E_CONFIG, "there is no type \"MONEY\"");
  fails(t, &d, (const char *const[]){"path", "@", "table", "t", NULL}, ETL_E_CONFIG, "is a folder, not a database");
  desk_write(&d, "x.db", "this is no database at all, but some text that is long enough to be looked at as one", 80, false);
  fails(t, &d, (const char *const[]){"path", "@/x.db", "table", "t", NULL}, ETL_E_CONFIG, "file is not a database");
  desk_fini(&d);
}

/* A page in the middle is overwritten; the other one cut off. */
static void damaged(struct tap *t) {
  struct desk d;
  desk_init(&d, "sqlite");
  sql(&d, "CREATE TABLE t (a INTEGER PRIMARY KEY, s TEXT); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) "
          "INSERT INTO t SELECT i, 'some text that takes room ' || i FROM n");
  desk_shell(&d, "dd if=/dev/urandom of=t.db bs=4096 seek=20 count=60 conv=notrunc 2>/dev/null");
  fails(t, &d, IN_FILE("table", "t"), ETL_E_PERMANENT, "malformed");
  CHECK_HAS(t, d.t.remedy, "integrity_check");
  desk_fini(&d);
}

static void locked(struct tap *t) {
  struct desk d;
  sqlite3 *db;
  char path[256];
  desk_init(&d, "sqlite");
  sql(&d, "CREATE TABLE t (a INT); INSERT INTO t VALUES (1)");
  snprintf(path, sizeof path, "%s/t.db", d.dir);
  CHECK(t, sqlite3_open(path, &db) == SQLITE_OK && sqlite3_exec(db, "BEGIN EXCLUSIVE", NULL, NULL, NULL) == SQLITE_OK);
  fails(t, &d, IN_FILE("table", "t", "busy_timeout", "20ms"), ETL_E_RETRYABLE, "database is locked");
  CHECK_HAS(t, d.t.remedy, "busy_timeout");
  sqlite3_close(db);
  /* in WAL mode a writer in the middle of its transaction is no hindrance */
  sql(&d, "PRAGMA journal_mode = WAL");
  CHECK(t, sqlite3_open(path, &db) == SQLITE_OK && sqlite3_exec(db, "BEGIN IMMEDIATE; INSERT INTO t VALUES (2)", NULL, NULL, NULL) == SQLITE_OK);
  CHECK(t, desk_read(&d, IN_FILE("table", "t", "busy_timeout", "20ms")) == ETL_OK && d.rows_n == 1);
  sqlite3_close(db);
  desk_fini(&d);
}

/* A process that ends in the middle of a transaction that is in the file in part already. */
static void die_writing(struct desk *d) {
  pid_t pid = fork();
  int status = 0;
  char path[256];
  sqlite3 *db;
  if (pid == 0) {
    snprintf(path, sizeof path, "%s/t.db", d->dir);
    bool ok = sqlite3_open(path, &db) == SQLITE_OK &&
              sqlite3_exec(db, "PRAGMA cache_size = 1; PRAGMA cache_spill = 1; BEGIN; UPDATE t SET x = 'half' || x", NULL, NULL, NULL) == SQLITE_OK;
    _exit(ok ? 0 : 1);
  }
  if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0) {
    fprintf(stderr, "wrong test: no process has written\n");
    exit(99);
  }
}

static void protect(const struct desk *d, mode_t file, mode_t folder) {
  char path[256];
  snprintf(path, sizeof path, "%s/t.db", d->dir);
  int bad = chmod(path, file);
  snprintf(path, sizeof path, "%s/t.db-journal", d->dir);
  bad |= chmod(path, file) | chmod(d->dir, folder);
  if (bad) {
    perror("wrong test: chmod");
    exit(99);
  }
}

static void a_writer_was_killed(struct tap *t) {
  struct desk d;
  desk_init(&d, "sqlite");
  sql(&d, "CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) "
          "INSERT INTO t SELECT i, 'whole' || hex(zeroblob(200)) FROM n");
  die_writing(&d);
  protect(&d, 0444, 0555);
  bool root = geteuid() == 0;
  CHECK(t, !root || seteuid(65534) == 0); /* who may write anything is no example */
  fails(t, &d, IN_FILE("table", "t"), ETL_E_CONFIG, "a process was killed while it wrote, and its unfinished transaction has to be undone");
  CHECK_HAS(t, d.t.remedy, "keep the -journal");
  CHECK(t, !root || seteuid(0) == 0);
  protect(&d, 0644, 0755);
  CHECK(t, desk_read(&d, IN_FILE("table", "t")) == ETL_OK && d.rows_n == 2000 && !strstr(d.rows, "half"));
  CHECK(t, testhost_logged(&d.t, ETL_LOG_WARN, "its unfinished transaction was undone"));
  CHECK(t, desk_read(&d, IN_FILE("table", "t")) == ETL_OK && d.rows_n == 2000 && !testhost_logged(&d.t, ETL_LOG_WARN, "was undone"));
  desk_fini(&d);
}

int main(void) {
  struct tap t = {0};
  types(&t);
  misfits(&t);
  cursors(&t);
  equal_cursors(&t);
  kinds_of_cursor(&t);
  ranges(&t);
  ranges_of_keys(&t);
  streams(&t);
  catalog(&t);
  mistakes(&t);
  damaged(&t);
  locked(&t);
  a_writer_was_killed(&t);
  return tap_end(&t);
}
