/* base/moment.h: dates and timestamps as people write them.  Any thread. */
#ifndef HOST_BASE_MOMENT_H
#define HOST_BASE_MOMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/mem.h"

struct moment {
  int64_t seconds; /* since 1970-01-01, without leap seconds; the zone is the column's */
  int64_t ns;
  bool date;       /* written without a time */
  bool utc;        /* written with a Z */
  char between;    /* 'T' or ' ' */
};
/* "2024-05-01", "2024-05-01 10:00", "2024-05-01T10:00:00.25Z".  0, -1: it is none. */
int moment_parse(const char *text, struct moment *ret);
/* As it was written: a date only where it is one still. */
const char *moment_print(const struct moment *m, struct arena *a);
void moment_add(struct moment *m, int64_t ns);
int moment_compare(const struct moment *a, const struct moment *b);

#endif
