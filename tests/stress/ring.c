/* Two threads over one ring, and a third that stops it: nothing is lost, doubled, out of order, or over the bounds.  Run under
 * ThreadSanitizer; a failed check ends the program. */
#include <pthread.h>

#include "check.h"
#include "engine/ring.h"

enum { ITEMS = 40000, ROUNDS = 200, SLOTS = 4, CURSOR_BYTES = 8 };

/* An item whose number is its cursor. */
static struct item *numbered(int64_t n) {
  struct etl_msg m = {.struct_size = sizeof m, .flags = ETL_M_CURSOR, .cursor = {&n, CURSOR_BYTES}};
  return item_new(&m);
}
static int64_t number_of(const struct item *it) {
  int64_t n;
  memcpy(&n, it->msg.cursor.p, sizeof n);
  return n;
}

static void *produce(void *arg) {
  struct ring *r = arg;
  for (int64_t i = 0; i < ITEMS; i++)
    CHECK(ring_push(r, numbered(i)) == RING_OK);
  return NULL;
}
static void in_order(void) {
  struct ring *r = ring_new(SLOTS, 1 << 20);
  pthread_t producer;
  CHECK(pthread_create(&producer, NULL, produce, r) == 0);
  for (int64_t i = 0; i < ITEMS; i++) {
    struct item *it;
    CHECK(ring_pop(r, 0, &it) == RING_OK);
    CHECK(number_of(it) == i);
    item_free(it);
  }
  pthread_join(producer, NULL);
  ring_free(r);
}

static void *produce_until_stopped(void *arg) {
  int64_t n = 0;
  while (ring_push(arg, numbered(n)) == RING_OK)
    n++;
  return (void *)(intptr_t)n;
}
static void *consume_until_stopped(void *arg) {
  struct item *it;
  int64_t n = 0;
  while (ring_pop(arg, 0, &it) == RING_OK) {
    CHECK(number_of(it) == n);
    n++;
    item_free(it);
  }
  return (void *)(intptr_t)n;
}
/* Stopped while both sides are busy: both come back, and what stayed inside is freed (leaks are found by the other build). */
static void stopped_in_between(void) {
  for (int i = 0; i < ROUNDS; i++) {
    struct ring *r = ring_new(SLOTS, 1 << 20);
    pthread_t producer, consumer;
    void *pushed, *popped;
    CHECK(pthread_create(&producer, NULL, produce_until_stopped, r) == 0);
    CHECK(pthread_create(&consumer, NULL, consume_until_stopped, r) == 0);
    ring_stop(r);
    pthread_join(producer, &pushed);
    pthread_join(consumer, &popped);
    CHECK((intptr_t)popped <= (intptr_t)pushed && (intptr_t)pushed - (intptr_t)popped <= SLOTS);
    ring_free(r);
  }
}

/* An empty ring with a deadline in the past answers at once. */
static void deadline_passes(void) {
  struct ring *r = ring_new(SLOTS, 1 << 20);
  struct item *it;
  CHECK(ring_pop(r, 1, &it) == RING_TIMEOUT);
  ring_free(r);
}

int main(void) {
  in_order();
  stopped_in_between();
  deadline_passes();
  puts("3 passed, 0 failed");
  return 0;
}
