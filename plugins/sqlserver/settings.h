/* settings.h: what the user configured, checked and in the connector's own memory.  Constant after settings_init(), so that all
 * readers of an instance share it. */
#ifndef SQLSERVER_SETTINGS_H
#define SQLSERVER_SETTINGS_H

#include "etl/sdk.h"
#include "text.h"

enum {
  SETTINGS_CURSOR_MAX = 8,
  SETTINGS_NAME_MAX = 128
};

enum encryption {
  ENCRYPTION_OFF,
  ENCRYPTION_REQUEST,
  ENCRYPTION_REQUIRE
};
enum isolation {
  ISOLATION_READ_COMMITTED,
  ISOLATION_READ_UNCOMMITTED,
  ISOLATION_REPEATABLE_READ,
  ISOLATION_SNAPSHOT,
  ISOLATION_SERIALIZABLE
};
enum cursor_clock {
  CLOCK_UTC,
  CLOCK_LOCAL
};
enum null_cursor {
  NULL_CURSOR_WARN,
  NULL_CURSOR_FAIL
};
enum datetime_unit {
  UNIT_US,
  UNIT_NS
};

struct shard { /* where one shard is */
  const char *id, *host, *database, *user;
  const struct etl_value *password; /* a secret; NULL: none.  Read through etl_secret() when connecting */
  int port;
  enum encryption encryption;
  const char *section; /* of the login file, see login_file.h */
};
struct settings {
  struct pool pool;
  const char *stream;         /* "dbo.user_logins", or "query"; NULL with tables, see tables.h */
  const char *schema, *table; /* NULL with query */
  const char *query;          /* NULL with table; without either only the connection is told */
  const char **tables;        /* patterns; NULL: one table or a query */
  size_t tables_n;
  const char *where;
  const char **columns; /* NULL: all */
  size_t columns_n;
  const char *cursor[SETTINGS_CURSOR_MAX];
  size_t cursor_n; /* 0: every run reads all rows */
  enum cursor_clock cursor_clock;
  enum null_cursor null_cursor;
  enum datetime_unit datetime_unit;
  bool nvarchar_as_bytes;
  enum isolation isolation;
  int64_t consistency_delay_ns;
  const char *shard_column; /* NULL: none */
  const char *application_name, *ca_file;
  struct shard *shards;
  size_t shards_n;
  int64_t connect_timeout_ms, login_timeout_ms, query_timeout_ms, connect_retry_delay_ms, lock_timeout_ms;
  int connect_retries, packet_bytes;
  int64_t max_cell_bytes;
};

extern const struct etl_option *const sqlserver_options[];

/* Reads and checks all options; connects to nothing.  On failure settings_fini() is still to be called. */
int32_t settings_init(struct settings *s, const struct etl_open *o);
void settings_fini(struct settings *s);
/* Sets schema, table and stream from a name as `table` takes it, in pool.  false: it is none, or there is no memory. */
bool settings_name_table(struct settings *s, struct pool *pool, const char *name);
bool settings_is_pattern(const char *name); /* of `tables` */
const struct shard *settings_shard(const struct settings *s, const char *id); /* NULL: unknown */

#endif
