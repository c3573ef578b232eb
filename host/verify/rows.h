/* verify/rows.h: rows of one stream as `etl verify` looks at them: which columns count, as what they are hashed, and where a row belongs.
 * One thread each. */
#ifndef HOST_VERIFY_ROWS_H
#define HOST_VERIFY_ROWS_H

#include <jansson.h>
#include <xxhash.h>

#include "base/err.h"
#include "verify/canon.h"

enum { DIGEST_BUCKETS = 4096 };

struct bound_rows { /* zeroed: nothing bound */
  size_t columns_n, key_n;
  int64_t *columns; /* column i is this one of the schema */
  enum canon *as;
  size_t *key;      /* indexes into columns */
  int64_t group_by; /* likewise; -1: nothing */
  bool *wanted;     /* buckets; NULL: all, and none in particular */
};
struct row_hashes {
  XXH128_hash_t whole, key; /* the same where there is no key */
  size_t bucket;
};
/* What spec->ask (see verify/digest.h) wants of a stream; NULL: nothing. */
const json_t *rows_asked(const json_t *ask, const char *stream);
/* asked: as rows_asked() gave it.  May be called again.  0, or -1 with e. */
int rows_bind(struct bound_rows *r, const json_t *asked, const struct ArrowSchema *schema, struct err *e);
void rows_fini(struct bound_rows *r);
/* A hash for each cell, row by row; to be freed.  NULL: a column has a format that the SDK does not know. */
uint64_t *rows_cells(const struct bound_rows *r, const struct ArrowSchema *schema, const struct ArrowArray *batch);
struct row_hashes rows_hash(const struct bound_rows *r, const uint64_t *cells_of_row);

#endif
