/* base/text.h: UTF-8, and paths as text.  Any thread. */
#ifndef HOST_BASE_TEXT_H
#define HOST_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/mem.h"

bool text_same(const char *a, const char *b); /* NULL is like NULL alone */
bool text_is_utf8(const char *s, size_t n); /* no surrogates, nothing overlong, nothing past U+10FFFF */
/* Columns s takes on a terminal: wide letters two, combining marks none.  Bytes that are not UTF-8 count one each. */
size_t text_width(const char *s);
/* Bytes of the first letter of s, which is not empty, and the columns it takes. */
size_t text_letter(const char *s, size_t *ret_columns);
/* Bytes of the letters at the beginning of s that fit into max. */
size_t text_within(const char *s, size_t max);
/* Bytes of s without what a cut has left of a letter at its end. */
size_t text_end(const char *s);
/* A copy that is UTF-8, with a '?' for each byte that is not.  To be freed. */
char *text_mended(const char *s, size_t n);

/* path if it is absolute, else dir/path; "." and "x/.." stay as they are.  In a. */
const char *text_join(struct arena *a, const char *dir, const char *path);
/* The folder of a file: "." for a plain name. */
const char *text_dirname(struct arena *a, const char *path);
const char *text_basename(const char *path);
/* Seen from the present directory's root; NULL with errno when there is no present directory. */
const char *text_absolute(struct arena *a, const char *path);

#endif
