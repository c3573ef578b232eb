/* failure.h: why something failed, kept until a call of the ABI can hand it to host->fail().  One thread at a time. */
#ifndef FILES_FAILURE_H
#define FILES_FAILURE_H

#include "etl/sdk.h"

struct failure { /* one reason; error_class 0: none */
  uint32_t error_class;
  int64_t vendor_code;
  char message[1600];
  char remedy[400];   /* "": none */
  const char *option; /* constant text; NULL: none */
  bool stopped;       /* there is no reason, but that cancel was asked for */
};
/* Sets f, unless it is set already, and returns -1.  remedy and option may be NULL. */
__attribute__((format(printf, 5, 6))) int failure_set(struct failure *f, uint32_t error_class, const char *option, const char *remedy,
                                                      const char *fmt, ...);
int failure_stopped(struct failure *f);
int failure_memory(struct failure *f, const char *what);
/* The same for an errno: the class follows from it (a full disk may pass, a missing file will not). */
int failure_errno(struct failure *f, int number, const char *verb, const char *path);
int32_t failure_report(const struct etl_host *h, const struct failure *f); /* host->fail(), or ETL_STOPPED */

#endif
