/* cli/progress.h: what `etl run` shows of a run while it goes on, and at its end.  Event loop thread. */
#ifndef HOST_CLI_PROGRESS_H
#define HOST_CLI_PROGRESS_H

#include <stdio.h>

#include <jansson.h>

#include "base/clock.h"

struct progress;
/* kind: bar, log, json or none, as --progress says it; NULL: bar on a terminal, else log.  A bar becomes a log where err is no
 * terminal that can redraw.  out: what was asked for; err: what goes on, and what went wrong. */
struct progress *progress_new(const char *kind, FILE *out, FILE *err, const struct clock *clock);
void progress_free(struct progress *p); /* accepts NULL */
void progress_event(struct progress *p, const json_t *event);
/* Something that this process has to say, in a line. */
void progress_note(struct progress *p, const char *text);

#endif
