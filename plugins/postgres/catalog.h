/* catalog.h: what the server says of a table. */
#ifndef POSTGRES_CATALOG_H
#define POSTGRES_CATALOG_H

#include "connect.h"

struct attribute {
  char *name, *type; /* as format_type() writes it */
  char *base;        /* the same; of a domain, the type that it is made from */
  uint32_t oid;      /* of the type; of the base type of a domain */
  bool not_null, has_default, generated; /* generated: always, by the server */
  bool domain;
  bool identity; /* that rows may bring */
};
struct table {
  uint32_t oid;  /* 0: it is not there */
  char kind;     /* pg_class.relkind */
  struct attribute *list;
  size_t n;
};
int32_t table_read(struct session *s, const char *schema, const char *name, struct table *ret);
void table_fini(struct table *t); /* accepts a zeroed one */
const struct attribute *table_find(const struct table *t, const char *column);
/* What keeps the type of a column from being altered, in *ret (owned; NULL: nothing): "view v" and the like. */
int32_t table_hinders(struct session *s, const struct table *t, const char *column, char **ret);
/* Whether our role may alter the table. */
int32_t table_is_ours(struct session *s, const struct table *t, bool *ret);
/* Is there a unique index on just these columns, in any order, that ON CONFLICT can use? */
int32_t table_has_unique(struct session *s, const struct table *t, const struct names *columns, bool *ret);

#endif
