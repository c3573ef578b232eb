/* Rows that the server refuses: found by halves, set aside with what it said, kept with their epoch, told and dropped. */
#include <stdlib.h>

#include "sink.h"

#define COLUMNS ((const char *const[]){"id", "?i", "v", "?u", NULL})

static void fresh(const char *sql) {
  sink_sql("DROP TABLE IF EXISTS t, up CASCADE; DROP SCHEMA IF EXISTS etl CASCADE");
  sink_sql(sql);
}

static void enter(struct tap *t, struct sink *s, const char *mode) {
  sink_open(s, "r1", "eu1", 0, (const char *const[]){"table", "t", "mode", mode, "key", "id", NULL});
  CHECK(t, sink_claim(s) == ETL_OK);
  CHECK(t, sink_prepare(s, COLUMNS) == ETL_OK);
}

static int32_t begin_careful(struct sink *s, uint64_t from_epoch) {
  struct etl_cursor from = {.struct_size = sizeof from, .stream = "dbo.t", .shard = s->shard, .epoch = from_epoch};
  const struct etl_cursor *list[] = {&from};
  struct etl_txn txn = {.struct_size = sizeof txn, .flags = ETL_TXN_CAREFUL, .id = "x", .owner = s->owner, .from = list, .from_n = 1};
  return s->api->begin(s->self, &txn);
}

static int32_t careful(struct sink *s, uint64_t from, const char *const *cells) {
  int32_t rc = begin_careful(s, from);
  if (rc == ETL_OK)
    rc = sink_write(s, cells);
  if (rc == ETL_OK)
    rc = s->api->settle(s->self);
  return rc == ETL_OK ? sink_commit(s, from + 1, "here") : rc;
}

/* ---- finding -------------------------------------------------------------------------------------------------------------------------- */

static void in_a_large_batch(struct tap *t) {
  enum { ROWS = 500 };
  static const char *cells[2 * ROWS + 1];
  static char ids[ROWS][8];
  struct sink s;
  fresh("CREATE TABLE t (id int PRIMARY KEY CHECK (id % 100 <> 7), v varchar(5))");
  enter(t, &s, "append");
  for (int i = 0; i < ROWS; i++) {
    snprintf(ids[i], sizeof ids[i], "%d", i);
    cells[2 * i] = ids[i];
    cells[2 * i + 1] = i == 250 ? "too long" : i == 499 ? "\xff" : "x";
  }
  cells[2 * ROWS] = END;
  CHECK(t, sink_epoch(&s, 0, cells) == ETL_FAILED); /* without care it only fails */
  CHECK(t, s.host.error.error_class == ETL_E_DATA && s.host.bad_n == 0);
  testhost_clear(&s.host);
  CHECK(t, careful(&s, 0, cells) == ETL_OK);
  CHECK_TEXT(t, sink_sql("SELECT count(*) FROM t"), "493");
  CHECK_TEXT(t, sink_sql("SELECT rows FROM etl.cursors"), "493");
  CHECK(t, s.host.bad_n == 7);
  CHECK(t, s.host.bad[0].row == 7 && s.host.bad[3].row == 250 && s.host.bad[6].row == 499);
  CHECK_TEXT(t, s.host.bad[0].vendor_state, "23514");
  CHECK_TEXT(t, s.host.bad[0].raw, "{\"id\": 7, \"v\": \"x\"}");
  CHECK_TEXT(t, s.host.bad[3].vendor_state, "22001");
  CHECK_TEXT(t, s.host.bad[6].vendor_state, "22021");
  CHECK_TEXT(t, s.host.bad[6].raw, "{\"id\": 499, \"v\": {\"$hex\": \"ff\"}}");
  sink_close(&s);
}

/* What no text of the server can hold never gets there: the epoch need not be written twice. */
static void nul_characters(struct tap *t, const char *mode) {
  struct sink s;
  fresh("");
  enter(t, &s, mode);
  CHECK(t, sink_epoch(&s, 0, (const char *const[]){"1", "x", "2", "a\\0b", "3", NULL, "4", "\\0", "5", "", END}) == ETL_OK);
  CHECK_TEXT(t, sink_sql("SELECT id, v FROM t ORDER BY id"), "1|x;3|NULL;5|");
  CHECK(t, s.host.bad_n == 2 && s.host.bad[0].row == 1 && s.host.bad[0].column == 1 && s.host.bad[1].row == 3);
  CHECK_TEXT(t, s.host.bad[0].vendor_state, "22021");
  CHECK_HAS(t, s.host.bad[0].message, "the text for column \"v\" of public.t holds a NUL character");
  CHECK_TEXT(t, s.host.bad[0].raw, "{\"id\": 2, \"v\": {\"$hex\": \"610062\"}}");
  CHECK_TEXT(t, sink_sql("SELECT rows FROM etl.cursors"), "3");
  CHECK(t, careful(&s, 1, (const char *const[]){"6", "a\\0b", "7", "y", END}) == ETL_OK);
  CHECK(t, s.host.bad_n == 3);
  CHECK_TEXT(t, sink_sql("SELECT id FROM t ORDER BY id"), "1;3;5;7");
  sink_close(&s);
}

/* Refusals that come late: of a trigger, of a constraint that is looked at when the transaction ends. */
static void triggers_and_deferred_constraints(struct tap *t) {
  struct sink s;
  fresh("CREATE TABLE up (id int PRIMARY KEY); INSERT INTO up VALUES (1), (2); "
        "CREATE TABLE t (id int REFERENCES up DEFERRABLE INITIALLY DEFERRED, v text); "
        "CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.v = 'no' THEN RAISE 'never %', "
        "NEW.v; END IF; RETURN NEW; END $$; "
        "CREATE TRIGGER x BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION refuse()");
  enter(t, &s, "append");
  CHECK(t, careful(&s, 0, (const char *const[]){"1", "yes", "3", "yes", "2", "no", "2", "yes", END}) == ETL_OK);
  CHECK_TEXT(t, sink_sql("SELECT id, v FROM t ORDER BY id"), "1|yes;2|yes");
  CHECK(t, s.host.bad_n == 2);
  CHECK_TEXT(t, s.host.bad[0].vendor_state, "P0001");
  CHECK_HAS(t, s.host.bad[0].message, "never no");
  CHECK_TEXT(t, s.host.bad[1].vendor_state, "23503"); /* looked for again behind all others */
  sink_close(&s);
}

/* The older row of a key comes behind the newer one, as what it refers to does: it must not win by that. */
static void an_older_row_that_waited(struct tap *t) {
  struct sink s;
  fresh("CREATE TABLE t (id int PRIMARY KEY, v text UNIQUE CHECK (v <> 'bad'), up text REFERENCES t (v) DEFERRABLE)");
  sink_open(&s, "r1", "eu1", 0, (const char *const[]){"table", "t", "mode", "merge", "key", "id", NULL});
  CHECK(t, sink_claim(&s) == ETL_OK);
  CHECK(t, sink_prepare(&s, (const char *const[]){"id", "i", "v", "u", "up", "u", NULL}) == ETL_OK);
  CHECK(t, careful(&s, 0,
                   (const char *const[]){"1", "old", "late", "2", "bad", NULL, "1", "new", NULL, "3", "late", NULL, "4", "lost", "none", END}) == ETL_OK);
  CHECK_TEXT(t, sink_sql("SELECT id, v FROM t ORDER BY id"), "1|new;3|late");
  CHECK(t, s.host.bad_n == 2);
  CHECK_TEXT(t, s.host.bad[1].raw, "{\"id\": 4, \"v\": \"lost\", \"up\": \"none\"}");
  sink_close(&s);
}

static void in_a_merge(struct tap *t) {
  struct sink s;
  fresh("CREATE TABLE t (id int PRIMARY KEY, v text CHECK (v <> 'bad'))");
  enter(t, &s, "merge");
  CHECK(t, careful(&s, 0, (const char *const[]){"1", "first", NULL, "no key", "2", "bad", "1", "last", "3", "good", "3", "bad", END}) == ETL_OK);
  CHECK_TEXT(t, sink_sql("SELECT id, v FROM t ORDER BY id"), "1|last;3|good");
  CHECK(t, s.host.bad_n == 3);
  CHECK_HAS(t, s.host.bad[0].message, "NULL in the key column \"id\"");
  CHECK(t, s.host.bad[0].column == 0);
  CHECK_TEXT(t, s.host.bad[1].vendor_state, "23514");
  CHECK_TEXT(t, s.host.bad[1].raw, "{\"id\": 2, \"v\": \"bad\"}");
  sink_close(&s);
}

/* Every type as the SDK writes it, whatever the server makes of it: it is read again some day. */
static void rows_of_a_merge_as_json(struct tap *t) {
  struct sink s;
  fresh("CREATE TABLE t (id int PRIMARY KEY CHECK (id > 0), d numeric, j jsonb, u uuid, b bytea, f double precision, day date, at "
        "timestamp, z timestamptz, c time, k boolean, n numeric)");
  sink_open(&s, "r1", "eu1", 0, (const char *const[]){"table", "t", "mode", "merge", "key", "id", NULL});
  CHECK(t, sink_claim(&s) == ETL_OK);
  CHECK(t, sink_prepare(&s, (const char *const[]){"id", "i",   "d", "d:9,2", "j",   "json", "u",    "uuid", "b",
                                                  "z",  "f",   "g", "day",   "tdD", "at",   "tsu:", "z",    "tsu:UTC",
                                                  "c",  "ttu", "k", "b",     "n",   "l",    NULL}) == ETL_OK);
  CHECK(t, careful(&s, 0,
                   (const char *const[]){"-1", "1250", "{\"a\": 1}", "00112233445566778899aabbccddeeff", "00ff", "0.5", "1",
                                         "1500000", "1500000", "1500000", "1", "7", END}) == ETL_OK);
  CHECK(t, s.host.bad_n == 1);
  CHECK_TEXT(t, s.host.bad[0].raw,
             "{\"id\": -1, \"d\": \"12.50\", \"j\": \"{\\\"a\\\": 1}\", \"u\": \"00112233-4455-6677-8899-aabbccddeeff\", "
             "\"b\": \"\\\\x00ff\", \"f\": 0.5, \"day\": \"1970-01-02\", \"at\": \"1970-01-01T00:00:01.5\", "
             "\"z\": \"1970-01-01T00:00:01.5Z\", \"c\": \"00:00:01.5\", \"k\": true, \"n\": 7}");
  sink_close(&s);
}

/* What is no row's fault ends the epoch, careful or not. */
static void what_no_row_can_help(struct tap *t) {
  struct sink s;
  fresh("");
  enter(t, &s, "append");
  sink_sql("DROP TABLE t");
  CHECK(t, careful(&s, 0, (const char *const[]){"1", "x", END}) == ETL_FAILED);
  CHECK(t, s.host.error.error_class == ETL_E_SCHEMA && s.host.bad_n == 0);
  sink_close(&s);
}

static void the_limit_of_the_host(struct tap *t) {
  struct sink s;
  fresh("CREATE TABLE t (id int CHECK (id > 0), v text)");
  enter(t, &s, "append");
  s.host.bad_limit = 1;
  CHECK(t, careful(&s, 0, (const char *const[]){"-1", "x", "1", "y", "-2", "z", END}) == ETL_FAILED);
  CHECK(t, s.host.bad_n == 1);
  CHECK(t, s.api->abort(s.self) == ETL_OK);
  CHECK_TEXT(t, sink_sql("SELECT count(*) FROM t"), "0");
  sink_close(&s);
}

/* ---- keeping -------------------------------------------------------------------------------------------------------------------------- */

static struct etl_rejected rejected(uint64_t epoch, uint64_t seq, const char *raw) {
  return (struct etl_rejected){.struct_size = sizeof(struct etl_rejected),
                               .error_class = ETL_E_SCHEMA,
                               .stream = "dbo.t",
                               .shard = "eu1",
                               .epoch = epoch,
                               .seq = seq,
                               .stage = "transform 1",
                               .connector = "columns",
                               .table_stream = "u",
                               .column = "v",
                               .row = 3,
                               .vendor_code = 8114,
                               .vendor_state = "22P02",
                               .message = "it does not fit",
                               .raw = raw,
                               .columns = "[[\"v\", \"u\", \"\"]]"};
}

static int32_t keep(struct sink *s, uint64_t from, const struct etl_rejected *a, const struct etl_rejected *b) {
  const struct etl_rejected *rows[] = {a, b};
  int32_t rc = sink_begin(s, from);
  if (rc == ETL_OK)
    rc = s->api->settle(s->self);
  return rc == ETL_OK ? s->api->reject(s->self, rows, b ? 2 : 1) : rc;
}

static int32_t tell(void *arg, const struct etl_kept *k) {
  char *text = arg;
  const struct etl_rejected *r = k->rejected;
  size_t n = strlen(text);
  snprintf(text + n, 1000 - n, "%s %s/%s %llu.%llu %s %s %s %u %lld %s %s %lld %s %s %s;", k->run, r->stream, r->shard,
           (unsigned long long)r->epoch, (unsigned long long)r->seq, r->stage, r->connector, r->table_stream, r->error_class,
           (long long)r->vendor_code, r->vendor_state, r->column, (long long)r->row, r->message, r->raw, r->columns);
  return k->id && k->at_ns > 0 ? ETL_OK : ETL_FAILED;
}

#define TOLD(epoch_, seq_, raw_)                                                                                                   \
  "r1 dbo.t/eu1 " epoch_ "." seq_ " transform 1 columns u 5 8114 22P02 v 3 it does not fit " raw_ " [[\"v\", \"u\", \"\"]];"

static void kept_with_their_epoch(struct tap *t) {
  struct sink s;
  char text[1000] = "";
  uint64_t dropped = 0;
  struct etl_rejected a = rejected(1, 1, "{\"v\": \"\\u0000\"}"), b = rejected(1, 2, "\"any\""), c = rejected(1, 1, "{}"), d = rejected(2, 1, "{}");
  fresh("");
  enter(t, &s, "append");
  const struct etl_quarantine *q = s.connector->common->ext(s.self, ETL_EXT_QUARANTINE);
  CHECK(t, keep(&s, 0, &a, &b) == ETL_OK);
  CHECK(t, s.api->abort(s.self) == ETL_OK);
  CHECK_TEXT(t, sink_sql("SELECT count(*) FROM etl.quarantine"), "0");
  CHECK(t, keep(&s, 0, &a, &b) == ETL_OK && sink_commit(&s, 1, "here") == ETL_OK);
  CHECK(t, q->list(s.self, 0, 0, tell, text) == ETL_OK);
  CHECK_TEXT(t, text, TOLD("1", "1", "{\"v\": \"\\u0000\"}") TOLD("1", "2", "\"any\""));
  sink_sql("DELETE FROM etl.cursors"); /* the epoch comes again */
  CHECK(t, keep(&s, 0, &c, NULL) == ETL_OK && sink_commit(&s, 1, "here") == ETL_OK);
  CHECK(t, keep(&s, 1, &d, NULL) == ETL_OK && sink_commit(&s, 2, "here") == ETL_OK);
  *text = 0;
  CHECK(t, q->list(s.self, 0, 0, tell, text) == ETL_OK);
  CHECK_TEXT(t, text, TOLD("1", "1", "{}") TOLD("2", "1", "{}"));
  *text = 0;
  CHECK(t, q->list(s.self, 0, 1, tell, text) == ETL_OK);
  CHECK_TEXT(t, text, TOLD("1", "1", "{}"));
  uint64_t id = strtoull(sink_sql("SELECT min(id) FROM etl.quarantine"), NULL, 10);
  CHECK(t, q->drop(s.self, (const uint64_t[]){id, 999}, 2, &dropped) == ETL_OK && dropped == 1);
  CHECK_TEXT(t, sink_sql("SELECT epoch FROM etl.quarantine"), "2");
  sink_sql("UPDATE etl.quarantine SET pipeline = 'other'");
  CHECK(t, q->drop(s.self, NULL, 0, &dropped) == ETL_OK && dropped == 0);
  sink_close(&s);
}

/* The session goes in the middle of an epoch that is to drop rows: nothing of the epoch stays, so the rows must. */
static void dropped_with_their_epoch(struct tap *t) {
  struct sink s;
  uint64_t dropped = 0;
  struct etl_rejected a = rejected(1, 1, "{}");
  fresh("");
  enter(t, &s, "append");
  const struct etl_quarantine *q = s.connector->common->ext(s.self, ETL_EXT_QUARANTINE);
  CHECK(t, keep(&s, 0, &a, NULL) == ETL_OK && sink_commit(&s, 1, "here") == ETL_OK);
  CHECK(t, sink_begin(&s, 1) == ETL_OK);
  sink_sql("SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database() "
           "AND backend_type = 'client backend'");
  CHECK(t, q->drop(s.self, NULL, 0, &dropped) == ETL_FAILED); /* finds out */
  testhost_clear(&s.host);
  CHECK(t, q->drop(s.self, NULL, 0, &dropped) == ETL_FAILED && dropped == 0);
  CHECK(t, s.host.error.error_class == ETL_E_RETRYABLE);
  testhost_clear(&s.host);
  CHECK(t, sink_commit(&s, 2, "there") == ETL_FAILED);
  CHECK(t, s.api->abort(s.self) == ETL_OK);
  CHECK_TEXT(t, sink_sql("SELECT count(*) FROM etl.quarantine"), "1");
  CHECK(t, q->drop(s.self, NULL, 0, &dropped) == ETL_OK && dropped == 1);
  sink_close(&s);
}

/* Tables of a version that knew nothing of quarantine, notes and several tables. */
static void older_state_tables(struct tap *t) {
  struct sink s;
  char cursor[64];
  fresh("CREATE SCHEMA etl; CREATE TABLE etl.pipelines (pipeline text PRIMARY KEY, owner bigint NOT NULL, run text NOT NULL, "
        "claimed_at timestamptz NOT NULL DEFAULT now()); "
        "CREATE TABLE etl.cursors (pipeline text, aside text DEFAULT '', stream text, shard text, target text NOT NULL, epoch "
        "bigint NOT NULL, cursor bytea NOT NULL, "
        "rows bigint NOT NULL, run text NOT NULL, updated_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (pipeline, aside, "
        "stream, shard)); "
        "CREATE TABLE etl.asides (pipeline text, run text, schema_name text, table_name text, PRIMARY KEY (pipeline, run)); "
        "INSERT INTO etl.pipelines VALUES ('p', 4, 'r0'); INSERT INTO etl.cursors VALUES ('p', '', 'dbo.t', 'eu1', 'public.t', 3, "
        "'old', 9, 'r0')");
  struct etl_rejected a = rejected(4, 1, "{}");
  sink_open(&s, "r1", NULL, ETL_OPEN_TEST, (const char *const[]){"table", "t", NULL}); /* a plan knows them too */
  CHECK(t, sink_committed(&s, cursor) == 3);
  sink_close(&s);
  enter(t, &s, "append");
  CHECK(t, s.owner == 5);
  CHECK(t, sink_committed(&s, cursor) == 3);
  CHECK_TEXT(t, cursor, "old");
  CHECK(t, keep(&s, 3, &a, NULL) == ETL_OK && sink_commit(&s, 4, "new") == ETL_OK);
  CHECK_TEXT(t, sink_sql("SELECT epoch, rows, note, finished FROM etl.cursors"), "4|9|NULL|f");
  sink_close(&s);
}

/* ---- cursors that say more -------------------------------------------------------------------------------------------------------------- */

struct told {
  char text[400];
};

static int32_t tell_cursor(void *arg, const struct etl_cursor *c) {
  struct told *told = arg;
  size_t n = strlen(told->text);
  snprintf(told->text + n, sizeof told->text - n, "%s %llu %s %u;", c->shard, (unsigned long long)c->epoch, c->note ? c->note : "-", c->flags);
  return ETL_OK;
}

static void several_cursors_and_notes(struct tap *t) {
  struct sink s;
  struct told told = {0};
  struct etl_cursor piece = {.struct_size = sizeof piece,
                             .stream = "dbo.t",
                             .shard = "eu1#1",
                             .epoch = 1,
                             .cursor = {"x", 1},
                             .note = "bounds",
                             .flags = ETL_CURSOR_FINISHED};
  struct etl_cursor plain = {.struct_size = sizeof plain, .stream = "dbo.t", .shard = "eu1", .epoch = 1, .cursor = {"y", 1}};
  const struct etl_cursor *both[] = {&piece, &plain};
  fresh("");
  enter(t, &s, "append");
  CHECK(t, sink_begin(&s, 0) == ETL_OK && s.api->commit(s.self, both, 2) == ETL_OK);
  CHECK(t, s.api->committed(s.self, tell_cursor, &told) == ETL_OK);
  CHECK_TEXT(t, told.text, "eu1 1 - 0;eu1#1 1 bounds 1;");
  piece.flags = ETL_CURSOR_FORGET;
  plain.epoch = 2;
  plain.note = "done";
  CHECK(t, sink_begin(&s, 1) == ETL_OK && s.api->commit(s.self, both, 2) == ETL_OK);
  told = (struct told){0};
  CHECK(t, s.api->committed(s.self, tell_cursor, &told) == ETL_OK);
  CHECK_TEXT(t, told.text, "eu1 2 done 0;");
  sink_close(&s);
}

int main(void) {
  struct tap t = {0};
  in_a_large_batch(&t);
  nul_characters(&t, "append");
  nul_characters(&t, "merge");
  triggers_and_deferred_constraints(&t);
  an_older_row_that_waited(&t);
  in_a_merge(&t);
  rows_of_a_merge_as_json(&t);
  what_no_row_can_help(&t);
  the_limit_of_the_host(&t);
  kept_with_their_epoch(&t);
  dropped_with_their_epoch(&t);
  older_state_tables(&t);
  several_cursors_and_notes(&t);
  CHECK(&t, testhost_buffers() == 0);
  return tap_end(&t);
}
