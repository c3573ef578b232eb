/* Text as messages may hold it. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "shown.h"

/* Length of the well-formed character at p; 0: there is none. */
static size_t character(const uint8_t *p, size_t left) {
  if (*p < 0x80)
    return 1;
  size_t more = *p >= 0xc2 && *p < 0xe0 ? 1 : *p >= 0xe0 && *p < 0xf0 ? 2 : *p >= 0xf0 && *p < 0xf5 ? 3 : 0;
  if (!more || left <= more || (*p == 0xe0 && p[1] < 0xa0) || (*p == 0xed && p[1] > 0x9f) || (*p == 0xf0 && p[1] < 0x90) ||
      (*p == 0xf4 && p[1] > 0x8f))
    return 0;
  for (size_t i = 1; i <= more; i++)
    if ((p[i] & 0xc0) != 0x80)
      return 0;
  return more + 1;
}

bool shown_is_utf8(struct etl_bytes text) {
  const uint8_t *p = text.p;
  for (uint64_t at = 0, n; at < text.n; at += n)
    if ((n = character(p + at, text.n - at)) == 0)
      return false;
  return true;
}

const char *shown_text(char *to, size_t size, struct etl_bytes text) {
  static const char dots[] = "...";
  const uint8_t *p = text.p;
  size_t at = 0, cut = 0; /* cut: where the dots would go */
  for (uint64_t from = 0; from < text.n;) {
    size_t n = character(p + from, text.n - from);
    char escape[8];
    size_t wanted = n ? n : (size_t)snprintf(escape, sizeof escape, "\\x%02x", p[from]);
    if (at + wanted + 1 > size) {
      memcpy(to + cut, dots, sizeof dots);
      return to;
    }
    memcpy(to + at, n ? (const void *)(p + from) : escape, wanted);
    if (n == 1 && (p[from] < ' ' || p[from] == 0x7f))
      to[at] = ' ';
    at += wanted;
    from += n ? n : 1;
    if (at + sizeof dots <= size)
      cut = at;
  }
  to[at] = 0;
  return to;
}
