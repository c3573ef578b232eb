/* verify/digest.h: the worker's half of `etl verify`.  Reads a pipeline up to where the loader would be (or, on the other side, the target)
 * and sums hashes of its rows, so that order does not matter and a table of any size takes the same memory.
 *
 * Rows fall into buckets by the hash of their key, and into groups by the value of one column (the shard).  spec->ask is a JSON object:
 *   readback       read the target instead of the source: see verify/targets.c
 *   streams        list of: stream (null: any), columns (list of name and as, a canon_name()), key (list of indexes into columns; empty:
 *                  the whole row), group (index, or -1), buckets (list of numbers: do not sum, but tell the rows of these)
 *   from_committed begin where the sink stands instead of at the start
 * Events: "digest" (lane, stream, rejected, groups: list of group, sums: flat list of bucket, rows, low and high half of the sum) when a
 * lane has ended well, or "digest_rows" (lane, attempt: what
 * an earlier one told is void, stream, group, rows: list of key (JSON text), low and high half of the key's hash, of the row's,
 * list of the columns' hashes) as they come; "targets" of SPEC_TARGETS see verify/targets.c. */
#ifndef HOST_VERIFY_DIGEST_H
#define HOST_VERIFY_DIGEST_H

#include "engine/ask.h"

int digest_lane(struct lane *l); /* as writer_run() */
extern const struct ask_command verify_commands[];

#endif
