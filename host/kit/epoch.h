/* kit/epoch.h: a run of a loader as its cases see it: the run's own instance, and epochs on instances of lanes. */
#ifndef HOST_KIT_EPOCH_H
#define HOST_KIT_EPOCH_H

#include "kit/kit.h"

#define EPOCH_STREAM "rows"

struct run {
  struct kit *k;
  const char *pipeline;
  char id[32];
  struct kit_instance control;
  uint64_t owner;
};
/* open, claim, committed, run_begin.  id: of the run, [0-9a-z]+.  The pipeline is always the same: cases go on where others were. */
void run_start(struct run *r, struct kit *k, const char *id);
int32_t run_claim(struct run *r, uint64_t owner); /* into r->owner */
void run_end(struct run *r);                      /* ok; closes */
void run_lane_open(struct run *r, const char *shard, struct kit_instance *ret);

struct place { /* where a lane stands */
  uint64_t epoch;
  char *cursor, *note; /* malloc()ed; cursor NULL: the sink knows nothing of the lane */
  size_t cursor_n;
  uint32_t flags;
};
void place_fini(struct place *p);
void run_place(struct run *r, const char *shard, struct place *ret); /* committed() */

struct epoch { /* one lane's, from `at` to the next */
  struct run *r;
  struct kit_instance *i;
  const char *shard;
  const char *stream; /* of its rows: EPOCH_STREAM, unless said otherwise */
  uint64_t from;      /* the epoch it stands at */
  uint64_t claimed;   /* owner to say; usually r->owner */
  uint32_t flags;     /* enum etl_txn_flags */
  struct ArrowSchema schema; /* of prepare() */
};
/* A lane that stands where the sink says.  prepare()d for the widest schema it takes. */
void epoch_init(struct epoch *e, struct run *r, struct kit_instance *i, const char *shard);
void epoch_fini(struct epoch *e);
int32_t epoch_prepare(struct epoch *e, const struct ArrowSchema *s);
int32_t kit_epoch_begin(struct epoch *e);
int32_t epoch_write(struct epoch *e, int64_t rows, uint64_t seed, struct kit_slice slice);
int32_t epoch_settle(struct epoch *e);
int32_t kit_epoch_commit(struct epoch *e, const char *cursor); /* on success e->from is the next */
int32_t kit_epoch_abort(struct epoch *e);
/* All of it; a batch that is refused for its data is written again carefully, or given up. */
void epoch_whole(struct epoch *e, int64_t rows, uint64_t seed, struct kit_slice slice, const char *cursor);

#endif
