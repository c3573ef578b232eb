/* Arenas: where their pieces lie, and what they leave behind. */
#include <criterion/criterion.h>
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/mem.h"

Test(arena, pieces_are_zeroed_and_aligned) {
  struct arena *a = arena_new();
  for (size_t align = 1; align <= 64; align *= 2)
    for (size_t size = 1; size < 100000; size = size * 3 + align) {
      unsigned char *p = arena_alloc_aligned(a, size, align);
      cr_assert_eq((uintptr_t)p % align, 0);
      cr_assert(p[0] == 0 && p[size - 1] == 0);
      p[0] = p[size - 1] = 1;
    }
  arena_reset(a);
  cr_expect_eq(*arena_strdup(a, "x"), 'x');
  arena_free(a);
}

Test(arena, a_list_that_grows_is_seldom_moved) {
  enum { TIMES = 5000 };
  struct arena *a = arena_new();
  int64_t *list = NULL;
  size_t moved = 0;
  for (size_t i = 0; i < TIMES; i++) {
    const int64_t *before = list;
    list = arena_more(a, list, i, sizeof *list);
    moved += list != before;
    cr_assert_eq(list[i], 0);
    list[i] = (int64_t)i;
  }
  for (size_t i = 0; i < TIMES; i++)
    cr_assert_eq(list[i], (int64_t)i);
  cr_expect_eq(moved, 14);
  arena_free(a);
}

/* Small things that stay are allocated between arenas that come and go. */
Test(arena, many_of_them_leave_no_holes) {
  enum { TIMES = 2000 };
  static char *stays[TIMES];
  for (size_t i = 0; i < TIMES; i++) {
    struct arena *one = arena_new(), *other = arena_new();
    arena_alloc(one, 100);
    arena_alloc(other, 100);
    stays[i] = xstrdup("it stays, for as long as the next thousand of these");
    arena_free(one);
    arena_free(other);
  }
  cr_expect_lt(mallinfo2().arena, 4u << 20, "%zu bytes", mallinfo2().arena);
  for (size_t i = 0; i < TIMES; i++)
    free(stays[i]);
}
