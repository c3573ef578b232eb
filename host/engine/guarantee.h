/* engine/guarantee.h: what can be promised of a run, by what its connectors can do.  Any thread. */
#ifndef HOST_ENGINE_GUARANTEE_H
#define HOST_ENGINE_GUARANTEE_H

#include <stdint.h>

struct guarantee {
  const char *level; /* exactly-once, idempotent, at-least-once */
  const char *why;   /* one sentence, for people */
};
/* loader_caps: of the loader as it is configured; stream_flags: enum etl_stream_flags of any of the run's streams. */
struct guarantee guarantee_of(uint64_t extractor_caps, uint64_t loader_caps, uint32_t stream_flags);

#endif
