/* The binary forms of values: to Arrow, and to text for cursors and messages.
 * Source of the forms: the typsend functions of the server, https://github.com/postgres/postgres/tree/master/src/backend/utils/adt
 */
#include "source_types.h"

#include <stdio.h>

enum decoded decode_bool(struct etl_batch *b, int64_t col, const struct field *c, const uint8_t *p, uint32_t n) {
  (void)c;
  if (n != 1)
    return DECODED_DAMAGED;
  etl_batch_bool(b, col, *p != 0);
  return DECODED;
}

/* Integers and floats: the width of the column, in network order. */
enum decoded decode_fixed(struct etl_batch *b, int64_t col, const struct field *c, const uint8_t *p, uint32_t n) {
  uint32_t width = b->cols[col].f.width;
  (void)c;
  if (n != width)
    return DECODED_DAMAGED;
  if (width == 2)
    etl_batch_i16(b, col, (int16_t)get16(p));
  else if (width == 4)
    etl_batch_i32(b, col, (int32_t)get32(p));
  else
    etl_batch_i64(b, col, (int64_t)get64(p));
  return DECODED;
}

enum decoded decode_bytes(struct etl_batch *b, int64_t col, const struct field *c, const uint8_t *p, uint32_t n) {
  (void)c;
  return etl_batch_bytes(b, col, p, n) < 0 ? DECODED_NO_MEMORY : DECODED;
}

enum decoded decode_jsonb(struct etl_batch *b, int64_t col, const struct field *c, const uint8_t *p, uint32_t n) {
  if (n < 1 || *p != 1) /* the version of the form */
    return DECODED_DAMAGED;
  return decode_bytes(b, col, c, p + 1, n - 1);
}

enum decoded decode_uuid(struct etl_batch *b, int64_t col, const struct field *c, const uint8_t *p, uint32_t n) {
  (void)c;
  if (n != 16)
    return DECODED_DAMAGED;
  etl_batch_fixed(b, col, p);
  return DECODED;
}

/* ---- times ---------------------------------------------------------------------------------------------------------- */

enum decoded decode_date(struct etl_batch *b, int64_t col, const struct field *c, const uint8_t *p, uint32_t n) {
  int32_t days;
  (void)c;
  if (n != 4)
    return DECODED_DAMAGED;
  days = (int32_t)get32(p);
  if (days == INT32_MAX || days == INT32_MIN)
    return DECODED_REFUSED;
  etl_batch_i32(b, col, days + EPOCH_DAYS);
  return DECODED;
}

enum decoded decode_time(struct etl_batch *b, int64_t col, const struct field *c, const uint8_t *p, uint32_t n) {
  (void)c;
  if (n != 8)
    return DECODED_DAMAGED;
  etl_batch_i64(b, col, (int64_t)get64(p));
  return DECODED;
}

/* Besides infinities, the last 30 years of the server's range do not fit into 64 bits since 1970. */
enum decoded decode_timestamp(struct etl_batch *b, int64_t col, const struct field *c, const uint8_t *p, uint32_t n) {
  int64_t us;
  (void)c;
  if (n != 8)
    return DECODED_DAMAGED;
  us = (int64_t)get64(p);
  if (us == INT64_MIN || __builtin_add_overflow(us, EPOCH_US, &us))
    return DECODED_REFUSED;
  etl_batch_i64(b, col, us);
  return DECODED;
}

int64_t value_us(const struct field *c, const uint8_t *p, uint32_t n) {
  int64_t us;
  (void)c;
  if (n == 4)
    return ((int64_t)(int32_t)get32(p) + EPOCH_DAYS) * DAY_US;
  us = (int64_t)get64(p);
  return us > INT64_MAX - EPOCH_US ? INT64_MAX : us + EPOCH_US;
}

/* Days since 2000 to the Gregorian calendar; years before 1 are of the era BC. */
static bool add_date(struct text *t, int64_t days) {
  struct etl_civil c = etl_civil_from_days(days + EPOCH_DAYS);
  text_addf(t, "%04lld-%02d-%02d", (long long)(c.year > 0 ? c.year : 1 - c.year), (int)c.month, (int)c.day);
  return c.year <= 0;
}

static void add_time(struct text *t, int64_t us) {
  int64_t s = us / 1000000;
  text_addf(t, "%02lld:%02lld:%02lld", (long long)(s / 3600), (long long)(s / 60 % 60), (long long)(s % 60));
  if (us % 1000000)
    text_addf(t, ".%06lld", (long long)(us % 1000000));
}

void value_date(struct text *t, const struct field *c, const uint8_t *p, uint32_t n) {
  int32_t days = (int32_t)get32(p);
  (void)c, (void)n;
  if (days == INT32_MAX || days == INT32_MIN)
    text_add(t, days > 0 ? "infinity" : "-infinity");
  else if (add_date(t, days))
    text_add(t, " BC");
}

void value_time(struct text *t, const struct field *c, const uint8_t *p, uint32_t n) {
  (void)c, (void)n;
  add_time(t, (int64_t)get64(p));
}

static void add_timestamp(struct text *t, const uint8_t *p, const char *zone) {
  int64_t us = (int64_t)get64(p), days = us / DAY_US;
  if (us == INT64_MAX || us == INT64_MIN) {
    text_add(t, us > 0 ? "infinity" : "-infinity");
    return;
  }
  days -= us % DAY_US < 0;
  bool bc = add_date(t, days);
  text_add(t, " ");
  add_time(t, us - days * DAY_US);
  text_add(t, zone);
  text_add(t, bc ? " BC" : "");
}

void value_timestamp(struct text *t, const struct field *c, const uint8_t *p, uint32_t n) {
  (void)c, (void)n;
  add_timestamp(t, p, "");
}

void value_timestamptz(struct text *t, const struct field *c, const uint8_t *p, uint32_t n) {
  (void)c, (void)n;
  add_timestamp(t, p, "+00");
}

/* ---- the others as text --------------------------------------------------------------------------------------------- */

void value_bool(struct text *t, const struct field *c, const uint8_t *p, uint32_t n) {
  (void)c, (void)n;
  text_add(t, *p ? "true" : "false");
}

void value_int(struct text *t, const struct field *c, const uint8_t *p, uint32_t n) {
  bool is_oid = c->type->format[0] == 'I';
  text_addf(t, "%lld",
            n == 2   ? (long long)(int16_t)get16(p)
            : n == 8 ? (long long)get64(p)
            : is_oid ? (long long)get32(p)
                     : (long long)(int32_t)get32(p));
}

void value_bytes(struct text *t, const struct field *c, const uint8_t *p, uint32_t n) {
  (void)c;
  text_addf(t, "%.*s", (int)n, (const char *)p);
}

void value_hex(struct text *t, const struct field *c, const uint8_t *p, uint32_t n) {
  (void)c;
  text_add(t, "\\x");
  for (uint32_t i = 0; i < n; i++)
    text_addf(t, "%02x", p[i]);
}

void value_uuid(struct text *t, const struct field *c, const uint8_t *p, uint32_t n) {
  (void)c;
  for (uint32_t i = 0; i < n; i++)
    text_addf(t, "%02x%s", p[i], i == 3 || i == 5 || i == 7 || i == 9 ? "-" : "");
}
