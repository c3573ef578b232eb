/* lru.h: an exact least-recently-used cache from bytes to bytes.  One thread at a time; bounded by entries and by bytes. */
#ifndef TRANSFORMS_LRU_H
#define TRANSFORMS_LRU_H

#include <stddef.h>

#include "etl/plugin.h"

struct lru;
/* entries 0 gives a cache that keeps nothing.  max_bytes bounds keys and values, and what finds them, together.  NULL: out of memory. */
struct lru *lru_new(size_t entries, size_t max_bytes);
void lru_free(struct lru *c);
/* The value, aligned to 8, and made the most recent; borrowed until the next lru_put().  NULL: not there. */
const void *lru_get(struct lru *c, struct etl_bytes key);
/* Keeps a copy of a key that is not there yet, dropping the oldest entries for it.  Without memory, or when the entry is too big
 * for the cache, it is not kept. */
void lru_put(struct lru *c, struct etl_bytes key, const void *value, size_t value_n);

#endif
