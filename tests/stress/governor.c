/* Many readers at the gates of few shards: never more inside than allowed, nobody is forgotten, and who is stopped comes back. */
#include <pthread.h>

#include "check.h"
#include "engine/governor.h"

enum { READERS = 24, SHARDS = 3, TIMES = 300, SESSIONS = 2, ROUNDS = 50 };

struct shard {
  struct gate *gate;
  atomic_int inside, most;
  atomic_long taken;
};
struct reader {
  struct shard *shard;
  struct stop *stop;
  int times;
};

static void *read_on(void *arg) {
  struct reader *r = arg;
  struct shard *s = r->shard;
  for (int i = 0; i < r->times && gate_enter(s->gate, r->stop); i++) {
    int now = atomic_fetch_add(&s->inside, 1) + 1, most = atomic_load(&s->most);
    while (now > most && !atomic_compare_exchange_weak(&s->most, &most, now))
      ;
    CHECK(gate_take(s->gate, 1, 100) >= 0);
    atomic_fetch_add(&s->taken, 1);
    atomic_fetch_sub(&s->inside, 1);
    gate_leave(s->gate);
  }
  return NULL;
}

static void play(bool one_reader, bool stopped) {
  struct conf_limits limits = {.sessions = SESSIONS, .rows_per_second = 1000000, .bytes_per_second = 1000000000};
  struct governor *g = governor_new(&limits, one_reader, &clock_system);
  struct shard shards[SHARDS] = {0};
  struct reader readers[READERS];
  pthread_t threads[READERS];
  struct stop stop;
  stop_init(&stop, NULL);
  for (int i = 0; i < SHARDS; i++)
    shards[i].gate = governor_gate(g, (const char *const[]){"a", "b", "c"}[i]);
  for (int i = 0; i < READERS; i++) {
    readers[i] = (struct reader){&shards[i % SHARDS], &stop, stopped ? 1 << 30 : TIMES};
    CHECK(pthread_create(&threads[i], NULL, read_on, &readers[i]) == 0);
  }
  if (stopped) {
    stop_ask(&stop, STOP_NOW);
    for (int i = 0; i < SHARDS; i++)
      gate_wake(shards[i].gate);
  }
  for (int i = 0; i < READERS; i++)
    pthread_join(threads[i], NULL);
  for (int i = 0; i < SHARDS; i++) {
    CHECK(atomic_load(&shards[i].most) <= (one_reader ? 1 : SESSIONS));
    CHECK(stopped || atomic_load(&shards[i].taken) == READERS / SHARDS * TIMES);
  }
  governor_free(g);
  stop_fini(&stop);
}

int main(void) {
  play(false, false);
  play(true, false);
  for (int i = 0; i < ROUNDS; i++)
    play(i % 2, true);
  puts("1 passed, 0 failed");
  return 0;
}
