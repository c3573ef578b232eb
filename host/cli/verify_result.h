/* cli/verify_result.h: a stream of `etl verify`, and what came out of comparing its two sides. */
#ifndef HOST_CLI_VERIFY_RESULT_H
#define HOST_CLI_VERIFY_RESULT_H

#include "verify/ranges.h"

struct verify_stream {
  const char *name;
  const json_t *target; /* of the "targets" event */
  json_t *ask;          /* of spec->ask; NULL: nothing can be compared */
  struct compare *compare;
  json_t *result; /* as printed */
  struct ranges *ranges; /* while it is made; NULL: none */
  bool same;
  size_t shown;
};
/* After all reading: fills in s->result, with at most so many rows that differ.  Whether both sides are the same. */
bool verify_settle(struct verify_stream *s, size_t limit);

#endif
