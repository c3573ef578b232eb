/* Rows as keys: equal values of any width are equal, different ones are not, however they lie side by side. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "row_key.h"

static void *buf_alloc(const struct etl_host *h, uint64_t n) {
  (void)h;
  return malloc(n);
}

struct table { /* two columns */
  struct ArrowSchema schema;
  struct ArrowArray rows;
  struct etl_view views[2];
};

/* Cells row by row; numbers where the format is one. */
static void make(struct table *t, const char *first, const char *second, const char *const *cells, size_t n) {
  const struct etl_host host = {.buf_alloc = buf_alloc, .buf_free = free};
  struct etl_batch b;
  const char *formats[2] = {first, second};
  cr_assert_eq(etl_schema_init(&t->schema, 2), 0);
  for (int64_t i = 0; i < 2; i++)
    cr_assert_eq(etl_schema_set(&t->schema, i, i ? "b" : "a", formats[i], true, NULL, NULL), 0);
  cr_assert_eq(etl_batch_init(&b, &host, &t->schema, n), 0);
  for (size_t i = 0; i < 2 * n; i++) {
    int64_t number = cells[i] ? strtoll(cells[i], NULL, 10) : 0;
    if (i % 2 == 0)
      cr_assert_eq(etl_batch_row(&b), 0);
    if (!cells[i])
      cr_assert_eq(etl_batch_null(&b, (int64_t)i % 2), 0);
    else if (b.cols[i % 2].f.logical == ETL_L_STRING)
      cr_assert_eq(etl_batch_bytes(&b, (int64_t)i % 2, cells[i], strlen(cells[i])), 0);
    else
      etl_batch_fixed(&b, (int64_t)i % 2, &number);
  }
  cr_assert_eq(etl_batch_finish(&b, &t->rows), 0);
  etl_batch_fini(&b);
  for (int64_t i = 0; i < 2; i++)
    cr_assert_eq(etl_view_init(&t->views[i], &t->schema, &t->rows, i), 0);
}

static void drop(struct table *t) {
  t->rows.release(&t->rows);
  t->schema.release(&t->schema);
}

static bool same(const struct table *t, int64_t i, const struct table *u, int64_t k) {
  struct row_key a = {0}, b = {0};
  struct etl_bytes x, y;
  bool null;
  cr_assert_eq(row_key_of(&a, t->views, 2, i, &x, &null), 0);
  cr_assert_eq(row_key_of(&b, u->views, 2, k, &y, &null), 0);
  bool equal = x.n == y.n && memcmp(x.p, y.p, x.n) == 0;
  row_key_fini(&a);
  row_key_fini(&b);
  return equal;
}

Test(row_key, text) {
  struct table t;
  make(&t, "u", "u", (const char *const[]){"a", "bc", "ab", "c", "", NULL, NULL, "", "A", "BC", "a", "bc"}, 6);
  cr_assert(same(&t, 0, &t, 5));
  cr_assert_not(same(&t, 0, &t, 1));
  cr_assert_not(same(&t, 2, &t, 3));
  cr_assert_not(same(&t, 0, &t, 4));
  drop(&t);
}

Test(row_key, integers_of_any_width) {
  struct table t, u;
  make(&t, "s", "i", (const char *const[]){"-7", "1", "7", "1"}, 2);
  make(&u, "l", "c", (const char *const[]){"-7", "1", "7", NULL}, 2);
  cr_assert(same(&t, 0, &u, 0));
  cr_assert_not(same(&t, 1, &u, 0));
  cr_assert_not(same(&t, 1, &u, 1));
  drop(&t);
  drop(&u);
}

Test(row_key, nulls_are_told) {
  struct table t;
  struct row_key k = {0};
  struct etl_bytes key;
  bool null;
  make(&t, "l", "u", (const char *const[]){"0", NULL, "0", ""}, 2);
  cr_assert(row_key_of(&k, t.views, 2, 0, &key, &null) == 0 && null);
  cr_assert(row_key_of(&k, t.views, 2, 1, &key, &null) == 0 && !null);
  row_key_fini(&k);
  drop(&t);
}
