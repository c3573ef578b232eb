/* engine/stop.h: cancel, as seen by everything that waits or loops in a worker.  Any thread.  A lane has its own, whose parent is the
 * run's: what is asked of the run is asked of each lane. */
#ifndef HOST_ENGINE_STOP_H
#define HOST_ENGINE_STOP_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum stop_mode {
  STOP_NONE = 0,
  STOP_FINISH, /* commit the epoch in hand, then end */
  STOP_NOW     /* give up the epoch in hand */
};
struct stop {
  _Atomic int mode; /* enum stop_mode, only grows until stop_reset() */
  struct stop *parent;
  pthread_mutex_t lock; /* of the root only */
  pthread_cond_t changed;
};
void stop_init(struct stop *s, struct stop *parent);
void stop_fini(struct stop *s);
void stop_ask(struct stop *s, enum stop_mode mode);
void stop_reset(struct stop *s); /* a lane's, between two attempts, when none of its threads runs */
static inline enum stop_mode stop_mode(const struct stop *s) {
  int own = atomic_load_explicit(&s->mode, memory_order_relaxed);
  int up = s->parent ? atomic_load_explicit(&s->parent->mode, memory_order_relaxed) : 0;
  return (enum stop_mode)(own > up ? own : up);
}
/* Waits until the mode is at least `until`, at most ns.  True: it is. */
bool stop_wait(struct stop *s, enum stop_mode until, int64_t ns);
/* The same, or until *also; whoever sets it calls stop_wake().  True: either is. */
bool stop_wait_or(struct stop *s, enum stop_mode until, int64_t ns, const _Atomic bool *also);
void stop_wake(struct stop *s);

#endif
