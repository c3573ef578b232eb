/* Many threads, one turn: never two at once; when it is lost, all that wait come back. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "check.h"
#include "engine/turn.h"

enum { THREADS = 16, TIMES = 2000 };

struct shared {
  struct turn turn;
  atomic_int inside;
  long calls; /* guarded by the turn alone */
};

static void *call_often(void *arg) {
  struct shared *s = arg;
  for (int i = 0; i < TIMES; i++) {
    CHECK(turn_take(&s->turn));
    CHECK(atomic_fetch_add(&s->inside, 1) == 0);
    s->calls++;
    atomic_fetch_sub(&s->inside, 1);
    turn_give(&s->turn);
  }
  return NULL;
}

static void *call_once(void *arg) { return (void *)(intptr_t)turn_take(&((struct shared *)arg)->turn); }

int main(void) {
  struct shared s = {0};
  pthread_t threads[THREADS];
  turn_init(&s.turn);
  for (int i = 0; i < THREADS; i++)
    CHECK(pthread_create(&threads[i], NULL, call_often, &s) == 0);
  for (int i = 0; i < THREADS; i++)
    pthread_join(threads[i], NULL);
  CHECK(s.calls == (long)THREADS * TIMES);
  CHECK(turn_take(&s.turn)); /* and it does not come back */
  for (int i = 0; i < THREADS; i++)
    CHECK(pthread_create(&threads[i], NULL, call_once, &s) == 0);
  turn_lose(&s.turn);
  for (int i = 0; i < THREADS; i++) {
    void *mine;
    pthread_join(threads[i], &mine);
    CHECK(!mine);
  }
  turn_fini(&s.turn);
  puts("1 passed, 0 failed");
  return 0;
}
