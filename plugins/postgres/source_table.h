/* source_table.h: a table, view or query as the server describes it now: the columns that are read, the cursor among them, key and
 * indexes. */
#ifndef POSTGRES_SOURCE_TABLE_H
#define POSTGRES_SOURCE_TABLE_H

#include "source.h"
#include "source_types.h"

struct source_table {
  const struct source_settings *settings;
  char *stream;         /* "public.logins", or "query" */
  char *from;           /* what stands behind FROM */
  uint32_t oid;         /* 0: a query */
  char kind;            /* pg_class.relkind */
  struct field *fields; /* the hidden ones last */
  size_t n, hidden_n;
  size_t cursor[SOURCE_CURSOR_MAX]; /* indexes into fields */
  size_t cursor_n;
  char **key;                      /* primary key, ends with NULL; NULL: none */
  char *index;                     /* one that leads with the cursor; NULL: none */
  bool index_first, cursor_unique; /* an index leads with its first column; it cannot have equal tuples */
};
/* ETL_OK, ETL_STOPPED, or what host->fail() returned; source_table_fini() in all cases. */
int32_t source_table_init(struct source_table *t, struct session *s, const struct source_settings *set, const char *stream);
void source_table_fini(struct source_table *t);
static inline bool source_table_is_table(const struct source_table *t) {
  return t->kind == 'r' || t->kind == 'p' || t->kind == 'm';
}
static inline const struct field *cursor_field(const struct source_table *t, size_t i) { return &t->fields[t->cursor[i]]; }
/* Shown columns as an Arrow schema, with the shard's column if there is one. */
int32_t source_table_schema(const struct source_table *t, const struct etl_host *h, struct ArrowSchema *ret);
/* "schema.table" that settings_parse_table() reads back. */
void stream_name(struct text *t, const char *schema, const char *table);

#endif
