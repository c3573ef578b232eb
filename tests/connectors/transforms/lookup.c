/* lookup.so through its ABI: tables from CSV and SQLite, keys, rows without a match, sharing, refusals.  PostgreSQL is in the
 * scenarios. */
#include <sqlite3.h>
#include <stdlib.h>
#include <unistd.h>

#include "drive.h"
#include "tap.h"

static const char table[] = "code,name,people,since\n"
                            "DE,Germany,84.5,1990-10-03\n"
                            "fr,\"France, la \"\"République\"\"\",68,\n"
                            "\"\",nobody,0,2000-01-01\n"
                            ",ignored,0,2000-01-01\n"
                            "7,seven,7,2007-07-07\n";

static void write_file(const char *path, const char *text) {
  FILE *f = fopen(path, "w");
  if (!f || fputs(text, f) < 0 || fclose(f) != 0)
    abort();
}

/* Options beside file, key and columns; the columns name, people decimal(4,1), since date. */
static int32_t open_table(struct drive *d, const char *file, const char *const *more) {
  const char *options[32] = {"file", file, "key", "v", "key_columns", "code"};
  size_t n = 6;
  for (size_t i = 0; more && more[i]; i++)
    options[n++] = more[i];
  drive_begin(d, "lookup", options);
  drive_group(d, "columns", (const char *const[]){"column", "name", NULL});
  drive_group(d, "columns", (const char *const[]){"column", "people", "type", "decimal(4,1)", "into", "millions", NULL});
  drive_group(d, "columns", (const char *const[]){"column", "since", "type", "date", NULL});
  return drive_start(d);
}

static const char *const keys[] = {"DE", NULL, "FR", "", "7"};

static void test_missing(struct tap *t, const char *file) {
  struct drive d;
  CHECK(t, open_table(&d, file, NULL) == ETL_OK && drive_texts(&d, "v", keys, 5) == ETL_OK);
  CHECK(t, d.out[0].rows.length == 5 && d.out[0].schema.n_children == 4);
  CHECK_TEXT(t, drive_cell(&d, 0, "v"), "DE");
  CHECK_TEXT(t, drive_cell(&d, 0, "name"), "Germany");
  CHECK_TEXT(t, drive_cell(&d, 0, "millions"), "845/1");
  CHECK_TEXT(t, drive_cell(&d, 0, "since"), "7580");
  CHECK_TEXT(t, drive_cell(&d, 1, "name"), "NULL");
  CHECK_TEXT(t, drive_cell(&d, 2, "millions"), "NULL");
  CHECK_TEXT(t, drive_cell(&d, 3, "name"), "nobody");
  CHECK(t, testhost_counter(&d.t, "lookup_missing") == 2);
  drive_close(&d);
  CHECK(t, open_table(&d, file, (const char *const[]){"ignore_case", "true", "on_missing", "drop", NULL}) == ETL_OK);
  CHECK(t, drive_texts(&d, "v", keys, 5) == ETL_OK && d.out[0].rows.length == 4 && d.t.bad_n == 0);
  CHECK_TEXT(t, drive_cell(&d, 1, "v"), "FR");
  CHECK_TEXT(t, drive_cell(&d, 1, "name"), "France, la \"République\"");
  CHECK_TEXT(t, drive_cell(&d, 1, "since"), "NULL");
  CHECK_TEXT(t, drive_cell(&d, 3, "name"), "seven");
  drive_close(&d);
  CHECK(t, open_table(&d, file, (const char *const[]){"on_missing", "reject", NULL}) == ETL_OK);
  CHECK(t, drive_texts(&d, "v", keys, 5) == ETL_OK && d.out[0].rows.length == 3 && d.t.bad_n == 2);
  CHECK_TEXT(t, d.t.bad[1].message, "lookup: the table has no row for \"FR\" in column \"v\"");
  CHECK_TEXT(t, d.t.bad[1].raw, "{\"v\": \"FR\"}");
  CHECK(t, d.t.bad[0].row == 1 && d.t.bad[1].row == 2);
  drive_close(&d);
  CHECK(t, open_table(&d, file, (const char *const[]){"on_missing", "fail", NULL}) == ETL_OK);
  CHECK(t, drive_texts(&d, "v", keys, 5) == ETL_FAILED && d.t.error.error_class == ETL_E_DATA);
  CHECK_TEXT(t, d.t.message, "lookup: row 2: the table has no row for NULL in column \"v\"");
  drive_close(&d);
}

static void test_default(struct tap *t, const char *file) {
  struct drive d;
  drive_begin(&d, "lookup", (const char *const[]){"file", file, "key", "code", "on_missing", "default", NULL});
  drive_group(&d, "columns", (const char *const[]){"column", "people", "type", "int32", "default", "-1", NULL});
  drive_group(&d, "columns", (const char *const[]){"column", "name", NULL});
  CHECK(t, drive_start(&d) == ETL_OK && drive_texts(&d, "code", keys, 5) == ETL_OK);
  CHECK_TEXT(t, drive_cell(&d, 0, "people"), "85");
  CHECK_TEXT(t, drive_cell(&d, 1, "people"), "-1");
  CHECK_TEXT(t, drive_cell(&d, 1, "name"), "NULL");
  drive_close(&d);
}

/* Integers of any width are compared as numbers; two columns make one key. */
static void test_integers(struct tap *t, const char *file) {
  struct drive d;
  struct ArrowSchema s;
  struct ArrowArray rows;
  write_file(file, "a;b;v\n007;x;one\n-3;x;two\n7;y;three\n");
  drive_begin(&d, "lookup", (const char *const[]){"file", file, "delimiter", ";", "key", "n|k", "key_columns", "a|b", NULL});
  drive_group(&d, "columns", (const char *const[]){"column", "v", NULL});
  CHECK(t, drive_start(&d) == ETL_OK);
  drive_schema(&s, (const char *const[]){"k", "u", "n", "s", NULL});
  CHECK(t, drive_bind(&d, &s, (const char *const[]){"n", NULL}) == ETL_OK);
  CHECK_TEXT(t, d.out[0].key, "n");
  drive_batch(&d, &s, (const char *const[]){"x", "7", "x", "-3", "y", "7", "y", "-3", "x", NULL}, 5, &rows);
  CHECK(t, drive_process(&d, &rows) == ETL_OK);
  CHECK_TEXT(t, drive_cell(&d, 0, "v"), "one");
  CHECK_TEXT(t, drive_cell(&d, 1, "v"), "two");
  CHECK_TEXT(t, drive_cell(&d, 2, "v"), "three");
  CHECK_TEXT(t, drive_cell(&d, 3, "v"), "NULL");
  CHECK_TEXT(t, drive_cell(&d, 4, "v"), "NULL");
  s.release(&s);
  drive_close(&d);
}

static void test_duplicates(struct tap *t, const char *file) {
  static const struct { const char *choice, *want; } choices[] = {{"first", "1"}, {"last", "3"}, {"fail", NULL}};
  write_file(file, "v,n\na,1\nb,2\na,3\n");
  for (size_t i = 0; i < 3; i++) {
    struct drive d;
    drive_begin(&d, "lookup", (const char *const[]){"file", file, "key", "v", "on_duplicate", choices[i].choice, NULL});
    drive_group(&d, "columns", (const char *const[]){"column", "n", NULL});
    CHECK(t, drive_start(&d) == ETL_OK);
    int32_t rc = drive_texts(&d, "v", (const char *const[]){"a", "b"}, 2);
    if (choices[i].want) {
      CHECK(t, rc == ETL_OK);
      CHECK_TEXT(t, drive_cell(&d, 0, "n"), choices[i].want);
      CHECK_TEXT(t, drive_cell(&d, 1, "n"), "2");
    } else {
      CHECK_TEXT(t, d.t.message, "lookup: row 4 of the table has a key that an earlier row has: \"a\" in column \"v\"");
    }
    drive_close(&d);
  }
}

/* The second instance of a run uses what the first one read; another run reads anew. */
static void test_shared(struct tap *t, const char *file) {
  struct drive d, second;
  write_file(file, "v,n\na,1\n");
  drive_begin(&d, "lookup", (const char *const[]){"file", file, "key", "v", NULL});
  drive_group(&d, "columns", (const char *const[]){"column", "n", NULL});
  CHECK(t, drive_start(&d) == ETL_OK && drive_texts(&d, "v", (const char *const[]){"a"}, 1) == ETL_OK);
  write_file(file, "v,n\na,2\n");
  drive_begin(&second, "lookup", (const char *const[]){"file", file, "key", "v", NULL});
  drive_group(&second, "columns", (const char *const[]){"column", "n", NULL});
  CHECK(t, drive_start(&second) == ETL_OK && drive_texts(&second, "v", (const char *const[]){"a"}, 1) == ETL_OK);
  CHECK_TEXT(t, drive_cell(&second, 0, "n"), "1");
  drive_close(&d);
  CHECK(t, drive_texts(&second, "v", (const char *const[]){"a"}, 1) == ETL_OK);
  CHECK_TEXT(t, drive_cell(&second, 0, "n"), "1");
  drive_close(&second);
  drive_begin(&d, "lookup", (const char *const[]){"file", file, "key", "v", NULL});
  drive_group(&d, "columns", (const char *const[]){"column", "n", NULL});
  CHECK(t, drive_start(&d) == ETL_OK && drive_texts(&d, "v", (const char *const[]){"a"}, 1) == ETL_OK);
  CHECK_TEXT(t, drive_cell(&d, 0, "n"), "2");
  drive_close(&d);
}

static void test_sqlite(struct tap *t, const char *file) {
  static const char sql[] =
      "CREATE TABLE c (code INTEGER, name TEXT, x REAL); INSERT INTO c VALUES (1, 'one', 0.5), (2, NULL, 2), (NULL, 'n', 3)";
  struct drive d;
  struct ArrowSchema s;
  struct ArrowArray rows;
  sqlite3 *db;
  unlink(file);
  CHECK(t, sqlite3_open(file, &db) == SQLITE_OK && sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK &&
               sqlite3_close(db) == SQLITE_OK);
  drive_begin(
      &d, "lookup",
      (const char *const[]){"database", file, "query", "SELECT name, code, x FROM c", "key", "id", "key_columns", "code", NULL});
  drive_group(&d, "columns", (const char *const[]){"column", "name", NULL});
  drive_group(&d, "columns", (const char *const[]){"column", "x", "type", "float64", NULL});
  CHECK(t, drive_start(&d) == ETL_OK);
  drive_schema(&s, (const char *const[]){"id", "i", NULL});
  drive_batch(&d, &s, (const char *const[]){"2", "1", "3"}, 3, &rows);
  CHECK(t, drive_bind(&d, &s, NULL) == ETL_OK && drive_process(&d, &rows) == ETL_OK);
  s.release(&s);
  CHECK_TEXT(t, drive_cell(&d, 0, "name"), "NULL");
  CHECK_TEXT(t, drive_cell(&d, 0, "x"), "2");
  CHECK_TEXT(t, drive_cell(&d, 1, "name"), "one");
  CHECK_TEXT(t, drive_cell(&d, 2, "x"), "NULL");
  drive_close(&d);
  static const struct {
    const char *query, *message;
  } wrong[] = {{"SELECT nme FROM c", "no such column: nme"},
               {"DELETE FROM c", "the table has no column \"v\""},
               {"SELECT 1 AS v", "the table has no column \"name\""}};
  for (size_t i = 0; i < 3; i++) {
    drive_begin(&d, "lookup", (const char *const[]){"database", file, "query", wrong[i].query, "key", "v", NULL});
    drive_group(&d, "columns", (const char *const[]){"column", "name", NULL});
    CHECK(t, drive_start(&d) == ETL_OK && drive_texts(&d, "v", (const char *const[]){"a"}, 1) == ETL_FAILED);
    CHECK(t, d.t.error.error_class == ETL_E_CONFIG);
    CHECK_HAS(t, d.t.message, wrong[i].message);
    drive_close(&d);
  }
}

/* Without a server: what a user sees, and whether it is worth to try again. */
static void test_postgres(struct tap *t) {
  static const struct {
    const char *url, *message;
    uint32_t error_class;
  } urls[] = {{"postgresql://u:secret@127.0.0.1:1/d",
               "lookup: PostgreSQL: connection to server at \"127.0.0.1\", port 1 failed: ", ETL_E_RETRYABLE},
              {"postgresql://u:secret@[::1/d", "lookup: option url: it is no URL that libpq understands", ETL_E_CONFIG}};
  struct drive d;
  for (size_t i = 0; i < 3; i++) {
    size_t which = i % 2;
    drive_begin(&d, "lookup", (const char *const[]){"url", urls[which].url, "query", "SELECT 1", "key", "v", NULL});
    drive_group(&d, "columns", (const char *const[]){"column", "n", NULL});
    if (i == 2)
      testhost_cancel(&d.t);
    int32_t rc = drive_start(&d) == ETL_OK ? drive_texts(&d, "v", (const char *const[]){"a"}, 1) : ETL_OK;
    CHECK(t, rc == (i == 2 ? ETL_STOPPED : ETL_FAILED));
    CHECK(t, i == 2 || d.t.error.error_class == urls[which].error_class);
    CHECK_HAS(t, i == 2 ? urls[which].message : d.t.message, urls[which].message);
    CHECK(t, !strstr(d.t.message, "secret"));
    drive_close(&d);
  }
}

static void refused(struct tap *t, const char *const *options, const char *const *column, const char *message) {
  struct drive d;
  drive_begin(&d, "lookup", options);
  drive_group(&d, "columns", column);
  CHECK(t, drive_start(&d) == ETL_FAILED || drive_texts(&d, "v", (const char *const[]){"a"}, 1) == ETL_FAILED);
  CHECK_HAS(t, d.t.message, message);
  drive_close(&d);
}

static void test_refusals(struct tap *t, const char *file) {
  static const char *const n[] = {"column", "n", NULL};
  write_file(file, "v,n\na,1\nb,x\n");
  refused(t, (const char *const[]){"key", "v", NULL}, n, "lookup: option file: nothing says where the table is");
  refused(t, (const char *const[]){"key", "v", "file", file, "database", file, NULL}, n, "more than one source");
  refused(t, (const char *const[]){"key", "v", "database", file, NULL}, n, "option query: it is missing");
  refused(t, (const char *const[]){"key", "v", "file", file, "key_columns", "v|n", NULL}, n, "another number of columns than key");
  refused(t, (const char *const[]){"key", "w", "file", file, NULL}, n, "option key names column \"w\"");
  refused(t, (const char *const[]){"key", "v", "file", file, "key_columns", "w", NULL}, n,
          "option key_columns: the table has no column \"w\"");
  refused(t, (const char *const[]){"key", "v", "file", file, "max_rows", "1", NULL}, n, "the table has more than 1 rows");
  refused(t, (const char *const[]){"key", "v", "file", file, NULL}, (const char *const[]){"column", "n", "type", "int16", NULL},
          "row 3 of the table: \"x\" in column \"n\" is not of type int16: not a number");
  refused(t, (const char *const[]){"key", "v", "file", file, NULL}, (const char *const[]){"column", "n", "into", "v", NULL},
          "is there already");
  refused(t, (const char *const[]){"key", "v", "file", file, NULL}, (const char *const[]){"column", "n", "default", "1", NULL},
          "no effect");
  refused(t, (const char *const[]){"key", "v", "file", file, "on_missing", "default", NULL},
          (const char *const[]){"column", "n", "type", "bool", "default", "x", NULL},
          "a default is not of the column's type \"x\"");
  write_file(file, "v,n\na,M\xfcnchen\n");
  refused(t, (const char *const[]){"key", "v", "file", file, NULL}, n,
          "\"M\\xfcnchen\" in column \"n\" is not of type text: not UTF-8");
  write_file(file, "v,n\na,1\nb\n");
  refused(t, (const char *const[]){"key", "v", "file", file, NULL}, n, "line 3: fewer fields than names");
  write_file(file, "");
  refused(t, (const char *const[]){"key", "v", "file", file, NULL}, n, "the file is empty");
}

static void test_no_memory(struct tap *t, const char *file) {
  int64_t n = 0;
  write_file(file, table);
  for (bool done = false; !done && n < 100; n++) {
    struct drive d;
    open_table(&d, file, NULL);
    d.allocs_left = n;
    done = drive_texts(&d, "v", keys, 5) == ETL_OK;
    if (!done && d.t.error.error_class != ETL_E_PERMANENT)
      tap_check(t, false, __FILE__, __LINE__, "an error at allocation %d", (int)n);
    drive_close(&d);
  }
  CHECK(t, n > 5 && n < 100);
}

int main(void) {
  struct tap t = {0};
  char file[] = "lookup-XXXXXX";
  int fd = mkstemp(file);
  CHECK(&t, fd >= 0 && close(fd) == 0);
  write_file(file, table);
  test_missing(&t, file);
  test_default(&t, file);
  test_integers(&t, file);
  test_duplicates(&t, file);
  test_shared(&t, file);
  test_refusals(&t, file);
  test_no_memory(&t, file);
  test_sqlite(&t, file);
  test_postgres(&t);
  unlink(file);
  CHECK(&t, testhost_buffers() == 0);
  return tap_end(&t);
}
