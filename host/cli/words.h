/* cli/words.h: numbers, times and foreign texts as people read them on a terminal.  Results live in the arena. */
#ifndef HOST_CLI_WORDS_H
#define HOST_CLI_WORDS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/mem.h"

const char *words_number(struct arena *a, int64_t n);                  /* "1,234,567" */
const char *words_count(struct arena *a, int64_t n, const char *what); /* "1 row", "1,234 rows" of "row" */
const char *words_seconds(struct arena *a, double seconds);            /* "40ms", "1.5s", "12s", "2m05s", "3h07m", "5d02h" */
/* A time of JSON (RFC 3339) as seen at now_ns: "3m05s ago", "in 12s", "just now"; NULL gives "". */
const char *words_when(struct arena *a, const char *time, int64_t now_ns);
int64_t words_time(const char *time); /* 0: NULL, or no time */
const char *words_bytes(struct arena *a, int64_t bytes);               /* "58.3 MiB" */
/* s without control characters, which could steer the terminal.  NULL gives "". */
const char *words_clean(struct arena *a, const char *s);
/* s in at most so many columns; what is too long loses its head (which is what names of lanes have in common), or its tail. */
const char *words_fit_tail(struct arena *a, const char *s, size_t columns);
const char *words_fit_head(struct arena *a, const char *s, size_t columns);

/* Escape sequences for a stream: all empty unless it is a terminal whose user wants colours. */
struct colours {
  const char *good, *warn, *bad, *bold, *dim, *off;
};
const struct colours *colours_of(FILE *f);
bool words_is_terminal(FILE *f); /* one that can move its cursor */
size_t words_columns(FILE *f);    /* of a terminal; 0: it is none */

#endif
