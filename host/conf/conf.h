/* conf/conf.h: configuration as typed structs.  No libconfig type shows here.  A struct conf is immutable once loaded and may be
 * read from any thread; everything in it lives until conf_free(). */
#ifndef HOST_CONF_CONF_H
#define HOST_CONF_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/diag.h"
#include "base/mem.h"
#include "base/zone.h"
#include "conf/schedule.h"

enum conf_kind {
  CONF_STRING = 1,
  CONF_INT,
  CONF_FLOAT,
  CONF_BOOL,
  CONF_LIST,
  CONF_GROUP
};

/* A setting as written, variables expanded.  The options of connectors stay in this form until they meet the connector's own option
 * table (plugin/options.h). */
struct conf_node {
  enum conf_kind kind;
  bool secret;          /* its text came from ${file:...}: never print it */
  bool broken;          /* a variable in it is missing: already reported, so nobody else complains of it */
  const char *name;     /* NULL for an element of a list */
  const char *origin;   /* "pipelines.d/login.conf:12" */
  const char *base_dir; /* absolute folder of the file it stands in: where a relative path starts */
  const char *text;     /* scalars as a user would type them */
  int64_t i;            /* CONF_INT, CONF_BOOL */
  double f;             /* CONF_FLOAT */
  struct conf_node **kids;
  size_t kids_n;
};
const struct conf_node *conf_node_find(const struct conf_node *group, const char *name); /* NULL: not there */

struct conf_stage {       /* one connector in a pipeline */
  const char *plugin;     /* connector name: "sqlserver" */
  const char *connection; /* NULL: none */
  const char *origin;
  const char *base_dir;            /* folder of the pipeline's file */
  const struct conf_node *options; /* group: the connection's settings, overridden by the stage's own */
  const struct conf_node *streams; /* of a transformer: the streams it is for, a text or a list; NULL: all */
};
bool conf_stage_takes(const struct conf_stage *s, const char *stream);
struct conf_retry { /* error_handling */
  int64_t max_retries;
  int64_t retry_delay_ns, max_retry_delay_ns, retry_timeout_ns;
  int64_t jitter_ns; /* each pause is longer by less than this, by chance */
  bool exponential_backoff;
};
struct conf_breaker { /* circuit_breaker */
  int64_t threshold;  /* 0: none */
  int64_t cooldown_ns;
};
struct conf_quarantine { /* quarantine */
  int64_t max_rows;      /* of a run; 0: the first bad row fails its lane */
  int64_t max_percent;   /* of the rows read by a lane */
};
struct conf_capture { /* capture */
  bool raw, transformed;
  const char *raw_table, *transformed_table; /* NULL: as the loader likes */
  int64_t keep_ns;                           /* 0: for ever */
};
struct conf_limits { /* limits, of extract: of each shard, over all its lanes; 0: none */
  int64_t sessions;  /* readers at the same time */
  int64_t rows_per_second, bytes_per_second;
};
struct conf_serve { /* serve: of the long-running host */
  const char *host;       /* its name among those that share a state store; NULL: the machine's */
  int64_t max_running;    /* runs at the same time; 0: as many as there are processors */
  int64_t lease_ns, stop_timeout_ns;
  int64_t worker_memory_bytes; /* 0: no limit */
  int64_t worker_files;        /* descriptors */
  int64_t worker_cpu_ns;       /* 0: no limit */
  bool worker_cores;
  const char *log_file;   /* absolute; NULL: stderr */
  const char *log_format; /* text or json */
  const char *log_level;  /* debug, info, warning, error */
  const char *control_socket; /* absolute; NULL: serve/socket.h says where */
  const char *control_group;  /* NULL: that of the host's user */
  int64_t history_age_ns, history_count; /* 0: no limit */
};
enum conf_catch_up { /* times that were due while the host was down */
  CATCH_UP_NONE,
  CATCH_UP_LATEST,
  CATCH_UP_ALL
};
enum conf_on { /* what upstreams must have come to */
  ON_SUCCESS,
  ON_ANY
};
struct conf_upstream { /* of after */
  const char *name, *origin;
};
struct conf_pipeline {
  const char *name; /* file name without .conf: [A-Za-z0-9_.-]+ */
  const char *file;
  const char *description; /* "" if none */
  const char *schedule;    /* as written; NULL: none */
  const char *timezone;    /* "UTC" if none */
  struct schedule when;    /* schedule */
  const struct zone *zone; /* timezone */
  int64_t start_at_ns, end_at_ns; /* 0: not given; no run is due before, or at and after */
  int64_t jitter_ns;
  int64_t catch_up; /* enum conf_catch_up */
  struct conf_upstream *after;
  size_t after_n;
  int64_t on;       /* enum conf_on */
  int64_t priority; /* higher ones first */
  int64_t run_timeout_ns; /* 0: none */
  bool interval;          /* each run covers the time since the one before */
  bool enabled;           /* false: only when asked */
  struct conf_stage extract;
  int64_t parallelism; /* of extract: pieces that a shard is read in, as far as the extractor can cut it */
  struct conf_limits limits;
  struct conf_stage *transforms;
  size_t transforms_n;
  struct conf_stage load;
  int64_t epoch_rows, epoch_bytes, epoch_time_ns; /* epoch = { rows = ..; bytes = "64MiB"; time = "10s"; } */
  int64_t batch_rows, batch_bytes;                /* batch = { rows = ..; bytes = ..; } */
  int64_t memory_bytes;                           /* memory = "256MiB" */
  int64_t stall_timeout_ns;                       /* stall_timeout = "5m": a connector call longer than this is hung; 0: no limit */
  struct conf_retry retry;
  struct conf_quarantine quarantine;
  struct conf_capture capture;
  struct conf_breaker breaker;
  uint64_t digest; /* of all that is set; another reading of the same settings has the same */
};
struct conf {
  struct arena *arena;
  const char *file;
  const char *const *plugin_dirs; /* ends with NULL; absolute */
  const char *pipeline_dir;       /* absolute */
  const char *cache_dir;          /* copies of connectors; absolute */
  const char *quarantine_dir;     /* rows set aside by pipelines whose loader cannot keep them; absolute */
  const char *state;              /* URL of the state store */
  struct conf_pipeline *pipelines;
  size_t pipelines_n;
  const char *const *pipeline_names; /* ends with NULL */
  const char *const *unread;         /* names of pipelines whose files could not be read at all (reported); ends with NULL */
  const struct connections *connections; /* conf/stage.h */
  const char *const *connection_names;   /* ends with NULL */
  const int64_t *connection_max;         /* one a name: runs that may use it at the same time; 0: any number; of conf_load() for all pipelines */
  struct conf_serve serve;
  const struct conf_node *notify_list;   /* as written; NULL: none */
  const struct conf_notify *notify;      /* conf/notify.h; only after a load of all pipelines, or conf_load_notify() */
  size_t notify_n;
};

/* Reads etl.conf and its pipeline directory.  path NULL: $ETL_CONF, else ./conf/etl.conf or ./etl.conf if there, else the installed
 * one, else /etc/etl/etl.conf. only: load just this pipeline (others are not even parsed, so their mistakes do not matter); NULL:
 * all.  0, or -1 with at least one error in d; warnings may be there in both cases. */
int conf_load(const char *path, const char *only, struct diags *d, struct conf **ret_conf);
/* The same for a checker: also with errors it gives what could be read, so that more mistakes can be found; never to be run.
 * -1: there is nothing to go on with. */
int conf_load_for_check(const char *path, const char *only, struct diags *d, struct conf **ret_conf);
/* etl.conf alone: neither pipelines nor connections are looked at.  path NULL and none in the usual places: all defaults. */
int conf_load_main(const char *path, struct diags *d, struct conf **ret_conf);
/* The same, also with mistakes in it that are none of syntax: what they spoil is NULL.  Without the names of pipelines. */
int conf_load_main_for_check(const char *path, struct diags *d, struct conf **ret_conf);
/* As conf_load_main(), with the targets of `notify`, whose variables nobody else needs. */
int conf_load_notify(const char *path, struct diags *d, struct conf **ret_conf);
/* As conf_load_main(), with one pipeline that is written in no file: text is what would be in its file, but no variable is looked up;
 * origin names it in messages.  Mistakes in it are in d while the rest is given, as with conf_load_for_check(). */
int conf_load_text(const char *path, const char *name, const char *text, const char *origin, struct diags *d, struct conf **ret_conf);
void conf_free(struct conf *c); /* accepts NULL */
const struct conf_pipeline *conf_pipeline_find(const struct conf *c, const char *name);
/* A connection as a stage of its own, its variables looked up.  0, or -1 with errors in d. */
int conf_connection(const struct conf *c, const char *name, struct diags *d, struct conf_stage *ret_stage);
/* The pipelines' names, for "did you mean"; ends with NULL; lives in c. */
const char *const *conf_pipeline_names(const struct conf *c);

/* A stage as JSON and back, for the way to the worker.  The JSON carries secrets: it never leaves the socketpair. */
json_t *conf_stage_to_json(const struct conf_stage *s);
int conf_stage_from_json(const json_t *j, struct arena *a, struct conf_stage *ret_stage);

#endif
