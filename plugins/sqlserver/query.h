/* query.h: every statement this connector sends but those of connect.c.  Pure functions. */
#ifndef SQLSERVER_QUERY_H
#define SQLSERVER_QUERY_H

#include "cursor.h"

struct bounds {                   /* the server's clock when the reading began, and how far to read */
  int64_t utc_ticks, local_ticks; /* of temporal.h */
  char upper[64];                 /* text of the first cursor column's greatest value; "": none */
};

void query_object(struct text *t, const struct settings *s);  /* type of the table */
void query_columns(struct text *t, const struct settings *s); /* name, type, user's type, length, precision, scale, nullable */
void query_indexes(struct text *t, const struct settings *s); /* id, name, unique, column; by index and key position */
void query_describe(struct text *t, const struct settings *s, const char *parameter_type);
void query_clock(struct text *t, const struct source *src); /* UTC, local time, least active rowversion */
/* Rows that have NULL in a cursor column; adds nothing when none can. */
void query_nulls(struct text *t, const struct settings *s, const struct source *src);
/* The rows to read.  limit_rows 0: none. */
void query_data(struct text *t, const struct settings *s, const struct source *src, const struct cursor *from,
                const struct bounds *b, uint64_t limit_rows);

/* Asks the server's clock and computes the upper bound. */
int bounds_init(struct bounds *b, const struct source *src, struct conn *c, struct failure *f);

#endif
