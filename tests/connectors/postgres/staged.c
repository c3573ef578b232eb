/* Runs whose rows are staged: one commit at the end, by mode or by the user's statements; what is missing is deleted. */
#include <stdlib.h>

#include "sink.h"

#define COLUMNS ((const char *const[]){"id", "i", "v", "?u", NULL})

static void fresh(const char *sql) {
  sink_sql("DROP TABLE IF EXISTS t, u CASCADE; DROP SCHEMA IF EXISTS etl CASCADE");
  sink_sql(sql);
}

struct job { /* the run's own instance and that of its lane */
  struct sink control, lane;
  const char *run;
};

static void job_open(struct tap *t, struct job *j, const char *run, uint32_t flags, const char *const *options) {
  struct etl_claim c = {.struct_size = sizeof c, .run = run};
  j->run = run;
  sink_open(&j->control, run, NULL, flags, options);
  sink_open(&j->lane, run, "dbo.t/eu1", flags, options);
  CHECK(t, j->control.self && j->lane.self);
  CHECK(t, j->control.api->claim(j->control.self, &c, &j->control.owner) == ETL_OK);
  CHECK(t, j->control.api->run_begin(j->control.self, run) == ETL_OK);
  j->lane.owner = j->control.owner;
}

static int32_t job_end(struct job *j, bool ok) { return j->control.api->run_end(j->control.self, j->run, ok); }

static void job_close(struct job *j) {
  sink_close(&j->lane);
  sink_close(&j->control);
}

static const char *stagings(void) {
  return sink_sql("SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = 'etl' AND relname "
                  "LIKE '%\\_\\_r%' AND relkind = 'r'");
}

/* ---- by mode ------------------------------------------------------------------------------------------------------------------------- */

static void nothing_is_seen_before_the_end(struct tap *t, const char *mode, const char *key, const char *expected) {
  struct job j;
  char cursor[64];
  fresh("CREATE TABLE t (id int PRIMARY KEY, v text, made int DEFAULT 7); INSERT INTO t VALUES (1, 'old')");
  job_open(t, &j, "r1", 0, (const char *const[]){"table", "t", "mode", mode, "commit", "run", key ? "key" : NULL, key, NULL});
  CHECK(t, j.control.api->caps(j.control.self) & ETL_CAP_ASIDE);
  CHECK(t, !(j.control.api->caps(j.control.self) & ETL_CAP_REPLACE));
  CHECK(t, sink_prepare(&j.lane, COLUMNS) == ETL_OK);
  CHECK(t, sink_epoch(&j.lane, 0, (const char *const[]){"2", "first", "3", "x", END}) == ETL_OK);
  CHECK(t, sink_epoch(&j.lane, 1,
                      key ? (const char *const[]){"2", "second", "1", "new", "2", "third", END}
                          : (const char *const[]){"4", "y", END}) == ETL_OK);
  CHECK_TEXT(t, sink_sql("SELECT id, v FROM t"), "1|old");
  CHECK_TEXT(t, stagings(), "1");
  CHECK(t, sink_committed(&j.control, cursor) == 2);
  CHECK_TEXT(t, sink_sql("SELECT count(*) FROM etl.cursors WHERE aside = ''"), "0");
  CHECK(t, job_end(&j, true) == ETL_OK);
  CHECK_TEXT(t, sink_sql("SELECT * FROM t ORDER BY id"), expected);
  CHECK_TEXT(t, stagings(), "0");
  CHECK_TEXT(t, sink_sql("SELECT aside, epoch FROM etl.cursors"), "|2");
  CHECK(t, job_end(&j, true) == ETL_OK); /* asked again, after a lost answer */
  CHECK_TEXT(t, sink_sql("SELECT aside, epoch FROM etl.cursors"), "|2");
  job_close(&j);
}

/* A run that fails leaves the target and the place where the pipeline stands; the next one goes on from there. */
static void runs_that_fail(struct tap *t) {
  struct job j;
  char cursor[64];
  const char *const options[] = {"table", "t", "commit", "run", NULL};
  fresh("");
  job_open(t, &j, "r1", 0, options);
  CHECK(t, sink_prepare(&j.lane, COLUMNS) == ETL_OK);
  CHECK(t, sink_epoch(&j.lane, 0, (const char *const[]){"1", "x", END}) == ETL_OK);
  CHECK(t, job_end(&j, true) == ETL_OK);
  job_close(&j);
  job_open(t, &j, "r2", 0, options);
  CHECK(t, sink_committed(&j.control, cursor) == 1);
  CHECK(t, sink_prepare(&j.lane, COLUMNS) == ETL_OK);
  CHECK(t, sink_epoch(&j.lane, 1, (const char *const[]){"2", "x", END}) == ETL_OK);
  CHECK(t, sink_committed(&j.control, cursor) == 2);
  CHECK(t, job_end(&j, false) == ETL_OK);
  CHECK_TEXT(t, stagings(), "0");
  job_close(&j);
  job_open(t, &j, "r3", ETL_OPEN_KEEP_STAGING, options);
  CHECK(t, sink_committed(&j.control, cursor) == 1);
  CHECK(t, sink_prepare(&j.lane, COLUMNS) == ETL_OK);
  CHECK(t, sink_epoch(&j.lane, 1, (const char *const[]){"2", "kept", END}) == ETL_OK);
  CHECK(t, job_end(&j, false) == ETL_OK);
  CHECK(t, testhost_logged(&j.control.host, ETL_LOG_WARN, "the staging table of dbo.t is kept: etl.\"dbo.t__r3\""));
  CHECK_TEXT(t, sink_sql("SELECT v FROM etl.\"dbo.t__r3\""), "kept");
  job_close(&j);
  job_open(t, &j, "r4", 0, options);
  CHECK_TEXT(t, stagings(), "0");
  CHECK(t, sink_prepare(&j.lane, COLUMNS) == ETL_OK);
  CHECK(t, sink_epoch(&j.lane, 1, (const char *const[]){"2", "y", "3", "z", END}) == ETL_OK);
  CHECK(t, job_end(&j, true) == ETL_OK);
  CHECK_TEXT(t, sink_sql("SELECT * FROM t ORDER BY id"), "1|x;2|y;3|z");
  CHECK_TEXT(t, sink_sql("SELECT epoch, rows FROM etl.cursors"), "2|3");
  job_close(&j);
}

/* A crash of the server empties unlogged tables. */
static void staged_rows_that_vanish(struct tap *t) {
  struct job j;
  fresh("");
  job_open(t, &j, "r1", 0, (const char *const[]){"table", "t", "commit", "run", NULL});
  CHECK(t, sink_prepare(&j.lane, COLUMNS) == ETL_OK);
  CHECK(t, sink_epoch(&j.lane, 0, (const char *const[]){"1", "x", END}) == ETL_OK);
  sink_sql("TRUNCATE etl.\"dbo.t__r1\"");
  CHECK(t, job_end(&j, true) == ETL_FAILED);
  CHECK(t, j.control.host.error.error_class == ETL_E_PERMANENT);
  CHECK_HAS(t, j.control.host.message, "of 1 rows that this run staged, its staging tables hold 0");
  CHECK_TEXT(t, sink_sql("SELECT count(*) FROM etl.cursors WHERE aside = ''"), "0");
  job_close(&j);
}

/* What the target would refuse is refused by the staging table already, where single rows can be set aside. */
static void constraints_of_the_target(struct tap *t) {
  struct job j;
  fresh("CREATE TABLE t (id int PRIMARY KEY, v text CHECK (v <> 'bad'), n int GENERATED ALWAYS AS (id * 2) STORED)");
  job_open(t, &j, "r1", 0, (const char *const[]){"table", "t", "mode", "merge", "key", "id", "commit", "run", NULL});
  CHECK(t, sink_prepare(&j.lane, (const char *const[]){"id", "?i", "v", "?u", NULL}) == ETL_OK);
  CHECK(t, sink_epoch(&j.lane, 0, (const char *const[]){"1", "bad", END}) == ETL_FAILED);
  CHECK_TEXT(t, j.lane.host.vendor_state, "23514");
  testhost_clear(&j.lane.host);
  CHECK(t, sink_epoch(&j.lane, 0, (const char *const[]){NULL, "x", END}) == ETL_FAILED);
  CHECK_TEXT(t, j.lane.host.vendor_state, "23502");
  CHECK(t, sink_epoch(&j.lane, 0, (const char *const[]){"1", "good", END}) == ETL_OK);
  CHECK(t, job_end(&j, true) == ETL_OK);
  CHECK_TEXT(t, sink_sql("SELECT * FROM t"), "1|good|2");
  job_close(&j);
}

/* ---- delete_missing --------------------------------------------------------------------------------------------------------------------- */

static void whole(struct tap *t, const char *run, const char *deleted_at, const char *const *cells) {
  struct job j;
  job_open(t, &j, run, 0,
           (const char *const[]){"table", "t", "mode", "delete_missing", "key", "id", deleted_at ? "deleted_at" : NULL, deleted_at,
                                 NULL});
  CHECK(t, j.control.api->caps(j.control.self) & ETL_CAP_REPLACE);
  j.lane.stream.flags = ETL_STREAM_WHOLE;
  CHECK(t, sink_prepare(&j.lane, COLUMNS) == ETL_OK);
  CHECK(t, sink_epoch(&j.lane, strtoull(run + 1, NULL, 10) - 1, cells) == ETL_OK);
  CHECK(t, job_end(&j, true) == ETL_OK);
  job_close(&j);
}

static void what_is_missing_is_deleted(struct tap *t) {
  fresh("");
  whole(t, "r1", NULL, (const char *const[]){"1", "a", "2", "b", "3", "c", END});
  whole(t, "r2", NULL, (const char *const[]){"1", "a", "3", "new", "4", "d", END});
  CHECK_TEXT(t, sink_sql("SELECT * FROM t ORDER BY id"), "1|a;3|new;4|d");
}

static void what_is_missing_is_marked(struct tap *t) {
  fresh("");
  whole(t, "r1", "gone_at", (const char *const[]){"1", "a", "2", "b", END});
  whole(t, "r2", "gone_at", (const char *const[]){"1", "a", END});
  CHECK_TEXT(t, sink_sql("SELECT id, gone_at IS NULL FROM t ORDER BY id"), "1|t;2|f");
  whole(t, "r3", "gone_at", (const char *const[]){"2", "back", END});
  CHECK_TEXT(t, sink_sql("SELECT id, v, gone_at IS NULL FROM t ORDER BY id"), "1|a|f;2|back|t");
}

static void nothing_is_deleted_in_doubt(struct tap *t) {
  struct job j;
  const char *const options[] = {"table", "t", "mode", "delete_missing", "key", "id", NULL};
  fresh("CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t VALUES (1, 'a'), (2, 'b')");
  job_open(t, &j, "r1", 0, options); /* a stream with a cursor */
  CHECK(t, sink_prepare(&j.lane, COLUMNS) == ETL_FAILED);
  CHECK(t, j.lane.host.error.error_class == ETL_E_CONFIG);
  CHECK_HAS(t, j.lane.host.message, "delete_missing would delete from public.t what the source still has");
  job_close(&j);
  job_open(t, &j, "r2", 0, options); /* a row that was set aside */
  j.lane.stream.flags = ETL_STREAM_WHOLE;
  CHECK(t, sink_prepare(&j.lane, COLUMNS) == ETL_OK);
  CHECK(t, sink_begin(&j.lane, 0) == ETL_OK);
  CHECK(t, sink_write(&j.lane, (const char *const[]){"1", "A", END}) == ETL_OK);
  CHECK(t, j.lane.api->settle(j.lane.self) == ETL_OK);
  struct etl_rejected r = {.struct_size = sizeof r,
                           .error_class = ETL_E_DATA,
                           .stream = "dbo.t",
                           .shard = "eu1",
                           .epoch = 1,
                           .seq = 1,
                           .stage = "load",
                           .connector = "postgres",
                           .table_stream = "dbo.t",
                           .row = 1,
                           .message = "bad",
                           .raw = "{}"};
  const struct etl_rejected *rows[] = {&r};
  CHECK(t, j.lane.api->reject(j.lane.self, rows, 1) == ETL_OK);
  CHECK(t, sink_commit(&j.lane, 1, "here") == ETL_OK);
  CHECK(t, job_end(&j, true) == ETL_OK);
  CHECK(t, testhost_logged(&j.control.host, ETL_LOG_WARN, "nothing is deleted from public.t: 1 rows of this run were set aside"));
  CHECK_TEXT(t, sink_sql("SELECT * FROM t ORDER BY id"), "1|A;2|b");
  CHECK_TEXT(t, sink_sql("SELECT aside, epoch FROM etl.quarantine"), "|1");
  job_close(&j);
}

static void delete_missing_anew(struct tap *t) {
  struct job j;
  char cursor[64];
  fresh("");
  whole(t, "r1", "gone_at", (const char *const[]){"1", "a", "2", "b", END});
  whole(t, "r2", "gone_at", (const char *const[]){"1", "a", END});
  job_open(t, &j, "r3", ETL_OPEN_FULL_REFRESH,
           (const char *const[]){"table", "t", "mode", "delete_missing", "key", "id", "deleted_at", "gone_at", NULL});
  CHECK(t, sink_committed(&j.control, cursor) == 0);
  CHECK(t, sink_prepare(&j.lane, COLUMNS) == ETL_FAILED); /* with a cursor: rows too young, or without a value of it, are not read */
  CHECK_HAS(t, j.lane.host.message, "what is younger than consistency_delay");
  j.lane.stream.flags = ETL_STREAM_WHOLE;
  CHECK(t, sink_prepare(&j.lane, COLUMNS) == ETL_OK);
  CHECK(t, sink_epoch(&j.lane, 0, (const char *const[]){"3", "c", END}) == ETL_OK);
  CHECK(t, job_end(&j, true) == ETL_OK);
  CHECK_TEXT(t, sink_sql("SELECT id, gone_at IS NULL FROM t ORDER BY id"), "1|f;2|f;3|t");
  CHECK_TEXT(t, sink_sql("SELECT epoch, rows FROM etl.cursors"), "1|1");
  job_close(&j);
}

/* Lanes whose rows have other columns share a staging table, as they would share the target. */
static void lanes_with_other_columns(struct tap *t) {
  struct job j;
  struct sink b;
  const char *const options[] = {"table", "t", "mode", "delete_missing", "key", "id", "deleted_at", "gone_at", NULL};
  fresh("CREATE TABLE t (id int PRIMARY KEY, kept text DEFAULT 'd'); INSERT INTO t VALUES (1, 'mine'), (9, 'gone')");
  job_open(t, &j, "r1", 0, options);
  sink_open(&b, "r1", "dbo.t/eu2", 0, options);
  b.owner = j.lane.owner;
  b.shard = "eu2";
  j.lane.stream.flags = b.stream.flags = ETL_STREAM_WHOLE;
  CHECK(t, sink_prepare(&j.lane, (const char *const[]){"id", "i", NULL}) == ETL_OK);
  CHECK(t, sink_epoch(&j.lane, 0, (const char *const[]){"1", END}) == ETL_OK);
  CHECK(t, sink_prepare(&b, (const char *const[]){"v", "?u", "id", "l", NULL}) == ETL_OK);
  CHECK(t, sink_epoch(&b, 0, (const char *const[]){"x", "5000000000", END}) == ETL_OK);
  CHECK(t, sink_epoch(&j.lane, 1, (const char *const[]){"2", END}) == ETL_OK);
  CHECK(t, job_end(&j, true) == ETL_OK);
  CHECK_TEXT(t, sink_sql("SELECT id, kept, v, gone_at IS NULL FROM t ORDER BY id"), "1|mine|NULL|t;2|d|NULL|t;9|gone|NULL|f;5000000000|d|x|t");
  sink_close(&b);
  job_close(&j);
}

/* Rows of a lane without a column get its default, whoever comes first. */
static void a_column_of_one_lane(struct tap *t, bool first) {
  struct job j;
  struct sink b;
  const char *const options[] = {"table", "t", "mode", "merge", "key", "id", "commit", "run", NULL};
  fresh("CREATE TABLE t (id int PRIMARY KEY, x int NOT NULL DEFAULT 2 + 3)");
  job_open(t, &j, "r1", 0, options);
  sink_open(&b, "r1", "dbo.t/eu2", 0, options);
  b.owner = j.lane.owner;
  b.shard = "eu2";
  if (first)
    CHECK(t, sink_prepare(&b, (const char *const[]){"id", "i", "x", "i", NULL}) == ETL_OK);
  CHECK(t, sink_prepare(&j.lane, (const char *const[]){"id", "i", NULL}) == ETL_OK);
  CHECK(t, sink_epoch(&j.lane, 0, (const char *const[]){"1", END}) == ETL_OK);
  CHECK(t, first || sink_prepare(&b, (const char *const[]){"id", "i", "x", "i", NULL}) == ETL_OK);
  CHECK(t, sink_epoch(&b, 0, (const char *const[]){"2", "7", END}) == ETL_OK);
  CHECK(t, sink_epoch(&j.lane, 1, (const char *const[]){"3", END}) == ETL_OK);
  CHECK(t, job_end(&j, true) == ETL_OK);
  CHECK_TEXT(t, sink_sql("SELECT * FROM t ORDER BY id"), "1|5;2|7;3|5");
  sink_close(&b);
  job_close(&j);
}

int main(void) {
  struct tap t = {0};
  nothing_is_seen_before_the_end(&t, "append", NULL, "1|old|7;2|first|7;3|x|7;4|y|7");
  nothing_is_seen_before_the_end(&t, "merge", "id", "1|new|7;2|third|7;3|x|7");
  nothing_is_seen_before_the_end(&t, "insert_missing", "id", "1|old|7;2|first|7;3|x|7");
  runs_that_fail(&t);
  staged_rows_that_vanish(&t);
  constraints_of_the_target(&t);
  what_is_missing_is_deleted(&t);
  what_is_missing_is_marked(&t);
  nothing_is_deleted_in_doubt(&t);
  delete_missing_anew(&t);
  lanes_with_other_columns(&t);
  a_column_of_one_lane(&t, true);
  a_column_of_one_lane(&t, false);
  CHECK(&t, testhost_buffers() == 0);
  return tap_end(&t);
}
