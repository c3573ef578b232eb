/* cli/verify_text.h: what `etl verify` found, for people. */
#ifndef HOST_CLI_VERIFY_TEXT_H
#define HOST_CLI_VERIFY_TEXT_H

#include <jansson.h>

#include "cli/words.h"

/* result: as `etl verify -o json` prints it. */
void verify_print(const json_t *result, const struct colours *c, FILE *to);

#endif
