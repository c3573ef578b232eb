/* plugin/describe.h: what a connector says of itself, asked of a short-lived child process, so that a crash or hang in its code cannot
 * reach the caller. */
#ifndef HOST_PLUGIN_DESCRIBE_H
#define HOST_PLUGIN_DESCRIBE_H

#include "plugin/registry.h"

struct description {
  struct arena *arena;
  const char *name, *version, *license, *url;
  /* connectors[kind] for each enum etl_kind, or NULL: names, docs, caps and options only; common and api are NULL */
  const struct etl_connector *connectors[ETL_KIND_LOADER + 1];
};
/* Starts this executable again as `etl _describe PATH` and reads its answer; deadline 10 s. */
int describe(const char *path, struct err *e, struct description **ret_description);
void description_free(struct description *d);
/* The child's side: loads the file, writes JSON to fd.  Returns the process's exit status. */
int describe_child(const char *path, int fd);

#endif
