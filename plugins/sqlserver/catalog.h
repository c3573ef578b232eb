/* catalog.h: what the server says about the table or query to read: columns, indexes, its clock. */
#ifndef SQLSERVER_CATALOG_H
#define SQLSERVER_CATALOG_H

#include "connect.h"
#include "types.h"

struct source { /* a table or query of one shard, as it is now */
  struct pool pool;
  struct column *columns; /* those that are read, in order */
  size_t columns_n;
  size_t cursor[SETTINGS_CURSOR_MAX]; /* index into columns, one for each of settings->cursor */
  size_t cursor_n;
  bool is_table;      /* not a view, not a query: its indexes are known */
  const char *index;  /* an index whose leading columns are the cursor; NULL: none */
  bool index_first;   /* an index leads with the first cursor column at least */
  bool cursor_unique; /* a unique index makes sure of it */
  const char **key;   /* columns of the primary key, ends with NULL; NULL: none */
  size_t key_column;  /* the first of them among columns; SIZE_MAX: none, or it is not read */
  int64_t leads_id;   /* sys.indexes.index_id of one that leads with the first cursor column, or without a cursor the primary key's; 0: none */
};
/* 0, or -1 with f; source_fini() in both cases. */
int source_init(struct source *src, struct conn *c, struct failure *f);
void source_fini(struct source *src);
/* Is the result that is about to be read the one that the catalog announced? */
int source_check_result(const struct source *src, struct conn *conn, struct failure *f);
/* Columns as an Arrow schema, with the shard's column if there is one. */
int source_schema(const struct source *src, const struct settings *s, struct ArrowSchema *ret, struct failure *f);

#endif
