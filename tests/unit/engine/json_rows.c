/* Rows out of JSON: what etl_row_json() writes comes back as the same row, so it is written the same way again. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "engine/json_rows.h"

static void *buf_alloc(const struct etl_host *h, uint64_t size) {
  (void)h;
  return aligned_alloc(64, (size + 63) / 64 * 64 + 64);
}
static const struct etl_host host = {.struct_size = sizeof host, .buf_alloc = buf_alloc, .buf_free = free};

static struct err err;

/* The row as it is written after it was read; NULL: it cannot be read, see err.  To be freed. */
static char *again(const char *columns, const char *raw) {
  struct ArrowSchema s;
  struct ArrowArray rows;
  struct etl_batch b;
  cr_assert_eq(json_rows_schema(columns, &s, &err), 0, "%s", columns);
  cr_assert_eq(etl_batch_init(&b, &host, &s, 1), 0);
  char *text = NULL;
  if (json_rows_add(&b, &s, raw, &err) == 0) {
    cr_assert_eq(etl_batch_finish(&b, &rows), 0);
    text = etl_row_json(&s, &rows, 0);
    rows.release(&rows);
  } else {
    cr_expect_eq(etl_batch_rows(&b), 0);
  }
  etl_batch_fini(&b);
  s.release(&s);
  return text;
}

static char *value_again(const char *format, const char *extension, const char *value) {
  cleanup_free char *columns = xasprintf("[[\"v\", \"%s\", \"%s\"]]", format, extension), *raw = xasprintf("{\"v\": %s}", value);
  return again(columns, raw);
}

Test(json_rows, every_value_comes_back) {
  static const struct {
    const char *format, *extension, *value;
  } cases[] = {
      {"b", "", "true"},
      {"b", "", "false"},
      {"c", "", "-128"},
      {"C", "", "255"},
      {"s", "", "-32768"},
      {"S", "", "65535"},
      {"i", "", "-2147483648"},
      {"I", "", "4294967295"},
      {"l", "", "-9223372036854775808"},
      {"l", "", "9223372036854775807"},
      {"L", "", "18446744073709551615"},
      {"g", "", "0.1"},
      {"g", "", "0.30000000000000004"},
      {"g", "", "-0"},
      {"g", "", "4.9406564584124654e-324"},
      {"g", "", "1.7976931348623157e+308"},
      {"g", "", "\"NaN\""},
      {"g", "", "\"-Infinity\""},
      {"f", "", "0.1"},
      {"f", "", "0.333333343"},
      {"f", "", "\"Infinity\""},
      {"d:38,0", "", "\"-99999999999999999999999999999999999999\""},
      {"d:38,10", "", "\"9999999999999999999999999999.0000000001\""},
      {"d:5,2", "", "\"-0.05\""},
      {"d:5,-2", "", "\"12300\""},
      {"d:5,-2", "", "\"0\""},
      {"u", "", "\"plain\""},
      {"u", "", "\"\""},
      {"u", "", "\"\\\"\\\\\\n\\u0009\\u0001\\u007f \xc3\xa4 \xf0\x9f\x98\x80\""},
      {"u", "", "{\"$hex\": \"ff00\"}"},
      {"u", "arrow.json", "\"{\\\"a\\\": [1]}\""},
      {"z", "", "\"\\\\x00ff\""},
      {"z", "", "\"\\\\x\""},
      {"w:3", "", "\"\\\\x0102ff\""},
      {"w:16", "arrow.uuid", "\"00112233-4455-6677-8899-aabbccddeeff\""},
      {"tdD", "", "\"1970-01-01\""},
      {"tdD", "", "\"2024-02-29\""},
      {"tdD", "", "\"0001-01-01\""},
      {"tdD", "", "\"-0044-03-15\""},
      {"tdD", "", "\"5881580-07-11\""},
      {"tdD", "", "\"-5877641-06-23\""},
      {"tts", "", "\"23:59:59\""},
      {"ttn", "", "\"23:59:59.999999999\""},
      {"ttu", "", "\"00:00:00.000001\""},
      {"tss:UTC", "", "\"2026-01-31T23:59:59Z\""},
      {"tsu:", "", "\"1969-12-31T23:59:59.999999\""},
      {"tsn:UTC", "", "\"1677-09-21T00:12:43.145224192Z\""},
      {"tsn:UTC", "", "\"2262-04-11T23:47:16.854775807Z\""},
      {"l", "", "null"},
      {"u", "", "null"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    cleanup_free char *want = xasprintf("{\"v\": %s}", cases[i].value), *got = value_again(cases[i].format, cases[i].extension, cases[i].value);
    cr_expect(got && strcmp(got, want) == 0, "%s %s came back as %s (%s)", cases[i].format, want, got ? got : "nothing", err.message);
  }
}

/* Every tenth day or so of eight centuries. */
Test(json_rows, dates_of_all_kinds) {
  for (int64_t day = -200000; day < 100000; day += 11) {
    struct ArrowSchema s;
    struct ArrowArray rows;
    struct etl_batch b;
    cr_assert_eq(json_rows_schema("[[\"v\", \"tdD\", \"\"]]", &s, &err), 0);
    cr_assert_eq(etl_batch_init(&b, &host, &s, 1), 0);
    cr_assert_eq(etl_batch_row(&b), 0);
    etl_batch_i32(&b, 0, (int32_t)day);
    cr_assert_eq(etl_batch_finish(&b, &rows), 0);
    cleanup_free char *raw = etl_row_json(&s, &rows, 0);
    rows.release(&rows);
    cr_assert_eq(json_rows_add(&b, &s, raw, &err), 0);
    cr_assert_eq(*(const int32_t *)(const void *)b.cols[0].data, day, "%s", raw);
    etl_batch_fini(&b);
    s.release(&s);
  }
}

Test(json_rows, columns_are_taken_in_their_order) {
  const char *raw = "{\"a\": 1, \"a\": \"two\", \"\xc3\xa4 \\\"\": null}";
  cleanup_free char *got = again("[[\"a\", \"l\", \"\"], [\"a\", \"U\", \"\"], [\"\xc3\xa4 \\\"\", \"g\", \"\"]]", raw);
  cr_expect_str_eq(got, raw);
  cleanup_free char *spaced = again("[[\"a\", \"l\", \"\"]]", "{ \"a\" :\n1 }");
  cr_expect_str_eq(spaced, "{\"a\": 1}");
  cleanup_free char *escaped = again("[[\"a\", \"u\", \"\"]]", "{\"a\": \"\\ud83d\\ude00\\t\\/\"}");
  cr_expect_str_eq(escaped, "{\"a\": \"\xf0\x9f\x98\x80\\u0009/\"}");
}

Test(json_rows, what_cannot_be_taken_is_refused) {
  static const struct {
    const char *format, *value, *why;
  } cases[] = {{"u", "{\"$cut\": \"abc\", \"$bytes\": 70000}", "was cut"},
               {"l", "{\"$format\": \"+l\"}", "could not be kept"},
               {"c", "128", "does not fit"},
               {"C", "-1", "another type"},
               {"L", "18446744073709551616", "does not fit"},
               {"l", "1.5", "another type"},
               {"l", "\"1\"", "another type"},
               {"b", "1", "another type"},
               {"g", "\"big\"", "another type"},
               {"d:5,2", "\"0.005\"", "does not fit"},
               {"d:38,2", "\"999999999999999999999999999999999999999\"", "does not fit"},
               {"d:5,2", "\"-\"", "another type"},
               {"w:3", "\"\\\\x0102\"", "does not fit"},
               {"z", "\"0102\"", "another type"},
               {"tdD", "\"2024-13-01\"", "another type"},
               {"tdD", "\"2024-01-01x\"", "another type"},
               {"tts", "\"10:00:00.5\"", "another type"},
               {"tsn:UTC", "\"2300-01-01T00:00:00Z\"", "does not fit"},
               {"l", "[1]", "not the row"},
               {"u", "\"\\ud800\"", "not the row"},
               {"u", "\"\\", "not the row"},
               {"u", "\"abc", "not the row"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    cleanup_free char *got = value_again(cases[i].format, "", cases[i].value);
    cr_expect(!got && strstr(err.message, cases[i].why), "%s %s: %s", cases[i].format, cases[i].value, got ? got : err.message);
  }
  static const char *const rows[] = {"", "{}", "[1]", "\"text\"", "{\"w\": 1}", "{\"v\": 1, \"w\": 2}", "{\"v\": 1} x", "{\"v\" 1}", "{\"v\": 1"};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    cleanup_free char *got = again("[[\"v\", \"l\", \"\"]]", rows[i]);
    cr_expect_null(got, "%s", rows[i]);
  }
  static const char *const times[] = {"tts", "10000000000000000:00:00", "ttn", "00:00:9223372036854775807", "tss:", "2024-01-01T9999999999999999:00:00"};
  for (size_t i = 0; i < sizeof times / sizeof *times; i += 2) {
    cleanup_free char *value = xasprintf("\"%s\"", times[i + 1]), *got = value_again(times[i], "", value);
    cr_expect(!got && strstr(err.message, "another type"), "%s: %s", value, got ? got : err.message);
  }
  struct ArrowSchema s;
  cr_expect_eq(json_rows_schema("{}", &s, &err), -1);
  cr_expect_eq(json_rows_schema("[[\"v\"]]", &s, &err), -1);
}

Test(json_rows, what_is_nested_too_deeply_is_refused) {
  enum { DEPTH = 1000000 };
  static const char open[] = "{\"a\": ";
  char *value = xcalloc(DEPTH * (sizeof open - 1) + DEPTH + 2, 1), *to = value;
  for (size_t i = 0; i < DEPTH; i++, to += sizeof open - 1)
    memcpy(to, open, sizeof open - 1);
  *to++ = '1';
  memset(to, '}', DEPTH);
  cleanup_free char *flat = value_again("u", "", "{\"a\": {\"b\": 1}}");
  cr_expect(!flat && strstr(err.message, "could not be kept"), "%s", err.message);
  cleanup_free char *got = value_again("u", "", value);
  cr_expect(!got && strstr(err.message, "not the row"), "%s", err.message);
  free(value);
}

static void *little(const struct etl_host *h, uint64_t size) { return size > 4096 ? NULL : buf_alloc(h, size); }

Test(json_rows, a_row_without_room_is_not_called_a_bad_one) {
  static const struct etl_host small = {.struct_size = sizeof small, .buf_alloc = little, .buf_free = free};
  char text[8192] = {0};
  memset(text, 'x', sizeof text - 1);
  cleanup_free char *raw = xasprintf("{\"v\": \"%s\"}", text);
  struct ArrowSchema s;
  struct etl_batch b;
  cr_assert_eq(json_rows_schema("[[\"v\", \"u\", \"\"]]", &s, &err), 0);
  cr_assert_eq(etl_batch_init(&b, &small, &s, 1), 0);
  cr_expect_eq(json_rows_add(&b, &s, raw, &err), -1);
  cr_expect_eq(err.error_class, ETL_E_PERMANENT, "%s", err.message);
  cr_expect(strstr(err.message, "no memory") && strstr(err.remedy, "memory of the pipeline"));
  cr_expect_eq(etl_batch_rows(&b), 0);
  etl_batch_fini(&b);
  s.release(&s);
}
