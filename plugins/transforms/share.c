/* A batch is kept whole until the last array over its buffers is released; the count of those is atomic, since lanes release on
 * their own threads. */
#include <stdatomic.h>
#include <stdlib.h>

#include "share.h"

struct share {
  atomic_size_t holders;
  struct ArrowArray batch;
};

struct share *share_new(struct ArrowArray *batch) {
  struct share *s = malloc(sizeof *s);
  if (!s)
    return NULL;
  atomic_init(&s->holders, 1);
  etl_array_move(batch, &s->batch);
  return s;
}

void share_free(struct share *s) {
  if (!s || atomic_fetch_sub_explicit(&s->holders, 1, memory_order_acq_rel) > 1)
    return;
  etl_array_release(&s->batch);
  free(s);
}

const struct ArrowArray *share_batch(const struct share *s) { return &s->batch; }

static void free_parts(struct ArrowArray *a) {
  for (int64_t i = 0; a->children && i < a->n_children; i++)
    if (a->children[i]) {
      etl_array_release(a->children[i]);
      free(a->children[i]);
    }
  free(a->children);
  if (a->dictionary)
    etl_array_release(a->dictionary);
  free(a->dictionary);
}

static void shared_release(struct ArrowArray *a) {
  free_parts(a);
  share_free(a->private_data);
  a->release = NULL;
}

static int share_array(struct share *s, const struct ArrowArray *from, struct ArrowArray *ret);

static struct ArrowArray *share_part(struct share *s, const struct ArrowArray *from) {
  struct ArrowArray *part = calloc(1, sizeof *part);
  if (part && share_array(s, from, part) < 0) {
    free(part);
    return NULL;
  }
  return part;
}

/* Nested arrays get parts of their own: whoever gets one may move its children out. */
static int share_array(struct share *s, const struct ArrowArray *from, struct ArrowArray *ret) {
  struct ArrowArray a = *from;
  a.dictionary = from->dictionary ? share_part(s, from->dictionary) : NULL;
  a.children = from->n_children ? calloc((size_t)from->n_children, sizeof *a.children) : NULL;
  bool whole = (!from->dictionary || a.dictionary) && (!from->n_children || a.children);
  for (int64_t i = 0; whole && i < from->n_children; i++)
    whole = (a.children[i] = share_part(s, from->children[i])) != NULL;
  if (!whole) {
    free_parts(&a);
    return -1;
  }
  a.release = shared_release;
  a.private_data = s;
  atomic_fetch_add_explicit(&s->holders, 1, memory_order_relaxed);
  *ret = a;
  return 0;
}

int share_column(struct share *s, int64_t i, struct ArrowArray *ret) {
  const struct ArrowArray *batch = &s->batch;
  if (share_array(s, batch->children[i], ret) < 0)
    return -1;
  if ((batch->offset != 0 || batch->length != ret->length) && ret->null_count > 0) /* a slice: its nulls were never counted */
    ret->null_count = -1;
  ret->offset += batch->offset;
  ret->length = batch->length;
  return 0;
}
