/* Pieces of a shard, ranges, and the catalog of a connection. */
#include <stdlib.h>

#include "shop.h"

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

static int32_t split(struct shop *s, uint64_t n, struct parts *ret) {
  struct etl_stream stream = {.struct_size = sizeof stream, .name = "dbo.t"};
  struct etl_shard shard = {.struct_size = sizeof shard, .id = "0"};
  *ret = (struct parts){.n = 0};
  return s->api->split(s->self, &stream, &shard, n, take_part, ret);
}

/* Rows of all pieces; none has more than `most`, and together they have each row once. */
static int64_t read_parts(struct tap *t, struct shop *s, const struct parts *p, int64_t most) {
  int64_t rows = 0;
  char seen[2048] = "";
  for (int i = 0; i < p->n; i++) {
    struct got g;
    shop_read(s, p->list[i].cursor, 0, 0, &g);
    CHECK(t, g.status == ETL_DONE && g.cursor);
    tap_check(t, g.n_rows <= most, __FILE__, __LINE__, "piece \"%s\", %s, has %lld rows", p->list[i].id, p->list[i].text,
              (long long)g.n_rows);
    for (int64_t k = 0; k < g.n_rows; k++) {
      int id = (int)strtol(got_cell(&g, k, "id"), NULL, 10);
      CHECK(t, id > 0 && id < (int)sizeof seen && !seen[id]++);
    }
    rows += g.n_rows;
    got_fini(&g);
  }
  return rows;
}

static void fill(const char *columns, const char *value, int n) {
  char sql[400];
  snprintf(sql, sizeof sql, "DROP TABLE IF EXISTS dbo.t; CREATE TABLE dbo.t (%s)", columns);
  shop_sql(sql);
  for (int i = 1; i <= n; i++) {
    char cell[80];
    snprintf(cell, sizeof cell, value, i % 60);
    snprintf(sql, sizeof sql, "INSERT INTO dbo.t VALUES (%d, %s)", i, cell);
    shop_sql(sql);
  }
}

static void by_cursor(struct tap *t) {
  static const struct {
    const char *type, *value;
    bool open; /* what goes on for good is a part like the others */
  } cases[] = {{"bigint NOT NULL", "%d"},
               {"tinyint NOT NULL", "%d"},
               {"datetime2(7) NOT NULL", "N'2024-05-01T10:%02d:00.1234567'"},
               {"datetimeoffset(3) NOT NULL", "N'2024-05-01T10:%02d:00.5+02:00'"},
               {"smalldatetime NOT NULL", "N'2024-05-01T10:%02d:00'"},
               {"datetime NOT NULL", "N'2024-05-01T10:%02d:00.127'"},
               {"date NOT NULL", "DATEADD(day, %d, N'2024-03-01')"},
               {"decimal(9,2) NOT NULL", "%d.25", true},
               {"money NULL", "%d.25", true}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct shop s;
    struct parts p;
    char columns[200];
    snprintf(columns, sizeof columns, "id int NOT NULL PRIMARY KEY, at %s", cases[i].type);
    fill(columns, cases[i].value, 60);
    shop_sql("CREATE INDEX by_at ON dbo.t (at)");
    shop_init(&s, (const char *[]){"table", "dbo.t", "cursor", "at|id", NULL});
    CHECK(t, shop_open(&s));
    CHECK(t, split(&s, 3, &p) == ETL_OK);
    tap_check(t, p.n == (cases[i].open ? 3 : 4), __FILE__, __LINE__, "%s: %d pieces %s", cases[i].type, p.n, s.host.message);
    CHECK_TEXT(t, p.list[0].id, "1");
    CHECK_HAS(t, p.list[0].text, "(by statistics)");
    CHECK_TEXT(t, p.list[p.n ? p.n - 1 : 0].id, "");
    CHECK(t, read_parts(t, &s, &p, 30) == 60);
    CHECK(t, cases[i].open || strstr(p.list[p.n ? p.n - 2 : 0].cursor, "until"));
    shop_fini(&s);
  }
}

/* A piece goes on where it stood, with the same end, and what comes later is the last one's. */
static void goes_on(struct tap *t) {
  struct shop s;
  struct parts p;
  struct got g;
  fill("id int NOT NULL PRIMARY KEY, at int NOT NULL", "%d", 50);
  shop_init(&s, (const char *[]){"table", "dbo.t", "cursor", "id", NULL});
  CHECK(t, shop_open(&s) && split(&s, 2, &p) == ETL_OK && p.n == 3);
  shop_read(&s, p.list[0].cursor, 10, 0, &g);
  CHECK(t, g.status == ETL_DONE && g.n_rows == 10);
  CHECK_HAS(t, g.cursor, "\"until\":");
  char cursor[1024];
  snprintf(cursor, sizeof cursor, "%s", g.cursor);
  got_fini(&g);
  shop_sql("INSERT INTO dbo.t VALUES (1000, 1)");
  shop_read(&s, cursor, 0, 0, &g);
  int64_t first = 10 + g.n_rows;
  CHECK(t, g.status == ETL_DONE && first > 10 && first < 40);
  got_fini(&g);
  shop_read(&s, p.list[1].cursor, 0, 0, &g);
  CHECK(t, g.n_rows == 49 - first && strstr(g.cursor, "until"));
  got_fini(&g);
  shop_read(&s, p.list[2].cursor, 0, 0, &g);
  CHECK(t, g.n_rows == 2 && !strstr(g.cursor, "from") && !strstr(g.cursor, "until"));
  got_fini(&g);
  shop_sql("DELETE FROM dbo.t");
  shop_read(&s, p.list[0].cursor, 0, 0, &g);
  CHECK(t, g.status == ETL_DONE && g.n_rows == 0);
  CHECK_TEXT(t, g.cursor, p.list[0].cursor);
  got_fini(&g);
  CHECK(t, split(&s, 2, &p) == ETL_OK && p.n == 0);
  shop_fini(&s);
}

/* Nothing above what may still appear; nothing where each piece would read the whole table. */
static void limits_of_cutting(struct tap *t) {
  struct shop s;
  struct parts p;
  fill("id int NOT NULL PRIMARY KEY, at datetime2(0) NOT NULL", "DATEADD(day, %d, N'2024-05-20')", 50); /* now is 1 June */
  shop_sql("CREATE INDEX by_at ON dbo.t (at)");
  shop_init(&s, (const char *[]){"table", "dbo.t", "cursor", "at|id", NULL});
  CHECK(t, shop_open(&s) && split(&s, 4, &p) == ETL_OK && p.n == 5);
  CHECK(t, read_parts(t, &s, &p, 6) == 12);
  shop_fini(&s);
  shop_init(&s, (const char *[]){"table", "dbo.t", "cursor", "id|at", "columns", "id|at", NULL});
  shop_sql("DROP TABLE dbo.t; CREATE TABLE dbo.t (id int NOT NULL, at datetime2(0) NOT NULL); INSERT INTO dbo.t VALUES (1, "
           "N'2024-05-01'), (1000, N'2024-05-01')");
  CHECK(t, shop_open(&s) && split(&s, 4, &p) == ETL_OK && p.n == 0);
  shop_fini(&s);
}

/* Few steps, or none that we may see: least and greatest value are cut. */
static void evenly(struct tap *t) {
  static const char *const fillers[][3] = {
      {"id bigint NOT NULL PRIMARY KEY, at int NULL", "(-9223372036854775808, 1), (9223372036854775807, 2)", "id"},
      {"id int NOT NULL PRIMARY KEY, at datetime2(7) NOT NULL", "(1, N'0001-01-01'), (2, N'2024-05-01')", "at"},
      {"id int NOT NULL PRIMARY KEY, at date NOT NULL", "(1, N'1969-01-01'), (2, N'2024-05-31')", "at"}};
  for (size_t i = 0; i < sizeof fillers / sizeof *fillers; i++) {
    struct shop s;
    struct parts p;
    char sql[400];
    snprintf(sql, sizeof sql,
             "DROP TABLE IF EXISTS dbo.t; CREATE TABLE dbo.t (%s); CREATE INDEX by_at ON dbo.t (at); INSERT INTO dbo.t VALUES %s",
             fillers[i][0], fillers[i][1]);
    shop_sql(sql);
    shop_init(&s, (const char *[]){"table", "dbo.t", "cursor", fillers[i][2], NULL});
    CHECK(t, shop_open(&s) && split(&s, 4, &p) == ETL_OK && p.n == 5);
    CHECK_HAS(t, p.list[0].text, "(evenly)");
    int64_t rows = 0;
    for (int k = 0; k < p.n; k++) {
      struct got g;
      shop_read(&s, p.list[k].cursor, 0, 0, &g);
      CHECK(t, g.status == ETL_DONE && g.n_rows == (k == 0 || k == 4));
      rows += g.n_rows;
      got_fini(&g);
    }
    CHECK(t, rows == 2);
    shop_fini(&s);
  }
}

static void whole_tables(struct tap *t) {
  struct shop s;
  struct parts p;
  struct got g;
  fill("id int NOT NULL PRIMARY KEY, at int NOT NULL", "%d", 50);
  shop_init(&s, (const char *[]){"table", "dbo.t", NULL});
  CHECK(t, shop_open(&s) && split(&s, 3, &p) == ETL_OK && p.n == 3);
  CHECK_TEXT(t, p.list[2].id, "3");
  CHECK(t, read_parts(t, &s, &p, 25) == 50);
  shop_read(&s, "{\"v\":1,\"columns\":[\"id\"],\"types\":[\"bigint\"],\"until\":\"7\"}", 0, 0, &g);
  CHECK(t, g.status == ETL_FAILED && s.host.error.error_class == ETL_E_CONFIG);
  got_fini(&g);
  shop_fini(&s);
}

static void read_range(struct tap *t, const char *cursor, const char *from, const char *to, const char *ids) {
  struct shop s;
  struct got g = {.status = ETL_OK};
  void *reader = NULL;
  struct etl_stream stream = {.struct_size = sizeof stream, .name = "dbo.t"};
  struct etl_shard shard = {.struct_size = sizeof shard, .id = "0"};
  shop_init(&s, (const char *[]){"table", "dbo.t", cursor ? "cursor" : NULL, cursor, NULL});
  struct etl_read read = {
      .struct_size = sizeof read, .host = &s.host.host, .stream = &stream, .shard = &shard, .range_from = from, .range_to = to};
  CHECK(t, shop_open(&s));
  int32_t rc = s.api->reader_open(s.self, &read, &reader);
  CHECK(t, (rc == ETL_OK) == (ids != NULL));
  while (reader && (g.status == ETL_OK || g.status == ETL_IDLE))
    g.status = shop_next(&s, reader, 1000, false, &g);
  if (ids) /* without a cursor there is no order */
    CHECK_TEXT(t, g.n_rows == 2 && strcmp(got_cell(&g, 0, "id"), "2") == 0 ? "1,2" : got_column(&g, "id"), ids);
  else
    CHECK(t, s.host.error.error_class == ETL_E_CONFIG);
  if (reader)
    s.api->reader_close(reader);
  got_fini(&g);
  shop_fini(&s);
}

static void ranges(struct tap *t) {
  fill("id int NOT NULL PRIMARY KEY, at datetime2(7) NOT NULL", "N'2024-05-%02d'", 9);
  read_range(t, "at|id", "2024-05-03", "2024-05-05", "3,4");
  read_range(t, "at|id", "2024-05-08 00:00:00.0000001", NULL, "9");
  read_range(t, "at|id", "yesterday", NULL, NULL);
  read_range(t, NULL, NULL, "3", "1,2");
  read_range(t, NULL, "x", "3", NULL);
}

static int32_t take_stream(void *arg, const struct etl_stream *s) {
  char *text = arg;
  size_t n = strlen(text);
  n += (size_t)snprintf(text + n, 2048 - n, "%s(", s->name);
  for (const char *const *k = s->key; k && *k; k++)
    n += (size_t)snprintf(text + n, 2048 - n, "%s%s", k == s->key ? "" : ",", *k);
  n += (size_t)snprintf(text + n, 2048 - n, ")");
  for (int64_t i = 0; s->schema && i < s->schema->n_children; i++)
    n += (size_t)snprintf(text + n, 2048 - n, " %s:%s", s->schema->children[i]->name, s->schema->children[i]->format);
  snprintf(text + n, 2048 - n, ";");
  return ETL_OK;
}

static void catalog(struct tap *t) {
  struct shop s;
  char text[2048] = "";
  shop_sql("CREATE SCHEMA listed");
  shop_sql("CREATE TABLE listed.orders (tenant int NOT NULL, id bigint NOT NULL, name nvarchar(9) NULL, CONSTRAINT pk PRIMARY KEY "
           "(tenant, id))");
  shop_sql("CREATE TABLE listed.[a.b] (node hierarchyid NULL, id int NOT NULL PRIMARY KEY)");
  shop_sql("CREATE VIEW listed.v AS SELECT 1 AS one");
  shop_init(&s, (const char *[]){NULL});
  testopts_open(s.opts, s.connector, "p", "r", NULL, ETL_OPEN_CONNECTION, &s.self);
  CHECK(t, s.self && s.connector->common->check(s.self) == ETL_OK);
  const struct etl_catalog *c = s.self ? s.connector->common->ext(s.self, ETL_EXT_CATALOG) : NULL;
  CHECK(t, c && c->list(s.self, "LISTED.*", 1, take_stream, text) == ETL_OK);
  CHECK_TEXT(t, text, "listed.[a.b]();listed.orders(tenant,id) tenant:i id:l name:u;listed.v() one:i;");
  *text = 0;
  CHECK(t, c && c->list(s.self, "*.orders", 0, take_stream, text) == ETL_OK);
  CHECK_TEXT(t, text, "listed.orders(tenant,id);");
  shop_fini(&s);
}

int main(void) {
  struct tap t = {0};
  by_cursor(&t);
  goes_on(&t);
  limits_of_cutting(&t);
  evenly(&t);
  whole_tables(&t);
  ranges(&t);
  catalog(&t);
  CHECK(&t, testhost_buffers() == 0);
  return tap_end(&t);
}
