/* well.h: driving the extractor as the host does: one instance, one reader at a time, rows kept as JSON. */
#ifndef TESTS_POSTGRES_WELL_H
#define TESTS_POSTGRES_WELL_H

#include "sink.h"

struct well {
  struct testhost host;
  const struct etl_connector *connector;
  const struct etl_extractor *api;
  struct testopts *opts;
  void *self, *reader;
  struct ArrowSchema schema;
  char rows[65536];            /* JSON objects, each with a ; behind it, of all messages since well_read() began */
  char cursor[4096];           /* the last one told; "": none */
  int64_t rows_n, rows_behind; /* all; those behind the last cursor */
  int messages, cursors;
  int64_t lag_ns;
};
/* options: name, text, ..., NULL; the connection's come from the environment. */
void well_open(struct well *w, uint32_t flags, const char *const *options);
void well_close(struct well *w);
struct etl_stream well_stream(const char *name, bool whole);
/* reader_open() of stream at shard "0"; cursor NULL: from the start.  read: further fields, may be NULL. */
int32_t well_reader(struct well *w, const char *stream, const char *cursor, const struct etl_read *more);
/* One next().  As it. */
int32_t well_next(struct well *w, uint32_t want_cursor);
/* To the end, and closes the reader: ETL_DONE, or what went wrong. */
int32_t well_drain(struct well *w);
/* well_reader() and well_drain(). */
int32_t well_read(struct well *w, const char *stream, const char *cursor);

#endif
