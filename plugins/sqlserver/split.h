/* split.h: cutting a shard into pieces that are read side by side. */
#ifndef SQLSERVER_SPLIT_H
#define SQLSERVER_SPLIT_H

#include "etl/plugin.h"

int32_t sqlserver_split(void *self, const struct etl_stream *stream, const struct etl_shard *shard, uint64_t n,
                        int32_t (*each)(void *arg, const struct etl_part *), void *arg);

#endif
