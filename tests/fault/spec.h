/* tests/fault/spec.h: what ETL_FAULT asks for.
 *
 *   ETL_FAULT = FAULT[,FAULT...]      FAULT = WHEN:KIND.POINT:N:ACTION[:LANE]
 *
 * WHEN is before or after, N the number of the call (from 1, or "*" for every call), LANE limits the count to the calls of one lane
 * (a loader's) or shard (a reader's).  Calls are counted over the process. */
#ifndef TESTS_FAULT_SPEC_H
#define TESTS_FAULT_SPEC_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "etl/plugin.h"

enum fault_point {
  FAULT_OPEN,
  /* extractor */
  FAULT_DISCOVER,
  FAULT_PLAN,
  FAULT_SPLIT,
  FAULT_READER_OPEN,
  FAULT_READ,
  FAULT_ACK,
  /* transformer */
  FAULT_BIND,
  FAULT_PROCESS,
  FAULT_FLUSH,
  /* loader */
  FAULT_CLAIM,
  FAULT_COMMITTED,
  FAULT_RUN_BEGIN,
  FAULT_PREPARE,
  FAULT_BEGIN,
  FAULT_WRITE,
  FAULT_SETTLE,
  FAULT_REJECT,
  FAULT_COMMIT,
  FAULT_ABORT,
  FAULT_RUN_END,
  FAULT_CAPTURE,
  FAULT_PRUNE,
  FAULT_CLOSE,
  FAULT_POINTS
};
enum fault_action {
  FAULT_KILL,         /* SIGKILL to the own process */
  FAULT_SEGV,         /* write to address 0 */
  FAULT_ABRT,         /* abort() */
  FAULT_EXIT,         /* _exit(0), as a library might */
  FAULT_LEAVE,        /* exit(3) */
  FAULT_OVERFLOW,     /* calls itself until the stack is used up */
  FAULT_LEAK,         /* takes memory until there is none, and uses it */
  FAULT_HOARD,        /* takes addresses until there are none, and uses none of them */
  FAULT_FILES,        /* opens files until it may open no more */
  FAULT_SPIN,         /* loops for ever */
  FAULT_FORK,         /* leaves a process behind, its number in the file that ETL_FAULT_CHILD names */
  FAULT_DAEMON,       /* likewise, in a session of its own */
  FAULT_HANG,         /* never come back, whatever is cancelled */
  FAULT_FAIL,         /* ETL_FAILED without a reason */
  FAULT_RETRYABLE,    /* ETL_FAILED with an error of class retryable */
  FAULT_PERMANENT,    /* likewise permanent */
  FAULT_INDOUBT,      /* likewise in doubt; after: the call itself was made */
  FAULT_TDS_RESET,    /* the control ports in ETL_FAULT_TDS are asked to reset all connections */
  FAULT_PG_TERMINATE, /* all other sessions of the database in ETL_FAULT_PG are ended */
  FAULT_PG_CRASH,     /* who reads the FIFO in ETL_FAULT_PG_CRASH kills the server and starts it again; then writes to the one in ...".done" */
  FAULT_CHATTER,      /* prints to stdout, and reads stdin */
  FAULT_ACTIONS
};

struct fault {
  bool after;
  enum fault_point point;
  uint64_t nth; /* 0: every call */
  enum fault_action action;
  char lane[128]; /* "": any */
  atomic_ullong calls;
};
enum { FAULTS_MAX = 16 };
struct faults {
  struct fault list[FAULTS_MAX];
  unsigned n;
};

/* Adds the faults of one kind in text (the value of ETL_FAULT, may be NULL) to *ret.  0, or -1 after a message on stderr. */
int faults_parse(const char *text, enum etl_kind kind, struct faults *ret);
/* To be called before a call at this point.  ETL_OK: go on; else what the call is to return without being made.  *ret_after gets the
 * fault to carry out after it, or NULL. */
int32_t faults_before(struct faults *f, enum fault_point point, const char *lane, const struct etl_host *host, struct fault **ret_after);
/* To be called with the result of the call.  Gives what to return. */
int32_t faults_after(struct fault *after, const struct etl_host *host, int32_t result);

/* fault/act.c: carries an action out.  Gives ETL_OK, or ETL_FAILED for the actions that fail a call. */
int32_t fault_act(enum fault_action action, const struct etl_host *host, const char *point);
/* fault/harm.c: true if it is one of those that harm the process alone, and it came back. */
bool fault_harm(enum fault_action action);

#endif
