/* Two sides held against each other. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "verify/compare.h"

static json_t *parse(const char *text) {
  json_error_t e;
  json_t *j = json_loads(text, 0, &e);
  cr_assert_not_null(j, "%s: %s", text, e.text);
  return j;
}

Test(compare, columns) {
  json_t *source = parse("{\"key\": [\"id\"], \"columns\": [{\"name\": \"shard\", \"format\": \"u\"}, {\"name\": \"id\", \"format\": \"i\"},"
                         "{\"name\": \"gone\", \"format\": \"u\"}, {\"name\": \"at\", \"format\": \"tdD\"}]}");
  json_t *target = parse("{\"columns\": [{\"name\": \"id\", \"format\": \"l\"}, {\"name\": \"shard\", \"format\": \"u\"}, {\"name\": \"at\", \"format\": \"l\"}]}");
  json_t *want = parse("{\"key\": [1], \"group\": 0, \"columns\": [{\"name\": \"shard\", \"as\": \"text\"}, {\"name\": \"id\", \"as\": \"number\"}]}");
  json_t *notes = json_array(), *got = compare_columns(source, target, "shard", notes);
  cr_expect(json_equal(got, want));
  cr_assert_eq(json_array_size(notes), 2);
  cr_expect_str_eq(json_string_value(json_array_get(notes, 0)), "column gone is not compared: the target does not have it");
  cr_expect_str_eq(json_string_value(json_array_get(notes, 1)), "column at is not compared: its types on the two sides have nothing in common");
  json_decref(source);
  json_decref(target);
  json_decref(want);
  json_decref(notes);
  json_decref(got);
}

Test(compare, half_a_key_is_none) {
  json_t *source = parse("{\"key\": [\"id\", \"gone\"], \"columns\": [{\"name\": \"id\", \"format\": \"i\"}, {\"name\": \"gone\", \"format\": \"u\"}]}");
  json_t *target = parse("{\"columns\": [{\"name\": \"id\", \"format\": \"i\"}]}"), *none = parse("{\"columns\": []}"), *notes = json_array();
  json_t *got = compare_columns(source, target, NULL, notes);
  cr_expect_eq(json_array_size(json_object_get(got, "key")), 0);
  cr_expect_eq(json_integer_value(json_object_get(got, "group")), -1);
  cr_expect_null(compare_columns(source, none, NULL, notes));
  json_decref(got);
  json_decref(source);
  json_decref(target);
  json_decref(none);
  json_decref(notes);
}

static void sums(struct compare *c, enum side side, const char *groups) {
  cleanup_free char *text = xasprintf("{\"groups\": %s}", groups);
  json_t *event = parse(text);
  compare_sums(c, side, event);
  json_decref(event);
}

static void expect_buckets(const struct compare *c, int64_t max_rows, const char *want, size_t want_left) {
  size_t left;
  json_t *got = compare_buckets(c, max_rows, &left), *wanted = parse(want);
  char *text = json_dumps(got, 0);
  cr_expect(json_equal(got, wanted), "%s, not %s", text, want);
  cr_expect_eq(left, want_left);
  free(text);
  json_decref(got);
  json_decref(wanted);
}

Test(compare, sums_of_lanes_add_up) {
  struct compare *c = compare_new(NULL, 0, false);
  sums(c, SIDE_SOURCE, "[{\"group\": \"eu\", \"sums\": [7, 1, 100, 10, 9, 1, 5, 5]}]");
  sums(c, SIDE_SOURCE, "[{\"group\": \"eu\", \"sums\": [7, 2, -300, 20]}, {\"group\": \"us\", \"sums\": [1, 1, 1, 1]}]");
  sums(c, SIDE_TARGET, "[{\"group\": \"us\", \"sums\": [1, 1, 1, 1]}, {\"group\": \"eu\", \"sums\": [7, 3, -200, 30, 9, 1, 5, 5]}]");
  expect_buckets(c, 100, "[]", 0);
  cr_assert_eq(compare_groups(c), 2);
  struct compare_group eu = compare_group(c, 0);
  cr_expect_str_eq(eu.name, "eu");
  cr_expect_eq(eu.rows[SIDE_SOURCE], 4);
  cr_expect_eq(eu.rows[SIDE_TARGET], 4);
  cr_expect_eq(eu.differing, 0);
  compare_free(c);
}

Test(compare, buckets_that_differ) {
  struct compare *c = compare_new(NULL, 0, false);
  sums(c, SIDE_SOURCE, "[{\"group\": \"\", \"sums\": [1, 10, 1, 1, 2, 10, 1, 1, 3, 10, 1, 1, 4, 10, 1, 1]}]");
  sums(c, SIDE_TARGET, "[{\"group\": \"\", \"sums\": [1, 10, 1, 1, 2, 10, 1, 2, 3, 10, 2, 1, 4, 11, 1, 1]}]");
  cr_expect_eq(compare_group(c, 0).differing, 3);
  expect_buckets(c, 100, "[2, 3, 4]", 0);
  expect_buckets(c, 20, "[2, 3]", 1);
  expect_buckets(c, 1, "[2]", 2);
  compare_free(c);
}

Test(compare, only_some_groups) {
  const char *only[] = {"eu"};
  struct compare *c = compare_new(only, 1, false);
  sums(c, SIDE_SOURCE, "[{\"group\": \"eu\", \"sums\": [1, 1, 1, 1]}]");
  sums(c, SIDE_TARGET, "[{\"group\": \"eu\", \"sums\": [1, 1, 1, 1]}, {\"group\": \"us\", \"sums\": [2, 1, 1, 1]}]");
  cr_expect_eq(compare_groups(c), 1);
  expect_buckets(c, 100, "[]", 0);
  compare_free(c);
}

/* rows: "key whole" pairs of digits; the text of a row is its key. */
static json_t *event_of(const char *lane, int attempt, const char *rows) {
  json_t *list = json_array();
  for (const char *p = rows; *p; p += 2) {
    char key[2] = {p[0], 0};
    json_array_append_new(list, json_pack("[s, [i, i], [i, i], [i, i]]", key, p[0], 0, p[0], p[1], p[0], p[1]));
  }
  return json_pack("{s:s, s:i, s:s, s:o}", "lane", lane, "attempt", attempt, "group", "g", "rows", list);
}

static void rows(struct compare *c, enum side side, const char *lane, int attempt, const char *text) {
  json_t *event = event_of(lane, attempt, text);
  compare_rows(c, side, event);
  json_decref(event);
}

struct told {
  char text[256];
};

static void tell(void *arg, const struct compare_row *row) {
  struct told *t = arg;
  size_t n = strlen(t->text);
  snprintf(t->text + n, sizeof t->text - n, "%c%s%s", "-+~"[row->kind], row->key, strcmp(row->group, "g") == 0 ? "" : "?");
  if (row->kind == DIFF_CHANGED) {
    cr_expect_eq(row->columns_n, 2);
    cr_expect_eq(row->source[0], row->target[0]);
    cr_expect_neq(row->source[1], row->target[1]);
  }
}

static void expect_older(struct compare *c, const char *want, size_t want_older) {
  struct told t = {""};
  struct compare_left left;
  size_t n = compare_differences(c, tell, &t, &left);
  cr_expect_eq(left.older, want_older);
  cr_expect_str_eq(t.text, want);
  cr_expect_eq(n, strlen(want) / 2);
  compare_free(c);
}

static void expect_rows(struct compare *c, const char *want) { expect_older(c, want, 0); }

Test(compare, rows) {
  struct compare *c = compare_new(NULL, 0, false);
  rows(c, SIDE_SOURCE, "a", 1, "a1b1c1");
  rows(c, SIDE_SOURCE, "b", 1, "d1e1");
  rows(c, SIDE_TARGET, "t", 1, "e1b2a1f1");
  expect_rows(c, "-c-d+f~b");
}

Test(compare, a_lane_that_begins_again) {
  struct compare *c = compare_new(NULL, 0, false);
  rows(c, SIDE_SOURCE, "a", 1, "a1b1");
  rows(c, SIDE_SOURCE, "b", 1, "c1");
  rows(c, SIDE_SOURCE, "a", 2, "a1b1");
  rows(c, SIDE_TARGET, "t", 1, "a1b1c1");
  expect_rows(c, "");
}

Test(compare, rows_that_are_twice_there) {
  struct compare *c = compare_new(NULL, 0, false);
  rows(c, SIDE_SOURCE, "a", 1, "a1a1b1");
  rows(c, SIDE_TARGET, "t", 1, "a1b1b1");
  expect_rows(c, "-a+b");
}

Test(compare, rows_that_the_next_run_will_bring) {
  struct compare *c = compare_new(NULL, 0, false);
  rows(c, SIDE_SOURCE, "a", 1, "a1b2c1d1");
  rows(c, SIDE_TARGET, "t", 1, "a1b1d2");
  json_t *pending = event_of("a", 1, "b2c1");
  compare_pending(c, pending);
  json_decref(pending);
  expect_rows(c, "~d");
}

Test(compare, of_several_rows_of_the_source_the_target_has_one) {
  struct compare *c = compare_new(NULL, 0, true);
  rows(c, SIDE_SOURCE, "a", 1, "a1a2a3b1b2c1");
  rows(c, SIDE_TARGET, "t", 1, "a2b3c1");
  expect_older(c, "-b~b", 2);
}
