/* errors.h: why something failed, kept until a call of the ABI can hand it to host->fail(), and what SQL Server's and db-lib's
 * error numbers mean to a user. */
#ifndef SQLSERVER_ERRORS_H
#define SQLSERVER_ERRORS_H

#include "etl/sdk.h"

struct failure { /* one reason; error_class 0: none */
  uint32_t error_class;
  uint32_t retry_after_ms;
  int64_t vendor_code;
  char vendor_state[24];
  char message[1600];
  char remedy[600];   /* "": none */
  const char *option; /* constant text; NULL: none */
};
/* Sets f, unless it is set already, and returns -1.  remedy and option may be NULL. */
__attribute__((format(printf, 5, 6))) int failure_set(struct failure *f, uint32_t error_class, const char *option,
                                                      const char *remedy, const char *fmt, ...);
int failure_out_of_memory(struct failure *f, const char *what);
int32_t failure_report(const struct etl_host *h, const struct failure *f); /* host->fail() */

struct vendor_error { /* the first error of a statement or a connection */
  int64_t number;     /* 0: none */
  int state, severity, line, os_error;
  char text[1000];
};
/* Sets f from what server or db-lib said; server wins.  what: "reading dbo.t"; where: "shard \"eu1\" (host:1433, database app)". */
int failure_vendor(struct failure *f, const char *where, const char *what, const struct vendor_error *server,
                   const struct vendor_error *client);

#endif
