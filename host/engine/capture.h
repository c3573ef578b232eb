/* engine/capture.h: records of rows as they came and as they were loaded, on their way into the sink: made where the rows pass, carried with
 * them, and stored in the transaction of their epoch.  A list belongs to one thread at a time.
 *
 * A row as it came has a number, counted by its lane over the whole run; numbers travel beside the rows of an item, one for each (0: it
 * comes of no row alone).  Of a transformer that does not tell which rows its own come of, the numbers are lost. */
#ifndef HOST_ENGINE_CAPTURE_H
#define HOST_ENGINE_CAPTURE_H

#include <stddef.h>
#include <stdbool.h>
#include <stdint.h>

#include "engine/budget.h"
#include "etl/plugin.h"

enum capture_fate { ROW_LEFT_OUT = 0, ROW_WENT_ON, ROW_SET_ASIDE }; /* of a row that a transformer got */
struct capture_change { /* of one record: what became of it is not what became of the others */
  uint32_t status;
  char *reason;
};
struct capture { /* records of the same kind that came together */
  struct capture *next;
  uint32_t status;    /* enum etl_captured_status; 0: as they came */
  char *stream;       /* that they belong to */
  char *reason;       /* NULL: none */
  int64_t at_ns;
  int64_t first;      /* as they came: number of the first one, the others follow; from ids_give() on the id */
  int64_t *raw;       /* as they were loaded: the numbers of the rows that they come of; likewise */
  int64_t n;
  char *text;         /* JSON of each, one NUL ended text behind the other, NULL: there is none */
  bool counted;       /* text is the budget's memory */
  int64_t bytes;
  int64_t first_row;  /* place of the first valid one among the rows of the epoch, from 1 */
  struct capture_change *changes; /* one a record; NULL: there are none */
};
struct captures {
  struct capture *first, *last;
  int64_t n, bytes;
};

/* Rows of a batch; stream is copied.  The text counts against budget, unless that is NULL: who empties rings never waits for room.  NULL: there is
 * no room. */
struct capture *capture_rows(const char *stream, const struct ArrowSchema *schema, const struct ArrowArray *rows, struct budget *budget);
/* One record; text, reason: copied; text NULL: there is none.  NULL: there is no room. */
struct capture *capture_one(const char *stream, uint32_t status, const char *reason, const char *text, struct budget *budget);
/* Of rows with numbers[0..n), those whose fate that is.  NULL: there are none. */
struct capture *capture_left_out(const char *stream, const char *reason, const int64_t *numbers, const uint8_t *fates, int64_t n);
void capture_change(struct capture *c, int64_t record, uint32_t status, const char *reason);

void captures_add(struct captures *l, struct capture *c); /* takes it */
void captures_move(struct captures *from, struct captures *to); /* to the end of to; from is empty then */
void captures_clear(struct captures *l);

/* The numbers of n rows that follow each other; owned. */
int64_t *numbers_from(int64_t first, int64_t n);

#endif
