/* plugin/describe.h: what a connector says of itself, asked of a short-lived child process, so that a crash or hang in its code
 * cannot reach the caller. */
#ifndef HOST_PLUGIN_DESCRIBE_H
#define HOST_PLUGIN_DESCRIBE_H

#include <jansson.h>

#include "etl/plugin.h"
#include "plugin/registry.h"

struct description {
  struct arena *arena;
  const char *name, *version, *license, *url;
  /* connectors[kind] for each enum etl_kind, or NULL: names, docs, caps and options only; common and api are NULL */
  const struct etl_connector *connectors[ETL_KIND_LOADER + 1];
  size_t users; /* those of plugin/describes.h; the last one frees it if there is a newer one */
  bool dropped;
};
/* Starts this executable again as `etl _describe PATH` and reads its answer; deadline 10 s. */
int describe(const char *path, struct err *e, struct description **ret_description);
/* The same, but it is given up (ETL_E_RETRYABLE) as soon as stop_fd can be read; -1: never. */
int describe_unless(const char *path, int stop_fd, struct err *e, struct description **ret_description);
/* The same by another executable, and with another deadline. */
int describe_by(const char *executable, const char *path, int64_t deadline_ns, struct err *e, struct description **ret_description);
void description_free(struct description *d);
enum {
  DESCRIBE_FD = 3
}; /* where the child finds the pipe */
/* The child's side: loads the file, writes JSON to fd.  Returns the process's exit status. */
int describe_child(const char *path, int fd);

/* What a plugin says of itself as JSON, and back (-1: not such a JSON, with the reason). */
json_t *description_to_json(const struct etl_plugin *p);
int description_from_json(const json_t *j, struct err *e, struct description **ret_description);
/* One connector of it: for the worker's own use and for `etl plugin info -o json`. */
json_t *connector_to_json(const struct etl_connector *c);

#endif
