/* base/statm.h: how much memory this process has, by /proc/self/statm: see proc(5). */
#ifndef HOST_BASE_STATM_H
#define HOST_BASE_STATM_H

#include <stdint.h>

enum statm { /* places in the line, from 0 */
  STATM_RESIDENT = 1,
  STATM_DATA = 5, /* private memory that may be written: what RLIMIT_DATA counts */
  STATM_NUMBERS = 7
};
int64_t statm_bytes(enum statm what); /* -1: it cannot be read */

#endif
