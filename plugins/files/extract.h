/* extract.h: what the extractors share: an instance with its files and their common columns, and readers that take records from a window.  A
 * format (csv, jsonl) samples text and turns records into rows. */
#ifndef FILES_EXTRACT_H
#define FILES_EXTRACT_H

#include <pthread.h>

#include "layout.h"
#include "paths.h"
#include "position.h"
#include "window.h"

struct reader;
struct shape { /* how a file is written; found by sampling it */
  bool known;
  char delimiter;
  bool header;
  size_t no_text; /* the cell of its header, from 1, that is not UTF-8; 0: none */
  size_t fields;
  int32_t *columns; /* of field i, in the layout */
  uint64_t rows;    /* that were looked at */
};
enum step {
  STEP_ROW,     /* a row was added to the batch */
  STEP_SKIPPED, /* something was passed that is no row */
  STEP_SCHEMA,  /* the record in hand has new columns: the layout has them now, once the rows before it are gone */
  STEP_IDLE,    /* nothing to read at the moment */
  STEP_END,
  STEP_BROKEN,  /* window.why */
  STEP_FAILED,  /* reader->failure */
  STEP_STOPPED  /* the host has the reason */
};
struct format {
  const char *name;
  const char *const *endings; /* of files that are likely such; ends with NULL */
  bool csv;
  /* Looks at up to so many rows and adds their columns to the layout.  stay: the window must not move. */
  int (*sample)(const struct settings *s, struct window *w, uint64_t rows, bool stay, struct layout *l, struct pool *pool, struct shape *ret,
                struct failure *f);
  int (*begin)(struct reader *r); /* at_start: in front of the first record */
  enum step (*row)(struct reader *r);
  void (*end)(struct reader *r);
};
struct instance {
  const struct etl_host *host;
  const struct format *format;
  struct settings settings;
  struct files files;
  pthread_mutex_t lock; /* of all below, which is made by the first who needs it and then only read */
  bool sampled;
  struct layout layout;
  struct shape *shapes; /* of each file */
  struct window *once;  /* standard input, or a pipe, after it was sampled and until it is read */
};
struct reader {
  const struct etl_host *host;
  const struct instance *in;
  const struct file *file;
  const struct shape *shape;
  struct shape kept; /* of a file that was begun with another shape than a sample gives now */
  struct pool pool;
  struct window window;
  struct layout layout;
  struct ArrowSchema schema;
  struct etl_batch batch;
  struct position position;
  struct failure failure;
  void *state; /* the format's */
  uint64_t limit_rows, want_rows, want_bytes, given_rows, told_bytes;
  bool once, at_start, schema_told, ended;
  char cursor[POSITION_TEXT];
};

int32_t extract_open(const struct format *format, const struct etl_open *o, void **self);
int32_t extract_check(void *self);
void extract_close(void *self);
const void *extract_ext(void *self, const char *id);
int32_t extract_discover(void *self, int32_t (*each)(void *arg, const struct etl_stream *), void *arg);
int32_t extract_plan(void *self, const struct etl_stream *stream, int32_t (*each)(void *arg, const struct etl_shard *), void *arg);
extern const struct etl_explain extract_explain; /* explain.c */
extern const struct etl_catalog extract_catalog; /* catalog.c */
/* Samples all files, once.  The instance's layout and shapes are there then. */
int extract_sample(struct instance *in, const struct etl_host *host, struct failure *f);
int shape_check(const struct shape *s, const char *path, struct failure *f); /* can a file be read that looks so? */

int32_t reader_open(void *self, const struct etl_read *read, void **ret_reader);
int32_t reader_next(void *reader, uint64_t wait_ms, uint32_t want_cursor, struct etl_msg *m);
void reader_close(void *reader);
extern const struct etl_extractor extractor_api;
/* Sets n bytes of the window aside as no row; column -1: none.  STEP_SKIPPED or STEP_STOPPED. */
__attribute__((format(printf, 6, 7))) enum step reader_reject(struct reader *r, const uint8_t *raw, size_t n, uint64_t line, int64_t column,
                                                              const char *fmt, ...);
/* Passes and sets aside a line that is longer than the longest record.  Also STEP_BROKEN. */
enum step reader_pass_long(struct reader *r);
int reader_columns_changed(struct reader *r); /* the layout has more columns: a new schema and batch */

#endif
