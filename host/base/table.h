/* base/table.h: rows of cells printed in columns that line up, whatever the letters.  One thread at a time. */
#ifndef HOST_BASE_TABLE_H
#define HOST_BASE_TABLE_H

#include <stdio.h>

struct table;
/* heads: one a column, ends with NULL; a head that begins with '>' aligns its column to the right (and is printed without it). */
struct table *table_new(const char *const *heads);
void table_free(struct table *t); /* accepts NULL */
/* Adds a cell; a row is full after as many as there are heads.  text NULL: "". */
__attribute__((format(printf, 2, 3))) void table_cell(struct table *t, const char *fmt, ...);
/* A line across, before the next row. */
void table_rule(struct table *t);
/* Two spaces between columns, none at a line's end.  An unfinished row is filled with empty cells. */
void table_print(const struct table *t, FILE *to);

#endif
