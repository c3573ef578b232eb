/* text.h: decimals, dates, times and uuids as the text that SQLite keeps, and back.  Any thread. */
#ifndef SQLITE_TEXT_H
#define SQLITE_TEXT_H

#include "etl/sdk.h"

enum {
  TEXT_BYTES = 96,
  TEXT_DIGITS = 38
};
/* The value at row (not NULL) of a decimal, date, time, timestamp or uuid column; instants in UTC with a Z.  Returns its length. */
size_t text_print(const struct etl_view *v, int64_t row, char buf[TEXT_BYTES]);

bool text_is_utf8(struct etl_bytes text);
/* NULL, or why the text is not one. */
const char *text_scan_decimal(struct etl_bytes text, int32_t scale, __int128 *ret); /* digits beyond the scale must be zeros */
const char *text_scan_date(struct etl_bytes text, int64_t *ret_days);
const char *text_scan_time(struct etl_bytes text, int64_t per_second, int64_t *ret);
/* With a zone the time is turned into UTC; *ret_zoned tells. */
const char *text_scan_stamp(struct etl_bytes text, int64_t per_second, int64_t *ret, bool *ret_zoned);
const char *text_scan_uuid(struct etl_bytes text, uint8_t ret[16]);

#endif
