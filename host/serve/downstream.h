/* serve/downstream.h: pipelines that run after others (`after`, `on`): what an ended run leads to. */
#ifndef HOST_SERVE_DOWNSTREAM_H
#define HOST_SERVE_DOWNSTREAM_H

#include "serve/serve.h"

struct downstream {
  struct arena *arena;
  const struct store_run *run;
  struct store_run *rows; /* to be queued with the outcome: "queued", or "skipped" for the record */
  size_t n;
};
/* run has ended for good, and need not be stored yet.  Lives in a. */
void downstream_of(struct serve *s, const struct store_run *run, struct arena *a, struct downstream *ret);
bool downstream_has_any(const struct serve *s, const char *pipeline);
void downstream_tell(struct serve *s, const struct downstream *d);
/* The same once more, when the outcome is stored. */
void downstream_again(struct serve *s, const struct store_run *run);

#endif
