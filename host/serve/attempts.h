/* serve/attempts.h: a run and its further attempts.  Lanes that are not tried again stay as they ended, so what a run comes to is what all of its
 * attempts did together; the options of each have, as "before", what those before it have settled. */
#ifndef HOST_SERVE_ATTEMPTS_H
#define HOST_SERVE_ATTEMPTS_H

#include "serve/outcome.h"

/* Into the options of the next attempt.  again: shards that it tries again; NULL: all. */
void attempts_keep(const struct running *r, const json_t *again, json_t *options);
/* The last warnings and errors, of the attempts before and of this one; lines has room for RUNNING_LINES.  How many there are. */
size_t attempts_log(const struct running *r, const char **lines);
/* Whether somebody asked for it. */
bool attempts_by_hand(const struct running *r);
/* Both into the options of the next attempt. */
void attempts_keep_story(const struct running *r, json_t *options);
/* The state of an attempt and its reason, in view of those before it. */
void attempts_sum_up(struct outcome *o);

/* The lane that failed for good in an attempt before; NULL: there is none. */
const json_t *attempts_lost(const struct running *r);

struct attempts_rows {
  int64_t read, written, filtered, rejected;
};
/* Of an attempt that has ended, and those before it. */
struct attempts_rows attempts_rows(const struct store_run *run);

/* A lane's shard as its source knows it, without piece and range. */
const char *attempts_shard(const json_t *lane, struct arena *a);
bool attempts_has(const json_t *shards, const char *shard);

#endif
