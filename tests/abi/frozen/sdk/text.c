/* Failing, logging and secrets: the formatted forms of the host's services.  Any thread. */
#include <stdarg.h>
#include <stdio.h>

#include "etl/sdk.h"

enum { MESSAGE_BYTES = 2048 };

void etl_end_at_letter_(char *text) {
  size_t n = strlen(text), back = 1;
  while (back < n && back < 4 && (text[n - back] & 0xc0) == 0x80)
    back++;
  unsigned char first = n ? (unsigned char)text[n - back] : 0;
  size_t whole = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 1;
  if (n && back < whole)
    text[n - back] = 0;
}

int32_t etl_failf(const struct etl_host *h, const struct etl_error *e, const char *fmt, ...) {
  char text[MESSAGE_BYTES];
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(text, sizeof text, fmt, ap);
  va_end(ap);
  etl_end_at_letter_(text);
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
  etl_end_at_letter_(text);
  h->log(h, level, text, strlen(text));
}

const char *etl_secret(const struct etl_host *h, const struct etl_value *v) {
  struct etl_bytes b;
  if (!v->str || h->secret(h, v->str, &b) != ETL_OK)
    return "";
  return (const char *)b.p;
}
