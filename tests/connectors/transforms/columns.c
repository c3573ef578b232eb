/* columns.so through its ABI. */
#include "drive.h"
#include "tap.h"

static void cast_fails(struct tap *t, const char *type, const char *text) {
  struct drive d;
  char cast[64];
  snprintf(cast, sizeof cast, "v=%s", type);
  bool ok =
      drive_open(&d, "columns", (const char *const[]){"cast", cast, NULL}) == ETL_OK && drive_texts(&d, "v", &text, 1) == ETL_OK;
  tap_check(t,
            ok && d.out[0].rows.length == 0 && d.t.bad_n == 1 && d.t.bad[0].row == 0 && d.t.bad[0].column == 0 &&
                strstr(d.t.bad[0].message, type) && strstr(d.t.bad[0].message, "\"v\"") &&
                (strlen(text) < 3 || !strstr(d.t.bad[0].message, text)),
            __FILE__, __LINE__, "'%s' is no %s", text, type);
  drive_close(&d);
}

/* text to type, shown as the test shows that type. */
static void cast_gives(struct tap *t, const char *type, const char *text, const char *want) {
  struct drive d;
  char cast[64];
  snprintf(cast, sizeof cast, "v=%s", type);
  bool ok = drive_open(&d, "columns", (const char *const[]){"cast", cast, NULL}) == ETL_OK &&
            drive_texts(&d, "v", &text, 1) == ETL_OK && d.out[0].rows.length == 1 && strcmp(drive_cell(&d, 0, "v"), want) == 0;
  tap_check(t, ok, __FILE__, __LINE__, "'%s' as %s is %s", text, type, want);
  if (!ok)
    printf("# got %s %s\n", d.out[0].rows.length == 1 ? drive_cell(&d, 0, "v") : "no row", d.t.bad_n ? d.t.bad[0].message : d.t.message);
  drive_close(&d);
}

static const struct {
  const char *type, *text, *want;
} good_casts[] = {{"int16", "-32768", "-32768"},
                  {"int32", " 42 ", "42"},
                  {"int64", "9223372036854775807", "9223372036854775807"},
                  {"int32", "2.5", "3"},
                  {"int32", "-2.5", "-3"},
                  {"int32", "1e3", "1000"},
                  {"float64", "0.1", "0.1"},
                  {"float64", "-1e300", "-1e+300"},
                  {"decimal(5,2)", "123.455", "12346/2"},
                  {"decimal(5,2)", "-0.005", "-1/2"},
                  {"decimal(3,0)", "999", "999/0"},
                  {"bool", "Yes", "true"},
                  {"bool", "0", "false"},
                  {"date", "1970-01-02", "1"},
                  {"date", "2000-02-29", "11016"},
                  {"date", "1969-12-31", "-1"},
                  {"date", "0001-01-01", "-719162"},
                  {"timestamp", "1970-01-01 00:00:01.5", "1500000"},
                  {"timestamp", "1970-01-02", "86400000000"},
                  {"timestamptz", "1970-01-01T01:00:00+01:00", "0"},
                  {"timestamptz", "1970-01-01 00:00:00.1234567Z", "123456"},
                  {"timestamptz", "1969-12-31 23:59:59", "-1000000"},
                  {"uuid", "00112233-4455-6677-8899-AABBCCDDEEFF", "00112233445566778899aabbccddeeff"},
                  {"uuid", "{00112233445566778899aabbccddeeff}", "00112233445566778899aabbccddeeff"},
                  {"bytea", "\\x00fF", "00ff"},
                  {"bytea", "ab", "6162"},
                  {"json", "{\"a\":[1,null]}", "{\"a\":[1,null]}"},
                  {"json", "7", "7"},
                  {"text", "", ""},
                  {"decimal(38,0)", "99999999999999999999999999999999999999", "687399551400673279/0"}};
static const struct {
  const char *type, *text;
} bad_casts[] = {{"int16", "32768"},
                 {"int32", "2147483647.5"},
                 {"int32", "12a"},
                 {"int32", ""},
                 {"int64", "9223372036854775808"},
                 {"int32", "0x10"},
                 {"int32", "."},
                 {"int32", "1e"},
                 {"int32", "1e40"},
                 {"float64", "abc"},
                 {"float64", "0x1p3"},
                 {"float64", ""},
                 {"decimal(5,2)", "1000"},
                 {"decimal(5,2)", "999.995"},
                 {"decimal(3,0)", "1e30"},
                 {"decimal(38,0)", "100000000000000000000000000000000000000"},
                 {"bool", "2"},
                 {"bool", "maybe"},
                 {"date", "2023-02-29"},
                 {"date", "1900-02-29"},
                 {"date", "2024-13-01"},
                 {"date", "2024-1-1"},
                 {"date", "0000-01-01"},
                 {"date", "2024-01-01 00:00"},
                 {"timestamp", "2024-01-01 24:00:00"},
                 {"timestamp", "2024-01-01 00:00:00Z"},
                 {"timestamp", "2024-01-01x"},
                 {"timestamp", "2024-01-01 00:00:00."},
                 {"timestamptz", "2024-01-01 00:00:00+99"},
                 {"uuid", "00112233-4455-6677-8899-aabbccddeef"},
                 {"uuid", "00112233x4455-6677-8899-aabbccddeeff"},
                 {"bytea", "\\x0"},
                 {"bytea", "\\xzz"},
                 {"json", "{"},
                 {"json", ""},
                 {"json", "{\"a\":1} x"}};

static void test_cast_text(struct tap *t) {
  for (size_t i = 0; i < sizeof good_casts / sizeof *good_casts; i++)
    cast_gives(t, good_casts[i].type, good_casts[i].text, good_casts[i].want);
  for (size_t i = 0; i < sizeof bad_casts / sizeof *bad_casts; i++)
    cast_fails(t, bad_casts[i].type, bad_casts[i].text);
}

/* One row of every type, and one of NULLs. */
enum {
  BOOL,
  I8,
  I64,
  U64,
  F32,
  F64,
  DEC,
  BIN,
  UUID,
  DATE,
  TIME,
  TS,
  TSNS,
  TSTZ,
  JSON
};
static void all_types(struct drive *d, struct ArrowSchema *s, struct ArrowArray *rows) {
  static const char *const columns[] = {"bool", "b",    "i8",     "c",    "i64",  "l",       "u64",  "L",    "f32", "f",    "f64",
                                        "g",    "dec",  "d:38,4", "bin",  "z",    "uuid",    "w:16", "date", "tdD", "time", "ttn",
                                        "ts",   "tss:", "tsns",   "tsn:", "tstz", "tsu:UTC", "json", "u",    NULL};
  static const uint8_t uuid[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  struct etl_batch b;
  __int128 decimal = -1234500;
  drive_schema(s, columns);
  int rc = etl_schema_set(s, UUID, "uuid", "w:16", true, NULL, "arrow.uuid") |
           etl_schema_set(s, JSON, "json", "u", true, NULL, "arrow.json") | etl_batch_init(&b, &d->t.host, s, 2) | etl_batch_row(&b);
  if (rc < 0)
    return;
  etl_batch_bool(&b, BOOL, true);
  etl_batch_i8(&b, I8, -5);
  etl_batch_i64(&b, I64, INT64_MIN);
  etl_batch_i64(&b, U64, -1); /* the greatest */
  etl_batch_f32(&b, F32, 0.1f);
  etl_batch_f64(&b, F64, -2.5);
  etl_batch_fixed(&b, DEC, &decimal);
  rc = etl_batch_bytes(&b, BIN, "\x00\xff", 2) | etl_batch_bytes(&b, JSON, "[1]", 3);
  etl_batch_fixed(&b, UUID, uuid);
  etl_batch_i32(&b, DATE, -1);
  etl_batch_i64(&b, TIME, 86399999999900);
  etl_batch_i64(&b, TS, -1);
  etl_batch_i64(&b, TSNS, 1700000000123456700);
  etl_batch_i64(&b, TSTZ, -62135596800000000); /* the first instant of year 1 */
  rc |= etl_batch_row(&b);
  for (int64_t i = 0; i < b.n_cols; i++)
    rc |= etl_batch_null(&b, i);
  if (rc == 0)
    rc = etl_batch_finish(&b, rows);
  etl_batch_fini(&b);
}

static void test_cast_types(struct tap *t, const char *cast, const char *const *want) {
  struct drive d;
  struct ArrowSchema s;
  struct ArrowArray rows = {0};
  CHECK(t, drive_open(&d, "columns", (const char *const[]){"cast", cast, NULL}) == ETL_OK);
  all_types(&d, &s, &rows);
  CHECK(t, drive_bind(&d, &s, NULL) == ETL_OK && rows.release && drive_process(&d, &rows) == ETL_OK && d.out[0].rows.length == 2);
  for (size_t i = 0; want[i]; i += 2) {
    CHECK_TEXT(t, drive_cell(&d, 0, want[i]), want[i + 1]);
    CHECK_TEXT(t, drive_cell(&d, 1, want[i]), "NULL");
  }
  s.release(&s);
  drive_close(&d);
}

static void test_casts(struct tap *t) {
  test_cast_types(t,
                  "bool=text|i8=text|i64=text|u64=text|f32=text|f64=text|dec=text|bin=text|uuid=text|date=text|time=text|ts=text|"
                  "tsns=text|tstz=text|json=text",
                  (const char *const[]){"bool", "true",
                                        "i8",   "-5",
                                        "i64",  "-9223372036854775808",
                                        "u64",  "18446744073709551615",
                                        "f32",  "0.1",
                                        "f64",  "-2.5",
                                        "dec",  "-123.4500",
                                        "bin",  "\\x00ff",
                                        "uuid", "00010203-0405-0607-0809-0a0b0c0d0e0f",
                                        "date", "1969-12-31",
                                        "time", "23:59:59.9999999",
                                        "ts",   "1969-12-31 23:59:59",
                                        "tsns", "2023-11-14 22:13:20.1234567",
                                        "tstz", "0001-01-01 00:00:00+00",
                                        "json", "[1]",
                                        NULL});
  test_cast_types(t,
                  "bool=int16|i8=decimal(4,1)|i64=float64|u64=decimal(20,0)|f32=decimal(3,2)|f64=int32|dec=int64|uuid=bytea|date="
                  "timestamptz|ts=date|tsns=timestamp|tstz=date",
                  (const char *const[]){"bool", "1",
                                        "i8",   "-50/1",
                                        "i64",  "-9.22337203685478e+18",
                                        "f32",  "10/2",
                                        "f64",  "-3",
                                        "dec",  "-123",
                                        "uuid", "000102030405060708090a0b0c0d0e0f",
                                        "date", "-86400000000",
                                        "ts",   "-1",
                                        "tsns", "1700000000123456",
                                        "tstz", "-719162",
                                        NULL});
}

static void test_order(struct tap *t) {
  static const char *const cells[] = {"1",
                                      "ada@example.org",
                                      "Ünal",
                                      "203.0.113.77",
                                      "2001:db8:1:2::9",
                                      "+49 30 1234567",
                                      "x", //
                                      "b",
                                      "not mail",
                                      "Al",
                                      "who?",
                                      "1.2.3.4",
                                      "12",
                                      NULL,
                                      "3",
                                      NULL,
                                      NULL,
                                      NULL,
                                      NULL,
                                      NULL,
                                      NULL};
  struct drive d;
  struct ArrowSchema s;
  struct ArrowArray rows;
  CHECK(t, drive_open(&d, "columns",
                      (const char *const[]){"select", "phone|id|email|name|ip4|ip6|secret", "cast", "id=int32", "hash", "secret",
                                            "salt", "s4lt", "mask", "email=email|name=keep_first:2|ip4=ip|ip6=ip|phone=keep_last:4",
                                            "constant", "tenant=acme::corp|n=42::int64|price=1.5::decimal(4,2)|on=yes::bool",
                                            "rename", "id=login_id|tenant=owner|name=email|email=name", NULL}) == ETL_OK);
  drive_schema(
      &s, (const char *const[]){"id", "u", "email", "u", "name", "u", "ip4", "u", "ip6", "u", "phone", "u", "secret", "u", NULL});
  CHECK(t, drive_bind(&d, &s, (const char *const[]){"id", "ip4", NULL}) == ETL_OK);
  CHECK_TEXT(t, d.out[0].key, "login_id,ip4");
  drive_batch(&d, &s, cells, 3, &rows);
  CHECK(t, drive_process(&d, &rows) == ETL_OK && d.out[0].rows.length == 2);
  CHECK(t, d.t.bad_n == 1 && d.t.bad[0].row == 1);
  CHECK_TEXT(t, d.t.bad[0].message, "columns: the text value in column \"id\" cannot become int32: not a number");
  CHECK_TEXT(t, d.t.bad[0].raw, "{\"id\": \"b\", \"email\": \"not mail\", \"name\": \"Al\", \"ip4\": \"who?\", "
                                "\"ip6\": \"1.2.3.4\", \"phone\": \"12\", \"secret\": null}");
  CHECK(t, d.out[0].schema.n_children == 11 && strcmp(d.out[0].schema.children[0]->name, "phone") == 0);
  CHECK_TEXT(t, drive_cell(&d, 0, "login_id"), "1");
  CHECK_TEXT(t, drive_cell(&d, 0, "name"), "a***@example.org");
  CHECK_TEXT(t, drive_cell(&d, 0, "email"), "Ün**");
  CHECK_TEXT(t, drive_cell(&d, 0, "ip4"), "203.0.113.0");
  CHECK_TEXT(t, drive_cell(&d, 0, "ip6"), "2001:db8:1::");
  CHECK_TEXT(t, drive_cell(&d, 0, "phone"), "**********4567");
  CHECK_TEXT(t, drive_cell(&d, 0, "secret"), "2fc72a2162bc274ab95852b7954f3ce324495e7e47f1d0258574dc63b5ceb918");
  CHECK_TEXT(t, drive_cell(&d, 0, "owner"), "acme::corp");
  CHECK_TEXT(t, drive_cell(&d, 1, "n"), "42");
  CHECK_TEXT(t, drive_cell(&d, 1, "price"), "150/2");
  CHECK_TEXT(t, drive_cell(&d, 1, "on"), "true");
  CHECK_TEXT(t, drive_cell(&d, 1, "login_id"), "3");
  CHECK_TEXT(t, drive_cell(&d, 1, "name"), "NULL");
  CHECK_TEXT(t, drive_cell(&d, 1, "secret"), "NULL");
  uint64_t n = 0;
  const char *source = etl_schema_meta(d.out[0].schema.children[1], ETL_META_SOURCE_TYPE, &n);
  CHECK(t, source && n == 12 && memcmp(source, "varchar(100)", 12) == 0);
  s.release(&s);
  drive_close(&d);
}

/* A row that two casts refuse is set aside once; the limit of the host ends the run. */
static void test_rejected_once(struct tap *t) {
  static const char *const cells[] = {"x", "y", "1", "2", "3", "z"};
  struct drive d;
  struct ArrowSchema s;
  struct ArrowArray rows;
  drive_schema(&s, (const char *const[]){"a", "u", "b", "u", NULL});
  CHECK(t, drive_open(&d, "columns", (const char *const[]){"cast", "a=int32|b=int64", NULL}) == ETL_OK);
  CHECK(t, drive_bind(&d, &s, NULL) == ETL_OK);
  drive_batch(&d, &s, cells, 3, &rows);
  CHECK(t, drive_process(&d, &rows) == ETL_OK && d.out[0].rows.length == 1 && d.t.bad_n == 2);
  CHECK(t, d.t.bad[0].row == 0 && d.t.bad[0].column == 0 && d.t.bad[1].row == 2 && d.t.bad[1].column == 1);
  CHECK_TEXT(t, drive_cell(&d, 0, "a"), "1");
  CHECK_TEXT(t, drive_cell(&d, 0, "b"), "2");
  d.t.bad_limit = 3;
  drive_batch(&d, &s, cells, 3, &rows);
  CHECK(t, drive_process(&d, &rows) == ETL_FAILED);
  s.release(&s);
  drive_close(&d);
}

static void masked(struct tap *t, const char *rule, const char *text, const char *want) {
  struct drive d;
  char mask[64];
  snprintf(mask, sizeof mask, "v=%s", rule);
  CHECK(t,
        drive_open(&d, "columns", (const char *const[]){"mask", mask, NULL}) == ETL_OK && drive_texts(&d, "v", &text, 1) == ETL_OK);
  CHECK_TEXT(t, drive_cell(&d, 0, "v"), want);
  drive_close(&d);
}

static void test_masks(struct tap *t) {
  masked(t, "all", "anything", "***");
  masked(t, "all", "", "***");
  masked(t, "keep_first:1", "Ödön", "Ö***");
  masked(t, "keep_first:4", "Ödön", "***");
  masked(t, "keep_last:2", "Ödön", "**ön");
  masked(t, "keep_last:0", "ab", "**");
  masked(t, "email", "Ödön@example.org", "Ö***@example.org");
  masked(t, "email", "a@b@c", "a***@c");
  masked(t, "email", "@example.org", "***");
  masked(t, "email", "ada@", "***");
  masked(t, "ip", "192.0.2.77:80", "192.0.2.0");
  masked(t, "ip", "::ffff:192.0.2.77", "192.0.2.0");
  masked(t, "ip", "2001:db8:aaaa:bbbb::1", "2001:db8:aaaa::");
  masked(t, "ip", "ada", "***");
}

static void test_drop(struct tap *t) {
  static const char *const cells[] = {"1", "a", "x", "2", "b", "y"};
  struct drive d;
  struct ArrowSchema s;
  struct ArrowArray rows;
  drive_schema(&s, (const char *const[]){"id", "u", "a", "u", "b", "u", NULL});
  CHECK(t, drive_open(&d, "columns", (const char *const[]){"drop", "a|id", NULL}) == ETL_OK);
  CHECK(t, drive_bind(&d, &s, (const char *const[]){"id", NULL}) == ETL_OK);
  CHECK_TEXT(t, d.out[0].key, "-");
  drive_batch(&d, &s, cells, 2, &rows);
  rows.offset = 1;
  rows.length = 1;
  CHECK(t, drive_process(&d, &rows) == ETL_OK && d.out[0].rows.length == 1 && d.out[0].rows.n_children == 1);
  CHECK_TEXT(t, drive_cell(&d, 0, "b"), "y");
  drive_close(&d);
  s.release(&s);
}

static void open_refused(struct tap *t, const char *const *options, const char *option, const char *message) {
  struct drive d;
  CHECK(t, drive_open(&d, "columns", options) == ETL_FAILED && d.self == NULL && d.t.error.error_class == ETL_E_CONFIG);
  CHECK_TEXT(t, d.t.option, option);
  CHECK_HAS(t, d.t.message, message);
  CHECK(t, d.t.remedy[0]);
  drive_close(&d);
}

static void bind_refused(struct tap *t, const char *const *options, const char *option, const char *message) {
  struct drive d;
  struct ArrowSchema s;
  drive_schema(&s, (const char *const[]){"id", "l", "name", "u", "at", "ttu", "list", "+l", NULL});
  CHECK(t, drive_open(&d, "columns", options) == ETL_OK);
  CHECK(t, drive_bind(&d, &s, NULL) == ETL_FAILED && d.t.error.error_class == ETL_E_SCHEMA);
  CHECK_TEXT(t, d.t.option, option);
  CHECK_HAS(t, d.t.message, message);
  CHECK(t, d.t.remedy[0]);
  drive_close(&d);
  s.release(&s);
}

static void test_refusals(struct tap *t) {
  open_refused(t, (const char *const[]){"select", "a", "drop", "b", NULL}, "drop", "cannot be used together with select");
  open_refused(t, (const char *const[]){"select", "a|a", NULL}, "select", "twice \"a\"");
  open_refused(t, (const char *const[]){"cast", "a=int33", NULL}, "cast", "no type \"int33\"");
  open_refused(t, (const char *const[]){"cast", "a=decimal(39,0)", NULL}, "cast", "no type");
  open_refused(t, (const char *const[]){"cast", "a=decimal", NULL}, "cast", "no type");
  open_refused(t, (const char *const[]){"mask", "a=keep_last", NULL}, "mask", "no rule \"keep_last\"");
  open_refused(t, (const char *const[]){"mask", "a=keep_last:x", NULL}, "mask", "no rule");
  open_refused(t, (const char *const[]){"hash", "a", NULL}, "salt", "hash needs it");
  open_refused(t, (const char *const[]){"constant", "a=x::int32", NULL}, "constant",
               "its value is not of type int32 (not a number) for column \"a\"");
  bind_refused(t, (const char *const[]){"select", "nam", NULL}, "select", "column \"nam\", which stream dbo.logins does not have");
  bind_refused(t, (const char *const[]){"drop", "nam", NULL}, "drop", "\"nam\"");
  bind_refused(t, (const char *const[]){"drop", "id|name|at|list", NULL}, "drop", "no column of stream dbo.logins is left");
  bind_refused(t, (const char *const[]){"drop", "name", "mask", "name=all", NULL}, "mask", "\"name\" is not kept");
  bind_refused(t, (const char *const[]){"cast", "at=int32", NULL}, "cast", "column \"at\" of type time cannot become int32");
  bind_refused(t, (const char *const[]){"cast", "list=text", NULL}, "cast", "column \"list\" of type +l cannot become text");
  bind_refused(t, (const char *const[]){"cast", "id=int32", NULL}, "cast", "cannot be left out of column \"list\"");
  bind_refused(t, (const char *const[]){"mask", "id=all", NULL}, "mask", "column \"id\" is not text (type integer)");
  bind_refused(t, (const char *const[]){"mask", "name=all", "hash", "name", "salt", "s", NULL}, "mask", "named by hash, too");
  bind_refused(t, (const char *const[]){"rename", "id=name", NULL}, "rename", "two columns would be named \"name\"");
  bind_refused(t, (const char *const[]){"constant", "id=x", NULL}, "constant", "two columns would be named \"id\"");
}

/* Memory refused at every possible point. */
static void test_no_memory(struct tap *t) {
  static const char *const cells[] = {"1", "a", "x", "y", "2", NULL};
  int64_t n = 0;
  for (bool done = false; !done && n < 200; n++) {
    struct drive d;
    struct ArrowSchema s;
    struct ArrowArray rows;
    drive_schema(&s, (const char *const[]){"id", "u", "name", "u", NULL});
    int32_t rc =
        drive_open(&d, "columns", (const char *const[]){"cast", "id=int32", "mask", "name=all", "constant", "c=7::int16", NULL});
    if (rc == ETL_OK && (rc = drive_bind(&d, &s, NULL)) == ETL_OK) {
      drive_batch(&d, &s, cells, 3, &rows);
      d.allocs_left = n;
      rc = drive_process(&d, &rows);
    }
    done = rc == ETL_OK;
    if (!done && (rc != ETL_FAILED || d.t.error.error_class != ETL_E_PERMANENT))
      tap_check(t, false, __FILE__, __LINE__, "an error at allocation %d", (int)n);
    s.release(&s);
    drive_close(&d);
  }
  CHECK(t, n > 5 && n < 200);
}

int main(void) {
  struct tap t = {0};
  test_cast_text(&t);
  test_casts(&t);
  test_order(&t);
  test_rejected_once(&t);
  test_masks(&t);
  test_drop(&t);
  test_refusals(&t);
  test_no_memory(&t);
  CHECK(&t, testhost_buffers() == 0);
  return tap_end(&t);
}
