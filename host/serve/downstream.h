/* serve/downstream.h: pipelines that run after others (`after`, `on`): what an ended run leads to. */
#ifndef HOST_SERVE_DOWNSTREAM_H
#define HOST_SERVE_DOWNSTREAM_H

#include "serve/serve.h"

bool downstream_has_any(const struct serve *s, const char *pipeline);
/* Queues, or records as skipped, what comes after runs that have ended; some of them at a time: true, if there may be more. */
bool downstream_follow(struct serve *s);

#endif
