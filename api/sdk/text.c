/* Failing, logging and secrets: the formatted forms of the host's services.  Any thread. */
#include <stdarg.h>
#include <stdio.h>

#include "etl/sdk.h"

enum { MESSAGE_BYTES = 2048 };

int32_t etl_failf(const struct etl_host *h, const struct etl_error *e, const char *fmt, ...) {
  char text[MESSAGE_BYTES];
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(text, sizeof text, fmt, ap);
  va_end(ap);
  struct etl_error copy = *e;
  copy.message = text;
  return h->fail(h, &copy);
}

void etl_logf(const struct etl_host *h, uint32_t level, const char *fmt, ...) {
  char text[MESSAGE_BYTES];
  va_list ap;
  va_start(ap, fmt);
  int n = vsnprintf(text, sizeof text, fmt, ap);
  va_end(ap);
  if (n < 0)
    return;
  h->log(h, level, text, (uint64_t)n < sizeof text ? (uint64_t)n : sizeof text - 1);
}

const char *etl_secret(const struct etl_host *h, const struct etl_value *v) {
  struct etl_bytes b;
  if (!v->str || h->secret(h, v->str, &b) != ETL_OK)
    return "";
  return (const char *)b.p;
}
