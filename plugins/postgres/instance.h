/* instance.h: what an open() made, and the steps its calls are put together from. */
#ifndef POSTGRES_INSTANCE_H
#define POSTGRES_INSTANCE_H

#include "catalog.h"
#include "copy.h"
#include "text.h"

struct instance {
  const struct etl_host *host;
  struct settings settings;
  struct session session;
  char *pipeline, *run;
  bool testing;  /* only looking: nothing is locked or written */
  bool aside;    /* rows go into a table beside the target, which takes its place at the end of the run */
  char *table;   /* the one that rows go into: the target's, or the one aside; in the target's schema */
  struct columns columns; /* of the stream as prepared */
  struct copy copy;
  struct text copy_sql, merge_sql;
  bool staging;    /* the temporary table of this session is there */
  bool in_epoch, copying;
  uint64_t owner, from_epoch;
  int64_t written; /* rows of the epoch in hand */
};

/* Names as SQL: schema.table of the instance's table, of the target, of a table of the state schema. */
void sql_table(struct text *t, const struct instance *in);
void sql_target(struct text *t, const struct instance *in);
void sql_state(struct text *t, const struct instance *in, const char *table);
/* "(a, b, c)" without the brackets, each with prefix before it. */
void sql_columns(struct text *t, const struct columns *c, const char *prefix);
void sql_names(struct text *t, const struct names *n, const char *prefix);
bool names_has(const struct names *n, const char *name);
int32_t out_of_memory(const struct instance *in);

/* target.c */
int32_t target_prepare(struct instance *in, const struct ArrowSchema *schema, bool whole);
/* Matches columns with the table; never changes anything.  Also for `etl plan`. */
int32_t target_match(struct instance *in, const struct table *t, struct columns *columns);
/* That the options go together with the rows. */
int32_t target_check_options(const struct instance *in, const struct columns *columns, bool whole);
void sql_unique_index(struct text *t, const struct instance *in); /* the one that a merge needs */
void sql_create_target(struct text *t, const struct instance *in, const struct columns *columns, const char *table);
void sql_copy(struct text *t, const struct instance *in, const struct columns *columns);

/* merge.c */
#define MERGE_ROW "\"etl: row\"" /* the column of the staging table that counts rows, from 1 in each epoch */
void sql_staging(struct text *t, const struct instance *in, const struct columns *columns);
void sql_merge(struct text *t, const struct instance *in, const struct columns *columns);
int32_t merge_check_keys(struct instance *in); /* no NULL in a key column of the staging table */

/* cursors.c */
int32_t cursors_claim(struct instance *in, const struct etl_claim *c, uint64_t *ret_owner);
int32_t cursors_committed(struct instance *in, int32_t (*each)(void *arg, const struct etl_cursor *), void *arg);
int32_t cursors_store(struct instance *in, const struct etl_cursor *to); /* in the transaction, just before its commit */
int32_t cursors_check_run(struct instance *in, const char *run);         /* that no newer run has taken over */
const char *cursors_scope(const struct instance *in); /* "" or the run whose table aside they belong to */

/* aside.c */
char *aside_name(const char *table, const char *run); /* NULL: no memory */
int32_t aside_create(struct instance *in, const struct columns *columns); /* in prepare(); idempotent */
int32_t aside_remove_leftovers(struct instance *in, const char *run);     /* of all runs but this */
int32_t aside_finish(struct instance *in, const char *run, bool ok);

/* explain.c */
extern const struct etl_explain postgres_explain;

#endif
