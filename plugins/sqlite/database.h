/* database.h: one connection to a file of SQLite, and what its errors mean for a run.  One thread at a time; cancelling the run wakes it. */
#ifndef SQLITE_DATABASE_H
#define SQLITE_DATABASE_H

#include <sqlite3.h>

#include "etl/sdk.h"

#define OPTION(name_, type_, ...)                                                                                                  \
  &(const struct etl_option) { .struct_size = sizeof(struct etl_option), .type = type_, .name = name_, __VA_ARGS__ }

struct database {
  const struct etl_host *host;
  char *path;
  sqlite3 *db; /* NULL: not open */
  uint64_t busy_ms;   /* how long a lock is waited for */
  uint64_t waited_ms; /* for the lock in hand */
  bool read_here;     /* it is waited for in vain: this process has it */
  int64_t began_ns;   /* the transaction in hand; 0: none */
  int64_t held_ns;    /* all of them since database_yield() */
};
/* Sets it up; connects to nothing.  After it, failed or not, database_fini(). */
int32_t database_init(struct database *d, const struct etl_host *h, const char *path, int64_t busy_ns);
void database_fini(struct database *d);
/* Opens it with SQLITE_OPEN_ flags; does nothing when it is open. */
int32_t database_open(struct database *d, int flags);
void database_close(struct database *d);
bool database_exists(const struct database *d); /* is there a file? */

/* Fails with what SQLite says about `code`; ETL_STOPPED when it was cancelled. */
int32_t database_fail(const struct database *d, int code, const char *doing);
/* The same for a statement's own mistakes: option names where it comes from. */
int32_t database_fail_sql(const struct database *d, const char *option, const char *doing);
int32_t database_no_memory(const struct database *d);
bool database_is_of_row(int code); /* a constraint, a type or a size: the row is to blame */

int32_t database_run(struct database *d, const char *doing, const char *sql); /* statements without results */
/* sql (owned, from sqlite3_mprintf(); NULL: no memory) is freed. */
int32_t database_run_owned(struct database *d, const char *doing, char *sql);
int32_t database_prepare(struct database *d, const char *doing, const char *sql, sqlite3_stmt **ret);
int32_t database_prepare_owned(struct database *d, const char *doing, char *sql, sqlite3_stmt **ret);
/* Text parameters 1..n; NULL is NULL.  They live until the statement's end. */
void database_bind(sqlite3_stmt *stmt, int n, const char *const *texts);
/* One step: *ret_row tells whether there is a row. */
int32_t database_step(struct database *d, const char *doing, sqlite3_stmt *stmt, bool *ret_row);
int32_t database_begin(struct database *d); /* BEGIN IMMEDIATE: waits for other writers */
void database_held(struct database *d);     /* at the transaction's end: counts how long it was */
/* Before the next one: lets others have their turn, if this connection has held the lock for long since it last did. */
int32_t database_yield(struct database *d);
void database_rollback(struct database *d); /* idempotent */

#endif
