/* A question belongs to its thread and to who waits for it; the last one frees it. */
#include "store/resolve.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/thread.h"
#include "base/units.h"

struct resolving {
  pthread_mutex_t lock; /* of all below */
  pthread_cond_t answered;
  char *names;
  resolve_fn *ask;
  void *arg;
  bool done;
  int users;
};

void resolve_name(const char *name, void *unused) {
  struct addrinfo *found = NULL, hints = {.ai_socktype = SOCK_STREAM};
  (void)unused;
  if (getaddrinfo(name, NULL, &hints, &found) == 0)
    freeaddrinfo(found);
}

static void leave(struct resolving *q) { /* takes the lock that is held */
  bool last = --q->users == 0;
  pthread_mutex_unlock(&q->lock);
  if (!last)
    return;
  pthread_mutex_destroy(&q->lock);
  pthread_cond_destroy(&q->answered);
  free(q->names);
  free(q);
}

static void *ask_all(void *arg) {
  struct resolving *q = arg;
  cleanup_free char *names = xstrdup(q->names);
  char *rest = NULL;
  for (char *name = strtok_r(names, ",", &rest); name; name = strtok_r(NULL, ",", &rest))
    if (*name != '/')
      q->ask(name, q->arg);
  pthread_mutex_lock(&q->lock);
  q->done = true;
  pthread_cond_signal(&q->answered);
  leave(q);
  return NULL;
}

/* NULL: there is no thread to be had. */
static struct resolving *begin(const char *names, resolve_fn *ask, void *arg) {
  struct resolving *q = xcalloc(1, sizeof *q);
  pthread_t thread;
  *q = (struct resolving){.names = xstrdup(names), .ask = ask, .arg = arg, .users = 2};
  pthread_mutex_init(&q->lock, NULL);
  thread_cond_init(&q->answered);
  if (thread_beside(&thread, ask_all, q) == 0) {
    pthread_detach(thread);
    return q;
  }
  q->users = 1;
  resolve_forget(q);
  return NULL;
}

bool resolve_within(struct resolving **pending, const char *names, int ms, resolve_fn *ask, void *arg) {
  struct resolving *q = *pending ? *pending : begin(names, ask, arg);
  int64_t until = clock_mono_ns() + ms * NS_PER_MS;
  const struct timespec at = {.tv_sec = until / NS_PER_SEC, .tv_nsec = until % NS_PER_SEC};
  *pending = NULL;
  if (!q)
    return true; /* whoever connects asks, then */
  pthread_mutex_lock(&q->lock);
  while (!q->done && pthread_cond_timedwait(&q->answered, &q->lock, &at) != ETIMEDOUT)
    ;
  if (q->done) {
    leave(q);
    return true;
  }
  pthread_mutex_unlock(&q->lock);
  *pending = q;
  return false;
}

void resolve_forget(struct resolving *pending) {
  if (!pending)
    return;
  pthread_mutex_lock(&pending->lock);
  leave(pending);
}
