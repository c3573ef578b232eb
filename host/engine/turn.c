/* A lock whose holder can be given up. */
#include "engine/turn.h"

void turn_init(struct turn *t) {
  *t = (struct turn){0};
  pthread_mutex_init(&t->lock, NULL);
  pthread_cond_init(&t->changed, NULL);
}

void turn_fini(struct turn *t) {
  pthread_mutex_destroy(&t->lock);
  pthread_cond_destroy(&t->changed);
}

bool turn_take(struct turn *t) {
  pthread_mutex_lock(&t->lock);
  while (t->taken && !t->lost)
    pthread_cond_wait(&t->changed, &t->lock);
  bool mine = !t->lost;
  t->taken |= mine;
  pthread_mutex_unlock(&t->lock);
  return mine;
}

void turn_give(struct turn *t) {
  pthread_mutex_lock(&t->lock);
  t->taken = false;
  pthread_cond_signal(&t->changed);
  pthread_mutex_unlock(&t->lock);
}

void turn_lose(struct turn *t) {
  pthread_mutex_lock(&t->lock);
  t->lost = true;
  pthread_cond_broadcast(&t->changed);
  pthread_mutex_unlock(&t->lock);
}
