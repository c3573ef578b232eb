/* Rows that differ, gathered by their keys. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "base/mem.h"
#include "verify/ranges.h"

struct made {
  json_t *ask; /* its names are borrowed */
  struct ranges *r;
};

static struct made made_of(const char *ask) {
  json_t *j = json_loads(ask, 0, NULL);
  cr_assert_not_null(j);
  return (struct made){j, ranges_new(j)};
}

static void end(struct made m) {
  ranges_free(m.r);
  json_decref(m.ask);
}

static void refuse(const char *ask) {
  struct made m = made_of(ask);
  cr_expect_null(m.r);
  end(m);
}

static void expect(struct made m, const char *want) {
  json_t *got = ranges_list(m.r), *wanted = json_loads(want, 0, NULL);
  char *text = json_dumps(got, 0);
  cr_expect(json_equal(got, wanted), "%s, not %s", text, want);
  free(text);
  json_decref(got);
  json_decref(wanted);
  end(m);
}

Test(ranges, only_numbers_and_times_have_an_order_that_means_something) {
  refuse("{\"key\": [], \"columns\": [{\"name\": \"id\", \"as\": \"number\"}]}");
  refuse("{\"key\": [0], \"columns\": [{\"name\": \"id\", \"as\": \"uuid\"}]}");
  refuse("{\"key\": [0, 1], \"columns\": [{\"name\": \"id\", \"as\": \"number\"}, {\"name\": \"v\", \"as\": \"bytes\"}]}");
}

Test(ranges, a_row_that_is_the_same_ends_a_range) {
  struct made m = made_of("{\"key\": [0], \"columns\": [{\"name\": \"id\", \"as\": \"number\"}]}");
  for (int id = 30; id > 0; id--) {
    cleanup_free char *key = xasprintf("{\"id\": %d}", id);
    if (id >= 9 && id < 20)
      ranges_add_difference(m.r, id == 12 ? DIFF_CHANGED : DIFF_MISSING, key, "");
    else if (id == 25)
      ranges_add_difference(m.r, DIFF_EXTRA, key, "");
    else
      ranges_add_same(m.r, key, "");
  }
  expect(m, "[{\"shard\": \"\", \"from\": {\"id\": 9}, \"to\": {\"id\": 19}, \"missing\": 10, \"extra\": 0, \"changed\": 1},"
            "{\"shard\": \"\", \"from\": {\"id\": 25}, \"to\": {\"id\": 25}, \"missing\": 0, \"extra\": 1, \"changed\": 0}]");
}

/* Decimals come as text, on one side maybe alone. */
Test(ranges, decimals_are_ordered_by_what_they_are_worth) {
  static const char *const ids[] = {"-10.00", "-9.50", "0.05", "9.00", "10", "100.00"};
  struct made m = made_of("{\"key\": [0], \"columns\": [{\"name\": \"id\", \"as\": \"number\"}]}");
  for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
    cleanup_free char *key = xasprintf(i == 4 ? "{\"id\": %s}" : "{\"id\": \"%s\"}", ids[i]);
    if (i == 2 || i == 5)
      ranges_add_same(m.r, key, "");
    else
      ranges_add_difference(m.r, DIFF_MISSING, key, "");
  }
  expect(m, "[{\"shard\": \"\", \"from\": {\"id\": \"-10.00\"}, \"to\": {\"id\": \"-9.50\"}, \"missing\": 2, \"extra\": 0, \"changed\": 0},"
            "{\"shard\": \"\", \"from\": {\"id\": \"9.00\"}, \"to\": {\"id\": 10}, \"missing\": 2, \"extra\": 0, \"changed\": 0}]");
}

/* Texts that look like numbers are ordered as texts. */
Test(ranges, texts_are_ordered_as_texts) {
  struct made m = made_of("{\"key\": [0, 1], \"columns\": [{\"name\": \"code\", \"as\": \"text\"}, {\"name\": \"n\", \"as\": \"number\"}]}");
  ranges_add_difference(m.r, DIFF_EXTRA, "{\"code\": \"9\", \"n\": 1}", "");
  ranges_add_difference(m.r, DIFF_EXTRA, "{\"code\": \"10\", \"n\": 1}", "");
  expect(m, "[{\"shard\": \"\", \"from\": {\"code\": \"10\", \"n\": 1}, \"to\": {\"code\": \"9\", \"n\": 1}, \"missing\": 0, \"extra\": 2, \"changed\": 0}]");
}

Test(ranges, shards_and_tuples) {
  struct made m = made_of("{\"key\": [1, 0], \"columns\": [{\"name\": \"id\", \"as\": \"number\"}, {\"name\": \"at\", \"as\": \"instant\"}]}");
  ranges_add_difference(m.r, DIFF_MISSING, "{\"at\": \"2024-05-02\", \"id\": 1}", "us1");
  ranges_add_difference(m.r, DIFF_MISSING, "{\"at\": \"2024-05-01\", \"id\": 10}", "eu1");
  ranges_add_difference(m.r, DIFF_MISSING, "{\"at\": \"2024-05-01\", \"id\": 9}", "eu1");
  ranges_add_same(m.r, "{\"at\": \"2024-04-30\", \"id\": 99}", "eu1");
  expect(m, "[{\"shard\": \"eu1\", \"from\": {\"at\": \"2024-05-01\", \"id\": 9}, \"to\": {\"at\": \"2024-05-01\", \"id\": 10}, \"missing\": 2,"
            " \"extra\": 0, \"changed\": 0},"
            "{\"shard\": \"us1\", \"from\": {\"at\": \"2024-05-02\", \"id\": 1}, \"to\": {\"at\": \"2024-05-02\", \"id\": 1}, \"missing\": 1,"
            " \"extra\": 0, \"changed\": 0}]");
}
