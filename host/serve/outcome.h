/* serve/outcome.h: the end of a run while it is made: the row it becomes, and what it leads to.  Lives in the arena of its run. */
#ifndef HOST_SERVE_OUTCOME_H
#define HOST_SERVE_OUTCOME_H

#include "serve/serve.h"

struct outcome {
  struct running *of;
  struct store_run row;
  struct store_task *tasks;
  size_t tasks_n;
  struct store_run *queue; /* what is to be queued with it */
  size_t queue_n;
  bool window_done;
};
/* follow.c: retry, breaker, downstream. */
void outcome_follow(struct outcome *o);

#endif
