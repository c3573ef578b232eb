/* Items and the ring between two stages: a mutex and two condition variables. */
#include "engine/ring.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "base/thread.h"
#include "etl/sdk.h"

/* Bytes of a column as far as its format is known.  This only weighs an item, so offsets that make no sense (or are 64 bit wide, which
 * cannot be told here) count as nothing instead of being believed. */
static int64_t column_bytes(const struct ArrowArray *a) {
  int64_t length = a->length > 0 && a->length <= INT32_MAX ? a->length : 0;
  if (a->n_buffers == 3 && a->buffers[1] && length > 0 && a->offset >= 0) {
    const int32_t *o = (const int32_t *)a->buffers[1];
    int64_t bytes = (int64_t)o[a->offset + length] - o[a->offset];
    return (bytes > 0 ? bytes : 0) + 4 * length;
  }
  return 8 * length;
}

struct item *item_new(struct etl_msg *m) {
  struct item *it = xcalloc(1, sizeof *it);
  it->msg = (struct etl_msg){.struct_size = sizeof it->msg, .flags = m->flags, .lag_ns = m->lag_ns, .src_bytes = m->src_bytes};
  etl_schema_move(&m->schema, &it->msg.schema);
  etl_array_move(&m->rows, &it->msg.rows);
  if (it->msg.rows.release) {
    it->rows = it->msg.rows.length;
    for (int64_t i = 0; i < it->msg.rows.n_children; i++)
      it->bytes += column_bytes(it->msg.rows.children[i]);
  }
  if ((m->flags & ETL_M_CURSOR) && m->cursor.p) {
    void *p = xcalloc(1, m->cursor.n + 1);
    memcpy(p, m->cursor.p, m->cursor.n);
    it->msg.cursor = (struct etl_bytes){p, m->cursor.n};
  }
  return it;
}

void item_free(struct item *it) {
  if (!it)
    return;
  etl_schema_release(&it->msg.schema);
  etl_array_release(&it->msg.rows);
  free((void *)it->msg.cursor.p);
  rejects_clear(&it->rejects);
  captures_clear(&it->captures);
  free(it->numbers);
  stream_decl_free(it->decl);
  free(it->flows);
  free(it);
}

void stream_decl_free(struct stream_decl *d) {
  if (d)
    arena_free(d->arena); /* which holds d too */
}

struct ring {
  pthread_mutex_t lock;
  pthread_cond_t filled, drained;
  struct item **slots;
  uint32_t max_items, head, count;
  int64_t max_bytes, bytes;
  bool stopped;
};

struct ring *ring_new(uint32_t max_items, int64_t max_bytes) {
  struct ring *r = xcalloc(1, sizeof *r);
  pthread_mutex_init(&r->lock, NULL);
  thread_cond_init(&r->filled);
  thread_cond_init(&r->drained);
  r->slots = xcalloc(max_items, sizeof *r->slots);
  r->max_items = max_items;
  r->max_bytes = max_bytes;
  return r;
}

void ring_free(struct ring *r) {
  if (!r)
    return;
  for (uint32_t i = 0; i < r->count; i++)
    item_free(r->slots[(r->head + i) % r->max_items]);
  pthread_cond_destroy(&r->filled);
  pthread_cond_destroy(&r->drained);
  pthread_mutex_destroy(&r->lock);
  free(r->slots);
  free(r);
}

static bool ring_has_room(const struct ring *r, const struct item *it) {
  return r->count == 0 || (r->count < r->max_items && r->bytes + it->bytes <= r->max_bytes);
}

enum ring_status ring_push(struct ring *r, struct item *it) {
  pthread_mutex_lock(&r->lock);
  while (!r->stopped && !ring_has_room(r, it))
    pthread_cond_wait(&r->drained, &r->lock);
  bool stopped = r->stopped;
  if (!stopped) {
    r->slots[(r->head + r->count++) % r->max_items] = it;
    r->bytes += it->bytes;
    pthread_cond_signal(&r->filled);
  }
  pthread_mutex_unlock(&r->lock);
  if (stopped)
    item_free(it);
  return stopped ? RING_STOPPED : RING_OK;
}

enum ring_status ring_pop(struct ring *r, int64_t deadline_ns, struct item **ret_item) {
  struct timespec ts = {.tv_sec = deadline_ns / 1000000000, .tv_nsec = deadline_ns % 1000000000};
  enum ring_status st = RING_OK;
  pthread_mutex_lock(&r->lock);
  while (!r->stopped && r->count == 0 && st == RING_OK) {
    if (deadline_ns == 0)
      pthread_cond_wait(&r->filled, &r->lock);
    else if (pthread_cond_timedwait(&r->filled, &r->lock, &ts) != 0)
      st = RING_TIMEOUT;
  }
  if (r->stopped) {
    st = RING_STOPPED;
  } else if (r->count > 0) {
    struct item *it = r->slots[r->head];
    r->head = (r->head + 1) % r->max_items;
    r->count--;
    r->bytes -= it->bytes;
    *ret_item = it;
    st = RING_OK;
    pthread_cond_signal(&r->drained);
  }
  pthread_mutex_unlock(&r->lock);
  return st;
}

void ring_stop(struct ring *r) {
  pthread_mutex_lock(&r->lock);
  r->stopped = true;
  pthread_cond_broadcast(&r->filled);
  pthread_cond_broadcast(&r->drained);
  pthread_mutex_unlock(&r->lock);
}
