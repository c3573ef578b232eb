/* Lanes that wait for a run to be stopped, each for another mode; asked from other threads. */
#include <pthread.h>

#include "check.h"
#include "engine/stop.h"

enum { LANES = 8, ROUNDS = 100 };
#define LONG_NS (3600ll * 1000000000)

struct waiter {
  struct stop own;
  enum stop_mode until;
};
static void *wait_for_it(void *arg) {
  struct waiter *w = arg;
  CHECK(stop_wait(&w->own, w->until, LONG_NS));
  CHECK(stop_mode(&w->own) >= w->until);
  return NULL;
}
static void *ask(void *arg) {
  stop_ask(arg, STOP_FINISH);
  stop_ask(arg, STOP_NOW);
  stop_ask(arg, STOP_FINISH); /* never goes back */
  return NULL;
}

int main(void) {
  for (int round = 0; round < ROUNDS; round++) {
    struct stop run;
    struct waiter lanes[LANES];
    pthread_t threads[LANES], asker;
    stop_init(&run, NULL);
    for (int i = 0; i < LANES; i++) {
      stop_init(&lanes[i].own, &run);
      lanes[i].until = i % 2 ? STOP_NOW : STOP_FINISH;
      CHECK(pthread_create(&threads[i], NULL, wait_for_it, &lanes[i]) == 0);
    }
    CHECK(pthread_create(&asker, NULL, ask, &run) == 0);
    for (int i = 0; i < LANES; i++)
      pthread_join(threads[i], NULL);
    pthread_join(asker, NULL);
    CHECK(stop_mode(&run) == STOP_NOW);
    for (int i = 0; i < LANES; i++)
      stop_fini(&lanes[i].own);
    stop_fini(&run);
  }
  puts("1 passed, 0 failed");
  return 0;
}
