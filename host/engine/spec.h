/* engine/spec.h: all that a worker is told about its run.  It goes down the socketpair as one JSON frame, never on a command line,
 * since it may carry secrets. */
#ifndef HOST_ENGINE_SPEC_H
#define HOST_ENGINE_SPEC_H

#include "conf/conf.h"
#include "plugin/registry.h"

enum spec_command { SPEC_RUN = 1, SPEC_PLAN, SPEC_QUARANTINE, SPEC_TARGETS, SPEC_DIGEST, SPEC_REPAIR, SPEC_PREVIEW, SPEC_CONNECTION };

struct spec_stage {
  struct conf_stage conf;
  const char *path; /* of the connector's .so */
  struct plugin_mark mark; /* of that file, as it was looked at */
};
struct spec {
  struct arena *arena;
  enum spec_command command;
  const char *pipeline, *run, *cache_dir;
  struct spec_stage extract, load;
  struct spec_stage *transforms;
  size_t transforms_n;
  int64_t epoch_rows, epoch_bytes, epoch_time_ns;
  int64_t batch_rows, batch_bytes, memory_bytes, stall_timeout_ns;
  int64_t max_files, max_cpu_ns, max_memory_bytes; /* of the worker's process; 0: as its supervisor has them */
  bool no_core;
  int64_t parallelism;
  struct conf_limits limits;
  struct conf_retry retry;
  struct conf_quarantine quarantine;
  struct conf_capture capture;
  const char *quarantine_dir;
  const char **shards; /* only these; shards_n 0: all */
  size_t shards_n;
  const char **skip_shards; /* these are left out (run_leave_out()); none of them need be there */
  size_t skip_shards_n;
  int64_t limit_rows; /* of each lane; 0: none */
  const char *range_from, *range_to; /* a backfill: only this range of the cursor column; NULL: no bound */
  const char *window;                /* cuts the range; NULL: it is read in one go */
  bool full_refresh, keep_staging, dry_run;
  bool interval; /* the range is the next window of a pipeline with interval = true: engine/ranges.h */
  bool repair; /* rows are loaded beside the pipeline's own cursors, from the start, as far as run->sieve lets them */
  bool uses_stdin, uses_stdout; /* of the process that starts the worker; else a connector gets at neither */
  json_t *ask; /* what a command wants to know (engine/ask.h), owned; NULL: nothing more */
  int64_t owner;      /* the fencing number of a host with a queue of runs; 0: the sink picks one */
  bool defer_retries; /* lanes that wait for their retry, with no others at work, are left to the supervisor (engine/defer.h) */
  json_t *retries;    /* "retry" of lanes of the run before, which this one carries on with; owned; NULL: none */
  json_t *cursors;    /* where lanes stand whose sink cannot say so (engine/outside.h); owned; NULL: nobody keeps that */
  bool accept_change; /* options with ETL_OPT_IDENTITY may be others than those that the saved cursors were made with */
};

/* A spec for pipeline p of c, with a fresh run id; connectors are looked up in r.  Command, shards and flags are then set by the caller.
 * Strings are borrowed from c. */
int spec_new(const struct conf *c, const struct conf_pipeline *p, const struct registry *r, struct err *e, struct spec **ret_spec);
/* The same with values for variables of the run (conf/late.h), among them run.id. */
int spec_new_with(const struct conf *c, const struct conf_pipeline *p, const struct registry *r, const json_t *values, struct err *e,
                  struct spec **ret_spec);
/* A fresh one. */
const char *spec_run_id(struct arena *a);
/* A spec for a connection alone (conf_connection()), to ask its connector; kind: an extractor or a loader.  Both stages are the connection. */
int spec_for_connection(const struct conf *c, const struct conf_stage *connection, enum etl_kind kind, const struct registry *r, struct err *e,
                        struct spec **ret_spec);
void spec_free(struct spec *s); /* accepts NULL */
json_t *spec_to_json(const struct spec *s);
int spec_from_json(const json_t *j, struct err *e, struct spec **ret_spec);
/* The first transformer from `from` on that is for the stream; transforms_n: none is. */
size_t spec_transform_for(const struct spec *s, size_t from, const char *stream);

#endif
