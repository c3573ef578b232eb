/* source_types.h: PostgreSQL's types on their way to Arrow: what each becomes, how its binary form is read, and whether it can be a
 * cursor. */
#ifndef POSTGRES_SOURCE_TYPES_H
#define POSTGRES_SOURCE_TYPES_H

#include "binary.h"
#include "etl/sdk.h"
#include "text.h"

enum cursor_use {
  CURSOR_NEVER,
  CURSOR_LATER, /* second or later column */
  CURSOR_ANY
};
enum decoded {
  DECODED,
  DECODED_NO_MEMORY,
  DECODED_REFUSED, /* Arrow has no such value, see source_type.refusal */
  DECODED_DAMAGED  /* not the binary form of the type */
};
struct field;
typedef enum decoded decode_fn(struct etl_batch *b, int64_t col, const struct field *c, const uint8_t *p, uint32_t n);
/* The value as text that the server reads back exactly. */
typedef void value_text_fn(struct text *t, const struct field *c, const uint8_t *p, uint32_t n);

struct source_type {
  uint32_t oid;
  uint32_t width;     /* of the binary form; 0: any */
  const char *format; /* Arrow; NULL: d:precision,scale */
  const char *extension;
  decode_fn *decode;
  value_text_fn *text; /* NULL: not needed, no cursor and never refused */
  enum cursor_use cursor;
  bool counts_time;
  const char *refusal; /* what a value that is refused is */
};
struct field {           /* a column as it is read */
  char *name, *declared; /* owned; declared: "numeric(18,4)" */
  const struct source_type *type;
  int precision, scale; /* of a decimal; scale also: digits of a time's seconds */
  bool nullable;
  bool hidden;  /* read for the cursor only */
  bool as_text; /* the server turns it into text */
  bool loose;   /* equal values may have different bytes: a collation that is not deterministic */
};
/* Finds the type; what has none here is read as text. */
void field_set_type(struct field *c, uint32_t oid, int32_t typmod);
const char *field_format(const struct field *c, char buf[16]);
/* What is lost on the way; NULL: nothing. */
const char *field_note(const struct field *c);
/* May it be cursor column `position` (from 0)?  Otherwise the reason. */
const char *field_cursor_refusal(const struct field *c, size_t position);

/* ---- decode.c ------------------------------------------------------------------------------------------------------- */
decode_fn decode_bool, decode_fixed, decode_numeric, decode_date, decode_time, decode_timestamp, decode_bytes, decode_jsonb,
    decode_uuid;
value_text_fn value_bool, value_int, value_numeric, value_date, value_time, value_timestamp, value_timestamptz, value_bytes,
    value_hex, value_uuid;
/* Microseconds since 1970 of a date, timestamp or timestamptz; of infinities the ends of the range. */
int64_t value_us(const struct field *c, const uint8_t *p, uint32_t n);

#endif
