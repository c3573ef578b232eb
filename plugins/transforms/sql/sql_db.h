/* sql_db.h: a database in memory with nothing in it but the batch in hand, locked down to reading, and one statement over the batch.
 * One thread at a time, which may be another from call to call. */
#ifndef TRANSFORMS_SQL_DB_H
#define TRANSFORMS_SQL_DB_H

#include "sql/batch_table.h"

struct sql_db {
  const struct etl_host *host;
  const char *connector, *option; /* for messages: option holds the user's SQL */
  const char *subject;            /* what of it is being prepared, or NULL */
  sqlite3 *db;
  sqlite3_stmt *stmt;
  struct batch_table table;
  struct ArrowSchema schema; /* of the batch */
  bool narrow;               /* the statement is made of expressions over one row */
};
/* What comes out of a statement's step. */
enum sql_step {
  SQL_ROW,
  SQL_END,
  SQL_BAD,    /* the row in hand, sqlite3_errmsg() says why: sql_db_skip() goes on behind it */
  SQL_STOPPED /* ETL_STOPPED or ETL_FAILED is in *ret_status, told to the host */
};

/* Opens it for batches of in->schema, which are table `name` in it.  After it, failed or not, sql_db_fini(). */
int32_t sql_db_init(struct sql_db *s, const struct etl_host *h, const char *connector, const char *name, const struct etl_stream *in);
/* Prepares the statement in place of the one before and tries it out.  option (a literal) is where the user's part of it stands: a mistake is ETL_E_CONFIG. */
int32_t sql_db_prepare(struct sql_db *s, const char *option, const char *text);
/* An error in the user's SQL: SQLite's message and the nearest column. */
int32_t sql_db_fail(const struct sql_db *s, const char *option);
/* Checks that text can stand in parentheses: one expression, all its own closed. */
int32_t sql_db_expression(const struct etl_host *h, const char *connector, const char *option, const char *text);
void sql_db_fini(struct sql_db *s); /* accepts a zeroed one */

int32_t sql_db_begin(struct sql_db *s, const struct ArrowArray *rows);
enum sql_step sql_db_step(struct sql_db *s, int32_t *ret_status);
void sql_db_skip(struct sql_db *s);
void sql_db_end(struct sql_db *s);
int32_t sql_db_no_memory(const struct sql_db *s);

/* regexp(pattern, text), which "text REGEXP pattern" calls.  SQLite's code. */
int sql_functions(sqlite3 *db);

#endif
