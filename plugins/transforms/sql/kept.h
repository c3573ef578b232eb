/* kept.h: a batch without some of its rows.  One thread at a time. */
#ifndef TRANSFORMS_SQL_KEPT_H
#define TRANSFORMS_SQL_KEPT_H

#include "etl/sdk.h"

/* The rows keep[0..n) names, in order, of a batch of that schema; the batch itself if they are all of it.  Takes *in, also when it fails:
 * -1, no memory left in the run's budget. */
int kept_rows(const struct etl_host *h, const struct ArrowSchema *schema, struct ArrowArray *in, const int64_t *keep, int64_t n,
              struct ArrowArray *ret);

#endif
