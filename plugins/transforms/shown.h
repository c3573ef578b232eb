/* shown.h: values and messages of others as messages may hold them: UTF-8, on one line, not long.  Any thread. */
#ifndef TRANSFORMS_SHOWN_H
#define TRANSFORMS_SHOWN_H

#include <stdbool.h>
#include <stddef.h>

#include "etl/plugin.h"

/* Well-formed: no overlong forms, no surrogates, nothing above U+10FFFF. */
bool shown_is_utf8(struct etl_bytes text);
/* Writes text into to[size], size at least 16; returns to.  Control characters become blanks, other bytes that are not UTF-8 \xff;
 * what does not fit is cut, with "..." in its place. */
const char *shown_text(char *to, size_t size, struct etl_bytes text);

#endif
