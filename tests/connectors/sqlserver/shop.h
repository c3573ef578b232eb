/* shop.h: the sqlserver connector driven through its ABI against a server.  A test says what to configure, reads, and looks at what
 * came as text.  The server and its control port come from the environment, see `run`.  One thread at a time, but for what says so.
 */
#ifndef TESTS_SQLSERVER_SHOP_H
#define TESTS_SQLSERVER_SHOP_H

#include "tap.h"
#include "testhost.h"

enum {
  SHOP_ROWS = 20000,
  SHOP_COLUMNS = 64,
  SHOP_MESSAGES = 4096
};

struct message {
  int64_t rows;
  char *cursor; /* NULL: none */
  uint32_t flags;
};
struct got {      /* what a reader gave */
  int32_t status; /* ETL_DONE, ETL_FAILED, ETL_STOPPED; ETL_OK when a row limit of the test ended it */
  struct ArrowSchema schema;
  int64_t n_rows, n_columns;
  char **cells; /* n_rows * n_columns texts */
  struct message messages[SHOP_MESSAGES];
  size_t messages_n;
  const char *cursor; /* the last one; NULL: none */
  int64_t lag_ns;     /* the last one known */
};
struct shop {
  struct testhost host;
  const struct etl_connector *connector;
  const struct etl_extractor *api;
  struct testopts *opts;
  void *self;
};

/* With host, port, user, password, database of the server, and what is given: name, text, ..., NULL. */
void shop_init(struct shop *s, const char *const *options);
bool shop_open(struct shop *s); /* false: it failed, see s->host */
void shop_fini(struct shop *s);

/* Opens a reader of the one shard.  NULL: it failed. */
void *shop_reader(struct shop *s, const char *cursor, uint64_t limit_rows, uint64_t want_rows);
/* Reads to the end. */
void shop_read(struct shop *s, const char *cursor, uint64_t limit_rows, uint64_t want_rows, struct got *ret);
/* Takes the next message into g.  ETL_OK, ETL_IDLE or an end. */
int32_t shop_next(struct shop *s, void *reader, uint64_t wait_ms, bool want_cursor, struct got *g);
void got_fini(struct got *g);
const char *got_cell(const struct got *g, int64_t row, const char *column); /* "NULL" for a NULL */
const char *got_format(const struct got *g, const char *column);
const char *got_source_type(const struct got *g, const char *column);
/* All cells of a column, comma separated; valid until the next call. */
const char *got_column(const struct got *g, const char *column);

/* Runs T-SQL on a connection of the test's own.  Ends the program when it fails. */
void shop_sql(const char *sql);
/* Sends a line to the server's control port.  Ends the program when it is not answered with ok.  The answer. */
const char *shop_control(const char *command);
bool shop_has_control(void); /* false: a real server; tests of faults are skipped */

#endif
