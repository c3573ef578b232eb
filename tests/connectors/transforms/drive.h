/* drive.h: a transformer .so driven through its ABI: options from text, schemas and rows in, rows out as text.  It counts every
 * buffer and can refuse them, so that leaks and error paths show.  One thread at a time. */
#ifndef TESTS_TRANSFORMS_DRIVE_H
#define TESTS_TRANSFORMS_DRIVE_H

#include "etl/sdk.h"

enum {
  DRIVE_BAD_ROWS = 32,
  DRIVE_CELLS = 4
};
struct drive {
  struct etl_host host; /* first: the services find the drive by it */
  const struct etl_connector *connector;
  const struct etl_transformer *api;
  void *self;
  /* the first error */
  uint32_t error_class;
  char message[1024], option[64], remedy[1024];
  /* rows set aside */
  struct {
    int64_t row;
    int32_t column;
    char message[256];
  } bad[DRIVE_BAD_ROWS];
  size_t bad_n;
  size_t bad_limit;    /* more are refused */
  int64_t counted;     /* sum of all counters */
  int64_t allocs_left; /* then buf_alloc() gives NULL; -1: no limit */
  bool cancelled;
  /* the last output */
  struct ArrowSchema schema;
  struct ArrowArray rows;
  char key[128];                 /* of the bound stream, comma separated; "-" none */
  char cells[DRIVE_CELLS][2048]; /* for drive_cell() */
  unsigned cells_next;
};
int64_t drive_buffers(void); /* buffers of all drives that nobody released */

/* name, text, ..., NULL.  A list's items and a map's name=value pairs are separated by '|'.  Loads NAME.so from $ETL_TEST_PLUGINS.
 */
int32_t drive_open(struct drive *d, const char *name, const char *const *options);
void drive_close(struct drive *d);
int32_t drive_bind(struct drive *d, const struct ArrowSchema *schema, const char *const *key);
int32_t drive_process(struct drive *d, struct ArrowArray *rows); /* takes rows */
/* Binds one text column `name` and feeds the texts; NULL is NULL. */
int32_t drive_texts(struct drive *d, const char *name, const char *const *texts, size_t n);
/* A batch of text columns, row by row; released by whoever gets it. */
void drive_batch(struct drive *d, const struct ArrowSchema *schema, const char *const *cells, size_t rows, struct ArrowArray *ret);
void drive_schema(struct ArrowSchema *ret, const char *const *names_and_formats); /* name, format, ..., NULL */
/* The cell as text, "NULL" when it is; "no such column".  Valid until the fourth next call. */
__attribute__((returns_nonnull)) const char *drive_cell(struct drive *d, int64_t row, const char *column);

#endif
