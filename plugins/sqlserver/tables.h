/* tables.h: the streams of an instance: one table or query, or those tables that `tables` matches. */
#ifndef SQLSERVER_TABLES_H
#define SQLSERVER_TABLES_H

#include "connect.h"
#include "instance.h"

/* A table that a server has; name as `table` takes it, stream as cursors are stored under. */
struct listed {
  const char *schema, *table;
  const char *name, *stream;
  bool is_view;
  struct listed *next;
};
/* All tables and views, by schema and name, in pool.  0, or -1 with f. */
int tables_list(struct conn *c, struct pool *pool, struct listed **ret_first, struct failure *f);

/* Which tables `tables` stands for, into in->tables, unless they are known.  0, or -1 with f. */
int tables_find(struct instance *in, struct failure *f);
/* As etl_extractor.discover. */
int32_t tables_discover(struct instance *in, int32_t (*each)(void *arg, const struct etl_stream *), void *arg);
/* The settings with which a stream is read.  NULL with f: it is none of discover()'s. */
const struct settings *tables_settings(const struct instance *in, const char *stream, struct failure *f);

#endif
