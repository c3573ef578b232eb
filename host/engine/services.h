/* engine/services.h: the host's side of struct etl_host: one table per instance and per reader.  The marks of plugin.h hold. */
#ifndef HOST_ENGINE_SERVICES_H
#define HOST_ENGINE_SERVICES_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/err.h"
#include "base/mem.h"
#include "engine/budget.h"
#include "engine/calls.h"
#include "engine/reject.h"
#include "engine/report.h"
#include "engine/stop.h"
#include "engine/turn.h"
#include "etl/plugin.h"
#include "plugin/options.h"

struct metrics { /* counters and gauges of connectors, by name */
  pthread_mutex_t lock;
  json_t *counters, *gauges;
  json_t *changes; /* of schemas, as they were told: each lane may come upon the same one */
};
struct run_services { /* what all instances of a run share */
  struct report *report;
  struct budget *budget;
  struct calls *calls;
  struct metrics *metrics;
  struct reject_limit *limit;
};
struct origins { /* what a transformer told of the rows that it emits next */
  bool wanted, told;
  int64_t *rows; /* owned; NULL: each of the one in its place */
  uint64_t n;
};
struct services {
  struct etl_host host; /* first: a connector's pointer to it is a pointer to the whole */
  const struct run_services *run;
  const char *connector, *stage, *lane; /* lane NULL: the run's own instance */
  const struct secrets *secrets;
  struct stop *stop;
  _Atomic enum stop_mode heeds; /* the least that its calls are cancelled by: STOP_FINISH as long as nothing is in hand */
  struct arena *scratch;
  struct call_slot *slot;
  struct turn *turn; /* NULL unless ETL_CAP_ONE_AT_A_TIME */
  pthread_mutex_t lock;           /* of err */
  struct err err;                 /* class 0: no fail() yet */
  struct rejects rejects;         /* set aside and not yet taken; the thread that calls the connector */
  _Atomic int64_t rejected;       /* how many ever were */
  struct origins origins;
  int64_t rows_read;              /* at the end of a run, by all its lanes; else 0 */
  _Atomic int64_t *in_hand;       /* the lane's count of rows set aside in epochs not yet committed; NULL: none is kept */
};

void metrics_init(struct metrics *m);
void metrics_fini(struct metrics *m);

void services_init(struct services *s, const struct run_services *run, const char *connector, const char *stage, const char *lane,
                   const struct secrets *secrets, struct stop *stop, struct turn *turn);
void services_fini(struct services *s);
/* Around every call into the connector: CALL(svc, "next", api->next(...)) is its value.  -1: it cannot be called any more, and there is no
 * call to leave; the reason is kept as if the connector had given it. */
__attribute__((warn_unused_result)) int services_enter(struct services *s, const char *function);
int32_t services_leave(struct services *s, int32_t status);
#define CALL(svc_, function_, call_) (services_enter((svc_), (function_)) == 0 ? services_leave((svc_), (call_)) : ETL_FAILED)
/* After ETL_FAILED: the reason, or an internal error that names connector and function.  Returns -1. */
int services_take_err(struct services *s, struct err *e);

#endif
