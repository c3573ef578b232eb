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
  struct store_breaker *breakers;
  size_t breakers_n;
  struct serve_event *news; /* told behind the end of the run */
  size_t news_n;
  bool window_done;
  bool told;
  bool again; /* a further attempt is queued: this was not the end for good */
};
/* The same pipeline, due time and window once more, as a row of its own; options NULL: none. */
struct store_run *outcome_queue(struct outcome *o, const char *trigger, int64_t not_before_ns, int64_t attempt, const json_t *options);
/* An event's error, or NULL, as that of the row. */
void outcome_take_error(struct outcome *o, const json_t *error);
/* follow.c: retry, breaker, downstream. */
void outcome_follow(struct outcome *o);

#endif
