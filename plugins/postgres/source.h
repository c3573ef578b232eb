/* source.h: an instance of the extractor: its options, its shards, and what is kept between calls.  Settings are constant after
 * open, so that the readers of an instance share them. */
#ifndef POSTGRES_SOURCE_H
#define POSTGRES_SOURCE_H

#include "connect.h"

/* Options in the order of the table; they begin with the keywords of the connection. */
enum source_option {
  SOURCE_SHARDS = OPT_KEYWORDS,
  SOURCE_TABLE,
  SOURCE_TABLES,
  SOURCE_QUERY,
  SOURCE_COLUMNS,
  SOURCE_EXCLUDE,
  SOURCE_WHERE,
  SOURCE_CURSOR,
  SOURCE_CONSISTENCY_DELAY,
  SOURCE_CURSOR_CLOCK,
  SOURCE_NULL_CURSOR,
  SOURCE_SHARD_COLUMN,
  SOURCE_MAX_CELL,
  SOURCE_CONNECT_RETRIES,
  SOURCE_CONNECT_RETRY_DELAY,
  SOURCE_STATEMENT_TIMEOUT,
  SOURCE_LOCK_TIMEOUT,
  SOURCE_OPTIONS_N
};
enum source_shard_option {
  SOURCE_SHARD_ID,
  SOURCE_SHARD_HOST,
  SOURCE_SHARD_PORT,
  SOURCE_SHARD_DATABASE,
  SOURCE_SHARD_USER,
  SOURCE_SHARD_PASSWORD,
  SOURCE_SHARD_OPTIONS_N
};
extern const struct etl_option *const source_options[];

enum {
  SOURCE_CURSOR_MAX = 8
};
enum source_clock {
  SOURCE_CLOCK_UTC,
  SOURCE_CLOCK_LOCAL
};
enum source_nulls {
  SOURCE_NULLS_WARN,
  SOURCE_NULLS_FAIL
};

struct source_shard {
  char *id;
  struct settings settings; /* how to connect to it */
  struct session snapshot;  /* holds the snapshot that its pieces are read in */
  char *snapshot_id;        /* NULL: none yet */
};
struct source_settings {
  struct source_shard *shards;
  size_t shards_n;
  struct names tables; /* as they were given, perhaps with * and ? */
  bool many;           /* `tables` it was, not `table` */
  char *query;         /* NULL with tables */
  struct names columns, exclude, cursor;
  char *where, *shard_column; /* NULL: none */
  enum source_clock clock;
  enum source_nulls nulls;
  int64_t delay_us, max_cell_bytes;
};
struct source_instance {
  const struct etl_host *host;
  struct source_settings settings;
  struct session session; /* of the calls on the instance; its settings are those of the shard that was asked last */
};

/* ETL_OK, or what host->fail() returned.  A failed one is still to be given to source_settings_fini(). */
int32_t source_settings_init(struct source_settings *s, const struct etl_open *o);
void source_settings_fini(struct source_settings *s);
struct source_shard *source_shard_find(struct source_settings *s, const char *id); /* NULL: unknown */
bool is_pattern(const char *table);

/* host->fail() with ETL_E_CONFIG. */
__attribute__((format(printf, 4, 5))) int32_t source_refuse(const struct etl_host *h, const char *option, const char *remedy,
                                                            const char *fmt, ...);
int32_t source_no_memory(const struct etl_host *h);
/* Connects the instance's session to a shard. */
int32_t source_connect(struct source_instance *in, struct source_shard *shard);

extern const struct etl_connector postgres_source;
extern const struct etl_explain source_explain;
extern const struct etl_catalog source_catalog;

#endif
