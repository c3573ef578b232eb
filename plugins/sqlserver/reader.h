/* reader.h: reading one shard.  db-lib blocks while the server is slow, so a thread of the reader's own (the pump) turns rows into
 * batches and hands them over through a slot of one; next() waits on the slot for as long as the host allows and never on the
 * network. The pump owns everything but what is under `lock`, from pump_start() to pump_join(). */
#ifndef SQLSERVER_READER_H
#define SQLSERVER_READER_H

#include <pthread.h>

#include "convert.h"
#include "query.h"

struct rejected { /* a row that is set aside */
  int64_t row;
  int32_t column;
  char *message, *json; /* owned; json: the row, an object */
};
struct parcel {           /* what becomes one message */
  struct ArrowArray rows; /* release NULL: none */
  struct text cursor;     /* n == 0: none */
  struct rejected *rejected;
  size_t rejected_n;
  int64_t lag_ns;
  uint64_t src_bytes;
  bool last; /* the data ended with this one */
};
void parcel_fini(struct parcel *p);

struct reader {
  const struct etl_host *host;
  const struct settings *settings;
  struct conn conn;
  struct source src;
  struct pool pool;
  struct cursor from;
  struct bounds bounds;
  struct ArrowSchema schema;
  uint64_t limit_rows, want_rows, want_bytes;

  pthread_mutex_t lock;
  pthread_cond_t filled, taken;
  struct parcel slot;
  bool slot_full, failed; /* failed: failure is set, nothing follows */
  struct failure failure;
  _Atomic int want_cursor; /* next() asks for a safe point soon */
  _Atomic int hungry;      /* next() waited in vain: hand over what there is */
  pthread_t thread;
  bool started;

  /* the pump's */
  struct etl_batch batch;
  struct converter *converters; /* one for each column of src */
  struct tuple last;            /* of the last row */
  struct parcel next;           /* being filled */
  uint64_t batch_bytes, row_fixed_bytes, rows_seen, nulls;
  size_t shard_id_n;
  bool full;      /* the batch ends as soon as the next row shows whether its end is a safe point */
  char what[200]; /* "reading dbo.user_logins": for messages */

  /* next()'s */
  bool schema_told, ended;
  struct text told_cursor; /* lives until the next call */
};

int pump_start(struct reader *r, struct failure *f);
void pump_join(struct reader *r); /* stops it if it still runs; accepts one not started */

/* rejected.c: the row in hand is to be set aside, because of a column (-1: unknown), or of characters that are no text. */
int rejected_add(struct reader *r, int32_t column, const char *why, struct failure *f);
int rejected_characters(struct reader *r, struct failure *f);

int32_t reader_open(const struct settings *s, const struct etl_read *read, void **ret_reader);
int32_t reader_next(void *reader, uint64_t wait_ms, uint32_t want_cursor, struct etl_msg *m);
void reader_cancel(void *reader);
void reader_close(void *reader);

#endif
