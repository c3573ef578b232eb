/* verify/compare.h: two sides of a stream held against each other: which columns compare as what, which buckets of rows differ, and
 * in which rows.  Knows nothing of workers; one thread. */
#ifndef HOST_VERIFY_COMPARE_H
#define HOST_VERIFY_COMPARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

enum side { SIDE_SOURCE, SIDE_TARGET, SIDES };

/* What digest.h calls a stream of spec->ask, for both sides the same: source and target are elements of "targets" events.  group: the
 * column that tells shards apart; NULL, or not there: none.  notes: a list that gets texts about columns that are not compared.  NULL:
 * not a single column can be compared. */
json_t *compare_columns(const json_t *source, const json_t *target, const char *group, json_t *notes);

struct compare;
/* only: the groups that are looked at, borrowed; only_n 0: all.  newest: of source rows with one key the target has one, so that rows beside
 * one that the target has are no difference. */
struct compare *compare_new(const char *const *only, size_t only_n, bool newest);
void compare_free(struct compare *c); /* accepts NULL */

/* A "digest" event of one side. */
void compare_sums(struct compare *c, enum side side, const json_t *event);
struct compare_group { /* counts of one group */
  const char *name;
  int64_t rows[SIDES];
  size_t differing; /* buckets */
};
size_t compare_groups(const struct compare *c);
struct compare_group compare_group(const struct compare *c, size_t i);
/* Buckets that differ, as a list for spec->ask, as long as they hold at most max_rows rows of a side (but always one).  ret_left: how many are
 * left out.  An empty list: both sides are the same. */
json_t *compare_buckets(const struct compare *c, int64_t max_rows, size_t *ret_left);

/* A "digest_rows" event of one side; of the source's rows that the target is not expected to have yet. */
void compare_rows(struct compare *c, enum side side, const json_t *event);
void compare_pending(struct compare *c, const json_t *event);
enum difference { DIFF_MISSING /* in the target */, DIFF_EXTRA, DIFF_CHANGED };
struct compare_row {
  enum difference kind;
  const char *key, *group; /* JSON of the key's columns */
  const uint64_t *source, *target; /* hashes of the columns of a changed row */
  size_t columns_n;
};
/* After all rows: each difference, ordered by kind and key.  Returns how many. */
struct compare_left { /* rows of the source that the target does not have, and that are no differences */
  size_t older;   /* beside one of the same key */
  size_t pending; /* to come with the next run */
};
size_t compare_differences(struct compare *c, void (*each)(void *arg, const struct compare_row *row), void *arg, struct compare_left *ret);
/* After that: each row of the source that is the same on both sides, of those that were looked at. */
void compare_same(const struct compare *c, void (*each)(void *arg, const char *key, const char *group), void *arg);

#endif
