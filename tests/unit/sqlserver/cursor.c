/* Cursors kept and read back: full precision, and refusals. */
#include "made.h"

static void put(struct tuple *t, size_t i, const void *p, size_t n) { cr_assert_eq(tuple_put(t, i, p, n), 0); }

static int decode(struct made *m, const char *saved, struct cursor *ret, struct failure *f) {
  *f = (struct failure){0};
  return cursor_decode(ret, (struct etl_bytes){saved, strlen(saved)}, &m->src, &m->settings, &m->src.pool, f);
}

Test(cursor, comes_back_as_it_went) {
  struct made m;
  struct tuple t = {.set = true};
  struct text saved = {0};
  struct cursor back;
  struct failure f = {0};
  DBDATETIMEALL time = {.date = 45411, .time = UINT64_C(360001234567)};
  int64_t id = INT64_MIN;
  made_logins(&m);
  made_cursor(&m, 1);
  made_cursor(&m, 0);
  put(&t, 0, &time, sizeof time);
  put(&t, 1, &id, sizeof id);
  cr_assert_eq(tuple_encode(&t, &m.src, &(struct cursor){.n = 0}, &saved, &f), 0);
  cr_expect_str_eq(text_str(&saved), "{\"v\":1,\"columns\":[\"login_time\",\"login_id\"],\"types\":[\"datetime2(7)\",\"bigint\"],"
                                     "\"values\":[\"2024-05-01T10:00:00.1234567\",\"-9223372036854775808\"]}");
  cr_assert_eq(decode(&m, saved.p, &back, &f), 0);
  cr_expect_eq(back.n, 2);
  cr_expect_str_eq(back.values[0], "2024-05-01T10:00:00.1234567");
  cr_expect_str_eq(back.values[1], "-9223372036854775808");
  text_fini(&saved);
  tuple_fini(&t);
  made_fini(&m);
}

Test(cursor, text_values_keep_every_character) {
  struct made m;
  struct tuple t = {.set = true};
  struct text saved = {0};
  struct cursor back;
  struct failure f = {0};
  int64_t id = 1;
  made_logins(&m);
  made_cursor(&m, 0);
  made_cursor(&m, 2);
  put(&t, 0, &id, sizeof id);
  put(&t, 1, "Zo\xC3\xAB \"O'Neil\"", 13);
  cr_assert_eq(tuple_encode(&t, &m.src, &(struct cursor){.n = 0}, &saved, &f), 0);
  cr_assert_eq(decode(&m, saved.p, &back, &f), 0);
  cr_expect_str_eq(back.values[1], "Zo\xC3\xAB \"O'Neil\"");
  text_fini(&saved);
  tuple_fini(&t);
  made_fini(&m);
}

static void expect_refused(const char *saved, const char *part) {
  struct made m;
  struct cursor back;
  struct failure f;
  made_logins(&m);
  made_cursor(&m, 1);
  made_cursor(&m, 0);
  cr_expect_eq(decode(&m, saved, &back, &f), -1, "%s was taken", saved);
  cr_expect_eq(f.error_class, ETL_E_CONFIG);
  cr_expect_not_null(strstr(f.message, part), "%s does not say %s", f.message, part);
  cr_expect_not_null(strstr(f.remedy, "--full-refresh"));
  made_fini(&m);
}

#define COLUMNS "\"columns\":[\"login_time\",\"login_id\"]"
#define TYPES   "\"types\":[\"datetime2(7)\",\"bigint\"]"

Test(cursor, text_with_a_nul_cannot_be_kept) {
  struct made m;
  struct tuple t = {.set = true};
  struct text saved = {0};
  struct failure f = {0};
  int64_t id = 1;
  made_logins(&m);
  made_cursor(&m, 0);
  made_cursor(&m, 2);
  put(&t, 0, &id, sizeof id);
  put(&t, 1, "a\0b", 3);
  cr_expect_eq(tuple_encode(&t, &m.src, &(struct cursor){.n = 0}, &saved, &f), -1);
  cr_expect_eq(f.error_class, ETL_E_DATA);
  text_fini(&saved);
  tuple_fini(&t);
  made_fini(&m);
}

Test(cursor, of_other_columns_is_refused) {
  expect_refused("{\"v\":1,\"columns\":[\"login_time\"],\"types\":[\"datetime2(7)\"],\"values\":[\"2024-05-01T10:00:00\"]}",
                 "cursor columns changed");
  expect_refused("{\"v\":1,\"columns\":[\"created\",\"login_id\"]," TYPES ",\"values\":[\"2024-05-01T10:00:00\",\"1\"]}",
                 "cursor columns changed");
  expect_refused("{\"v\":1," COLUMNS ",\"types\":[\"datetime2(3)\",\"bigint\"],\"values\":[\"2024-05-01T10:00:00\",\"1\"]}",
                 "datetime2(3)");
  expect_refused("{\"v\":1,\"whole\":true}", "without cursor columns");
}

Test(cursor, damaged_or_hostile_is_refused) {
  expect_refused("", "damaged");
  expect_refused("{\"v\":1," COLUMNS, "damaged");
  expect_refused("{\"v\":2," COLUMNS "," TYPES ",\"values\":[\"2024-05-01\",\"1\"]}", "newer version");
  expect_refused("{\"v\":1," COLUMNS "," TYPES ",\"values\":[\"2024' OR 1=1 --\",\"1\"]}", "damaged");
  expect_refused("{\"v\":1," COLUMNS "," TYPES ",\"values\":[\"2024-05-01T10:00:00\",\"1 OR 1=1\"]}", "damaged");
  expect_refused("{\"v\":1," COLUMNS "," TYPES ",\"values\":[\"2024-05-01T10:00:00\",1]}", "damaged");
}

Test(cursor, nothing_saved_is_the_start) {
  struct made m;
  struct cursor back;
  struct failure f = {0};
  made_logins(&m);
  made_cursor(&m, 0);
  cr_expect_eq(cursor_decode(&back, (struct etl_bytes){0}, &m.src, &m.settings, &m.src.pool, &f), 0);
  cr_expect_eq(back.n, 0);
  made_fini(&m);
}
