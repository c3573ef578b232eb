/* binary.h: what all of PostgreSQL's binary format has in common, of COPY (https://www.postgresql.org/docs/15/sql-copy.html, section Binary
 * Format) and of values. */
#ifndef POSTGRES_BINARY_H
#define POSTGRES_BINARY_H

#include <stdint.h>
#include <string.h>

#define COPY_SIGNATURE "PGCOPY\n\377\r\n" /* with the NUL at its end */
#define COPY_HEADER    COPY_SIGNATURE "\0\0\0\0\0\0\0\0\0"
enum {
  COPY_HEADER_BYTES = sizeof COPY_HEADER - 1,
  EPOCH_DAYS = 10957 /* from 1970-01-01 to 2000-01-01, which dates and times are counted from */
};
_Static_assert(COPY_HEADER_BYTES == 19, "11 bytes of signature, 4 of flags, 4 of an empty extension");
#define DAY_US   INT64_C(86400000000)
#define EPOCH_US (EPOCH_DAYS * DAY_US)

static inline uint8_t *put16(uint8_t *out, uint16_t x) {
  x = __builtin_bswap16(x);
  memcpy(out, &x, sizeof x);
  return out + sizeof x;
}
static inline uint8_t *put32(uint8_t *out, uint32_t x) {
  x = __builtin_bswap32(x);
  memcpy(out, &x, sizeof x);
  return out + sizeof x;
}
static inline uint8_t *put64(uint8_t *out, uint64_t x) {
  x = __builtin_bswap64(x);
  memcpy(out, &x, sizeof x);
  return out + sizeof x;
}

static inline uint16_t get16(const uint8_t *p) { return (uint16_t)(p[0] << 8 | p[1]); }
static inline uint32_t get32(const uint8_t *p) { return (uint32_t)get16(p) << 16 | get16(p + 2); }
static inline uint64_t get64(const uint8_t *p) { return (uint64_t)get32(p) << 32 | get32(p + 4); }

#endif
