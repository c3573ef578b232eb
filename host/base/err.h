/* base/err.h: the error that travels up through the host.  Caller-owned, filled by whoever fails, logged once by whoever handles
 * it.  Classes are those of the ABI (enum etl_error_class), so a connector's error and the host's own read alike. */
#ifndef HOST_BASE_ERR_H
#define HOST_BASE_ERR_H

#include <stdint.h>

#include "etl/plugin.h"

struct err {
  uint32_t error_class; /* enum etl_error_class; 0: no error */
  int64_t vendor_code;
  int64_t row;    /* -1 unknown */
  int32_t column; /* -1 unknown */
  uint32_t retry_after_ms;
  char vendor_state[16];
  char option[64];
  char message[2048]; /* what happened, to what, why; one line */
  char remedy[512];   /* what to do about it; may be empty */
};

/* Clears e, sets class and message.  Returns -1, so that `return err_set(e, ...)` reads well. */
__attribute__((format(printf, 3, 4))) int err_set(struct err *e, uint32_t error_class, const char *fmt, ...);
/* Sets the remedy of an error already set.  Returns -1. */
__attribute__((format(printf, 2, 3))) int err_remedy(struct err *e, const char *fmt, ...);
/* Takes over a connector's error field by field, as far as its struct_size goes. */
int err_from_etl(struct err *e, const struct etl_error *from);
/* "config", "retryable" ...; "unknown" for a number that is none. */
const char *err_class_name(uint32_t error_class);
uint32_t err_class_from_name(const char *name); /* 0: no such class */

#endif
