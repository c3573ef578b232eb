/* kit/skeleton.h: the connector that `etl plugin new` writes.  The texts are made from examples/ and from kit/skeleton/ when etl is built;
 * @NAME@ stands for the connector's name, in paths too. */
#ifndef HOST_KIT_SKELETON_H
#define HOST_KIT_SKELETON_H

#include "base/err.h"

struct skeleton_file {
  uint32_t kind;
  const char *path;
  const char *text;
};
extern const struct skeleton_file skeleton_files[]; /* ends with a NULL path */

/* Writes them into a folder that does not exist yet, or is empty.  0, or -1. */
int skeleton_write(const char *name, uint32_t kind, const char *folder, struct err *e);

#endif
