/* tap.h: checks of a plain program, told in TAP.  A plain program, because leak checkers see nothing inside a Criterion test. */
#ifndef TESTS_HARNESS_TAP_H
#define TESTS_HARNESS_TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct tap {
  unsigned n, failed;
};

__attribute__((format(printf, 5, 6))) static inline bool tap_check(struct tap *t, bool ok, const char *file, int line,
                                                                   const char *fmt, ...) {
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
/* Texts without newlines: the whole one, or a part of it. */
__attribute__((unused)) static void tap_text(struct tap *t, bool part, const char *file, int line, const char *what,
                                             const char *got, const char *want) {
  bool ok = part ? strstr(got, want) != NULL : strcmp(got, want) == 0;
  if (!tap_check(t, ok, file, line, "%s %s %s", what, part ? "has" : "is", want))
    printf("# got %s\n", got);
}
#define CHECK_TEXT(t_, got_, want_) tap_text(t_, false, __FILE__, __LINE__, #got_, got_, want_)
#define CHECK_HAS(t_, got_, part_)  tap_text(t_, true, __FILE__, __LINE__, #got_, got_, part_)

static inline int tap_end(const struct tap *t) {
  printf("1..%u\n", t->n);
  return t->failed != 0;
}

#endif
