/* Values from db-lib's forms: decimals of every width, the far ends of times, byte orders. */
#include <criterion/criterion.h>
#include <sybdb.h>

#include "convert.h"

static struct column column(const char *type, int precision, int scale) {
  static struct pool pool; /* lives as long as the test's process */
  struct column c;
  struct failure f = {0};
  cr_assert_eq(column_init(&c, &pool, "c", type, 8, precision, scale, true, &f), 0);
  return c;
}

static void expect_decimal(int precision, int scale, bool negative, const uint8_t *magnitude, size_t n, const char *want) {
  struct column c = column("decimal", precision, scale);
  DBNUMERIC d = {.precision = (unsigned char)precision, .scale = (unsigned char)scale};
  char got[64];
  d.array[0] = negative;
  memcpy(d.array + 1, magnitude, n);
  convert_decimal_text(&c, (const uint8_t *)&d, got, sizeof got);
  cr_expect_str_eq(got, want, "got %s, not %s", got, want);
}

Test(convert, decimals_are_exact) {
  static const uint8_t ten38_1[16] = {0x4B, 0x3B, 0x4C, 0xA8, 0x5A, 0x86, 0xC4, 0x7A,
                                      0x09, 0x8A, 0x22, 0x3F, 0xFF, 0xFF, 0xFF, 0xFF};
  expect_decimal(9, 0, false, (const uint8_t[]){0, 0, 0, 0}, 4, "0");
  expect_decimal(9, 2, true, (const uint8_t[]){0, 0, 0, 5}, 4, "-0.05");
  expect_decimal(9, 9, false, (const uint8_t[]){0x3B, 0x9A, 0xC9, 0xFF}, 4, "0.999999999");
  expect_decimal(1, 0, true, (const uint8_t[]){9}, 1, "-9");
  expect_decimal(5, 2, false, (const uint8_t[]){0x01, 0x86, 0x9F}, 3, "999.99");
  expect_decimal(38, 0, false, ten38_1, 16, "99999999999999999999999999999999999999");
  expect_decimal(38, 38, true, ten38_1, 16, "-0.99999999999999999999999999999999999999");
}

Test(convert, money_has_four_digits) {
  struct column c = column("money", 19, 4);
  DBMONEY m = {.mnyhigh = (DBINT)0x80000000, .mnylow = 0};
  char got[64];
  convert_decimal_text(&c, (const uint8_t *)&m, got, sizeof got);
  cr_expect_str_eq(got, "-922337203685477.5808");
  m = (DBMONEY){.mnyhigh = 0, .mnylow = 12345};
  convert_decimal_text(&c, (const uint8_t *)&m, got, sizeof got);
  cr_expect_str_eq(got, "1.2345");
}

Test(convert, a_uuid_goes_to_network_order) {
  static const uint8_t wire[16] = {0x33, 0x22, 0x11, 0x00, 0x55, 0x44, 0x77, 0x66, 0x88, 0x99, 0xAA, 0xBB, 0xCC, 0xDD, 0xEE, 0xFF};
  uint8_t got[16];
  convert_uuid(wire, got);
  for (int i = 0; i < 16; i++)
    cr_expect_eq(got[i], i * 0x11);
}

static enum convert_status add_time(const char *type, enum datetime_unit unit, int days, uint64_t ticks, int64_t *ret) {
  struct column c = column(type, 27, 7);
  struct settings s = {.datetime_unit = unit, .max_cell_bytes = 1 << 20};
  struct converter cv;
  struct etl_builder_col col = {.f = {.width = 8}, .data = (uint8_t *)ret};
  struct etl_batch b = {.cols = &col, .n_cols = 1, .rows = 1};
  DBDATETIMEALL d = {.date = days, .time = ticks};
  converter_init(&cv, &c, 0, &s);
  return cv.add(&cv, &b, (const uint8_t *)&d, 0);
}

Test(convert, microseconds_cut_towards_the_past) {
  int64_t v;
  cr_expect_eq(add_time("datetime2", UNIT_US, 25567, 19, &v), CONVERT_OK);
  cr_expect_eq(v, 1);
  cr_expect_eq(add_time("datetime2", UNIT_US, 25566, UINT64_C(863999999999), &v), CONVERT_OK);
  cr_expect_eq(v, -1); /* 1969-12-31T23:59:59.9999999 is in the last microsecond of 1969 */
}

Test(convert, nanoseconds_keep_all_or_refuse) {
  int64_t v;
  cr_expect_eq(add_time("datetime2", UNIT_NS, 25567, 1234567, &v), CONVERT_OK);
  cr_expect_eq(v, 123456700);
  cr_expect_eq(add_time("datetime2", UNIT_NS, 2958463, 0, &v), CONVERT_RANGE);
  cr_expect_eq(add_time("datetimeoffset", UNIT_NS, -693595, 0, &v), CONVERT_RANGE);
}

Test(convert, declared_types_and_losses) {
  char format[32];
  struct column c = column("datetime2", 27, 7);
  cr_expect_str_eq(c.declared, "datetime2(7)");
  cr_expect_str_eq(column_format(&c, UNIT_US, format, sizeof format), "tsu:");
  cr_expect_not_null(column_loss(&c, UNIT_US));
  c = column("datetime2", 26, 6);
  cr_expect_null(column_loss(&c, UNIT_US));
  c = column("decimal", 38, 10);
  cr_expect_str_eq(column_format(&c, UNIT_US, format, sizeof format), "d:38,10");
  cr_expect_str_eq(c.declared, "decimal(38,10)");
  c = column("timestamp", 0, 0);
  cr_expect_str_eq(c.declared, "rowversion");
  cr_expect_str_eq(column_format(&c, UNIT_US, format, sizeof format), "w:8");
  c = column("nvarchar", 0, 0);
  cr_expect_str_eq(c.declared, "nvarchar(4)"); /* 8 bytes */
  c = column("geography", 0, 0);
  cr_expect_eq(c.type->kind, KIND_UNSUPPORTED);
}

Test(convert, cursors_of_doubtful_types_are_refused) {
  struct column c = column("float", 53, 0);
  cr_expect_not_null(column_cursor_refusal(&c, 0));
  cr_expect_not_null(column_cursor_refusal(&c, 1));
  c = column("nvarchar", 0, 0);
  cr_expect_not_null(column_cursor_refusal(&c, 0));
  cr_expect_null(column_cursor_refusal(&c, 1));
  c = column("xml", 0, 0);
  cr_expect_not_null(column_cursor_refusal(&c, 1));
  c = column("datetime2", 27, 7);
  cr_expect_null(column_cursor_refusal(&c, 0));
}
