/* shelf.h: a loader writing into the folder of a desk, through the ABI: a run is opened, lanes write epochs of rows that are given as text,
 * and any step can be left out, as if the process had died there.  One thread. */
#ifndef TESTS_HARNESS_SHELF_H
#define TESTS_HARNESS_SHELF_H

#include "desk.h"

struct shelf {
  struct desk *d;
  const struct etl_connector *connector;
  const struct etl_loader *api;
  struct testopts *options;
  void *control; /* the run's own instance */
  char run[32];
  uint64_t owner;
  uint32_t flags; /* of epochs */
  const char *stream; /* that rows are written to; NULL: "t" */
  uint32_t stream_flags; /* of the stream's rows; set it behind shelf_begin() */
};
/* Opens a run with name, text, ..., NULL ("@" is the folder) and claims.  Status. */
int32_t shelf_begin(struct shelf *s, struct desk *d, const char *run, const char *const *options);
int32_t shelf_end(struct shelf *s, bool ok); /* run_end() and shelf_drop() */
void shelf_drop(struct shelf *s);            /* closes without run_end() */
uint64_t shelf_epoch(struct shelf *s, const char *shard); /* what committed() tells of stream "t"; its cursor is "c" and the epoch */

enum shelf_stop {
  SHELF_ALL,
  SHELF_BEFORE_COMMIT, /* the instance is closed without commit or abort */
  SHELF_ABORT
};
/* One epoch of one lane on an instance of its own: prepare, begin, write, commit.  Takes rows. */
int32_t shelf_epoch_write(struct shelf *s, const char *shard, uint64_t epoch, const struct ArrowSchema *schema, struct ArrowArray *rows,
                          enum shelf_stop stop);
#define CELLS(...) (const char *const[]){__VA_ARGS__}
/* The same for rows of id (int64) and name (text): "1", "a", "2", NULL, ... */
int32_t shelf_rows(struct shelf *s, const char *shard, uint64_t epoch, enum shelf_stop stop, const char *const *cells, size_t rows);

#endif
