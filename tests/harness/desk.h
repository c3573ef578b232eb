/* desk.h: a folder of files and a connector that reads or writes them, driven through the ABI on the host of tests/harness.  Rows are kept as
 * JSON, one a line; cursors as a sink would keep them, so that reading again is the next run.  One thread. */
#ifndef TESTS_HARNESS_DESK_H
#define TESTS_HARNESS_DESK_H

#include "testhost.h"

enum {
  DESK_LANES = 64
};
struct desk {
  struct testhost t;
  char dir[128];
  const char *connector; /* "csv" or "jsonl" */
  uint64_t want_rows;    /* batch size that readers are asked for */
  const char *range_from, *range_to; /* of the next reads; NULL: no bound */
  uint64_t stop_after;   /* rows after which a reader is closed as if the run had died; 0: never */
  void (*between)(struct desk *d); /* called once, behind the first message of the next read; NULL: nothing */
  char *rows;            /* of the last read; never NULL */
  size_t rows_bytes, rows_cap, rows_n, schemas_n;
  char types[1024]; /* "id:l name:u" */
  struct etl_stream stream;
  char stream_name[64];
  struct {
    char shard[128], cursor[512];
    size_t cursor_n;
  } lanes[DESK_LANES];
  size_t lanes_n;
};
void desk_init(struct desk *d, const char *connector);
void desk_fini(struct desk *d); /* removes the folder */
/* Writes a file in the folder, making folders below it; append: adds to it. */
void desk_write(struct desk *d, const char *name, const void *bytes, size_t n, bool append);
#define DESK_TEXT(d_, name_, text_) desk_write(d_, name_, text_, sizeof(text_) - 1, false)
/* Reads a file of the folder, NUL ended; NULL: there is none.  To be freed. */
char *desk_slurp(struct desk *d, const char *name, size_t *ret_n);
size_t desk_count(struct desk *d); /* files in the folder, hidden ones left out */
/* Runs a shell command in the folder; ends the program when it fails. */
void desk_shell(struct desk *d, const char *command);
bool desk_try(struct desk *d, const char *command); /* did it succeed? */

void desk_expand(struct desk *d, const char *from, char *to, size_t n); /* "@" into the folder */

#define OPTIONS(...) (const char *const[]){__VA_ARGS__, NULL}
/* Opens the extractor with name, text, ..., NULL ("@" in a text is the folder), reads all shards from where they stand, and closes it.  The last
 * status that is not ETL_DONE, else ETL_OK.  Errors, rejected rows and logs of the test host are of this read. */
int32_t desk_read(struct desk *d, const char *const *options);
void desk_forget(struct desk *d); /* the cursors */
bool desk_has_row(struct desk *d, const char *json);

#endif
