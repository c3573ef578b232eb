/* Values that are the same in two types hash the same, and others do not. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

#include "verify/canon.h"

static void *buf_alloc(const struct etl_host *h, uint64_t size) {
  (void)h;
  return aligned_alloc(64, (size + 63) / 64 * 64 + 64);
}

static const struct etl_host host = {.struct_size = sizeof host, .buf_alloc = buf_alloc, .buf_free = free};

struct value { /* of a column: as bytes of its width, or as text */
  const char *format, *extension, *text; /* text NULL: fixed */
  int64_t i;
  double f;
  bool null;
};

static void add(struct etl_batch *b, const struct value *v) {
  const struct etl_format *f = &b->cols[0].f;
  __int128 decimal = v->i;
  int32_t i = (int32_t)v->i;
  float single = (float)v->f;
  cr_assert_eq(etl_batch_row(b), 0);
  if (v->null)
    cr_assert_eq(etl_batch_null(b, 0), 0);
  else if (f->logical == ETL_L_UUID)
    etl_batch_fixed(b, 0, v->text);
  else if (v->text)
    cr_assert_eq(etl_batch_bytes(b, 0, v->text, strlen(v->text)), 0);
  else if (f->logical == ETL_L_BOOL)
    etl_batch_bool(b, 0, v->i);
  else if (f->logical == ETL_L_FLOAT)
    etl_batch_fixed(b, 0, f->width == 4 ? (const void *)&single : (const void *)&v->f);
  else
    etl_batch_fixed(b, 0, f->width == 16 ? (const void *)&decimal : f->width == 4 ? (const void *)&i : (const void *)&v->i);
}

static uint64_t hash(enum canon c, const struct value *v) {
  struct ArrowSchema s;
  struct ArrowArray rows;
  struct etl_batch b;
  struct etl_view view;
  uint64_t h;
  cr_assert_eq(etl_schema_init(&s, 1), 0);
  cr_assert_eq(etl_schema_set(&s, 0, "v", v->format, true, NULL, v->extension), 0);
  cr_assert_eq(etl_batch_init(&b, &host, &s, 1), 0);
  add(&b, v);
  cr_assert_eq(etl_batch_finish(&b, &rows), 0);
  cr_assert_eq(etl_view_init(&view, &s, &rows, 0), 0);
  canon_hash(c, &view, 1, &h, 1);
  rows.release(&rows);
  s.release(&s);
  etl_batch_fini(&b);
  return h;
}

static const struct etl_format *format_of(const struct value *v, struct etl_format *f) {
  struct ArrowSchema s;
  cr_assert_eq(etl_schema_init(&s, 1), 0);
  cr_assert_eq(etl_schema_set(&s, 0, "v", v->format, true, NULL, v->extension), 0);
  cr_assert_eq(etl_format_parse(s.children[0], f), 0);
  s.release(&s);
  f->tz = NULL;
  return f;
}

#define TEXT(text_)       {.format = "u", .text = text_}
#define JSON(text_)       {.format = "u", .extension = "arrow.json", .text = text_}
#define INT(i_)           {.format = "l", .i = i_}
#define DECIMAL(s_, i_)   {.format = "d:38," #s_, .i = i_}
#define FLOAT(f_)         {.format = "g", .f = f_}
#define SINGLE(f_)        {.format = "f", .f = f_}
#define NOTHING(format_)  {.format = format_, .null = true}
#define UUID(bytes_)      {.format = "w:16", .extension = "arrow.uuid", .text = bytes_}

static const struct pair {
  struct value a, b;
  enum canon as;
  bool same;
} pairs[] = {
    {INT(1), DECIMAL(2, 100), CANON_NUMBER, true},
    {INT(1), DECIMAL(2, 101), CANON_NUMBER, false},
    {INT(-120), DECIMAL(-1, -12), CANON_NUMBER, true},
    {INT(0), DECIMAL(5, 0), CANON_NUMBER, true},
    {{.format = "b", .i = 1}, INT(1), CANON_NUMBER, true},
    {DECIMAL(2, 1250), TEXT("12.5"), CANON_NUMBER, true},
    {DECIMAL(2, 1250), TEXT("+1.250e1"), CANON_NUMBER, true},
    {DECIMAL(2, -1250), TEXT("-0012.500"), CANON_NUMBER, true},
    {DECIMAL(2, 1250), TEXT("12.51"), CANON_NUMBER, false},
    {DECIMAL(2, 1250), TEXT("twelve"), CANON_NUMBER, false},
    {INT(0), TEXT(""), CANON_NUMBER, false},
    {FLOAT(0.1), DECIMAL(1, 1), CANON_FLOAT, true},
    {FLOAT(1e23), DECIMAL(-20, 1000), CANON_FLOAT, true},
    {FLOAT(-2.5), TEXT("-2.50"), CANON_FLOAT, true},
    {FLOAT(0.0), FLOAT(-0.0), CANON_FLOAT, true},
    {FLOAT((double)NAN), FLOAT(-(double)NAN), CANON_FLOAT, true},
    {FLOAT(0.1), SINGLE(0.1), CANON_FLOAT4, true},
    {FLOAT(0.1), FLOAT(0.2), CANON_FLOAT, false},
    {TEXT("a"), TEXT("A"), CANON_TEXT, false},
    {TEXT(""), NOTHING("u"), CANON_TEXT, false},
    {NOTHING("l"), NOTHING("d:38,2"), CANON_NUMBER, true},
    {TEXT("{\"b\":1, \"a\": [1,2]}"), JSON("{\"a\":[1,2],\"b\":1}"), CANON_JSON, true},
    {TEXT("{\"a\": [2,1]}"), JSON("{\"a\": [1,2]}"), CANON_JSON, false},
    {TEXT("no json"), JSON("no json"), CANON_JSON, true},
    {TEXT("{\"a\":1e2, \"b\":-0.50}"), JSON("{\"a\": 100, \"b\": -0.5}"), CANON_JSON, true},
    {TEXT("{\"a\":12345678901234567890}"), JSON("{\"a\": 12345678901234567890}"), CANON_JSON, true},
    {TEXT("{\"a\":12345678901234567890}"), JSON("{\"a\": 12345678901234567891}"), CANON_JSON, false},
    {TEXT("{\"a\":\"1e2\"}"), JSON("{\"a\": \"100\"}"), CANON_JSON, false},
    {TEXT("[\"\\\"1\", 2]"), JSON("[\"\\\"1\",2.0]"), CANON_JSON, true},
    {FLOAT(0.0), TEXT("abc"), CANON_FLOAT, false},
    {FLOAT(0.0), TEXT(""), CANON_FLOAT, false},
    {FLOAT(1.5), TEXT("1.5xyz"), CANON_FLOAT, false},
    {{.format = "tdD", .i = INT32_MAX}, {.format = "tdD", .i = INT32_MIN}, CANON_INSTANT, false},
    {UUID("0123456789abcdef"), TEXT("{30313233-3435-3637-3839-616263646566}"), CANON_UUID, true},
    {UUID("0123456789abcdef"), TEXT("30313233-3435-3637-3839-616263646567"), CANON_UUID, false},
    {{.format = "tsn:", .i = 1234567999}, {.format = "tsu:", .i = 1234567}, CANON_INSTANT, true},
    {{.format = "tsn:", .i = -1}, {.format = "tsu:UTC", .i = -1}, CANON_INSTANT, true},
    {{.format = "tdD", .i = 1}, {.format = "tsu:", .i = INT64_C(86400000000)}, CANON_INSTANT, true},
    {{.format = "tss:", .i = 1}, {.format = "tsm:", .i = 1000}, CANON_INSTANT, true},
    {{.format = "z", .text = "Az"}, TEXT("\\x417a"), CANON_BYTES, true},
    {{.format = "z", .text = "Az"}, TEXT("\\x417b"), CANON_BYTES, false},
    {{.format = "z", .text = "Az"}, TEXT("Az"), CANON_BYTES, true},
    {{.format = "z", .text = "\\x417"}, TEXT("\\x417"), CANON_BYTES, true},
    {{.format = "ttn", .i = 1000}, {.format = "ttu", .i = 1}, CANON_TIME, true},
};

Test(canon, values) {
  for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
    const struct pair *p = &pairs[i];
    struct etl_format a, b;
    cr_expect_eq(canon_pair(format_of(&p->a, &a), format_of(&p->b, &b)), p->as, "pair %zu", i);
    cr_expect_eq(canon_pair(&b, &a), p->as, "pair %zu, the other way round", i);
    cr_expect_eq(hash(p->as, &p->a) == hash(p->as, &p->b), p->same, "pair %zu", i);
  }
}

Test(canon, types_that_have_nothing_in_common) {
  static const struct value one = {.format = "tdD"}, other = {.format = "l"}, third = {.format = "ttu"};
  struct etl_format a, b, c;
  cr_expect_eq(canon_pair(format_of(&one, &a), format_of(&other, &b)), CANON_NONE);
  cr_expect_eq(canon_pair(&a, format_of(&third, &c)), CANON_NONE);
}

Test(canon, names) {
  for (enum canon c = CANON_NUMBER; c <= CANON_TIME; c++)
    cr_expect_eq(canon_from_name(canon_name(c)), c);
  cr_expect_eq(canon_from_name("nothing"), CANON_NONE);
  cr_expect_eq(canon_from_name(NULL), CANON_NONE);
}
