/* source_split.h: cutting a shard of a stream into pieces that are read side by side. */
#ifndef POSTGRES_SOURCE_SPLIT_H
#define POSTGRES_SOURCE_SPLIT_H

#include "source.h"

int32_t source_split(void *self, const struct etl_stream *stream, const struct etl_shard *shard, uint64_t n,
                     int32_t (*each)(void *arg, const struct etl_part *), void *arg);

#endif
