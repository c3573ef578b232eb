/* Open addressing with linear probing over slots of 8 bytes, a part of the hash and the number; at most half of them are used.  The
 * keys lie one behind another in one piece of memory. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "keymap.h"

enum {
  FIRST_SLOTS = 64,
  KEYS_MAX = INT32_MAX
};
struct slot {
  uint32_t tag;    /* upper half of the hash */
  uint32_t number; /* + 1; 0: free */
};
struct keymap {
  struct slot *slots;
  size_t mask;
  uint64_t *ends; /* of key i in bytes */
  uint64_t width; /* of all keys, as long as it is the same; then ends need not be read */
  bool same_width;
  size_t count, ends_cap;
  uint8_t *bytes;
  size_t bytes_cap;
  uint64_t seed;
};

struct keymap *keymap_new(void) {
  struct keymap *m = calloc(1, sizeof *m);
  if (!m || !(m->slots = calloc(FIRST_SLOTS, sizeof *m->slots))) {
    free(m);
    return NULL;
  }
  m->mask = FIRST_SLOTS - 1;
  m->seed = hash_seed(m);
  return m;
}

void keymap_free(struct keymap *m) {
  if (!m)
    return;
  free(m->slots);
  free(m->ends);
  free(m->bytes);
  free(m);
}

void keymap_clear(struct keymap *m) {
  memset(m->slots, 0, (m->mask + 1) * sizeof *m->slots);
  m->count = 0;
}

static struct etl_bytes key_at(const struct keymap *m, size_t i) {
  if (m->same_width)
    return (struct etl_bytes){m->bytes + i * m->width, m->width};
  uint64_t from = i ? m->ends[i - 1] : 0;
  return (struct etl_bytes){m->bytes + from, m->ends[i] - from};
}

/* The slot with the key, or the free one where it belongs. */
static struct slot *slot_of(const struct keymap *m, uint64_t h, struct etl_bytes key) {
  for (size_t at = h & m->mask;; at = (at + 1) & m->mask) {
    struct slot *s = &m->slots[at];
    if (s->number == 0)
      return s;
    if (s->tag != (uint32_t)(h >> 32))
      continue;
    struct etl_bytes there = key_at(m, s->number - 1);
    if (there.n == key.n && (key.n == 0 || memcmp(there.p, key.p, key.n) == 0))
      return s;
  }
}

int64_t keymap_find(const struct keymap *m, struct etl_bytes key) {
  return (int64_t)slot_of(m, hash_bytes(m->seed, key.p, key.n), key)->number - 1;
}

static int grow_slots(struct keymap *m) {
  size_t n = (m->mask + 1) * 2;
  struct slot *slots = calloc(n, sizeof *slots);
  if (!slots)
    return -1;
  for (size_t i = 0; i < m->count; i++) {
    struct etl_bytes key = key_at(m, i);
    uint64_t h = hash_bytes(m->seed, key.p, key.n);
    size_t at = h & (n - 1);
    while (slots[at].number)
      at = (at + 1) & (n - 1);
    slots[at] = (struct slot){(uint32_t)(h >> 32), (uint32_t)i + 1};
  }
  free(m->slots);
  m->slots = slots;
  m->mask = n - 1;
  return 0;
}

static int grow_keys(struct keymap *m, size_t bytes) {
  if (m->count == m->ends_cap) {
    size_t cap = m->ends_cap ? m->ends_cap * 2 : FIRST_SLOTS;
    uint64_t *ends = realloc(m->ends, cap * sizeof *ends);
    if (!ends)
      return -1;
    m->ends = ends;
    m->ends_cap = cap;
  }
  if (bytes > m->bytes_cap) {
    size_t cap = bytes + bytes / 2 + 1024;
    uint8_t *grown = realloc(m->bytes, cap);
    if (!grown)
      return -1;
    m->bytes = grown;
    m->bytes_cap = cap;
  }
  return 0;
}

int64_t keymap_add(struct keymap *m, struct etl_bytes key, bool *ret_new) {
  uint64_t h = hash_bytes(m->seed, key.p, key.n);
  struct slot *s = slot_of(m, h, key);
  *ret_new = s->number == 0;
  if (s->number)
    return s->number - 1;
  uint64_t used = m->count ? m->ends[m->count - 1] : 0;
  if (m->count == KEYS_MAX || grow_keys(m, used + key.n) < 0)
    return -1;
  if (m->count * 2 > m->mask) {
    if (grow_slots(m) < 0)
      return -1;
    s = slot_of(m, h, key);
  }
  if (key.n)
    memcpy(m->bytes + used, key.p, key.n);
  m->ends[m->count] = used + key.n;
  m->same_width = m->count == 0 || (m->same_width && key.n == m->width);
  m->width = key.n;
  *s = (struct slot){(uint32_t)(h >> 32), (uint32_t)m->count + 1};
  return (int64_t)m->count++;
}

size_t keymap_count(const struct keymap *m) { return m->count; }

size_t keymap_size_bytes(const struct keymap *m) {
  return (m->mask + 1) * sizeof *m->slots + m->ends_cap * sizeof *m->ends + m->bytes_cap;
}
