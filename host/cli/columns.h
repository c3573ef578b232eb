/* cli/columns.h: a table for a terminal: as wide as it is at most, cells in colours.  One thread at a time. */
#ifndef HOST_CLI_COLUMNS_H
#define HOST_CLI_COLUMNS_H

#include <stdio.h>

#include "cli/words.h"

struct columns;
/* heads end with NULL.  One that begins with '>' aligns to the right; with '~' gives up room when there is too little, the widest of these first. */
struct columns *columns_new(const char *const *heads);
void columns_free(struct columns *t); /* accepts NULL */
/* The next cell, without control characters; colour: one of struct colours, or NULL. */
__attribute__((format(printf, 3, 4))) void columns_cell(struct columns *t, const char *colour, const char *fmt, ...);
/* Each line behind indent spaces. */
void columns_print(const struct columns *t, size_t indent, const struct colours *c, FILE *to);

#endif
