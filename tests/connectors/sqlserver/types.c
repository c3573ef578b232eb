/* Every type: its far ends, NULL, empty; the Arrow format and the source's type; and types that cannot be read. */
#include <stdlib.h>

#include "shop.h"

enum {
  VALUES = 4
};

static const struct {
  const char *declaration, *format, *source;
  struct {
    const char *literal, *want;
  } values[VALUES]; /* row 3 is NULL of every type */
} cases[] = {
    {"bit", "b", "bit", {{"1", "true"}, {"0", "false"}, {"1", "true"}}},
    {"tinyint", "C", "tinyint", {{"0", "0"}, {"255", "255"}, {"7", "7"}}},
    {"smallint", "s", "smallint", {{"-32768", "-32768"}, {"32767", "32767"}, {"0", "0"}}},
    {"int", "i", "int", {{"-2147483648", "-2147483648"}, {"2147483647", "2147483647"}, {"0", "0"}}},
    {"bigint",
     "l",
     "bigint",
     {{"-9223372036854775808", "-9223372036854775808"}, {"9223372036854775807", "9223372036854775807"}, {"0", "0"}}},
    {"decimal(9,0)", "d:9,0", "decimal(9,0)", {{"-999999999", "-999999999"}, {"999999999", "999999999"}, {"0", "0"}}},
    {"decimal(10,9)",
     "d:10,9",
     "decimal(10,9)",
     {{"-9.999999999", "-9.999999999"}, {"0.000000001", "0.000000001"}, {"1", "1.000000000"}}},
    {"numeric(19,4)",
     "d:19,4",
     "numeric(19,4)",
     {{"-999999999999999.9999", "-999999999999999.9999"}, {"0.0001", "0.0001"}, {"12", "12.0000"}}},
    {"decimal(28,14)",
     "d:28,14",
     "decimal(28,14)",
     {{"-12345678901234.12345678901234", "-12345678901234.12345678901234"}, {"0", "0.00000000000000"}, {"3", "3.00000000000000"}}},
    {"decimal(38,0)",
     "d:38,0",
     "decimal(38,0)",
     {{"99999999999999999999999999999999999999", "99999999999999999999999999999999999999"},
      {"-99999999999999999999999999999999999999", "-99999999999999999999999999999999999999"},
      {"18446744073709551616", "18446744073709551616"}}},
    {"decimal(38,38)",
     "d:38,38",
     "decimal(38,38)",
     {{"0.99999999999999999999999999999999999999", "0.99999999999999999999999999999999999999"},
      {"-0.00000000000000000000000000000000000001", "-0.00000000000000000000000000000000000001"},
      {"0", "0.00000000000000000000000000000000000000"}}},
    {"money",
     "d:19,4",
     "money",
     {{"-922337203685477.5808", "-922337203685477.5808"}, {"922337203685477.5807", "922337203685477.5807"}, {"0.0001", "0.0001"}}},
    {"smallmoney", "d:10,4", "smallmoney", {{"-214748.3648", "-214748.3648"}, {"214748.3647", "214748.3647"}, {"1", "1.0000"}}},
    {"float",
     "g",
     "float",
     {{"-1.7976931348623157E+308", "-1.7976931348623157e+308"}, {"0.1E0", "0.10000000000000001"}, {"0E0", "0"}}},
    {"real", "f", "real", {{"1.5E0", "1.5"}, {"-3.25E10", "-3.25000008e+10"}, {"0E0", "0"}}},
    {"date", "tdD", "date", {{"N'0001-01-01'", "-719162"}, {"N'9999-12-31'", "2932896"}, {"N'1970-01-01'", "0"}}},
    {"time(0)", "ttu", "time(0)", {{"N'00:00:00'", "0"}, {"N'23:59:59'", "86399000000"}, {"N'12:00:00'", "43200000000"}}},
    {"time(7)",
     "ttu",
     "time(7)",
     {{"N'00:00:00.0000001'", "0"}, {"N'23:59:59.9999999'", "86399999999"}, {"N'00:00:00.1234567'", "123456"}}},
    {"smalldatetime",
     "tsu:",
     "smalldatetime",
     {{"N'1900-01-01T00:00:00'", "-2208988800000000"},
      {"N'2079-06-06T23:59:00'", "3453321540000000"},
      {"N'2024-05-01T10:00:00'", "1714557600000000"}}},
    {"datetime",
     "tsu:",
     "datetime",
     {{"N'1753-01-01T00:00:00.000'", "-6847804800000000"},
      {"N'9999-12-31T23:59:59.997'", "253402300799997000"},
      {"N'2024-05-01T10:00:00.767'", "1714557600767000"}}},
    {"datetime2(0)",
     "tsu:",
     "datetime2(0)",
     {{"N'0001-01-01T00:00:00'", "-62135596800000000"},
      {"N'9999-12-31T23:59:59'", "253402300799000000"},
      {"N'2024-05-01T10:00:00'", "1714557600000000"}}},
    {"datetime2(3)",
     "tsu:",
     "datetime2(3)",
     {{"N'1969-12-31T23:59:59.999'", "-1000"},
      {"N'9999-12-31T23:59:59.999'", "253402300799999000"},
      {"N'2024-05-01T10:00:00.123'", "1714557600123000"}}},
    {"datetime2(7)",
     "tsu:",
     "datetime2(7)",
     {{"N'0001-01-01T00:00:00.0000001'", "-62135596800000000"},
      {"N'9999-12-31T23:59:59.9999999'", "253402300799999999"},
      {"N'2024-05-01T10:00:00.1234567'", "1714557600123456"}}},
    {"datetimeoffset(7)",
     "tsu:UTC",
     "datetimeoffset(7)",
     {{"N'2024-05-01T10:00:00.1234567+05:30'", "1714537800123456"},
      {"N'2024-05-01T10:00:00.0000000-14:00'", "1714608000000000"},
      {"N'1970-01-01T00:00:00+00:00'", "0"}}},
    {"datetimeoffset(0)",
     "tsu:UTC",
     "datetimeoffset(0)",
     {{"N'2024-05-01T10:00:00+02:00'", "1714550400000000"},
      {"N'1970-01-01T14:00:00+14:00'", "0"},
      {"N'1969-12-31T23:59:59+00:00'", "-1000000"}}},
    {"char(5)", "u", "char(5)", {{"'ab'", "ab   "}, {"''", "     "}, {"'abcde'", "abcde"}}},
    {"varchar(50)", "u", "varchar(50)", {{"'caf\xC3\xA9'", "caf\xC3\xA9"}, {"''", ""}, {"'it''s'", "it's"}}},
    {"varchar(max)", "u", "varchar(max)", {{"'x'", "x"}, {"''", ""}, {"'y y '", "y y "}}},
    {"nchar(3)", "u", "nchar(3)", {{"N'\xC5\x82'", "\xC5\x82  "}, {"N''", "   "}, {"N'abc'", "abc"}}},
    {"nvarchar(50)",
     "u",
     "nvarchar(50)",
     {{"N'\xE6\x97\xA5\xE6\x9C\xAC \xF0\x9F\x98\x80'", "\xE6\x97\xA5\xE6\x9C\xAC \xF0\x9F\x98\x80"},
      {"N''", ""},
      {"N'NULL'", "NULL"}}},
    {"nvarchar(max)", "u", "nvarchar(max)", {{"N'\xD0\x96'", "\xD0\x96"}, {"N''", ""}, {"N' '", " "}}},
    {"text", "u", "text", {{"'old'", "old"}, {"''", ""}, {"'t'", "t"}}},
    {"ntext", "u", "ntext", {{"N'\xCE\xA9'", "\xCE\xA9"}, {"N''", ""}, {"N't'", "t"}}},
    {"xml", "u", "xml", {{"N'<a>1</a>'", "<a>1</a>"}, {"N'<b/>'", "<b/>"}, {"N'<c>\xC3\xBC</c>'", "<c>\xC3\xBC</c>"}}},
    {"binary(4)", "z", "binary(4)", {{"0x0102", "0x01020000"}, {"0xFFFFFFFF", "0xFFFFFFFF"}, {"0x00", "0x00000000"}}},
    {"varbinary(10)", "z", "varbinary(10)", {{"0x00FF", "0x00FF"}, {"0x", "0x"}, {"0x01", "0x01"}}},
    {"varbinary(max)", "z", "varbinary(max)", {{"0xDEADBEEF", "0xDEADBEEF"}, {"0x", "0x"}, {"0x00", "0x00"}}},
    {"image", "z", "image", {{"0xCAFE", "0xCAFE"}, {"0x", "0x"}, {"0x00", "0x00"}}},
    {"uniqueidentifier",
     "w:16",
     "uniqueidentifier",
     {{"N'00112233-4455-6677-8899-AABBCCDDEEFF'", "0x00112233445566778899AABBCCDDEEFF"},
      {"N'FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF'", "0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF"},
      {"N'00000000-0000-0000-0000-000000000000'", "0x00000000000000000000000000000000"}}},
    {"sql_variant", "u", "sql_variant", {{"N'text'", "text"}, {"42", "42"}, {"''", ""}}},
};
enum {
  CASES = sizeof cases / sizeof *cases
};

static void make_table(void) {
  static char sql[65536];
  size_t n =
      (size_t)snprintf(sql, sizeof sql, "DROP TABLE IF EXISTS dbo.types; CREATE TABLE dbo.types (id int NOT NULL PRIMARY KEY");
  for (size_t i = 0; i < CASES; i++)
    n += (size_t)snprintf(sql + n, sizeof sql - n, ", c%zu %s NULL", i, cases[i].declaration);
  n += (size_t)snprintf(sql + n, sizeof sql - n, ", rv rowversion NOT NULL)");
  shop_sql(sql);
  for (size_t v = 0; v < VALUES; v++) {
    n = (size_t)snprintf(sql, sizeof sql, "INSERT INTO dbo.types (id");
    for (size_t i = 0; i < CASES; i++)
      n += (size_t)snprintf(sql + n, sizeof sql - n, ", c%zu", i);
    n += (size_t)snprintf(sql + n, sizeof sql - n, ") VALUES (%zu", v);
    for (size_t i = 0; i < CASES; i++)
      n += (size_t)snprintf(sql + n, sizeof sql - n, ", %s", cases[i].values[v].literal ? cases[i].values[v].literal : "NULL");
    n += (size_t)snprintf(sql + n, sizeof sql - n, ")");
    shop_sql(sql);
  }
}

static void all_types(struct tap *t) {
  struct shop s;
  struct got g;
  char name[16];
  make_table();
  shop_init(&s, (const char *[]){"table", "dbo.types", "cursor", "id", NULL});
  CHECK(t, shop_open(&s));
  shop_read(&s, NULL, 0, 3, &g);
  CHECK(t, g.status == ETL_DONE);
  CHECK_TEXT(t, s.host.message, "");
  CHECK_TEXT(t, got_column(&g, "id"), "0,1,2,3");
  for (size_t i = 0; i < CASES; i++) {
    snprintf(name, sizeof name, "c%zu", i);
    CHECK_TEXT(t, got_format(&g, name), cases[i].format);
    CHECK_TEXT(t, got_source_type(&g, name), cases[i].source);
    for (size_t v = 0; v < VALUES; v++)
      CHECK_TEXT(t, got_cell(&g, (int64_t)v, name), cases[i].values[v].literal ? cases[i].values[v].want : "NULL");
  }
  CHECK_TEXT(t, got_format(&g, "rv"), "w:8");
  CHECK(t, strlen(got_cell(&g, 0, "rv")) == 18);
  CHECK(t, strcmp(got_cell(&g, 0, "rv"), got_cell(&g, 1, "rv")) < 0);
  got_fini(&g);
  shop_fini(&s);
}

static void null_is_not_empty(struct tap *t) {
  struct shop s;
  struct got g;
  shop_sql("DROP TABLE IF EXISTS dbo.empties; CREATE TABLE dbo.empties (id int NOT NULL PRIMARY KEY, a nvarchar(9) NULL, b "
           "varbinary(9) NULL, "
           "c nvarchar(max) NULL)");
  shop_sql("INSERT INTO dbo.empties (id, a, b, c) VALUES (1, N'', 0x, N''), (2, NULL, NULL, NULL)");
  shop_init(&s, (const char *[]){"table", "dbo.empties", "cursor", "id", NULL});
  CHECK(t, shop_open(&s));
  shop_read(&s, NULL, 0, 0, &g);
  CHECK_TEXT(t, got_column(&g, "a"), ",NULL");
  CHECK_TEXT(t, got_column(&g, "b"), "0x,NULL");
  CHECK_TEXT(t, got_column(&g, "c"), ",NULL");
  CHECK(t, g.schema.release && !(g.schema.children[0]->flags & ARROW_FLAG_NULLABLE));
  CHECK(t, g.schema.release && g.schema.children[1]->flags & ARROW_FLAG_NULLABLE);
  got_fini(&g);
  shop_fini(&s);
}

static void nanoseconds(struct tap *t) {
  struct shop s;
  struct got g;
  shop_sql("DROP TABLE IF EXISTS dbo.fine; CREATE TABLE dbo.fine (id int NOT NULL PRIMARY KEY, a datetime2(7) NULL)");
  shop_sql("INSERT INTO dbo.fine (id, a) VALUES (1, N'2024-05-01T10:00:00.1234567'), (2, N'0001-01-01T00:00:00'), "
           "(3, N'2262-04-11T23:47:16.8547758')");
  shop_init(&s, (const char *[]){"table", "dbo.fine", "cursor", "id", "datetime_unit", "ns", NULL});
  CHECK(t, shop_open(&s));
  shop_read(&s, NULL, 0, 0, &g);
  CHECK(t, g.status == ETL_DONE);
  CHECK_TEXT(t, got_format(&g, "a"), "tsn:");
  CHECK_TEXT(t, got_column(&g, "id"), "1,3");
  CHECK_TEXT(t, got_column(&g, "a"), "1714557600123456700,9223372036854775800");
  CHECK(t, s.host.bad_n == 1);
  CHECK_HAS(t, s.host.bad[0].message, "row (2): column \"a\" (datetime2(7)): the time does not fit");
  CHECK(t, s.host.bad[0].error_class == ETL_E_DATA && s.host.bad[0].column == 1);
  CHECK_TEXT(t, s.host.bad[0].raw, "{\"id\": 2, \"a\": {\"$raw\": \"0001-01-01T00:00:00.0000000\"}}");
  got_fini(&g);
  shop_fini(&s);
}

static void large_cells(struct tap *t) {
  struct shop s;
  struct got g;
  static char sql[3 * 20000];
  shop_sql("DROP TABLE IF EXISTS dbo.large; CREATE TABLE dbo.large (id int NOT NULL PRIMARY KEY, a nvarchar(max) NULL)");
  for (int id = 1; id <= 4; id++) { /* 8192 is the limit; the third is larger in UTF-8 alone, the last also when cut */
    size_t n = (size_t)snprintf(sql, sizeof sql, "INSERT INTO dbo.large (id, a) VALUES (%d, N'", id);
    int chars = id == 1 ? 8192 : id == 2 ? 8193 : id == 3 ? 2731 : 18000;
    for (int i = 0; i < chars; i++)
      n += (size_t)snprintf(sql + n, sizeof sql - n, "%s", id == 3 ? "\xE6\x97\xA5" : "x");
    snprintf(sql + n, sizeof sql - n, "')");
    shop_sql(sql);
  }
  shop_init(&s, (const char *[]){"table", "dbo.large", "cursor", "id", "max_cell", "8KiB", NULL});
  CHECK(t, shop_open(&s));
  shop_read(&s, NULL, 0, 0, &g);
  CHECK(t, g.status == ETL_DONE);
  CHECK_TEXT(t, got_column(&g, "id"), "1");
  CHECK(t, strlen(got_cell(&g, 0, "a")) == 8192);
  CHECK(t, s.host.bad_n == 3);
  CHECK_HAS(t, s.host.bad[0].message, "row (2): column \"a\" (nvarchar(max)): the value is larger than max_cell");
  CHECK_HAS(t, s.host.bad[0].raw, "{\"id\": 2, \"a\": {\"$raw\": \"xxxxxxxxxxxxxxxx");
  CHECK_HAS(t, s.host.bad[1].raw, "{\"id\": 3, \"a\": {\"$raw\": \"\xE6\x97\xA5\xE6\x97\xA5");
  got_fini(&g);
  testhost_clear(&s.host);
  s.host.bad_limit = 1;
  shop_read(&s, NULL, 0, 0, &g);
  CHECK(t, g.status == ETL_FAILED); /* the host wants no more of them */
  got_fini(&g);
  shop_fini(&s);
}

static void unknown_type(struct tap *t) {
  struct shop s;
  struct got g;
  shop_sql("DROP TABLE IF EXISTS dbo.trees; CREATE TABLE dbo.trees (id int NOT NULL PRIMARY KEY, node hierarchyid NULL)");
  shop_init(&s, (const char *[]){"table", "dbo.trees", NULL});
  CHECK(t, shop_open(&s));
  shop_read(&s, NULL, 0, 0, &g);
  CHECK(t, g.status == ETL_FAILED);
  CHECK(t, s.host.error.error_class == ETL_E_SCHEMA);
  CHECK_HAS(t, s.host.message, "dbo.trees: column \"node\" has type hierarchyid, which cannot be read");
  CHECK_HAS(t, s.host.remedy, "`columns`");
  got_fini(&g);
  shop_fini(&s);
  shop_init(&s, (const char *[]){"table", "dbo.trees", "columns", "id", NULL});
  CHECK(t, shop_open(&s));
  shop_read(&s, NULL, 0, 0, &g);
  CHECK(t, g.status == ETL_DONE);
  got_fini(&g);
  shop_fini(&s);
}

/* nvarchar_as: both ways. */
static void bad_characters(struct tap *t, const char *nvarchar_as, const char *raw) {
  struct shop s;
  struct got g;
  shop_sql("DROP TABLE IF EXISTS dbo.surrogates; CREATE TABLE dbo.surrogates (id int NOT NULL PRIMARY KEY, a nvarchar(9) NULL, b "
           "nvarchar(9) NULL)");
  shop_sql("INSERT INTO dbo.surrogates (id, a, b) VALUES (1, N'ok', N'?'), (3, N'ok', N'?')");
  shop_sql("INSERT INTO dbo.surrogates (id, a, b) VALUES (2, N'ok', CAST(0x00D86100 AS nvarchar(9)))");
  shop_init(&s, (const char *[]){"table", "dbo.surrogates", "cursor", "id", "nvarchar_as", nvarchar_as, NULL});
  CHECK(t, shop_open(&s));
  shop_read(&s, NULL, 0, 0, &g);
  CHECK(t, g.status == ETL_DONE);
  CHECK_TEXT(t, got_column(&g, "id"), "1,3");
  CHECK(t, s.host.bad_n == 1);
  CHECK_HAS(t, s.host.bad[0].message, "row (2): column \"b\" (nvarchar(9)): the text has characters that are not valid Unicode");
  CHECK_TEXT(t, s.host.bad[0].raw, raw);
  got_fini(&g);
  shop_fini(&s);
}

/* What FreeTDS makes of texts is what comes out of their bytes. */
static void wide_texts(struct tap *t) {
  struct shop s;
  struct got g;
  shop_sql("DROP TABLE IF EXISTS dbo.wide; CREATE TABLE dbo.wide (id int NOT NULL PRIMARY KEY, a nvarchar(40) NULL, b nchar(6) NULL, c nvarchar(max) NULL)");
  shop_sql("INSERT INTO dbo.wide (id, a, b, c) VALUES (1, N'Zo\xC3\xAB', N'a\xE6\x9D\x8E', N'\xF0\x9F\x93\x9E call'), (2, N'', N'', N''), (3, NULL, NULL, NULL), "
           "(4, N'plain ascii text of some length', N'abcdef', REPLICATE(CAST(N'x\xC3\xA9' AS nvarchar(max)), 60000))");
  for (int bytes = 0; bytes < 2; bytes++) {
    shop_init(&s, (const char *[]){"table", "dbo.wide", "cursor", "id", "nvarchar_as", bytes ? "bytes" : "text", NULL});
    CHECK(t, shop_open(&s));
    shop_read(&s, NULL, 0, 0, &g);
    CHECK(t, g.status == ETL_DONE);
    CHECK_TEXT(t, got_column(&g, "a"), "Zo\xC3\xAB,,NULL,plain ascii text of some length");
    CHECK_TEXT(t, got_column(&g, "b"), "a\xE6\x9D\x8E    ,      ,NULL,abcdef");
    CHECK(t, strncmp(got_column(&g, "c"), "\xF0\x9F\x93\x9E call,,NULL,x\xC3\xA9x\xC3\xA9", 22) == 0);
    CHECK(t, strlen(got_column(&g, "c")) == 9 + 1 + 1 + 4 + 1 + 180000);
    got_fini(&g);
    shop_fini(&s);
  }
}

static void names_and_shard(struct tap *t) {
  struct shop s;
  struct got g;
  shop_sql("DROP TABLE IF EXISTS dbo.[odd name]; CREATE TABLE dbo.[odd name] ([a ]]b] int NOT NULL, [select] int NOT NULL, "
           "[\xC3\xBC] int NULL)");
  shop_sql("INSERT INTO dbo.[odd name] ([a ]]b], [select], [\xC3\xBC]) VALUES (1, 2, 3)");
  shop_init(&s, (const char *[]){"table", "dbo.[odd name]", "shard_column", "shard_id", "columns", "select|a ]b|\xC3\xBC", NULL});
  CHECK(t, shop_open(&s));
  shop_read(&s, NULL, 0, 0, &g);
  CHECK(t, g.status == ETL_DONE);
  CHECK_TEXT(t, got_column(&g, "select"), "2");
  CHECK_TEXT(t, got_column(&g, "a ]b"), "1");
  CHECK_TEXT(t, got_column(&g, "\xC3\xBC"), "3");
  CHECK_TEXT(t, got_column(&g, "shard_id"), "0");
  CHECK(t, g.n_columns == 4);
  got_fini(&g);
  shop_fini(&s);
}

int main(void) {
  struct tap t = {0};
  all_types(&t);
  null_is_not_empty(&t);
  nanoseconds(&t);
  large_cells(&t);
  unknown_type(&t);
  bad_characters(&t, "text", "{\"id\": 2, \"a\": \"ok\", \"b\": {\"$raw\": \"?a\"}}");
  bad_characters(&t, "bytes", "{\"id\": 2, \"a\": \"ok\", \"b\": {\"$raw\": \"\xEF\xBF\xBD" "a\"}}");
  wide_texts(&t);
  names_and_shard(&t);
  CHECK(&t, testhost_buffers() == 0);
  return tap_end(&t);
}
