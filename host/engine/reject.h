/* engine/reject.h: rows that were set aside, on their way from the stage that could not take them to the commit of their epoch; and how
 * many there may be.  A list belongs to one thread at a time; the limit is asked from any thread. */
#ifndef HOST_ENGINE_REJECT_H
#define HOST_ENGINE_REJECT_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/err.h"
#include "base/mem.h"
#include "engine/budget.h"
#include "etl/plugin.h"

struct reject { /* one row; all texts are owned by it, raw as memory of the run's budget */
  struct reject *next;
  uint32_t error_class;
  int64_t row, vendor_code;
  int64_t number; /* of the row as it came, see engine/capture.h; 0: not known */
  uint64_t hash;  /* reject_hash(); raw may be shorter than what that was made of */
  int32_t at; /* the column whose name is not known yet; -1: it is, or there is none */
  char *stage, *connector, *stream, *column, *vendor_state, *message, *raw, *columns; /* as in struct etl_rejected */
};
struct rejects {
  struct reject *first, *last;
  int64_t n;
  int64_t bytes; /* about what they occupy */
};
/* Adds a copy, whose raw text counts against the budget.  -1: that is spent, nothing was added. */
int rejects_add(struct rejects *l, const struct etl_bad_row *b, const char *stage, const char *connector, struct budget *budget);
/* Of a row as JSON. */
uint64_t reject_hash(struct etl_bytes raw);
/* Rows that an extractor refused are of no schema: the columns that they name are those of its stream. */
void rejects_name_columns(struct rejects *l, char *const *names, size_t n);
void rejects_move(struct rejects *from, struct rejects *to); /* to the end of to; from is empty then */
void rejects_clear(struct rejects *l);
/* As the ABI wants them, in a; pointers into l.  For one epoch of a lane. */
const struct etl_rejected *const *rejects_tell(const struct rejects *l, const char *stream, const char *shard, uint64_t epoch, struct arena *a);

struct reject_limit { /* of a run */
  int64_t max_rows, max_percent;
  _Atomic int64_t rows; /* set aside by now: committed, and in epochs that may still be */
};
/* One row more.  false: that is one too many; it is not counted. */
bool reject_limit_take(struct reject_limit *l);
/* Rows of an epoch that was given up: they will come again. */
void reject_limit_give_back(struct reject_limit *l, int64_t rows);
/* Whether so many of the rows read by a lane are too many. */
bool reject_limit_share(const struct reject_limit *l, int64_t rejected, int64_t read);

#endif
