/* engine/run.h: a run inside its worker: the parts, the lanes, and what they share. */
#ifndef HOST_ENGINE_RUN_H
#define HOST_ENGINE_RUN_H

#include "engine/lane.h"

struct run {
  const struct spec *spec;
  struct arena *arena;
  struct report report;
  struct metrics metrics;
  struct run_services services;
  struct stop stop;
  struct part extract, load, *transforms;
  struct instance extractor, control; /* the extractor all readers share; the loader's instance of the whole run */
  uint64_t loader_caps;
  uint64_t owner;
  struct lane *lanes;
  size_t lanes_n;
  int64_t started_ns;
  pthread_mutex_t lock;
  pthread_cond_t lane_ended;
  struct err err; /* a failure of the run as a whole; class 0: none */
  const char *err_stage, *err_connector;
  const struct part *control_call; /* part in whose run-wide call the run thread is; for the monitor; under lock */
};

int run_init(struct run *r, const struct spec *spec, int fd, struct calls *calls);
/* The run thread: carries the run out and sends its summary.  0 success, else the process's exit status. */
int run_execute(struct run *r);
/* `etl plan`: sends "plan" events; writes nothing anywhere. */
int run_plan(struct run *r);
/* Sends a "progress" event.  Monitor thread. */
void run_report_progress(struct run *r);
/* Sends the "summary" event with what is known now. */
void run_report_summary(struct run *r, const char *status);
/* Loader's flags for open() of this run. */
uint32_t run_loader_flags(const struct run *r);
/* Loads all parts, opens the extractor and lists the lanes (spec->shards respected).  -1: r->err. */
int run_prepare(struct run *r);
int run_fail(struct run *r, const struct err *e, const struct part *p); /* returns -1 */

/* Exit statuses of a worker and of `etl run`. */
enum { RUN_EXIT_SUCCESS = 0, RUN_EXIT_FAILED = 1, RUN_EXIT_USAGE = 2, RUN_EXIT_PARTIAL = 3, RUN_EXIT_CANCELLED = 4, RUN_EXIT_CRASHED = 5 };

#endif
