/* paths.h: the files that `path` names.  Lists are made once and then only read. */
#ifndef FILES_PATHS_H
#define FILES_PATHS_H

#include <sys/types.h>

#include "failure.h"
#include "pool.h"

struct file {
  const char *path;
  const char *id; /* of its shard: the path as seen from the folder in which its pattern begins, as path_text() with "#@%" */
  int64_t bytes;  /* -1: not a regular file */
  bool once;      /* standard input or a pipe */
};
struct files {
  struct file *list; /* in the order of their ids */
  size_t n;
  bool once; /* one of them can be read but once */
};
/* Patterns of shell globs and plain names; "-" is standard input.  Fails when a pattern matches nothing, two files have one
 * id, or more than one can be read but once. */
int files_list(struct files *l, struct pool *pool, const struct etl_bytes *patterns, uint64_t n, struct failure *f);
/* n bytes as UTF-8: what is none, and the marks, as %XX.  NULL: no memory. */
char *path_text(struct pool *pool, const char *path, size_t n, const char *marks);
const struct file *files_find(const struct files *l, const char *id);

#endif
