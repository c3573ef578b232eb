/* Binding to a schema, and hashes of rows out of hashes of cells. */
#include "verify/rows.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/member.h"

enum { KEY_ON_STACK = 16 };

const json_t *rows_asked(const json_t *ask, const char *stream) {
  const json_t *list = json_object_get(ask, "streams");
  for (size_t i = 0; i < json_array_size(list); i++) {
    const json_t *j = json_array_get(list, i);
    const char *name = member_text(j, "stream");
    if (!name || strcmp(name, stream) == 0)
      return j;
  }
  return NULL;
}

static bool *bind_buckets(const json_t *asked) {
  const json_t *buckets = json_object_get(asked, "buckets");
  bool *wanted = buckets ? xcalloc(DIGEST_BUCKETS, sizeof *wanted) : NULL;
  for (size_t i = 0; i < json_array_size(buckets); i++)
    wanted[(size_t)json_integer_value(json_array_get(buckets, i)) % DIGEST_BUCKETS] = true;
  return wanted;
}

int rows_bind(struct bound_rows *r, const json_t *asked, const struct ArrowSchema *schema, struct err *e) {
  const json_t *columns = json_object_get(asked, "columns"), *key = json_object_get(asked, "key");
  rows_fini(r);
  *r = (struct bound_rows){.columns_n = json_array_size(columns), .key_n = json_array_size(key)};
  r->columns = xcalloc(r->columns_n + 1, sizeof *r->columns);
  r->as = xcalloc(r->columns_n + 1, sizeof *r->as);
  r->key = xcalloc(r->key_n + 1, sizeof *r->key);
  r->wanted = bind_buckets(asked);
  r->group_by = member_number(asked, "group");
  for (size_t i = 0; i < r->columns_n; i++) {
    const json_t *c = json_array_get(columns, i);
    const char *name = member_text(c, "name");
    r->columns[i] = etl_schema_find(schema, name);
    r->as[i] = canon_from_name(member_text(c, "as"));
    if (r->columns[i] < 0)
      return err_set(e, ETL_E_SCHEMA, "the rows do no longer have the column %s", name);
  }
  for (size_t i = 0; i < r->key_n; i++) {
    r->key[i] = (size_t)json_integer_value(json_array_get(key, i));
    if (r->key[i] >= r->columns_n)
      return err_set(e, ETL_E_INTERNAL, "the key is not among the columns");
  }
  return 0;
}

void rows_fini(struct bound_rows *r) {
  free(r->columns);
  free(r->as);
  free(r->key);
  free(r->wanted);
  *r = (struct bound_rows){0};
}

uint64_t *rows_cells(const struct bound_rows *r, const struct ArrowSchema *schema, const struct ArrowArray *batch) {
  uint64_t *cells = xcalloc((size_t)batch->length * r->columns_n + 1, sizeof *cells);
  for (size_t c = 0; c < r->columns_n; c++) {
    struct etl_view v;
    if (etl_view_init(&v, schema, batch, r->columns[c]) < 0) {
      free(cells);
      return NULL;
    }
    canon_hash(r->as[c], &v, batch->length, cells + c, r->columns_n);
  }
  return cells;
}

struct row_hashes rows_hash(const struct bound_rows *r, const uint64_t *cells) {
  uint64_t some[KEY_ON_STACK], *key = r->key_n <= KEY_ON_STACK ? some : xcalloc(r->key_n, sizeof *key);
  struct row_hashes h = {.whole = XXH3_128bits(cells, r->columns_n * sizeof *cells)};
  for (size_t k = 0; k < r->key_n; k++)
    key[k] = cells[r->key[k]];
  h.key = r->key_n ? XXH3_128bits(key, r->key_n * sizeof *key) : h.whole;
  h.bucket = h.key.low64 % DIGEST_BUCKETS;
  if (key != some)
    free(key);
  return h;
}
