/* tuple.h: the cursor columns of a row: kept, compared, and as text for the host.  One thread at a time. */
#ifndef SQLITE_TUPLE_H
#define SQLITE_TUPLE_H

#include <sqlite3.h>

#include "etl/sdk.h"

struct text_buffer {
  char *p; /* owned */
  size_t n;
};
struct tuple_value {
  int kind; /* SQLITE_INTEGER ... */
  int64_t i;
  double f;
  uint8_t *bytes; /* owned */
  size_t n, cap;
};
struct tuple {
  struct tuple_value *values;
  size_t n; /* 0: none yet */
};
void tuple_fini(struct tuple *t);
/* The values of those columns of stmt's row.  -1: no memory. */
int tuple_take(struct tuple *t, sqlite3_stmt *stmt, const int *at, size_t n);
bool tuple_equal(const struct tuple *a, const struct tuple *b);
/* As versioned JSON; -1: no memory.  NULL names: all was read. */
int tuple_encode(const struct tuple *t, char *const *names, struct text_buffer *ret);
/* -1: it is not of these names. */
int tuple_decode(struct tuple *t, struct etl_bytes text, char *const *names, size_t n);
int tuple_bind(const struct tuple *t, sqlite3_stmt *stmt);

#endif
