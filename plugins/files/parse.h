/* parse.h: values from text, exactly: true when all of p[n] is such a value.  No state. */
#ifndef FILES_PARSE_H
#define FILES_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool parse_bool(const char *p, size_t n, bool *ret); /* true false t f yes no 1 0, any case */
bool parse_int(const char *p, size_t n, int64_t *ret);
/* All digits as one number, how many there are, and how many of them stand behind the point. */
bool parse_decimal_digits(const char *p, size_t n, __int128 *ret, int32_t *ret_digits, int32_t *ret_scale);
bool parse_decimal(const char *p, size_t n, int32_t precision, int32_t scale, __int128 *ret); /* never rounds */
bool parse_float(const char *p, size_t n, double *ret);                                       /* also NaN, Infinity */
bool parse_date(const char *p, size_t n, int64_t *ret_days);
bool parse_time(const char *p, size_t n, int64_t *ret_us);
/* "2026-01-31T23:59:59.123456" with T or a space; zoned: followed by Z, +01, +0100 or +01:00.  A bare date is its midnight. */
bool parse_timestamp(const char *p, size_t n, bool zoned, int64_t *ret_us);
bool parse_uuid(const char *p, size_t n, uint8_t ret[16]);
bool parse_hex(const char *p, size_t n, uint8_t *ret); /* n / 2 bytes; n is even */
/* By a format of strptime(); *ret_us counts from 1970-01-01, less the zone if the format has one. */
bool parse_by_format(const char *p, size_t n, const char *format, int64_t *ret_us);

#endif
