/* Pieces, ranges, the catalog; and readers whose connection goes. */
#include <stdlib.h>

#include "well.h"

struct parts {
  struct {
    char id[24], cursor[1024], text[200];
  } list[64];
  int n;
};

static int32_t take_part(void *arg, const struct etl_part *part) {
  struct parts *p = arg;
  snprintf(p->list[p->n].id, sizeof p->list[0].id, "%s", part->id);
  snprintf(p->list[p->n].cursor, sizeof p->list[0].cursor, "%.*s", (int)part->cursor.n, (const char *)part->cursor.p);
  snprintf(p->list[p->n++].text, sizeof p->list[0].text, "%s", part->text);
  return ETL_OK;
}

static int32_t split(struct well *w, uint64_t n, bool whole, struct parts *ret) {
  struct etl_stream stream = well_stream("public.t", whole);
  struct etl_shard shard = {.struct_size = sizeof shard, .id = "0"};
  *ret = (struct parts){.n = 0};
  return w->api->split(w->self, &stream, &shard, n, take_part, ret);
}

/* All pieces give each row once: their ids add up. */
static int64_t read_parts(struct tap *t, struct well *w, const struct parts *p, int64_t most) {
  int64_t rows = 0;
  for (int i = 0; i < p->n; i++) {
    CHECK(t, well_read(w, "public.t", p->list[i].cursor) == ETL_DONE);
    tap_check(t, w->rows_n <= most, __FILE__, __LINE__, "piece \"%s\", %s, has %lld rows", p->list[i].id, p->list[i].text,
              (long long)w->rows_n);
    rows += w->rows_n;
  }
  return rows;
}

static void by_values(struct tap *t) {
  static const char *const makers[][3] = {{"bigint", "i * 3", "1"},
                                          {"timestamp", "timestamp '2020-01-01' + i * interval '1 minute'", "1"},
                                          {"date", "date '1990-01-01' + i", "1"},
                                          {"numeric(12,2)", "i / 8.0", "1"}};
  for (size_t i = 0; i < 2 * (sizeof makers / sizeof *makers); i++) {
    struct well w;
    struct parts p;
    char sql[600];
    bool analyzed = i % 2 == 0;
    snprintf(sql, sizeof sql,
             "DROP TABLE IF EXISTS t; CREATE TABLE t (id int, at %s); INSERT INTO t SELECT i, %s FROM generate_series(1, 4000) i; "
             "CREATE INDEX ON t (at); %s",
             makers[i / 2][0], makers[i / 2][1], analyzed ? "ANALYZE t" : "SELECT 1");
    sink_sql(sql);
    well_open(&w, 0, (const char *const[]){"table", "t", "cursor", "at", NULL});
    CHECK(t, split(&w, 4, false, &p) == ETL_OK && p.n == 5);
    CHECK_TEXT(t, w.host.message, "");
    CHECK_TEXT(t, p.list[0].id, "1");
    CHECK_TEXT(t, p.list[3].id, "4");
    CHECK_TEXT(t, p.list[4].id, "");
    CHECK_HAS(t, p.list[1].text, analyzed ? "(by statistics)" : "(by a sample)");
    CHECK(t, strstr(p.list[4].cursor, "until") == NULL && strstr(p.list[0].cursor, "from") == NULL);
    CHECK(t, read_parts(t, &w, &p, 1600) == 4000);
    CHECK(t, w.rows_n <= 1); /* of what goes on for good */
    well_close(&w);
  }
}

/* A piece goes on where it stood and keeps its end; rows that come later belong to the last one. */
static void goes_on(struct tap *t) {
  struct well w;
  struct parts p;
  char cursor[4096];
  sink_sql("DROP TABLE IF EXISTS t; CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t SELECT i FROM generate_series(1, 1000) i; "
           "ANALYZE t");
  well_open(&w, 0, (const char *const[]){"table", "t", "cursor", "id", NULL});
  CHECK(t, split(&w, 2, false, &p) == ETL_OK && p.n == 3);
  CHECK(t, well_reader(&w, "public.t", p.list[0].cursor, &(struct etl_read){.limit_rows = 100}) == ETL_OK &&
               well_drain(&w) == ETL_DONE && w.rows_n == 100);
  CHECK_HAS(t, w.cursor, "\"until\":\"");
  snprintf(cursor, sizeof cursor, "%s", w.cursor);
  sink_sql("INSERT INTO t VALUES (5000)");
  CHECK(t, well_read(&w, "public.t", cursor) == ETL_DONE);
  int64_t first = w.rows_n;
  snprintf(cursor, sizeof cursor, "%s", w.cursor);
  CHECK(t, well_read(&w, "public.t", cursor) == ETL_DONE && w.rows_n == 0);
  CHECK_TEXT(t, w.cursor, cursor);
  CHECK(t, well_read(&w, "public.t", p.list[1].cursor) == ETL_DONE && 100 + first + w.rows_n == 999);
  CHECK(t, well_read(&w, "public.t", p.list[2].cursor) == ETL_DONE && w.rows_n == 2);
  CHECK(t, strstr(w.cursor, "from") == NULL && strstr(w.cursor, "\"values\":[\"5000\"]") != NULL);
  sink_sql("DELETE FROM t");
  CHECK(t, well_read(&w, "public.t", p.list[2].cursor) == ETL_DONE && w.rows_n == 0);
  CHECK_TEXT(t, w.cursor, p.list[2].cursor);
  well_close(&w);
}

/* No bound above what may still appear, and no pieces where they would cost more than they bring. */
static void not_cut(struct tap *t) {
  struct well w;
  struct parts p;
  sink_sql("DROP TABLE IF EXISTS t; CREATE TABLE t (id int, at timestamptz); CREATE INDEX ON t (at); "
           "INSERT INTO t SELECT i, now() + i * interval '1 hour' FROM generate_series(-500, 499) i; ANALYZE t");
  well_open(&w, 0, (const char *const[]){"table", "t", "cursor", "at", NULL});
  CHECK(t, split(&w, 4, false, &p) == ETL_OK && p.n == 5);
  CHECK(t, read_parts(t, &w, &p, 200) == 500);
  CHECK(t, w.rows_n <= 1);
  sink_sql("DROP INDEX t_at_idx");
  CHECK(t, split(&w, 4, false, &p) == ETL_OK && p.n == 0);
  sink_sql("CREATE INDEX ON t (at); DELETE FROM t");
  CHECK(t, split(&w, 4, false, &p) == ETL_OK && p.n <= 5);
  well_close(&w);
}

/* Pieces of a whole table are read in one snapshot, whatever is done to it in between. */
static void by_blocks(struct tap *t) {
  struct well w;
  struct parts p;
  sink_sql("DROP TABLE IF EXISTS t; CREATE TABLE t (id int, pad text) WITH (autovacuum_enabled = off); "
           "INSERT INTO t SELECT i, repeat('x', 500) FROM generate_series(1, 1000) i");
  well_open(&w, 0, (const char *const[]){"table", "t", "columns", "id", NULL});
  CHECK(t, split(&w, 4, true, &p) == ETL_OK && p.n == 4);
  CHECK_HAS(t, p.list[0].cursor, "\"blocks\":[0,");
  sink_sql("UPDATE t SET pad = 'y' WHERE id % 2 = 0");
  sink_sql("DELETE FROM t WHERE id % 3 = 0");
  sink_sql("INSERT INTO t SELECT i FROM generate_series(2000, 2500) i");
  CHECK_HAS(t, sink_sql("SET lock_timeout = '100ms'; TRUNCATE t"), "lock timeout");
  CHECK(t, read_parts(t, &w, &p, 300) == 1000);
  CHECK_TEXT(t, w.cursor, p.list[3].cursor);
  sink_sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE state = 'idle in transaction'");
  CHECK(t, well_read(&w, "public.t", p.list[0].cursor) == ETL_FAILED && w.host.error.error_class == ETL_E_RETRYABLE);
  CHECK_HAS(t, w.host.message, "is gone");
  testhost_clear(&w.host);
  CHECK(t, split(&w, 3, true, &p) == ETL_OK && p.n == 3);
  CHECK(t, read_parts(t, &w, &p, 1000) == 667 + 501);
  well_close(&w);
  CHECK_TEXT(t, sink_sql("SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction'"), "0");
}

/* Partitions of different sizes, one of them empty. */
static void partitions_by_blocks(struct tap *t) {
  struct well w;
  struct parts p;
  sink_sql("DROP TABLE IF EXISTS t; CREATE TABLE t (id int, pad text) PARTITION BY RANGE (id); CREATE TABLE t1 PARTITION OF t FOR "
           "VALUES FROM (0) TO (101); "
           "CREATE TABLE t2 PARTITION OF t FOR VALUES FROM (101) TO (1001); CREATE TABLE t3 PARTITION OF t DEFAULT; "
           "INSERT INTO t SELECT i, repeat('x', 500) FROM generate_series(1, 1000) i");
  well_open(&w, 0, (const char *const[]){"table", "t", "columns", "id", NULL});
  CHECK(t, split(&w, 3, true, &p) == ETL_OK && p.n == 3);
  sink_sql("UPDATE t SET pad = 'y', id = id + 1 WHERE id < 1000");
  CHECK(t, read_parts(t, &w, &p, 450) == 1000);
  well_close(&w);
  sink_sql("DROP TABLE t; CREATE TABLE t (id int)");
  well_open(&w, 0, (const char *const[]){"table", "t", NULL});
  CHECK(t, split(&w, 3, true, &p) == ETL_OK && p.n == 0);
  well_close(&w);
}

static void ranges(struct tap *t) {
  struct well w;
  sink_sql("DROP TABLE IF EXISTS t; CREATE TABLE t (id int PRIMARY KEY, at timestamp); INSERT INTO t SELECT i, timestamp "
           "'2024-01-01' + i * interval '1 day' FROM generate_series(0, 99) i");
  well_open(&w, 0, (const char *const[]){"table", "t", "cursor", "at|id", NULL});
  CHECK(t, well_reader(&w, "public.t", NULL, &(struct etl_read){.range_from = "2024-01-11", .range_to = "2024-01-21"}) == ETL_OK &&
               well_drain(&w) == ETL_DONE);
  CHECK(t, w.rows_n == 10 && strstr(w.rows, "\"id\": 10,") && strstr(w.rows, "\"id\": 19,"));
  CHECK(t, well_reader(&w, "public.t", NULL, &(struct etl_read){.range_from = "yesterdayish"}) == ETL_FAILED &&
               w.host.error.error_class == ETL_E_CONFIG);
  CHECK_HAS(t, w.host.message, "the range begins at \"yesterdayish\", which is no timestamp without time zone as column \"at\" is");
  well_close(&w);
  well_open(&w, 0, (const char *const[]){"table", "t", NULL});
  CHECK(t, well_reader(&w, "public.t", NULL, &(struct etl_read){.range_to = "7"}) == ETL_OK && well_drain(&w) == ETL_DONE &&
               w.rows_n == 7);
  sink_sql("ALTER TABLE t DROP CONSTRAINT t_pkey");
  CHECK(t, well_reader(&w, "public.t", NULL, &(struct etl_read){.range_to = "7"}) == ETL_FAILED &&
               w.host.error.error_class == ETL_E_CONFIG);
  well_close(&w);
}

/* A connection that goes while rows come is no end. */
static void cut_connection(struct tap *t) {
  struct well w;
  int32_t rc;
  sink_sql("DROP TABLE IF EXISTS t; CREATE TABLE t (id int, pad text); INSERT INTO t SELECT i, repeat('x', 1000) FROM "
           "generate_series(1, 40000) i");
  well_open(&w, 0, (const char *const[]){"table", "t", "columns", "id", "where", "length(pad) > 0", NULL});
  CHECK(t, well_reader(&w, "public.t", NULL, &(struct etl_read){.want_rows = 10}) == ETL_OK && well_next(&w, 0) == ETL_OK);
  w.api->reader_close(w.reader);
  w.reader = NULL;
  well_close(&w);
  well_open(&w, 0, (const char *const[]){"query", "SELECT id, pad FROM t;", NULL});
  CHECK(t, well_reader(&w, "query", NULL, &(struct etl_read){.want_rows = 10}) == ETL_OK && well_next(&w, 0) == ETL_OK);
  sink_sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'COPY (SELECT%'");
  while ((rc = well_next(&w, 0)) == ETL_OK || rc == ETL_IDLE)
    continue;
  CHECK(t, rc == ETL_FAILED && w.rows_n < 40000 && w.host.error.error_class == ETL_E_RETRYABLE);
  CHECK(t, well_reader(&w, "query", NULL, NULL) == ETL_OK && well_next(&w, 0) == ETL_OK);
  w.api->reader_cancel(w.reader);
  while ((rc = well_next(&w, 0)) == ETL_OK || rc == ETL_IDLE)
    continue;
  CHECK(t, rc == ETL_STOPPED || rc == ETL_DONE);
  well_close(&w);
}

/* Neither is an error of the server's. */
static void failing_statement(struct tap *t) {
  struct well w;
  int32_t rc;
  well_open(&w, 0, (const char *const[]){"query", "SELECT i, 1 / (7000 - i) AS x FROM generate_series(1, 10000) AS i", NULL});
  CHECK(t, well_reader(&w, "query", NULL, &(struct etl_read){.want_rows = 100}) == ETL_OK && well_next(&w, 0) == ETL_OK);
  while ((rc = well_next(&w, 0)) == ETL_OK || rc == ETL_IDLE)
    continue;
  CHECK(t, rc == ETL_FAILED && w.rows_n < 7000);
  CHECK_HAS(t, w.host.message, "division by zero");
  well_close(&w);
}

struct told {
  char text[8192];
};

static int32_t take_stream(void *arg, const struct etl_stream *s) {
  struct told *told = arg;
  size_t n = strlen(told->text);
  n += (size_t)snprintf(told->text + n, sizeof told->text - n, "%s(", s->name);
  for (const char *const *k = s->key; k && *k; k++)
    n += (size_t)snprintf(told->text + n, sizeof told->text - n, "%s%s", k == s->key ? "" : ",", *k);
  n += (size_t)snprintf(told->text + n, sizeof told->text - n, ")");
  for (int64_t i = 0; s->schema && i < s->schema->n_children; i++)
    n += (size_t)snprintf(told->text + n, sizeof told->text - n, " %s:%s", s->schema->children[i]->name,
                          s->schema->children[i]->format);
  snprintf(told->text + n, sizeof told->text - n, ";");
  return ETL_OK;
}

static void streams(struct tap *t) {
  struct well w;
  struct told told = {""};
  sink_sql("DROP TABLE IF EXISTS t, v; DROP SCHEMA IF EXISTS etl CASCADE; CREATE SCHEMA app; CREATE TABLE app.users (id int, "
           "tenant int, PRIMARY KEY (tenant, id)); "
           "CREATE TABLE app.\"a.b\" (\"x\"\"y\" int PRIMARY KEY); CREATE VIEW app.v AS SELECT 1 AS one; CREATE TABLE plain (id "
           "numeric(5,1)); "
           "CREATE TABLE app.parts (id int) PARTITION BY RANGE (id); CREATE TABLE app.part1 PARTITION OF app.parts DEFAULT");
  well_open(&w, 0, (const char *const[]){"tables", "app.u*|plain|app.*|pla?n", NULL});
  CHECK(t, w.api->discover(w.self, take_stream, &told) == ETL_OK);
  CHECK_TEXT(t, told.text, "app.users(tenant,id);public.plain();app.\"a.b\"(x\"y);app.parts();");
  CHECK(t, well_read(&w, "app.\"a.b\"", NULL) == ETL_DONE && w.schema.n_children == 1);
  CHECK(t, well_read(&w, "app.parts", NULL) == ETL_DONE);
  CHECK_TEXT(t, w.cursor, "{\"v\":1,\"whole\":true}");
  CHECK(t, w.connector->common->check(w.self) == ETL_OK);
  well_close(&w);
  well_open(&w, 0, (const char *const[]){"tables", "nix.*", NULL});
  CHECK(t, w.api->discover(w.self, take_stream, &told) == ETL_FAILED && w.host.error.error_class == ETL_E_CONFIG);
  CHECK_HAS(t, w.host.message, "no table matches \"nix.*\"");
  well_close(&w);
  well_open(&w, ETL_OPEN_CONNECTION, (const char *const[]){NULL});
  const struct etl_catalog *catalog = w.connector->common->ext(w.self, ETL_EXT_CATALOG);
  CHECK(t, w.self && w.connector->common->check(w.self) == ETL_OK);
  *told.text = 0;
  CHECK(t, catalog->list(w.self, NULL, 1, take_stream, &told) == ETL_OK);
  CHECK_TEXT(t, told.text,
             "app.\"a.b\"(x\"y) x\"y:i;app.parts() id:i;app.users(tenant,id) id:i tenant:i;app.v() one:i;public.plain() id:d:5,1;");
  well_close(&w);
}

static void configuration(struct tap *t) {
  static const struct {
    const char *options[8];
    const char *message;
  } cases[] = {{{NULL}, "neither table nor tables nor query is given"},
               {{"table", "t", "query", "SELECT 1", NULL}, "more than one of table, tables and query is given"},
               {{"table", "a.*", NULL}, "is a pattern, which `tables` takes"},
               {{"table", "a.b.c", NULL}, "is no name of a table"},
               {{"tables", "a|b", "columns", "x", NULL}, "columns goes with table or query"},
               {{"table", "t", "columns", "x|y", "exclude", "y", NULL}, "\"y\" is in columns and in exclude"},
               {{"table", "t", "cursor", "x|x", NULL}, "cursor: \"x\" is there twice"},
               {{"table", "t", "cursor", "1|2|3|4|5|6|7|8|9", NULL}, "at most 8 are possible"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct well w;
    well_open(&w, 0, cases[i].options);
    CHECK(t, w.self == NULL && w.host.error.error_class == ETL_E_CONFIG);
    CHECK_HAS(t, w.host.message, cases[i].message);
    well_close(&w);
  }
}

int main(void) {
  struct tap t = {0};
  by_values(&t);
  goes_on(&t);
  not_cut(&t);
  by_blocks(&t);
  partitions_by_blocks(&t);
  ranges(&t);
  cut_connection(&t);
  failing_statement(&t);
  streams(&t);
  configuration(&t);
  CHECK(&t, testhost_buffers() == 0);
  return tap_end(&t);
}
