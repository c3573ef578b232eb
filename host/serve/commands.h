/* serve/commands.h: what can be asked of the host, one table.  The host answers by it over its control socket; a command of `etl` that finds no host
 * running uses the same table on the store alone.  Requests and answers are JSON objects (docs/operating.md). */
#ifndef HOST_SERVE_COMMANDS_H
#define HOST_SERVE_COMMANDS_H

#include <jansson.h>

#include "serve/serve.h"

/* The answer is not the end: more comes while it happens. */
enum follow_kind { FOLLOW_NONE = 0, FOLLOW_PARTS /* a long list, of which no more is made than is fetched */, FOLLOW_LOGS, FOLLOW_RUN, FOLLOW_RELOAD };
struct follow {
  enum follow_kind kind;
  char *pipeline;       /* logs: of this one; NULL: of all */
  enum log_level level; /* logs: of at least this level */
  char *run;            /* the first attempt */
  int64_t reading;      /* of the configuration: its number */
  json_t *request;      /* parts: what was asked for */
  char *after;          /* parts: the next one begins behind this */
  size_t told;          /* rows of a list, attempts of a run */
};
void follow_fini(struct follow *f);
bool follow_wants(const struct follow *f, const json_t *record); /* a record of the log */

struct asked {
  const json_t *request;   /* {"cmd": ...} */
  const char *who;         /* asks, for the log */
  int64_t pid;             /* its process */
  struct serve *serve;     /* NULL: no host runs */
  const struct conf *conf;
  struct store *store;     /* NULL: it cannot be used */
  const char *store_error; /* why; NULL */
  int64_t now_ns;
  struct arena *arena;
  json_t *answer;          /* an object, to be filled */
  struct follow follow;    /* for a host alone; of a further part as it was left */
  void (*part)(struct asked *q); /* sends what the answer has so far, and empties it; NULL: all goes at the end */
  void *part_arg;
};
/* Carries out what is asked.  -1: e says why not; class ETL_E_CONFIG: the question was wrong; ETL_E_UNSUPPORTED: this needs a host that runs. */
int command_run(struct asked *q, struct err *e);

struct command {
  const char *name; /* NULL ends the table */
  bool offline;     /* works on the store alone */
  bool changes;     /* is told in the log */
  int (*run)(struct asked *q, struct err *e);
};
extern const struct command commands[];

/* ---- what handlers share ------------------------------------------------------------------------------------------------------------------ */

/* A text of the request; NULL: there is none. */
const char *asked_text(const struct asked *q, const char *key);
bool asked_flag(const struct asked *q, const char *key);
/* A whole number of the request between min and max, dflt without one.  -1: it is none. */
int asked_number(const struct asked *q, const char *key, int64_t min, int64_t max, int64_t dflt, int64_t *ret, struct err *e);
/* The pipeline that the request names.  NULL: e names the nearest. */
const struct conf_pipeline *asked_pipeline(const struct asked *q, struct err *e);
/* Adds a row to a list of the answer, which goes off in parts: it may be long. */
void asked_add(struct asked *q, const char *key, json_t *row);
/* More is to be told behind `after` when this part was fetched: the same handler is called again, with both in q->follow; NULL: this was all. */
void asked_later(struct asked *q, const char *after, size_t told);
/* By id, or the beginning of one; *ret NULL: there is none. */
int asked_run(const struct asked *q, const char *id, struct store_run **ret, struct err *e);
int asked_paused(const struct asked *q, const char *pipeline, bool *ret, struct err *e); /* as the store has it */
/* -1: the store cannot be used just now. */
int asked_store(const struct asked *q, struct err *e);
/* The end of a handler that failed in the store: the host notes that it is away. */
int asked_failed(const struct asked *q, const struct err *e);

/* commands_list.c */
int command_list(struct asked *q, struct err *e);
int command_pause(struct asked *q, struct err *e);
int command_resume(struct asked *q, struct err *e);
int command_breaker(struct asked *q, struct err *e);
/* commands_status.c */
int command_status(struct asked *q, struct err *e);
int command_logs(struct asked *q, struct err *e);
int command_reload(struct asked *q, struct err *e);
/* commands_runs.c */
int command_start(struct asked *q, struct err *e);
int command_stop(struct asked *q, struct err *e);
int command_cancel(struct asked *q, struct err *e);
/* commands_history.c */
int command_info(struct asked *q, struct err *e);
int command_history(struct asked *q, struct err *e);
/* The end of a reload, told in message: what is in force now, and what was wrong with what was read. */
json_t *command_reloaded(const struct serve *s, const char *message);
/* A running run with what its worker said last, as shown_run() has it, and where each lane is. */
json_t *command_live(const struct running *r, bool lanes);

#endif
