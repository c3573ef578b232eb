/* cursor.h: where a shard stands: the tuple of the last row's cursor columns.  Kept in full precision as text, told to the host as
 * versioned JSON, and compared row by row in the form in which db-lib gives it.
 * {"v":1, "columns":[], "types":[], "values":[]}; of a piece of the shard with "until", and "from" as long as there are no values. */
#ifndef SQLSERVER_CURSOR_H
#define SQLSERVER_CURSOR_H

#include "catalog.h"

struct cursor {
  bool given;
  size_t n; /* 0: from the start */
  const char *values[SETTINGS_CURSOR_MAX];
  const char *from, *until; /* of a piece: the bounding column is at or above from and below until; NULL: no such bound */
  size_t bounding;          /* index of that column: the first of the cursor, or without one the first of the primary key */
};
/* From what the host kept.  E_CONFIG when it belongs to other cursor columns.  Strings are made in pool. */
int cursor_decode(struct cursor *ret, struct etl_bytes saved, const struct source *src, const struct settings *s, struct pool *pool,
                  struct failure *f);

/* T-SQL for a value of a cursor column: of exactly the column's type, or a bare constant as EXEC wants it. */
void cursor_literal(struct text *t, const struct column *c, const char *value);
void cursor_constant(struct text *t, const struct column *c, const char *value);
/* The declared type of a parameter that takes it. */
const char *cursor_parameter_type(const struct column *c);

/* The text of a value as db-lib gives it, of any type but floating point. */
void cursor_value_text(struct text *t, const struct column *c, const uint8_t *p, size_t n);

/* The cursor columns of one row. */
struct tuple {
  bool set; /* all values are there */
  struct {
    uint8_t *p; /* owned */
    size_t n, cap;
  } values[SETTINGS_CURSOR_MAX];
};
int tuple_grow_(struct tuple *t, size_t i, size_t n); /* internal */
/* Sets value i.  -1: out of memory. */
static inline int tuple_put(struct tuple *t, size_t i, const uint8_t *p, size_t n) {
  if (n > t->values[i].cap && tuple_grow_(t, i, n) < 0)
    return -1;
  if (n)
    memcpy(t->values[i].p, p, n);
  t->values[i].n = n;
  return 0;
}
/* Could the server take the row in hand for equal?  True when in doubt. */
bool tuple_may_equal(const struct tuple *t, const struct source *src, struct conn *c);
/* Is the row in hand certainly before t, although rows should come in order? */
bool tuple_is_after(const struct tuple *t, const struct source *src, struct conn *c);
/* The JSON, with the end of the piece that is read, if it has one; or for messages "(2024-05-01T10:00:00.1234567, 42)". */
int tuple_encode(const struct tuple *t, const struct source *src, const struct cursor *from, struct text *ret, struct failure *f);
/* A cursor that stands at its beginning, again as JSON. */
int cursor_encode(const struct cursor *c, const struct source *src, struct text *ret, struct failure *f);
/* Text that a user gave, in the form of values of column c.  false: it cannot be one. */
bool cursor_user_text(const struct column *c, const char *given, char *ret, size_t cap);
void tuple_describe(const struct tuple *t, const struct source *src, struct text *ret);
/* The first cursor column as ticks of temporal.h; only if it counts time. */
int64_t tuple_ticks(const struct tuple *t, const struct source *src);
void tuple_fini(struct tuple *t);

/* The cursor of a stream without cursor columns: all was read. */
#define CURSOR_WHOLE "{\"v\":1,\"whole\":true}"

#endif
