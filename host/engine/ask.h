/* engine/ask.h: what a worker does beside runs and plans: a command asks connectors, the answer goes up as events, the last one of them
 * "answer", or "summary" with an error.  spec->command says what is asked, spec->ask more of it.  The run thread. */
#ifndef HOST_ENGINE_ASK_H
#define HOST_ENGINE_ASK_H

#include "engine/run.h"

struct ask_command { /* what rooms above the engine add */
  enum spec_command command; /* 0 ends a list */
  int (*answer)(struct run *r); /* as ask_answer() */
};
/* Answers.  An enum run_exit. */
int ask_answer(struct run *r);
/* Loads a connector into one of r's parts.  -1: r->err. */
int ask_load(struct run *r, struct part *p, const struct spec_stage *s, enum etl_kind kind, const char *stage);
/* r->err is set, or the run was stopped: tells it.  The exit status. */
int ask_failed(struct run *r);

/* ---- one file each: an enum run_exit once "answer" was sent, -1: r->err */
int ask_quarantine(struct run *r);
int ask_preview(struct run *r);
int ask_connection(struct run *r);

#endif
