/* serve/generation.h: one reading of the configuration: pipelines, and the connectors that they use.  The host has a newest one; a run keeps
 * the one that it began with.  Event loop thread. */
#ifndef HOST_SERVE_GENERATION_H
#define HOST_SERVE_GENERATION_H

#include "conf/conf.h"
#include "plugin/describes.h"
#include "sched/graph.h"

struct generation {
  int refs;
  int64_t number; /* 1, 2 ... */
  int64_t loaded_ns;
  struct conf *conf;
  struct registry *registry;
  const struct graph *graph;            /* NULL when just one pipeline was read */
  const struct conf_pipeline **by_name; /* conf->pipelines, sorted */
};
/* Reads all files, or with `only` those of that pipeline, and checks all options.  -1: d has errors; d may have warnings in any case.  One
 * reference is the caller's. */
int generation_load(const char *conf_path, const char *only, struct describes *describes, int64_t number, int64_t now_ns,
                    struct diags *d, struct generation **ret);
struct generation *generation_ref(struct generation *g);
void generation_unref(struct generation *g); /* accepts NULL */
const struct conf_pipeline *generation_find(const struct generation *g, const char *pipeline); /* NULL: there is none */

#endif
