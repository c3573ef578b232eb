/* engine/turn.h: calls into a connector with ETL_CAP_ONE_AT_A_TIME, one after the other over all its instances.  A call that never comes
 * back would keep all others waiting for ever: then the turn is lost, and whoever waits, or comes later, is told so.  Any thread. */
#ifndef HOST_ENGINE_TURN_H
#define HOST_ENGINE_TURN_H

#include <pthread.h>
#include <stdbool.h>

struct turn {
  pthread_mutex_t lock;
  pthread_cond_t changed;
  bool taken, lost;
};
void turn_init(struct turn *t);
void turn_fini(struct turn *t);
bool turn_take(struct turn *t); /* false: it is lost */
void turn_give(struct turn *t);
void turn_lose(struct turn *t);

#endif
