/* A binary heap, and for each index its place in it. */
#include "sched/due.h"

#include <stdlib.h>

#include "base/mem.h"
#include "sched/next.h"

struct entry {
  int64_t at_ns;
  size_t index;
};
struct due {
  struct entry *heap; /* no entry is before the one at half its place */
  size_t n, room;
  size_t *places; /* of an index: its place + 1; 0: it has none */
  size_t places_n;
};

struct due *due_new(void) { return xcalloc(1, sizeof(struct due)); }

void due_free(struct due *d) {
  if (d) {
    free(d->heap);
    free(d->places);
    free(d);
  }
}

static bool before(const struct entry *a, const struct entry *b) {
  return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->index < b->index;
}

static void put(struct due *d, size_t place, struct entry e) {
  d->heap[place] = e;
  d->places[e.index] = place + 1;
}

static void settle(struct due *d, size_t place, struct entry e) {
  for (size_t up; place > 0 && before(&e, &d->heap[up = (place - 1) / 2]); place = up)
    put(d, place, d->heap[up]);
  for (size_t down; (down = 2 * place + 1) < d->n; place = down) {
    down += down + 1 < d->n && before(&d->heap[down + 1], &d->heap[down]);
    if (!before(&d->heap[down], &e))
      break;
    put(d, place, d->heap[down]);
  }
  put(d, place, e);
}

static size_t place_of(const struct due *d, size_t index) { return index < d->places_n ? d->places[index] : 0; }

static void make_room(struct due *d, size_t index) {
  if (index >= d->places_n) {
    size_t n = d->places_n * 2 > index ? d->places_n * 2 : index + 16;
    d->places = xrealloc(d->places, n * sizeof *d->places);
    while (d->places_n < n)
      d->places[d->places_n++] = 0;
  }
  if (d->n == d->room) {
    d->room = d->room ? d->room * 2 : 16;
    d->heap = xrealloc(d->heap, d->room * sizeof *d->heap);
  }
}

void due_set(struct due *d, size_t index, int64_t at_ns) {
  if (at_ns == SCHED_NEVER) {
    due_remove(d, index);
    return;
  }
  make_room(d, index);
  size_t place = place_of(d, index);
  settle(d, place ? place - 1 : d->n++, (struct entry){at_ns, index});
}

void due_remove(struct due *d, size_t index) {
  size_t place = place_of(d, index);
  if (!place)
    return;
  d->places[index] = 0;
  struct entry last = d->heap[--d->n];
  if (last.index != index)
    settle(d, place - 1, last);
}

size_t due_count(const struct due *d) { return d->n; }

bool due_first(const struct due *d, size_t *ret_index, int64_t *ret_at_ns) {
  if (d->n == 0)
    return false;
  *ret_index = d->heap[0].index;
  *ret_at_ns = d->heap[0].at_ns;
  return true;
}

int64_t due_at_ns(const struct due *d, size_t index) {
  size_t place = place_of(d, index);
  return place ? d->heap[place - 1].at_ns : SCHED_NEVER;
}
