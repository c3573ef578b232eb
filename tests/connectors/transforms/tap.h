/* tap.h: checks of a plain program, told in TAP.  A plain program, because leak checkers see nothing inside a Criterion test. */
#ifndef TESTS_TRANSFORMS_TAP_H
#define TESTS_TRANSFORMS_TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct tap {
  unsigned n, failed;
};

__attribute__((format(printf, 5, 6))) static inline bool tap_check(struct tap *t, bool ok, const char *file, int line, const char *fmt, ...) {
  va_list ap;
  printf("%s %u - ", ok ? "ok" : "not ok", ++t->n);
  va_start(ap, fmt);
  vprintf(fmt, ap);
  va_end(ap);
  printf(ok ? "\n" : " (%s:%d)\n", file, line);
  t->failed += !ok;
  return ok;
}
#define CHECK(t_, cond_) tap_check(t_, cond_, __FILE__, __LINE__, "%s", #cond_)
/* Newlines do not belong into what is compared. */
#define CHECK_TEXT(t_, got_, want_)                                                                                \
  do {                                                                                                             \
    const char *got__ = got_, *want__ = want_;                                                                     \
    tap_check(t_, strcmp(got__, want__) == 0, __FILE__, __LINE__, "%s is %s", #got_, want__);                      \
    if (strcmp(got__, want__) != 0)                                                                                \
      printf("# got %s\n", got__);                                                                                 \
  } while (0)
#define CHECK_HAS(t_, got_, part_)                                                                                 \
  do {                                                                                                             \
    const char *got__ = got_, *part__ = part_;                                                                     \
    if (!tap_check(t_, strstr(got__, part__) != NULL, __FILE__, __LINE__, "%s has %s", #got_, part__))             \
      printf("# got %s\n", got__);                                                                                 \
  } while (0)

static inline int tap_end(const struct tap *t) {
  printf("1..%u\n", t->n);
  return t->failed != 0;
}

#endif
