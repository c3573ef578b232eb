/* From the host's typed values to the settings of the extractor.  Everything that can be known to be wrong without a connection is
 * refused. */
#include "source.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

int32_t source_no_memory(const struct etl_host *h) {
  struct etl_error e = ETL_ERROR(ETL_E_PERMANENT);
  return etl_failf(h, &e, "postgres: no memory");
}

int32_t source_refuse(const struct etl_host *h, const char *option, const char *remedy, const char *fmt, ...) {
  struct etl_error e = ETL_ERROR(ETL_E_CONFIG);
  char why[600];
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(why, sizeof why, fmt, ap);
  va_end(ap);
  e.option = option;
  e.remedy = remedy;
  return etl_failf(h, &e, "postgres: %s", why);
}

bool is_pattern(const char *table) { return strpbrk(table, "*?") != NULL; }

/* A list of distinct names. */
static int32_t read_names(struct names *to, const struct etl_open *o, unsigned option) {
  uint64_t n = etl_opt_list_n(o, option);
  const char *name = source_options[option]->name;
  if (!(to->list = calloc(n + 1, sizeof *to->list)))
    return source_no_memory(o->host);
  for (uint64_t i = 0; i < n; i++) {
    const char *text = etl_opt_list(o, option, i);
    if (!*text)
      return source_refuse(o->host, name, NULL, "%s: name %llu is empty", name, (unsigned long long)i + 1);
    for (uint64_t k = 0; k < i; k++)
      if (strcmp(to->list[k], text) == 0)
        return source_refuse(o->host, name, "name it once", "%s: \"%s\" is there twice", name, text);
    if (!(to->list[to->n] = strdup(text)))
      return source_no_memory(o->host);
    to->n++;
  }
  return ETL_OK;
}

static int32_t check_table(const struct etl_open *o, const char *text) {
  char *schema = NULL, *table = NULL;
  int32_t rc = is_pattern(text) ? ETL_OK : settings_parse_table(o->host, text, &schema, &table);
  free(schema);
  free(table);
  return rc;
}

/* One of table, tables and query. */
static int32_t read_what(struct source_settings *s, const struct etl_open *o) {
  const char *table = etl_opt_str(o, SOURCE_TABLE), *query = etl_opt_str(o, SOURCE_QUERY);
  uint64_t tables = etl_opt_list_n(o, SOURCE_TABLES);
  int given = (table && *table) + (query && *query) + (tables > 0);
  if (given != 1)
    return source_refuse(o->host, "table", "give one of the three",
                         given ? "more than one of table, tables and query is given"
                               : "neither table nor tables nor query is given");
  if (query && *query)
    return (s->query = strdup(query)) ? ETL_OK : source_no_memory(o->host);
  s->many = tables > 0;
  if (tables == 0) {
    if (is_pattern(table))
      return source_refuse(o->host, "table", "write tables = [ \"...\" ]", "table \"%s\" is a pattern, which `tables` takes",
                           table);
    s->tables.list = calloc(2, sizeof *s->tables.list);
    if (!s->tables.list || !(s->tables.list[0] = strdup(table)))
      return source_no_memory(o->host);
    s->tables.n = 1;
    return check_table(o, table);
  }
  int32_t rc = read_names(&s->tables, o, SOURCE_TABLES);
  for (size_t i = 0; i < s->tables.n && rc == ETL_OK; i++)
    rc = check_table(o, s->tables.list[i]);
  return rc;
}

static int32_t read_columns(struct source_settings *s, const struct etl_open *o) {
  int32_t rc = read_names(&s->columns, o, SOURCE_COLUMNS);
  if (rc == ETL_OK)
    rc = read_names(&s->exclude, o, SOURCE_EXCLUDE);
  if (rc == ETL_OK)
    rc = read_names(&s->cursor, o, SOURCE_CURSOR);
  if (rc != ETL_OK)
    return rc;
  if (s->many && s->columns.n)
    return source_refuse(o->host, "columns", "use `exclude`, or a pipeline for each table",
                         "columns goes with table or query, not with tables");
  if (s->cursor.n > SOURCE_CURSOR_MAX)
    return source_refuse(o->host, "cursor", NULL, "cursor has %zu columns; at most %d are possible", s->cursor.n,
                         SOURCE_CURSOR_MAX);
  for (size_t i = 0; i < s->columns.n; i++)
    if (names_has(&s->exclude, s->columns.list[i]))
      return source_refuse(o->host, "exclude", "leave it out of one of them", "\"%s\" is in columns and in exclude",
                           s->columns.list[i]);
  return ETL_OK;
}

static int64_t option_ms(const struct etl_open *o, unsigned option) { return (etl_opt_int(o, option) + 999999) / 1000000; }

/* The connection's values, with those of the shard in place of the ones for all. */
static int read_connection(struct settings *s, const struct etl_open *o, const struct etl_group *g) {
  static const unsigned places[][2] = {{SOURCE_SHARD_HOST, OPT_HOST},
                                       {SOURCE_SHARD_PORT, OPT_PORT},
                                       {SOURCE_SHARD_DATABASE, OPT_DATABASE},
                                       {SOURCE_SHARD_USER, OPT_USER},
                                       {SOURCE_SHARD_PASSWORD, OPT_PASSWORD}};
  const struct etl_value *values[OPT_KEYWORDS];
  struct etl_open own = *o;
  memcpy(values, o->values, sizeof values);
  for (size_t i = 0; g && i < sizeof places / sizeof *places; i++)
    if (etl_group_set(g, places[i][0]))
      values[places[i][1]] = g->values[places[i][0]];
  own.values = values;
  s->connect_retries = etl_opt_int(o, SOURCE_CONNECT_RETRIES);
  s->connect_retry_delay_ms = option_ms(o, SOURCE_CONNECT_RETRY_DELAY);
  s->connect_timeout_ms = option_ms(o, OPT_CONNECT_TIMEOUT);
  s->statement_timeout_ms = option_ms(o, SOURCE_STATEMENT_TIMEOUT);
  s->lock_timeout_ms = option_ms(o, SOURCE_LOCK_TIMEOUT);
  return settings_keywords(s, &own);
}

static int32_t read_shards(struct source_settings *s, const struct etl_open *o) {
  uint64_t groups = etl_opt_groups_n(o, SOURCE_SHARDS);
  if (o->values[SOURCE_SHARDS]->is_set && groups == 0)
    return source_refuse(o->host, "shards", "list at least one, or leave `shards` out", "shards is empty");
  size_t n = groups ? groups : 1;
  if (!(s->shards = calloc(n, sizeof *s->shards)))
    return source_no_memory(o->host);
  for (size_t i = 0; i < n; i++)
    s->shards[i].snapshot.wake_fd = -1;
  for (s->shards_n = 0; s->shards_n < n;) {
    const struct etl_group *g = groups ? etl_opt_group(o, SOURCE_SHARDS, s->shards_n) : NULL;
    const char *id = g ? etl_group_str(g, SOURCE_SHARD_ID) : "0";
    struct source_shard *sh = &s->shards[s->shards_n];
    if (!id || !*id)
      return source_refuse(o->host, "shards", "give it a name that stays: id = \"eu1\"", "a shard has no id");
    if (source_shard_find(s, id))
      return source_refuse(o->host, "shards", "give each shard an id of its own", "two shards have the id \"%s\"", id);
    s->shards_n++;
    if (!(sh->id = strdup(id)) || read_connection(&sh->settings, o, g) < 0)
      return source_no_memory(o->host);
    int32_t rc = session_init(&sh->snapshot, o->host, &sh->settings);
    if (rc != ETL_OK)
      return rc;
  }
  return ETL_OK;
}

int32_t source_settings_init(struct source_settings *s, const struct etl_open *o) {
  int32_t rc = read_shards(s, o);
  if (rc != ETL_OK || (o->flags & ETL_OPEN_CONNECTION))
    return rc;
  s->clock = (enum source_clock)etl_opt_int(o, SOURCE_CURSOR_CLOCK);
  s->nulls = (enum source_nulls)etl_opt_int(o, SOURCE_NULL_CURSOR);
  s->delay_us = etl_opt_int(o, SOURCE_CONSISTENCY_DELAY) / 1000;
  s->max_cell_bytes = etl_opt_int(o, SOURCE_MAX_CELL);
  if (copy_text(etl_opt_str(o, SOURCE_WHERE), &s->where) < 0 ||
      copy_text(etl_opt_str(o, SOURCE_SHARD_COLUMN), &s->shard_column) < 0)
    return source_no_memory(o->host);
  rc = read_what(s, o);
  return rc == ETL_OK ? read_columns(s, o) : rc;
}

void source_settings_fini(struct source_settings *s) {
  for (size_t i = 0; i < s->shards_n; i++) {
    session_fini(&s->shards[i].snapshot);
    settings_fini(&s->shards[i].settings);
    free(s->shards[i].snapshot_id);
    free(s->shards[i].id);
  }
  free(s->shards);
  names_fini(&s->tables);
  names_fini(&s->columns);
  names_fini(&s->exclude);
  names_fini(&s->cursor);
  free(s->query);
  free(s->where);
  free(s->shard_column);
}

struct source_shard *source_shard_find(struct source_settings *s, const char *id) {
  for (size_t i = 0; i < s->shards_n; i++)
    if (strcmp(s->shards[i].id, id) == 0)
      return &s->shards[i];
  return NULL;
}
