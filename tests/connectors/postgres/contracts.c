/* Rows whose schema is not the table's: what each contract does to the table, to the rows and to single values. */
#include <stdlib.h>

#include "sink.h"

static void fresh(const char *sql) {
  sink_sql("DROP TABLE IF EXISTS t CASCADE; DROP SCHEMA IF EXISTS etl CASCADE");
  sink_sql(sql);
}

static void enter(struct tap *t, struct sink *s, const char *contract) {
  sink_open(s, "r1", "eu1", 0, (const char *const[]){"table", "t", "schema_contract", contract, NULL});
  CHECK(t, sink_claim(s) == ETL_OK);
}

static void expect_change(struct tap *t, const struct sink *s, size_t i, uint32_t kind, const char *column, const char *from, const char *to) {
  CHECK(t, s->host.changes_n > i && s->host.changes[i].kind == kind);
  CHECK_TEXT(t, s->host.changes[i].column, column);
  CHECK_TEXT(t, s->host.changes[i].from, from);
  CHECK_TEXT(t, s->host.changes[i].to, to);
  CHECK_TEXT(t, s->host.changes[i].stream, "dbo.t");
  CHECK_TEXT(t, s->host.changes[i].table, "public.t");
}

#define SHAPE                                                                                                                      \
  "SELECT string_agg(attname || ' ' || format_type(atttypid, atttypmod), ', ' ORDER BY attnum) FROM pg_attribute WHERE attrelid "  \
  "= 't'::regclass AND attnum > 0"

/* ---- evolve -------------------------------------------------------------------------------------------------------------------------- */

static void columns_are_added(struct tap *t) {
  struct sink s;
  fresh("CREATE TABLE t (id int, \"Größe $etl$\" int); INSERT INTO t VALUES (0, 0)");
  enter(t, &s, "evolve");
  CHECK(t, sink_prepare(&s, (const char *const[]){"id", "i", "Größe $etl$", "i", "Neu \"x\" $etl$ '\\", "?u", "at", "?tsu:", NULL}) == ETL_OK);
  CHECK(t, s.host.changes_n == 2);
  expect_change(t, &s, 0, ETL_CHANGE_COLUMN_ADDED, "Neu \"x\" $etl$ '\\", "", "text");
  expect_change(t, &s, 1, ETL_CHANGE_COLUMN_ADDED, "at", "", "timestamp without time zone");
  CHECK(t, sink_epoch(&s, 0, (const char *const[]){"1", "2", "new", "0", END}) == ETL_OK);
  CHECK_TEXT(t, sink_sql("SELECT * FROM t ORDER BY id"), "0|0|NULL|NULL;1|2|new|1970-01-01 00:00:00");
  testhost_clear(&s.host);
  CHECK(t, sink_prepare(&s, (const char *const[]){"id", "i", "Größe $etl$", "i", "Neu \"x\" $etl$ '\\", "?u", "at", "?tsu:", NULL}) == ETL_OK);
  CHECK(t, s.host.changes_n == 0); /* it is done */
  sink_close(&s);
}

static void a_table_is_made(struct tap *t) {
  struct sink s;
  fresh("");
  enter(t, &s, "freeze");
  CHECK(t, sink_prepare(&s, (const char *const[]){"id", "i", NULL}) == ETL_OK);
  CHECK(t, s.host.changes_n == 1);
  expect_change(t, &s, 0, ETL_CHANGE_TABLE_CREATED, "", "", "");
  CHECK(t, sink_prepare(&s, (const char *const[]){"id", "i", NULL}) == ETL_OK);
  CHECK(t, s.host.changes_n == 1);
  sink_close(&s);
}

static void types_are_widened(struct tap *t) {
  static const struct {
    const char *type, *format, *source, *wider; /* wider NULL: it stays */
  } cases[] = {{"smallint", "i", NULL, "integer"},
               {"smallint", "l", NULL, "bigint"},
               {"integer", "l", NULL, "bigint"},
               {"integer", "I", NULL, "bigint"},
               {"bigint", "i", NULL, NULL},
               {"real", "g", NULL, "double precision"},
               {"double precision", "f", NULL, NULL},
               {"varchar(5)", "u", "nvarchar(20)", "character varying(20)"},
               {"varchar(5)", "u", "nvarchar(max)", "text"},
               {"varchar(5)", "u", "varchar(3)", NULL},
               {"varchar(5)", "u", NULL, NULL},
               {"numeric(8,2)", "d:10,2", NULL, "numeric(10,2)"},
               {"numeric(8,2)", "d:8,4", NULL, "numeric(10,4)"},
               {"numeric(8,2)", "d:6,1", NULL, NULL},
               {"numeric", "d:20,5", NULL, NULL},
               {"timestamp(0)", "tsu:", NULL, "timestamp without time zone"},
               {"timestamp(0)", "tsu:", "timestamp(3) without time zone", "timestamp without time zone"},
               {"timestamp(0)", "tsu:", "timestamp(0) without time zone", NULL},
               {"timestamp(0)", "tss:", NULL, NULL},
               {"timestamp(3)", "tsu:", "datetime", NULL},
               {"timestamp(0)", "tsu:", "smalldatetime", NULL},
               {"timestamp(6)", "tsn:", "datetime2(7)", NULL},
               {"timestamp(3) with time zone", "tsn:UTC", "datetimeoffset(7)", "timestamp with time zone"},
               {"time(0)", "ttu", "time(7)", "time without time zone"},
               {"time(3)", "ttu", "time(3)", NULL}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct sink s;
    char sql[200], before[64];
    snprintf(sql, sizeof sql, "CREATE TABLE t (a %s)", cases[i].type);
    fresh(sql);
    snprintf(before, sizeof before, "%s",
             sink_sql("SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 't'::regclass AND attnum = 1"));
    enter(t, &s, "evolve");
    sink_schema(&s, (const char *const[]){"a", cases[i].format, NULL});
    etl_schema_set(&s.schema, 0, "a", cases[i].format, true, cases[i].source, NULL);
    CHECK(t, s.api->prepare(s.self, &s.stream, &s.schema) == ETL_OK);
    CHECK_TEXT(t,
               sink_sql("SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 't'::regclass AND attnum = 1"),
               cases[i].wider ? cases[i].wider : before);
    CHECK(t, s.host.changes_n == (cases[i].wider != NULL));
    if (cases[i].wider)
      expect_change(t, &s, 0, ETL_CHANGE_TYPE_WIDENED, "a", before, cases[i].wider);
    sink_close(&s);
  }
}

static void what_cannot_be_widened(struct tap *t) {
  static const struct {
    const char *sql, *format, *message, *remedy;
  } cases[] = {
      {"CREATE TABLE t (a int)", "u", "column \"a\" of public.t is integer, which cannot take u of the source",
       "ALTER COLUMN \"a\" TYPE text"},
      {"CREATE TABLE t (a int); CREATE VIEW v AS SELECT a FROM t", "l", "since view v uses it", "ALTER COLUMN \"a\" TYPE bigint"},
      {"CREATE TABLE t (a int, b int GENERATED ALWAYS AS (a * 2) STORED)", "l", "column b of table t",
       "ALTER COLUMN \"a\" TYPE bigint"},
      {"DROP DOMAIN IF EXISTS small; CREATE DOMAIN small AS int CHECK (VALUE < 10); CREATE TABLE t (a small)", "l",
       "is small, which cannot take l", "ALTER COLUMN"},
      {"CREATE TABLE t (a numeric(10,2)); CREATE VIEW v AS SELECT a FROM t", "d:18,4", "since view v uses it", "TYPE numeric(18,4)"},
      {"CREATE TABLE t (a timestamp(0)); CREATE VIEW v AS SELECT a FROM t", "tsu:", "since view v uses it", "TYPE timestamp"},
      {"DROP DOMAIN IF EXISTS money2; CREATE DOMAIN money2 AS numeric(20,2); CREATE TABLE t (a money2)", "d:18,4",
       "is money2, which cannot take d:18,4 of the source; digits would be rounded away", "ALTER COLUMN"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct sink s;
    fresh(cases[i].sql);
    enter(t, &s, "evolve");
    CHECK(t, sink_prepare(&s, (const char *const[]){"a", cases[i].format, NULL}) == ETL_FAILED);
    CHECK(t, s.host.error.error_class == ETL_E_SCHEMA);
    CHECK_HAS(t, s.host.message, cases[i].message);
    CHECK_HAS(t, s.host.remedy, cases[i].remedy);
    CHECK(t, s.host.changes_n == 0);
    sink_close(&s);
  }
}

/* Longer texts may or may not come: a view is no reason to stop for them. */
static void a_view_on_a_short_text(struct tap *t) {
  struct sink s;
  fresh("CREATE TABLE t (a varchar(3)); CREATE VIEW v AS SELECT a FROM t");
  enter(t, &s, "evolve");
  sink_schema(&s, (const char *const[]){"a", "u", NULL});
  etl_schema_set(&s.schema, 0, "a", "u", true, "nvarchar(20)", NULL);
  CHECK(t, s.api->prepare(s.self, &s.stream, &s.schema) == ETL_OK);
  CHECK(t, sink_epoch(&s, 0, (const char *const[]){"abc", END}) == ETL_OK);
  CHECK_TEXT(t, sink_sql("SELECT a FROM v"), "abc");
  sink_close(&s);
}

/* Digits are never rounded away, whatever the contract. */
static void digits_are_not_rounded(struct tap *t) {
  static const struct {
    const char *type, *format, *fits, *finer, *there; /* a value that fits, one that does not, and how the first looks then */
  } cases[] = {{"numeric(10,2)", "?d:18,4", "12300", "12345", "1.23"},
               {"timestamp(0)", "?tsu:", "2000000", "2000001", "1970-01-01 00:00:02"},
               {"timestamp(3) with time zone", "?tsn:UTC", "-1000000", "-1000001", "1969-12-31 23:59:59.999+00"},
               {"time(0)", "?ttm", "1000", "1001", "00:00:01"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct sink s;
    char sql[200];
    snprintf(sql, sizeof sql, "CREATE TABLE t (id int, a %s)", cases[i].type);
    fresh(sql);
    enter(t, &s, "freeze");
    CHECK(t, sink_prepare(&s, (const char *const[]){"id", "i", "a", cases[i].format, NULL}) == ETL_FAILED);
    CHECK(t, s.host.error.error_class == ETL_E_SCHEMA);
    CHECK_HAS(t, s.host.message, "digits would be rounded away; schema_contract = \"freeze\" alters none");
    sink_close(&s);
    enter(t, &s, "discard_row");
    CHECK(t, sink_prepare(&s, (const char *const[]){"id", "i", "a", cases[i].format, NULL}) == ETL_OK);
    CHECK(t, sink_epoch(&s, 0, (const char *const[]){"1", cases[i].fits, "2", cases[i].finer, END}) == ETL_OK);
    CHECK(t, s.host.bad_n == 1 && s.host.bad[0].row == 1);
    snprintf(sql, sizeof sql, "1|%s", cases[i].there);
    CHECK_TEXT(t, sink_sql("SELECT * FROM t"), sql);
    sink_close(&s);
  }
}

/* A source that says of itself that it has no such digits is believed at first; its values are looked at all the same. */
static void a_source_with_finer_values_than_it_says(struct tap *t) {
  struct sink s;
  fresh("CREATE TABLE t (a timestamp(0))");
  enter(t, &s, "freeze");
  sink_schema(&s, (const char *const[]){"a", "tsu:", NULL});
  etl_schema_set(&s.schema, 0, "a", "tsu:", true, "timestamp(0) without time zone", NULL);
  CHECK(t, s.api->prepare(s.self, &s.stream, &s.schema) == ETL_OK);
  CHECK(t, sink_epoch(&s, 0, (const char *const[]){"0", "999999", END}) == ETL_OK);
  CHECK(t, s.host.bad_n == 1);
  CHECK_TEXT(t, sink_sql("SELECT a FROM t"), "1970-01-01 00:00:00");
  sink_close(&s);
}

static void referred_and_referring_tables(struct tap *t) {
  struct sink s;
  fresh("CREATE TABLE t (id int PRIMARY KEY, up int REFERENCES t); DROP TABLE IF EXISTS child; CREATE TABLE child (id int REFERENCES t)");
  enter(t, &s, "evolve");
  CHECK(t, sink_prepare(&s, (const char *const[]){"id", "l", "up", "?l", NULL}) == ETL_OK);
  CHECK_TEXT(t, sink_sql(SHAPE), "id bigint, up bigint");
  CHECK_TEXT(t, sink_sql("SELECT count(*) FROM pg_constraint WHERE confrelid = 't'::regclass"), "2");
  sink_sql("DROP TABLE child");
  sink_close(&s);
}

static void only_the_owner_alters(struct tap *t) {
  struct sink s;
  fresh("CREATE TABLE t (id int); DROP ROLE IF EXISTS writer; CREATE ROLE writer LOGIN PASSWORD 'w'; GRANT INSERT, SELECT ON t TO "
        "writer; GRANT CREATE ON DATABASE sink TO writer");
  sink_open(&s, "r1", "eu1", 0, (const char *const[]){"table", "t", "user", "writer", "password", "w", NULL});
  CHECK(t, sink_claim(&s) == ETL_OK);
  CHECK(t, sink_prepare(&s, (const char *const[]){"id", "i", "v", "?u", NULL}) == ETL_FAILED);
  CHECK(t, s.host.error.error_class == ETL_E_SCHEMA);
  CHECK_HAS(t, s.host.message, "only its owner may add one");
  CHECK_TEXT(t, s.host.remedy, "ALTER TABLE \"public\".\"t\" ADD COLUMN \"v\" text; or leave the column out");
  sink_close(&s);
  sink_sql("DROP SCHEMA etl CASCADE; DROP OWNED BY writer; DROP ROLE writer");
}

/* ---- while the run goes on ----------------------------------------------------------------------------------------------------------- */

/* 64 bits are 64 bits to a binary COPY, whatever they mean. */
static void altered_between_two_epochs(struct tap *t) {
  static const struct {
    const char *contract, *mode;
  } cases[] = {{"evolve", "append"}, {"freeze", "append"}, {"freeze", "merge"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct sink s;
    fresh("CREATE TABLE t (id int PRIMARY KEY, v bigint)");
    sink_open(&s, "r1", "eu1", 0,
              (const char *const[]){"table", "t", "schema_contract", cases[i].contract, "mode", cases[i].mode, "key", "id", NULL});
    CHECK(t, sink_claim(&s) == ETL_OK);
    CHECK(t, sink_prepare(&s, (const char *const[]){"id", "i", "v", "?l", NULL}) == ETL_OK);
    CHECK(t, sink_epoch(&s, 0, (const char *const[]){"1", "1", END}) == ETL_OK);
    sink_sql("ALTER TABLE t ALTER v TYPE double precision");
    CHECK(t, sink_epoch(&s, 1, (const char *const[]){"2", "2", END}) == ETL_FAILED);
    CHECK(t, s.host.error.error_class == ETL_E_SCHEMA);
    CHECK_HAS(t, s.host.message, "column \"v\" of public.t is double precision, which cannot take l of the source");
    s.api->abort(s.self);
    CHECK_TEXT(t, sink_sql("SELECT * FROM t"), "1|1");
    sink_close(&s);
  }
}

static void a_discarding_contract_goes_on(struct tap *t) {
  struct sink s;
  fresh("CREATE TABLE t (id int, v bigint, w int)");
  enter(t, &s, "discard_row");
  CHECK(t, sink_prepare(&s, (const char *const[]){"id", "i", "v", "?l", "w", "?i", NULL}) == ETL_OK);
  CHECK(t, sink_epoch(&s, 0, (const char *const[]){"1", "1", "1", END}) == ETL_OK);
  sink_sql("ALTER TABLE t ALTER v TYPE double precision, DROP COLUMN w");
  CHECK(t, sink_epoch(&s, 1, (const char *const[]){"2", NULL, NULL, "3", "3", NULL, "4", NULL, "4", END}) == ETL_OK);
  CHECK(t, s.host.bad_n == 2);
  CHECK(t, s.host.changes_n == 1);
  expect_change(t, &s, 0, ETL_CHANGE_COLUMN_LEFT_OUT, "w", "i", "");
  CHECK_TEXT(t, sink_sql("SELECT * FROM t ORDER BY id"), "1|1;2|NULL");
  sink_close(&s);
}

int main(void) {
  struct tap t = {0};
  columns_are_added(&t);
  a_table_is_made(&t);
  types_are_widened(&t);
  what_cannot_be_widened(&t);
  a_view_on_a_short_text(&t);
  digits_are_not_rounded(&t);
  a_source_with_finer_values_than_it_says(&t);
  referred_and_referring_tables(&t);
  only_the_owner_alters(&t);
  altered_between_two_epochs(&t);
  a_discarding_contract_goes_on(&t);
  CHECK(&t, testhost_buffers() == 0);
  return tap_end(&t);
}
