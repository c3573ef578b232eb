/* A batch under several columns: nested arrays, dictionaries, slices; the batch goes with its last holder, once. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "share.h"

struct made { /* a batch with one column, a struct of two numbers with a dictionary */
  struct ArrowArray batch, column, parts[2], dictionary;
  struct ArrowArray *columns[1], *children[2];
  const void *none[1], *buffers[2];
  int32_t numbers[8];
  unsigned released;
};

static void batch_release(struct ArrowArray *a) {
  struct made *m = a->private_data;
  m->released++;
  a->release = NULL;
}

static void part_release(struct ArrowArray *a) { a->release = NULL; }

static struct made *make(void) {
  struct made *m = calloc(1, sizeof *m);
  m->buffers[1] = m->numbers;
  m->dictionary = (struct ArrowArray){.length = 8, .n_buffers = 2, .buffers = m->buffers, .release = part_release};
  for (size_t i = 0; i < 2; i++) {
    m->parts[i] = (struct ArrowArray){.length = 8, .n_buffers = 2, .buffers = m->buffers, .release = part_release};
    m->children[i] = &m->parts[i];
  }
  m->parts[1].dictionary = &m->dictionary;
  m->column = (struct ArrowArray){.length = 8,
                                  .null_count = 1,
                                  .n_buffers = 1,
                                  .buffers = m->none,
                                  .n_children = 2,
                                  .children = m->children,
                                  .release = part_release};
  m->columns[0] = &m->column;
  m->batch = (struct ArrowArray){.length = 5,
                                 .offset = 2,
                                 .n_buffers = 1,
                                 .buffers = m->none,
                                 .n_children = 1,
                                 .children = m->columns,
                                 .release = batch_release,
                                 .private_data = m};
  return m;
}

Test(share, the_last_holder_releases) {
  struct made *m = make();
  struct ArrowArray a, b;
  struct share *s = share_new(&m->batch);
  cr_assert_null(m->batch.release);
  cr_assert_eq(share_column(s, 0, &a), 0);
  cr_assert_eq(share_column(s, 0, &b), 0);
  cr_assert_eq(a.length, 5);
  cr_assert_eq(a.offset, 2);
  cr_assert_eq(a.null_count, -1);
  share_free(s);
  a.release(&a);
  cr_assert_null(a.release);
  cr_assert_eq(m->released, 0u);
  cr_assert_eq(b.children[1]->dictionary->buffers[1], m->numbers);
  b.release(&b);
  cr_assert_eq(m->released, 1u);
  free(m);
}

/* Arrow allows to move a child out: it keeps the batch, and the others do not notice. */
Test(share, children_may_be_moved_out) {
  struct made *m = make();
  struct ArrowArray a, b, child;
  struct share *s = share_new(&m->batch);
  cr_assert_eq(share_column(s, 0, &a), 0);
  cr_assert_eq(share_column(s, 0, &b), 0);
  etl_array_move(a.children[1], &child);
  cr_assert_not_null(b.children[1]->release);
  a.release(&a);
  b.release(&b);
  share_free(s);
  cr_assert_eq(m->released, 0u);
  cr_assert_eq(child.buffers[1], m->numbers);
  cr_assert_eq(child.dictionary->length, 8);
  child.release(&child);
  cr_assert_eq(m->released, 1u);
  free(m);
}

Test(share, nobody_took_anything) {
  struct made *m = make();
  share_free(share_new(&m->batch));
  cr_assert_eq(m->released, 1u);
  share_free(NULL);
  free(m);
}
