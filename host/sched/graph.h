/* sched/graph.h: which pipelines come after which, by their indexes in struct conf.  Immutable once made: any thread. */
#ifndef HOST_SCHED_GRAPH_H
#define HOST_SCHED_GRAPH_H

#include "conf/conf.h"

struct graph_node {
  const size_t *upstream, *downstream; /* upstream: in the order of after */
  size_t upstream_n, downstream_n;
};
struct graph {
  const struct graph_node *nodes; /* one a pipeline */
  const size_t *order;            /* all pipelines, each behind its upstreams */
  size_t n;
};
/* In a.  0, or -1 with errors in d: a pipeline that is not there (with the nearest name), a circle (with the whole way round). */
int graph_make(const struct conf *c, struct arena *a, struct diags *d, const struct graph **ret_graph);

#endif
