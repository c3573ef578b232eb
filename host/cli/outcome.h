/* cli/outcome.h: the end of a run, for people: a table of its lanes, what it came to, and every error. */
#ifndef HOST_CLI_OUTCOME_H
#define HOST_CLI_OUTCOME_H

#include "cli/run_view.h"
#include "cli/words.h"

/* The whole report of a "summary" event; times of lanes come from the view. */
void outcome_print(const json_t *summary, const struct run_view *v, const struct colours *c, FILE *to);
/* Its errors alone. */
void outcome_errors(const json_t *summary, const struct colours *c, FILE *to);

#endif
