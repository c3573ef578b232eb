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
  const struct graph *graph;            /* NULL: of one pipeline alone */
  const struct conf_pipeline **by_name; /* conf->pipelines, sorted */
  struct generation *of; /* it has the configuration of that one, with other connectors; NULL: its own */
  struct generation *with; /* it has the connectors of that one; NULL: its own */
  char **problems;       /* one for each of by_name: why it cannot run with these connectors, NULL: it can.  NULL: all can */
};
/* Reads all files, and checks all options.  -1: d has errors; d may have warnings in any case.  One reference is the caller's. */
int generation_load(const char *conf_path, struct describes *describes, int64_t number, int64_t now_ns, struct diags *d, struct generation **ret);
/* The files and secrets of one pipeline once more, with the connectors of g: of these none is looked at or asked, which takes its time.  One
 * reference is the caller's; NULL: they have mistakes. */
struct generation *generation_of_one(struct generation *g, const char *conf_path, const char *pipeline, struct describes *describes, int64_t now_ns);
/* The configuration of g with the connectors as they are now, some of which may not fit or be gone.  Takes r.  g is borrowed until the new one is
 * taken over by generation_own(), since references are counted on the loop's thread alone. */
struct generation *generation_again(struct generation *g, struct registry *r, struct describes *describes);
void generation_own(struct generation *g);
/* Why that pipeline cannot run; NULL: it can. */
const char *generation_problem(const struct generation *g, const char *pipeline);
struct generation *generation_ref(struct generation *g);
void generation_unref(struct generation *g); /* accepts NULL */
const struct conf_pipeline *generation_find(const struct generation *g, const char *pipeline); /* NULL: there is none */

#endif
