/* An exact LRU cache: a chained hash table whose entries also stand in one list, most recent first.  Key and value lie behind the
 * entry in the same allocation.  The hash is seeded, so nobody who chooses the keys can make them collide. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "lru.h"

enum { BUCKETS_FIRST = 16 };

struct entry {
  struct entry *chain; /* same bucket */
  struct entry *newer, *older;
  uint64_t hash;
  uint32_t key_n, value_n;
  uint64_t value[]; /* then the key */
};
struct lru {
  struct entry **buckets;
  size_t mask;
  struct entry *newest, *oldest;
  size_t entries, max_entries;
  size_t bytes, max_bytes;
  uint64_t seed;
};

static size_t words(size_t n) { return (n + 7) / 8; }
static size_t entry_bytes(const struct entry *e) { return sizeof *e + 8 * words(e->value_n) + e->key_n; }
static const char *entry_key(const struct entry *e) { return (const char *)&e->value[words(e->value_n)]; }

struct lru *lru_new(size_t entries, size_t max_bytes) {
  struct lru *c = calloc(1, sizeof *c);
  if (!c)
    return NULL;
  c->buckets = calloc(BUCKETS_FIRST, sizeof *c->buckets);
  if (!c->buckets) {
    free(c);
    return NULL;
  }
  c->mask = BUCKETS_FIRST - 1;
  c->max_entries = entries;
  c->max_bytes = max_bytes;
  c->seed = hash_seed(c);
  return c;
}

void lru_free(struct lru *c) {
  if (!c)
    return;
  for (struct entry *e = c->newest, *older; e; e = older) {
    older = e->older;
    free(e);
  }
  free(c->buckets);
  free(c);
}

static void unlink_entry(struct lru *c, struct entry *e) {
  *(e->newer ? &e->newer->older : &c->newest) = e->older;
  *(e->older ? &e->older->newer : &c->oldest) = e->newer;
}

static void make_newest(struct lru *c, struct entry *e) {
  e->newer = NULL;
  e->older = c->newest;
  *(c->newest ? &c->newest->newer : &c->oldest) = e;
  c->newest = e;
}

static void drop_oldest(struct lru *c) {
  struct entry *e = c->oldest, **at = &c->buckets[e->hash & c->mask];
  while (*at != e)
    at = &(*at)->chain;
  *at = e->chain;
  unlink_entry(c, e);
  c->entries--;
  c->bytes -= entry_bytes(e);
  free(e);
}

const void *lru_get(struct lru *c, struct etl_bytes key) {
  uint64_t h = hash_bytes(c->seed, key.p, key.n);
  for (struct entry *e = c->buckets[h & c->mask]; e; e = e->chain)
    if (e->hash == h && e->key_n == key.n && memcmp(entry_key(e), key.p, key.n) == 0) {
      if (e != c->newest) {
        unlink_entry(c, e);
        make_newest(c, e);
      }
      return e->value;
    }
  return NULL;
}

/* Without memory, or when they would take too much of what the cache may have, the chains are longer. */
static void grow(struct lru *c) {
  size_t n = 2 * (c->mask + 1), more = (n - c->mask - 1) * sizeof *c->buckets;
  if (c->entries <= c->mask || c->bytes + more > c->max_bytes)
    return;
  struct entry **buckets = calloc(n, sizeof *buckets);
  if (!buckets)
    return;
  for (struct entry *e = c->newest; e; e = e->older) {
    e->chain = buckets[e->hash & (n - 1)];
    buckets[e->hash & (n - 1)] = e;
  }
  free(c->buckets);
  c->buckets = buckets;
  c->mask = n - 1;
  c->bytes += more;
}

void lru_put(struct lru *c, struct etl_bytes key, const void *value, size_t value_n) {
  size_t need = sizeof(struct entry) + 8 * words(value_n) + key.n;
  if (c->max_entries == 0 || key.n > UINT32_MAX || value_n > UINT32_MAX || need > c->max_bytes)
    return;
  grow(c);
  while (c->entries && (c->entries == c->max_entries || c->bytes + need > c->max_bytes))
    drop_oldest(c);
  if (c->bytes + need > c->max_bytes)
    return;
  struct entry *e = malloc(need);
  if (!e)
    return;
  *e = (struct entry){.hash = hash_bytes(c->seed, key.p, key.n), .key_n = (uint32_t)key.n, .value_n = (uint32_t)value_n};
  memcpy(e->value, value, value_n);
  memcpy((char *)&e->value[words(value_n)], key.p, key.n);
  struct entry **bucket = &c->buckets[e->hash & c->mask];
  e->chain = *bucket;
  *bucket = e;
  make_newest(c, e);
  c->entries++;
  c->bytes += need;
}
