/* source_reader.h: reading one shard of a stream.  One thread at a time, but for the cancel. */
#ifndef POSTGRES_SOURCE_READER_H
#define POSTGRES_SOURCE_READER_H

#include "source_query.h"

struct refused { /* a row that is set aside when the message that it belongs to goes out */
  int64_t row;
  int32_t column;
  char *json, *message; /* owned */
};
struct source_reader {
  const struct etl_host *host;
  const struct source_settings *settings;
  const struct source_shard *shard;
  struct session session;
  struct source_table table;
  struct position from;
  struct bounds bounds;
  struct ArrowSchema schema;
  uint64_t want_rows, want_bytes;
  struct etl_batch batch;
  char *held;            /* the row that was fetched last and is not in the batch yet; from libpq */
  struct etl_bytes *row; /* its values */
  bool header_seen, schema_told, ended;
  struct tuple last; /* of the last row in the batch */
  bool unsaved;      /* rows went out, or will, behind the last cursor */
  int64_t rows_seen;
  uint64_t batch_bytes;
  struct refused *refused;
  size_t refused_n;
  struct text told_cursor; /* lives until the next call */
};
int32_t source_reader_open(struct source_instance *in, const struct etl_read *read, void **ret_reader);
int32_t source_reader_next(void *reader, uint64_t wait_ms, uint32_t want_cursor, struct etl_msg *m);
void source_reader_cancel(void *reader);
void source_reader_close(void *reader);

/* source_refused.c: keeps the row in hand to be set aside, because of value `column`. */
int32_t refused_add(struct source_reader *r, size_t column);
/* Tells those kept to the host and forgets them. */
int32_t refused_tell(struct source_reader *r);
void refused_fini(struct source_reader *r);
/* Is value i of the row in hand larger than max_cell? */
bool value_too_large(const struct source_reader *r, size_t i);

#endif
