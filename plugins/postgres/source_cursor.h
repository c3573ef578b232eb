/* source_cursor.h: where a reader begins and where it stands.  Told to the host as versioned JSON:
 *   {"v":1,"columns":[...],"types":[...],"values":[...]}            rows behind this tuple
 *   {"v":1,"columns":[...],"types":[...],"from":"...","until":"..."}  a piece: the first column at or above from and below until
 * (either may be missing); as soon as rows were read, values stand in place of from
 *   {"v":1,"whole":true}                                            no cursor columns: all was read
 *   {"v":1,"whole":true,"snapshot":"...","blocks":[0,100]}          a piece of these blocks of the table (null: to the end), in
 * this snapshot */
#ifndef POSTGRES_SOURCE_CURSOR_H
#define POSTGRES_SOURCE_CURSOR_H

#include "source_table.h"

struct position {
  bool given;                      /* there is a cursor at all */
  size_t n;                        /* of values; 0: none */
  char *values[SOURCE_CURSOR_MAX]; /* all owned */
  char *from, *until;
  char *snapshot;                  /* NULL: no piece of a whole stream */
  int64_t block_from, block_until; /* until -1: the end */
};
int32_t position_init(struct position *p, const struct source_table *t, const struct etl_host *h, struct etl_bytes saved);
void position_fini(struct position *p);
/* As it was given.  -1: no memory. */
int position_json(struct text *to, const struct source_table *t, const struct position *p);

/* The cursor columns of one row, in the server's binary form. */
struct tuple {
  bool set;
  struct {
    uint8_t *p; /* owned */
    uint32_t n, cap;
  } values[SOURCE_CURSOR_MAX];
};
/* row: where the values of the fields lie (p NULL: NULL).  Are those of the cursor columns there, and as long as their types are?
 */
bool tuple_readable(const struct source_table *t, const struct etl_bytes *row);
/* -1: no memory. */
int tuple_set(struct tuple *x, const struct source_table *t, const struct etl_bytes *row);
bool tuple_equal(const struct tuple *x, const struct source_table *t, const struct etl_bytes *row);
void tuple_describe(struct text *to, const struct tuple *x, const struct source_table *t); /* "(2024-05-01 10:00:00, 42)" */
int tuple_json(struct text *to, const struct tuple *x, const struct source_table *t, const struct position *p);
void tuple_fini(struct tuple *x);

#endif
