/* instance.h: what an open() made, its targets, and the steps its calls are put together from. */
#ifndef POSTGRES_INSTANCE_H
#define POSTGRES_INSTANCE_H

#include "catalog.h"
#include "copy.h"
#include "text.h"

struct instance;
struct target { /* the table of one stream */
  struct instance *in;
  struct target *next;
  char *stream; /* as the host names it */
  char *schema, *table;
  char *name;      /* "schema.table", for messages */
  char *into_schema, *into; /* the table that rows go into: the target, the one aside, or the run's staging table */
  char staging[24]; /* the temporary table that the merge of an epoch goes through */
  enum mode mode;
  const struct names *key;
  const char *newest_by; /* NULL: the row read last wins */
  const char *deleted_at, *staging_definition; /* NULL: none */
  struct ArrowSchema rows; /* as prepared */
  struct columns columns;
  char *shape;     /* of the table when columns were matched with it in an epoch; NULL: not yet */
  bool at_staging; /* what is matched is the staging table, which takes every column */
  bool followed;   /* in this epoch: the table still has that shape */
  bool linked;     /* a constraint ties its rows to others: in a careful epoch they wait for them */
  bool refers;     /* a foreign key of it refers to another target: its rows wait in every epoch */
  struct copy copy;
  bool staged;     /* the staging table is there */
  bool staged_now; /* made in the transaction in hand, it goes if that is undone */
  int64_t staged_rows; /* in this epoch; 0: nothing to merge */
  struct staged_fields *fields; /* at the end of a run with rows that the target refuses */
};
struct capture_table {
  char *schema, *table; /* NULL: such records do not come */
};
struct capture { /* where records go beside the rows */
  struct capture_table raw, transformed;
  struct text refused; /* rows of VALUES: at the end of the run, those that the target does not take */
};
struct instance {
  const struct etl_host *host;
  struct settings settings;
  struct session session;
  char *pipeline, *run;
  char *lane;    /* without the number of a piece; "" for the whole run */
  bool testing;  /* only looking: nothing is locked or written */
  bool replace;  /* rows go into tables beside the targets, which take their places at the end of the run */
  bool stages;   /* rows go into staging tables of the run, and from there to the targets at its end */
  bool anew;     /* stages, and what was committed before does not count */
  bool keep;     /* staging tables of a failed run stay */
  struct capture capture;
  struct target *targets;
  struct target *copying; /* whose COPY is open; NULL: none */
  bool ordered;  /* targets: a table that another one refers to comes before it */
  bool in_epoch, careful, settled;
  uint64_t owner;
  int64_t written; /* rows of the epoch in hand */
  int64_t from_epoch; /* where its first lane stood */
};
int32_t out_of_memory(const struct instance *in);
int32_t instance_connect(struct instance *in); /* session_connect(); a new session has no staging tables */

/* Are rows by key merged epoch by epoch, through a temporary table? */
static inline bool target_merges(const struct target *g) { return mode_merges(g->mode) && !g->in->stages; }
/* Do rows wait in a temporary table until the epoch is settled? */
static inline bool target_waits(const struct target *g) {
  return target_merges(g) || (!g->in->stages && !g->in->replace && (g->refers || (g->linked && g->in->careful)));
}
/* Do rows carry their number in a column of the staging table? */
static inline bool target_numbers(const struct target *g) {
  return ((mode_merges(g->mode) || g->in->stages) && g->in->settings.commit_sql.n == 0) || target_waits(g);
}
/* Does the raw form of rows come with them, for those that are set aside later? */
static inline bool target_keeps_raw(const struct target *g) { return g->in->careful && target_waits(g); }

/* Runs what was put together in sql, and forgets it. */
int32_t run_text(struct instance *in, const char *doing, struct text *sql);
/* Names as SQL: schema.table of the table that rows go into, of the target, of a table of the state schema. */
void sql_table(struct text *t, const struct target *g);
void sql_target(struct text *t, const struct target *g);
void sql_state(struct text *t, const struct instance *in, const char *table);
/* "(a, b, c)" without the brackets, each with prefix before it. */
void sql_columns(struct text *t, const struct columns *c, const char *prefix);
void sql_names(struct text *t, const struct names *n, const char *prefix);

/* ---- targets.c */
/* The target of a stream, made when it is asked for the first time. */
int32_t target_of(struct instance *in, const char *stream, struct target **ret);
/* In prepare(): the table is this stream's for the whole run.  Lanes have instances of their own, and only the sink knows all of them. */
int32_t target_take(struct target *g);
void targets_fini(struct instance *in);
/* The target that is the same for every stream; NULL: it depends on the stream. */
const char *targets_only(const struct instance *in);

/* ---- target.c */
int32_t target_prepare(struct target *g, const struct ArrowSchema *schema, bool whole);
int32_t target_follow(struct target *g); /* in an epoch: the statements fit the table as it is now */
/* That the options go together with the rows. */
int32_t target_check_options(const struct target *g, const struct columns *columns, bool whole);
void sql_unique_index(struct text *t, const struct target *g); /* the one that a merge needs */
void sql_create_target(struct text *t, const struct target *g, const struct columns *columns, const char *table);
/* In a transaction, as lanes get here together: each with "; " behind it.  A table's lock is taken first (what ""), then its schema's. */
void sql_lock(struct text *t, const char *what, const char *name);
void sql_create_schema(struct text *t, const char *schema); /* one that is there needs no right to make one */
void sql_copy(struct text *t, const struct target *g, const struct columns *columns);

/* ---- contract.c */
/* Matches columns with the table; never changes anything.  What the table needs is added to `alter`, as actions of ALTER TABLE. */
int32_t target_match(struct target *g, const struct table *t, struct columns *columns, struct text *alter);
int32_t contract_apply(struct target *g, struct table *t); /* alters the table until it takes the rows; t is read anew then */
/* In an epoch, before the first row: matches anew when the table is no longer what it was, under whatever contract. */
int32_t contract_follow(struct target *g, bool *ret_changed);

/* ---- drift.c */
void drift_report(const struct target *g, uint32_t kind, const char *column, const char *from, const char *to);
int32_t drift_tell(struct target *g, const struct table *t); /* columns of the table that the rows of this lane had, and have no more */

/* ---- links.c: how targets hang together */
int32_t links_find(struct target *g, const struct table *t); /* in prepare(): sets linked */
int32_t links_order(struct instance *in);                    /* and sets refers */

/* ---- merge.c */
#define MERGE_ROW "\"etl: row\"" /* the column of the staging table that counts rows, from 1 in each epoch */
#define MERGE_RAW "\"etl: raw\"" /* and the one with their raw form */
#define MERGE_LANE "\"etl: lane\"" /* of a staging table of a run: whose they are, as JSON ["stream", "shard"] */
void sql_staging(struct text *t, const struct target *g, const struct columns *columns);
/* From the staging table of the epoch or of the run; only rows from..to of it; to 0: all. */
void sql_merge(struct text *t, const struct target *g, const struct columns *columns, int64_t from, int64_t to);
int32_t merge_all(struct target *g);     /* what is staged; fails at a row that cannot be merged */
int32_t merge_careful(struct instance *in); /* what is staged of all targets; rows that cannot be merged are set aside */
int32_t merge_parts(struct instance *in);   /* the same, when it is known that they cannot be merged in one go */
/* That each row that was merged is there, itself or another one of its key: a trigger may have left it out. */
int32_t merge_check_there(struct target *g, int64_t from, int64_t to);
int32_t merge_refuse_fewer(const struct target *g); /* not all that was to be there is */

/* ---- settle.c: the epoch's way into the targets */
int32_t settle_write(struct target *g, struct etl_msg *m);
int32_t settle_pause(struct instance *in); /* the session takes other statements of the epoch */
int32_t settle_epoch(struct instance *in); /* nothing of the epoch is under way any more */
/* Runs step under a savepoint.  ETL_OK; ETL_IDLE: it failed because of a row, and was undone: in->session.trouble has why; else as it is. */
int32_t settle_try(struct instance *in, int32_t (*step)(void *arg), void *arg);

/* ---- cursors.c */
int32_t cursors_claim(struct instance *in, const struct etl_claim *c, uint64_t *ret_owner);
int32_t cursors_committed(struct instance *in, int32_t (*each)(void *arg, const struct etl_cursor *), void *arg);
/* In the transaction, just before its commit.  from_epoch: where the lane stood at begin(). */
int32_t cursors_store(struct instance *in, const struct etl_cursor *to);
int32_t cursors_check_owner(struct instance *in);                /* under a lock that a claim waits for */
int32_t cursors_check_run(struct instance *in, const char *run); /* that no newer run has taken over */
const char *cursors_scope(const struct instance *in);            /* "" or the run whose tables aside they belong to */
/* fmt with each @ replaced by the state schema's name. */
int32_t state_query(struct instance *in, const char *doing, const char *fmt, int n, const char *const *params, const int *lengths,
                    const int *formats, PGresult **ret);

/* ---- state.c */
int32_t state_has(struct instance *in, const char *table, bool *ret);
int32_t state_exists(struct instance *in, bool *ret); /* with all that this version knows */
int32_t state_create(struct instance *in); /* or brings older tables up to date; idempotent */

/* ---- quarantine.c */
int32_t quarantine_store(struct instance *in, const struct etl_rejected *r); /* one more */
int32_t quarantine_reject(struct instance *in, const struct etl_rejected *const *rows, uint64_t n);
extern const struct etl_quarantine postgres_quarantine;

/* ---- capture.c: without tables for records they do nothing */
void capture_fini(struct capture *c);
int32_t capture_adopt(struct instance *in, const char *run); /* what the run kept aside comes into sight, but for what was refused */
int32_t capture_drop(struct instance *in, const char *run);  /* or goes */
void capture_refused(struct instance *in, const struct etl_rejected *r); /* at the end of a run: a row that the target does not take */
extern const struct etl_capture postgres_capture;

/* ---- aside.c, aside_swap.c */
int32_t aside_create(struct target *g, const struct columns *columns);    /* in prepare(); idempotent */
int32_t aside_remove_leftovers(struct instance *in, const char *run);     /* of all runs but this */
int32_t aside_finish(struct instance *in, const char *run, bool ok);
int32_t aside_note(struct target *g);                                     /* lists the table that rows go into, to be removed some day */
int32_t aside_drop(struct instance *in, const char *run);                 /* what this run made */

/* ---- staged.c: a run whose rows are staged */
int32_t staged_create(struct target *g);                /* in prepare(); idempotent */
int32_t staged_default(struct target *g, const char *column, struct text *alter); /* adds the target's, for rows without that column */
int32_t staged_finish(struct instance *in, const char *run, bool ok);

/* ---- publish.c: from the staging table to the target, at the end of the run */
void sql_publish(struct text *t, const struct target *g, const struct columns *columns);
int32_t publish_targets(struct instance *in, const char *run);
/* stagings: name (quoted) and stream of each table. */
int32_t publish_sql(struct instance *in, const PGresult *stagings);

/* ---- publish_careful.c: with rows that only the target refuses */
/* Takes what was staged, of g->columns, as an epoch to be merged: see merge_parts(). */
int32_t careful_stage(struct target *g);
/* Of that, sets rows aside for which where holds. */
int32_t careful_reject(struct target *g, const char *where, const struct etl_error *e, const char *why);
void careful_fini(struct target *g);

/* ---- readback.c */
extern const struct etl_readback postgres_readback;

/* ---- explain.c */
extern const struct etl_explain postgres_explain;

#endif
