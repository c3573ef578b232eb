/* verify/ranges.h: rows that differ, gathered into ranges of their key: from one row that differs to another, as long as no row between them that
 * was looked at is the same on both sides.  One thread. */
#ifndef HOST_VERIFY_RANGES_H
#define HOST_VERIFY_RANGES_H

#include "verify/compare.h"

struct ranges;
/* ask: as compare_columns() gave it.  NULL: its key has no order that means anything. */
struct ranges *ranges_new(const json_t *ask);
void ranges_free(struct ranges *r); /* accepts NULL */
/* key: JSON of the key's columns.  group outlives r. */
void ranges_add_difference(struct ranges *r, enum difference kind, const char *key, const char *group);
void ranges_add_same(struct ranges *r, const char *key, const char *group);
/* In the order of group and key: [{"shard": "", "from": {}, "to": {}, "missing": 0, "extra": 0, "changed": 0}]. */
json_t *ranges_list(struct ranges *r);

#endif
