/* Several streams in one instance: each with its table, in one epoch; and what a run's end does with several staging tables. */
#include <stdio.h>
#include <stdlib.h>

#include "sink.h"

static void fresh(const char *sql) {
  sink_sql("DROP TABLE IF EXISTS public.a, public.b, public.users CASCADE; DROP SCHEMA IF EXISTS etl, crm, \"We.ird\" CASCADE");
  sink_sql(sql);
}

/* From here on the sink speaks of this stream, with these columns. */
static void turn_to(struct sink *s, const char *stream, const char *const *columns) {
  s->stream.name = stream;
  sink_schema(s, columns);
}

static int32_t prepare(struct sink *s, const char *stream, const char *const *columns) {
  s->stream.name = stream;
  return sink_prepare(s, columns);
}

#define A ((const char *const[]){"id", "i", "v", "?u", NULL})
#define B ((const char *const[]){"n", "l", NULL})

static void message_by_message(struct tap *t) {
  struct sink s;
  fresh("");
  sink_open(&s, "r1", "eu1", 0, (const char *const[]){"table", "{stream_schema}.{stream_table}", NULL});
  CHECK(t, sink_claim(&s) == ETL_OK);
  CHECK(t, prepare(&s, "crm.a", A) == ETL_OK);
  CHECK(t, prepare(&s, "We.ird.b \"c\"", B) == ETL_OK);
  CHECK(t, sink_begin(&s, 0) == ETL_OK);
  for (int i = 0; i < 3; i++) {
    turn_to(&s, "crm.a", A);
    CHECK(t, sink_write(&s, (const char *const[]){"1", "x", "2", "y", END}) == ETL_OK);
    turn_to(&s, "We.ird.b \"c\"", B);
    CHECK(t, sink_write(&s, (const char *const[]){"10", END}) == ETL_OK);
  }
  CHECK(t, sink_commit(&s, 1, "here") == ETL_OK);
  CHECK_TEXT(t, sink_sql("SELECT (SELECT count(*) FROM crm.a), (SELECT sum(n) FROM \"We.ird\".\"b \"\"c\"\"\")"), "6|30");
  CHECK_TEXT(t, sink_sql("SELECT target, rows FROM etl.cursors"), "{stream_schema}.{stream_table}|9");
  sink_close(&s);
}

/* Lanes know nothing of each other: the sink does. */
static void one_table_one_stream(struct tap *t) {
  struct sink s, other;
  fresh("");
  sink_open(&s, "r1", "eu1", 0, (const char *const[]){"table", "a", NULL});
  CHECK(t, sink_claim(&s) == ETL_OK);
  CHECK(t, prepare(&s, "crm.a", A) == ETL_OK);
  sink_open(&other, "r1", "us1", 0, (const char *const[]){"table", "public.a", NULL});
  CHECK(t, prepare(&other, "crm.a", A) == ETL_OK);
  sink_close(&other);
  sink_open(&other, "r1", "us1", 0, (const char *const[]){"table", "public.a", NULL});
  CHECK(t, prepare(&other, "crm.b", B) == ETL_FAILED);
  CHECK(t, other.host.error.error_class == ETL_E_CONFIG);
  CHECK_HAS(t, other.host.message, "the streams crm.a and crm.b would both go into public.a");
  CHECK_TEXT(t, sink_sql("SELECT string_agg(attname, ' ') FROM pg_attribute WHERE attrelid = 'a'::regclass AND attnum > 0"), "id v");
  sink_close(&other);
  sink_open(&other, "r2", "us1", 0, (const char *const[]){"table", "public.a", NULL}); /* that was another run */
  CHECK(t, prepare(&other, "crm.b", A) == ETL_OK);
  sink_close(&other);
  sink_close(&s);
}

static void names_in_quotes(struct tap *t) {
  static const struct {
    const char *stream, *table, *name; /* as the target is told of */
  } cases[] = {{"crm.\"a.b\"", "public.{stream_table}", "public.a.b"},
               {"\"crm.x\".a", "{stream_schema}.{stream_table}", "crm.x.a"},
               {"\"crm\"\"x\".\"a\"", "{stream_schema}.{stream_table}", "crm\"x.a"},
               {"crm.\"a\"\"b\"", "public.\"{stream_table}\"", "public.a\"b"},
               {"crm.\"a\"b", "public.{stream_table}", "public.\"a\"b"},
               {"db.crm.a", "{stream_schema}.{stream_table}", "db.crm.a"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct sink s;
    fresh("DROP SCHEMA IF EXISTS \"crm.x\", \"crm\"\"x\", \"db.crm\" CASCADE; DROP TABLE IF EXISTS \"a.b\", \"a\"\"b\", \"\"\"a\"\"b\"");
    sink_open(&s, "r1", "eu1", 0, (const char *const[]){"table", cases[i].table, NULL});
    CHECK(t, sink_claim(&s) == ETL_OK);
    CHECK(t, prepare(&s, cases[i].stream, A) == ETL_OK);
    CHECK(t, s.host.changes_n == 1);
    CHECK_TEXT(t, s.host.changes[0].table, cases[i].name);
    CHECK_TEXT(t, sink_sql("SELECT schema_name || '.' || table_name FROM etl.targets"), cases[i].name);
    sink_close(&s);
  }
  fresh("DROP SCHEMA \"db.crm\" CASCADE; DROP TABLE \"\"\"a\"\"b\"");
}

/* A group of `tables` names a stream as a whole, or by its last part, with or without quotes; the whole name goes first. */
static void groups_find_their_streams(struct tap *t) {
  static const char *const streams[][2] = {{"crm.\"b.c\"", "b.c"}, {"crm.\"b.c\"", "\"b.c\""}, {"b.c", "b.c"}, {"crm.c", "c"}};
  for (size_t i = 0; i < sizeof streams / sizeof *streams; i++) {
    struct sink s;
    char group[80];
    fresh("");
    snprintf(group, sizeof group, "stream=%s|table=users", streams[i][1]);
    sink_open(&s, "r1", "eu1", 0, (const char *const[]){"table", "a", "tables", group, NULL});
    CHECK(t, sink_claim(&s) == ETL_OK);
    CHECK(t, prepare(&s, streams[i][0], A) == ETL_OK);
    CHECK_TEXT(t, sink_sql("SELECT table_name FROM etl.targets"), "users");
    sink_close(&s);
  }
}

/* The settings beside `tables` hold where a group says nothing. */
static void modes_of_their_own(struct tap *t) {
  struct sink s;
  fresh("");
  sink_open(&s, "r1", "eu1", 0,
            (const char *const[]){"table", "public.{stream}", "mode", "merge", "key", "id", "tables",
                                  "stream=b|table=public.b|mode=append", NULL});
  CHECK(t, sink_claim(&s) == ETL_OK);
  CHECK(t, prepare(&s, "a", A) == ETL_OK);
  CHECK(t, prepare(&s, "b", A) == ETL_OK);
  for (uint64_t epoch = 0; epoch < 2; epoch++) {
    CHECK(t, sink_begin(&s, epoch) == ETL_OK);
    for (int i = 0; i < 2; i++) {
      turn_to(&s, "a", A);
      CHECK(t, sink_write(&s, (const char *const[]){"1", i ? "last" : "first", END}) == ETL_OK);
      turn_to(&s, "b", A);
      CHECK(t, sink_write(&s, (const char *const[]){epoch ? (i ? "3" : "2") : "1", "x", END}) == ETL_OK);
      if (epoch == 0 && i == 0) /* the staging tables of an epoch that is undone come again */
        CHECK(t, s.api->abort(s.self) == ETL_OK && sink_begin(&s, 0) == ETL_OK);
    }
    CHECK(t, sink_commit(&s, epoch + 1, "here") == ETL_OK);
  }
  CHECK_TEXT(t, sink_sql("SELECT id, v FROM a"), "1|last");
  CHECK_TEXT(t, sink_sql("SELECT count(*) FROM b"), "3");
  sink_close(&s);
}

static void two_streams_and_one_table(struct tap *t) {
  struct sink s;
  fresh("");
  sink_open(&s, "r1", "eu1", 0, (const char *const[]){"table", "a", NULL});
  CHECK(t, sink_claim(&s) == ETL_OK);
  CHECK(t, prepare(&s, "dbo.a", A) == ETL_OK);
  CHECK(t, prepare(&s, "dbo.b", B) == ETL_FAILED);
  CHECK(t, s.host.error.error_class == ETL_E_CONFIG);
  CHECK_HAS(t, s.host.message, "the streams dbo.a and dbo.b would both go into public.a");
  CHECK_HAS(t, s.host.remedy, "{stream_table}");
  sink_close(&s);
}

static void a_careful_epoch(struct tap *t) {
  struct sink s;
  struct etl_txn txn = {.struct_size = sizeof txn, .id = "x", .flags = ETL_TXN_CAREFUL};
  fresh("CREATE TABLE a (id int PRIMARY KEY CHECK (id < 10), v text); CREATE TABLE b (n bigint CHECK (n > 0))");
  sink_open(&s, "r1", "eu1", 0, (const char *const[]){"table", "{stream_table}", NULL});
  CHECK(t, sink_claim(&s) == ETL_OK);
  CHECK(t, prepare(&s, "dbo.a", A) == ETL_OK);
  CHECK(t, prepare(&s, "dbo.b", B) == ETL_OK);
  txn.owner = s.owner;
  CHECK(t, s.api->begin(s.self, &txn) == ETL_OK);
  CHECK(t, sink_write(&s, (const char *const[]){"1", "-1", "2", END}) == ETL_OK);
  turn_to(&s, "dbo.a", A);
  CHECK(t, sink_write(&s, (const char *const[]){"1", "x", "11", "y", "2", "z", "2", "twice", END}) == ETL_OK);
  CHECK(t, sink_commit(&s, 1, "here") == ETL_OK);
  CHECK_TEXT(t, sink_sql("SELECT string_agg(id::text, ',' ORDER BY id), (SELECT string_agg(n::text, ',' ORDER BY n) FROM b) FROM a"), "1,2|1,2");
  CHECK(t, s.host.bad_n == 3);
  CHECK_TEXT(t, s.host.bad[0].stream, "dbo.b");
  CHECK_TEXT(t, s.host.bad[1].stream, "dbo.a");
  CHECK_TEXT(t, s.host.bad[1].vendor_state, "23514");
  CHECK_TEXT(t, s.host.bad[2].vendor_state, "23505");
  CHECK_TEXT(t, sink_sql("SELECT rows FROM etl.cursors"), "4");
  sink_close(&s);
}

/* ---- commit_sql ------------------------------------------------------------------------------------------------------------------------- */

static int32_t run_with(struct tap *t, struct sink *s, const char *const *options) {
  sink_open(s, "r1", "eu1", 0, options);
  CHECK(t, sink_claim(s) == ETL_OK);
  CHECK(t, prepare(s, "dbo.a", A) == ETL_OK);
  CHECK(t, prepare(s, "dbo.b", B) == ETL_OK);
  CHECK(t, sink_begin(s, 0) == ETL_OK);
  CHECK(t, sink_write(s, (const char *const[]){"10", "20", END}) == ETL_OK);
  turn_to(s, "dbo.a", A);
  CHECK(t, sink_write(s, (const char *const[]){"1", "x", END}) == ETL_OK);
  CHECK(t, sink_commit(s, 1, "here") == ETL_OK);
  CHECK_TEXT(t, sink_sql("SELECT count(*) FROM etl.asides"), "2");
  return s->api->run_end(s->self, "r1", 1);
}

static void statements_of_the_user(struct tap *t) {
  struct sink s;
  fresh("CREATE TABLE users (id int, v text, n numeric, seq int)");
  CHECK(t, run_with(t, &s,
                    (const char *const[]){"commit_sql",
                                          "INSERT INTO users SELECT id, v, n FROM ${staging.a}, ${staging.dbo.b}|UPDATE users SET "
                                          "v = concat(users.v, s.v) FROM ${staging.dbo.a} s",
                                          NULL}) == ETL_OK);
  CHECK_TEXT(t, sink_sql("SELECT * FROM users ORDER BY n"), "1|xx|10|NULL;1|xx|20|NULL");
  CHECK_TEXT(t, sink_sql("SELECT count(*) FROM etl.asides"), "0");
  CHECK_TEXT(t, sink_sql("SELECT aside, epoch, target FROM etl.cursors"), "|1|commit_sql");
  CHECK_TEXT(t, sink_sql("SELECT count(*) FROM pg_class WHERE relnamespace = 'etl'::regnamespace AND relname ~ '__r1'"), "0");
  sink_close(&s);
}

static void a_staging_table_of_the_user(struct tap *t) {
  struct sink s;
  fresh("CREATE TABLE users (id bigint, v varchar(9), seq int)");
  sink_open(&s, "r1", "eu1", 0,
            (const char *const[]){
                "commit_sql", "INSERT INTO users SELECT id, v, seq FROM ${staging.a}", "tables",
                "stream=a|staging_definition=id bigint CHECK (id > 0), v varchar(9), seq int GENERATED ALWAYS AS IDENTITY", NULL});
  CHECK(t, sink_claim(&s) == ETL_OK);
  CHECK(t, prepare(&s, "dbo.a", A) == ETL_OK);
  CHECK(t, sink_epoch(&s, 0, (const char *const[]){"-1", "x", END}) == ETL_FAILED);
  CHECK_TEXT(t, s.host.vendor_state, "23514");
  CHECK(t, sink_epoch(&s, 0, (const char *const[]){"7", "x", "8", "y", END}) == ETL_OK);
  CHECK(t, s.api->run_end(s.self, "r1", 1) == ETL_OK);
  CHECK_TEXT(t, sink_sql("SELECT id, v FROM users ORDER BY seq"), "7|x;8|y");
  sink_close(&s);
}

static void statements_that_fail(struct tap *t) {
  static const struct {
    const char *sql, *message;
  } cases[] = {{"INSERT INTO users SELECT id, v FROM ${staging.c}", "commit_sql names ${staging.c}, and there is no such stream"},
               {"INSERT INTO users SELECT id, v FROM ${staging.a}|SELECT 1 / 0", "commit_sql: division by zero"},
               {"CREATE OR REPLACE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; END; INSERT INTO users SELECT id, v FROM ${staging.a}; COMMIT",
                "a statement of commit_sql ended the transaction"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct sink s;
    fresh("CREATE TABLE users (id int, v text)");
    CHECK(t, run_with(t, &s, (const char *const[]){"commit_sql", cases[i].sql, NULL}) == ETL_FAILED);
    CHECK_HAS(t, s.host.message, cases[i].message);
    CHECK_TEXT(t, sink_sql("SELECT count(*) FROM etl.cursors WHERE aside = ''"), "0");
    if (i < 2)
      CHECK_TEXT(t, sink_sql("SELECT count(*) FROM users"), "0");
    CHECK(t, s.api->run_end(s.self, "r1", 0) == ETL_OK);
    CHECK_TEXT(t, sink_sql("SELECT count(*) FROM etl.asides"), "0");
    sink_close(&s);
  }
}

static void options_that_contradict(struct tap *t) {
  static const struct {
    const char *options[9], *option;
  } cases[] = {{{"commit_sql", "SELECT 1", "mode", "replace", NULL}, "commit_sql"},
               {{"commit_sql", "SELECT 1|DELETE FROM a; COMMIT", NULL}, "commit_sql"},
               {{"table", "a", "mode", "delete_missing", NULL}, "key"},
               {{"table", "a", "deleted_at", "x", NULL}, "deleted_at"},
               {{"table", "a", "staging_definition", "x int", NULL}, "staging_definition"},
               {{"table", "a", "mode", "insert_missing", "key", "id", "newest_by", "x", NULL}, "newest_by"},
               {{"mode", "append", NULL}, "table"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct sink s;
    sink_open(&s, "r1", NULL, 0, cases[i].options);
    CHECK(t, !s.self && s.host.error.error_class == ETL_E_CONFIG);
    CHECK_TEXT(t, s.host.option, cases[i].option);
    sink_close(&s);
  }
}

/* What was loaded so far, against tables that were added, taken away or changed since. */
static void tables_that_change(struct tap *t) {
  static const struct {
    const char *before, *lanes;
    bool stays;
  } cases[] = {{"dbo.a: a, b: b, out: o", "dbo.a,dbo.b,dbo.c", true},
               {"dbo.a: a", "dbo.a", true},
               {"dbo.a: a", "dbo.a,dbo.b", false},
               {"dbo.a: a, b: b, c: c", "dbo.a,dbo.b,dbo.c", true}, /* one is no longer loaded */
               {"public.a", "dbo.a", false},
               {"dbo.a: elsewhere, b: b, out: o", "dbo.a,dbo.b", false},
               {"dbo.a: a, b: b, out: elsewhere", "dbo.a,dbo.b", false}, /* which may be made from any stream */
               {"dbo.a: a, b: b, gone: g", "dbo.a,dbo.b", false},
               {"public.x, dbo.a: a, b: b", "dbo.a,dbo.b", false}, /* out may have gone there */
               {"public.x, dbo.a: a, b: b, out: o", "dbo.a,dbo.b", true},
               {"public.x, dbo.a: a, b: b, out: o", "dbo.a,dbo.c", false}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct sink s;
    char cursor[64], sql[400];
    fresh("");
    sink_open(&s, "r1", "eu1", 0,
              (const char *const[]){"tables", "stream=dbo.a|table=a", "tables", "stream=b|table=b", "tables", "stream=out|table=o", NULL});
    CHECK(t, sink_claim(&s) == ETL_OK);
    snprintf(sql, sizeof sql,
             "INSERT INTO etl.cursors (pipeline, stream, shard, target, epoch, cursor, rows, run) SELECT 'p', n, 'eu1', '%s', 1, 'x', 0, 'r0' "
             "FROM unnest('{%s}'::text[]) n",
             cases[i].before, cases[i].lanes);
    sink_sql(sql);
    CHECK(t, (sink_committed(&s, cursor) != UINT64_MAX) == cases[i].stays);
    if (!cases[i].stays)
      CHECK_HAS(t, s.host.message, cases[i].before);
    sink_close(&s);
  }
}

int main(void) {
  struct tap t = {0};
  message_by_message(&t);
  one_table_one_stream(&t);
  names_in_quotes(&t);
  groups_find_their_streams(&t);
  modes_of_their_own(&t);
  two_streams_and_one_table(&t);
  a_careful_epoch(&t);
  statements_of_the_user(&t);
  a_staging_table_of_the_user(&t);
  statements_that_fail(&t);
  options_that_contradict(&t);
  tables_that_change(&t);
  CHECK(&t, testhost_buffers() == 0);
  return tap_end(&t);
}
