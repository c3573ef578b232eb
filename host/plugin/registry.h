/* plugin/registry.h: which connectors are in the plugin directories, read from their ELF notes without running any code; and the
 * copies in the cache that are really loaded.  A .so holds at most one connector of each kind, all of one name, the note's id, so
 * that a name is found without running code. */
#ifndef HOST_PLUGIN_REGISTRY_H
#define HOST_PLUGIN_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "etl/plugin.h"

struct plugin_mark { /* tells a file from one that takes its place, and from itself after a change */
  uint64_t device, inode, bytes;
  int64_t written_ns, changed_ns;
};
struct plugin_file {
  const char *path;
  struct plugin_mark mark; /* all 0: it could not be opened */
  const char *id;      /* connector name; the file's name when the note cannot be read */
  const char *version; /* "" when the note cannot be read */
  uint32_t abi_major, abi_minor;
  uint32_t kinds;          /* bit (1 << enum etl_kind) */
  const char *bad;         /* why it cannot be used: what, why, what to do; NULL: usable */
  const char *shadowed_by; /* path of a file of an earlier directory with the same id and kind; NULL */
};
struct registry {
  struct arena *arena;
  struct plugin_file *files; /* sorted by directory, then name */
  size_t files_n;
  const char *dirs; /* those looked at, for messages: "/a, /b (does not exist)" */
  const char *refused; /* of registry_scan_others(): directories that were left out, with the reasons; NULL: none */
};

/* Scans the directories (ends with NULL) for *.so.  A directory that cannot be read, or that others may write, is an error; one
 * that does not exist is passed over; a bad file is listed as bad. */
int registry_scan(const char *const *dirs, struct err *e, struct registry **ret_registry);
/* The same, but a directory with an error is left out, and the others are not. */
struct registry *registry_scan_others(const char *const *dirs);
/* The mark of the file as it is now; -1 with errno. */
int plugin_mark(const char *path, struct plugin_mark *ret);
int plugin_mark_fd(int fd, struct plugin_mark *ret);
bool plugin_mark_same(const struct plugin_mark *a, const struct plugin_mark *b);
/* What the note did not tell: that file cannot be used after all. */
void registry_refuse(struct registry *r, size_t index, const char *reason);
void registry_free(struct registry *r);
/* The usable file with that connector; kind 0: of any kind.  NULL with an error that names the nearest connector, or says why the
 * file of that name is bad. */
const struct plugin_file *registry_find(const struct registry *r, uint32_t kind, const char *name, struct err *e);
const char *plugin_kind_name(uint32_t kind); /* "extractor" ... */

/* Copies a plugin into cache_dir under its content's hash and gives the copy's path (in arena).  seen: the file as it was looked at; one that was
 * written or replaced since then, or is meanwhile, is refused (ETL_E_RETRYABLE): it may be half of one. */
int plugin_cache(const char *path, const struct plugin_mark *seen, const char *cache_dir, struct arena *arena, struct err *e, const char **ret_path);

/* ---- in a worker only: these run the connector's code -------------------------------------------------------------------- */

/* dlopen()s path, calls its entry point, checks the descriptor and the mandatory callbacks.  Never unloaded. */
int plugin_load(const char *path, struct err *e, const struct etl_plugin **ret_plugin);
/* The connector of that kind, or NULL. */
const struct etl_connector *plugin_connector(const struct etl_plugin *p, enum etl_kind kind);

#endif
