/* lookup.h: the lookup transformer between its options (lookup.c), where its table comes from (lookup_csv.c, lookup_sqlite.c,
 * lookup_postgres.c), the table in memory (lookup_table.c, lookup_share.c) and the join
 * (lookup_run.c). */
#ifndef TRANSFORMS_LOOKUP_H
#define TRANSFORMS_LOOKUP_H

#include "cast.h"
#include "keymap.h"
#include "transformer.h"

enum {
  OPT_KEY,
  OPT_KEY_COLUMNS,
  OPT_COLUMNS,
  OPT_FILE,
  OPT_DELIMITER,
  OPT_DATABASE,
  OPT_URL,
  OPT_QUERY,
  OPT_ON_MISSING,
  OPT_ON_DUPLICATE,
  OPT_IGNORE_CASE,
  OPT_MAX_ROWS
};
enum on_missing {
  MISSING_NULL,
  MISSING_DEFAULT,
  MISSING_REJECT,
  MISSING_DROP,
  MISSING_FAIL
};
enum on_duplicate {
  DUPLICATE_FAIL,
  DUPLICATE_FIRST,
  DUPLICATE_LAST
};
enum {
  LOOKUP_KEYS_MAX = 16
};

struct lookup_column { /* of the table, to be added */
  char *column, *into, *fallback;
  struct cast_type type;
};
struct lookup_options { /* of an instance; the table is read by those of the first */
  char **key, **key_columns;
  size_t keys_n;
  struct lookup_column *columns;
  size_t columns_n;
  char *file, *database, *url_ref, *query;
  char delimiter;
  enum on_missing on_missing;
  enum on_duplicate on_duplicate;
  bool ignore_case;
  int64_t max_rows;
};

/* ---- sources ---------------------------------------------------------------------------------------------------------------- */

/* One row of the table: n cells as text, p NULL is NULL; line counts rows or lines from 1. */
typedef int32_t (*lookup_row_fn)(void *arg, const struct etl_bytes *cells, int64_t line);
struct lookup_reader {
  const struct etl_host *host;
  const struct lookup_options *o;
  const char **names; /* of the columns wanted: key columns, then the others */
  size_t names_n;
  lookup_row_fn row;
  void *arg;
};
int32_t lookup_read_csv(const struct lookup_reader *r);
int32_t lookup_read_sqlite(const struct lookup_reader *r);
int32_t lookup_read_postgres(const struct lookup_reader *r);
/* at[i] becomes the index of names[i] among the columns there are; fails with a message that lists those. */
int32_t lookup_find_columns(const struct lookup_reader *r, const char *(*name)(void *table, int64_t i), void *table, int64_t n,
                            int64_t *at);

/* ---- the table -------------------------------------------------------------------------------------------------------------- */

struct lookup_table;
/* Reads it; kinds: "i" integer or "t" text for each key column, as the stream has it. */
int32_t lookup_table_load(const struct etl_host *h, const struct lookup_options *o, const char *kinds, struct lookup_table **ret);
void lookup_table_free(struct lookup_table *t); /* accepts NULL */
/* Row of the values for a key; -1: none. */
int64_t lookup_table_find(const struct lookup_table *t, struct etl_bytes key);
int64_t lookup_table_rows(const struct lookup_table *t);
/* View of value column i.  Its last row, number lookup_table_rows(), is what a key without a match gets. */
const struct etl_view *lookup_table_view(const struct lookup_table *t, size_t i);

/* The table of the run, loaded by the first instance that asks for it; [any] thread. */
struct lookup_share;
int32_t lookup_share_get(const struct etl_host *h, const char *run, const struct lookup_options *o, const char *kinds,
                         struct lookup_share **ret);
void lookup_share_put(struct lookup_share *s); /* accepts NULL */
const struct lookup_table *lookup_share_table(const struct lookup_share *s);

/* A key from parts: room for the whole of it is the caller's to give back with free(). */
struct lookup_key {
  uint8_t *bytes;
  size_t n, cap;
};
int lookup_key_int(struct lookup_key *k, int64_t v);
int lookup_key_text(struct lookup_key *k, struct etl_bytes text, bool ignore_case);

/* ---- an instance ------------------------------------------------------------------------------------------------------------ */

struct lookup {
  const struct etl_host *host;
  struct lookup_options o;
  char *run;
  struct lookup_share *share;
  char kinds[LOOKUP_KEYS_MAX + 1];
  int64_t at[LOOKUP_KEYS_MAX]; /* key columns of the stream */
  struct ArrowSchema in, added;
  struct lookup_key scratch;
};
int32_t lookup_process(void *self, struct etl_msg *in, const struct etl_sink *sink);

#endif
