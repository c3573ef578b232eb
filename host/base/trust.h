/* base/trust.h: may a file decide what this process does?  Only if nobody else can write it.  Any thread. */
#ifndef HOST_BASE_TRUST_H
#define HOST_BASE_TRUST_H

#include <sys/stat.h>

#include "base/err.h"

enum trust {
  TRUST_TEXT, /* configuration: others must not be able to write it */
  TRUST_CODE  /* connectors: moreover it must belong to root or to the user of this process, and a group that may write it be one of theirs */
};
/* 0, or -1: class config, what is wrong with it and the command that repairs it. */
int trust_check(const char *path, const struct stat *st, enum trust what, struct err *e);

#endif
