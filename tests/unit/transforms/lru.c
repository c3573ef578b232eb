/* The LRU cache against a plain list kept beside it. */
#include <criterion/criterion.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#include "lru.h"

static struct etl_bytes key_of(unsigned *k) { return (struct etl_bytes){k, sizeof *k}; }

/* How many of the keys below n are there; they must be the ones that were put last. */
static size_t kept_of(struct lru *c, unsigned n) {
  unsigned k = n;
  while (k > 0 && lru_get(c, key_of(&(unsigned){k - 1})))
    k--;
  for (unsigned older = 0; older < k; older++)
    cr_assert_null(lru_get(c, key_of(&older)), "%u", older);
  return n - k;
}

Test(lru, gives_back_what_was_put) {
  struct lru *c = lru_new(4, 1000);
  cr_assert_null(lru_get(c, (struct etl_bytes){"a", 1}));
  lru_put(c, (struct etl_bytes){"a", 1}, "value", 6);
  lru_put(c, (struct etl_bytes){"", 0}, "empty", 6);
  cr_assert_str_eq(lru_get(c, (struct etl_bytes){"a", 1}), "value");
  cr_assert_str_eq(lru_get(c, (struct etl_bytes){"", 0}), "empty");
  cr_assert_null(lru_get(c, (struct etl_bytes){"a\0", 2}));
  cr_assert_eq((uintptr_t)lru_get(c, (struct etl_bytes){"a", 1}) % 8, 0);
  lru_free(c);
}

Test(lru, drops_the_least_recently_used_exactly) {
  enum {
    ENTRIES = 7,
    KEYS = 20,
    STEPS = 20000
  };
  struct lru *c = lru_new(ENTRIES, 1 << 20);
  unsigned order[ENTRIES + 1], n = 0, seed = 1; /* most recent first */
  for (unsigned step = 0; step < STEPS; step++) {
    unsigned k = (seed = seed * 1103515245 + 12345) >> 16, at = 0;
    k %= KEYS;
    while (at < n && order[at] != k)
      at++;
    const unsigned *v = lru_get(c, key_of(&k));
    cr_assert_eq(v != NULL, at < n, "step %u key %u", step, k);
    if (v)
      cr_assert_eq(*v, k * 3);
    else {
      unsigned value = k * 3;
      lru_put(c, key_of(&k), &value, sizeof value);
      n += n < ENTRIES;
      at = n - 1;
    }
    memmove(order + 1, order, at * sizeof *order);
    order[0] = k;
  }
  lru_free(c);
}

Test(lru, is_bounded_by_bytes) {
  struct lru *c = lru_new(1000, 4096);
  char value[1000] = "";
  for (unsigned k = 0; k < 100; k++)
    lru_put(c, key_of(&k), value, sizeof value);
  unsigned last = 99, big = 200;
  size_t kept = kept_of(c, 100);
  cr_assert(kept >= 2 && kept <= 4, "%zu", kept);
  cr_assert_not_null(lru_get(c, key_of(&last)));
  char *huge = calloc(1, 5000);
  lru_put(c, key_of(&big), huge, 5000);
  free(huge);
  cr_assert_null(lru_get(c, key_of(&big)));
  cr_assert_not_null(lru_get(c, key_of(&last)));
  lru_free(c);
}

static size_t allocated(void) {
  struct mallinfo2 m = mallinfo2();
  return m.uordblks + m.hblkhd;
}

Test(lru, takes_no_more_memory_than_it_may_for_however_many_entries) {
  enum {
    BYTES = 1 << 20,
    OVERHEAD = 3 * BYTES / 5 /* malloc's own, of small entries */
  };
  size_t before = allocated();
  struct lru *c = lru_new((size_t)1 << 30, BYTES);
  cr_assert_not_null(c);
  cr_expect(allocated() - before < 10000, "%zu", allocated() - before);
  for (unsigned k = 0; k < 100000; k++)
    lru_put(c, key_of(&k), &k, sizeof k);
  cr_expect(allocated() - before < BYTES + OVERHEAD, "%zu", allocated() - before);
  size_t entries = kept_of(c, 100000);
  cr_expect(entries > 10000 && entries < 20000, "%zu", entries);
  lru_free(c);
}

Test(lru, of_no_entries_keeps_nothing) {
  struct lru *c = lru_new(0, 0);
  unsigned k = 1;
  lru_put(c, key_of(&k), &k, sizeof k);
  cr_assert_null(lru_get(c, key_of(&k)));
  lru_free(c);
  lru_free(NULL);
}
