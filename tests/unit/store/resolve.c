/* Names whose addresses nobody knows in time. */
#include <criterion/criterion.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/units.h"
#include "store/resolve.h"

struct asked {
  int gate; /* read before the answer for b */
  int told; /* written after it */
  atomic_int n;
};

static void wait_at_gate(const char *name, void *arg) {
  struct asked *a = arg;
  char byte;
  bool waits = strcmp(name, "b") == 0;
  if (waits && read(a->gate, &byte, 1) != 1)
    return;
  atomic_fetch_add(&a->n, 1);
  if (waits && a->told && write(a->told, "x", 1) != 1)
    return;
}

Test(resolve, does_not_wait_longer_than_it_may) {
  int gate[2];
  cr_assert_eq(pipe(gate), 0);
  struct asked a = {.gate = gate[0]};
  struct resolving *pending = NULL;
  cr_assert(resolve_within(&pending, "a,/run/postgresql,c", 10000, wait_at_gate, &a));
  cr_expect_null(pending);
  cr_expect_eq(atomic_load(&a.n), 2, "a socket's folder is no name");
  int64_t began = clock_mono_ns();
  cr_assert_not(resolve_within(&pending, "a,b,c", 50, wait_at_gate, &a));
  cr_expect(clock_mono_ns() - began >= 50 * NS_PER_MS && clock_mono_ns() - began < 5 * NS_PER_SEC);
  cr_assert_not(resolve_within(&pending, "a,b,c", 10, wait_at_gate, &a), "the same question, still");
  cr_assert_eq(write(gate[1], "x", 1), 1);
  cr_assert(resolve_within(&pending, "a,b,c", 10000, wait_at_gate, &a));
  cr_expect_eq(atomic_load(&a.n), 5, "nobody asked twice");
  cr_expect_null(pending);
}

Test(resolve, may_be_forgotten) {
  int gate[2], told[2];
  char byte;
  cr_assert(pipe(gate) == 0 && pipe(told) == 0);
  struct asked a = {.gate = gate[0], .told = told[1]};
  struct resolving *pending = NULL;
  cr_assert_not(resolve_within(&pending, "b", 1, wait_at_gate, &a));
  resolve_forget(pending);
  resolve_forget(NULL);
  cr_assert_eq(write(gate[1], "x", 1), 1);
  cr_assert_eq(read(told[0], &byte, 1), 1);
}
