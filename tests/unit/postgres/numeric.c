/* numeric and times in the binary format, against bytes worked out by hand. */
#include <criterion/criterion.h>

#include "types.h"

struct cell { /* one fixed-width value as a column */
  struct etl_view view;
  struct column column;
  uint8_t bytes[16];
};

static void cell_init(struct cell *c, enum etl_logical logical, const void *value, uint32_t width) {
  *c = (struct cell){.view = {.f = {.phys = ETL_P_FIXED, .logical = logical, .width = width}, .length = 1}};
  memcpy(c->bytes, value, width);
  c->view.data = c->bytes;
  c->column.f = c->view.f;
}

/* What numeric_recv() reads: digits, weight, sign, dscale, groups. */
static void expect_numeric(__int128 value, int32_t scale, const int *want, size_t want_n) {
  struct cell c;
  uint8_t out[ENCODED_MAX];
  cell_init(&c, ETL_L_DECIMAL, &value, sizeof value);
  c.column.f.scale = scale;
  uint8_t *end = encode_decimal(out, &c.column, &c.view, 0);
  cr_assert_eq((size_t)(end - out), 4 + 2 * want_n, "%zu bytes", (size_t)(end - out));
  cr_expect_eq(out[3], 2 * want_n);
  for (size_t i = 0; i < want_n; i++)
    cr_expect_eq(out[4 + 2 * i] << 8 | out[5 + 2 * i], want[i] & 0xFFFF, "word %zu is %d", i, out[4 + 2 * i] << 8 | out[5 + 2 * i]);
}
#define EXPECT_NUMERIC(value_, scale_, ...) expect_numeric(value_, scale_, (const int[]){__VA_ARGS__}, sizeof((const int[]){__VA_ARGS__}) / sizeof(int))

static __int128 power10(int n) {
  __int128 x = 1;
  while (n-- > 0)
    x *= 10;
  return x;
}

Test(numeric, digits_weight_sign_and_scale) {
  enum { NEG = 0x4000 };
  EXPECT_NUMERIC(0, 0, 0, 0, 0, 0);
  EXPECT_NUMERIC(0, 4, 0, 0, 0, 4);
  EXPECT_NUMERIC(1, 0, 1, 0, 0, 0, 1);
  EXPECT_NUMERIC(-1, 0, 1, 0, NEG, 0, 1);
  EXPECT_NUMERIC(12345, 0, 2, 1, 0, 0, 1, 2345);
  EXPECT_NUMERIC(10000, 0, 1, 1, 0, 0, 1);         /* trailing groups of zeros are left out */
  EXPECT_NUMERIC(1250, 2, 2, 0, 0, 2, 12, 5000);   /* 12.50 */
  EXPECT_NUMERIC(-5, 3, 1, -1, NEG, 3, 50);        /* -0.005 */
  EXPECT_NUMERIC(5, 8, 1, -2, 0, 8, 5);            /* 0.00000005 */
  EXPECT_NUMERIC(12000000, 4, 1, 0, 0, 4, 1200);   /* 1200.0000 */
  EXPECT_NUMERIC(123456789, 5, 3, 0, 0, 5, 1234, 5678, 9000);
}

Test(numeric, wide_values) {
  /* 10^37, and the greatest of 38 digits behind the point */
  EXPECT_NUMERIC(power10(37), 0, 1, 9, 0, 0, 10);
  EXPECT_NUMERIC(power10(38) - 1, 38, 10, -1, 0, 38, 9999, 9999, 9999, 9999, 9999, 9999, 9999, 9999, 9999, 9900);
  EXPECT_NUMERIC(-(power10(38) - 1), 0, 10, 9, 0x4000, 0, 99, 9999, 9999, 9999, 9999, 9999, 9999, 9999, 9999, 9999);
  EXPECT_NUMERIC((__int128)UINT64_MAX, 1, 6, 4, 0, 1, 184, 4674, 4073, 7095, 5161, 5000);
}

Test(numeric, integers) {
  struct cell c;
  uint8_t out[ENCODED_MAX];
  uint64_t big = UINT64_MAX;
  cell_init(&c, ETL_L_UINT, &big, sizeof big);
  cr_expect_eq(encode_int_as_numeric(out, &c.column, &c.view, 0) - out, 4 + 8 + 2 * 5);
  int64_t least = INT64_MIN;
  cell_init(&c, ETL_L_INT, &least, sizeof least);
  encode_int_as_numeric(out, &c.column, &c.view, 0);
  cr_expect_eq(out[8] << 8 | out[9], 0x4000);
}

static int64_t encoded_time(encode_fn *encode, enum etl_logical logical, int64_t value, int64_t per_second) {
  struct cell c;
  uint8_t out[ENCODED_MAX];
  int64_t x = 0;
  cell_init(&c, logical, &value, sizeof value);
  c.column.f.per_second = per_second;
  cr_assert_eq(encode(out, &c.column, &c.view, 0) - out, 12);
  for (int i = 4; i < 12; i++)
    x = (int64_t)((uint64_t)x << 8 | out[i]);
  return x;
}

Test(times, count_from_2000_in_microseconds) {
  cr_expect_eq(encoded_time(encode_timestamp, ETL_L_TIMESTAMP, 946684800, 1), 0);
  cr_expect_eq(encoded_time(encode_timestamp, ETL_L_TIMESTAMP, 946684800001, 1000), 1000);
  cr_expect_eq(encoded_time(encode_timestamp, ETL_L_TIMESTAMP, 946684800000001, 1000000), 1);
  cr_expect_eq(encoded_time(encode_timestamp, ETL_L_TIMESTAMP, 946684800000001999, 1000000000), 1, "finer digits are cut off");
  cr_expect_eq(encoded_time(encode_timestamp, ETL_L_TIMESTAMP, 946684799999999999, 1000000000), -1, "towards the past");
  cr_expect_eq(encoded_time(encode_timestamp, ETL_L_TIMESTAMP, -1, 1), -946684801000000);
  cr_expect_eq(encoded_time(encode_time, ETL_L_TIME, 86399999999999, 1000000000), 86399999999);
}
