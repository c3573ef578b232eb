/* cli/answer.h: commands that a worker answers: from the pipeline's name to the worker's end, with its warnings and errors told. */
#ifndef HOST_CLI_ANSWER_H
#define HOST_CLI_ANSWER_H

#include "cli/launch.h"

/* Gets every event; false: it is none of the command's, and is told on stderr if it is a warning or an error. */
typedef bool answer_fn(void *arg, json_t *event);

/* Starts a worker for l->spec, whose command and ask are set.  The exit status. */
int answer_wait(const struct launch *l, answer_fn *event, void *arg);

#endif
