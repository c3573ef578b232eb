/* kit/reader.h: a source as cases of extractors see it: its lanes, and readers whose every message is looked at. */
#ifndef HOST_KIT_READER_H
#define HOST_KIT_READER_H

#include "kit/kit.h"

struct lane {
  const char *stream, *shard;
  uint32_t flags; /* of the stream */
  struct etl_bytes token;
};
struct lanes {
  struct lane *list;
  size_t n;
};
/* discover() and plan(); everything copied into arena a. */
void lanes_find(struct kit *k, struct kit_instance *i, struct arena *a, struct lanes *ret);

struct reading { /* zero: the usual */
  struct etl_bytes cursor;
  uint64_t limit_rows, want_rows;
};
struct reader {
  struct kit *k;
  struct kit_instance *i;
  const struct lane *lane;
  struct kit_host host;
  void *self;
  struct given given; /* the message */
  struct etl_msg *m;
  struct ArrowSchema schema;
  struct kit_sum sum; /* of the rows so far */
  struct etl_bytes cursor; /* the last one; p NULL: none yet */
  bool at_cursor; /* nothing came behind it */
  uint64_t messages;
};
/* ETL_OK, or ETL_FAILED with the reason in r->host.err and nothing to close. */
int32_t reader_try_open(struct reader *r, struct kit *k, struct kit_instance *i, const struct lane *lane, struct reading how);
void reader_open(struct reader *r, struct kit *k, struct kit_instance *i, const struct lane *lane, struct reading how); /* must succeed */
int32_t reader_next(struct reader *r);  /* one call of next(); its message is checked, summed up and released */
void reader_all(struct reader *r);      /* until ETL_DONE */
void reader_close(struct reader *r);

#endif
