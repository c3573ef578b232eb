/* Every type of PostgreSQL on its way out; values that Arrow has no place for; and the way back by the loader. */
#include <stdlib.h>

#include "well.h"

static const struct {
  const char *type, *value, *format, *shown; /* shown NULL: the row is set aside, with raw */
  const char *raw, *why;
} cases[] = {
    {"boolean", "true", "b", "true", NULL, NULL},
    {"smallint", "-32768", "s", "-32768", NULL, NULL},
    {"integer", "-2147483648", "i", "-2147483648", NULL, NULL},
    {"bigint", "9223372036854775807", "l", "9223372036854775807", NULL, NULL},
    {"oid", "4294967295", "I", "4294967295", NULL, NULL},
    {"real", "0.25", "f", "0.25", NULL, NULL},
    {"double precision", "-1.5e300", "g", "-1.5000000000000001e+300", NULL, NULL},
    {"double precision", "NaN", "g", "\"NaN\"", NULL, NULL},
    {"numeric(9,2)", "-12345.67", "d:9,2", "\"-12345.67\"", NULL, NULL},
    {"numeric(9,2)", "0", "d:9,2", "\"0.00\"", NULL, NULL},
    {"numeric(18,4)", "10000", "d:18,4", "\"10000.0000\"", NULL, NULL},
    {"numeric(18,3)", "120000000.005", "d:18,3", "\"120000000.005\"", NULL, NULL},
    {"numeric(38,0)", "99999999999999999999999999999999999999", "d:38,0", "\"99999999999999999999999999999999999999\"", NULL, NULL},
    {"numeric(38,38)", "-0.00000000000000000000000000000000000001", "d:38,38", "\"-0.00000000000000000000000000000000000001\"",
     NULL, NULL},
    {"numeric(38,10)", "-1234567890123456789012345678.0123456789", "d:38,10", "\"-1234567890123456789012345678.0123456789\"", NULL,
     NULL},
    {"numeric(38,37)", "9.9999999999999999999999999999999999999", "d:38,37", "\"9.9999999999999999999999999999999999999\"", NULL,
     NULL},
    {"numeric(9,2)", "NaN", "d:9,2", NULL, "{\"$raw\": \"NaN\"}", "NaN and infinities have no place in a decimal"},
    {"numeric", "1.50", "u", "\"1.50\"", NULL, NULL},
    {"numeric", "-Infinity", "u", "\"-Infinity\"", NULL, NULL},
    {"numeric(5,-2)", "12345", "u", "\"12300\"", NULL, NULL},
    {"numeric(50,2)", "1.5", "u", "\"1.50\"", NULL, NULL},
    {"text", "Zoë 東京 😀", "u", "\"Zoë 東京 😀\"", NULL, NULL},
    {"text", "", "u", "\"\"", NULL, NULL},
    {"varchar(5)", "ab", "u", "\"ab\"", NULL, NULL},
    {"char(3)", "ab", "u", "\"ab \"", NULL, NULL},
    {"name", "ab", "u", "\"ab\"", NULL, NULL},
    {"bytea", "\\x00ff", "z", "\"\\\\x00ff\"", NULL, NULL},
    {"uuid", "00112233-4455-6677-8899-aabbccddeeff", "w:16", "\"00112233-4455-6677-8899-aabbccddeeff\"", NULL, NULL},
    {"json", "[1,  2]", "u", "\"[1,  2]\"", NULL, NULL},
    {"jsonb", "{\"a\": [1, \"ü\"]}", "u", "\"{\\\"a\\\": [1, \\\"ü\\\"]}\"", NULL, NULL},
    {"date", "0001-01-01", "tdD", "\"0001-01-01\"", NULL, NULL},
    {"date", "9999-12-31", "tdD", "\"9999-12-31\"", NULL, NULL},
    {"date", "infinity", "tdD", NULL, "{\"$raw\": \"infinity\"}", "infinity has no place"},
    {"time", "23:59:59.999999", "ttu", "\"23:59:59.999999\"", NULL, NULL},
    {"timestamp", "1969-12-31 23:59:59.999999", "tsu:", "\"1969-12-31T23:59:59.999999\"", NULL, NULL},
    {"timestamp(0)", "2024-05-01 10:00:00", "tsu:", "\"2024-05-01T10:00:00\"", NULL, NULL},
    {"timestamp", "-infinity", "tsu:", NULL, "{\"$raw\": \"-infinity\"}", "infinity has no place"},
    {"timestamp", "294276-12-31 23:59:59", "tsu:", NULL, "{\"$raw\": \"294276-12-31 23:59:59\"}", "no place"},
    {"timestamptz", "2024-05-01 12:00:00+02", "tsu:UTC", "\"2024-05-01T10:00:00Z\"", NULL, NULL},
    {"timestamptz", "infinity", "tsu:UTC", NULL, "{\"$raw\": \"infinity\"}", "infinity has no place"},
    {"timetz", "10:00:00+02", "u", "\"10:00:00+02\"", NULL, NULL},
    {"interval", "1 year 2 mons 3 days 04:05:06.7", "u", "\"1 year 2 mons 3 days 04:05:06.7\"", NULL, NULL},
    {"inet", "192.0.2.1/24", "u", "\"192.0.2.1/24\"", NULL, NULL},
    {"money", "$1.50", "u", "\"$1.50\"", NULL, NULL},
    {"integer[]", "{1,NULL,3}", "u", "\"{1,NULL,3}\"", NULL, NULL},
    {"mood", "happy", "u", "\"happy\"", NULL, NULL},
    {"price", "1.50", "d:9,2", "\"1.50\"", NULL, NULL},
    {"int4range", "[1,5)", "u", "\"[1,5)\"", NULL, NULL},
    {"tstzrange", "[\"2024-05-01 10:00:00+00\",)", "u", "\"[\\\"2024-05-01 10:00:00+00\\\",)\"", NULL, NULL},
    {"\"char\"", "x", "u", "\"x\"", NULL, NULL},
    {"bit(3)", "101", "u", "\"101\"", NULL, NULL}};

static void one_by_one(struct tap *t) {
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct well w;
    char sql[400], row[400];
    snprintf(sql, sizeof sql, "DROP TABLE IF EXISTS t; CREATE TABLE t (a %s, id int); INSERT INTO t VALUES ('%s', 1), (NULL, 2)",
             cases[i].type, cases[i].value);
    CHECK_TEXT(t, sink_sql(sql), "");
    well_open(&w, 0, (const char *const[]){"table", "t", NULL});
    CHECK(t, well_read(&w, "public.t", NULL) == ETL_DONE);
    CHECK_TEXT(t, w.schema.children[0]->format, cases[i].format);
    CHECK_HAS(t, w.rows, "{\"a\": null, \"id\": 2};");
    if (cases[i].shown) {
      snprintf(row, sizeof row, "{\"a\": %s, \"id\": 1};", cases[i].shown);
      CHECK_HAS(t, w.rows, row);
      CHECK(t, w.host.bad_n == 0);
    } else {
      snprintf(row, sizeof row, "{\"a\": %s, \"id\": 1}", cases[i].raw);
      CHECK(t, w.host.bad_n == 1 && w.rows_n == 1);
      CHECK_TEXT(t, w.host.bad[0].raw, row);
      CHECK_HAS(t, w.host.bad[0].message, cases[i].why);
      CHECK(t, w.host.bad[0].column == 0 && w.host.bad[0].row == 0 && w.host.bad[0].error_class == ETL_E_DATA);
    }
    well_close(&w);
  }
}

static void too_large(struct tap *t) {
  struct well w;
  sink_sql("DROP TABLE IF EXISTS t; CREATE TABLE t (id int, a text); INSERT INTO t VALUES (1, repeat('x', 8192)), (2, repeat('x', "
           "8193)), (3, 'y')");
  well_open(&w, 0, (const char *const[]){"table", "t", "max_cell", "8KiB", "shard_column", "shard", NULL});
  CHECK(t, well_read(&w, "public.t", NULL) == ETL_DONE);
  CHECK(t, w.rows_n == 2 && w.host.bad_n == 1);
  CHECK_HAS(t, w.host.bad[0].message, "column \"a\" (text): the value is larger than max_cell");
  CHECK_HAS(t, w.host.bad[0].raw, "{\"id\": 2, \"a\": {\"$raw\": \"\\\\x7878");
  CHECK(t, strstr(w.rows, "{\"id\": 3, \"a\": \"y\", \"shard\": \"0\"}") != NULL);
  well_close(&w);
}

/* All types out of one table, and by the loader into another, which then holds the same. */
static void there_and_back(struct tap *t) {
  struct well w;
  struct sink s;
  struct etl_msg m = {.struct_size = sizeof m};
  sink_sql("DROP TABLE IF EXISTS t, u; DROP SCHEMA IF EXISTS etl CASCADE; CREATE TABLE t (id int, b boolean, s smallint, l bigint, "
           "f real, g double precision, "
           "n numeric(20,5), nn numeric, x text, v varchar(9), y bytea, uid uuid, j jsonb, d date, ti time, ts timestamp, tz "
           "timestamptz, iv interval, arr int[])");
  sink_sql("INSERT INTO t SELECT i, i % 2 = 0, i, i * 1000000007::bigint, i / 3.0, i / 7.0, i * 1234.56789, i / 11.0, 'x' || i, "
           "chr(64 + i), decode(lpad(to_hex(i), 4, '0'), 'hex'), "
           "md5(i::text)::uuid, jsonb_build_object('i', i), date '2024-01-01' + i * 1000, time '00:00:00.000001' * i, timestamp "
           "'1999-12-31 23:59:59.999999' + i * interval "
           "'100 days', timestamptz '1900-01-01 00:00:00.123456+00' + i * interval '1 hour', i * interval '1 day', ARRAY[i, NULL] "
           "FROM generate_series(-20, 20) i WHERE i > -60");
  sink_sql("INSERT INTO t (id) VALUES (1000)");
  CHECK_TEXT(t, sink_sql("SELECT count(*) > 1 FROM t"), "t");
  well_open(&w, 0, (const char *const[]){"table", "t", NULL});
  CHECK(t, well_reader(&w, "public.t", NULL, NULL) == ETL_OK);
  CHECK(t, w.api->next(w.reader, 10000, 0, &m) == ETL_DONE);
  sink_open(&s, "r1", "0", 0, (const char *const[]){"table", "u", NULL});
  s.shard = "0";
  CHECK(t, sink_claim(&s) == ETL_OK);
  CHECK(t, s.api->prepare(s.self, &s.stream, &m.schema) == ETL_OK && sink_begin(&s, 0) == ETL_OK);
  CHECK(t, s.api->write(s.self, &s.stream, &m) == ETL_OK && sink_commit(&s, 1, "x") == ETL_OK);
  CHECK_TEXT(t, s.host.message, "");
  CHECK_TEXT(t,
             sink_sql("SELECT (SELECT count(*) FROM t), (SELECT count(*) FROM u), (SELECT count(*) FROM (SELECT t::text FROM t "
                      "EXCEPT ALL SELECT u::text FROM u) x)"),
             "42|42|0");
  etl_schema_release(&m.schema);
  well_close(&w);
  sink_close(&s);
}

int main(void) {
  struct tap t = {0};
  sink_sql("CREATE TYPE mood AS ENUM ('sad', 'happy'); CREATE DOMAIN price AS numeric(9,2)");
  one_by_one(&t);
  too_large(&t);
  there_and_back(&t);
  CHECK(&t, testhost_buffers() == 0);
  return tap_end(&t);
}
