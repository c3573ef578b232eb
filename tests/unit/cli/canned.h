/* unit/cli/canned.h: events as a worker sends them, a clock that a test turns, and what a display made of it. */
#ifndef TESTS_UNIT_CLI_CANNED_H
#define TESTS_UNIT_CLI_CANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>
#include <jansson.h>

#include "base/clock.h"
#include "base/units.h"

/* An event written with ' for ". */
static inline json_t *canned(const char *text) {
  char *copy = strdup(text);
  json_error_t e;
  for (char *p = copy; *p; p++)
    if (*p == '\'')
      *p = '"';
  json_t *j = json_loads(copy, 0, &e);
  cr_assert_not_null(j, "%s: %s", e.text, copy);
  free(copy);
  return j;
}

struct hands { /* of a clock */
  struct clock clock;
  int64_t ns;
};
static inline int64_t hands_mono(const struct clock *c) { return ((const struct hands *)c)->ns; }
static inline int64_t hands_wall(const struct clock *c) { return 1714557600 * NS_PER_SEC + ((const struct hands *)c)->ns; }
#define HANDS ((struct hands){.clock = {.wall_ns = hands_wall, .mono_ns = hands_mono}, .ns = 1000 * NS_PER_SEC})

struct page { /* a stream into memory */
  FILE *f;
  char *text;
  size_t n;
};
static inline void page_open(struct page *p) {
  p->f = open_memstream(&p->text, &p->n);
  cr_assert_not_null(p->f);
}
/* What was printed since the last call; valid until the next. */
static inline const char *page_take(struct page *p) {
  static char taken[65536];
  fflush(p->f);
  cr_assert_lt(p->n, sizeof taken);
  memcpy(taken, p->text, p->n);
  taken[p->n] = '\0';
  rewind(p->f);
  return taken;
}
static inline void page_close(struct page *p) {
  fclose(p->f);
  free(p->text);
}

#endif
