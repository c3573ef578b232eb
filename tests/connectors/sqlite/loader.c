/* sqlite.so as a loader, through its ABI: what is in the file when a run is cut off anywhere, and what rows it refuses. */
#include <math.h>
#include <semaphore.h>
#include <sqlite3.h>
#include <stdlib.h>

#include "shelf.h"
#include "tap.h"

#define IN_FILE(...) OPTIONS("path", "@/t.db", __VA_ARGS__)

static sqlite3 *open_db(struct desk *d) {
  char path[256];
  sqlite3 *db;
  snprintf(path, sizeof path, "%s/t.db", d->dir);
  if (sqlite3_open(path, &db) != SQLITE_OK)
    abort();
  return db;
}

static void run_sql(struct desk *d, const char *text) {
  sqlite3 *db = open_db(d);
  char *why = NULL;
  if (sqlite3_exec(db, text, NULL, NULL, &why) != SQLITE_OK) {
    fprintf(stderr, "wrong test: %s: %s\n", text, why);
    exit(99);
  }
  sqlite3_close(db);
}

/* Rows with ';', cells with '|' between. */
static const char *ask(struct desk *d, const char *text, char ret[1024]) {
  sqlite3 *db = open_db(d);
  sqlite3_stmt *stmt = NULL;
  size_t n = 0;
  ret[0] = 0;
  if (sqlite3_prepare_v2(db, text, -1, &stmt, NULL) != SQLITE_OK)
    snprintf(ret, 1024, "%s", sqlite3_errmsg(db));
  for (int row = 0; stmt && sqlite3_step(stmt) == SQLITE_ROW; row++)
    for (int i = 0; i < sqlite3_column_count(stmt) && n < 900; i++) {
      const char *cell = (const char *)sqlite3_column_text(stmt, i);
      n += (size_t)snprintf(ret + n, 1024 - n, "%s%s", i ? "|" : row ? ";" : "", cell ? cell : "NULL");
    }
  sqlite3_finalize(stmt);
  sqlite3_close(db);
  return ret;
}
#define CHECK_SQL(t_, d_, sql_, want_)                                                                                             \
  do {                                                                                                                             \
    char got_[1024];                                                                                                               \
    CHECK_TEXT(t_, ask(d_, sql_, got_), want_);                                                                                    \
  } while (0)

static int32_t begin(struct shelf *s, struct desk *d, const char *run, const char *const *options) {
  int32_t rc = shelf_begin(s, d, run, options);
  return rc == ETL_OK ? s->api->run_begin(s->control, run) : rc;
}

static void append(struct tap *t) {
  struct desk d;
  struct shelf s;
  desk_init(&d, "sqlite");
  CHECK(t, begin(&s, &d, "r1", IN_FILE("table", "x{stream}")) == ETL_OK);
  CHECK(t, shelf_epoch(&s, "a") == 0);
  CHECK(t, shelf_rows(&s, "a", 1, SHELF_ALL, CELLS("1", "x", "2", NULL), 2) == ETL_OK);
  CHECK(t, shelf_rows(&s, "b", 1, SHELF_ALL, CELLS("10", "y"), 1) == ETL_OK);
  CHECK(t, shelf_rows(&s, "a", 2, SHELF_ABORT, CELLS("99", "gone"), 1) == ETL_OK);
  CHECK(t, shelf_rows(&s, "a", 2, SHELF_BEFORE_COMMIT, CELLS("99", "gone"), 1) == ETL_OK);
  CHECK(t, shelf_epoch(&s, "a") == 1 && shelf_epoch(&s, "b") == 1);
  CHECK(t, shelf_rows(&s, "a", 2, SHELF_ALL, CELLS("5", "z"), 1) == ETL_OK);
  CHECK(t, shelf_rows(&s, "a", 2, SHELF_ALL, CELLS("6", "twice"), 1) == ETL_FAILED && d.t.error.error_class == ETL_E_FENCED);
  CHECK(t, shelf_rows(&s, "c", 3, SHELF_ALL, CELLS("6", "from nowhere"), 1) == ETL_FAILED);
  CHECK(t, shelf_end(&s, true) == ETL_OK);
  CHECK_SQL(t, &d, "SELECT id, name FROM xt ORDER BY id", "1|x;2|NULL;5|z;10|y");
  CHECK_SQL(t, &d, "SELECT stream, shard, epoch, cursor, rows FROM etl_cursors ORDER BY 1, 2", "t|a|2|c2|3;t|b|1|c1|1");
  CHECK_SQL(t, &d, "PRAGMA journal_mode", "wal");
  CHECK(t, begin(&s, &d, "r2", IN_FILE("table", "other")) == ETL_OK);
  CHECK(t, shelf_epoch(&s, "a") == 998 && d.t.error.error_class == ETL_E_CONFIG);
  CHECK_HAS(t, d.t.remedy, "--full-refresh");
  shelf_drop(&s);
  desk_fini(&d);
}

static void merge(struct tap *t) {
  struct desk d;
  struct shelf s;
  desk_init(&d, "sqlite");
  CHECK(t, begin(&s, &d, "r1", IN_FILE("mode", "merge", "key", "id")) == ETL_OK);
  CHECK(t, shelf_rows(&s, "a", 1, SHELF_ALL, CELLS("1", "a", "2", "b", "1", "c"), 3) == ETL_OK);
  CHECK(t, shelf_rows(&s, "a", 2, SHELF_ALL, CELLS("2", "d", "3", "e"), 2) == ETL_OK);
  CHECK_SQL(t, &d, "SELECT id, name FROM t ORDER BY id", "1|c;2|d;3|e");
  CHECK(t, shelf_rows(&s, "a", 3, SHELF_ALL, CELLS(NULL, "d"), 1) == ETL_FAILED && d.t.error.error_class == ETL_E_DATA);
  CHECK_HAS(t, d.t.message, "NULL in the key column \"id\"");
  shelf_drop(&s);
  CHECK(t, begin(&s, &d, "r2", IN_FILE("mode", "insert_missing", "key", "id")) == ETL_OK);
  CHECK(t, shelf_rows(&s, "a", 3, SHELF_ALL, CELLS("3", "no", "4", "f"), 2) == ETL_OK);
  CHECK_SQL(t, &d, "SELECT id, name FROM t WHERE id > 2 ORDER BY id", "3|e;4|f");
  shelf_drop(&s);
  run_sql(&d, "CREATE TABLE u (id INT, name TEXT)");
  CHECK(t, begin(&s, &d, "r3", IN_FILE("mode", "merge", "key", "name")) == ETL_OK);
  testhost_clear(&d.t);
  CHECK(t, shelf_rows(&s, "a", 4, SHELF_ALL, CELLS("1", "x"), 1) == ETL_FAILED && d.t.error.error_class == ETL_E_CONFIG);
  CHECK_HAS(t, d.t.message, "no unique index");
  shelf_drop(&s);
  desk_fini(&d);
}

/* The greater one stays, also within a batch, and NULL is the smallest. */
static void newest(struct tap *t) {
  struct desk d;
  struct shelf s;
  desk_init(&d, "sqlite");
  CHECK(t, begin(&s, &d, "r1", IN_FILE("mode", "merge", "key", "id", "newest_by", "name")) == ETL_OK);
  CHECK(t, shelf_rows(&s, "a", 1, SHELF_ALL, CELLS("1", "b", "1", "a", "2", NULL, "2", "x", "2", NULL, "3", "c", "3", "d"), 7) == ETL_OK);
  CHECK_SQL(t, &d, "SELECT id, name FROM t ORDER BY id", "1|b;2|x;3|d");
  run_sql(&d, "ALTER TABLE t ADD COLUMN n DEFAULT 0; UPDATE t SET n = 1");
  CHECK(t, shelf_rows(&s, "a", 2, SHELF_ALL, CELLS("1", "a", "2", "x", "3", "e", "4", NULL), 4) == ETL_OK && d.t.bad_n == 0);
  CHECK_SQL(t, &d, "SELECT id, name, n FROM t ORDER BY id", "1|b|1;2|x|1;3|e|1;4|NULL|0");
  shelf_drop(&s);
  CHECK(t, begin(&s, &d, "r2", IN_FILE("mode", "append", "newest_by", "name")) == ETL_FAILED && d.t.error.error_class == ETL_E_CONFIG);
  CHECK_TEXT(t, d.t.message, "sqlite: newest_by means something only in a merge");
  shelf_drop(&s);
  CHECK(t, begin(&s, &d, "r3", IN_FILE("mode", "merge", "key", "id", "newest_by", "at")) == ETL_OK);
  testhost_clear(&d.t);
  CHECK(t, shelf_rows(&s, "a", 3, SHELF_ALL, CELLS("1", "x"), 1) == ETL_FAILED && d.t.error.error_class == ETL_E_CONFIG);
  CHECK_TEXT(t, d.t.message, "sqlite: newest_by names the column \"at\", which the rows do not have");
  shelf_drop(&s);
  desk_fini(&d);
}

static int32_t begin_whole(struct shelf *s, struct desk *d, const char *run, const char *const *options) {
  int32_t rc = begin(s, d, run, options);
  s->stream_flags = ETL_STREAM_WHOLE;
  return rc;
}

/* What a run did not bring is deleted at its end, by all lanes together; what else the table has is left alone. */
static void missing(struct tap *t) {
  struct desk d;
  struct shelf s;
  desk_init(&d, "sqlite");
  run_sql(&d, "CREATE TABLE t (id TEXT COLLATE NOCASE PRIMARY KEY, name TEXT, own TEXT DEFAULT 'new'); INSERT INTO t VALUES ('1', 'a', 'x'), ('2', 'b', 'y'), ('9', 'z', 'z')");
  CHECK(t, begin_whole(&s, &d, "r1", IN_FILE("mode", "delete_missing", "key", "id", "newest_by", "name")) == ETL_OK);
  CHECK(t, shelf_rows(&s, "a", 1, SHELF_ALL, CELLS("1", "A", "2", "c", "2", "bb"), 3) == ETL_OK);
  CHECK(t, shelf_rows(&s, "b", 1, SHELF_ALL, CELLS("3", "d"), 1) == ETL_OK);
  CHECK_SQL(t, &d, "SELECT * FROM t", "1|a|x;2|b|y;9|z|z");
  CHECK(t, shelf_end(&s, true) == ETL_OK);
  CHECK_SQL(t, &d, "SELECT * FROM t ORDER BY id", "1|a|x;2|c|y;3|d|new");
  CHECK_SQL(t, &d, "SELECT name FROM sqlite_schema WHERE name LIKE 't\\_%' ESCAPE '\\'", "");
  CHECK(t, begin_whole(&s, &d, "r2", IN_FILE("mode", "delete_missing", "key", "id")) == ETL_OK);
  CHECK(t, shelf_epoch(&s, "a") == 0);
  CHECK(t, shelf_rows(&s, "a", 1, SHELF_ALL, CELLS("1", "A"), 1) == ETL_OK);
  CHECK(t, shelf_end(&s, false) == ETL_OK);
  CHECK_SQL(t, &d, "SELECT count(*) FROM t", "3");
  run_sql(&d, "CREATE TRIGGER no BEFORE INSERT ON t WHEN new.name = 'B' BEGIN SELECT RAISE(IGNORE); END");
  CHECK(t, begin_whole(&s, &d, "r3", IN_FILE("mode", "delete_missing", "key", "id")) == ETL_OK);
  CHECK(t, shelf_rows(&s, "a", 1, SHELF_ALL, CELLS("1", "A", "7", "B"), 2) == ETL_OK);
  testhost_clear(&d.t);
  CHECK(t, shelf_end(&s, true) == ETL_FAILED);
  CHECK_TEXT(t, d.t.message, "sqlite: t: a trigger of the table left out 1 of 2 rows");
  CHECK_SQL(t, &d, "SELECT * FROM t ORDER BY id", "1|a|x;2|c|y;3|d|new");
  desk_fini(&d);
}

static void missing_mistakes(struct tap *t) {
  const struct {
    const char *const *options, *before, *why;
  } cases[] = {
      {IN_FILE("mode", "delete_missing"), "", "sqlite: mode = \"delete_missing\" needs a key"},
      {IN_FILE("deleted_at", "gone"), "", "sqlite: deleted_at means something only with mode = \"delete_missing\""},
      {IN_FILE("mode", "delete_missing", "key", "id", "deleted_at", "NAME"), "", "sqlite: deleted_at names the column \"NAME\", which comes with the rows"},
      {IN_FILE("mode", "delete_missing", "key", "id", "deleted_at", "gone", "schema_contract", "freeze"), "CREATE TABLE t (id PRIMARY KEY, name)",
       "sqlite: table t has no column \"gone\", and schema_contract adds none"},
      {IN_FILE("mode", "delete_missing", "key", "id", "schema_contract", "freeze"), "CREATE TABLE t (id PRIMARY KEY)",
       "sqlite: table t has no column \"name\", and schema_contract adds none"},
      {IN_FILE("mode", "delete_missing", "key", "id"), "CREATE TABLE t (id, name)",
       "sqlite: table t has no unique index on just the columns of `key`, which a merge needs"},
      {IN_FILE("mode", "delete_missing", "key", "id", "create", "false"), "", NULL},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct desk d;
    struct shelf s;
    desk_init(&d, "sqlite");
    run_sql(&d, cases[i].before);
    int32_t rc = begin_whole(&s, &d, "r1", cases[i].options);
    if (rc == ETL_OK)
      rc = shelf_rows(&s, "a", 1, SHELF_ALL, CELLS("1", "A"), 1);
    CHECK(t, rc == ETL_FAILED);
    if (cases[i].why)
      CHECK_TEXT(t, d.t.message, cases[i].why);
    else
      CHECK_HAS(t, d.t.message, "has no table t");
    shelf_drop(&s);
    desk_fini(&d);
  }
}

/* SQLite would invent a key. */
static void null_keys(struct tap *t) {
  struct desk d;
  struct shelf s;
  desk_init(&d, "sqlite");
  CHECK(t, begin(&s, &d, "r1", IN_FILE("key", "id")) == ETL_OK);
  CHECK(t, shelf_rows(&s, "a", 1, SHELF_ALL, CELLS("1", "x", NULL, "y"), 2) == ETL_FAILED && d.t.error.error_class == ETL_E_DATA);
  s.flags = ETL_TXN_CAREFUL;
  CHECK(t, shelf_rows(&s, "a", 1, SHELF_ALL, CELLS("1", "x", NULL, "y"), 2) == ETL_OK && d.t.bad_n == 1);
  CHECK_SQL(t, &d, "SELECT * FROM t", "1|x");
  CHECK_SQL(t, &d, "SELECT type FROM pragma_table_info('t')", "INTEGER;TEXT");
  shelf_drop(&s);
  desk_fini(&d);
}

/* One row of a float column. */
static int32_t write_float(struct shelf *s, double value) {
  struct ArrowSchema schema;
  struct ArrowArray rows;
  struct etl_batch b;
  if (etl_schema_init(&schema, 1) < 0 || etl_schema_set(&schema, 0, "f", "g", true, NULL, NULL) < 0 || etl_batch_init(&b, &s->d->t.host, &schema, 1) < 0 ||
      etl_batch_row(&b) < 0)
    abort();
  etl_batch_f64(&b, 0, value);
  if (etl_batch_finish(&b, &rows) < 0)
    abort();
  etl_batch_fini(&b);
  int32_t rc = shelf_epoch_write(s, "a", 1, &schema, &rows, SHELF_ALL);
  schema.release(&schema);
  return rc;
}

static void not_a_number(struct tap *t) {
  struct desk d;
  struct shelf s;
  desk_init(&d, "sqlite");
  CHECK(t, begin(&s, &d, "r1", IN_FILE("table", "t")) == ETL_OK);
  CHECK(t, write_float(&s, NAN) == ETL_FAILED && d.t.error.error_class == ETL_E_DATA);
  CHECK_HAS(t, d.t.message, "cannot hold NaN");
  CHECK(t, write_float(&s, INFINITY) == ETL_OK);
  CHECK_SQL(t, &d, "SELECT * FROM t", "Inf");
  shelf_drop(&s);
  desk_fini(&d);
}

static void fencing(struct tap *t) {
  struct desk d;
  struct shelf old, new;
  desk_init(&d, "sqlite");
  CHECK(t, begin(&old, &d, "r1", IN_FILE("table", "t")) == ETL_OK);
  CHECK(t, shelf_rows(&old, "a", 1, SHELF_ALL, CELLS("1", "x"), 1) == ETL_OK);
  CHECK(t, begin(&new, &d, "r2", IN_FILE("table", "t")) == ETL_OK);
  CHECK(t, new.owner > old.owner && shelf_epoch(&new, "a") == 1);
  CHECK(t, shelf_rows(&old, "a", 2, SHELF_ALL, CELLS("2", "late"), 1) == ETL_FAILED && d.t.error.error_class == ETL_E_FENCED);
  CHECK_HAS(t, d.t.message, "r2");
  CHECK(t, shelf_rows(&new, "a", 2, SHELF_ALL, CELLS("2", "y"), 1) == ETL_OK);
  struct etl_claim stale = {.struct_size = sizeof stale, .run = "r0", .owner = 1};
  uint64_t owner;
  CHECK(t, new.api->claim(new.control, &stale, &owner) == ETL_FAILED);
  shelf_drop(&old);
  shelf_drop(&new);
  CHECK_SQL(t, &d, "SELECT group_concat(name) FROM t", "x,y");
  desk_fini(&d);
}

static void replace(struct tap *t) {
  struct desk d;
  struct shelf s;
  desk_init(&d, "sqlite");
  run_sql(&d, "CREATE TABLE \"t\"(id INT CHECK (id < 100), name TEXT NOT NULL); CREATE INDEX by_name ON t (name); CREATE VIEW v AS SELECT name FROM t;"
              "INSERT INTO t VALUES (50, 'old')");
  CHECK(t, begin(&s, &d, "r1", IN_FILE("mode", "replace")) == ETL_OK);
  CHECK(t, s.api->caps(s.control) & ETL_CAP_ASIDE);
  CHECK(t, shelf_rows(&s, "a", 1, SHELF_ALL, CELLS("1", "x", "2", "y"), 2) == ETL_OK);
  CHECK(t, shelf_rows(&s, "a", 2, SHELF_ALL, CELLS("200", "y"), 1) == ETL_FAILED); /* its constraints hold aside too */
  CHECK_SQL(t, &d, "SELECT name FROM v", "old");
  CHECK(t, s.api->run_end(s.control, "r1", 1) == ETL_OK);
  CHECK_SQL(t, &d, "SELECT name FROM v ORDER BY 1", "x;y");
  CHECK(t, s.api->run_end(s.control, "r1", 1) == ETL_OK); /* asked again, after a lost answer */
  CHECK_SQL(t, &d, "SELECT count(*), (SELECT count(*) FROM sqlite_schema WHERE name = 'by_name') FROM t", "2|1");
  CHECK_SQL(t, &d, "SELECT aside, epoch FROM etl_cursors", "|1");
  shelf_drop(&s);
  CHECK(t, begin(&s, &d, "r2", IN_FILE("mode", "replace")) == ETL_OK); /* one that dies */
  CHECK(t, shelf_epoch(&s, "a") == 0);
  CHECK(t, shelf_rows(&s, "a", 1, SHELF_ALL, CELLS("3", "z"), 1) == ETL_OK);
  shelf_drop(&s);
  CHECK(t, begin(&s, &d, "r3", IN_FILE("mode", "replace")) == ETL_OK);
  CHECK_SQL(t, &d, "SELECT count(*) FROM sqlite_schema WHERE name LIKE 't\\_etl\\_%' ESCAPE '\\'", "0");
  CHECK(t, shelf_rows(&s, "a", 1, SHELF_ALL, CELLS("4", "w"), 1) == ETL_OK);
  CHECK(t, shelf_end(&s, false) == ETL_OK);
  CHECK_SQL(t, &d, "SELECT name FROM t ORDER BY 1", "x;y");
  CHECK_SQL(t, &d, "SELECT count(*) FROM sqlite_schema WHERE name LIKE 't\\_etl\\_%' ESCAPE '\\'", "0");
  desk_fini(&d);
}

/* Rows that the table refuses: without care the epoch fails, with care they are set aside and the others stay. */
static void careful(struct tap *t) {
  struct desk d;
  struct shelf s;
  desk_init(&d, "sqlite");
  run_sql(&d, "CREATE TABLE t (id INTEGER PRIMARY KEY ON CONFLICT ROLLBACK, name TEXT UNIQUE ON CONFLICT IGNORE CHECK (name <> 'bad'))");
  CHECK(t, begin(&s, &d, "r1", IN_FILE("table", "t")) == ETL_OK);
  CHECK(t, shelf_rows(&s, "a", 1, SHELF_ALL, CELLS("1", "x", "2", "bad", "1", "y", "3", "z"), 4) == ETL_FAILED);
  CHECK(t, d.t.error.error_class == ETL_E_DATA && d.t.bad_n == 0);
  CHECK_SQL(t, &d, "SELECT count(*) FROM t", "0");
  s.flags = ETL_TXN_CAREFUL;
  CHECK(t, shelf_rows(&s, "a", 1, SHELF_ALL, CELLS("1", "x", "2", "bad", "1", "y", "3", "z"), 4) == ETL_OK);
  CHECK_SQL(t, &d, "SELECT id, name FROM t", "1|x;3|z");
  CHECK(t, d.t.bad_n == 2 && d.t.bad[0].row == 1 && d.t.bad[1].row == 2);
  CHECK_HAS(t, d.t.bad[0].message, "CHECK constraint failed");
  CHECK_HAS(t, d.t.bad[1].message, "UNIQUE constraint failed: t.id");
  CHECK_HAS(t, d.t.bad[1].raw, "\"name\": \"y\"");
  shelf_drop(&s);
  desk_fini(&d);
}

static void left_out(struct tap *t) {
  struct desk d;
  struct shelf s;
  desk_init(&d, "sqlite");
  run_sql(&d, "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT); CREATE TABLE log (id);"
              "CREATE TRIGGER one BEFORE INSERT ON t WHEN new.name = 'no' BEGIN SELECT RAISE(IGNORE); END;"
              "CREATE TRIGGER two AFTER INSERT ON t BEGIN INSERT INTO log VALUES (new.id); END");
  CHECK(t, begin(&s, &d, "r1", IN_FILE("table", "t")) == ETL_OK);
  CHECK(t, shelf_rows(&s, "a", 1, SHELF_ALL, CELLS("1", "x", "2", "no"), 2) == ETL_FAILED && d.t.error.error_class == ETL_E_DATA);
  CHECK_HAS(t, d.t.message, "sqlite: t: a trigger of the table left the row out");
  s.flags = ETL_TXN_CAREFUL;
  CHECK(t, shelf_rows(&s, "a", 1, SHELF_ALL, CELLS("1", "x", "2", "no", "3", "y"), 3) == ETL_OK && d.t.bad_n == 1 && d.t.bad[0].row == 1);
  CHECK_SQL(t, &d, "SELECT id, name FROM t", "1|x;3|y");
  CHECK_SQL(t, &d, "SELECT rows FROM etl_cursors", "2");
  shelf_drop(&s);
  s.flags = 0;
  CHECK(t, begin(&s, &d, "r2", IN_FILE("table", "t", "mode", "insert_missing", "key", "id")) == ETL_OK);
  CHECK(t, shelf_rows(&s, "a", 2, SHELF_ALL, CELLS("3", "there", "4", "z"), 2) == ETL_OK);
  CHECK_SQL(t, &d, "SELECT rows FROM etl_cursors", "3");
  shelf_drop(&s);
  CHECK(t, begin(&s, &d, "r3", IN_FILE("table", "t", "mode", "replace")) == ETL_OK);
  CHECK(t, shelf_rows(&s, "a", 1, SHELF_ALL, CELLS("7", "x", "8", "no"), 2) == ETL_OK);
  CHECK(t, shelf_end(&s, true) == ETL_FAILED && d.t.error.error_class == ETL_E_DATA);
  CHECK_HAS(t, d.t.message, "left out 1 of 2 rows");
  CHECK_SQL(t, &d, "SELECT id, name FROM t", "1|x;3|y;4|z");
  desk_fini(&d);
}

static void into_a_view(struct tap *t) {
  struct desk d;
  struct shelf s;
  desk_init(&d, "sqlite");
  run_sql(&d, "CREATE TABLE u (id INTEGER PRIMARY KEY, name TEXT); CREATE VIEW t AS SELECT id, name FROM u;"
              "CREATE TRIGGER three INSTEAD OF INSERT ON t BEGIN INSERT INTO u VALUES (new.id, new.name); END");
  CHECK(t, begin(&s, &d, "r1", IN_FILE("table", "t")) == ETL_OK);
  CHECK(t, shelf_rows(&s, "a", 1, SHELF_ALL, CELLS("1", "x", "2", "y"), 2) == ETL_OK);
  CHECK_SQL(t, &d, "SELECT id, name FROM u", "1|x;2|y");
  shelf_drop(&s);
  desk_fini(&d);
}

struct kept {
  uint64_t ids[8];
  size_t n;
  char text[1024];
};
static int32_t keep(void *arg, const struct etl_kept *k) {
  struct kept *to = arg;
  to->ids[to->n++] = k->id;
  snprintf(to->text + strlen(to->text), sizeof to->text - strlen(to->text), "%llu:%s:%s;", (unsigned long long)k->rejected->epoch, k->rejected->message,
           k->at_ns > 1000000000 ? k->rejected->raw : "no time");
  return ETL_OK;
}

static void quarantine(struct tap *t) {
  struct desk d;
  struct shelf s;
  struct kept k = {0};
  uint64_t dropped = 0;
  desk_init(&d, "sqlite");
  CHECK(t, begin(&s, &d, "r1", IN_FILE("table", "t")) == ETL_OK);
  const struct etl_quarantine *q = s.connector->common->ext(s.control, ETL_EXT_QUARANTINE);
  for (uint64_t round = 0; round < 2; round++) { /* what was stored for an epoch before is replaced */
    struct etl_rejected rows[2];
    const struct etl_rejected *list[] = {&rows[0], &rows[1]};
    struct etl_cursor to = {.struct_size = sizeof to, .stream = "t", .shard = "a", .epoch = round + 1};
    const struct etl_cursor *tos[] = {&to};
    struct etl_txn txn = {.struct_size = sizeof txn, .owner = s.owner};
    for (uint64_t i = 0; i < 2; i++)
      rows[i] = (struct etl_rejected){.struct_size = sizeof rows[i], .error_class = ETL_E_DATA, .stream = "t", .shard = "a", .epoch = 1, .seq = i + 1,
                                      .stage = "load", .connector = "sqlite", .table_stream = "t", .row = -1, .message = round ? "again" : "first",
                                      .raw = "{\"id\": 1}"};
    CHECK(t, s.api->begin(s.control, &txn) == ETL_OK && s.api->reject(s.control, list, 2) == ETL_OK && s.api->commit(s.control, tos, 1) == ETL_OK);
  }
  CHECK(t, q->list(s.control, 0, 0, keep, &k) == ETL_OK);
  CHECK_TEXT(t, k.text, "1:again:{\"id\": 1};1:again:{\"id\": 1};");
  CHECK(t, q->drop(s.control, &k.ids[0], 1, &dropped) == ETL_OK && dropped == 1);
  k = (struct kept){0};
  CHECK(t, q->list(s.control, 0, 1, keep, &k) == ETL_OK && k.n == 1);
  CHECK(t, q->drop(s.control, NULL, 0, &dropped) == ETL_OK && dropped == 1);
  shelf_drop(&s);
  desk_fini(&d);
}

static void evolving(struct tap *t) {
  struct desk d;
  struct shelf s;
  desk_init(&d, "sqlite");
  run_sql(&d, "CREATE TABLE t (ID INT); INSERT INTO t VALUES (0)");
  CHECK(t, begin(&s, &d, "r1", IN_FILE("schema_contract", "freeze")) == ETL_OK);
  CHECK(t, shelf_rows(&s, "a", 1, SHELF_ALL, CELLS("1", "x"), 1) == ETL_FAILED && d.t.error.error_class == ETL_E_SCHEMA);
  shelf_drop(&s);
  CHECK(t, begin(&s, &d, "r2", IN_FILE("table", "{stream_table}")) == ETL_OK);
  CHECK(t, shelf_rows(&s, "a", 1, SHELF_ALL, CELLS("1", "x"), 1) == ETL_OK);
  CHECK_SQL(t, &d, "SELECT * FROM t", "0|NULL;1|x");
  CHECK(t, d.t.changes_n == 1 && d.t.changes[0].kind == ETL_CHANGE_COLUMN_ADDED && strcmp(d.t.changes[0].column, "name") == 0);
  shelf_drop(&s);
  desk_fini(&d);
}

static void fails(struct tap *t, struct desk *d, const char *const *options, uint32_t class, const char *message) {
  struct shelf s;
  int32_t rc = begin(&s, d, "r1", options);
  bool ok = rc == ETL_FAILED && d->t.error.error_class == class && strstr(d->t.message, message);
  tap_check(t, ok, __FILE__, __LINE__, "it fails: %s", message);
  if (!ok)
    printf("# got %d %u %s\n", rc, d->t.error.error_class, d->t.message);
  shelf_drop(&s);
}

static void mistakes(struct tap *t) {
  struct desk d;
  struct shelf s;
  desk_init(&d, "sqlite");
  fails(t, &d, (const char *const[]){"path", "@", NULL}, ETL_E_CONFIG, "is a folder, not a database");
  fails(t, &d, (const char *const[]){"path", "@/no/where.db", NULL}, ETL_E_CONFIG, "its folder is not there");
  fails(t, &d, IN_FILE("mode", "merge"), ETL_E_CONFIG, "needs a key");
  desk_write(&d, "x.db", "this is no database at all, but some text that is long enough to be looked at as one", 80, false);
  fails(t, &d, (const char *const[]){"path", "@/x.db", NULL}, ETL_E_CONFIG, "file is not a database");
  CHECK(t, begin(&s, &d, "r1", IN_FILE("table", "etl_cursors")) == ETL_OK);
  CHECK(t, shelf_rows(&s, "a", 1, SHELF_ALL, CELLS("1", "x"), 1) == ETL_FAILED && d.t.error.error_class == ETL_E_CONFIG);
  shelf_drop(&s);
  CHECK(t, begin(&s, &d, "r2", IN_FILE("create", "false")) == ETL_OK);
  testhost_clear(&d.t);
  CHECK(t, shelf_rows(&s, "a", 1, SHELF_ALL, CELLS("1", "x"), 1) == ETL_FAILED);
  CHECK_HAS(t, d.t.message, "has no table t");
  shelf_drop(&s);
  desk_fini(&d);
}

/* Another writer is in the middle of its transaction. */
static void locked(struct tap *t) {
  struct desk d;
  struct shelf s;
  desk_init(&d, "sqlite");
  CHECK(t, begin(&s, &d, "r1", IN_FILE("busy_timeout", "20ms")) == ETL_OK);
  CHECK(t, shelf_rows(&s, "a", 1, SHELF_ALL, CELLS("1", "x"), 1) == ETL_OK);
  sqlite3 *db = open_db(&d);
  CHECK(t, sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK);
  CHECK(t, shelf_rows(&s, "a", 2, SHELF_ALL, CELLS("2", "x"), 1) == ETL_FAILED && d.t.error.error_class == ETL_E_RETRYABLE);
  CHECK_HAS(t, d.t.message, "database is locked");
  sqlite3_close(db);
  testhost_clear(&d.t);
  CHECK(t, shelf_rows(&s, "a", 2, SHELF_ALL, CELLS("2", "y"), 1) == ETL_OK);
  CHECK_SQL(t, &d, "SELECT group_concat(name) FROM t", "x,y");
  shelf_drop(&s);
  desk_fini(&d);
}

/* A source of the same run is in the middle of its table, and goes on when we have committed. */
static void read_by_ourselves(struct tap *t) {
  struct desk d;
  struct shelf s;
  sqlite3 *db;
  sqlite3_stmt *reading;
  char path[256];
  desk_init(&d, "sqlite");
  snprintf(path, sizeof path, "%s/t.db", d.dir);
  run_sql(&d, "CREATE TABLE r (id); INSERT INTO r VALUES (1), (2)");
  CHECK(t, begin(&s, &d, "r1", IN_FILE("wal", "false", "busy_timeout", "20s")) == ETL_OK);
  CHECK(t, sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK);
  CHECK(t, sqlite3_prepare_v2(db, "SELECT id FROM r", -1, &reading, NULL) == SQLITE_OK && sqlite3_step(reading) == SQLITE_ROW);
  CHECK(t, shelf_rows(&s, "a", 1, SHELF_ALL, CELLS("1", "x"), 1) == ETL_FAILED && d.t.error.error_class == ETL_E_CONFIG);
  CHECK_HAS(t, d.t.message, "this run reads the file as well");
  CHECK_HAS(t, d.t.remedy, "journal_mode = WAL");
  sqlite3_finalize(reading);
  testhost_clear(&d.t);
  CHECK(t, shelf_rows(&s, "a", 1, SHELF_ALL, CELLS("1", "x"), 1) == ETL_OK);
  sqlite3_close(db);
  shelf_drop(&s);
  desk_fini(&d);
}

struct busy { /* a lane that has one epoch after the other, of many rows each */
  struct shelf *s;
  sem_t going; /* its first epoch is done */
  atomic_int stop;
  atomic_int epochs;
  int failed;
};

static bool write_many(struct shelf *s, void *self, const struct ArrowSchema *schema) {
  struct etl_batch batch;
  struct etl_stream stream = {.struct_size = sizeof stream, .name = "t"};
  struct etl_msg m = {.struct_size = sizeof m, .flags = ETL_M_ROWS};
  bool ok = etl_batch_init(&batch, &s->d->t.host, schema, 10000) == 0;
  for (int64_t i = 0; ok && i < 10000; i++) {
    ok = etl_batch_row(&batch) == 0;
    etl_batch_i64(&batch, 0, i);
  }
  ok = ok && etl_batch_finish(&batch, &m.rows) == 0 && s->api->write(self, &stream, &m) == ETL_OK;
  etl_batch_fini(&batch);
  return ok;
}

static void *be_busy(void *arg) {
  struct busy *b = arg;
  void *self = NULL;
  const struct etl_loader *api = b->s->api;
  struct ArrowSchema schema;
  struct etl_stream stream = {.struct_size = sizeof stream, .name = "t"};
  struct etl_txn txn = {.struct_size = sizeof txn, .owner = b->s->owner};
  bool ok = etl_schema_init(&schema, 1) == 0 && etl_schema_set(&schema, 0, "id", "l", true, NULL, NULL) == 0 &&
            testopts_open(b->s->options, b->s->connector, "p", b->s->run, "busy", 0, &self) == ETL_OK && api->prepare(self, &stream, &schema) == ETL_OK;
  for (uint64_t epoch = 1; ok && !atomic_load(&b->stop); epoch++) {
    struct etl_cursor to = {.struct_size = sizeof to, .stream = "t", .shard = "busy", .epoch = epoch, .cursor = {"c", 1}};
    const struct etl_cursor *tos[] = {&to};
    ok = api->begin(self, &txn) == ETL_OK;
    for (int i = 0; i < 10 && ok; i++) /* its transaction is long, its pause short */
      ok = write_many(b->s, self, &schema);
    ok = ok && api->commit(self, tos, 1) == ETL_OK;
    atomic_fetch_add(&b->epochs, ok);
    sem_post(&b->going);
  }
  sem_post(&b->going);
  b->failed = !ok;
  if (self)
    b->s->connector->common->close(self);
  schema.release(&schema);
  return NULL;
}

/* Lanes take turns: one that never rests does not keep the other from its epochs. */
static void turns(struct tap *t) {
  struct desk d;
  struct shelf s;
  struct busy b = {.s = &s};
  pthread_t thread;
  desk_init(&d, "sqlite");
  CHECK(t, begin(&s, &d, "r1", IN_FILE("busy_timeout", "5s", "wal", "false")) == ETL_OK);
  CHECK(t, sem_init(&b.going, 0, 0) == 0 && pthread_create(&thread, NULL, be_busy, &b) == 0);
  sem_wait(&b.going);
  for (uint64_t epoch = 1; epoch <= 5; epoch++)
    CHECK(t, shelf_rows(&s, "a", epoch, SHELF_ALL, CELLS("2", "y"), 1) == ETL_OK);
  atomic_store(&b.stop, 1);
  pthread_join(thread, NULL);
  CHECK(t, !b.failed && atomic_load(&b.epochs) > 1);
  sem_destroy(&b.going);
  shelf_drop(&s);
  desk_fini(&d);
}

/* For every connection of this process. */
static int little_room(sqlite3 *db, char **why, const struct sqlite3_api_routines *api) {
  (void)why;
  (void)api;
  return sqlite3_exec(db, "PRAGMA max_page_count = 40", NULL, NULL, NULL);
}

/* A database that cannot grow fails as on a full disk does. */
static void disk_full(struct tap *t) {
  struct desk d;
  struct shelf s;
  char name[200001];
  memset(name, 'x', sizeof name - 1);
  name[sizeof name - 1] = 0;
  desk_init(&d, "sqlite");
  CHECK(t, begin(&s, &d, "r1", IN_FILE("table", "t")) == ETL_OK);
  CHECK(t, shelf_rows(&s, "a", 1, SHELF_ALL, CELLS("1", "x"), 1) == ETL_OK);
  sqlite3_auto_extension((void (*)(void))little_room);
  CHECK(t, shelf_rows(&s, "a", 2, SHELF_ALL, CELLS("2", "y", "3", name), 2) == ETL_FAILED && d.t.error.error_class == ETL_E_PERMANENT);
  CHECK_HAS(t, d.t.message, "database or disk is full");
  CHECK_HAS(t, d.t.remedy, "free space");
  sqlite3_reset_auto_extension();
  CHECK(t, shelf_rows(&s, "a", 2, SHELF_ALL, CELLS("2", "y", "3", name), 2) == ETL_OK);
  CHECK_SQL(t, &d, "SELECT count(*), sum(length(name)) FROM t", "3|200002");
  shelf_drop(&s);
  desk_fini(&d);
}

int main(void) {
  struct tap t = {0};
  append(&t);
  merge(&t);
  newest(&t);
  missing(&t);
  missing_mistakes(&t);
  null_keys(&t);
  not_a_number(&t);
  fencing(&t);
  replace(&t);
  careful(&t);
  left_out(&t);
  into_a_view(&t);
  quarantine(&t);
  evolving(&t);
  mistakes(&t);
  locked(&t);
  read_by_ourselves(&t);
  turns(&t);
  disk_full(&t);
  return tap_end(&t);
}
