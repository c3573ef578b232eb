/* tests/stress/check.h: a check that also holds with NDEBUG. */
#ifndef TESTS_STRESS_CHECK_H
#define TESTS_STRESS_CHECK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(what_)                                                          \
  do {                                                                        \
    if (!(what_)) {                                                           \
      fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #what_); \
      abort();                                                                \
    }                                                                         \
  } while (0)

#endif
