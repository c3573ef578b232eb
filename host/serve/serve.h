/* serve/serve.h: the long-running host from inside.  One thread, one libev loop; everything here belongs to it.
 *
 *   enqueue.c  due times -> runs in the store's queue
 *   tick.c     ... -> runs claimed -> running.c
 *   running.c  one worker: started, watched, stopped
 *   outcome.c  the end of a run: tasks, retry, breaker, all in one transaction of the store
 *   downstream.c  ... -> runs that come after it in the queue
 *   lease.c    leases of what runs; runs of hosts that are gone
 *   jobs.c     what is known of each pipeline, over reloads
 *   events.c   serve_event(): every change of state goes through it, into log, store and parts
 *   reload.c   the configuration read anew
 *   parts.c    the table of parts: what else lives on the loop (control socket, watching of files, notifications ...)
 *
 * The store may be away at any time: serve_store_failed() notes it once, nothing new starts, outcomes wait in `ended`. */
#ifndef HOST_SERVE_SERVE_H
#define HOST_SERVE_SERVE_H

#include <ev.h>

#include "engine/supervise.h"
#include "serve/generation.h"
#include "serve/log.h"
#include "serve/systemd.h"
#include "store/store.h"

struct serve;
struct due;

/* ---- what the host knows of a pipeline ------------------------------------------------------------------------------------------------ */

struct running;
struct outcome;
struct job_breaker;
struct job { /* lives as long as its pipeline is configured, or runs */
  char *name;
  const struct conf_pipeline *conf; /* of serve->gen; NULL: it is not there any more, and goes when its run has ended */
  int64_t last_due_ns;              /* due times up to here have been queued or left out */
  int64_t next_due_ns;              /* INT64_MAX: never */
  int64_t begins_ns;                /* due times before this are of no schedule that it had then; 0: all are */
  int64_t window_to_ns;
  bool paused;
  size_t index;                     /* in serve->jobs, and in serve->due */
  bool waiting;                     /* a scheduled run of it may be in the queue */
  char *left_out;                   /* why due times are left out now; NULL: they are not */
  int64_t left_out_ns;              /* the first of them, which history tells of */
  size_t left_out_n;                /* those behind it */
  struct running *running;          /* NULL: it does not run here */
  struct job_breaker *breakers;     /* serve/breakers.h */
  size_t breakers_n;
};

/* ---- a run with its worker ------------------------------------------------------------------------------------------------------------ */

enum stop_why { WHY_NONE = 0, WHY_USER, WHY_HOST_STOPS, WHY_DEADLINE, WHY_MEMORY, WHY_LEASE, WHY_STORE };
enum { RUNNING_LINES = 20 };
struct running {
  struct running *next;
  struct serve *serve;
  struct arena *arena;       /* holds run */
  struct store_run run;      /* as it was claimed */
  struct job *job;
  struct generation *gen;    /* the one it began with */
  const struct conf_pipeline *conf; /* of gen */
  struct supervised *worker;
  json_t *options;           /* of run; NULL: none */
  json_t *progress, *summary; /* the newest "progress" event; the last event; NULL: not yet */
  json_t *positions;         /* of lanes, that the store does not have yet (serve/positions.h); NULL: there were none */
  char *lines[RUNNING_LINES]; /* its last warnings and errors; lines_n counts all */
  size_t lines_n;
  ev_timer deadline;
  int64_t started_ns;        /* wall clock */
  int64_t lease_until_mono_ns;
  enum stop_mode asked;
  enum stop_why why;         /* the first reason */
  char *reason;              /* in words, of who asked; NULL */
  struct outcome *outcome;   /* once it has ended; in arena */
};

/* ---- events ------------------------------------------------------------------------------------------------------------------------------- */

struct serve_event {
  enum log_level level;
  const char *kind; /* run, retry, breaker, reload, store, host, schedule, plugin */
  const char *name; /* what happened, for machines: "started", "succeeded", "failed", "opened", "missed" ... */
  const char *pipeline, *run, *stage, *shard; /* NULL: does not apply */
  const char *message;
  const struct running *of;             /* the run that it is about, alive during the call; NULL */
  const struct store_run *outcome;      /* of an ended run; NULL */
};
/* The one way to tell that something has changed: log, store's events (written with the next batch), parts. */
void serve_event(struct serve *s, const struct serve_event *e);
__attribute__((format(printf, 5, 6))) void serve_tell(struct serve *s, enum log_level level, const char *kind, const char *name, const char *fmt,
                                                      ...);
/* Writes what is waiting to the store; without one it stays, the oldest are dropped beyond a limit. */
void serve_flush_events(struct serve *s);
void serve_events_free(struct serve *s);

/* ---- parts -------------------------------------------------------------------------------------------------------------------------------- */

/* Something else that lives on the loop, in a file of its own and a row of serve_parts (parts.c).  Every function may be NULL. */
struct serve_part {
  const char *name; /* NULL ends the table */
  int (*open)(struct serve *s, void **ret_self, struct err *e); /* -1: the host does not start */
  void (*close)(struct serve *s, void *self);
  void (*event)(struct serve *s, void *self, const struct serve_event *e);
  void (*reloaded)(struct serve *s, void *self, const struct generation *old); /* s->gen is the new one; old still lives */
  void (*worker_event)(struct serve *s, void *self, const struct running *r, json_t *event); /* of engine/events.md, as it came */
};
extern const struct serve_part serve_parts[];
enum { PARTS_MAX = 16 };
int serve_parts_open(struct serve *s, struct err *e);
void serve_parts_close(struct serve *s);
void serve_parts_reloaded(struct serve *s, const struct generation *old);
void serve_parts_worker_event(struct serve *s, const struct running *r, json_t *event);
void *serve_part_self(struct serve *s, const char *name); /* NULL: it is not open */

/* ---- the host ------------------------------------------------------------------------------------------------------------------------------ */

enum serve_state { SERVE_STARTING = 0, SERVE_RUNNING, SERVE_STOPPING };
struct waiting_event;
struct serve {
  struct ev_loop *loop;
  struct clock clock;
  enum serve_state state;
  const char *conf_path; /* as -c has it; NULL */
  char *host;            /* name among the hosts of a store */
  int64_t started_ns;
  struct describes *describes;
  struct generation *gen;
  struct diags reload_errors; /* of the last reading, if it failed; serve/reload.h */
  int64_t reload_ns;          /* when it was tried */
  struct log *log;
  struct systemd systemd;
  struct store *store;
  bool rebooted;           /* runs of @reboot are queued */
  bool follow;             /* runs may have ended that nobody has looked behind */
  bool clock_told;         /* that it differs from that of the store's server */
  bool store_away;         /* the last call failed; under retry */
  int64_t store_away_ns;   /* since when, wall clock */
  char *store_error;       /* why; NULL */
  struct job **jobs;       /* by name */
  size_t jobs_n;
  struct due *due;
  struct running *running; /* with a worker */
  size_t running_n;
  struct running *ended;   /* outcomes the store does not have yet */
  struct waiting_event *events, *events_last;
  size_t events_n;
  enum stop_mode stopping;
  int64_t ticked_ns;       /* wall clock at the last tick */
  ev_timer tick, lease, store_retry, stop_timer, prune, watchdog;
  ev_signal signals[4];
  void *parts[PARTS_MAX];
  size_t parts_open;
};

/* Runs until it is told to stop; what `etl serve` does.  The exit status (0, or 2 with the reasons printed). */
int serve_main(const char *conf_path, const struct clock *clock);
/* STOP_FINISH: nothing new starts, runs end with their next commit, then the loop ends; STOP_NOW: they end at once. */
void serve_stop(struct serve *s, enum stop_mode mode, const char *reason);
/* As soon as the loop gets to it: looks what is due and what can be started.  Cheap; call it whenever something may have changed. */
void serve_poke(struct serve *s);
void serve_follow(struct serve *s); /* the same, when runs have ended that others come after */
size_t serve_max_running(const struct serve *s);
int64_t serve_now(const struct serve *s); /* wall clock, ns */
/* Takes over a configuration that was read: jobs, due times, parts.  Takes the reference.  Reloading itself is done elsewhere. */
void serve_take(struct serve *s, struct generation *g);
struct log_settings serve_log_settings(const struct conf *c);
/* After a call of the store that failed.  True: it is away, the call is to be made again later; false: the call itself is wrong, or its run is
 * somebody else's. */
bool serve_store_failed(struct serve *s, const struct err *e);
/* Opens the store, or asks whether it answers again; then what waited for it goes on.  -1: not yet, or (e is not retryable) never. */
int serve_store_try(struct serve *s, struct err *e);

/* jobs.c */
struct job *serve_job(const struct serve *s, const char *pipeline); /* NULL: there is none */
void serve_jobs_take(struct serve *s, const struct generation *g);  /* makes, keeps and drops jobs */
int serve_jobs_learn(struct serve *s, struct err *e);               /* from the store: paused, last_due, window_to */
int serve_jobs_learn_paused(struct serve *s, struct err *e);        /* the first of these alone, which others change */
void serve_jobs_clock(struct serve *s);                            /* the clock was set back */
void serve_jobs_free(struct serve *s);
void serve_job_next(struct serve *s, struct job *j); /* next_due_ns from last_due_ns */
/* enqueue.c */
void serve_enqueue_due(struct serve *s, struct arena *a);
void serve_tell_left_out(struct serve *s); /* when the host stops */
bool serve_enqueue_reboot(struct serve *s); /* once, when the host has its store; false: it did not take them */
const char *serve_connections(const struct conf_pipeline *p, struct arena *a); /* names, a space between them */
/* tick.c */
void serve_tick_init(struct serve *s);
/* lease.c */
void serve_lease_init(struct serve *s);
int serve_renew(struct serve *s, struct err *e); /* leases of all that runs */
int serve_reap(struct serve *s, struct err *e);
/* running.c */
/* Starts the worker of a run that was claimed.  -1, with class RUN_EMPTY: there is nothing for it to do; else: e says why; the caller
 * decides what becomes of the run. */
enum { RUN_EMPTY = 1000 };
int running_start(struct serve *s, const struct store_run *run, struct err *e);
void running_cancel(struct running *r, enum stop_mode mode, enum stop_why why, const char *reason);
/* A run without a worker yet; running_start() makes one itself. */
struct running *running_new(struct serve *s, const struct store_run *run);
void running_free(struct running *r);
struct running *serve_running(const struct serve *s, const char *run); /* by id, or the beginning of one; NULL: none, or several */
/* outcome.c */
void outcome_of(struct running *r); /* its worker has ended: takes r */
/* A run that never had a worker: claimed, and could not be started; or left behind by a host that is gone (state "crashed"). */
void outcome_without_worker(struct serve *s, const struct store_run *run, const char *state, const struct err *e);
void outcome_retry_store(struct serve *s); /* those that wait in s->ended */

#endif
