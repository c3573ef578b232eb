/* The heap of due times against a plain search. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "sched/due.h"
#include "sched/next.h"

enum { MANY = 10000 };

static void expect_first(const struct due *d, size_t index, int64_t at_ns) {
  size_t i = 0;
  int64_t at = 0;
  cr_assert(due_first(d, &i, &at));
  cr_expect_eq(i, index);
  cr_expect_eq(at, at_ns);
}

Test(due, order) {
  struct due *d = due_new();
  size_t i;
  int64_t at;
  cr_expect_not(due_first(d, &i, &at));
  due_set(d, 5, 30);
  due_set(d, 0, 20);
  due_set(d, 9, 20);
  expect_first(d, 0, 20);
  due_set(d, 0, 40);
  expect_first(d, 9, 20);
  due_remove(d, 9);
  due_remove(d, 9);
  due_remove(d, 1000);
  expect_first(d, 5, 30);
  cr_expect_eq(due_at_ns(d, 9), SCHED_NEVER);
  cr_expect_eq(due_at_ns(d, 0), 40);
  due_set(d, 5, SCHED_NEVER);
  expect_first(d, 0, 40);
  cr_expect_eq(due_count(d), 1);
  due_free(d);
  due_free(NULL);
}

Test(due, many_moved_about) {
  struct due *d = due_new();
  int64_t *times = calloc(MANY, sizeof *times);
  unsigned seed = 3;
  for (size_t i = 0; i < MANY; i++)
    times[i] = SCHED_NEVER;
  for (int step = 0; step < 5 * MANY; step++) {
    size_t i = (size_t)rand_r(&seed) % MANY;
    times[i] = rand_r(&seed) % 4 ? rand_r(&seed) % 1000 : SCHED_NEVER;
    due_set(d, i, times[i]);
  }
  int64_t last = -1, at;
  size_t index, last_index = 0, n = due_count(d), came = 0;
  for (; due_first(d, &index, &at); came++, last = at, last_index = index) {
    cr_assert(at > last || (at == last && index > last_index));
    cr_assert_eq(at, times[index]);
    cr_assert_eq(due_at_ns(d, index), at);
    times[index] = SCHED_NEVER;
    due_remove(d, index);
  }
  cr_expect_eq(came, n);
  for (size_t i = 0; i < MANY; i++)
    cr_assert_eq(times[i], SCHED_NEVER);
  free(times);
  due_free(d);
}
