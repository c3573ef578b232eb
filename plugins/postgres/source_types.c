/* The table of types.  The rows' Arrow types are those that the loader writes back as the same type of PostgreSQL. */
#include "source_types.h"

#include <stdio.h>

#include "types.h"

static const char infinite[] = "infinity has no place in Arrow's type";
static const char not_a_number[] = "NaN and infinities have no place in a decimal";
enum {
  SOURCE_OID_NAME = 19,
  SOURCE_OID_OID = 26
};

static const struct source_type known[] = {
    {OID_BOOL, 1, "b", NULL, decode_bool, value_bool, CURSOR_LATER, false, NULL},
    {OID_INT2, 2, "s", NULL, decode_fixed, value_int, CURSOR_ANY, false, NULL},
    {OID_INT4, 4, "i", NULL, decode_fixed, value_int, CURSOR_ANY, false, NULL},
    {OID_INT8, 8, "l", NULL, decode_fixed, value_int, CURSOR_ANY, false, NULL},
    {SOURCE_OID_OID, 4, "I", NULL, decode_fixed, value_int, CURSOR_ANY, false, NULL},
    {OID_FLOAT4, 4, "f", NULL, decode_fixed, NULL, CURSOR_NEVER, false, NULL},
    {OID_FLOAT8, 8, "g", NULL, decode_fixed, NULL, CURSOR_NEVER, false, NULL},
    {OID_NUMERIC, 0, NULL, NULL, decode_numeric, value_numeric, CURSOR_ANY, false, not_a_number},
    {OID_TEXT, 0, "u", NULL, decode_bytes, value_bytes, CURSOR_LATER, false, NULL},
    {OID_VARCHAR, 0, "u", NULL, decode_bytes, value_bytes, CURSOR_LATER, false, NULL},
    {OID_BPCHAR, 0, "u", NULL, decode_bytes, value_bytes, CURSOR_LATER, false, NULL},
    {SOURCE_OID_NAME, 0, "u", NULL, decode_bytes, value_bytes, CURSOR_LATER, false, NULL},
    {OID_BYTEA, 0, "z", NULL, decode_bytes, value_hex, CURSOR_LATER, false, NULL},
    {OID_UUID, 16, "w:16", "arrow.uuid", decode_uuid, value_uuid, CURSOR_LATER, false, NULL},
    {OID_JSON, 0, "u", "arrow.json", decode_bytes, value_bytes, CURSOR_NEVER, false, NULL},
    {OID_JSONB, 0, "u", "arrow.json", decode_jsonb, NULL, CURSOR_NEVER, false, NULL},
    {OID_DATE, 4, "tdD", NULL, decode_date, value_date, CURSOR_ANY, true, infinite},
    {OID_TIME, 8, "ttu", NULL, decode_time, value_time, CURSOR_LATER, false, NULL},
    {OID_TIMESTAMP, 8, "tsu:", NULL, decode_timestamp, value_timestamp, CURSOR_ANY, true, infinite},
    {OID_TIMESTAMPTZ, 8, "tsu:UTC", NULL, decode_timestamp, value_timestamptz, CURSOR_ANY, true, infinite},
};
static const struct source_type text_type = {OID_TEXT, 0, "u", NULL, decode_bytes, NULL, CURSOR_NEVER, false, NULL};

void field_set_type(struct field *c, uint32_t oid, int32_t typmod) {
  c->type = NULL;
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (known[i].oid == oid)
      c->type = &known[i];
  if (oid == OID_NUMERIC) { /* typmod: precision and, in 11 bits with a sign, scale */
    int32_t m = typmod - 4;
    c->precision = m >> 16 & 0xffff;
    c->scale = ((m & 0x7ff) ^ 1024) - 1024;
    if (typmod < 4 || c->precision > 38 || c->scale < 0 || c->scale > c->precision)
      c->type = NULL;
  }
  if (c->type && c->type->counts_time)
    c->scale = typmod < 0 ? 6 : typmod;
  c->as_text = c->type == NULL;
  if (!c->type)
    c->type = &text_type;
}

const char *field_format(const struct field *c, char buf[16]) {
  if (c->type->format)
    return c->type->format;
  snprintf(buf, 16, "d:%d,%d", c->precision, c->scale);
  return buf;
}

const char *field_note(const struct field *c) {
  if (c->as_text && strcmp(c->declared, "numeric") == 0)
    return "a numeric without a precision travels as text; numeric(p,s) up to 38 digits stays a number";
  if (c->as_text)
    return "the server turns the value into text";
  return c->type->oid == OID_JSON ? "spaces, the order of keys and repeated keys are kept only where the target stores json as text"
                                  : NULL;
}

const char *field_cursor_refusal(const struct field *c, size_t position) {
  if (c->as_text && strncmp(c->declared, "numeric", 7) == 0)
    return "only a numeric with a precision of at most 38 digits can be read on from";
  if (c->type->oid == OID_FLOAT4 || c->type->oid == OID_FLOAT8)
    return "a floating-point number is no safe place to read on from";
  if (c->type->cursor == CURSOR_NEVER)
    return "values of this type cannot be read on from";
  if (c->loose)
    return "its collation takes different texts for equal";
  if (position == 0 && c->type->cursor != CURSOR_ANY)
    return "the first cursor column must be a time or a number";
  return NULL;
}
