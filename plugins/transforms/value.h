/* value.h: one value of any column type, between reading it and writing it as another type.  Any thread. */
#ifndef TRANSFORMS_VALUE_H
#define TRANSFORMS_VALUE_H

#include "etl/sdk.h"

enum value_kind {
  VALUE_NUMBER,
  VALUE_FLOAT,
  VALUE_BOOL,
  VALUE_TEXT,
  VALUE_JSON,
  VALUE_BYTES,
  VALUE_UUID,
  VALUE_DATE,
  VALUE_TIME,
  VALUE_STAMP
};
struct value {
  enum value_kind kind;
  bool zoned;      /* VALUE_STAMP: an instant, not a local time */
  bool narrow;     /* VALUE_FLOAT: of 32 bits */
  int32_t scale;   /* VALUE_NUMBER: number / 10^scale */
  __int128 number; /* VALUE_NUMBER, VALUE_BOOL */
  double f;
  int64_t t;          /* VALUE_DATE: days; VALUE_TIME, VALUE_STAMP: units since midnight or 1970 */
  int64_t per_second; /* units of t */
  struct etl_bytes b; /* VALUE_TEXT, VALUE_JSON, VALUE_BYTES, VALUE_UUID; borrowed */
};
enum {
  VALUE_TEXT_BYTES = 96,
  DECIMAL_DIGITS = 38,
  SECONDS_A_DAY = 86400
};

struct value value_load(const struct etl_view *v, int64_t row); /* of a row that is not NULL */
/* Text of every kind but TEXT, JSON and BYTES, as PostgreSQL writes it.  Returns its length. */
size_t value_print(const struct value *v, char buf[VALUE_TEXT_BYTES]);
/* Text of every kind: the value's own bytes, or printed into buf. */
struct etl_bytes value_text(const struct value *v, char buf[VALUE_TEXT_BYTES]);
/* Reading text.  NULL, or why it is not one. */
const char *value_scan_number(struct etl_bytes text, struct value *ret); /* 12, -0.50, 1e3 */
const char *value_scan_float(struct etl_bytes text, struct value *ret);
const char *value_scan_bool(struct etl_bytes text, struct value *ret);
const char *value_scan_uuid(struct etl_bytes text, uint8_t ret[16]);
const char *value_scan_date(struct etl_bytes text, struct value *ret);
/* Microseconds, finer digits cut off; zoned if the text ends in Z or an offset. */
const char *value_scan_stamp(struct etl_bytes text, struct value *ret);
/* number * 10^(to - from) rounded half away from zero; false: it leaves 38 digits. */
bool value_rescale(__int128 number, int32_t from, int32_t to, __int128 *ret);

#endif
