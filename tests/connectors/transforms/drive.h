/* drive.h: a transformer .so driven through its ABI, on the host of tests/harness: options from text, schemas and rows in, rows out as
 * text.  It can refuse the n-th buffer, so that error paths show.  One thread at a time. */
#ifndef TESTS_TRANSFORMS_DRIVE_H
#define TESTS_TRANSFORMS_DRIVE_H

#include "testhost.h"

enum {
  DRIVE_OUTPUTS = 4,
  DRIVE_CELLS = 4
};
struct drive_output { /* a declared stream and its last rows */
  char name[64];
  char key[128]; /* comma separated; "-" none */
  struct ArrowSchema schema;
  struct ArrowArray rows;
};
struct drive {
  struct testhost t; /* first: the services find the drive by it */
  const struct etl_connector *connector;
  const struct etl_transformer *api;
  struct testopts *options; /* between drive_begin() and drive_start() */
  void *self;
  void *(*buf_alloc)(const struct etl_host *, uint64_t); /* of the host */
  int64_t allocs_left;                                   /* then buf_alloc() gives NULL; -1: no limit */
  struct drive_output out[DRIVE_OUTPUTS];
  size_t out_n;
  char cells[DRIVE_CELLS][2048]; /* for drive_cell() */
  unsigned cells_next;
};

/* name, text, ..., NULL; texts as for testopts_set(). */
int32_t drive_open(struct drive *d, const char *name, const char *const *options);
/* The same in two steps, for options of groups: those are added to d->options in between. */
void drive_begin(struct drive *d, const char *name, const char *const *options);
void drive_group(struct drive *d, const char *option, const char *const *options);
int32_t drive_start(struct drive *d);
void drive_close(struct drive *d);
int32_t drive_bind(struct drive *d, const struct ArrowSchema *schema, const char *const *key);
int32_t drive_process(struct drive *d, struct ArrowArray *rows); /* takes rows */
int32_t drive_flush(struct drive *d);
/* Binds one text column `name` and feeds the texts; NULL is NULL. */
int32_t drive_texts(struct drive *d, const char *name, const char *const *texts, size_t n);
/* A batch from text, row by row: integers and floats as they are written, "true", all else as bytes.  Released by whoever gets it. */
void drive_batch(struct drive *d, const struct ArrowSchema *schema, const char *const *cells, size_t rows, struct ArrowArray *ret);
void drive_schema(struct ArrowSchema *ret, const char *const *names_and_formats); /* name, format, ..., NULL */
/* The cell of the first output as text, "NULL" when it is; "no such column".  Valid until the fourth next call. */
__attribute__((returns_nonnull)) const char *drive_cell(struct drive *d, int64_t row, const char *column);
__attribute__((returns_nonnull)) const char *drive_cell_of(struct drive *d, size_t output, int64_t row, const char *column);

#endif
