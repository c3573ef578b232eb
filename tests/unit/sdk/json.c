/* Rows as JSON: every type, and the values at the edges of each. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

#include "etl/sdk.h"

static void *buf_alloc(const struct etl_host *h, uint64_t size) {
  (void)h;
  return aligned_alloc(64, (size + 63) / 64 * 64 + 64);
}

static const struct etl_host host = {.struct_size = sizeof host, .buf_alloc = buf_alloc, .buf_free = free};

struct one { /* a row of one column */
  struct ArrowSchema schema;
  struct etl_batch batch;
};

static void begin(struct one *o, const char *format, const char *extension) {
  cr_assert_eq(etl_schema_init(&o->schema, 1), 0);
  cr_assert_eq(etl_schema_set(&o->schema, 0, "v", format, true, NULL, extension), 0);
  cr_assert_eq(etl_batch_init(&o->batch, &host, &o->schema, 1), 0);
  cr_assert_eq(etl_batch_row(&o->batch), 0);
}

/* The text after {"v": and before the last brace; to be freed. */
static char *end(struct one *o) {
  struct ArrowArray rows;
  cr_assert_eq(etl_batch_finish(&o->batch, &rows), 0);
  char *json = etl_row_json(&o->schema, &rows, 0);
  cr_assert_not_null(json);
  size_t n = strlen(json);
  cr_assert(n > 7 && strncmp(json, "{\"v\": ", 6) == 0 && json[n - 1] == '}', "%s", json);
  memmove(json, json + 6, n - 7);
  json[n - 7] = 0;
  rows.release(&rows);
  o->schema.release(&o->schema);
  etl_batch_fini(&o->batch);
  return json;
}

static void expect(struct one *o, const char *want) {
  char *got = end(o);
  cr_expect_str_eq(got, want);
  free(got);
}

Test(json, integers) {
  static const struct {
    const char *format, *want;
    int64_t v;
  } cases[] = {{"c", "-128", INT8_MIN},
               {"C", "255", 255},
               {"s", "-32768", INT16_MIN},
               {"S", "65535", 65535},
               {"i", "-2147483648", INT32_MIN},
               {"I", "4294967295", 4294967295},
               {"l", "-9223372036854775808", INT64_MIN},
               {"l", "9223372036854775807", INT64_MAX},
               {"L", "18446744073709551615", -1}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct one o;
    begin(&o, cases[i].format, NULL);
    etl_batch_fixed(&o.batch, 0, &cases[i].v);
    expect(&o, cases[i].want);
  }
}

Test(json, booleans_and_null) {
  struct one o;
  begin(&o, "b", NULL);
  etl_batch_bool(&o.batch, 0, true);
  expect(&o, "true");
  begin(&o, "b", NULL);
  etl_batch_bool(&o.batch, 0, false);
  expect(&o, "false");
  begin(&o, "u", NULL);
  cr_assert_eq(etl_batch_null(&o.batch, 0), 0);
  expect(&o, "null");
}

Test(json, floats_of_few_digits_have_no_more) {
  static const double values[] = {0.1, -2.25, 0, -0.0, 1e-6, -3, 2251799813685248.5};
  static const char *const want[] = {"0.1", "-2.25", "0", "-0", "0.000001", "-3", "2251799813685248.5"};
  struct one o;
  for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
    begin(&o, "g", NULL);
    etl_batch_f64(&o.batch, 0, values[i]);
    char *text = end(&o);
    cr_expect_str_eq(text, want[i]);
    free(text);
  }
}

Test(json, floats_read_back_the_same) {
  static const double values[] = {0.1, -1e300, 5e-324, 1.0 / 3, 123456789012345680.0, -2.25, 1e-6, 123456.789012, 16777217, 0.1 + 0.2, 9007199254740994};
  struct one o;
  for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
    begin(&o, "g", NULL);
    etl_batch_f64(&o.batch, 0, values[i]);
    char *text = end(&o);
    cr_expect_eq(strtod(text, NULL), values[i], "%s", text);
    free(text);
    begin(&o, "f", NULL);
    etl_batch_f32(&o.batch, 0, (float)values[i]);
    text = end(&o);
    cr_expect(text[0] == '"' || strtof(text, NULL) == (float)values[i], "%s", text);
    free(text);
  }
}

Test(json, what_json_has_no_number_for_is_a_string) {
  static const struct {
    double v;
    const char *want;
  } cases[] = {{NAN, "\"NaN\""}, {INFINITY, "\"Infinity\""}, {-INFINITY, "\"-Infinity\""}};
  for (size_t i = 0; i < 3; i++) {
    struct one o;
    begin(&o, "g", NULL);
    etl_batch_f64(&o.batch, 0, cases[i].v);
    expect(&o, cases[i].want);
    begin(&o, "f", NULL);
    etl_batch_f32(&o.batch, 0, (float)cases[i].v);
    expect(&o, cases[i].want);
  }
}

Test(json, decimals) {
  __int128 most = 1;
  for (int i = 0; i < 38; i++)
    most *= 10;
  most--;
  const struct {
    const char *format;
    __int128 v;
    const char *want;
  } cases[] = {{"d:10,2", -1, "\"-0.01\""},
               {"d:10,2", 0, "\"0.00\""},
               {"d:10,2", -12345, "\"-123.45\""},
               {"d:10,0", -7, "\"-7\""},
               {"d:10,-2", 12, "\"1200\""},
               {"d:10,-2", 0, "\"0\""},
               {"d:38,38", -most, "\"-0.99999999999999999999999999999999999999\""},
               {"d:38,0", most, "\"99999999999999999999999999999999999999\""}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct one o;
    begin(&o, cases[i].format, NULL);
    etl_batch_fixed(&o.batch, 0, &cases[i].v);
    expect(&o, cases[i].want);
  }
}

Test(json, dates_and_times) {
  static const struct {
    const char *format;
    int64_t v;
    const char *want;
  } cases[] = {{"tdD", 0, "\"1970-01-01\""},
               {"tdD", -1, "\"1969-12-31\""},
               {"tdD", -719162, "\"0001-01-01\""},
               {"tdD", -719163, "\"0000-12-31\""},
               {"tdD", -719528, "\"0000-01-01\""},
               {"tdD", -719529, "\"-0001-12-31\""},
               {"tdD", 11016, "\"2000-02-29\""},
               {"tdD", 2932896, "\"9999-12-31\""},
               {"tts", 86399, "\"23:59:59\""},
               {"ttm", 1, "\"00:00:00.001\""},
               {"ttu", 86399999999, "\"23:59:59.999999\""},
               {"ttn", 86399999999900, "\"23:59:59.9999999\""},
               {"tss:", -1, "\"1969-12-31T23:59:59\""},
               {"tsm:UTC", -1, "\"1969-12-31T23:59:59.999Z\""},
               {"tsu:Europe/Berlin", 1000000, "\"1970-01-01T00:00:01Z\""},
               {"tsu:", 1500000, "\"1970-01-01T00:00:01.5\""},
               {"tsu:", -62135596800000001, "\"0000-12-31T23:59:59.999999\""},
               {"tsn:", INT64_MIN, "\"1677-09-21T00:12:43.145224192\""},
               {"tsn:UTC", 1700000000123456700, "\"2023-11-14T22:13:20.1234567Z\""}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct one o;
    begin(&o, cases[i].format, NULL);
    etl_batch_fixed(&o.batch, 0, &cases[i].v);
    expect(&o, cases[i].want);
  }
}

Test(json, bytes) {
  static const struct {
    const char *format, *extension, *v;
    size_t n;
    const char *want;
  } cases[] = {{"u", NULL, "", 0, "\"\""},
               {"u", NULL, "a\0b", 3, "{\"$hex\": \"610062\"}"}, /* no database takes a NUL in a text */
               {"u", NULL, "q\"\\\n\t\x7f", 6, "\"q\\\"\\\\\\n\\u0009\\u007f\""},
               {"u", NULL, "\xc3\xbc\xf0\x9f\x98\x80", 6, "\"\xc3\xbc\xf0\x9f\x98\x80\""},
               {"u", NULL, "a\xff", 2, "{\"$hex\": \"61ff\"}"},
               {"u", NULL, "\xc0\x80", 2, "{\"$hex\": \"c080\"}"},         /* an overlong NUL */
               {"u", NULL, "\xed\xa0\x80", 3, "{\"$hex\": \"eda080\"}"},   /* a surrogate */
               {"u", NULL, "\xe2\x82", 2, "{\"$hex\": \"e282\"}"},         /* ends within a character */
               {"u", "arrow.json", "{\"a\":1}", 7, "\"{\\\"a\\\":1}\""},
               {"z", NULL, "\x00\xff", 2, "\"\\\\x00ff\""},
               {"z", NULL, "", 0, "\"\\\\x\""}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct one o;
    begin(&o, cases[i].format, cases[i].extension);
    cr_assert_eq(etl_batch_bytes(&o.batch, 0, cases[i].v, cases[i].n), 0);
    expect(&o, cases[i].want);
  }
}

Test(json, fixed_bytes_and_uuids) {
  static const uint8_t uuid[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 255};
  struct one o;
  begin(&o, "w:16", "arrow.uuid");
  etl_batch_fixed(&o.batch, 0, uuid);
  expect(&o, "\"00010203-0405-0607-0809-0a0b0c0d0eff\"");
  begin(&o, "w:3", NULL);
  etl_batch_fixed(&o.batch, 0, uuid);
  expect(&o, "\"\\\\x000102\"");
}

/* The cut falls within a character of two bytes: it is left out whole. */
Test(json, a_long_value_is_cut_between_characters) {
  enum { N = 64 * 1024 };
  char *text = malloc(N + 3);
  memset(text, 'a', N + 3);
  memcpy(text + N - 1, "\xc3\xbc", 2);
  struct one o;
  begin(&o, "u", NULL);
  cr_assert_eq(etl_batch_bytes(&o.batch, 0, text, N + 3), 0);
  char *got = end(&o);
  const char *tail = "a\", \"$bytes\": 65539}";
  cr_expect_eq(strncmp(got, "{\"$cut\": \"aaa", 13), 0);
  cr_expect_eq(strlen(got), strlen("{\"$cut\": \"") + N - 2 + strlen(tail), "%zu", strlen(got));
  cr_expect_str_eq(got + strlen(got) - strlen(tail), tail);
  free(got);
  begin(&o, "u", NULL); /* as long as it may be: not cut */
  cr_assert_eq(etl_batch_bytes(&o.batch, 0, text, N - 1), 0);
  got = end(&o);
  cr_expect_eq(strlen(got), N + 1);
  free(got);
  free(text);
}

Test(json, a_row_of_a_slice_and_a_type_nobody_knows) {
  struct ArrowSchema s;
  struct etl_batch b;
  struct ArrowArray rows;
  cr_assert_eq(etl_schema_init(&s, 2), 0);
  cr_assert_eq(etl_schema_set(&s, 0, "a\"b", "i", true, NULL, NULL), 0);
  cr_assert_eq(etl_schema_set(&s, 1, "other", "i", true, NULL, NULL), 0);
  cr_assert_eq(etl_batch_init(&b, &host, &s, 2), 0);
  for (int32_t i = 0; i < 2; i++) {
    cr_assert_eq(etl_batch_row(&b), 0);
    etl_batch_i32(&b, 0, i);
    etl_batch_i32(&b, 1, i);
  }
  cr_assert_eq(etl_batch_finish(&b, &rows), 0);
  cr_assert_eq(etl_schema_set(&s, 1, "other", "+l", true, NULL, NULL), 0);
  rows.offset = rows.length = 1;
  char *json = etl_row_json(&s, &rows, 0);
  cr_expect_str_eq(json, "{\"a\\\"b\": 1, \"other\": {\"$format\": \"+l\"}}");
  free(json);
  rows.release(&rows);
  s.release(&s);
  etl_batch_fini(&b);
}

/* Arrow gives values of no bytes no buffer. */
Test(json, texts_and_bytes_that_are_all_empty) {
  static const int32_t offsets[2];
  const void *buffers[] = {NULL, offsets, NULL};
  static const char *const formats[] = {"u", "z"}, *const want[] = {"{\"v\": \"\"}", "{\"v\": \"\\\\x\"}"};
  struct ArrowArray column = {.length = 1, .n_buffers = 3, .buffers = buffers}, *columns[] = {&column};
  struct ArrowArray rows = {.length = 1, .n_children = 1, .children = columns};
  for (size_t i = 0; i < 2; i++) {
    struct ArrowSchema child = {.format = formats[i], .name = "v"}, *children[] = {&child};
    struct ArrowSchema s = {.format = "+s", .n_children = 1, .children = children};
    char *json = etl_row_json(&s, &rows, 0);
    cr_expect_str_eq(json, want[i]);
    free(json);
  }
}

static void release(struct ArrowSchema *s) { s->release = NULL; }

/* What the integers of such a column stand for is not read, so they are not taken for its values. */
Test(json, a_dictionary_is_no_column_of_numbers) {
  static const int32_t index = 1;
  const void *buffers[] = {NULL, &index};
  struct ArrowSchema words = {.format = "u", .name = "", .release = release};
  struct ArrowSchema child = {.format = "i", .name = "v", .dictionary = &words, .release = release}, *children[] = {&child};
  struct ArrowSchema s = {.format = "+s", .name = "", .n_children = 1, .children = children}, copy, plain;
  struct ArrowArray column = {.length = 1, .n_buffers = 2, .buffers = buffers}, *columns[] = {&column};
  struct ArrowArray rows = {.length = 1, .n_children = 1, .children = columns};
  cr_assert_eq(etl_schema_copy(&s, &copy), 0);
  cr_expect(etl_schema_equal(&s, &copy));
  for (int i = 0; i < 2; i++) {
    char *json = etl_row_json(i ? &copy : &s, &rows, 0);
    cr_expect_str_eq(json, "{\"v\": {\"$format\": \"i\"}}");
    free(json);
  }
  child.dictionary = NULL;
  cr_assert_eq(etl_schema_copy(&s, &plain), 0);
  cr_expect_not(etl_schema_equal(&plain, &copy));
  copy.release(&copy);
  plain.release(&plain);
}

Test(json, all_rows_of_a_slice_one_behind_the_other) {
  struct ArrowSchema s;
  struct etl_batch b;
  struct ArrowArray rows;
  static const char want[] = "{\"v\": 1}\0{\"v\": 2}";
  uint64_t n = 0;
  cr_assert_eq(etl_schema_init(&s, 1), 0);
  cr_assert_eq(etl_schema_set(&s, 0, "v", "i", true, NULL, NULL), 0);
  cr_assert_eq(etl_batch_init(&b, &host, &s, 3), 0);
  for (int32_t i = 0; i < 3; i++) {
    cr_assert_eq(etl_batch_row(&b), 0);
    etl_batch_i32(&b, 0, i);
  }
  cr_assert_eq(etl_batch_finish(&b, &rows), 0);
  rows.offset = 1;
  rows.length = 2;
  char *json = etl_rows_json(&s, &rows, &n);
  cr_assert_eq(n, sizeof want);
  cr_expect_eq(memcmp(json, want, sizeof want), 0);
  free(json);
  rows.length = 0;
  json = etl_rows_json(&s, &rows, &n);
  cr_expect(json && n == 0);
  free(json);
  rows.release(&rows);
  s.release(&s);
  etl_batch_fini(&b);
}
