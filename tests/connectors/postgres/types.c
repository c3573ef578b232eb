/* Every type on its way into a table that etl makes, and into tables that were there. */
#include <stdlib.h>

#include "sink.h"

#define OPTIONS ((const char *const[]){"table", "t", NULL})

static void into_a_new_table(struct tap *t) {
  static const struct {
    const char *format, *type, *cell, *shown;
  } cases[] = {{"?b", "boolean", "1", "t"},
               {"?c", "smallint", "-128", "-128"},
               {"?C", "smallint", "255", "255"},
               {"?s", "smallint", "-32768", "-32768"},
               {"?S", "integer", "65535", "65535"},
               {"?i", "integer", "-2147483648", "-2147483648"},
               {"?I", "bigint", "4294967295", "4294967295"},
               {"?l", "bigint", "-9223372036854775807", "-9223372036854775807"},
               {"?L", "numeric(20,0)", "18446744073709551615", "18446744073709551615"},
               {"?f", "real", "0.25", "0.25"},
               {"?g", "double precision", "-1.5e300", "-1.5e+300"},
               {"?g", "double precision", "nan", "NaN"},
               {"?g", "double precision", "-inf", "-Infinity"},
               {"?d:9,2", "numeric(9,2)", "-1234567", "-12345.67"},
               {"?d:18,4", "numeric(18,4)", "0", "0.0000"},
               {"?d:38,0", "numeric(38,0)", "99999999999999999999999999999999999999", "99999999999999999999999999999999999999"},
               {"?d:38,38", "numeric(38,38)", "-1", "-0.00000000000000000000000000000000000001"},
               {"?d:38,10", "numeric(38,10)", "12345678901234567890123456780123456789", "1234567890123456789012345678.0123456789"},
               {"?tdD", "date", "-719162", "0001-01-01"},
               {"?tdD", "date", "2932896", "9999-12-31"},
               {"?ttu", "time without time zone", "86399999999", "23:59:59.999999"},
               {"?tsu:", "timestamp without time zone", "-1", "1969-12-31 23:59:59.999999"},
               {"?tss:", "timestamp without time zone", "253402300799", "9999-12-31 23:59:59"},
               {"?tsn:", "timestamp without time zone", "1714557600123456789", "2024-05-01 10:00:00.123456"},
               {"?tsu:UTC", "timestamp with time zone", "0", "1970-01-01 00:00:00+00"},
               {"?u", "text", "Zoë 東京 😀", "Zoë 東京 😀"},
               {"?u", "text", "", ""},
               {"?z", "bytea", "00ff", "\\x00ff"},
               {"?json", "jsonb", "{\"a\": [1, \"ü\"]}", "{\"a\": [1, \"ü\"]}"},
               {"?uuid", "uuid", "00112233445566778899aabbccddeeff", "00112233-4455-6677-8899-aabbccddeeff"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct sink s;
    sink_sql("DROP TABLE IF EXISTS t; DROP SCHEMA IF EXISTS etl CASCADE");
    sink_open(&s, "r1", "eu1", 0, OPTIONS);
    CHECK(t, sink_claim(&s) == ETL_OK);
    CHECK(t, sink_prepare(&s, (const char *const[]){"a", cases[i].format, "id", "i", NULL}) == ETL_OK);
    CHECK(t, sink_epoch(&s, 0, (const char *const[]){cases[i].cell, "1", NULL, "2", END}) == ETL_OK);
    CHECK_TEXT(t, sink_sql("SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 't'::regclass AND attname = 'a'"), cases[i].type);
    CHECK_TEXT(t, sink_sql("SELECT a FROM t WHERE id = 1"), cases[i].shown);
    CHECK_TEXT(t, sink_sql("SELECT a IS NULL FROM t WHERE id = 2"), "t");
    sink_close(&s);
  }
}

static void into_a_table_that_is_there(struct tap *t) {
  static const struct {
    const char *type, *format, *cell, *shown; /* shown NULL: refused */
  } cases[] = {{"bigint", "i", "-5", "-5"},       {"numeric", "i", "-5", "-5"},         {"smallint", "i", "1", NULL},       {"double precision", "f", "0.5", "0.5"},
               {"real", "g", "1", NULL},          {"varchar(5)", "u", "ab", "ab"},      {"char(3)", "u", "ab", "ab "},      {"jsonb", "u", "{}", "{}"},
               {"json", "json", "[1]", "[1]"},    {"text", "json", "[1]", "[1]"},       {"integer", "u", "1", NULL},        {"timestamp", "tdD", "0", "1970-01-01 00:00:00"},
               {"timestamptz", "tsu:", "0", NULL}, {"timestamp", "tsu:UTC", "0", NULL}, {"numeric(5,2)", "d:9,2", "1234", "12.34"}, {"numeric(5,1)", "d:9,2", "1234", NULL}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct sink s;
    char sql[200];
    snprintf(sql, sizeof sql, "DROP TABLE IF EXISTS t; DROP SCHEMA IF EXISTS etl CASCADE; CREATE TABLE t (a %s)", cases[i].type);
    sink_sql(sql);
    sink_open(&s, "r1", "eu1", 0, (const char *const[]){"table", "t", "schema_contract", "freeze", NULL});
    CHECK(t, sink_claim(&s) == ETL_OK);
    int32_t rc = sink_prepare(&s, (const char *const[]){"a", cases[i].format, NULL});
    CHECK(t, rc == (cases[i].shown ? ETL_OK : ETL_FAILED));
    if (cases[i].shown) {
      CHECK(t, sink_epoch(&s, 0, (const char *const[]){cases[i].cell, END}) == ETL_OK);
      CHECK_TEXT(t, sink_sql("SELECT a FROM t"), cases[i].shown);
    } else {
      CHECK(t, s.host.error.error_class == ETL_E_SCHEMA);
      CHECK_HAS(t, s.host.message, "column \"a\" of public.t is ");
      CHECK_HAS(t, s.host.remedy, "ALTER TABLE \"public\".\"t\" ALTER COLUMN \"a\" TYPE ");
    }
    sink_close(&s);
  }
}

static void large_cells(struct tap *t) {
  enum { BYTES = 20 * 1024 * 1024 };
  char *big = malloc(BYTES + 1);
  struct sink s;
  memset(big, 'x', BYTES);
  big[BYTES] = 0;
  sink_sql("DROP TABLE IF EXISTS t; DROP SCHEMA IF EXISTS etl CASCADE");
  sink_open(&s, "r1", "eu1", 0, OPTIONS);
  CHECK(t, sink_claim(&s) == ETL_OK);
  CHECK(t, sink_prepare(&s, (const char *const[]){"a", "?u", "b", "?u", NULL}) == ETL_OK);
  CHECK(t, sink_epoch(&s, 0, (const char *const[]){big, "small", "small", big, NULL, NULL, END}) == ETL_OK);
  CHECK_TEXT(t, sink_sql("SELECT length(a), length(b), md5(a) = md5(repeat('x', 20971520)) FROM t WHERE b = 'small'"), "20971520|5|t");
  CHECK_TEXT(t, sink_sql("SELECT count(*) FROM t"), "3");
  sink_close(&s);
  free(big);
}

static void values_that_cannot_be_stored(struct tap *t) {
  struct sink s;
  sink_sql("DROP TABLE IF EXISTS t; DROP SCHEMA IF EXISTS etl CASCADE; CREATE TABLE t (id int, name varchar(3))");
  sink_open(&s, "r1", "eu1", 0, OPTIONS);
  CHECK(t, sink_claim(&s) == ETL_OK);
  CHECK(t, sink_prepare(&s, (const char *const[]){"id", "i", "name", "u", NULL}) == ETL_OK);
  CHECK(t, sink_epoch(&s, 0, (const char *const[]){"1", "abc", "2", "abcd", END}) == ETL_FAILED);
  CHECK(t, s.host.error.error_class == ETL_E_DATA);
  CHECK_TEXT(t, s.host.vendor_state, "22001");
  CHECK_HAS(t, s.host.message, "COPY t, line 2, column name");
  CHECK_TEXT(t, sink_sql("SELECT count(*) FROM t"), "0");
  testhost_clear(&s.host);
  CHECK(t, sink_epoch(&s, 0, (const char *const[]){"1", "\xff", END}) == ETL_FAILED);
  CHECK_TEXT(t, s.host.vendor_state, "22021");
  testhost_clear(&s.host);
  CHECK(t, sink_epoch(&s, 0, (const char *const[]){"1", "abc", END}) == ETL_OK);
  sink_close(&s);
}

int main(void) {
  struct tap t = {0};
  into_a_new_table(&t);
  into_a_table_that_is_there(&t);
  large_cells(&t);
  values_that_cannot_be_stored(&t);
  CHECK(&t, testhost_buffers() == 0);
  return tap_end(&t);
}
