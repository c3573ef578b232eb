/* settings.h: the options of an instance as the connector works with them; and the connection's keywords.  options.c holds the table. */
#ifndef POSTGRES_SETTINGS_H
#define POSTGRES_SETTINGS_H

#include "etl/sdk.h"

enum mode { MODE_APPEND, MODE_REPLACE, MODE_MERGE, MODE_INSERT_MISSING, MODE_DELETE_MISSING };
static inline bool mode_merges(enum mode m) { return m == MODE_MERGE || m == MODE_INSERT_MISSING || m == MODE_DELETE_MISSING; } /* by key */
static inline bool mode_updates(enum mode m) { return m == MODE_MERGE || m == MODE_DELETE_MISSING; }
enum contract { CONTRACT_EVOLVE, CONTRACT_FREEZE, CONTRACT_DISCARD_ROW, CONTRACT_DISCARD_VALUE };

/* Options in the order of the table.  The first ones, up to OPT_KEYWORDS, are libpq's. */
enum option_index {
  OPT_URL,
  OPT_HOST,
  OPT_HOSTADDR,
  OPT_PORT,
  OPT_DATABASE,
  OPT_USER,
  OPT_PASSWORD,
  OPT_PASSFILE,
  OPT_REQUIREPEER,
  OPT_CHANNEL_BINDING,
  OPT_CONNECT_TIMEOUT,
  OPT_APPLICATION_NAME,
  OPT_OPTIONS,
  OPT_KEEPALIVES,
  OPT_KEEPALIVES_IDLE,
  OPT_KEEPALIVES_INTERVAL,
  OPT_KEEPALIVES_COUNT,
  OPT_TCP_USER_TIMEOUT,
  OPT_SSLMODE,
  OPT_SSLCOMPRESSION,
  OPT_SSLCERT,
  OPT_SSLKEY,
  OPT_SSLPASSWORD,
  OPT_SSLROOTCERT,
  OPT_SSLCRL,
  OPT_SSLCRLDIR,
  OPT_SSLSNI,
  OPT_SSL_MIN_PROTOCOL_VERSION,
  OPT_SSL_MAX_PROTOCOL_VERSION,
  OPT_GSSENCMODE,
  OPT_KRBSRVNAME,
  OPT_GSSLIB,
  OPT_SERVICE,
  OPT_TARGET_SESSION_ATTRS,
  OPT_KEYWORDS,
  OPT_TABLE = OPT_KEYWORDS,
  OPT_TABLES,
  OPT_MODE,
  OPT_KEY,
  OPT_NEWEST_BY,
  OPT_DELETED_AT,
  OPT_CREATE,
  OPT_SCHEMA_CONTRACT,
  OPT_COMMIT,
  OPT_COMMIT_SQL,
  OPT_STAGING_DEFINITION,
  OPT_PRE_SQL,
  OPT_POST_SQL,
  OPT_STATE_SCHEMA,
  OPT_CONNECT_RETRIES,
  OPT_CONNECT_RETRY_DELAY,
  OPT_STATEMENT_TIMEOUT,
  OPT_LOCK_TIMEOUT,
  OPTIONS_N
};
extern const struct etl_option *const postgres_options[];

struct names { /* a list of texts */
  char **list;
  size_t n;
};
bool names_has(const struct names *n, const char *name);
void names_fini(struct names *n);
int copy_text(const char *text, char **ret); /* NULL and "" are NULL.  -1: no memory */
enum table_option { TABLE_STREAM, TABLE_TABLE, TABLE_MODE, TABLE_KEY, TABLE_NEWEST_BY, TABLE_DELETED_AT, TABLE_STAGING_DEFINITION, TABLE_OPTIONS_N };
struct table_settings { /* for one stream, or for all */
  char *stream;    /* NULL: all that no other names */
  char *table;     /* as it was given, perhaps with placeholders; NULL: none */
  enum mode mode;
  struct names key;
  char *newest_by; /* NULL: the row read last wins */
  char *deleted_at; /* NULL: rows that are missing are deleted */
  char *staging_definition; /* NULL: as the target */
};
struct settings {
  const char *keywords[OPT_KEYWORDS + 4], *values[OPT_KEYWORDS + 4]; /* for PQconnectStartParams(); end with NULL */
  char *texts[OPT_KEYWORDS];                                        /* owned values among them */
  struct table_settings all, *tables;
  size_t tables_n;
  char *state_schema;
  char *target; /* where rows go, as a text that is kept with the cursors: "schema.table", or what was given */
  struct names pre_sql, post_sql, commit_sql;
  bool create;
  bool run_commit; /* the run's rows are staged and committed at its end */
  enum contract contract;
  int64_t connect_retries, connect_retry_delay_ms, connect_timeout_ms, statement_timeout_ms, lock_timeout_ms;
};
/* ETL_OK, or what host->fail() returned. */
int32_t settings_init(struct settings *s, const struct etl_open *o);
void settings_fini(struct settings *s);
/* Only the keywords of the connection, for which the first OPT_KEYWORDS values of o are looked at.  -1: no memory. */
int settings_keywords(struct settings *s, const struct etl_open *o);
bool settings_deletes(const struct settings *s);     /* does a table have mode delete_missing? */
bool settings_deletes_all(const struct settings *s); /* has every one of them? */
bool settings_stage_anew(const struct settings *s);  /* does a full refresh go through the staging tables too? */
/* "schema.table", "table" or quoted parts of them; without a schema it is in public. */
int32_t settings_parse_table(const struct etl_host *host, const char *text, char **ret_schema, char **ret_table);
bool table_has_placeholder(const char *table);

#endif
