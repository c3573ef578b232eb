/* base/clock.h: time.  Code that only measures calls the two plain functions; code whose decisions depend on time takes a struct
 * clock, so that a test can turn the hands.  Any thread. */
#ifndef HOST_BASE_CLOCK_H
#define HOST_BASE_CLOCK_H

#include <stdint.h>

int64_t clock_wall_ns(void); /* since 1970-01-01 UTC */
int64_t clock_mono_ns(void); /* never set back */

struct clock {
  int64_t (*wall_ns)(const struct clock *);
  int64_t (*mono_ns)(const struct clock *);
  void *arg; /* the implementation's own */
};
extern const struct clock clock_system;

#endif
