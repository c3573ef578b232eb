/* convert.h: values from the form in which db-lib gives them straight into the columns of a batch. */
#ifndef SQLSERVER_CONVERT_H
#define SQLSERVER_CONVERT_H

#include "types.h"

enum convert_status {
  CONVERT_OK = 0,
  CONVERT_NO_MEMORY = -1,
  CONVERT_RANGE = 1,
  CONVERT_TOO_LARGE = 2,
  CONVERT_CHARACTERS = 3 /* no valid Unicode */
};

struct converter { /* one column */
  /* Adds the value at p (n bytes, if wants_length) to column `column` of the row in hand. */
  enum convert_status (*add)(const struct converter *cv, struct etl_batch *b, const uint8_t *p, uint32_t n);
  int64_t column;
  uint32_t fixed_bytes; /* 0: varies, the length is wanted */
  uint32_t max_bytes;
  uint32_t digits_bytes; /* KIND_DECIMAL: bytes of its magnitude */
};
void converter_init(struct converter *cv, const struct column *c, int64_t column, const struct settings *s);

/* One value, for cursors. */
int64_t convert_ticks(const struct column *c, const uint8_t *p);    /* times: ticks of temporal.h */
__int128 convert_decimal(const struct column *c, const uint8_t *p); /* unscaled */
void convert_decimal_text(const struct column *c, const uint8_t *p, char *ret, size_t cap);
void convert_uuid(const uint8_t *p, uint8_t ret[16]); /* to network order */

#endif
