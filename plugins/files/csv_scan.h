/* csv_scan.h: one record of CSV into cells, RFC 4180: newlines, delimiters and doubled quotes inside quotes.  Cells point into the buffer
 * or, when quotes had to be taken out, into the scanner.  One thread at a time. */
#ifndef FILES_CSV_SCAN_H
#define FILES_CSV_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cell {
  const char *p;
  uint32_t n;
  bool quoted;
};
struct csv_scan {
  char delimiter, quote, escape; /* quote and escape: 0 for none */
  struct cell *cells;            /* of the record in hand */
  size_t cells_n, cells_cap;
  size_t bytes;   /* of the record, with its newline */
  uint64_t lines; /* newlines in it */
  const char *bad;
  const uint8_t *block, *end, *expect; /* which block of 64 bytes `mask` is of; where it was left off */
  uint64_t mask;
  char *plain; /* cells without their inner quotes */
  size_t plain_n, plain_cap;
};
enum csv_result {
  CSV_RECORD,
  CSV_MORE,   /* the record does not end here: call again with more of it */
  CSV_BAD,    /* `bad` says why; bytes and lines are those of its first line alone */
  CSV_MEMORY
};
void csv_scan_init(struct csv_scan *c, char delimiter, char quote, char escape);
void csv_scan_fini(struct csv_scan *c);
/* The record that begins at p; 64 bytes behind end can be read.  last: nothing comes behind end.  p < end. */
enum csv_result csv_scan(struct csv_scan *c, const uint8_t *p, const uint8_t *end, bool last);

#endif
