/* Cancel flags and waiting on them.  The root's condition is shared by all lanes: it is signalled a few times in a run. */
#include "engine/stop.h"

#include <time.h>

#include "base/thread.h"

void stop_init(struct stop *s, struct stop *parent) {
  atomic_init(&s->mode, STOP_NONE);
  s->parent = parent;
  pthread_mutex_init(&s->lock, NULL);
  thread_cond_init(&s->changed);
}

void stop_fini(struct stop *s) {
  pthread_mutex_destroy(&s->lock);
  pthread_cond_destroy(&s->changed);
}

static struct stop *root_of(struct stop *s) { return s->parent ? s->parent : s; }

void stop_ask(struct stop *s, enum stop_mode mode) {
  struct stop *root = root_of(s);
  pthread_mutex_lock(&root->lock);
  if (atomic_load(&s->mode) < (int)mode)
    atomic_store(&s->mode, mode);
  pthread_cond_broadcast(&root->changed);
  pthread_mutex_unlock(&root->lock);
}

void stop_reset(struct stop *s) { atomic_store(&s->mode, STOP_NONE); }

void stop_wake(struct stop *s) {
  struct stop *root = root_of(s);
  pthread_mutex_lock(&root->lock);
  pthread_cond_broadcast(&root->changed);
  pthread_mutex_unlock(&root->lock);
}

bool stop_wait(struct stop *s, enum stop_mode until, int64_t ns) { return stop_wait_or(s, until, ns, NULL); }

static bool over(const struct stop *s, enum stop_mode until, const _Atomic bool *also) {
  return stop_mode(s) >= until || (also && atomic_load(also));
}

bool stop_wait_or(struct stop *s, enum stop_mode until, int64_t ns, const _Atomic bool *also) {
  struct stop *root = root_of(s);
  struct timespec ts;
  clock_gettime(CLOCK_MONOTONIC, &ts);
  ts.tv_sec += ns / 1000000000;
  ts.tv_nsec += ns % 1000000000;
  if (ts.tv_nsec >= 1000000000) {
    ts.tv_sec++;
    ts.tv_nsec -= 1000000000;
  }
  pthread_mutex_lock(&root->lock);
  int rc = 0;
  while (!over(s, until, also) && rc == 0)
    rc = pthread_cond_timedwait(&root->changed, &root->lock, &ts);
  bool asked = over(s, until, also);
  pthread_mutex_unlock(&root->lock);
  return asked;
}
