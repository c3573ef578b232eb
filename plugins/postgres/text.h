/* text.h: SQL and messages put together.  A text that ran out of memory says so once, at the end: check failed before use. */
#ifndef POSTGRES_TEXT_H
#define POSTGRES_TEXT_H

#include <stdbool.h>
#include <stddef.h>

struct text {
  char *p; /* NUL ended; NULL while empty */
  size_t n, cap;
  bool failed;
};
void text_fini(struct text *t);
void text_clear(struct text *t);
void text_add(struct text *t, const char *s);
void text_add_bytes(struct text *t, const char *s, size_t n);
__attribute__((format(printf, 2, 3))) void text_addf(struct text *t, const char *fmt, ...);
/* An identifier in double quotes.  The only place where one is quoted. */
void text_add_name(struct text *t, const char *name);
/* A literal in single quotes, E'' when it holds a backslash. */
void text_add_literal(struct text *t, const char *s);
/* DO with a block of PL/pgSQL.  Names in it may hold anything, even what ends a dollar quote: so it is a literal. */
void text_add_block(struct text *t, const struct text *block);
/* An element of an array's text, {"a","b"}: the caller adds the braces; a comma goes before it when it is not the first. */
void text_add_element(struct text *t, const char *s);
const char *text_str(const struct text *t); /* "" while empty */

/* ---- names of streams: parts with dots between; a part that has a dot itself is "quoted", a quote in it doubled ------------------------- */

const char *stream_last(const char *stream); /* its last part, the table's name */
/* Parts up to end without their quotes. */
void text_add_unquoted(struct text *t, const char *parts, const char *end);
/* Is name, of n bytes, its last part, with quotes or without? */
bool stream_ends(const char *stream, const char *name, size_t n);

#endif
