/* From option values to struct settings.  Everything that can be known to be wrong without a connection is refused here, with the
 * option and its place in the configuration. */
#include "settings.h"

#include <stdio.h>
#include <stdlib.h>

#include "login_file.h"
#include "options.h"

static int32_t out_of_memory(const struct etl_open *o) {
  struct etl_error e = ETL_ERROR(ETL_E_PERMANENT);
  return etl_failf(o->host, &e, "sqlserver: no memory for the settings");
}

#define CONFIG_ERROR(o_, option_, remedy_, ...)                                                                                    \
  etl_failf((o_)->host,                                                                                                            \
            &(struct etl_error){.struct_size = sizeof(struct etl_error),                                                           \
                                .error_class = ETL_E_CONFIG,                                                                       \
                                .row = -1,                                                                                         \
                                .column = -1,                                                                                      \
                                .option = (option_),                                                                               \
                                .remedy = (remedy_)},                                                                              \
            __VA_ARGS__)

static const char *where_set(const struct etl_open *o, unsigned option) {
  const char *origin = o->values[option]->origin;
  return origin ? origin : "configuration";
}

/* One part of a table name: [a]]b], "a""b" or plain.  Returns behind it, NULL when malformed or too long. */
static const char *name_part(struct pool *pool, const char *p, const char **ret) {
  char name[SETTINGS_NAME_MAX * 4 + 1];
  size_t n = 0;
  char close = *p == '[' ? ']' : *p == '"' ? '"' : '\0';
  if (close) {
    for (p++;; p++) {
      if (*p == close && *++p != close)
        break;
      if (!*p || n == sizeof name - 1)
        return NULL;
      name[n++] = *p;
    }
  } else {
    size_t len = strcspn(p, ".[]\"");
    if (len > sizeof name - 1)
      return NULL;
    memcpy(name, p, n = len);
    p += len;
  }
  *ret = n ? pool_strndup(pool, name, n) : NULL;
  return *ret ? p : NULL;
}

bool settings_name_table(struct settings *s, struct pool *pool, const char *name) {
  const char *first, *second = NULL;
  const char *p = name_part(pool, name, &first);
  if (p && *p == '.')
    p = name_part(pool, p + 1, &second);
  if (!p || *p)
    return false;
  s->schema = second ? first : "dbo";
  s->table = second ? second : first;
  struct text stream = {0};
  text_stream(&stream, s->schema, s->table);
  s->stream = stream.failed ? NULL : pool_strdup(pool, text_str(&stream));
  text_fini(&stream);
  return s->stream != NULL;
}

bool settings_is_pattern(const char *name) { return strpbrk(name, "*?") != NULL; }

static int32_t refuse_name(const struct etl_open *o, unsigned option, const char *option_name, const char *table) {
  return CONFIG_ERROR(o, option_name,
                      "write schema.table, with [brackets] around a part that has dots or spaces; the database goes into "
                      "`database`",
                      "sqlserver: table \"%s\" (%s) is not a table name of one or two parts", table, where_set(o, option));
}

/* A list of distinct names. */
static int32_t read_names(struct settings *s, const struct etl_open *o, unsigned option, const char *name, size_t max,
                          const char **ret) {
  uint64_t n = etl_opt_list_n(o, option);
  if (n > max)
    return CONFIG_ERROR(o, name, NULL, "sqlserver: %s (%s) has %llu names; at most %zu are possible", name, where_set(o, option),
                        (unsigned long long)n, max);
  for (uint64_t i = 0; i < n; i++) {
    const char *text = etl_opt_list(o, option, i);
    if (!*text)
      return CONFIG_ERROR(o, name, NULL, "sqlserver: %s (%s): number %llu is empty", name, where_set(o, option),
                          (unsigned long long)i + 1);
    for (uint64_t k = 0; k < i; k++)
      if (strcmp(ret[k], text) == 0)
        return CONFIG_ERROR(o, name, "name it once", "sqlserver: %s (%s): \"%s\" is there twice", name, where_set(o, option),
                            text);
    if (!(ret[i] = pool_strdup(&s->pool, text)))
      return out_of_memory(o);
  }
  return ETL_OK;
}

static int32_t read_tables(struct settings *s, const struct etl_open *o) {
  s->tables_n = etl_opt_list_n(o, OPT_TABLES);
  s->tables = pool_alloc(&s->pool, s->tables_n * sizeof *s->tables);
  if (!s->tables)
    return out_of_memory(o);
  if (etl_opt_list_n(o, OPT_COLUMNS))
    return CONFIG_ERROR(o, "columns", "make a pipeline for each table, or choose with the transformer `columns`",
                        "sqlserver: columns (%s) goes with table, not with tables", where_set(o, OPT_COLUMNS));
  int32_t rc = read_names(s, o, OPT_TABLES, "tables", s->tables_n, s->tables);
  for (size_t i = 0; i < s->tables_n && rc == ETL_OK; i++)
    if (!settings_is_pattern(s->tables[i]) && !settings_name_table(&(struct settings){.pool = {0}}, &s->pool, s->tables[i]))
      rc = refuse_name(o, OPT_TABLES, "tables", s->tables[i]);
  return rc;
}

static int32_t read_source(struct settings *s, const struct etl_open *o) {
  const char *table = etl_opt_str(o, OPT_TABLE), *query = etl_opt_str(o, OPT_QUERY);
  bool has_table = table && *table, has_query = query && *query, has_tables = etl_opt_list_n(o, OPT_TABLES) > 0;
  int given = has_table + has_query + has_tables;
  if (given != 1)
    return CONFIG_ERROR(o, "table", "give one of the three", "sqlserver: %s",
                        given ? "more than one of table, tables and query is given" : "neither table nor tables nor query is given");
  if (has_table)
    return settings_name_table(s, &s->pool, table) ? ETL_OK : refuse_name(o, OPT_TABLE, "table", table);
  if (has_tables)
    return read_tables(s, o);
  if (etl_opt_list_n(o, OPT_COLUMNS))
    return CONFIG_ERROR(o, "columns", "name the columns in the query itself",
                        "sqlserver: columns (%s) goes with table, not with query", where_set(o, OPT_COLUMNS));
  if (etl_opt_str(o, OPT_WHERE))
    return CONFIG_ERROR(o, "where", "write the condition into the query itself",
                        "sqlserver: where (%s) goes with table, not with query", where_set(o, OPT_WHERE));
  s->query = pool_strdup(&s->pool, query);
  s->stream = "query";
  return s->query ? ETL_OK : out_of_memory(o);
}

static int32_t read_columns(struct settings *s, const struct etl_open *o) {
  s->columns_n = etl_opt_list_n(o, OPT_COLUMNS);
  s->cursor_n = etl_opt_list_n(o, OPT_CURSOR);
  if (s->columns_n && !(s->columns = pool_alloc(&s->pool, s->columns_n * sizeof *s->columns)))
    return out_of_memory(o);
  int32_t rc = read_names(s, o, OPT_COLUMNS, "columns", s->columns_n > 4096 ? 4096 : s->columns_n, s->columns);
  if (rc == ETL_OK)
    rc = read_names(s, o, OPT_CURSOR, "cursor", SETTINGS_CURSOR_MAX, s->cursor);
  for (size_t i = 0; rc == ETL_OK && s->columns && i < s->cursor_n; i++) {
    bool found = false;
    for (size_t k = 0; k < s->columns_n && !found; k++)
      found = strcasecmp(s->columns[k], s->cursor[i]) == 0;
    if (!found)
      return CONFIG_ERROR(o, "columns", "add it to columns; the transformer `columns` can drop it later on",
                          "sqlserver: cursor column \"%s\" (%s) is not among columns", s->cursor[i], where_set(o, OPT_CURSOR));
  }
  return rc;
}

/* The value of a shard's own option if it is set, else the one for all. */
static const struct etl_value *pick(const struct etl_open *o, const struct etl_group *g, unsigned member, unsigned option) {
  return g && etl_group_set(g, member) ? g->values[member] : o->values[option];
}

/* The reference of a secret, beyond open(). */
static const struct etl_value *keep_secret(struct settings *s, const struct etl_value *v) {
  struct etl_value *copy = pool_alloc(&s->pool, sizeof *copy);
  if (copy)
    *copy = (struct etl_value){.struct_size = sizeof *copy, .is_set = v->is_set, .str = pool_strdup(&s->pool, v->str)};
  return copy && (copy->str || !v->str) ? copy : NULL;
}

static int32_t read_shard(struct settings *s, const struct etl_open *o, const struct etl_group *g, struct shard *sh) {
  const char *origin = g && g->origin ? g->origin : where_set(o, OPT_HOST);
  *sh = (struct shard){
      .id = g ? pool_strdup(&s->pool, etl_group_str(g, SHARD_ID)) : "0",
      .host = pool_strdup(&s->pool, pick(o, g, SHARD_HOST, OPT_HOST)->str),
      .database = pool_strdup(&s->pool, pick(o, g, SHARD_DATABASE, OPT_DATABASE)->str),
      .user = pool_strdup(&s->pool, pick(o, g, SHARD_USER, OPT_USER)->str),
      .password = keep_secret(s, pick(o, g, SHARD_PASSWORD, OPT_PASSWORD)),
      .port = (int)pick(o, g, SHARD_PORT, OPT_PORT)->i,
      .encryption = (enum encryption)pick(o, g, SHARD_ENCRYPTION, OPT_ENCRYPTION)->i,
  };
  if (!sh->password)
    return out_of_memory(o);
  if (!sh->id || !*sh->id)
    return CONFIG_ERROR(o, "shards", "give it a name that stays: id = \"eu1\"", "sqlserver: a shard (%s) has no id", origin);
  for (const struct shard *other = s->shards; other < sh; other++)
    if (strcmp(other->id, sh->id) == 0)
      return CONFIG_ERROR(o, "shards", "give each shard an id of its own",
                          "sqlserver: two shards have the id \"%s\" (the second: %s)", sh->id, origin);
  if (!sh->host || !*sh->host)
    return CONFIG_ERROR(o, "host", g ? "give the shard a host" : "set host, or list the servers in shards",
                        "sqlserver: %s%s%s (%s) has no host", g ? "shard \"" : "the connection", g ? sh->id : "", g ? "\"" : "",
                        origin);
  if (!sh->user || !*sh->user)
    return CONFIG_ERROR(o, "user", "set user, for all shards or for this one", "sqlserver: shard \"%s\" (%s) has no user", sh->id,
                        origin);
  if (s->ca_file && sh->encryption != ENCRYPTION_REQUIRE)
    return CONFIG_ERROR(o, "ca_file", "set encryption = \"require\"",
                        "sqlserver: shard \"%s\" (%s) has a ca_file, which checks nothing unless encryption is required", sh->id,
                        origin);
  return login_file_add(s, o, sh);
}

static int32_t read_shards(struct settings *s, const struct etl_open *o) {
  uint64_t groups = etl_opt_groups_n(o, OPT_SHARDS);
  if (o->values[OPT_SHARDS]->is_set && groups == 0)
    return CONFIG_ERROR(o, "shards", "list at least one, or leave `shards` out", "sqlserver: shards (%s) is empty",
                        where_set(o, OPT_SHARDS));
  size_t n = groups ? groups : 1;
  if (!(s->shards = pool_alloc(&s->pool, n * sizeof *s->shards)))
    return out_of_memory(o);
  int32_t rc = ETL_OK;
  for (size_t i = 0; i < n && rc == ETL_OK; i++, s->shards_n = i)
    rc = read_shard(s, o, groups ? etl_opt_group(o, OPT_SHARDS, i) : NULL, &s->shards[i]);
  return rc;
}

static int64_t option_ms(const struct etl_open *o, unsigned option) { return (etl_opt_int(o, option) + 999999) / 1000000; }

int32_t settings_init(struct settings *s, const struct etl_open *o) {
  const char *shard_column = etl_opt_str(o, OPT_SHARD_COLUMN);
  *s = (struct settings){
      .cursor_clock = (enum cursor_clock)etl_opt_int(o, OPT_CURSOR_CLOCK),
      .null_cursor = (enum null_cursor)etl_opt_int(o, OPT_NULL_CURSOR),
      .datetime_unit = (enum datetime_unit)etl_opt_int(o, OPT_DATETIME_UNIT),
      .nvarchar_as_bytes = etl_opt_int(o, OPT_NVARCHAR_AS) == 1,
      .isolation = (enum isolation)etl_opt_int(o, OPT_ISOLATION),
      .consistency_delay_ns = etl_opt_int(o, OPT_CONSISTENCY_DELAY),
      .connect_timeout_ms = option_ms(o, OPT_CONNECT_TIMEOUT),
      .login_timeout_ms = option_ms(o, OPT_LOGIN_TIMEOUT),
      .query_timeout_ms = option_ms(o, OPT_QUERY_TIMEOUT),
      .connect_retry_delay_ms = option_ms(o, OPT_CONNECT_RETRY_DELAY),
      .lock_timeout_ms = option_ms(o, OPT_LOCK_TIMEOUT),
      .connect_retries = (int)etl_opt_int(o, OPT_CONNECT_RETRIES),
      .packet_bytes = (int)etl_opt_int(o, OPT_PACKET_SIZE),
      .max_cell_bytes = etl_opt_int(o, OPT_MAX_CELL),
  };
  s->where = pool_strdup(&s->pool, etl_opt_str(o, OPT_WHERE));
  s->shard_column = shard_column && *shard_column ? pool_strdup(&s->pool, shard_column) : NULL;
  s->application_name = pool_strdup(&s->pool, etl_opt_str(o, OPT_APPLICATION_NAME));
  s->ca_file = pool_strdup(&s->pool, etl_opt_str(o, OPT_CA_FILE));
  if (s->ca_file && strcmp(s->ca_file, "system") != 0 && s->ca_file[0] != '/')
    return CONFIG_ERROR(o, "ca_file", "write the path from / on, or \"system\"",
                        "sqlserver: ca_file \"%s\" (%s) is not an absolute path", s->ca_file, where_set(o, OPT_CA_FILE));
  bool connection = o->flags & ETL_OPEN_CONNECTION;
  int32_t rc = connection ? ETL_OK : read_source(s, o);
  if (rc == ETL_OK && !connection)
    rc = read_columns(s, o);
  if (rc == ETL_OK)
    rc = read_shards(s, o);
  return rc;
}

void settings_fini(struct settings *s) { pool_fini(&s->pool); }

const struct shard *settings_shard(const struct settings *s, const char *id) {
  for (size_t i = 0; i < s->shards_n; i++)
    if (strcmp(s->shards[i].id, id) == 0)
      return &s->shards[i];
  return NULL;
}
