/* Reading on from a cursor: ties, safe points, hidden columns, NULLs, the upper bound, and cursors that do not belong here. */
#include <stdlib.h>

#include "well.h"

#define BY_TIME "table", "t", "cursor", "at|id"

static void table_with_ties(void) {
  sink_sql("DROP TABLE IF EXISTS t; CREATE TABLE t (id bigint PRIMARY KEY, at timestamp NOT NULL, name text)");
  sink_sql("INSERT INTO t SELECT i, timestamp '2024-05-01 10:00:00.123456' + i / 10 * interval '1 second', 'n' || i FROM "
           "generate_series(1, 95) i");
}

/* Batches of 7 rows: every cursor must stand between two different tuples, and reading on from each gives just the rest. */
static void safe_points(struct tap *t) {
  struct well w, again;
  table_with_ties();
  well_open(&w, 0, (const char *const[]){BY_TIME, NULL});
  well_open(&again, 0, (const char *const[]){BY_TIME, NULL});
  CHECK(t, well_reader(&w, "public.t", NULL, &(struct etl_read){.want_rows = 7}) == ETL_OK);
  int64_t total = 0;
  while (w.reader && well_next(&w, 0) == ETL_OK) {
    if (w.rows_behind > 0)
      continue;
    total = w.rows_n;
    CHECK(t, well_read(&again, "public.t", w.cursor) == ETL_DONE && again.rows_n == 95 - total);
  }
  CHECK(t, w.rows_n == 95 && w.rows_behind == 0 && w.cursors == 14);
  CHECK_TEXT(t, w.cursor,
             "{\"v\":1,\"columns\":[\"at\",\"id\"],\"types\":[\"timestamp without time zone\",\"bigint\"],\"values\":[\"2024-05-01 "
             "10:00:09.123456\",\"95\"]}");
  CHECK(t, w.lag_ns > INT64_C(1000000000) * 86400);
  CHECK(t, well_read(&again, "public.t", w.cursor) == ETL_DONE && again.rows_n == 0);
  CHECK_TEXT(t, again.cursor, w.cursor);
  well_close(&w);
  well_close(&again);
}

/* With the time alone as the cursor its ties must not be torn apart. */
static void ties(struct tap *t) {
  struct well w;
  table_with_ties();
  well_open(&w, 0, (const char *const[]){"table", "t", "cursor", "at", NULL});
  CHECK(t, well_reader(&w, "public.t", NULL, &(struct etl_read){.want_rows = 4}) == ETL_OK);
  int32_t rc;
  while ((rc = well_next(&w, 0)) == ETL_OK)
    if (w.rows_behind == 0)
      CHECK(t, w.rows_n % 10 == 9);
  CHECK(t, rc == ETL_DONE && w.rows_n == 95 && w.rows_behind == 0);
  CHECK(t, well_reader(&w, "public.t", NULL, &(struct etl_read){.want_rows = 1000}) == ETL_OK);
  CHECK(t, well_next(&w, 1) == ETL_OK && w.rows_n == 9 && w.rows_behind == 0); /* asked for, at the first safe point */
  CHECK(t, well_reader(&w, "public.t", NULL, &(struct etl_read){.want_rows = 1000, .limit_rows = 12}) == ETL_OK);
  CHECK(t, well_drain(&w) == ETL_DONE && w.rows_n == 19 && w.rows_behind == 0);
  well_close(&w);
}

static void hidden_columns(struct tap *t) {
  struct well w;
  table_with_ties();
  well_open(&w, 0, (const char *const[]){BY_TIME, "columns", "name", NULL});
  CHECK(t, well_read(&w, "public.t", NULL) == ETL_DONE);
  CHECK(t, w.schema.n_children == 1 && w.rows_n == 95);
  CHECK(t, strncmp(w.rows, "{\"name\": \"n1\"};{\"name\": \"n2\"};", 30) == 0);
  char cursor[4096];
  snprintf(cursor, sizeof cursor, "%s", w.cursor);
  CHECK(t, well_read(&w, "public.t", cursor) == ETL_DONE && w.rows_n == 0);
  well_close(&w);
  well_open(&w, 0, (const char *const[]){BY_TIME, "exclude", "at", "where", "id > 93 -- the newest", NULL});
  CHECK(t, well_read(&w, "public.t", NULL) == ETL_DONE);
  CHECK_TEXT(t, w.rows, "{\"id\": 94, \"name\": \"n94\"};{\"id\": 95, \"name\": \"n95\"};");
  well_close(&w);
}

static void nulls(struct tap *t) {
  struct well w;
  sink_sql("DROP TABLE IF EXISTS t; CREATE TABLE t (id int, at timestamp); INSERT INTO t VALUES (1, '2024-05-01'), (2, NULL), "
           "(NULL, '2024-05-01')");
  well_open(&w, 0, (const char *const[]){BY_TIME, NULL});
  CHECK(t, well_read(&w, "public.t", NULL) == ETL_DONE && w.rows_n == 1);
  CHECK(t, testhost_counter(&w.host, "null_cursor_rows") == 2);
  CHECK(t, testhost_logged(&w.host, ETL_LOG_WARN, "2 rows have NULL in a cursor column and are not read"));
  well_close(&w);
  well_open(&w, 0, (const char *const[]){BY_TIME, "null_cursor", "fail", NULL});
  CHECK(t, well_read(&w, "public.t", NULL) == ETL_FAILED && w.host.error.error_class == ETL_E_DATA);
  well_close(&w);
}

/* Rows younger than the delay wait, by the server's clock and in the column's terms. */
static void upper_bound(struct tap *t) {
  static const struct {
    const char *type, *now, *clock;
    int64_t rows;
  } cases[] = {{"timestamptz", "now()", "utc", 2},
               {"timestamp", "now() AT TIME ZONE 'UTC'", "utc", 2},
               {"timestamp", "now() AT TIME ZONE 'Asia/Tokyo'", "local", 2},
               {"timestamp(0)", "now() AT TIME ZONE 'UTC'", "utc", 2},
               {"date", "(now() AT TIME ZONE 'UTC')::date + interval '1 day'", "utc", 1},
               {"int", "extract(epoch FROM now())::int", "utc", 4}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct well w;
    char sql[600];
    const char *unit = i == 5 ? "1" : "interval '1 second'";
    snprintf(sql, sizeof sql,
             "DROP TABLE IF EXISTS t; CREATE TABLE t (id int, at %s); INSERT INTO t SELECT i, (%s) + x * %s FROM (VALUES (1, "
             "-100000), (2, -60), (3, -5), (4, 3600)) v(i, x)",
             cases[i].type, cases[i].now, unit);
    CHECK_TEXT(t, sink_sql(sql), "");
    well_open(&w, 0,
              (const char *const[]){BY_TIME, "consistency_delay", "20s", "cursor_clock", cases[i].clock, "options",
                                    "-c timezone=Asia/Tokyo", NULL});
    CHECK(t, well_read(&w, "public.t", NULL) == ETL_DONE);
    tap_check(t, w.rows_n == cases[i].rows, __FILE__, __LINE__, "%s %s: %lld rows, %lld wanted", cases[i].type, cases[i].clock,
              (long long)w.rows_n, (long long)cases[i].rows);
    well_close(&w);
  }
}

/* Every type that can be a cursor column: each of its values reads on to the next. */
static void types(struct tap *t) {
  static const struct {
    const char *type, *values; /* in ascending order */
    int n;
  } cases[] = {{"smallint", "(-32768), (0), (32767)", 3},
               {"numeric(38,10)", "(-1.5), (0), (1234567890123456789012345678.0123456789)", 3},
               {"oid", "(1), (4294967295)", 2},
               {"date", "('4713-01-01 BC'), ('0001-01-01'), ('2024-02-29')", 3},
               {"timestamptz",
                "('4713-01-01 00:00:00+00 BC'), ('0044-03-15 12:00:00+00 BC'), ('1999-12-31 23:59:59.999999+00'), ('2024-02-29 "
                "00:00:00.5+00')",
                4}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct well w;
    char sql[600];
    snprintf(sql, sizeof sql, "DROP TABLE IF EXISTS t; CREATE TABLE t (a %s); INSERT INTO t VALUES %s", cases[i].type,
             cases[i].values);
    CHECK_TEXT(t, sink_sql(sql), "");
    well_open(&w, 0, (const char *const[]){"table", "t", "cursor", "a", NULL});
    char cursor[4096] = "";
    int seen = 0;
    int32_t rc = ETL_DONE;
    for (int64_t got = 1; rc == ETL_DONE && got && seen < 10; seen += (int)got) {
      rc = well_reader(&w, "public.t", seen ? cursor : NULL, &(struct etl_read){.limit_rows = 1});
      rc = rc == ETL_OK ? well_drain(&w) : rc;
      got = w.rows_n;
      snprintf(cursor, sizeof cursor, "%s", w.cursor);
    }
    tap_check(t, rc == ETL_DONE && seen == cases[i].n, __FILE__, __LINE__, "%s: %d of %d, %s %s", cases[i].type, seen, cases[i].n,
              cursor, w.host.message);
    well_close(&w);
  }
}

static void second_columns(struct tap *t) {
  static const char *const types[] = {"text", "varchar(9)", "char(9)", "uuid", "boolean", "bytea", "time", "name"};
  static const char *const values[] = {"('a''\\'), ('b')",
                                       "('a'), ('b')",
                                       "('a'), ('b')",
                                       "('00112233-4455-6677-8899-aabbccddeeff'), ('ff112233-4455-6677-8899-aabbccddeeff')",
                                       "(false), (true)",
                                       "('\\x00'), ('\\xff')",
                                       "('00:00'), ('23:59:59.5')",
                                       "('a'), ('b')"};
  for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
    struct well w;
    char sql[600];
    snprintf(sql, sizeof sql,
             "DROP TABLE IF EXISTS t; CREATE TABLE t (id int, a %s); INSERT INTO t SELECT 7, a::%s FROM (VALUES %s) v(a)", types[i],
             types[i], values[i]);
    CHECK_TEXT(t, sink_sql(sql), "");
    well_open(&w, 0, (const char *const[]){"table", "t", "cursor", "id|a", NULL});
    CHECK(t, well_reader(&w, "public.t", NULL, &(struct etl_read){.limit_rows = 1}) == ETL_OK && well_drain(&w) == ETL_DONE &&
                 w.rows_n == 1);
    char cursor[4096];
    snprintf(cursor, sizeof cursor, "%s", w.cursor);
    CHECK(t, well_read(&w, "public.t", cursor) == ETL_DONE);
    tap_check(t, w.rows_n == 1, __FILE__, __LINE__, "%s: %lld rows behind %s, %s", types[i], (long long)w.rows_n, cursor,
              w.host.message);
    well_close(&w);
  }
}

static void refused(struct tap *t, const char *stream, const char *cursor, const char *const *options, const char *message) {
  struct well w;
  well_open(&w, 0, options);
  CHECK(t, well_read(&w, stream, cursor) == ETL_FAILED);
  CHECK(t, w.host.error.error_class == ETL_E_CONFIG);
  CHECK_HAS(t, w.host.message, message);
  CHECK(t, *w.host.remedy || !cursor);
  well_close(&w);
}

static void refusals(struct tap *t) {
  const char *by_id = "{\"v\":1,\"columns\":[\"id\"],\"types\":[\"bigint\"],\"values\":[\"5\"]}";
  const char *other = "{\"v\":1,\"columns\":[\"at\",\"id\"],\"types\":[\"date\",\"bigint\"],\"values\":[\"2024-05-01\",\"5\"]}";
  table_with_ties();
  sink_sql("DROP TABLE IF EXISTS v; CREATE COLLATION IF NOT EXISTS ci (provider = icu, locale = 'und-u-ks-level2', deterministic = "
           "false); "
           "CREATE TABLE v (id int, f double precision, n numeric, x text COLLATE ci, a int[])");
  refused(t, "public.t", by_id, (const char *const[]){BY_TIME, NULL}, "another number of them");
  refused(t, "public.t", other, (const char *const[]){BY_TIME, NULL},
          "it is of at date, column 1 is now at timestamp without time zone");
  refused(t, "public.t", "garbage", (const char *const[]){BY_TIME, NULL}, "it is damaged");
  refused(t, "public.t", "{\"v\":2}", (const char *const[]){BY_TIME, NULL}, "a newer version of this connector wrote it");
  refused(t, "public.t", "{\"v\":1,\"whole\":true}", (const char *const[]){BY_TIME, NULL},
          "it is from runs without cursor columns");
  refused(t, "public.t", NULL, (const char *const[]){"table", "t", "cursor", "At", NULL}, "public.t has no column \"At\"");
  refused(t, "public.t", NULL, (const char *const[]){"table", "t", "columns", "nix", NULL}, "public.t has no column \"nix\"");
  refused(t, "public.t", NULL, (const char *const[]){"table", "t", "cursor", "name", NULL},
          "the first cursor column must be a time or a number");
  refused(t, "public.v", NULL, (const char *const[]){"table", "v", "cursor", "f", NULL}, "floating-point");
  refused(t, "public.v", NULL, (const char *const[]){"table", "v", "cursor", "n", NULL}, "only a numeric with a precision");
  refused(t, "public.v", NULL, (const char *const[]){"table", "v", "cursor", "id|x", NULL},
          "its collation takes different texts for equal");
  refused(t, "public.v", NULL, (const char *const[]){"table", "v", "cursor", "id|a", NULL}, "cannot be read on from");
  refused(t, "public.t", NULL, (const char *const[]){"table", "t", "shard_column", "name", NULL},
          "public.t has a column \"name\" already");
  refused(t, "public.nix", NULL, (const char *const[]){"table", "nix", NULL}, "there is no table or view public.nix");
}

int main(void) {
  struct tap t = {0};
  safe_points(&t);
  ties(&t);
  hidden_columns(&t);
  nulls(&t);
  upper_bound(&t);
  types(&t);
  second_columns(&t);
  refusals(&t);
  CHECK(&t, testhost_buffers() == 0);
  return tap_end(&t);
}
