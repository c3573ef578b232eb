/* Many threads that allocate from one small budget: never over the limit, all of it given back, and waiting ones wake up when it is
 * stopped. */
#include <pthread.h>
#include <stdatomic.h>

#include "check.h"
#include "engine/budget.h"

enum { THREADS = 6, TURNS = 3000, PIECE = 4096, LIMIT = 4 * PIECE, PATIENCE_NS = 2000000000 };

struct till {
  struct budget *b;
  atomic_long taken; /* never more than the budget thinks, as it is counted later and given back earlier */
};
static void *take_and_give(void *arg) {
  struct till *t = arg;
  for (int i = 0; i < TURNS; i++) {
    long size = PIECE - 64 * (i % 3);
    unsigned char *p = budget_alloc(t->b, (uint64_t)size);
    CHECK(p != NULL);
    CHECK(((uintptr_t)p & 63) == 0);
    memset(p, i, 64);
    CHECK(atomic_fetch_add(&t->taken, size) + size <= LIMIT);
    atomic_fetch_sub(&t->taken, size);
    budget_free_mem(p);
  }
  return NULL;
}
static void never_over_the_limit(void) {
  struct till t = {.b = budget_new(LIMIT, PATIENCE_NS)};
  pthread_t threads[THREADS];
  for (int i = 0; i < THREADS; i++)
    CHECK(pthread_create(&threads[i], NULL, take_and_give, &t) == 0);
  for (int i = 0; i < THREADS; i++)
    pthread_join(threads[i], NULL);
  void *all = budget_alloc(t.b, LIMIT - 64); /* with the head of the piece it is the whole limit */
  CHECK(all != NULL);
  budget_free_mem(all);
  budget_unref(t.b);
}

static void *take_too_much(void *arg) { return budget_alloc(arg, LIMIT); }
static void stop_wakes(void) {
  struct budget *b = budget_new(LIMIT, 3600ll * 1000000000);
  void *held = budget_alloc(b, PIECE), *got;
  pthread_t waiter;
  CHECK(pthread_create(&waiter, NULL, take_too_much, b) == 0);
  budget_stop(b);
  pthread_join(waiter, &got);
  CHECK(got == NULL);
  budget_unref(b);
  budget_free_mem(held); /* after the run: the budget lives until then */
}

int main(void) {
  never_over_the_limit();
  stop_wakes();
  puts("2 passed, 0 failed");
  return 0;
}
