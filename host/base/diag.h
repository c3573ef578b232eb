/* base/diag.h: a list of findings about the user's input, so that all errors are shown at once.  One thread at a time. */
#ifndef HOST_BASE_DIAG_H
#define HOST_BASE_DIAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum diag_level {
  DIAG_WARNING,
  DIAG_ERROR
};
struct diag {
  enum diag_level level;
  char *origin; /* "etl.conf:42", or NULL */
  char *text;
};
struct diags {
  struct diag *list;
  size_t n, errors;
};

__attribute__((format(printf, 4, 5))) void diags_add(struct diags *d, enum diag_level level, const char *origin, const char *fmt,
                                                     ...);
void diags_fini(struct diags *d);
/* In order of file and line; freed by the caller. */
const struct diag **diags_sorted(const struct diags *d);
/* One line each: "etl.conf:42: error: text".  In order of file and line. */
void diags_print(const struct diags *d, FILE *to);

/* The candidate (list ends with NULL) nearest to name by edit distance, or NULL when none is near. */
const char *diag_nearest(const char *name, const char *const *candidates);

#endif
