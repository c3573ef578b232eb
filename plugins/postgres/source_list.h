/* source_list.h: which tables a server has. */
#ifndef POSTGRES_SOURCE_LIST_H
#define POSTGRES_SOURCE_LIST_H

#include "source_table.h"

struct listed {
  struct text stream; /* its name */
  char **key;         /* primary key, ends with NULL; NULL: none */
};
/* Tells tables and views that match one of the patterns (* and ?; none: all), but no partitions.  views: also where a pattern, and
 * not a name, matches them. */
int32_t tables_list(struct session *s, const char *const *patterns, size_t patterns_n, bool views,
                    int32_t (*each)(void *arg, const struct listed *), void *arg);

#endif
