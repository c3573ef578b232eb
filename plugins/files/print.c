/* Rows on standard output.  It is one for all lanes of the process, so what went there first decides what may follow. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "load.h"

/* Under the lock of stdout. */
static struct printed {
  bool begun;
  uint64_t stream, columns; /* hashes */
} printed;

static uint64_t hash(const char *p, size_t n) {
  uint64_t h = UINT64_C(14695981039346656037); /* FNV-1a */
  for (size_t i = 0; i < n; i++)
    h = (h ^ (uint8_t)p[i]) * UINT64_C(1099511628211);
  return h;
}

static int check_same(const struct printed *now, const char *stream, struct failure *f) {
  if (printed.begun && printed.stream != now->stream)
    return failure_set(f, ETL_E_CONFIG, "path", "write to files, with {stream} in `path`; or leave the other streams out",
                       "standard output takes the rows of one stream, and those of %s would be the second", stream);
  if (printed.begun && printed.columns != now->columns)
    return failure_set(f, ETL_E_SCHEMA, NULL, "leave columns out with the transformer columns; or write to files",
                       "the columns of %s are not those that were printed before", stream);
  return 0;
}

/* n bytes at p, which may be nowhere when there are none. */
static bool put(const char *p, size_t n) { return n == 0 || fwrite_unlocked(p, 1, n, stdout) == n; }

int target_print(struct target *t, struct failure *f) {
  struct printed now = {true, hash(t->stream, strlen(t->stream)), hash(t->columns.p, t->columns.n)};
  flockfile(stdout);
  int rc = check_same(&now, t->stream, f);
  if (rc == 0) {
    bool ok = printed.begun || put(t->head.p, t->head.n);
    ok = ok && put(t->text.p, t->text.n) && fflush_unlocked(stdout) == 0;
    printed = now;
    rc = ok ? 0 : failure_errno(f, errno, "written", "standard output");
  }
  funlockfile(stdout);
  t->text.n = 0;
  return rc;
}
