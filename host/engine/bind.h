/* engine/bind.h: a transformer told what it gets, and asked what it will give.  The thread that calls the instance. */
#ifndef HOST_ENGINE_BIND_H
#define HOST_ENGINE_BIND_H

#include "engine/part.h"

struct outlet { /* what a transformer declared at its last bind() */
  struct arena *arena;
  struct etl_stream **streams; /* each with its schema; in the arena but for what the schemas own */
  size_t n;                    /* at least one after a good bind */
};
void outlet_fini(struct outlet *o); /* accepts a zeroed one */
/* 0, or -1 with e.  Streams have names, and no two the same. */
int outlet_bind(struct outlet *o, struct instance *transformer, const struct etl_stream *in, struct err *e);

/* A copy of a list that ends with NULL; NULL gives NULL. */
const char *const *key_copy(struct arena *a, const char *const *key);

#endif
