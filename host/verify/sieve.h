/* verify/sieve.h: what `etl verify --repair` loads again: rows of the buckets that differ. */
#ifndef HOST_VERIFY_SIEVE_H
#define HOST_VERIFY_SIEVE_H

#include "engine/run.h"

/* A run_sieve_fn: spec->ask as in verify/digest.h, each stream with its buckets; streams that are not in it lose all rows. */
int sieve_rows(const struct run *r, const struct etl_host *host, const char *stream, const struct ArrowSchema *schema, struct ArrowArray *rows,
               struct err *e);

#endif
