/* engine/run.h: a run inside its worker: the parts, the lanes, and what they share.  Threads: the run thread carries it out; the monitor
 * (engine/worker.c) reads what is atomic or under a lock, and reports. */
#ifndef HOST_ENGINE_RUN_H
#define HOST_ENGINE_RUN_H

#include "engine/lane.h"

/* Exit statuses of a worker and of `etl run`. */
enum run_exit {
  RUN_EXIT_SUCCESS = 0,
  RUN_EXIT_FAILED = 1,
  RUN_EXIT_USAGE = 2,
  RUN_EXIT_PARTIAL = 3,
  RUN_EXIT_CANCELLED = 4,
  RUN_EXIT_CRASHED = 5
};

struct source { /* a stream of a shard, as the extractor tells it */
  struct source *next;
  struct etl_stream stream;
  struct etl_shard shard;
};
struct kept { /* what the sink has committed of a lane, of this run or not */
  struct kept *next;
  const char *stream, *shard, *note;
  uint64_t epoch;
  struct etl_bytes cursor;
  bool finished;
};

struct ask_command;
/* Leaves rows out that are not to be loaded: rows are a batch of schema, of stream; it may be replaced by another one.  The lane's own
 * thread; host is the loader's.  0, -1 with e. */
typedef int run_sieve_fn(const struct run *r, const struct etl_host *host, const char *stream, const struct ArrowSchema *schema,
                         struct ArrowArray *rows, struct err *e);
struct run {
  const struct spec *spec;
  const struct ask_command *more_commands; /* beside those of engine/ask.c; NULL: none */
  struct arena *arena;
  struct report report;
  struct metrics metrics;
  struct reject_limit limit;
  struct run_services services;
  struct stop stop;
  struct part extract, load, *transforms;
  struct instance extractor;   /* all readers share it */
  struct instance *transformers; /* one of each, open for the whole run: mistakes show before anything moves, and what they share stays loaded */
  struct instance control;     /* the loader's, for what concerns the run */
  uint64_t loader_caps;
  uint64_t owner;
  struct source *sources;      /* those that were asked for */
  json_t *left_out;            /* shards that were taken out of them (spec->skip_shards) */
  struct kept *kept;
  json_t *identity; /* engine/identity.h */
  struct governor *governor;
  struct lane *lanes;
  size_t lanes_n;
  int (*drain)(struct lane *l); /* takes the writer's place, as writer_run(): for commands that only look at rows; NULL: rows are loaded */
  run_sieve_fn *sieve;          /* NULL: all rows are loaded */
  int64_t started_ns;
  pthread_mutex_t lock;
  pthread_cond_t lane_ended; /* or began to wait */
  _Atomic bool deferring;    /* set under lock: lanes that wait end, see engine/defer.h */
  int64_t refused;           /* rows that the loader set aside at the end of the run: the lanes had counted them as written */
  bool outside;              /* its cursors are kept by the supervisor, see engine/outside.h */
  struct conf_capture capture; /* as far as this run does so */
  bool control_open;         /* the monitor may cancel it; under lock */
  bool summary_sent;         /* under lock */
  struct err err;            /* a failure of the run as a whole; class 0: none */
  const char *err_stage, *err_connector;
};

void run_init(struct run *r, const struct spec *spec, int fd, struct calls *calls);
void run_fini(struct run *r); /* only when no lane was abandoned */
/* Loads all parts, opens the extractor and the transformers, lists the sources (spec->shards respected).  -1: r->err. */
int run_prepare(struct run *r);
/* Opens the loader's instance of the run and learns what it can do.  -1: r->err. */
int run_open_control(struct run *r);
int run_reopen_control(struct run *r, struct err *e); /* after run_close_control(): a new connection, the same run */
void run_close_control(struct run *r);
/* Then: leaves out the sources of spec->skip_shards, unless the target is replaced as a whole: their rows would be lost.  -1: r->err. */
int run_leave_out(struct run *r);
/* What is committed, from the sink.  -1: r->err. */
int run_ask_committed(struct run *r);
/* Any thread: the lanes; none before pieces_make_lanes(). */
struct lane *run_lanes(struct run *r, size_t *ret_n);
/* The run thread: carries the run out, with r->sieve, and sends its last event.  An enum run_exit. */
int run_load(struct run *r);
/* The run thread: carries the run (or the plan) out and sends its last event.  An enum run_exit. */
int run_execute(struct run *r);
/* After run_prepare() and with r->drain set: reads all lanes to their ends, from the start or from where the sink stands, and sends
 * the summary.  An enum run_exit. */
int run_drain(struct run *r, bool from_committed);
/* `etl plan`, after run_prepare(): sends the "plan" event; writes nothing anywhere.  An enum run_exit. */
int run_plan(struct run *r);
/* Any thread: asks every lane, and what the run thread waits in, to stop. */
void run_cancel(struct run *r, enum stop_mode mode);
bool run_abandoned(const struct run *r); /* some lane's threads were given up */
/* Loader's flags for open() of this run. */
uint32_t run_loader_flags(const struct run *r);
/* Keeps why the run as a whole failed (the first reason).  Returns -1. */
int run_fail(struct run *r, const struct err *e, const struct part *p); /* p NULL: the host itself */
int run_fail_exit(const struct run *r); /* the exit status that goes with r->err */

/* ---- engine/summary.c: events of the run; any thread ------------------------------------------------------------------------- */
void run_report_start(struct run *r);
void run_report_progress(struct run *r);
void run_report_lane(struct run *r, struct lane *l);
void run_report_summary(struct run *r, const char *status); /* the first call counts */

#endif
