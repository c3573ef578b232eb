/* mask.h: personal data made less personal.  A mask never lets through what it does not understand. */
#ifndef TRANSFORMS_MASK_H
#define TRANSFORMS_MASK_H

#include "etl/sdk.h"

enum mask_kind {
  MASK_ALL,
  MASK_KEEP_FIRST,
  MASK_KEEP_LAST,
  MASK_EMAIL,
  MASK_IP
};
struct mask {
  enum mask_kind kind;
  uint64_t keep; /* characters */
};
int mask_parse(const char *text, struct mask *ret); /* -1: there is no such rule */
extern const char mask_names[];
/* Adds the masked text to column 0 of b, whose row was begun.  0, or -1: no memory. */
int mask_add(const struct mask *m, struct etl_bytes text, struct etl_batch *b);

/* SHA-256 over salt and value, in hexadecimal.  Owned by one instance. */
struct hasher;
struct hasher *hasher_new(const char *salt); /* NULL: no memory */
void hasher_free(struct hasher *h);
int hash_add(struct hasher *h, struct etl_bytes text, struct etl_batch *b); /* likewise */

#endif
