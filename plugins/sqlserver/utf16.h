/* utf16.h: UTF-16 (little endian, as SQL Server keeps nvarchar) into UTF-8: https://www.unicode.org/versions/latest/ chapter 3.9. */
#ifndef SQLSERVER_UTF16_H
#define SQLSERVER_UTF16_H

#include <stddef.h>
#include <stdint.h>

/* Bytes that units (a number of 2-byte units) become; SIZE_MAX: a surrogate stands alone. */
size_t utf16_measure(const uint8_t *p, size_t units);
/* At most 3 bytes a unit are written to out, and of valid text as many as utf16_measure() says.  Their number, or SIZE_MAX. */
size_t utf16_to_utf8(const uint8_t *p, size_t units, uint8_t *out);

#endif
