/* batch_table.h: the batch in hand as a table of SQLite, read where it lies.  One connection, one thread at a time. */
#ifndef TRANSFORMS_SQL_BATCH_TABLE_H
#define TRANSFORMS_SQL_BATCH_TABLE_H

#include <sqlite3.h>

#include "etl/sdk.h"

enum batch_probe { /* instead of a batch, one row, to try a statement */
  PROBE_NONE,
  PROBE_NULLS,
  PROBE_SAMPLES, /* a plain value of each column's type */
  PROBE_JSON     /* the same with JSON for text */
};
struct batch_table {
  const struct ArrowSchema *schema; /* borrowed */
  struct etl_view *views;           /* one a column; of batch_table_rows() */
  bool once;                        /* a statement may read it in one place only, row by row */
  bool misused;                     /* one did otherwise */
  enum batch_probe probe;
  unsigned cursors;                 /* open now */
  int64_t length;                   /* rows */
  int64_t from;                     /* where the next scan begins */
  int64_t at;                       /* row of the scan; of the last one that moved, if there are several */
};
/* Makes the table known to db under name, with the columns of schema.  SQLite's code. */
int batch_table_init(struct batch_table *t, sqlite3 *db, const char *name, const struct ArrowSchema *schema);
void batch_table_fini(struct batch_table *t); /* after sqlite3_close() */
/* The rows that scans see from now on, beginning with row 0; they stay the caller's.  -1: an unknown format. */
int batch_table_rows(struct batch_table *t, const struct ArrowArray *rows);
/* No rows (PROBE_NONE), or the one of a probe. */
void batch_table_empty(struct batch_table *t, enum batch_probe probe);

#endif
