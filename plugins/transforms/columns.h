/* columns.h: the columns transformer between its options (columns.c), its plan for a schema (columns_plan.c) and the work on a
 * batch (columns_run.c).  One instance a lane, used by one thread at a time. */
#ifndef TRANSFORMS_COLUMNS_H
#define TRANSFORMS_COLUMNS_H

#include "cast.h"
#include "mask.h"

enum {
  OPT_SELECT,
  OPT_DROP,
  OPT_CAST,
  OPT_HASH,
  OPT_SALT,
  OPT_MASK,
  OPT_CONSTANT,
  OPT_RENAME
};

struct column_cast {
  char *column;
  struct cast_type type;
};
struct column_mask {
  char *column;
  struct mask mask;
};
struct column_constant {
  char *column, *text;
  struct cast_type type;
};
struct column_rename {
  char *from, *to;
};
struct column_names {
  char **v;
  size_t n;
};

struct out_column {             /* of the plan */
  int64_t source;               /* column of the input, -1: constant */
  const struct cast_type *cast; /* NULL: as it is */
  const struct mask *mask;
  const struct column_constant *constant;
  bool hash;
  const char *name;
};
struct columns {
  const struct etl_host *host;
  struct column_names select, drop, hash;
  struct column_cast *casts;
  size_t casts_n;
  struct column_mask *masks;
  size_t masks_n;
  struct column_constant *constants;
  size_t constants_n;
  struct column_rename *renames;
  size_t renames_n;
  struct out_column **targets; /* one a rename, while a plan is made */
  struct hasher *hasher;
  /* the plan for the schema in force */
  struct ArrowSchema in, out;
  struct out_column *plan; /* one an output column */
  int64_t plan_n;
};

int32_t columns_bind(void *self, const struct etl_stream *in, int32_t (*out)(void *, const struct etl_stream *), void *arg);
int32_t columns_process(void *self, struct etl_msg *in, const struct etl_sink *sink);
void columns_plan_fini(struct columns *c);
int32_t columns_out_of_memory(const struct columns *c);

#endif
