/* names.h: messages about column names that are not there: the nearest one, and all there are.  Any thread. */
#ifndef TRANSFORMS_NAMES_H
#define TRANSFORMS_NAMES_H

#include "etl/sdk.h"

/* The column of s nearest to name by edit distance, or NULL when none is near. */
const char *names_nearest(const struct ArrowSchema *s, const char *name);
/* Fails with ETL_E_SCHEMA: column `name`, that `option` asks for, is not in the stream; names the nearest and the available ones.
 */
int32_t names_missing(const struct etl_host *h, const struct etl_stream *in, const char *connector, const char *option,
                      const char *name);

#endif
