/* engine/postmortem.h: what a supervisor knows of a worker that may die: its events so far, and how to make a summary of them. */
#ifndef HOST_ENGINE_POSTMORTEM_H
#define HOST_ENGINE_POSTMORTEM_H

#include <stdbool.h>

#include <jansson.h>

#include "engine/calls.h"

struct postmortem {
  char *pipeline, *run;
  json_t *lanes;   /* lane name to the fields last known */
  double seconds;  /* of the last progress */
};
void postmortem_init(struct postmortem *p, const char *pipeline, const char *run);
void postmortem_fini(struct postmortem *p);
/* Learns from an event on its way to the user. */
void postmortem_note(struct postmortem *p, const json_t *event);
/* The "summary" of a worker that left with wait_status and without one.  asked_to_stop: it was killed because it did not stop. */
json_t *postmortem_summary(const struct postmortem *p, int wait_status, const struct calls *calls, bool asked_to_stop);

#endif
