/* engine/walk.h: which streams a lane's rows become, found by asking alone: the extractor tells its schema, each transformer what it makes of
 * it.  Nothing is read, nothing written.  The run thread, after run_prepare(). */
#ifndef HOST_ENGINE_WALK_H
#define HOST_ENGINE_WALK_H

#include "engine/run.h"

struct walk { /* what the walker is told */
  void *arg;
  /* NULL: not of interest.  0 goes on; else the walk ends with it, and e is set. */
  int32_t (*item)(void *arg, const struct etl_explain_item *i); /* of the extractor */
  int (*made)(void *arg, size_t transformer, size_t of, const struct etl_stream *from, const struct etl_stream *stream, struct err *e);
  int (*out)(void *arg, const struct etl_stream *stream, struct err *e); /* what the loader would get; stream has its schema */
  const struct part *asked;                                              /* out: whom it asked last, to say who failed */
};
/* NULL: the connector does not explain itself. */
const struct etl_explain *explain_of(const struct instance *in);
/* Extractors that do not explain themselves tell no schema: then nothing is walked.  0, or -1 with e. */
int walk_lane(struct run *r, const struct lane *l, struct walk *w, struct err *e);
/* The same in two steps: the extractor is asked through an instance of the caller's choice, on any thread; then the others. */
int walk_source(struct instance *extractor, const struct lane *l, const struct walk *w, struct ArrowSchema *ret_schema, struct err *e);
int walk_from(struct run *r, const struct lane *l, struct walk *w, const struct ArrowSchema *schema, struct err *e);

#endif
