/* Rows and tables that drift apart: values that do not fit, lanes side by side, tables built aside, columns that go away. */
#include <pthread.h>
#include <stdlib.h>

#include "sink.h"

static void fresh(const char *sql) {
  sink_sql("DROP TABLE IF EXISTS t CASCADE; DROP SCHEMA IF EXISTS etl CASCADE");
  sink_sql(sql);
}

static void enter(struct tap *t, struct sink *s, const char *contract) {
  sink_open(s, "r1", "dbo.t/eu1", 0, (const char *const[]){"table", "t", "schema_contract", contract, NULL});
  CHECK(t, sink_claim(s) == ETL_OK);
}

static bool changed(const struct sink *s, size_t i, uint32_t kind, const char *column) {
  return s->host.changes_n > i && s->host.changes[i].kind == kind && strcmp(s->host.changes[i].column, column) == 0;
}

/* ---- values that do not fit ------------------------------------------------------------------------------------------------------------ */

static void discard_row(struct tap *t) {
  struct sink s;
  fresh("CREATE TABLE t (id int, n smallint, v varchar(3))");
  enter(t, &s, "discard_row");
  CHECK(t, sink_prepare(&s, (const char *const[]){"extra", "?u", "id", "i", "n", "?l", "v", "?u", NULL}) == ETL_OK);
  CHECK(t, s.host.changes_n == 1 && changed(&s, 0, ETL_CHANGE_COLUMN_LEFT_OUT, "extra"));
  CHECK(t, sink_epoch(&s, 0, (const char *const[]){NULL, "1", "5", "abc", "x", "2", "5", "abc", NULL, "3", "40000", "abc", NULL, "4", NULL, "äöü",
                                                   NULL, "5", "1", "abcd", "y", "6", "99999", "z", END}) == ETL_OK);
  CHECK_TEXT(t, sink_sql("SELECT * FROM t ORDER BY id"), "1|5|abc;4|NULL|äöü");
  CHECK(t, s.host.bad_n == 4);
  CHECK(t, s.host.bad[0].row == 1 && s.host.bad[0].column == 0);
  CHECK_HAS(t, s.host.bad[0].message, "public.t has no column \"extra\"");
  CHECK_TEXT(t, s.host.bad[0].raw, "{\"extra\": \"x\", \"id\": 2, \"n\": 5, \"v\": \"abc\"}");
  CHECK(t, s.host.bad[1].row == 2 && s.host.bad[1].column == 2);
  CHECK_HAS(t, s.host.bad[1].message, "column \"n\" of public.t is smallint, which cannot hold the value");
  CHECK(t, s.host.bad[2].row == 4 && s.host.bad[3].row == 5);
  CHECK_TEXT(t, sink_sql("SELECT rows FROM etl.cursors"), "2");
  sink_close(&s);
}

static void discard_value(struct tap *t) {
  struct sink s;
  fresh("CREATE TABLE t (id int, n smallint, must smallint NOT NULL, v varchar(3), d numeric(4,1), f real, x int)");
  enter(t, &s, "discard_value");
  CHECK(t, sink_prepare(&s, (const char *const[]){"id", "i", "extra", "?u", "n", "?l", "must", "?l", "v", "?u", "d", "?d:9,2", "f",
                                                  "?g", "x", "?u", NULL}) == ETL_OK);
  CHECK(t, sink_epoch(&s, 0, (const char *const[]){"1", "gone", "32767", "-32768", "abc", "99990", "0.5", NULL,    /* fits */
                                                   "2", NULL,   "32768", "1",      "abcd", "100000", "0.1", "text", /* NULLs */
                                                   "3", NULL,   "1",     "32768",  "a",    "1",      "1",   NULL,   /* a NULL that cannot be */
                                                   "4", NULL,   NULL,    "1",      NULL,   "15",     NULL,  NULL, END}) == ETL_OK);
  CHECK_TEXT(t, sink_sql("SELECT * FROM t ORDER BY id"),
             "1|32767|-32768|abc|999.9|0.5|NULL;2|NULL|1|NULL|NULL|NULL|NULL;4|NULL|1|NULL|NULL|NULL|NULL");
  CHECK(t, s.host.bad_n == 1 && s.host.bad[0].row == 2 && s.host.bad[0].column == 3);
  CHECK(t, testhost_counter(&s.host, "values_discarded") == 6);
  CHECK(t, testhost_logged(&s.host, ETL_LOG_WARN, "column \"n\" of public.t is smallint, which cannot hold 1 of the values that came: NULL"));
  size_t logs = s.host.logs_n;
  CHECK(t, sink_epoch(&s, 1, (const char *const[]){"5", NULL, "40000", "1", NULL, NULL, NULL, NULL, END}) == ETL_OK);
  CHECK(t, testhost_counter(&s.host, "values_discarded") == 7 && s.host.logs_n == logs); /* each column is told of once */
  sink_close(&s);
}

/* Counted are values of rows that are there: not those of an epoch that was undone, and once in a careful one. */
static void discarded_and_undone(struct tap *t) {
  struct sink s;
  fresh("CREATE TABLE t (id int PRIMARY KEY, n smallint)");
  enter(t, &s, "discard_value");
  CHECK(t, sink_prepare(&s, (const char *const[]){"id", "i", "n", "?l", NULL}) == ETL_OK);
  CHECK(t, sink_begin(&s, 0) == ETL_OK);
  CHECK(t, sink_write(&s, (const char *const[]){"1", "40000", "1", "1", "2", "40000", END}) == ETL_OK);
  CHECK(t, sink_commit(&s, 1, "here") == ETL_FAILED);
  s.api->abort(s.self);
  CHECK(t, testhost_counter(&s.host, "values_discarded") == 0);
  testhost_clear(&s.host);
  struct etl_cursor from = {.struct_size = sizeof from, .stream = "dbo.t", .shard = s.shard};
  const struct etl_cursor *list[] = {&from};
  struct etl_txn txn = {.struct_size = sizeof txn, .id = "x", .owner = s.owner, .from = list, .from_n = 1, .flags = ETL_TXN_CAREFUL};
  CHECK(t, s.api->begin(s.self, &txn) == ETL_OK);
  CHECK(t, sink_write(&s, (const char *const[]){"1", "40000", "1", "1", "2", "40000", END}) == ETL_OK);
  CHECK(t, sink_commit(&s, 1, "here") == ETL_OK);
  CHECK_TEXT(t, sink_sql("SELECT * FROM t ORDER BY id"), "1|NULL;2|NULL");
  CHECK(t, s.host.bad_n == 1 && testhost_counter(&s.host, "values_discarded") == 2);
  sink_close(&s);
}

/* Outside the range of the server's own types: found before they are sent, under any contract and in a merge too. */
static void dates_out_of_range(struct tap *t) {
  struct sink s;
  fresh("");
  sink_open(&s, "r1", "eu1", 0, (const char *const[]){"table", "t", "mode", "merge", "key", "id", NULL});
  CHECK(t, sink_claim(&s) == ETL_OK);
  CHECK(t, sink_prepare(&s, (const char *const[]){"id", "i", "d", "?tdD", "at", "?tss:", "ms", "?tsm:UTC", NULL}) == ETL_OK);
  CHECK(t, sink_epoch(&s, 0, (const char *const[]){"1", "2145042905", "9223372036854", "-210866803200000", /* the last of each, and the first */
                                                   "2", "2145042906", NULL, NULL,
                                                   "3", NULL, "9223372036855", NULL,
                                                   "4", NULL, NULL, "-210866803200001",
                                                   "5", "-2440588", "-210866803200", "0", END}) == ETL_OK);
  CHECK_TEXT(t, sink_sql("SELECT id, d FROM t ORDER BY id"), "1|5874897-12-31;5|4714-11-24 BC");
  CHECK_TEXT(t, sink_sql("SELECT at, ms FROM t ORDER BY id"),
             "294247-01-10 04:00:54|4714-11-24 00:00:00+00 BC;4714-11-24 00:00:00 BC|1970-01-01 00:00:00+00");
  CHECK(t, s.host.bad_n == 3 && s.host.bad[0].row == 1 && s.host.bad[1].row == 2 && s.host.bad[2].row == 3);
  sink_close(&s);
}

/* What does not fit is told once, though the server refuses another row and the epoch is halved. */
static void careful_epochs(struct tap *t) {
  struct sink s;
  struct etl_txn txn = {.struct_size = sizeof txn, .id = "x", .flags = ETL_TXN_CAREFUL};
  fresh("CREATE TABLE t (id int CHECK (id <> 3), n smallint)");
  enter(t, &s, "discard_row");
  CHECK(t, sink_prepare(&s, (const char *const[]){"id", "i", "n", "?l", NULL}) == ETL_OK);
  txn.owner = s.owner;
  CHECK(t, s.api->begin(s.self, &txn) == ETL_OK);
  CHECK(t, sink_write(&s, (const char *const[]){"1", "1", "2", "40000", "3", "1", "4", "50000", "5", "1", END}) == ETL_OK);
  CHECK(t, sink_commit(&s, 1, "here") == ETL_OK);
  CHECK_TEXT(t, sink_sql("SELECT id FROM t ORDER BY id"), "1;5");
  CHECK_TEXT(t, sink_sql("SELECT rows FROM etl.cursors"), "2");
  CHECK(t, s.host.bad_n == 3);
  sink_close(&s);
}

/* ---- lanes ---------------------------------------------------------------------------------------------------------------------------- */

/* One lane is in the middle of its run when another one makes the type wider. */
static void a_lane_follows(struct tap *t, const char *mode, const char *key) {
  struct sink a, b;
  const char *const options[] = {"table", "t", "mode", mode, key ? "key" : NULL, key, NULL};
  fresh("CREATE TABLE t (id int PRIMARY KEY)");
  sink_open(&a, "r1", "dbo.t/eu1", 0, options);
  sink_open(&b, "r1", "dbo.t/eu2", 0, options);
  b.shard = "eu2";
  CHECK(t, sink_claim(&a) == ETL_OK);
  b.owner = a.owner;
  CHECK(t, sink_prepare(&a, (const char *const[]){"id", "i", NULL}) == ETL_OK);
  CHECK(t, sink_epoch(&a, 0, (const char *const[]){"1", END}) == ETL_OK);
  CHECK(t, sink_prepare(&b, (const char *const[]){"id", "l", "v", "?u", NULL}) == ETL_OK);
  CHECK(t, sink_epoch(&b, 0, (const char *const[]){"5000000000", "x", END}) == ETL_OK);
  CHECK(t, sink_epoch(&a, 1, (const char *const[]){"2", END}) == ETL_OK);
  CHECK(t, a.host.bad_n == 0);
  CHECK(t, sink_epoch(&a, 2, (const char *const[]){"3", END}) == ETL_OK);
  CHECK_TEXT(t, sink_sql("SELECT * FROM t ORDER BY id"), "1|NULL;2|NULL;3|NULL;5000000000|x");
  sink_close(&a);
  sink_close(&b);
}

struct preparing {
  struct sink s;
  pthread_t thread;
  int32_t rc;
};

static void *prepare(void *arg) {
  struct preparing *p = arg;
  p->rc = sink_prepare(&p->s, (const char *const[]){"id", "l", "v", "?u", "w", "?u", NULL});
  return NULL;
}

/* All at once, while a lane has an epoch open: they wait for it, and none fails. */
static void lanes_together(struct tap *t) {
  enum { LANES = 4 };
  struct preparing lanes[LANES];
  struct sink busy;
  fresh("CREATE TABLE t (id int)");
  enter(t, &busy, "evolve");
  CHECK(t, sink_prepare(&busy, (const char *const[]){"id", "i", NULL}) == ETL_OK);
  CHECK(t, sink_begin(&busy, 0) == ETL_OK);
  CHECK(t, sink_write(&busy, (const char *const[]){"1", END}) == ETL_OK);
  for (int i = 0; i < LANES; i++) {
    sink_open(&lanes[i].s, "r1", "dbo.t/x", 0, (const char *const[]){"table", "t", NULL});
    pthread_create(&lanes[i].thread, NULL, prepare, &lanes[i]);
  }
  while (strcmp(sink_sql("SELECT count(*) > 0 FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock'"), "t") != 0)
    ;
  CHECK(t, sink_commit(&busy, 1, "here") == ETL_OK);
  size_t told = 0;
  for (int i = 0; i < LANES; i++) {
    pthread_join(lanes[i].thread, NULL);
    CHECK(t, lanes[i].rc == ETL_OK);
    told += lanes[i].s.host.changes_n >= 3;
    sink_close(&lanes[i].s);
  }
  CHECK(t, told >= 1);
  CHECK(t, sink_epoch(&busy, 1, (const char *const[]){"2", END}) == ETL_OK);
  CHECK_TEXT(t,
             sink_sql("SELECT string_agg(attname || ' ' || atttypid::regtype, ', ' ORDER BY attnum) FROM pg_attribute WHERE "
                      "attrelid = 't'::regclass AND attnum > 0"),
             "id bigint, v text, w text");
  sink_close(&busy);
}

/* ---- columns that go away ------------------------------------------------------------------------------------------------------------- */

static void a_column_goes_away(struct tap *t) {
  struct sink s;
  fresh("CREATE TABLE t (id int, v text, loaded_at timestamptz DEFAULT now())");
  enter(t, &s, "freeze");
  CHECK(t, sink_prepare(&s, (const char *const[]){"id", "i", "v", "?u", NULL}) == ETL_OK);
  CHECK(t, s.host.changes_n == 0); /* loaded_at was never in the rows */
  sink_close(&s);
  enter(t, &s, "freeze");
  CHECK(t, sink_prepare(&s, (const char *const[]){"id", "i", NULL}) == ETL_OK);
  CHECK(t, s.host.changes_n == 1 && changed(&s, 0, ETL_CHANGE_COLUMN_MISSING, "v"));
  CHECK(t, sink_prepare(&s, (const char *const[]){"id", "i", NULL}) == ETL_OK);
  CHECK(t, s.host.changes_n == 1);
  sink_close(&s);
}

/* ---- aside ---------------------------------------------------------------------------------------------------------------------------- */

static void rebuild(struct tap *t, const char *run) {
  struct sink control, lane;
  const char *const options[] = {"table", "t", "mode", "replace", "key", "id", NULL};
  struct etl_claim c = {.struct_size = sizeof c, .run = run};
  sink_open(&control, run, NULL, 0, options);
  sink_open(&lane, run, "eu1", 0, options);
  CHECK(t, control.api->claim(control.self, &c, &lane.owner) == ETL_OK);
  CHECK(t, control.api->run_begin(control.self, run) == ETL_OK);
  CHECK(t, sink_prepare(&lane, (const char *const[]){"id", "l", "v", "?u", NULL}) == ETL_OK);
  CHECK_TEXT(t, sink_sql("SELECT count(*) FROM pg_attribute WHERE attrelid = 't'::regclass AND attname = 'v'"), "0"); /* only beside it */
  CHECK(t, sink_epoch(&lane, 0, (const char *const[]){"5000000000", "x", END}) == ETL_OK);
  CHECK(t, control.api->run_end(control.self, run, 1) == ETL_OK);
  CHECK_TEXT(t, sink_sql("SELECT id, v FROM t"), "5000000000|x");
  sink_close(&lane);
  sink_close(&control);
}

static void built_aside(struct tap *t) {
  fresh("CREATE TABLE t (id int PRIMARY KEY)");
  rebuild(t, "r1"); /* by name */
  fresh("CREATE TABLE t (id int PRIMARY KEY, extra int); CREATE VIEW w AS SELECT extra FROM t");
  rebuild(t, "r2"); /* by content */
  CHECK_TEXT(t, sink_sql("SELECT * FROM w"), "NULL");
}

int main(void) {
  struct tap t = {0};
  discard_row(&t);
  discard_value(&t);
  discarded_and_undone(&t);
  dates_out_of_range(&t);
  careful_epochs(&t);
  a_lane_follows(&t, "append", NULL);
  a_lane_follows(&t, "merge", "id");
  lanes_together(&t);
  a_column_goes_away(&t);
  built_aside(&t);
  CHECK(&t, testhost_buffers() == 0);
  return tap_end(&t);
}
