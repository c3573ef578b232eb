/* loader.h: what an open() of the loader made, its targets, and the steps that its calls are put together from. */
#ifndef SQLITE_LOADER_H
#define SQLITE_LOADER_H

#include "database.h"
#include "types.h"

enum mode { MODE_APPEND, MODE_MERGE, MODE_INSERT_MISSING, MODE_REPLACE, MODE_DELETE_MISSING };
enum { CONTRACT_EVOLVE, CONTRACT_FREEZE };

struct loader;
struct target { /* the table of one stream */
  struct loader *in;
  struct target *next;
  char *stream, *table;
  char *into; /* the table that rows go into: the target, or the one aside */
  struct ArrowSchema rows;
  struct etl_view *views;
  int64_t *key; /* columns of the key */
  sqlite3_stmt *insert;
  bool may_be_there; /* a row that is not stored gives way to the one that is there */
  bool counts; /* a row that is stored counts as a change: not so in a view, whose triggers store it */
};
struct capture { /* tables for records beside the rows; NULL: such records do not come */
  char *raw, *transformed;
};
struct loader {
  const struct etl_host *host;
  struct database d;
  char *table; /* as in the options */
  char **key;
  char *newest_by, *deleted_at; /* NULL: the row read last wins; what is missing is deleted */
  size_t key_n;
  enum mode mode;
  int contract;
  bool create, wal;
  bool testing, keep;
  bool replace, stages; /* rows of a run go into a table aside; at its end they are all that the target has, or are merged into it */
  char *pipeline, *run;
  struct capture capture;
  struct target *targets;
  uint64_t owner;
  bool careful;
  int64_t written; /* rows of the epoch in hand */
};
int32_t loader_connect(struct loader *in);
static inline bool loader_updates(const struct loader *in) { return in->mode == MODE_MERGE || in->mode == MODE_DELETE_MISSING; }
static inline bool loader_merges(const struct loader *in) { return loader_updates(in) || in->mode == MODE_INSERT_MISSING; }
static inline bool loader_asides(const struct loader *in) { return in->replace || in->stages; }

/* ---- target.c */
int32_t target_of(struct loader *in, const char *stream, struct target **ret);
int32_t target_prepare(struct target *g, const struct etl_stream *stream, const struct ArrowSchema *schema);
int32_t target_fail(struct target *g, int code); /* of preparing a statement that merges */
int32_t target_create(struct target *g, const char *table);
int32_t target_add_columns(struct target *g, const char *table); /* those of the rows that the table lacks */
int32_t target_write(struct target *g, const struct ArrowArray *rows);
void targets_fini(struct loader *in);
/* The type that a column of a table made here gets; false: SQLite cannot hold it. */
bool target_is_key(const struct loader *in, const char *column);
bool target_type(const struct loader *in, const struct ArrowSchema *column, char ret[TYPE_BYTES]);
char *target_table(const char *pattern, const char *stream); /* owned; NULL: no memory */
/* Adds the columns of table `like` that `table` does not have, in a transaction. */
int32_t table_add_columns(struct loader *in, const char *table, const char *like);
int32_t table_exists(struct loader *in, const char *table, bool *ret);
int32_t table_has(struct loader *in, const char *table, const char *column, bool *ret);

/* ---- upsert.c */
int32_t upsert_check(const struct target *g);
void upsert_add(sqlite3_str *sql, const struct target *g); /* the clause behind VALUES (...) */

/* ---- state.c */
int32_t state_exists(struct loader *in, bool *ret);
int32_t state_claim(struct loader *in, const struct etl_claim *c, uint64_t *ret_owner);
int32_t state_committed(struct loader *in, int32_t (*each)(void *arg, const struct etl_cursor *), void *arg);
int32_t state_check_owner(struct loader *in); /* in a transaction */
int32_t state_store(struct loader *in, const struct etl_cursor *to);
const char *state_scope(const struct loader *in); /* "" or the run whose tables aside they belong to */
/* A statement without results, with text parameters; ret_changes may be NULL. */
int32_t state_run(struct loader *in, const char *doing, const char *sql, int n, const char *const *params, int *ret_changes);

/* ---- aside.c */
int32_t aside_create(struct target *g);
int32_t aside_note(struct target *g);
/* Were all rows of `from` taken by the statement that has just filled `into`? */
int32_t aside_all_in(struct loader *in, const char *from, const char *into);
int32_t aside_remove(struct loader *in, const char *run, bool others); /* of this run, or of all others */
int32_t aside_swap(struct loader *in, const char *run);

/* ---- missing.c */
int32_t missing_check(const struct target *g, bool whole); /* the options, against the rows */
int32_t missing_prepare(struct target *g);                 /* in a transaction: the target, and what the end of the run needs of it */
int32_t missing_publish(struct loader *in, const char *run, const char *table, const char *target);

/* ---- quarantine.c */
int32_t quarantine_reject(struct loader *in, const struct etl_rejected *const *rows, uint64_t n);
extern const struct etl_quarantine sqlite_quarantine;

/* ---- capture.c: without tables for records they do nothing */
void capture_fini(struct capture *c);
int32_t capture_adopt(struct loader *in, const char *run); /* what the run kept aside comes into sight */
int32_t capture_drop(struct loader *in, const char *run);  /* or goes */
extern const struct etl_capture sqlite_capture;

/* ---- catalog.c, explain.c */
extern const struct etl_catalog sqlite_loader_catalog;
extern const struct etl_explain sqlite_loader_explain;
extern const struct etl_readback sqlite_readback;

extern const struct etl_connector sqlite_loader;

#endif
