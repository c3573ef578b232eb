/* engine/bind.h: a transformer told what it gets, and asked what it will give: exactly one stream.  The thread that calls the
 * instance. */
#ifndef HOST_ENGINE_BIND_H
#define HOST_ENGINE_BIND_H

#include "engine/part.h"

struct outlet { /* what a transformer declared at its last bind() */
  struct arena *arena;
  struct etl_stream stream; /* its schema is the one below; strings are in the arena */
  struct ArrowSchema schema;
  int declared; /* how many streams */
};
void outlet_fini(struct outlet *o); /* accepts a zeroed one */
/* 0, or -1 with e. */
int outlet_bind(struct outlet *o, struct instance *transformer, const struct etl_stream *in, struct err *e);

/* A copy of a list that ends with NULL; NULL gives NULL. */
const char *const *key_copy(struct arena *a, const char *const *key);

#endif
