/* kit/sizes.h: the structs that the host hands in, and the last member that each had in ABI 1.0.  tests/abi holds the list against the frozen
 * header. */
#ifndef HOST_KIT_SIZES_H
#define HOST_KIT_SIZES_H

#include "etl/plugin.h"

#define KIT_STRUCTS(X)                                                                                                             \
  X(etl_host, schema_change) X(etl_open, lane) X(etl_value, origin) X(etl_group, values_n) X(etl_read, range_to) X(etl_stream, key)  \
  X(etl_shard, est_bytes) X(etl_msg, src_bytes) X(etl_sink, emit) X(etl_claim, owner) X(etl_txn, from_n) X(etl_cursor, note)

#define KIT_SIZE_1_0(struct_, last_) KIT_1_0_##struct_ = offsetof(struct struct_, last_) + sizeof(((struct struct_ *)0)->last_),
enum {
  KIT_STRUCTS(KIT_SIZE_1_0)
};

#endif
