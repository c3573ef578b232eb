/* hash.h: a seeded hash of bytes: nobody who chooses the keys can make them collide.  Any thread. */
#ifndef TRANSFORMS_HASH_H
#define TRANSFORMS_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/random.h>

static inline uint64_t hash_mix(uint64_t a, uint64_t b) {
  unsigned __int128 p = (unsigned __int128)a * b;
  return (uint64_t)p ^ (uint64_t)(p >> 64);
}

static inline uint64_t hash_bytes(uint64_t seed, const void *key, size_t n) {
  const unsigned char *p = key;
  uint64_t h = seed ^ n, w;
  for (; n >= 8; p += 8, n -= 8) {
    memcpy(&w, p, 8);
    h = hash_mix(h ^ w, 0x9e3779b97f4a7c15u);
  }
  w = 0;
  if (n)
    memcpy(&w, p, n);
  return hash_mix(h ^ w, 0xd6e8feb86659fd93u ^ seed);
}

/* Odd, and another one for each table. */
static inline uint64_t hash_seed(const void *table) {
  uint64_t seed;
  if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) != sizeof seed)
    seed = (uintptr_t)table * 0x9e3779b97f4a7c15u;
  return seed | 1;
}

#endif
