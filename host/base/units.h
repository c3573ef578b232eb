/* base/units.h: durations and sizes as people write them.  Any thread. */
#ifndef HOST_BASE_UNITS_H
#define HOST_BASE_UNITS_H

#include <stddef.h>
#include <stdint.h>

#define NS_PER_MS  1000000ll
#define NS_PER_SEC 1000000000ll

/* "250ms", "1.5s", "5m", "2h", "1d", "1h30m", "0" to nanoseconds; units ns us ms s m h d.  A bare number other than 0 is refused,
 * since nobody can tell what it counts.  0, or -1: not a duration, or it does not fit. */
int units_parse_duration(const char *text, int64_t *ret_ns);
/* "64KiB", "16MiB", "1GiB", "1.5MB", "4096" to bytes; units B KB MB GB TB (of 1000) KiB MiB GiB TiB (of 1024). */
int units_parse_size(const char *text, int64_t *ret_bytes);

enum {
  UNITS_TEXT = 48
}; /* room that any printed value fits in */
/* The shortest exact text: "1h30m", "250ms", "0".  Returns buf. */
char *units_print_duration(char buf[UNITS_TEXT], int64_t ns);
/* How long from now, to a hundredth of a second: "in 10s", "now". */
char *units_print_wait(char buf[UNITS_TEXT], int64_t ns);
/* Exact: "64KiB", "16MiB", "4097". */
char *units_print_size(char buf[UNITS_TEXT], int64_t bytes);

#endif
