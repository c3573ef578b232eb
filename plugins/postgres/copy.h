/* copy.h: batches written as the stream of a binary COPY, through a buffer of fixed size. */
#ifndef POSTGRES_COPY_H
#define POSTGRES_COPY_H

#include "connect.h"
#include "types.h"

struct discard { /* values of a column that were written as NULL */
  int64_t now;   /* in the COPY in hand */
  int64_t epoch; /* in those that were taken since the last copy_tell() */
  bool told;
};
struct copy {
  struct session *session;
  const struct columns *columns;
  struct etl_view *views; /* one a column, also of those left out */
  uint8_t *buf;
  size_t n;       /* bytes waiting */
  size_t row_max; /* of a row without its variable parts */
  size_t *checks; /* columns that cannot hold every value */
  size_t checks_n;
  bool *nuls;     /* columns of the batch with a NUL byte somewhere, which the server takes in no text */
  bool any_nul;
  bool nulls;     /* a value that does not fit is written as NULL */
  struct discard *discards; /* one a column */
  size_t discards_n;
  bool numbered;  /* each row ends with a bigint: its number, from 1 */
  bool raw;       /* and with the whole of it as JSON */
  const struct ArrowSchema *schema; /* of the batch in hand */
  const struct ArrowArray *batch;
  int64_t first;  /* rows that came before, for the numbers */
  int64_t rows;   /* since copy_begin() */
};
/* For rows of these columns, which must stay; to be called again when they change. */
int32_t copy_init(struct copy *c, struct session *s, const struct columns *columns);
void copy_fini(struct copy *c); /* accepts a zeroed one */
void copy_begin(struct copy *c, int64_t first); /* after COPY ... FROM STDIN (FORMAT binary) was answered */
/* Before the rows of a batch. */
int32_t copy_take(struct copy *c, const struct ArrowSchema *schema, const struct ArrowArray *batch);
/* The first column that the target cannot hold in this row; NULL: none. */
const struct column *copy_misfit(const struct copy *c, int64_t row);
bool copy_has_nul(const struct copy *c, const struct column *col, int64_t row); /* of a column that is a misfit there */
/* Rows from..to of the batch taken, without those for which skip (may be NULL) says true. */
int32_t copy_write(struct copy *c, const bool *skip, int64_t from, int64_t to);
int32_t copy_end(struct copy *c, const char *doing); /* the server has taken all rows and counted as many */
/* An epoch has ended.  committed: values that were written as NULL are counted, and each column of table that has some is told of once. */
void copy_tell(struct copy *c, const char *table, bool committed);

#endif
