/* The system's clocks. */
#include "base/clock.h"

#include <time.h>

static int64_t read_ns(clockid_t id) {
  struct timespec ts;
  clock_gettime(id, &ts);
  return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

int64_t clock_wall_ns(void) { return read_ns(CLOCK_REALTIME); }

int64_t clock_mono_ns(void) { return read_ns(CLOCK_MONOTONIC); }

static int64_t system_wall(const struct clock *c) {
  (void)c;
  return clock_wall_ns();
}

static int64_t system_mono(const struct clock *c) {
  (void)c;
  return clock_mono_ns();
}

const struct clock clock_system = {system_wall, system_mono, NULL};
