/* Reading on: every row as a starting point, ties at every batch boundary, limits, NULL cursors, late rows, and each type that may
 * be a cursor. */
#include <stdlib.h>

#include "shop.h"

/* 12 rows: three groups of ties in time, times that differ in the seventh digit alone. */
static void make_logins(void) {
  shop_sql("DROP TABLE IF EXISTS dbo.logins; CREATE TABLE dbo.logins (id bigint NOT NULL PRIMARY KEY, at datetime2(7) NOT NULL, "
           "name nvarchar(20) NULL)");
  shop_sql("CREATE UNIQUE INDEX logins_at ON dbo.logins (at, id)");
  shop_sql("INSERT INTO dbo.logins (id, at, name) VALUES "
           "(1, N'2024-05-01T10:00:00.1234567', N'a'), (2, N'2024-05-01T10:00:00.1234568', N'b'), "
           "(3, N'2024-05-01T10:00:00.1234568', N'c'), (4, N'2024-05-01T10:00:00.1234568', NULL), "
           "(5, N'2024-05-01T10:00:00.1234569', N'e'), (6, N'2024-05-01T11:00:00.0000000', N'f'), "
           "(7, N'2024-05-01T11:00:00.0000000', N'g'), (8, N'2024-05-01T11:00:00.0000000', N'h'), "
           "(9, N'2024-05-01T11:00:00.0000000', N'i'), (10, N'2024-05-01T11:00:00.0000000', N'j'), "
           "(11, N'2024-05-02T00:00:00.0000000', N'k'), (12, N'2024-05-03T00:00:00.9999999', N'l')");
}

static void rest(char *buf, size_t cap, int from, int to) {
  size_t n = 0;
  buf[0] = '\0';
  for (int i = from; i <= to; i++)
    n += (size_t)snprintf(buf + n, cap - n, "%s%d", i > from ? "," : "", i);
}

static void resume_from_every_row(struct tap *t) {
  static const char *const tables[][2] = {{"at|id", "unique"}, {"id", "one column"}};
  char want[100];
  make_logins();
  for (size_t c = 0; c < 2; c++) {
    struct shop s;
    struct got g, again;
    shop_init(&s, (const char *[]){"table", "dbo.logins", "cursor", tables[c][0], NULL});
    CHECK(t, shop_open(&s));
    shop_read(&s, NULL, 0, 1, &g); /* batches of one row: a cursor behind each */
    CHECK_TEXT(t, got_column(&g, "id"), "1,2,3,4,5,6,7,8,9,10,11,12");
    int row = 0;
    for (size_t i = 0; i < g.messages_n; i++) {
      row += (int)g.messages[i].rows;
      if (!g.messages[i].cursor)
        continue;
      shop_read(&s, g.messages[i].cursor, 0, 5, &again);
      rest(want, sizeof want, row + 1, 12);
      CHECK(t, again.status == ETL_DONE);
      CHECK_TEXT(t, got_column(&again, "id"), want);
      got_fini(&again);
    }
    CHECK(t, row == 12);
    CHECK(t, g.messages_n >= 12 && g.messages[0].cursor && g.messages[5].cursor);
    got_fini(&g);
    shop_fini(&s);
  }
}

/* The cursor is not unique: a batch may end in a group of ties, but a cursor never stands in one. */
static void ties_at_batch_boundaries(struct tap *t) {
  make_logins();
  for (uint64_t batch = 1; batch <= 13; batch++) {
    struct shop s;
    struct got g, again;
    shop_init(&s, (const char *[]){"table", "dbo.logins", "cursor", "at", NULL});
    CHECK(t, shop_open(&s));
    shop_read(&s, NULL, 0, batch, &g);
    CHECK(t, g.status == ETL_DONE && g.n_rows == 12);
    int row = 0;
    for (size_t i = 0; i < g.messages_n; i++) {
      row += (int)g.messages[i].rows;
      if (!g.messages[i].cursor)
        continue;
      CHECK(t, row == 1 || row == 4 || row == 5 || row == 10 || row == 11 || row == 12);
      shop_read(&s, g.messages[i].cursor, 0, batch, &again);
      CHECK(t, again.n_rows == 12 - row);
      got_fini(&again);
    }
    CHECK(t, g.messages[g.messages_n - 1].cursor != NULL);
    got_fini(&g);
    shop_fini(&s);
  }
}

static void limit_with_ties(struct tap *t) {
  static const struct {
    uint64_t limit;
    int64_t rows;
  } cases[] = {{1, 1}, {2, 4}, {4, 4}, {5, 5}, {6, 10}, {12, 12}, {100, 12}};
  make_logins();
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct shop s;
    struct got g, again;
    shop_init(&s, (const char *[]){"table", "dbo.logins", "cursor", "at", NULL});
    CHECK(t, shop_open(&s));
    shop_read(&s, NULL, cases[i].limit, 100, &g);
    CHECK(t, g.status == ETL_DONE && g.n_rows == cases[i].rows);
    shop_read(&s, g.cursor, 0, 100, &again);
    CHECK(t, again.n_rows == 12 - cases[i].rows);
    got_fini(&again);
    got_fini(&g);
    shop_fini(&s);
  }
}

static void only_what_is_new(struct tap *t) {
  struct shop s;
  struct got first, second, third;
  make_logins();
  shop_init(&s, (const char *[]){"table", "dbo.logins", "cursor", "at|id", NULL});
  CHECK(t, shop_open(&s));
  shop_read(&s, NULL, 0, 0, &first);
  shop_read(&s, first.cursor, 0, 0, &second);
  CHECK(t, second.status == ETL_DONE && second.n_rows == 0 && second.cursor == NULL);
  CHECK(t, second.schema.release != NULL);
  shop_sql(
      "INSERT INTO dbo.logins (id, at, name) VALUES (13, N'2024-05-03T00:00:00.9999999', N'm'), (0, N'2024-05-04T00:00:00', N'n')");
  shop_read(&s, first.cursor, 0, 0, &third);
  CHECK_TEXT(t, got_column(&third, "id"), "13,0");
  CHECK(t, !testhost_logged(&s.host, ETL_LOG_WARN, ""));
  got_fini(&first);
  got_fini(&second);
  got_fini(&third);
  shop_fini(&s);
}

/* The upper bound: a row younger than the delay waits. */
static void consistency_delay(struct tap *t) {
  struct shop s;
  struct got g;
  if (!shop_has_control()) {
    CHECK(t, true);
    return;
  }
  make_logins();
  shop_sql("INSERT INTO dbo.logins (id, at) VALUES (20, N'2024-06-01T11:59:49.9999998'), (21, N'2024-06-01T11:59:50.0000001'), "
           "(22, N'2024-06-01T12:00:05')"); /* it is 12:00:00 */
  shop_init(&s, (const char *[]){"table", "dbo.logins", "cursor", "at|id", "where", "id >= 20", NULL});
  CHECK(t, shop_open(&s));
  shop_read(&s, NULL, 0, 0, &g);
  CHECK_TEXT(t, got_column(&g, "id"), "20");
  CHECK(t, g.lag_ns == INT64_C(10000000200));
  got_fini(&g);
  shop_fini(&s);
  shop_init(&s, (const char *[]){"table", "dbo.logins", "cursor", "at|id", "where", "id >= 20", "consistency_delay", "0s", NULL});
  CHECK(t, shop_open(&s));
  shop_read(&s, NULL, 0, 0, &g);
  CHECK_TEXT(t, got_column(&g, "id"), "20,21");
  got_fini(&g);
  shop_fini(&s);
}

static void null_cursors(struct tap *t) {
  struct shop s;
  struct got g;
  shop_sql("DROP TABLE IF EXISTS dbo.changes; CREATE TABLE dbo.changes (id int NOT NULL PRIMARY KEY, at datetime2(3) NULL)");
  shop_sql("INSERT INTO dbo.changes (id, at) VALUES (1, N'2024-05-01'), (2, NULL), (3, N'2024-05-02'), (4, NULL)");
  shop_init(&s, (const char *[]){"table", "dbo.changes", "cursor", "at", NULL});
  CHECK(t, shop_open(&s));
  shop_read(&s, NULL, 0, 0, &g);
  CHECK(t, g.status == ETL_DONE);
  CHECK_TEXT(t, got_column(&g, "id"), "1,3");
  CHECK(t, testhost_logged(&s.host, ETL_LOG_WARN, "dbo.changes: 2 rows have NULL in a cursor column and are not read"));
  CHECK(t, testhost_logged(&s.host, ETL_LOG_WARN, "no index leads with the cursor (at)"));
  CHECK(t, testhost_counter(&s.host, "null_cursor_rows") == 2);
  got_fini(&g);
  shop_fini(&s);
  shop_init(&s, (const char *[]){"table", "dbo.changes", "cursor", "at", "null_cursor", "fail", NULL});
  CHECK(t, shop_open(&s));
  shop_read(&s, NULL, 0, 0, &g);
  CHECK(t, g.status == ETL_FAILED && s.host.error.error_class == ETL_E_DATA);
  CHECK_HAS(t, s.host.message, "2 rows have NULL in a cursor column");
  got_fini(&g);
  shop_fini(&s);
}

/* Each type as a cursor: five distinct values in order, resumed from each. */
static void every_cursor_type(struct tap *t) {
  static const struct {
    const char *type, *values[5];
  } cases[] = {
      {"tinyint", {"0", "1", "100", "254", "255"}},
      {"smallint", {"-32768", "-1", "0", "1", "32767"}},
      {"int", {"-2147483648", "-1", "0", "1", "2147483647"}},
      {"bigint", {"-9223372036854775808", "-1", "0", "2147483648", "9223372036854775807"}},
      {"decimal(38,10)", {"-1234567890123456789012345678.0123456789", "-0.0000000001", "0", "0.0000000001", "1.5"}},
      {"money", {"-922337203685477.5808", "-0.0001", "0", "0.0001", "1"}},
      {"date", {"N'0001-01-01'", "N'1969-12-31'", "N'1970-01-01'", "N'2024-05-01'", "N'2024-05-02'"}},
      {"smalldatetime",
       {"N'1900-01-01T00:00:00'", "N'1970-01-01T00:00:00'", "N'2024-05-01T10:00:00'", "N'2024-05-01T10:01:00'",
        "N'2024-05-02T00:00:00'"}},
      {"datetime",
       {"N'1753-01-01T00:00:00.000'", "N'2024-05-01T10:00:00.763'", "N'2024-05-01T10:00:00.767'", "N'2024-05-01T10:00:00.770'",
        "N'2024-05-01T10:00:00.773'"}},
      {"datetime2(0)",
       {"N'0001-01-01T00:00:00'", "N'1969-12-31T23:59:59'", "N'1970-01-01T00:00:00'", "N'2024-05-01T10:00:00'",
        "N'2024-05-01T10:00:01'"}},
      {"datetime2(7)",
       {"N'0001-01-01T00:00:00.0000001'", "N'1969-12-31T23:59:59.9999999'", "N'2024-05-01T10:00:00.1234567'",
        "N'2024-05-01T10:00:00.1234568'", "N'2024-05-01T10:00:00.1234569'"}},
      {"datetimeoffset(7)",
       {"N'2024-05-01T10:00:00.0000001+14:00'", "N'2024-05-01T00:00:00.0000001-02:00'", "N'2024-05-01T12:00:00.1234567+02:00'",
        "N'2024-05-01T10:00:00.1234568+00:00'", "N'2024-05-01T10:00:00.1234568-05:00'"}},
  };
  char sql[2000], want[100];
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct shop s;
    struct got g, again;
    snprintf(sql, sizeof sql,
             "DROP TABLE IF EXISTS dbo.c; CREATE TABLE dbo.c (n int NOT NULL, c %s NOT NULL); CREATE UNIQUE INDEX c_c ON dbo.c (c)",
             cases[i].type);
    shop_sql(sql);
    snprintf(sql, sizeof sql, "INSERT INTO dbo.c (n, c) VALUES (4, %s), (2, %s), (1, %s), (5, %s), (3, %s)", cases[i].values[3],
             cases[i].values[1], cases[i].values[0], cases[i].values[4], cases[i].values[2]);
    shop_sql(sql);
    shop_init(&s, (const char *[]){"table", "dbo.c", "cursor", "c", NULL});
    CHECK(t, shop_open(&s));
    shop_read(&s, NULL, 0, 1, &g);
    CHECK_TEXT(t, s.host.message, "");
    if (!CHECK(t, strcmp(got_column(&g, "n"), "1,2,3,4,5") == 0))
      printf("# %s: %s\n", cases[i].type, got_column(&g, "n"));
    int row = 0;
    for (size_t k = 0; k < g.messages_n; k++) {
      row += (int)g.messages[k].rows;
      if (!g.messages[k].cursor)
        continue;
      shop_read(&s, g.messages[k].cursor, 0, 0, &again);
      rest(want, sizeof want, row + 1, 5);
      if (!CHECK(t, strcmp(got_column(&again, "n"), want) == 0))
        printf("# %s behind %s: %s %s\n", cases[i].type, g.messages[k].cursor, got_column(&again, "n"), s.host.message);
      got_fini(&again);
    }
    got_fini(&g);
    shop_fini(&s);
  }
}

static void later_columns(struct tap *t) {
  static const struct {
    const char *type, *values[4];
    bool loose;
  } cases[] = {
      {"uniqueidentifier",
       {"N'00000000-0000-0000-0000-000000000001'", "N'00000000-0000-0000-0000-000000000002'",
        "N'00000000-0000-0000-0000-010000000000'", "N'FF000000-0000-0000-0000-020000000000'"},
       false},
      {"nvarchar(10)", {"N''", "N'a'", "N'B'", "N'o''c'"}, true},
      {"varbinary(8)", {"0x01", "0x0102", "0x02", "0xFF"}, true},
      {"time(7)", {"N'00:00:00'", "N'00:00:00.0000001'", "N'12:00:00'", "N'23:59:59.9999999'"}, false},
      {"bit", {"0", "1", NULL, NULL}, false},
  };
  char sql[2000];
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct shop s;
    struct got g, again;
    int rows = 0;
    snprintf(sql, sizeof sql, "DROP TABLE IF EXISTS dbo.c; CREATE TABLE dbo.c (a int NOT NULL, b %s NOT NULL, n int NOT NULL)",
             cases[i].type);
    shop_sql(sql);
    for (int a = 1; a <= 2; a++)
      for (int k = 0; k < 4 && cases[i].values[k]; k++) {
        snprintf(sql, sizeof sql, "INSERT INTO dbo.c (a, b, n) VALUES (%d, %s, %d)", a, cases[i].values[k], ++rows);
        shop_sql(sql);
      }
    shop_init(&s, (const char *[]){"table", "dbo.c", "cursor", "a|b", NULL});
    CHECK(t, shop_open(&s));
    shop_read(&s, NULL, 0, 1, &g);
    CHECK_TEXT(t, s.host.message, "");
    CHECK(t, g.n_rows == rows);
    int row = 0;
    for (size_t k = 0; k < g.messages_n; k++) {
      row += (int)g.messages[k].rows;
      if (!g.messages[k].cursor)
        continue;
      if (cases[i].loose) /* only where the first column changes */
        CHECK(t, row == rows / 2 || row == rows);
      shop_read(&s, g.messages[k].cursor, 0, 0, &again);
      if (!CHECK(t, again.n_rows == rows - row))
        printf("# %s behind %s: %lld rows %s\n", cases[i].type, g.messages[k].cursor, (long long)again.n_rows, s.host.message);
      got_fini(&again);
    }
    got_fini(&g);
    shop_fini(&s);
  }
}

/* A rowversion is bounded by the oldest open transaction, so a row committed late is not passed over. */
static void rowversions(struct tap *t) {
  struct shop s;
  struct got g, again;
  shop_sql("DROP TABLE IF EXISTS dbo.versions; CREATE TABLE dbo.versions (id int NOT NULL PRIMARY KEY, v int NOT NULL, rv "
           "rowversion NOT NULL)");
  shop_sql("INSERT INTO dbo.versions (id, v) VALUES (1, 1), (2, 1), (3, 1)");
  shop_init(&s, (const char *[]){"table", "dbo.versions", "cursor", "rv", NULL});
  CHECK(t, shop_open(&s));
  shop_read(&s, NULL, 0, 0, &g);
  CHECK_TEXT(t, s.host.message, "");
  CHECK_TEXT(t, got_column(&g, "id"), "1,2,3");
  shop_sql("UPDATE dbo.versions SET v = 2 WHERE id = 1");
  shop_read(&s, g.cursor, 0, 0, &again);
  CHECK_TEXT(t, got_column(&again, "id"), "1");
  got_fini(&again);
  got_fini(&g);
  shop_fini(&s);
}

static void changed_cursor(struct tap *t) {
  struct shop s;
  struct got g, again;
  make_logins();
  shop_init(&s, (const char *[]){"table", "dbo.logins", "cursor", "at|id", NULL});
  CHECK(t, shop_open(&s));
  shop_read(&s, NULL, 0, 0, &g);
  shop_fini(&s);
  shop_init(&s, (const char *[]){"table", "dbo.logins", "cursor", "id", NULL});
  CHECK(t, shop_open(&s));
  shop_read(&s, g.cursor, 0, 0, &again);
  CHECK(t, again.status == ETL_FAILED && s.host.error.error_class == ETL_E_CONFIG);
  CHECK_HAS(t, s.host.message, "cursor columns changed");
  CHECK_HAS(t, s.host.remedy, "--full-refresh");
  got_fini(&again);
  got_fini(&g);
  shop_fini(&s);
}

/* Without cursor columns the only cursor comes with the end, so that an interrupted run leaves nothing behind. */
static void whole_table(struct tap *t) {
  struct shop s;
  struct got g;
  make_logins();
  shop_init(&s, (const char *[]){"table", "dbo.logins", NULL});
  CHECK(t, shop_open(&s));
  shop_read(&s, NULL, 0, 5, &g);
  CHECK(t, g.status == ETL_DONE && g.n_rows == 12 && g.messages_n >= 3);
  for (size_t i = 0; i + 1 < g.messages_n; i++)
    CHECK(t, !g.messages[i].cursor);
  CHECK(t, g.messages[g.messages_n - 1].cursor != NULL);
  got_fini(&g);
  shop_read(&s, NULL, 7, 5, &g);
  CHECK(t, g.status == ETL_DONE && g.n_rows == 7);
  got_fini(&g);
  shop_fini(&s);
}

static void refused_columns(struct tap *t) {
  static const char *const cases[][3] = {{"f", "cursor", "cannot be cursor column 1"},
                                         {"missing", "cursor", "has no column \"missing\""},
                                         {"name", "cursor", "the first cursor column must be"}};
  shop_sql("DROP TABLE IF EXISTS dbo.floats; CREATE TABLE dbo.floats (id int NOT NULL PRIMARY KEY, f float NOT NULL, name "
           "nvarchar(10) NOT NULL)");
  for (size_t i = 0; i < 3; i++) {
    struct shop s;
    struct got g;
    shop_init(&s, (const char *[]){"table", "dbo.floats", "cursor", cases[i][0], NULL});
    CHECK(t, shop_open(&s));
    shop_read(&s, NULL, 0, 0, &g);
    CHECK(t, g.status == ETL_FAILED && s.host.error.error_class == ETL_E_CONFIG);
    CHECK_TEXT(t, s.host.option, cases[i][1]);
    CHECK_HAS(t, s.host.message, cases[i][2]);
    got_fini(&g);
    shop_fini(&s);
  }
}

int main(void) {
  struct tap t = {0};
  resume_from_every_row(&t);
  ties_at_batch_boundaries(&t);
  limit_with_ties(&t);
  only_what_is_new(&t);
  consistency_delay(&t);
  null_cursors(&t);
  every_cursor_type(&t);
  later_columns(&t);
  rowversions(&t);
  changed_cursor(&t);
  whole_table(&t);
  refused_columns(&t);
  CHECK(&t, testhost_buffers() == 0);
  return tap_end(&t);
}
