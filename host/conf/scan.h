/* conf/scan.h: a second look at a configuration text, for what libconfig reads wrongly without a word, and for mistakes that it
 * reports too tersely. */
#ifndef HOST_CONF_SCAN_H
#define HOST_CONF_SCAN_H

#include "conf/conf.h"

/* Whole numbers past 32 bits without the mark L, or past 64 bits: libconfig keeps some of their bits.  Adds an error for each. */
void scan_numbers(const char *file, const char *text, struct diags *d);
/* Settings that stand twice in one group: an error for each.  Returns how many. */
size_t scan_duplicates(const char *file, const char *text, struct diags *d);
/* The line on which a text begins that is never closed; 0: all are.  (libconfig would lose memory over it.) */
unsigned scan_open_text(const char *text);
/* The next file that is included from *at on, which is on *line; both move on.  NULL: there is none.  In a. */
const char *scan_include(const char **at, unsigned *line, struct arena *a);
/* What is probably behind a syntax error on that line.  In a; never shows the text of a string, which may be secret. */
const char *scan_hint(const char *text, unsigned line, struct arena *a);

#endif
