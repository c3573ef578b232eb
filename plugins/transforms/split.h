/* split.h: the split transformer between its options (split.c), its plan for a schema (split_plan.c) and the work on a batch
 * (split_run.c).  One instance a lane, used by one thread at a time. */
#ifndef TRANSFORMS_SPLIT_H
#define TRANSFORMS_SPLIT_H

#include "row_key.h"
#include "transformer.h"

struct split_pair { /* where: column and text; rename: old and new name */
  char *name, *text;
};
struct split_output {
  /* as configured */
  char *stream;
  char **columns, **distinct, **not_null;
  size_t columns_n, distinct_n, not_null_n;
  struct split_pair *where, *renames;
  size_t where_n, renames_n;
  /* the plan for the schema in force: indexes into the input's columns */
  struct ArrowSchema out;
  int64_t *from; /* one a column of out */
  int64_t *distinct_at, *not_null_at, *where_at;
};
struct split {
  const struct etl_host *host;
  struct split_output *outputs;
  size_t outputs_n;
  struct ArrowSchema in;
  struct row_key key;
};

int32_t split_bind(void *self, const struct etl_stream *in, int32_t (*out)(void *, const struct etl_stream *), void *arg);
int32_t split_process(void *self, struct etl_msg *in, const struct etl_sink *sink);
void split_plan_fini(struct split *s);

/* Are there outputs that get only some of the rows? */
static inline bool split_filters(const struct split_output *o) { return o->distinct_n || o->not_null_n || o->where_n; }

#endif
