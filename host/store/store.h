/* store/store.h: what the host remembers: the queue of runs, their history, and the state of pipelines.  SQLite by default, PostgreSQL when
 * several hosts share it; callers cannot tell which.
 *
 * Calls: one thread at a time.  Each returns 0, or -1 with *e and nothing changed.  Class ETL_E_RETRYABLE: the store cannot be reached, is
 * locked or full just now; the same call again later is right, also when the answer alone was lost.  Every other class stays wrong.
 * Times are ns since 1970 UTC (the store keeps microseconds), 0: none.  Texts that come back lie in the arena given. */
#ifndef HOST_STORE_STORE_H
#define HOST_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"

/* States of runs, by name.  Before they end: queued, claimed (by a host, under a lease), running.  Ended: succeeded, partial, failed, cancelled,
 * crashed, skipped.  Of tasks: running and the ended ones. */

struct store_run {
  const char *id;       /* made by whoever queues it; unique for ever */
  const char *pipeline;
  const char *trigger;  /* schedule, catch_up, manual, retry, dependency, probe, reboot */
  const char *state;
  int64_t due_ns, queued_ns, not_before_ns, started_ns, ended_ns;
  int64_t window_from_ns, window_to_ns;
  int64_t priority;        /* higher first */
  int64_t attempt;         /* 1.. */
  const char *root;        /* id of the first attempt; its own for that one (NULL is taken as that) */
  const char *connections; /* names, a space between them */
  const char *options;     /* JSON object, or NULL */
  const char *host;        /* who claimed it, or NULL */
  int64_t lease_until_ns, fence;
  int64_t rows_read, rows_written, rows_filtered, rows_rejected, bytes;
  const char *error_class, *error_code, *error_message, *error_remedy, *error_stage, *error_connector;
  const char *reason; /* why skipped or cancelled */
  const char *cancel; /* somebody asked for its end: "finish" (at its next commit) or "now"; NULL: nobody */
};
struct store_task { /* one stage of one lane of a run */
  const char *run, *stage, *stream, *shard, *state;
  int64_t attempts, rows_in, rows_out, bytes, started_ns, ended_ns;
  const char *error_class, *error_code, *error_message, *error_remedy;
};
struct store_event {
  int64_t id; /* given by the store, growing */
  int64_t at_ns;
  const char *level; /* debug, info, warning, error */
  const char *kind;  /* run, breaker, reload, store ... */
  const char *host, *pipeline, *run, *stage, *shard; /* NULL: does not apply; host NULL at adding: this one */
  const char *message;
};
struct store_pipeline {
  const char *name;
  bool paused;
  int64_t fence;        /* of its last claim */
  int64_t last_due_ns;  /* due times up to here have been queued or left out */
  int64_t window_to_ns; /* end of the last window that succeeded */
};
struct store_breaker {
  const char *pipeline, *shard; /* shard "": the pipeline's own */
  const char *state;            /* closed, open, half_open */
  int64_t failures, opened_ns, changed_ns;
  const char *reason;
};
struct store_cursor {
  const char *pipeline, *stream, *shard;
  int64_t owner, epoch;
  const char *cursor; /* the engine's text; to be put, NULL: the lane is forgotten */
};
struct store_notice { /* of one target of notifications */
  const char *id;      /* made by whoever saves it */
  const char *target;
  const char *waiting; /* JSON, the notifier's */
};
struct store_host {
  const char *name, *machine;
  int64_t pid, started_ns, seen_ns;
};

/* ---- opening ------------------------------------------------------------------------------------------------------------------------ */

struct store;
enum store_use {
  STORE_READ,  /* nothing is made or brought up to date; class ETL_E_UNSUPPORTED: there is no store yet */
  STORE_WRITE, /* for a command beside the host, or while none runs; made if it is not there */
  STORE_SERVE  /* a host: also refused (ETL_E_CONFIG) while another one serves: on the same SQLite file, or by the same name in PostgreSQL */
};
/* url: as conf/state.h checks it; PostgreSQL's tables lie in the schema etl_state, or "?schema=NAME".  host: the name of this host among all
 * that share the store.  A store written by a newer version is refused, an older one is brought up to date (not by STORE_READ). */
int store_open(const char *url, enum store_use use, const char *host, int64_t now_ns, struct err *e, struct store **ret);
void store_close(struct store *s); /* accepts NULL */
const char *store_place(const struct store *s); /* for people: the file, or server/database; never a password */
/* Looks whether the store answers, and notes that this host was seen. */
int store_ping(struct store *s, int64_t now_ns, struct err *e);
/* As of the last ping: what this machine's clock lacks to that of the store's server; 0: less than a second, or the store is a file. */
int64_t store_clock_behind_ns(const struct store *s);
int store_hosts(struct store *s, struct arena *a, struct store_host **ret, size_t *ret_n, struct err *e);

/* ---- the queue ---------------------------------------------------------------------------------------------------------------------- */

/* Adds runs in one transaction; what is used of each: all but host, lease and fence; state "queued", or an ended one for the record ("skipped").
 * A run whose id is there already, and one of trigger schedule, catch_up or dependency whose (pipeline, due) is, is left as it is: several hosts
 * may queue the same slot.  supersede: when a run was queued, its pipeline's retries still waiting become "skipped", but for those
 * of runs that were asked for by hand (trigger manual): what they were to do, no scheduled run does.
 * One of trigger schedule or catch_up whose pipeline is paused is not added.
 * last_due_ns of its pipeline grows to the due of a run of trigger schedule or catch_up; one that is further ahead of now than STORE_AHEAD_NS, by
 * a clock that was wrong, becomes it.  ret_added: n of them, or NULL. */
#define STORE_AHEAD_NS (INT64_C(86400) * 1000000000)
int store_enqueue(struct store *s, const struct store_run *runs, size_t n, bool supersede, int64_t now_ns, bool *ret_added, struct err *e);
/* Runs that ended, in whichever way, and of which nobody has yet looked for what comes after them: the earliest ones behind `after`, at most
 * limit; after NULL: the first. */
int store_unfollowed(struct store *s, const struct store_run *after, int64_t limit, struct arena *a, struct store_run **ret, size_t *ret_n,
                     struct err *e);
/* Somebody has, of these n, and found that queue is to be added: as by store_enqueue() without supersede, in the same transaction. */
int store_followed(struct store *s, const struct store_run *runs, size_t n, const struct store_run *queue, size_t queue_n, int64_t now_ns,
                   bool *ret_added, struct err *e);

struct store_limits {
  int64_t max;                    /* runs to be claimed by this call */
  const char *const *connections; /* of these, at most connection_max[i] may be in use by all hosts' active runs together */
  const int64_t *connection_max;
  size_t connections_n;
  /* Asked for each candidate, in order, within the transaction: true takes it.  It must not call the store.  NULL: all are taken. */
  bool (*accept)(void *arg, const struct store_run *candidate);
  void *arg;
};
/* Claims queued runs whose time has come (not_before <= now), whose pipeline is neither paused nor has an active run: by priority, due, queued.
 * One transaction; two hosts never get the same run, nor two runs of one pipeline.  Each gets a fence: greater than any before of its
 * pipeline, and at least now in microseconds. */
int store_claim(struct store *s, int64_t now_ns, int64_t lease_until_ns, const struct store_limits *limits, struct arena *a, struct store_run **ret,
                size_t *ret_n, struct err *e);
/* Gives a claimed run back to the queue (the host could not start it now).  ETL_E_FENCED: the lease was lost. */
int store_unclaim(struct store *s, const char *id, int64_t fence, int64_t not_before_ns, struct err *e);
/* claimed -> running.  ETL_E_FENCED: the lease was lost. */
int store_running(struct store *s, const char *id, int64_t fence, int64_t started_ns, struct err *e);

struct store_lease {
  const char *id;
  int64_t fence;
  bool lost;          /* set by store_renew(): no longer ours; its worker must stop */
  const char *cancel; /* set by store_renew(): "finish" or "now" was asked for; a constant */
};
int store_renew(struct store *s, struct store_lease *leases, size_t n, int64_t lease_until_ns, struct err *e);

/* The end of a run, and all that follows from it, in one transaction. */
struct store_outcome {
  const struct store_run *run; /* what counts: id, fence, state, ended_ns, started_ns, window_from_ns, window_to_ns, counts, error_*, reason */
  const struct store_task *tasks;
  size_t tasks_n;
  const struct store_run *queue; /* a retry, a probe: as by store_enqueue() without supersede */
  size_t queue_n;
  bool followed;    /* nothing comes after it: store_unfollowed() does not tell of it */
  bool window_done; /* run->window_to_ns becomes the pipeline's, unless that is later */
  const struct store_breaker *breakers;
  size_t breakers_n;
  const struct store_event *events;
  size_t events_n;
};
/* ETL_E_FENCED: the lease was lost.  An outcome that is stored already is left as it is, which is success. */
int store_finish(struct store *s, const struct store_outcome *o, struct err *e);

/* Takes over runs that nobody works on: those whose lease is over and, at the first call of a host, those that it itself (with SQLite: any host)
 * left behind.  Each is then ours under a new fence and a lease until lease_until; `host` tells whose it was.  The caller ends each by
 * store_finish(), "crashed" and with a retry if one is due; if it dies before that, the next one takes them over. */
int store_reap(struct store *s, int64_t now_ns, int64_t lease_until_ns, struct arena *a, struct store_run **ret, size_t *ret_n, struct err *e);

/* Earliest not_before of a queued run after now; INT64_MAX: none. */
int store_next(struct store *s, int64_t now_ns, int64_t *ret_ns, struct err *e);
struct store_counts {
  int64_t queued, waiting /* of those, not yet to be started */, claimed, running;
};
int store_count(struct store *s, int64_t now_ns, struct store_counts *ret, struct err *e);
/* A queued run is cancelled; of an active one its host is told by store_renew().  how: "finish" or "now".  *ret_state: what it was before, a
 * constant; NULL: there is no such run.  Ended ones are left. */
int store_cancel(struct store *s, const char *id, const char *how, const char *reason, int64_t now_ns, const char **ret_state, struct err *e);
/* The same for all of a pipeline that have not ended. */
int store_cancel_all(struct store *s, const char *pipeline, const char *how, const char *reason, int64_t now_ns, int64_t *ret_n, struct err *e);

/* What is queued of those pipelines (others: of all but those), `limit` runs at most; *ret are the cancelled ones.  What has begun is left. */
struct store_names;
int store_cancel_queued(struct store *s, const struct store_names *of, bool others, const char *reason, int64_t now_ns, int64_t limit, struct arena *a,
                        struct store_run **ret, size_t *ret_n, struct err *e);

/* ---- history ------------------------------------------------------------------------------------------------------------------------ */

struct store_filter {
  const char *pipeline;      /* NULL: all */
  const char *states;        /* names, a comma between them; NULL: all */
  const char *root;          /* all attempts of one; NULL: all */
  int64_t since_ns, before_ns; /* queued in [since, before); 0: open */
  const char *before_id;     /* those that were queued at before_ns, too, if they stand behind this one; NULL: none of them */
  int64_t limit;             /* 0: 1000 */
};
/* The latest queued first. */
int store_list(struct store *s, const struct store_filter *f, struct arena *a, struct store_run **ret, size_t *ret_n, struct err *e);
/* Those of a pipeline for a due time, the same way. */
int store_of_due(struct store *s, const char *pipeline, int64_t due_ns, struct arena *a, struct store_run **ret, size_t *ret_n, struct err *e);
/* id, or those that begin so: none, one, or two of several. */
int store_get(struct store *s, const char *id, struct arena *a, struct store_run **ret, size_t *ret_n, struct err *e);
struct store_names { /* of pipelines */
  const char *const *list;
  size_t n;
};
/* The last ended and the active run of each pipeline that has any, one row each at most.  of NULL: of all. */
int store_latest(struct store *s, const struct store_names *of, struct arena *a, struct store_run **ret, size_t *ret_n, struct err *e);
/* At most limit queued runs of some pipelines: by name, then those first that may start first. */
int store_waiting(struct store *s, const struct store_names *of, int64_t limit, struct arena *a, struct store_run **ret, size_t *ret_n, struct err *e);
int store_tasks(struct store *s, const char *run, struct arena *a, struct store_task **ret, size_t *ret_n, struct err *e);
int store_event_add(struct store *s, const struct store_event *events, size_t n, struct err *e);
/* Those after id `after`, oldest first; after < 0: the newest `limit` ones.  pipeline, run: NULL for all. */
int store_events(struct store *s, int64_t after, const char *pipeline, const char *run, int64_t limit, struct arena *a, struct store_event **ret,
                 size_t *ret_n, struct err *e);
#define STORE_HOST_AGE_NS (INT64_C(30) * 86400 * 1000000000) /* one that was not seen since is forgotten */
/* Forgets ended runs (with tasks) and events that are older, or more than keep_count; 0: no limit.  The last run of a pipeline stays.  Removes
 * a bounded number a call, so that it does not block: again while *ret_n > 0. */
int store_prune(struct store *s, int64_t now_ns, int64_t keep_age_ns, int64_t keep_count, int64_t *ret_n, struct err *e);

/* ---- state of pipelines ------------------------------------------------------------------------------------------------------------- */

/* What is due while a pipeline is paused is left out: when it goes on, last_due_ns becomes now. */
int store_pause(struct store *s, const char *pipeline, bool paused, int64_t now_ns, struct err *e);
int store_paused(struct store *s, struct arena *a, struct store_pipeline **ret, size_t *ret_n, struct err *e); /* those that are */
/* What is known of some pipelines, or (NULL) of all, by name as strcmp() has it. */
int store_pipelines(struct store *s, const struct store_names *of, struct arena *a, struct store_pipeline **ret, size_t *ret_n, struct err *e);
/* Grows last_due_ns and window_to_ns where those given (0: leave) are later; one transaction. */
int store_pipelines_note(struct store *s, const struct store_pipeline *p, size_t n, struct err *e);
/* Those of some pipelines, or (NULL) of all, by name as strcmp() has it. */
int store_breakers(struct store *s, const struct store_names *of, struct arena *a, struct store_breaker **ret, size_t *ret_n, struct err *e);
/* Closed without failures: is forgotten.  A pipeline's own that is not open: its probes that wait in the queue become "skipped". */
int store_breakers_save(struct store *s, const struct store_breaker *b, size_t n, struct err *e);
int store_cursors(struct store *s, const char *pipeline, struct arena *a, struct store_cursor **ret, size_t *ret_n, struct err *e);
/* One transaction.  ETL_E_FENCED: one of them belongs to a greater owner, or its epoch is not below c's; what is there already, with the same
 * owner, is no mistake: the answer to it may have been lost. */
int store_cursors_put(struct store *s, const struct store_cursor *c, size_t n, struct err *e);

/* ---- what is still to be told --------------------------------------------------------------------------------------------------------- */

#define STORE_NOTICE_AGE_NS (INT64_C(3) * 86400 * 1000000000) /* what was saved before that is forgotten */
/* All that this host has for a target; what hosts have saved that were not seen for silent_ns becomes its own. */
int store_notices_take(struct store *s, const char *target, int64_t now_ns, int64_t silent_ns, struct arena *a, struct store_notice **ret, size_t *ret_n,
                       struct err *e);
/* Saves n rows in the place of those whose ids are in forget, in one transaction. */
int store_notices_put(struct store *s, const char *const *forget, size_t forget_n, const struct store_notice *rows, size_t n, int64_t now_ns,
                      struct err *e);

#endif
