/* derive.h: what geoip and useragent share: from one text column to a JSON column or to several typed ones, added behind the
 * others, which are moved and not copied.  One instance, one thread at a time.
 *
 * The connector turns one text into cells (one per field); they are packed, kept in an LRU cache, and appended to the new columns.
 */
#ifndef TRANSFORMS_DERIVE_H
#define TRANSFORMS_DERIVE_H

#include "etl/sdk.h"
#include "lru.h"

enum cell_kind {
  CELL_NULL,
  CELL_TEXT,
  CELL_INT,
  CELL_FLOAT,
  CELL_BOOL,
};
struct cell {
  enum cell_kind kind;
  struct etl_bytes text; /* CELL_TEXT: UTF-8 */
  int64_t i;             /* CELL_INT, CELL_BOOL */
  double f;
};
struct derive_field {
  const char *name;    /* key in the JSON object; end of the column's name */
  enum cell_kind kind; /* of its own column; cells must be of this kind or NULL */
};
enum derive_as {
  DERIVE_JSON = 0,
  DERIVE_COLUMNS = 1
};
enum {
  DERIVE_ROW_REJECTED = 100
}; /* beside enum etl_status: bad_row() was called, leave the row out */

struct packed; /* the cells of one text, or their JSON, in one piece */
struct derive {
  const struct etl_host *host;
  const char *connector;
  char *column;
  char *into;
  enum derive_as as;
  bool rejects; /* rows may be left out */
  const struct derive_field *fields;
  size_t fields_n;
  struct lru *cache;
  struct ArrowSchema schema; /* in force, of the input */
  struct ArrowSchema added;  /* the new columns */
  int64_t at;                /* the text column */
  const struct ArrowArray *batch; /* in hand, borrowed */
  char *scratch;             /* packing */
  size_t scratch_n, scratch_cap;
};

/* Turns text into cells: *ret_packed from lru_get(d->cache) or derive_pack(), or NULL for NULL. */
typedef int32_t (*derive_fn)(void *arg, struct etl_bytes text, int64_t row, const struct packed **ret_packed);

/* Takes what all of them have; column and into are copied.  After it, failed or not, derive_fini(). */
int32_t derive_init(struct derive *d, const struct etl_host *h, const char *connector, const char *column, const char *into,
                    int64_t as, size_t cache_entries);
/* Declares the output: the input's columns, then the new ones. */
int32_t derive_bind(struct derive *d, const struct etl_stream *in, int32_t (*out)(void *, const struct etl_stream *),
                    void *out_arg);
int32_t derive_process(struct derive *d, struct etl_msg *in, const struct etl_sink *sink, derive_fn fn, void *arg);
void derive_fini(struct derive *d); /* frees cache and schemas; accepts a zeroed one */

/* Packs one cell per field and keeps it under key.  Borrowed until the next call.  NULL: out of memory. */
const struct packed *derive_pack(struct derive *d, struct etl_bytes key, const struct cell *cells);
/* Sets the row in hand aside, because its text is not what it should be.  DERIVE_ROW_REJECTED, or what to return. */
int32_t derive_reject(const struct derive *d, int64_t row, const char *what);
int32_t derive_out_of_memory(const struct derive *d);

#endif
