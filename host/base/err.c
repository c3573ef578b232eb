/* The host's error: setting, copying from the ABI, naming its class.  Any thread; the caller owns the struct. */
#include "base/err.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

static const char *const class_names[] = {
  [ETL_E_CONFIG] = "config",   [ETL_E_AUTH] = "auth",           [ETL_E_RETRYABLE] = "retryable",
  [ETL_E_DATA] = "data",       [ETL_E_SCHEMA] = "schema",       [ETL_E_INDOUBT] = "in-doubt",
  [ETL_E_FENCED] = "fenced",   [ETL_E_PERMANENT] = "permanent", [ETL_E_UNSUPPORTED] = "unsupported",
  [ETL_E_INTERNAL] = "internal"};
enum { CLASSES = sizeof class_names / sizeof *class_names };

int err_set(struct err *e, uint32_t error_class, const char *fmt, ...) {
  struct err fresh = {.error_class = error_class, .row = -1, .column = -1};
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(fresh.message, sizeof fresh.message, fmt, ap); /* into a copy: fmt's arguments may lie in *e */
  va_end(ap);
  fresh.message[text_end(fresh.message)] = 0;
  *e = fresh;
  return -1;
}

int err_remedy(struct err *e, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(e->remedy, sizeof e->remedy, fmt, ap);
  va_end(ap);
  e->remedy[text_end(e->remedy)] = 0;
  return -1;
}

static void copy_text(char *to, size_t size, const char *from) {
  snprintf(to, size, "%s", from ? from : "");
  to[text_end(to)] = 0;
}

int err_from_etl(struct err *e, const struct etl_error *from) {
  struct etl_error f = {.row = -1, .column = -1};
  size_t n = from->struct_size < sizeof f ? from->struct_size : sizeof f;
  memcpy(&f, from, n);
  bool known = f.error_class > 0 && f.error_class < CLASSES;
  err_set(e, known ? f.error_class : ETL_E_INTERNAL, "%s", f.message ? f.message : "the connector gave no reason");
  e->vendor_code = f.vendor_code;
  e->row = f.row;
  e->column = f.column;
  e->retry_after_ms = f.retry_after_ms;
  copy_text(e->vendor_state, sizeof e->vendor_state, f.vendor_state);
  copy_text(e->option, sizeof e->option, f.option);
  copy_text(e->remedy, sizeof e->remedy, f.remedy);
  return -1;
}

const char *err_class_name(uint32_t error_class) {
  return error_class > 0 && error_class < CLASSES ? class_names[error_class] : "unknown";
}

uint32_t err_class_from_name(const char *name) {
  for (uint32_t i = 1; i < CLASSES; i++)
    if (strcmp(class_names[i], name) == 0)
      return i;
  return 0;
}
