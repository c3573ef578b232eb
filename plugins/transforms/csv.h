/* csv.h: a small table in a CSV file (RFC 4180), read whole.  One thread at a time. */
#ifndef TRANSFORMS_CSV_H
#define TRANSFORMS_CSV_H

#include <stddef.h>

#include "etl/plugin.h"

struct csv {
  char *text;
  size_t n, at;
  char delimiter;
  int64_t line;             /* of the row in hand, from 1 */
  struct etl_bytes *fields; /* of the row in hand; p NULL: empty and without quotes */
  size_t fields_n, fields_cap;
  const char *why; /* after an error */
  int64_t next_line;
};
/* -1: errno tells why; EFBIG when it is greater than max_bytes. */
int csv_open(struct csv *c, const char *path, char delimiter, size_t max_bytes);
void csv_close(struct csv *c); /* accepts a zeroed one */
/* 1: a row; 0: the end; -1: why and line tell. */
int csv_next(struct csv *c);
/* Index of a field of the row in hand, -1. */
int64_t csv_find(const struct csv *c, const char *name);

#endif
