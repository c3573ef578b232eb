/* Append, merge and replace; what a target must be like; what is shown in a plan. */
#include <libpq-fe.h>
#include <stdlib.h>

#include "sink.h"

#define COLUMNS ((const char *const[]){"id", "i", "v", "?u", "at", "?l", NULL})

static void fresh(const char *sql) {
  sink_sql("DROP TABLE IF EXISTS other CASCADE"); /* and a view t of it */
  sink_sql("DROP VIEW IF EXISTS other");
  sink_sql("DROP TABLE IF EXISTS t CASCADE; DROP SCHEMA IF EXISTS etl CASCADE");
  sink_sql(sql);
}

/* ---- merge ------------------------------------------------------------------------------------------------------------------------ */

static void merge_newest_wins(struct tap *t) {
  struct sink s;
  fresh("");
  sink_open(&s, "r1", "eu1", 0, (const char *const[]){"table", "t", "mode", "merge", "key", "id", "newest_by", "at", NULL});
  CHECK(t, sink_claim(&s) == ETL_OK);
  CHECK(t, sink_prepare(&s, COLUMNS) == ETL_OK);
  CHECK(t, sink_epoch(&s, 0, (const char *const[]){"1", "old", "1", "1", "new", "3", "1", "middle", "2", "2", "none", NULL, "2", "some", "0", END}) == ETL_OK);
  CHECK_TEXT(t, sink_sql("SELECT id, v FROM t ORDER BY id"), "1|new;2|some");
  CHECK(t, sink_epoch(&s, 1, (const char *const[]){"1", "stale", "2", "2", "null", NULL, "3", "third", NULL, END}) == ETL_OK);
  CHECK_TEXT(t, sink_sql("SELECT id, v FROM t ORDER BY id"), "1|new;2|some;3|third");
  CHECK(t, sink_epoch(&s, 2, (const char *const[]){"1", "newest", "4", "3", "known", "0", END}) == ETL_OK);
  CHECK_TEXT(t, sink_sql("SELECT id, v FROM t ORDER BY id"), "1|newest;2|some;3|known");
  sink_close(&s);
}

static void merge_last_read_wins(struct tap *t) {
  struct sink s;
  fresh("");
  sink_open(&s, "r1", "eu1", 0, (const char *const[]){"table", "t", "mode", "merge", "key", "id", NULL});
  CHECK(t, sink_claim(&s) == ETL_OK);
  CHECK(t, sink_prepare(&s, COLUMNS) == ETL_OK);
  CHECK(t, sink_begin(&s, 0) == ETL_OK);
  CHECK(t, sink_write(&s, (const char *const[]){"1", "first", "9", "1", "second", "1", END}) == ETL_OK);
  CHECK(t, sink_write(&s, (const char *const[]){"1", "third", NULL, END}) == ETL_OK);
  CHECK(t, sink_commit(&s, 1, "c") == ETL_OK);
  CHECK_TEXT(t, sink_sql("SELECT id, v FROM t"), "1|third");
  sink_close(&s);
}

static void merge_wants_a_key(struct tap *t) {
  struct sink s;
  fresh("CREATE TABLE t (id int, v text, at bigint)");
  sink_open(&s, "r1", "eu1", 0, (const char *const[]){"table", "t", "mode", "merge", "key", "id", NULL});
  CHECK(t, sink_claim(&s) == ETL_OK);
  CHECK(t, sink_prepare(&s, COLUMNS) == ETL_FAILED);
  CHECK(t, s.host.error.error_class == ETL_E_CONFIG);
  CHECK_TEXT(t, s.host.remedy, "CREATE UNIQUE INDEX ON \"public\".\"t\" (\"id\")");
  sink_sql("CREATE UNIQUE INDEX ON t (id)");
  testhost_clear(&s.host);
  CHECK(t, sink_prepare(&s, COLUMNS) == ETL_OK);
  CHECK(t, sink_epoch(&s, 0, (const char *const[]){NULL, "no key", NULL, "1", "a key", NULL, END}) == ETL_FAILED);
  CHECK(t, s.host.error.error_class == ETL_E_DATA);
  CHECK_HAS(t, s.host.message, "NULL in the key column \"id\"");
  CHECK_TEXT(t, sink_sql("SELECT count(*) FROM t"), "0");
  sink_close(&s);
}

/* ---- replace ------------------------------------------------------------------------------------------------------------------------ */

/* A whole run in mode replace with one row. */
static void replace_with(struct tap *t, const char *run, const char *id) {
  struct sink control, lane;
  const char *const options[] = {"table", "t", "mode", "replace", "key", "id", NULL};
  struct etl_claim c = {.struct_size = sizeof c, .run = run};
  sink_open(&control, run, NULL, 0, options);
  sink_open(&lane, run, "eu1", 0, options);
  CHECK(t, control.api->caps(control.self) & ETL_CAP_ASIDE);
  CHECK(t, control.api->claim(control.self, &c, &lane.owner) == ETL_OK);
  CHECK(t, control.api->run_begin(control.self, run) == ETL_OK);
  CHECK(t, sink_prepare(&lane, COLUMNS) == ETL_OK);
  CHECK(t, sink_epoch(&lane, 0, (const char *const[]){id, "x", NULL, END}) == ETL_OK);
  CHECK(t, control.api->run_end(control.self, run, 1) == ETL_OK);
  CHECK(t, control.api->run_end(control.self, run, 1) == ETL_OK); /* asked again, after a lost answer */
  sink_close(&lane);
  sink_close(&control);
}

static void replace_by_name(struct tap *t) {
  fresh("DROP ROLE IF EXISTS reader; CREATE ROLE reader; CREATE TABLE t (id int PRIMARY KEY, v text, at bigint, note text); "
        "CREATE INDEX t_by_v ON t (v); GRANT SELECT ON t TO reader; COMMENT ON COLUMN t.v IS 'kept'; INSERT INTO t VALUES (7, 'old')");
  char *before = strdup(sink_sql("SELECT 't'::regclass::oid"));
  replace_with(t, "r1", "1");
  CHECK_TEXT(t, sink_sql("SELECT id, v FROM t"), "1|x");
  CHECK(t, strcmp(sink_sql("SELECT 't'::regclass::oid"), before) != 0);
  CHECK_TEXT(t, sink_sql("SELECT indexrelid::regclass::text FROM pg_index WHERE indrelid = 't'::regclass ORDER BY 1"), "t_by_v;t_pkey");
  CHECK_TEXT(t, sink_sql("SELECT has_table_privilege('reader', 't', 'SELECT'), col_description('t'::regclass, 2)"), "t|kept");
  CHECK_TEXT(t, sink_sql("SELECT count(*) FROM pg_class WHERE relname LIKE '%\\_\\_etl\\_%'"), "0");
  replace_with(t, "r2", "2");
  CHECK_TEXT(t, sink_sql("SELECT id, v FROM t"), "2|x");
  CHECK_TEXT(t, sink_sql("SELECT count(*), max(aside) FROM etl.cursors"), "1|");
  free(before);
}

static void replace_by_content(struct tap *t) {
  static const char *const bonds[] = {"CREATE VIEW other AS SELECT id FROM t",
                                      "CREATE TABLE other (id int REFERENCES t DEFERRABLE INITIALLY DEFERRED)",
                                      "CREATE POLICY p ON t USING (true)",
                                      "CREATE PUBLICATION pub FOR TABLE t",
                                      "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; CREATE TRIGGER tr AFTER INSERT ON t "
                                      "FOR EACH ROW EXECUTE FUNCTION f()"};
  for (size_t i = 0; i < sizeof bonds / sizeof *bonds; i++) {
    fresh("DROP PUBLICATION IF EXISTS pub; DROP FUNCTION IF EXISTS f CASCADE; CREATE TABLE t (id int PRIMARY KEY, v text, at bigint); INSERT INTO t VALUES (7, 'old')");
    CHECK_TEXT(t, sink_sql(bonds[i]), "");
    char *before = strdup(sink_sql("SELECT 't'::regclass::oid"));
    replace_with(t, "r1", "1");
    CHECK_TEXT(t, sink_sql("SELECT id, v FROM t"), "1|x");
    CHECK_TEXT(t, sink_sql("SELECT 't'::regclass::oid"), before);
    CHECK_TEXT(t, sink_sql("SELECT count(*) FROM pg_class WHERE relname LIKE '%\\_\\_etl\\_%'"), "0");
    free(before);
  }
}

static void replace_does_not_reach_into_other_tables(struct tap *t) {
  struct sink control, lane;
  const char *const options[] = {"table", "t", "mode", "replace", NULL};
  fresh("CREATE TABLE t (id int PRIMARY KEY, v text, at bigint); CREATE TABLE other (id int REFERENCES t ON DELETE CASCADE); "
        "INSERT INTO t VALUES (7); INSERT INTO other VALUES (7)");
  sink_open(&control, "r1", NULL, 0, options);
  sink_open(&lane, "r1", "eu1", 0, options);
  CHECK(t, sink_claim(&control) == ETL_OK);
  lane.owner = control.owner;
  CHECK(t, sink_prepare(&lane, COLUMNS) == ETL_FAILED);
  CHECK_HAS(t, lane.host.message, "a foreign key of other would delete or change rows there");
  testhost_clear(&lane.host);
  sink_sql("ALTER TABLE other DROP CONSTRAINT other_id_fkey");
  CHECK(t, sink_prepare(&lane, COLUMNS) == ETL_OK);
  CHECK(t, sink_epoch(&lane, 0, (const char *const[]){"1", "x", NULL, END}) == ETL_OK);
  sink_sql("ALTER TABLE other ADD FOREIGN KEY (id) REFERENCES t ON DELETE CASCADE");
  CHECK(t, control.api->run_end(control.self, "r1", 1) == ETL_FAILED);
  CHECK_HAS(t, control.host.message, "a foreign key of other would delete or change rows there");
  CHECK_TEXT(t, sink_sql("SELECT t.id, other.id FROM t, other"), "7|7");
  CHECK(t, control.api->run_end(control.self, "r1", 0) == ETL_OK);
  sink_close(&lane);
  sink_close(&control);
}

static void replace_makes_what_is_not_there(struct tap *t) {
  fresh("");
  replace_with(t, "r1", "1");
  CHECK_TEXT(t, sink_sql("SELECT conname, (SELECT id FROM t) FROM pg_constraint WHERE conrelid = 't'::regclass"), "t_pkey|1");
}

static void a_dead_run_leaves_nothing(struct tap *t) {
  struct sink dead, next;
  const char *const options[] = {"table", "t", "mode", "replace", NULL};
  fresh("CREATE TABLE t (id int, v text, at bigint); INSERT INTO t VALUES (7, 'old')");
  sink_open(&dead, "r1", "eu1", 0, options);
  CHECK(t, sink_claim(&dead) == ETL_OK);
  CHECK(t, sink_prepare(&dead, COLUMNS) == ETL_OK);
  CHECK(t, sink_epoch(&dead, 0, (const char *const[]){"1", "x", NULL, END}) == ETL_OK);
  sink_close(&dead);
  CHECK_TEXT(t, sink_sql("SELECT count(*) FROM pg_class WHERE relname LIKE '%\\_\\_etl\\_%'"), "1");
  CHECK_TEXT(t, sink_sql("SELECT id FROM t"), "7");
  sink_open(&next, "r2", NULL, 0, options);
  struct etl_claim c = {.struct_size = sizeof c, .run = "r2"};
  CHECK(t, next.api->claim(next.self, &c, &next.owner) == ETL_OK);
  CHECK(t, next.api->run_begin(next.self, "r2") == ETL_OK);
  CHECK_TEXT(t, sink_sql("SELECT count(*) FROM pg_class WHERE relname LIKE '%\\_\\_etl\\_%'"), "0");
  CHECK_TEXT(t, sink_sql("SELECT count(*) FROM etl.cursors"), "0");
  CHECK(t, next.api->run_end(next.self, "r2", 0) == ETL_OK);
  CHECK_TEXT(t, sink_sql("SELECT id FROM t"), "7");
  sink_close(&next);
}

static void a_run_that_holds_on_is_not_waited_for(struct tap *t) {
  struct sink old, next;
  const char *const options[] = {"table", "t", "mode", "replace", NULL};
  fresh("CREATE TABLE t (id int, v text, at bigint)");
  sink_open(&old, "r1", "eu1", 0, options);
  CHECK(t, sink_claim(&old) == ETL_OK);
  CHECK(t, sink_prepare(&old, COLUMNS) == ETL_OK);
  CHECK(t, sink_begin(&old, 0) == ETL_OK);
  CHECK(t, sink_write(&old, (const char *const[]){"1", "x", NULL, END}) == ETL_OK);
  struct etl_claim c = {.struct_size = sizeof c};
  for (int i = 2; i <= 3; i++) { /* the second is not hindered any more */
    char run[3] = {'r', (char)('0' + i), 0};
    c.run = run;
    sink_open(&next, run, NULL, 0, options);
    CHECK(t, next.api->claim(next.self, &c, &next.owner) == ETL_OK);
    CHECK(t, next.api->run_begin(next.self, run) == ETL_OK);
    CHECK_TEXT(t, sink_sql("SELECT count(*) FROM etl.asides"), i == 2 ? "1" : "0");
    sink_close(&next);
    if (i == 2)
      old.api->abort(old.self);
  }
  CHECK_TEXT(t, sink_sql("SELECT count(*) FROM pg_class WHERE relname LIKE '%\\_\\_etl\\_%'"), "0");
  sink_close(&old);
}

/* ---- the target ---------------------------------------------------------------------------------------------------------------------- */

static void expect_refused(struct tap *t, const char *sql, uint32_t error_class, const char *message, const char *remedy) {
  struct sink s;
  fresh(sql);
  sink_open(&s, "r1", "eu1", 0, (const char *const[]){"table", "t", "schema_contract", "freeze", NULL});
  CHECK(t, sink_claim(&s) == ETL_OK);
  CHECK(t, sink_prepare(&s, COLUMNS) == ETL_FAILED);
  CHECK(t, s.host.error.error_class == error_class);
  CHECK_HAS(t, s.host.message, message);
  CHECK_HAS(t, s.host.remedy, remedy);
  sink_close(&s);
}

static void targets_that_do_not_fit(struct tap *t) {
  expect_refused(t, "CREATE TABLE t (id int, v text)", ETL_E_SCHEMA, "public.t has no column \"at\"", "ALTER TABLE \"public\".\"t\" ADD COLUMN \"at\" bigint");
  expect_refused(t, "CREATE TABLE t (id int, v text, at bigint, more int NOT NULL)", ETL_E_SCHEMA, "column \"more\" of public.t is NOT NULL", "default");
  expect_refused(t, "CREATE TABLE other (id int, v text, at bigint); CREATE VIEW t AS SELECT * FROM other", ETL_E_CONFIG, "public.t is a view", "name a table");
  expect_refused(t, "CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY, v text, at bigint)", ETL_E_SCHEMA, "column \"id\" of public.t is generated by the server",
                 "ALTER TABLE \"public\".\"t\" ALTER COLUMN \"id\" SET GENERATED BY DEFAULT");
  struct sink s;
  fresh("");
  sink_open(&s, "r1", "eu1", 0, (const char *const[]){"table", "t", "create", "false", NULL});
  CHECK(t, sink_claim(&s) == ETL_OK);
  CHECK(t, sink_prepare(&s, COLUMNS) == ETL_FAILED);
  CHECK_HAS(t, s.host.message, "there is no table public.t");
  sink_close(&s);
  sink_open(&s, "r1", "eu1", 0, (const char *const[]){"table", "t", NULL});
  s.stream.flags = ETL_STREAM_WHOLE;
  CHECK(t, sink_prepare(&s, COLUMNS) == ETL_FAILED);
  CHECK_HAS(t, s.host.message, "append without a cursor would add every row again");
  sink_close(&s);
}

/* The server would cut them without a word. */
static void names_that_are_too_long(struct tap *t) {
#define SIXTY "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff"
  struct sink s;
  fresh("");
  sink_open(&s, "r1", "eu1", 0, (const char *const[]){"table", "t", NULL});
  CHECK(t, sink_claim(&s) == ETL_OK);
  CHECK(t, sink_prepare(&s, (const char *const[]){SIXTY "123", "i", NULL}) == ETL_OK);
  CHECK(t, sink_prepare(&s, (const char *const[]){SIXTY "1234", "i", NULL}) == ETL_FAILED);
  CHECK_HAS(t, s.host.message, "is longer than the 63 bytes that PostgreSQL takes");
  sink_close(&s);
  sink_open(&s, "r1", "eu1", 0, (const char *const[]){"table", SIXTY "1234", NULL});
  CHECK(t, sink_claim(&s) == ETL_OK);
  CHECK(t, sink_prepare(&s, COLUMNS) == ETL_FAILED);
  CHECK_HAS(t, s.host.message, "1234 is longer than the 63 bytes a part that PostgreSQL takes");
  sink_close(&s);
}

static void names_are_quoted(struct tap *t) {
  struct sink s;
  sink_sql("DROP SCHEMA IF EXISTS \"My Schema\" CASCADE; DROP SCHEMA IF EXISTS etl CASCADE");
  sink_open(&s, "r1", "eu1", 0, (const char *const[]){"table", "\"My Schema\".\"a \"\"b\"\" t\"", "mode", "merge", "key", "select", NULL});
  CHECK(t, sink_claim(&s) == ETL_OK);
  CHECK(t, sink_prepare(&s, (const char *const[]){"select", "i", "Größe", "?u", NULL}) == ETL_OK);
  CHECK(t, sink_epoch(&s, 0, (const char *const[]){"1", "x", "1", "y", END}) == ETL_OK);
  CHECK_TEXT(t, sink_sql("SELECT \"select\", \"Größe\" FROM \"My Schema\".\"a \"\"b\"\" t\""), "1|y");
  sink_close(&s);
}

static void a_schema_that_changes(struct tap *t) {
  struct sink s;
  fresh("");
  sink_open(&s, "r1", "eu1", 0, (const char *const[]){"table", "t", "mode", "merge", "key", "id", NULL});
  CHECK(t, sink_claim(&s) == ETL_OK);
  CHECK(t, sink_prepare(&s, COLUMNS) == ETL_OK);
  CHECK(t, sink_epoch(&s, 0, (const char *const[]){"1", "x", NULL, END}) == ETL_OK);
  sink_sql("ALTER TABLE t ADD COLUMN more text");
  CHECK(t, sink_prepare(&s, (const char *const[]){"id", "i", "more", "?u", NULL}) == ETL_OK);
  CHECK(t, sink_epoch(&s, 1, (const char *const[]){"1", "added", END}) == ETL_OK);
  CHECK_TEXT(t, sink_sql("SELECT id, v, more FROM t"), "1|x|added");
  sink_close(&s);
}

static void statements_around_a_run(struct tap *t) {
  struct sink s;
  fresh("CREATE TABLE other (what text)");
  sink_open(&s, "r1", NULL, 0, (const char *const[]){"table", "t", "pre_sql", "INSERT INTO other VALUES ('before')", "post_sql",
                                                     "INSERT INTO other VALUES ('after')|INSERT INTO other VALUES ('last')", NULL});
  CHECK(t, sink_claim(&s) == ETL_OK);
  CHECK_TEXT(t, sink_sql("SELECT * FROM other"), "before");
  CHECK(t, s.api->run_end(s.self, "r1", 0) == ETL_OK);
  CHECK_TEXT(t, sink_sql("SELECT * FROM other"), "before");
  CHECK(t, s.api->run_end(s.self, "r1", 1) == ETL_OK);
  CHECK_TEXT(t, sink_sql("SELECT * FROM other"), "before;after;last");
  sink_close(&s);
  sink_open(&s, "r2", NULL, 0, (const char *const[]){"table", "t", "pre_sql", "COPY other TO STDOUT", NULL});
  CHECK(t, sink_claim(&s) == ETL_FAILED); /* and it comes back */
  sink_close(&s);
}

/* ---- plan ---------------------------------------------------------------------------------------------------------------------------- */

struct told {
  char text[8192];
};

static int32_t keep(void *arg, const struct etl_explain_item *item) {
  struct told *told = arg;
  size_t n = strlen(told->text);
  snprintf(told->text + n, sizeof told->text - n, "%u %s %s %s %s\n", item->kind, item->subject ? item->subject : "", item->from ? item->from : "",
           item->to ? item->to : "", item->text ? item->text : "");
  return ETL_OK;
}

static void a_plan_writes_nothing(struct tap *t) {
  struct sink s;
  struct told told = {0};
  fresh("");
  sink_open(&s, "r1", NULL, ETL_OPEN_TEST, (const char *const[]){"table", "t", "mode", "merge", "key", "id", NULL});
  sink_schema(&s, COLUMNS);
  const struct etl_explain *e = s.connector->common->ext(s.self, ETL_EXT_EXPLAIN);
  char cursor[64];
  CHECK(t, sink_committed(&s, cursor) == 0);
  CHECK(t, e->explain(s.self, &s.stream, NULL, (struct etl_bytes){0}, &s.schema, keep, &told) == ETL_OK);
  CHECK_HAS(t, told.text, "CREATE TABLE IF NOT EXISTS \"public\".\"t\" (\"id\" integer, \"v\" text, \"at\" bigint, PRIMARY KEY (\"id\"))");
  CHECK_HAS(t, told.text, "ON CONFLICT (\"id\") DO UPDATE SET \"v\" = excluded.\"v\"");
  CHECK_TEXT(t, sink_sql("SELECT to_regclass('t') IS NULL, to_regnamespace('etl') IS NULL"), "t|t");
  sink_sql("CREATE TABLE t (id int, v text, at bigint)");
  CHECK(t, e->explain(s.self, &s.stream, NULL, (struct etl_bytes){0}, &s.schema, keep, &told) == ETL_OK);
  CHECK_HAS(t, told.text, "without which a run fails: CREATE UNIQUE INDEX ON \"public\".\"t\" (\"id\")");
  sink_sql("CREATE UNIQUE INDEX ON t (id)");
  CHECK(t, e->explain(s.self, &s.stream, NULL, (struct etl_bytes){0}, &s.schema, keep, &told) == ETL_OK);
  CHECK_HAS(t, told.text, "a unique index serves the key");
  sink_close(&s);
}

int main(void) {
  struct tap t = {0};
  merge_newest_wins(&t);
  merge_last_read_wins(&t);
  merge_wants_a_key(&t);
  replace_by_name(&t);
  replace_by_content(&t);
  replace_does_not_reach_into_other_tables(&t);
  replace_makes_what_is_not_there(&t);
  a_dead_run_leaves_nothing(&t);
  a_run_that_holds_on_is_not_waited_for(&t);
  targets_that_do_not_fit(&t);
  names_that_are_too_long(&t);
  names_are_quoted(&t);
  a_schema_that_changes(&t);
  statements_around_a_run(&t);
  a_plan_writes_nothing(&t);
  CHECK(&t, testhost_buffers() == 0);
  return tap_end(&t);
}
