/* cli/event_text.h: events and errors of a run in words. */
#ifndef HOST_CLI_EVENT_TEXT_H
#define HOST_CLI_EVENT_TEXT_H

#include <stdio.h>

#include <jansson.h>

#include "base/mem.h"
#include "cli/words.h"

enum event_weight {
  EVENT_SILENT = 0,
  EVENT_NEWS,
  EVENT_WARNING,
  EVENT_ERROR
};
/* One line about an event, without control characters, in *ret_text.  EVENT_SILENT: there is nothing to say in a line. */
enum event_weight event_text(struct arena *a, const json_t *event, const char **ret_text);

/* An error over several lines: `who` (a lane, or NULL) and what happened, then what to do, then the numbers to search for. */
void error_print(const json_t *error, const char *who, const struct colours *c, FILE *to);

#endif
