/* layout.h: the columns of a stream, gathered from samples of its files.  One thread at a time while it grows. */
#ifndef FILES_LAYOUT_H
#define FILES_LAYOUT_H

#include "settings.h"

struct column {
  const char *name; /* NUL ended, of the layout's pool */
  size_t name_n;
  struct guess guess;
  struct type type; /* after layout_finish() */
  bool forced;
};
struct layout {
  struct pool pool;
  struct column *list;
  size_t n, cap;
};
void layout_fini(struct layout *l);
/* Index of the column; it is tried first at `hint`.  -1: none. */
int64_t layout_find(const struct layout *l, const char *name, size_t n, size_t hint);
int64_t layout_add(struct layout *l, const char *name, size_t n); /* finds or adds; -1: no memory */
void layout_finish(struct layout *l, const struct settings *s, size_t from); /* types of the columns from there on: forced, else guessed */
int layout_copy(const struct layout *from, struct layout *ret);
int layout_schema(const struct layout *l, struct ArrowSchema *ret);

#endif
