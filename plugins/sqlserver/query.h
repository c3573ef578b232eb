/* query.h: every statement this connector sends but those of connect.c.  Pure functions. */
#ifndef SQLSERVER_QUERY_H
#define SQLSERVER_QUERY_H

#include "cursor.h"

struct bounds {                   /* the server's clock when the reading began, and how far to read */
  int64_t utc_ticks, local_ticks; /* of temporal.h */
  char upper[64];                 /* text of the first cursor column's greatest value; "": none */
  int64_t upper_ticks;            /* the same, if it counts time */
  char range_from[64], range_to[64]; /* a range that was asked for, of range_column; "": no bound */
  size_t range_column;
};

void query_object(struct text *t, const struct settings *s);  /* type of the table */
void query_columns(struct text *t, const struct settings *s); /* name, type, user's type, length, precision, scale, nullable */
void query_indexes(struct text *t, const struct settings *s); /* id, name, unique, column, primary; by index and key position */
void query_describe(struct text *t, const struct settings *s, const char *parameter_type);
void query_clock(struct text *t, const struct source *src); /* UTC, local time, least active rowversion */
/* Rows that have NULL in a cursor column; adds nothing when none can. */
void query_nulls(struct text *t, const struct settings *s, const struct source *src);
/* The rows to read.  limit_rows 0: none. */
void query_data(struct text *t, const struct settings *s, const struct source *src, const struct cursor *from,
                const struct bounds *b, uint64_t limit_rows);

void query_extremes(struct text *t, const struct settings *s, const struct column *c); /* least and greatest value */
/* Steps of the statistics of an index, upwards: greatest value and rows of each. */
void query_histogram(struct text *t, const struct settings *s, const struct column *c, int64_t stats_id);
/* A time as cursors and bounds are written. */
void query_ticks_text(const struct column *c, int64_t ticks, char *ret, size_t cap);

/* Takes the range of a backfill, as a user typed it. */
int bounds_range(struct bounds *b, const struct source *src, const struct settings *s, const char *from, const char *to, struct failure *f);
/* Asks the server's clock and computes the upper bound. */
int bounds_init(struct bounds *b, const struct source *src, struct conn *c, struct failure *f);

#endif
