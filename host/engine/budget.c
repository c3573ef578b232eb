/* The memory budget of a run.  Each allocation has a 64-byte head that knows its budget, so that it can be freed from anywhere. */
#include "engine/budget.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "base/thread.h"

struct budget {
  pthread_mutex_t lock;
  pthread_cond_t freed;
  int64_t limit, used, wait_ns;
  uint64_t frees; /* grows with every free: a waiter sees that something moves */
  int64_t refs;   /* the owner and every allocation */
  bool stopped;
};
struct head {
  _Alignas(64) struct budget *budget;
  int64_t size;
};

struct budget *budget_new(int64_t limit_bytes, int64_t wait_ns) {
  struct budget *b = xcalloc(1, sizeof *b);
  pthread_mutex_init(&b->lock, NULL);
  thread_cond_init(&b->freed);
  b->limit = limit_bytes;
  b->wait_ns = wait_ns;
  b->refs = 1;
  return b;
}

static void wait_deadline(int64_t ns, struct timespec *ret_ts) {
  clock_gettime(CLOCK_MONOTONIC, ret_ts);
  ret_ts->tv_sec += ns / 1000000000;
  ret_ts->tv_nsec += ns % 1000000000;
  if (ret_ts->tv_nsec >= 1000000000) {
    ret_ts->tv_sec++;
    ret_ts->tv_nsec -= 1000000000;
  }
}

/* With the lock held: waits until size fits.  False: it will not. */
static bool wait_for_room(struct budget *b, int64_t size) {
  while (b->used + size > b->limit) {
    if (b->stopped || size > b->limit)
      return false;
    struct timespec ts;
    wait_deadline(b->wait_ns, &ts);
    uint64_t seen = b->frees;
    while (b->frees == seen && !b->stopped)
      if (pthread_cond_timedwait(&b->freed, &b->lock, &ts) != 0)
        return false;
  }
  return true;
}

void *budget_alloc(struct budget *b, uint64_t size) {
  if (size > INT64_MAX / 2)
    return NULL;
  int64_t total = (int64_t)((sizeof(struct head) + size + 63) & ~(uint64_t)63);
  pthread_mutex_lock(&b->lock);
  bool fits = wait_for_room(b, total);
  if (fits) {
    b->used += total;
    b->refs++;
  }
  pthread_mutex_unlock(&b->lock);
  struct head *h = fits ? aligned_alloc(64, (size_t)total) : NULL;
  if (!h && fits) {
    pthread_mutex_lock(&b->lock);
    b->used -= total;
    b->refs--; /* the owner's reference is still there */
    pthread_mutex_unlock(&b->lock);
  }
  if (!h)
    return NULL;
  h->budget = b;
  h->size = total;
  return h + 1;
}

static void drop_ref(struct budget *b, int64_t size) {
  pthread_mutex_lock(&b->lock);
  b->used -= size;
  b->frees++;
  bool last = --b->refs == 0;
  pthread_cond_broadcast(&b->freed);
  pthread_mutex_unlock(&b->lock);
  if (!last)
    return;
  pthread_cond_destroy(&b->freed);
  pthread_mutex_destroy(&b->lock);
  free(b);
}

void budget_free_mem(void *p) {
  if (!p)
    return;
  struct head *h = (struct head *)p - 1;
  struct budget *b = h->budget;
  int64_t size = h->size;
  free(h);
  drop_ref(b, size);
}

void budget_stop(struct budget *b) {
  pthread_mutex_lock(&b->lock);
  b->stopped = true;
  pthread_cond_broadcast(&b->freed);
  pthread_mutex_unlock(&b->lock);
}

void budget_unref(struct budget *b) { drop_ref(b, 0); }
