/* conf/when.h: what a pipeline's file says about when it runs: schedule, zone, the time between start_at and end_at, upstreams. */
#ifndef HOST_CONF_WHEN_H
#define HOST_CONF_WHEN_H

#include "conf/tables.h"

struct when_zones { /* each zone is read once; begins zeroed */
  const struct zone **list;
  size_t n;
};
/* The settings as they were read, into s->p; root: the pipeline's file, for the places of mistakes, which are in d. */
void when_read(struct pipeline_settings *s, const struct conf_node *root, struct when_zones *zones, struct arena *a, struct diags *d);

#endif
