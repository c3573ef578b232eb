/* Setting a row aside: host->bad_row() with the row as JSON.  The thread of the instance. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "etl/sdk.h"

enum { MESSAGE_BYTES = 2048 };

static struct etl_bad_row bad_row(const struct etl_error *e, int64_t row, const char *message) {
  return (struct etl_bad_row){.struct_size = sizeof(struct etl_bad_row),
                              .error_class = e->error_class,
                              .row = row,
                              .vendor_code = e->vendor_code,
                              .vendor_state = e->vendor_state,
                              .column = e->column,
                              .message = message};
}

int32_t etl_reject(const struct etl_host *h, const struct etl_error *e, const char *stream, const struct ArrowSchema *schema,
                   const struct ArrowArray *batch, int64_t row, const char *fmt, ...) {
  char text[MESSAGE_BYTES];
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(text, sizeof text, fmt, ap);
  va_end(ap);
  etl_end_at_letter_(text);
  char *json = etl_row_json(schema, batch, row);
  if (!json) {
    struct etl_error none = ETL_ERROR(ETL_E_PERMANENT);
    return etl_failf(h, &none, "no memory for a row that is set aside (%s)", text);
  }
  struct etl_bad_row bad = bad_row(e, row, text);
  bad.raw = (struct etl_bytes){json, strlen(json)};
  bad.stream = stream;
  bad.schema = schema;
  int32_t rc = h->bad_row(h, &bad);
  free(json);
  return rc;
}

int32_t etl_reject_raw(const struct etl_host *h, const struct etl_error *e, struct etl_bytes raw, int64_t row, const char *fmt, ...) {
  char text[MESSAGE_BYTES];
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(text, sizeof text, fmt, ap);
  va_end(ap);
  etl_end_at_letter_(text);
  struct etl_bad_row bad = bad_row(e, row, text);
  bad.raw = raw;
  return h->bad_row(h, &bad);
}
