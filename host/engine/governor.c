/* Sessions are counted.  Rates are kept by two times for each shard, until which what was taken so far is paid for: who takes moves them
 * on and waits for them.  Time in which nothing was read is not saved up. */
#include "engine/governor.h"

#include <stdlib.h>
#include <string.h>

#include "base/units.h"

struct sessions {
  pthread_mutex_t lock;
  pthread_cond_t changed;
  int64_t limit; /* 0: none */
  int64_t taken;
};
struct gate {
  struct gate *next;
  struct governor *g;
  char *shard;
  struct sessions own, *sessions;
  pthread_mutex_t lock; /* of what follows */
  int64_t rows_paid_ns, bytes_paid_ns;
};
struct governor {
  struct conf_limits limits;
  const struct clock *clock;
  bool one_reader;
  struct sessions all; /* for one_reader */
  struct gate *gates;
};

static void sessions_init(struct sessions *s, int64_t limit) {
  *s = (struct sessions){.limit = limit};
  pthread_mutex_init(&s->lock, NULL);
  pthread_cond_init(&s->changed, NULL);
}

static void sessions_fini(struct sessions *s) {
  pthread_mutex_destroy(&s->lock);
  pthread_cond_destroy(&s->changed);
}

struct governor *governor_new(const struct conf_limits *limits, bool one_reader, const struct clock *clock) {
  struct governor *g = xcalloc(1, sizeof *g);
  *g = (struct governor){.limits = *limits, .clock = clock, .one_reader = one_reader};
  sessions_init(&g->all, 1);
  return g;
}

void governor_free(struct governor *g) {
  for (struct gate *gate = g ? g->gates : NULL, *next; gate; gate = next) {
    next = gate->next;
    sessions_fini(&gate->own);
    pthread_mutex_destroy(&gate->lock);
    free(gate->shard);
    free(gate);
  }
  if (g)
    sessions_fini(&g->all);
  free(g);
}

struct gate *governor_gate(struct governor *g, const char *shard) {
  struct gate *gate = g->gates;
  while (gate && strcmp(gate->shard, shard) != 0)
    gate = gate->next;
  if (gate)
    return gate;
  gate = xcalloc(1, sizeof *gate);
  gate->g = g;
  gate->shard = xstrdup(shard);
  sessions_init(&gate->own, g->limits.sessions);
  gate->sessions = g->one_reader ? &g->all : &gate->own;
  pthread_mutex_init(&gate->lock, NULL);
  gate->next = g->gates;
  g->gates = gate;
  return gate;
}

bool gate_enter(struct gate *gate, struct stop *stop) {
  struct sessions *s = gate->sessions;
  pthread_mutex_lock(&s->lock);
  while (s->limit && s->taken >= s->limit && stop_mode(stop) != STOP_NOW)
    pthread_cond_wait(&s->changed, &s->lock);
  bool let_in = stop_mode(stop) != STOP_NOW;
  s->taken += let_in;
  pthread_mutex_unlock(&s->lock);
  return let_in;
}

void gate_leave(struct gate *gate) {
  struct sessions *s = gate->sessions;
  pthread_mutex_lock(&s->lock);
  s->taken--;
  pthread_cond_broadcast(&s->changed); /* not just one: it may be one that was asked to stop */
  pthread_mutex_unlock(&s->lock);
}

void gate_wake(void *arg) {
  struct sessions *s = ((struct gate *)arg)->sessions;
  pthread_mutex_lock(&s->lock);
  pthread_cond_broadcast(&s->changed);
  pthread_mutex_unlock(&s->lock);
}

/* The wait for n at `rate` a second, and what came before. */
static int64_t pay(int64_t *paid_ns, int64_t now, int64_t n, int64_t rate) {
  if (rate == 0)
    return 0;
  if (*paid_ns < now)
    *paid_ns = now;
  *paid_ns += n / rate * NS_PER_SEC + (int64_t)((double)(n % rate) / (double)rate * (double)NS_PER_SEC);
  return *paid_ns - now;
}

int64_t gate_take(struct gate *gate, int64_t rows, int64_t bytes) {
  const struct governor *g = gate->g;
  if (g->limits.rows_per_second == 0 && g->limits.bytes_per_second == 0)
    return 0;
  pthread_mutex_lock(&gate->lock);
  int64_t now = g->clock->mono_ns(g->clock);
  int64_t for_rows = pay(&gate->rows_paid_ns, now, rows, g->limits.rows_per_second);
  int64_t for_bytes = pay(&gate->bytes_paid_ns, now, bytes, g->limits.bytes_per_second);
  pthread_mutex_unlock(&gate->lock);
  return for_rows > for_bytes ? for_rows : for_bytes;
}
