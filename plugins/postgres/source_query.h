/* source_query.h: the statements of a reader, and the upper bound of a run. */
#ifndef POSTGRES_SOURCE_QUERY_H
#define POSTGRES_SOURCE_QUERY_H

#include "source_cursor.h"

struct bounds {
  char upper[64];                        /* rows below this value of the first cursor column are read; "": no bound */
  int64_t utc_us, local_us;              /* the server's clock, since 1970 */
  const char *from, *to;                 /* a range that was asked for, of range_column */
  const char *range_column, *range_type; /* borrowed from the table */
};
/* Begins the transaction that a reader reads in.  snapshot NULL: its own. */
int32_t source_begin(struct session *s, const char *snapshot);
/* Asks the clock; range_from and range_to as in struct etl_read. */
int32_t bounds_init(struct bounds *b, const struct source_table *t, struct session *s, const char *range_from,
                    const char *range_to);

void query_data(struct text *sql, const struct source_table *t, const struct position *p, const struct bounds *b,
                uint64_t limit_rows);
/* Nothing when no cursor column can be NULL. */
void query_nulls(struct text *sql, const struct source_table *t);
/* col OP 'value'::type, behind WHERE or AND. */
void query_compare(struct text *sql, bool *any, const char *column, const char *op, const char *value, const char *type);

#endif
