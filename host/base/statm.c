/* The kernel counts in pages. */
#include "base/statm.h"

#include <stdio.h>
#include <unistd.h>

int64_t statm_bytes(enum statm what) {
  long pages[STATM_NUMBERS];
  int n = 0;
  FILE *f = fopen("/proc/self/statm", "re");
  if (!f)
    return -1;
  while (n < STATM_NUMBERS && fscanf(f, "%ld", &pages[n]) == 1)
    n++;
  fclose(f);
  return n > (int)what ? (int64_t)pages[what] * sysconf(_SC_PAGESIZE) : -1;
}
