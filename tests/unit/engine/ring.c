/* Items between two stages: what they weigh, and that a ring is bounded by it. */
#include <criterion/criterion.h>
#include <limits.h>

#include "engine/ring.h"

static void release_nothing(struct ArrowArray *a) { a->release = NULL; }

/* An item of one text column with these offsets. */
static int64_t weight_of(const int32_t *offsets, int64_t offset, int64_t length) {
  const void *buffers[] = {NULL, offsets, "text"};
  struct ArrowArray column = {.length = length, .offset = offset, .n_buffers = 3, .buffers = buffers, .release = release_nothing};
  struct ArrowArray *children[] = {&column};
  struct etl_msg m = {.struct_size = sizeof m,
                      .flags = ETL_M_ROWS,
                      .rows = {.length = length, .n_children = 1, .children = children, .release = release_nothing}};
  struct item *it = item_new(&m);
  int64_t bytes = it->bytes;
  cr_expect_eq(it->rows, length);
  item_free(it);
  return bytes;
}

Test(ring, weight_of_texts) {
  cr_expect_eq(weight_of((const int32_t[]){0, 10, 30}, 0, 2), 30 + 8);
  cr_expect_eq(weight_of((const int32_t[]){0, 10, 30}, 1, 1), 20 + 4);
  cr_expect_eq(weight_of((const int32_t[]){0}, 0, 0), 0);
}

/* Nobody is believed: an item never weighs less than nothing. */
Test(ring, weight_of_offsets_that_make_no_sense) {
  cr_expect_eq(weight_of((const int32_t[]){30, 10}, 0, 1), 4);
  cr_expect_eq(weight_of((const int32_t[]){INT_MIN, INT_MAX}, 0, 1), (int64_t)UINT_MAX + 4);
  cr_expect_geq(weight_of((const int32_t[]){0, 1}, -7, 1), 0);
}

static struct item *item_of(int64_t bytes) {
  struct etl_msg m = {.struct_size = sizeof m};
  struct item *it = item_new(&m);
  it->bytes = bytes;
  return it;
}

Test(ring, an_item_of_any_size_fits_an_empty_one) {
  struct ring *r = ring_new(2, 100);
  struct item *it = NULL;
  cr_expect_eq(ring_push(r, item_of(1000)), RING_OK);
  cr_expect_eq(ring_pop(r, 0, &it), RING_OK);
  cr_expect_eq(it->bytes, 1000);
  item_free(it);
  cr_expect_eq(ring_pop(r, 1, &it), RING_TIMEOUT);
  cr_expect_eq(ring_push(r, item_of(50)), RING_OK);
  cr_expect_eq(ring_push(r, item_of(50)), RING_OK);
  ring_stop(r);
  cr_expect_eq(ring_push(r, item_of(1)), RING_STOPPED);
  cr_expect_eq(ring_pop(r, 0, &it), RING_STOPPED);
  ring_free(r);
}
