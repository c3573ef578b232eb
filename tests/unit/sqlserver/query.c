/* The statements, word by word. */
#include <stdio.h>

#include "made.h"

static void expect_data(struct made *m, struct cursor *from, const char *upper, uint64_t limit, const char *want) {
  struct text t = {0};
  struct bounds b = {0};
  snprintf(b.upper, sizeof b.upper, "%s", upper);
  query_data(&t, &m->settings, &m->src, from, &b, limit);
  cr_expect_str_eq(text_str(&t), want, "\n got %s\nwant %s", text_str(&t), want);
  text_fini(&t);
}

Test(query, whole_table) {
  struct made m;
  struct cursor from = {0};
  made_logins(&m);
  expect_data(&m, &from, "", 0, "SELECT [login_id], [login_time], [name], CONVERT(nvarchar(max), [v]) AS [v] FROM [dbo].[logins]");
  m.settings.where = "tenant = 7";
  expect_data(
      &m, &from, "", 5,
      "SELECT TOP (5) [login_id], [login_time], [name], CONVERT(nvarchar(max), [v]) AS [v] FROM [dbo].[logins] WHERE (tenant = 7)");
  made_fini(&m);
}

Test(query, first_run_with_a_cursor) {
  struct made m;
  struct cursor from = {0};
  made_logins(&m);
  m.src.columns_n = 2;
  made_cursor(&m, 1);
  made_cursor(&m, 0);
  expect_data(&m, &from, "2024-05-01T10:00:00.0000000", 0,
              "SELECT [login_id], [login_time] FROM [dbo].[logins] WHERE [login_time] <= CAST(N'2024-05-01T10:00:00.0000000' AS "
              "datetime2(7)) ORDER BY [login_time], [login_id]");
  expect_data(&m, &from, "", 10,
              "SELECT TOP (10) WITH TIES [login_id], [login_time] FROM [dbo].[logins] ORDER BY [login_time], [login_id]");
  made_fini(&m);
}

Test(query, behind_a_tuple) {
  struct made m;
  struct cursor from = {.n = 2, .values = {"2024-05-01T10:00:00.1234567", "42"}};
  made_logins(&m);
  m.src.columns_n = 2;
  m.settings.where = "a = 1 OR b = 2";
  made_cursor(&m, 1);
  made_cursor(&m, 0);
  expect_data(&m, &from, "2024-05-02T00:00:00.0000000", 0,
              "SELECT [login_id], [login_time] FROM [dbo].[logins] WHERE (a = 1 OR b = 2) AND "
              "[login_time] >= CAST(N'2024-05-01T10:00:00.1234567' AS datetime2(7)) AND "
              "([login_time] > CAST(N'2024-05-01T10:00:00.1234567' AS datetime2(7)) OR "
              "([login_time] = CAST(N'2024-05-01T10:00:00.1234567' AS datetime2(7)) AND ([login_id] > CAST(42 AS bigint)))) AND "
              "[login_time] <= CAST(N'2024-05-02T00:00:00.0000000' AS datetime2(7)) ORDER BY [login_time], [login_id]");
  made_fini(&m);
}

Test(query, nullable_cursor_columns) {
  struct made m;
  struct cursor from = {0};
  struct text t = {0};
  made_logins(&m);
  m.src.columns_n = 3;
  made_cursor(&m, 1);
  made_cursor(&m, 2);
  expect_data(&m, &from, "", 0,
              "SELECT [login_id], [login_time], [name] FROM [dbo].[logins] WHERE [name] IS NOT NULL ORDER BY [login_time], [name]");
  query_nulls(&t, &m.settings, &m.src);
  cr_expect_str_eq(text_str(&t), "SELECT COUNT_BIG(*) FROM [dbo].[logins] WHERE ([name] IS NULL)");
  text_fini(&t);
  made_fini(&m);
}

Test(query, no_nulls_no_count) {
  struct made m;
  struct text t = {0};
  made_logins(&m);
  made_cursor(&m, 1);
  query_nulls(&t, &m.settings, &m.src);
  cr_expect_eq(t.n, 0);
  made_fini(&m);
}

Test(query, parameters_of_a_query) {
  struct made m;
  struct cursor from = {0};
  made_logins(&m);
  m.settings.query = "SELECT 'x' AS a FROM t WHERE c > @cursor";
  m.src.columns_n = 2;
  made_cursor(&m, 1);
  made_cursor(&m, 0);
  expect_data(&m, &from, "2024-05-02T00:00:00.0000000", 0,
              "EXEC sp_executesql N'SELECT ''x'' AS a FROM t WHERE c > @cursor', N'@cursor datetime2(7), @cursor_2 bigint, @upper "
              "datetime2(7)', @cursor = NULL, @cursor_2 = NULL, @upper = N'2024-05-02T00:00:00.0000000'");
  from = (struct cursor){.n = 2, .values = {"2024-05-01T10:00:00.1234567", "-42"}};
  expect_data(&m, &from, "", 0,
              "EXEC sp_executesql N'SELECT ''x'' AS a FROM t WHERE c > @cursor', N'@cursor datetime2(7), @cursor_2 bigint, @upper "
              "datetime2(7)', @cursor = N'2024-05-01T10:00:00.1234567', @cursor_2 = -42, @upper = NULL");
  made_fini(&m);
}

Test(query, names_are_quoted) {
  struct made m;
  struct text t = {0};
  made_logins(&m);
  m.settings.schema = "odd]schema";
  m.settings.table = "it's";
  query_object(&t, &m.settings);
  cr_expect_str_eq(text_str(&t),
                   "SELECT type FROM sys.objects WHERE object_id = OBJECT_ID(N'[odd]]schema].[it''s]') AND type IN ('U', 'V')");
  text_fini(&t);
  made_fini(&m);
}

Test(query, literals_by_type) {
  static const struct {
    const char *type;
    int precision, scale;
    const char *value, *want;
  } cases[] = {
      {"datetime", 23, 3, "2024-05-01T10:00:00.767", "CONVERT(datetime, N'2024-05-01T10:00:00.767', 126)"},
      {"date", 10, 0, "2024-05-01", "CAST(N'2024-05-01' AS date)"},
      {"smalldatetime", 16, 0, "2024-05-01T10:00:00", "CAST(N'2024-05-01T10:00:00' AS smalldatetime)"},
      {"datetimeoffset", 34, 7, "2024-05-01T10:00:00.1234567+00:00",
       "CAST(N'2024-05-01T10:00:00.1234567+00:00' AS datetimeoffset(7))"},
      {"decimal", 18, 4, "-1.0500", "CAST(N'-1.0500' AS decimal(18,4))"},
      {"timestamp", 0, 0, "0x00000000000007D1", "0x00000000000007D1"},
      {"nvarchar", 0, 0, "o'clock", "N'o''clock'"},
      {"tinyint", 3, 0, "7", "CAST(7 AS tinyint)"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct made m = {0};
    struct text t = {0};
    made_column(&m, "c", cases[i].type, 8, cases[i].precision, cases[i].scale, false);
    cursor_literal(&t, &m.src.columns[0], cases[i].value);
    cr_expect_str_eq(text_str(&t), cases[i].want);
    text_fini(&t);
    made_fini(&m);
  }
}
