/* sink.h: the postgres connector driven through its ABI against a server.  A test opens instances, writes batches made from texts, and asks
 * the server itself what is there. */
#ifndef TESTS_POSTGRES_SINK_H
#define TESTS_POSTGRES_SINK_H

#include "tap.h"
#include "testhost.h"

struct sink { /* one instance */
  struct testhost host;
  struct testopts *opts;
  const struct etl_connector *connector;
  const struct etl_loader *api;
  void *self; /* NULL: open() failed */
  struct ArrowSchema schema;
  struct etl_stream stream;
  uint64_t owner;
  const char *shard; /* of its lane */
};
/* options: name, text, ..., NULL; the connection's come from the environment.  "tables", "name=text|name=text" adds one group. */
void sink_open(struct sink *s, const char *run, const char *lane, uint32_t flags, const char *const *options);
void sink_close(struct sink *s);
/* Columns: name, format, ..., NULL.  "?" before a format: nullable; "uuid" and "json" are formats too. */
void sink_schema(struct sink *s, const char *const *columns);
int32_t sink_prepare(struct sink *s, const char *const *columns); /* sink_schema() and prepare() */
int32_t sink_claim(struct sink *s);                               /* and run_begin() */
int32_t sink_begin(struct sink *s, uint64_t from_epoch);
/* One batch: cells row by row, as many as there are columns; NULL is NULL.  Texts for strings (\0 in them is a NUL), hex for binary, numbers for the rest
 * (decimals unscaled).  Ends with END. */
#define END ((const char *)-1)
int32_t sink_write(struct sink *s, const char *const *cells);
int32_t sink_commit(struct sink *s, uint64_t to_epoch, const char *cursor);
/* begin, write, commit: from epoch `from` to the next. */
int32_t sink_epoch(struct sink *s, uint64_t from, const char *const *cells);
/* The lane's epoch as committed() tells it; 0: none. */
uint64_t sink_committed(struct sink *s, char cursor[64]);

/* On a connection of the test's own.  Rows with ';', cells with '|' between; valid until the next call. */
const char *sink_sql(const char *sql);

#endif
