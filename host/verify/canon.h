/* verify/canon.h: a hash of a value that does not depend on how a source or a sink writes it down: 1, 1.00 and "1" are the same number.
 * Hashes are XXH3 (https://xxhash.com); they never leave a run, so nothing depends on the version. */
#ifndef HOST_VERIFY_CANON_H
#define HOST_VERIFY_CANON_H

#include "etl/sdk.h"

enum canon { /* as what two columns are compared */
  CANON_NONE = 0, /* they cannot be */
  CANON_NUMBER,   /* exact: booleans, integers, decimals, and texts that hold one */
  CANON_FLOAT,    /* binary floating point, in double precision */
  CANON_FLOAT4,   /* in single precision */
  CANON_TEXT,
  CANON_JSON,     /* white space and the order of names do not count */
  CANON_BYTES,
  CANON_UUID,
  CANON_INSTANT,  /* dates and timestamps in microseconds, what is finer is cut off towards the past */
  CANON_TIME      /* of day, in microseconds */
};
const char *canon_name(enum canon c);
enum canon canon_from_name(const char *name); /* CANON_NONE: no such name */
/* How a column of one format compares with one of another. */
enum canon canon_pair(const struct etl_format *a, const struct etl_format *b);

/* Hashes rows 0..rows of column v into out[0], out[step], out[2 * step] ... */
void canon_hash(enum canon c, const struct etl_view *v, int64_t rows, uint64_t *out, size_t step);

#endif
