/* Byte strings numbered as they come: many of them, of one length and of several, and a map used again. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "keymap.h"

enum {
  MANY = 20000
};

static struct etl_bytes key(char *to, size_t size, int i, bool padded) {
  return (struct etl_bytes){to, (uint64_t)snprintf(to, size, padded ? "%08d" : "%d", i)};
}

static void fill(struct keymap *m, bool padded) {
  char text[32];
  bool fresh;
  for (int i = 0; i < MANY; i++) {
    cr_assert_eq(keymap_add(m, key(text, sizeof text, i, padded), &fresh), i);
    cr_assert(fresh);
  }
  for (int i = 0; i < MANY; i++) {
    cr_assert_eq(keymap_find(m, key(text, sizeof text, i, padded)), i);
    cr_assert_eq(keymap_add(m, key(text, sizeof text, i, padded), &fresh), i);
    cr_assert_not(fresh);
  }
  cr_assert_eq(keymap_find(m, key(text, sizeof text, MANY, padded)), -1);
  cr_assert_eq(keymap_count(m), (size_t)MANY);
}

Test(keymap, keys_of_one_length) {
  struct keymap *m = keymap_new();
  fill(m, true);
  keymap_free(m);
}

Test(keymap, keys_of_several_lengths) {
  struct keymap *m = keymap_new();
  fill(m, false);
  keymap_free(m);
}

/* After a clear nothing of the old keys is found, and their length is forgotten. */
Test(keymap, cleared) {
  struct keymap *m = keymap_new();
  char text[32];
  fill(m, true);
  keymap_clear(m);
  cr_assert_eq(keymap_count(m), 0u);
  cr_assert_eq(keymap_find(m, key(text, sizeof text, 1, true)), -1);
  fill(m, false);
  keymap_free(m);
}

Test(keymap, empty_and_binary) {
  struct keymap *m = keymap_new();
  bool fresh;
  cr_assert_eq(keymap_find(m, (struct etl_bytes){NULL, 0}), -1);
  cr_assert_eq(keymap_add(m, (struct etl_bytes){NULL, 0}, &fresh), 0);
  cr_assert_eq(keymap_add(m, (struct etl_bytes){"\0", 1}, &fresh), 1);
  cr_assert_eq(keymap_add(m, (struct etl_bytes){"\0\0", 2}, &fresh), 2);
  cr_assert_eq(keymap_find(m, (struct etl_bytes){"", 0}), 0);
  cr_assert_eq(keymap_find(m, (struct etl_bytes){"\0\0", 2}), 2);
  cr_assert_gt(keymap_size_bytes(m), 0u);
  keymap_free(m);
}
