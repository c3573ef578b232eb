/* cli/plan_text.h: the "plan" event for people. */
#ifndef HOST_CLI_PLAN_TEXT_H
#define HOST_CLI_PLAN_TEXT_H

#include <stdio.h>

#include <jansson.h>

#include "cli/words.h"

/* How each lane is read, the columns on their way, how they are written, and what a run guarantees.  What is the same for several
 * lanes is shown once, under all their names. */
void plan_print(const json_t *plan, const struct colours *c, FILE *to);

#endif
