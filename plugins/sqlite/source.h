/* source.h: the extractor's settings, and one reader of it. */
#ifndef SQLITE_SOURCE_H
#define SQLITE_SOURCE_H

#include "database.h"
#include "tuple.h"
#include "types.h"

struct list {
  char **v;
  size_t n;
};
struct source { /* what open() keeps */
  const struct etl_host *host;
  char *path, *query, *where, *stream;
  int64_t busy_ns;
  struct list tables, columns, cursor;
  struct list types; /* column, type, column, type ... */
};
struct source_column {
  int at; /* in the statement */
  struct etl_format f;
};
struct range { /* of rows that are wanted; from, to NULL: no bound */
  const char *from, *to; /* borrowed while the reader is opened */
  const char *name;      /* of the column, likewise */
  int64_t column;        /* in the schema; n_children: it is the rowid */
};
struct reader {
  const struct source *s;
  struct database d;
  char *stream;
  bool is_query, has_rowid;
  struct ArrowSchema schema;
  struct source_column *columns; /* one a column of the schema */
  struct etl_batch batch;
  sqlite3_stmt *stmt;
  int *cursor_at; /* columns of the statement */
  struct range range;
  struct tuple last, now;
  struct text_buffer told; /* the cursor of the last message */
  uint64_t rows, limit_rows, want_rows, want_bytes;
  bool pending; /* the statement stands on a row that was not taken yet */
  bool told_schema, ended;
};

/* ---- table.c: what is in the database */
/* Tells the tables and views whose names match, with their keys; all: each name must have one. */
int32_t table_list(struct database *d, const struct list *names, bool all, uint32_t flags, int32_t (*each)(void *arg, const struct etl_stream *), void *arg);
/* Finds out what a stream consists of and prepares to read it behind `from`. */
int32_t table_open(struct reader *r, const struct tuple *from);

/* ---- range.c: of r->range; nothing happens when there is none */
int32_t range_find(struct reader *r, const char *key); /* key: the first column of the primary key, or NULL */
void range_add(struct reader *r, sqlite3_str *sql);
int32_t range_bind(struct reader *r);

/* ---- reader.c */
int32_t reader_open(void *self, const struct etl_read *read, void **ret);
int32_t reader_next(void *reader, uint64_t wait_ms, uint32_t want_cursor, struct etl_msg *m);
void reader_close(void *reader);

/* ---- catalog.c, explain.c */
extern const struct etl_catalog sqlite_source_catalog;
extern const struct etl_explain sqlite_source_explain;

extern const struct etl_connector sqlite_source;

#endif
