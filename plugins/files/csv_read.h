/* csv_read.h: the two halves of reading CSV, sampling a file and its records as rows; see struct format. */
#ifndef FILES_CSV_READ_H
#define FILES_CSV_READ_H

#include <stdio.h>

#include "csv_scan.h"
#include "extract.h"

int csv_sample(const struct settings *s, struct window *w, uint64_t rows, bool stay, struct layout *l, struct pool *pool, struct shape *ret,
               struct failure *f);
/* Passes the first lines of a file.  -1: it has no more. */
int csv_skip_lines(struct window *w, uint64_t lines, bool stay);
int csv_keep_shape(struct reader *r); /* goes on as the position says; fails where the settings do not let it */
uint64_t csv_names(const struct shape *shape, const struct layout *l); /* a hash of the columns of a file */
bool csv_is_null(const struct settings *s, const struct cell *c);

int csv_begin(struct reader *r);
enum step csv_row(struct reader *r);
void csv_end(struct reader *r);

#endif
