/* cli/runs.h: runs of the state store, for people. */
#ifndef HOST_CLI_RUNS_H
#define HOST_CLI_RUNS_H

#include <stdbool.h>

#include <jansson.h>

/* A line each, as wide as the terminal at most. */
void runs_print(const json_t *runs, bool with_pipeline, size_t indent);

#endif
