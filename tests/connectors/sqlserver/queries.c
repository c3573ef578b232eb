/* Queries instead of tables, what `etl plan` is told, and what is found out before a run. */
#include <stdlib.h>

#include "shop.h"

static void make_logins(void) {
  shop_sql("DROP TABLE IF EXISTS dbo.events; CREATE TABLE dbo.events (id bigint NOT NULL PRIMARY KEY, at datetime2(7) NOT NULL, v "
           "decimal(10,2) NULL)");
  shop_sql("CREATE INDEX events_at ON dbo.events (at, id)");
  shop_sql("INSERT INTO dbo.events (id, at, v) VALUES (1, N'2024-05-01T10:00:00.1234567', 1.5), (2, "
           "N'2024-05-01T10:00:00.1234567', NULL), "
           "(3, N'2024-05-02T00:00:00', 2.25), (4, N'2030-01-01T00:00:00', 3)");
}

#define INCREMENTAL                                                                                                                \
  "SELECT id, at, v AS [it's] FROM dbo.events WHERE (@cursor IS NULL OR at > @cursor OR (at = @cursor AND id > "                   \
  "@cursor_2)) AND at <= @upper ORDER BY at, id"

static void query_with_cursor(struct tap *t) {
  struct shop s;
  struct got g, again;
  make_logins();
  shop_init(&s, (const char *[]){"query", INCREMENTAL, "cursor", "at|id", NULL});
  CHECK(t, shop_open(&s));
  shop_read(&s, NULL, 0, 1, &g);
  CHECK_TEXT(t, s.host.message, "");
  CHECK_TEXT(t, got_column(&g, "id"), "1,2,3"); /* the fourth is of the future */
  CHECK_TEXT(t, got_column(&g, "it's"), "1.50,NULL,2.25");
  CHECK_TEXT(t, got_source_type(&g, "at"), "datetime2(7)");
  CHECK_TEXT(t, got_format(&g, "it's"), "d:10,2");
  shop_read(&s, g.messages[0].cursor, 0, 1, &again);
  CHECK_TEXT(t, got_column(&again, "id"), "2,3");
  got_fini(&again);
  shop_read(&s, NULL, 1, 1, &again);
  CHECK(t, again.status == ETL_DONE && again.n_rows == 1 && again.cursor != NULL);
  got_fini(&again);
  got_fini(&g);
  shop_fini(&s);
}

static void query_without_cursor(struct tap *t) {
  struct shop s;
  struct got g;
  make_logins();
  shop_init(&s, (const char *[]){"query", "SELECT COUNT_BIG(*) AS n FROM dbo.events", NULL});
  CHECK(t, shop_open(&s));
  shop_read(&s, NULL, 0, 0, &g);
  CHECK(t, g.status == ETL_DONE);
  CHECK_TEXT(t, got_column(&g, "n"), "4");
  got_fini(&g);
  shop_fini(&s);
}

static void expect_refused(struct tap *t, const char *query, const char *cursor, const char *part) {
  struct shop s;
  struct got g;
  shop_init(&s, (const char *[]){"query", query, cursor ? "cursor" : NULL, cursor, NULL});
  CHECK(t, shop_open(&s));
  shop_read(&s, NULL, 0, 0, &g);
  CHECK(t, g.status == ETL_FAILED);
  CHECK_HAS(t, s.host.message, part);
  got_fini(&g);
  shop_fini(&s);
}

static void bad_queries(struct tap *t) {
  make_logins();
  expect_refused(t, "SELECT id, at FROM dbo.events ORDER BY id DESC", "id",
                 "does not give its rows in the order of the cursor columns");
  expect_refused(t, "SELECT id, at FROM dbo.events ORDER BY id", "nothing", "has no column \"nothing\"");
  expect_refused(t, "SELECT id, id FROM dbo.events", NULL, "two columns of the query are called \"id\"");
  expect_refused(t, "SELECT COUNT(*) FROM dbo.events", NULL, "column 1 of the query has no name");
  expect_refused(t, "SELECT id FROM dbo.nothing", NULL, "nothing");
}

/* ---- explain ------------------------------------------------------------------------------------------------------------------
 */

struct told {
  char text[16384];
  size_t n;
};

static int32_t take_item(void *arg, const struct etl_explain_item *i) {
  static const char *const kinds[] = {"", "sql", "index", "type", "note"};
  struct told *told = arg;
  told->n += (size_t)snprintf(told->text + told->n, sizeof told->text - told->n, "%s%s%s|%s|%s|%s|%s;", kinds[i->kind],
                              i->flags & ETL_EXPLAIN_LOSSY ? "!" : "", i->flags & ETL_EXPLAIN_WARN ? "?" : "",
                              i->subject ? i->subject : "", i->from ? i->from : "", i->to ? i->to : "", i->text ? i->text : "");
  return ETL_OK;
}

static int32_t explain(struct shop *s, const char *cursor, struct told *told) {
  const struct etl_explain *x = s->connector->common->ext(s->self, ETL_EXT_EXPLAIN);
  struct etl_stream stream = {.struct_size = sizeof stream, .name = "stream"};
  struct etl_shard shard = {.struct_size = sizeof shard, .id = "0"};
  struct ArrowSchema schema = {0};
  *told = (struct told){0};
  int32_t rc =
      x->explain(s->self, &stream, &shard, (struct etl_bytes){cursor, cursor ? strlen(cursor) : 0}, &schema, take_item, told);
  etl_schema_release(&schema);
  return rc;
}

static void explained(struct tap *t) {
  static struct told told;
  struct shop s;
  make_logins();
  shop_init(&s, (const char *[]){"table", "dbo.events", "cursor", "at|id", NULL});
  CHECK(t, shop_open(&s));
  CHECK(t, explain(&s, NULL, &told) == ETL_OK);
  CHECK_HAS(t, told.text, "sql||||SELECT [id], [at], [v] FROM [dbo].[events] WHERE [at] <= CAST(N'");
  CHECK_HAS(t, told.text, "ORDER BY [at], [id];");
  CHECK_HAS(t, told.text, "index||||index events_at leads with the cursor (at, id);");
  CHECK_HAS(t, told.text, "type|id|bigint|l|;");
  CHECK_HAS(t, told.text, "type!|at|datetime2(7)|tsu:|the seventh digit of the seconds is cut");
  CHECK_HAS(t, told.text, "type|v|decimal(10,2)|d:10,2|;");
  CHECK(t, !strstr(told.text, "no unique index")); /* the primary key is part of the tuple */
  shop_fini(&s);
  shop_init(&s, (const char *[]){"table", "dbo.events", "cursor", "v", NULL});
  CHECK(t, shop_open(&s));
  CHECK(t, explain(&s, NULL, &told) == ETL_OK);
  CHECK_HAS(t, told.text, "index?||||no index leads with the cursor (v)");
  CHECK_HAS(t, told.text, "note?||||decimal(10,2) v tells no time");
  CHECK_HAS(t, told.text, "no unique index makes sure that (v) is unique");
  CHECK_HAS(t, told.text, "1 rows have NULL in a cursor column");
  shop_fini(&s);
}

static void explained_failure(struct tap *t) {
  static struct told told;
  struct shop s;
  shop_init(&s, (const char *[]){"table", "dbo.nothing", NULL});
  CHECK(t, shop_open(&s));
  CHECK(t, explain(&s, NULL, &told) == ETL_FAILED);
  CHECK_HAS(t, s.host.message, "there is no table or view dbo.nothing");
  shop_fini(&s);
}

/* ---- before a run
 * ---------------------------------------------------------------------------------------------------------------- */

static int32_t take_stream(void *arg, const struct etl_stream *s) {
  snprintf(arg, 100, "%s %u", s->name, s->flags);
  return ETL_OK;
}

static int32_t take_shard(void *arg, const struct etl_shard *s) {
  char *text = arg;
  snprintf(text + strlen(text), 100 - strlen(text), "%s ", s->id);
  return ETL_OK;
}

static void streams_and_shards(struct tap *t) {
  char text[100] = "";
  struct shop s;
  struct etl_stream stream = {.struct_size = sizeof stream, .name = "dbo.events"};
  shop_init(&s, (const char *[]){"table", "[dbo].events", "cursor", "at", NULL});
  testopts_set(testopts_group(s.opts, "shards"), "id", "eu1");
  testopts_set(testopts_group(s.opts, "shards"), "id", "eu2");
  CHECK(t, shop_open(&s));
  s.api->discover(s.self, take_stream, text);
  CHECK_TEXT(t, text, "dbo.events 0");
  text[0] = '\0';
  s.api->plan(s.self, &stream, take_shard, text);
  CHECK_TEXT(t, text, "eu1 eu2 ");
  shop_fini(&s);
  shop_init(&s, (const char *[]){"table", "events", NULL});
  CHECK(t, shop_open(&s));
  s.api->discover(s.self, take_stream, text);
  CHECK_TEXT(t, text, "dbo.events 1");
  shop_fini(&s);
}

static void checked(struct tap *t) {
  struct shop s;
  make_logins();
  shop_init(&s, (const char *[]){"table", "dbo.events", "cursor", "at", NULL});
  CHECK(t, shop_open(&s));
  CHECK(t, s.connector->common->check(s.self) == ETL_OK);
  shop_fini(&s);
  shop_init(&s, (const char *[]){"table", "dbo.events", "cursor", "at", NULL});
  testopts_set(testopts_group(s.opts, "shards"), "id", "good");
  struct testopts *bad = testopts_group(s.opts, "shards");
  testopts_set(bad, "id", "bad");
  testopts_set(bad, "password", "wrong");
  CHECK(t, shop_open(&s));
  CHECK(t, s.connector->common->check(s.self) == ETL_FAILED);
  CHECK_HAS(t, s.host.message, "shard \"bad\"");
  shop_fini(&s);
}

static void a_view(struct tap *t) {
  struct shop s;
  struct got g;
  make_logins();
  shop_sql("DROP VIEW IF EXISTS dbo.big_events");
  shop_sql("CREATE VIEW dbo.big_events AS SELECT id, at FROM dbo.events WHERE v > 2");
  shop_init(&s, (const char *[]){"table", "dbo.big_events", "cursor", "at|id", NULL});
  CHECK(t, shop_open(&s));
  shop_read(&s, NULL, 0, 0, &g);
  CHECK_TEXT(t, s.host.message, "");
  CHECK_TEXT(t, got_column(&g, "id"), "3");
  got_fini(&g);
  shop_fini(&s);
}

int main(void) {
  struct tap t = {0};
  query_with_cursor(&t);
  query_without_cursor(&t);
  bad_queries(&t);
  explained(&t);
  explained_failure(&t);
  streams_and_shards(&t);
  checked(&t);
  a_view(&t);
  CHECK(&t, testhost_buffers() == 0);
  return tap_end(&t);
}
