/* From the host's typed values to settings. */
#include "settings.h"

#include "statements.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>

/* libpq's name of an option where it is not ours. */
static const char *keyword(unsigned i) {
  switch (i) {
  case OPT_URL: return "dbname"; /* expanded; a later dbname goes before it */
  case OPT_DATABASE: return "dbname";
  default: return postgres_options[i]->name;
  }
}

static int32_t no_memory(const struct etl_open *o) {
  struct etl_error e = ETL_ERROR(ETL_E_PERMANENT);
  return etl_failf(o->host, &e, "postgres: no memory for the settings");
}

static char *value_text(const struct etl_open *o, unsigned i) {
  const struct etl_value *v = o->values[i];
  char number[32];
  switch (postgres_options[i]->type) {
  case ETL_T_DURATION:
    snprintf(number, sizeof number, "%lld", (long long)(v->i / 1000000000));
    return strdup(number);
  case ETL_T_INT:
    snprintf(number, sizeof number, "%lld", (long long)v->i);
    return strdup(number);
  case ETL_T_ENUM: return strdup(postgres_options[i]->choices[v->i]);
  default: return strdup(postgres_options[i]->flags & ETL_OPT_SECRET ? etl_secret(o->host, v) : v->str);
  }
}

int settings_keywords(struct settings *s, const struct etl_open *o) {
  size_t n = 0;
  for (unsigned i = 0; i < OPT_KEYWORDS; i++) {
    const struct etl_value *v = o->values[i];
    if ((!v->is_set && !postgres_options[i]->dflt) || (v->str && !*v->str && postgres_options[i]->type != ETL_T_INT))
      continue;
    if (!(s->texts[i] = value_text(o, i)))
      return -1;
    s->keywords[n] = keyword(i);
    s->values[n++] = s->texts[i];
  }
  if (!s->texts[OPT_APPLICATION_NAME]) {
    size_t size = strlen(o->pipeline) + 8;
    if (!(s->texts[OPT_APPLICATION_NAME] = malloc(size)))
      return -1;
    snprintf(s->texts[OPT_APPLICATION_NAME], size, "etl %s", o->pipeline);
    s->keywords[n] = "application_name";
    s->values[n++] = s->texts[OPT_APPLICATION_NAME];
  }
  s->keywords[n] = "client_encoding";
  s->values[n++] = "UTF8";
  return 0;
}

static int read_list(struct names *to, const struct etl_open *o, unsigned i) {
  uint64_t n = etl_opt_list_n(o, i);
  to->list = calloc(n + 1, sizeof *to->list);
  if (!to->list)
    return -1;
  for (; to->n < n; to->n++)
    if (!(to->list[to->n] = strdup(etl_opt_list(o, i, to->n))))
      return -1;
  return 0;
}

/* One part of a name: "quoted" or plain (taken as it is written: what users see is what they get).  Returns what follows it, NULL when it
 * is no name. */
static const char *take_part(const char *p, char *to, size_t size) {
  size_t n = 0;
  bool quoted = *p == '"';
  for (p += quoted; *p && (quoted || *p != '.'); p++) {
    if (quoted && *p == '"') {
      if (p[1] != '"')
        break;
      p++;
    }
    if (n + 1 < size)
      to[n++] = *p;
  }
  to[n] = 0;
  if (quoted && *p++ != '"')
    return NULL;
  return n ? p : NULL;
}

int32_t settings_parse_table(const struct etl_host *host, const char *text, char **ret_schema, char **ret_table) {
  char first[256], second[256] = "";
  const char *p = take_part(text, first, sizeof first);
  if (p && *p == '.')
    p = take_part(p + 1, second, sizeof second);
  if (!p || *p) {
    struct etl_error e = ETL_ERROR(ETL_E_CONFIG);
    e.option = "table";
    e.remedy = "write table, schema.table or \"My Schema\".\"My Table\"";
    return etl_failf(host, &e, "postgres: '%s' is no name of a table", text);
  }
  *ret_schema = strdup(*second ? first : "public");
  *ret_table = strdup(*second ? second : first);
  if (*ret_schema && *ret_table)
    return ETL_OK;
  struct etl_error e = ETL_ERROR(ETL_E_PERMANENT);
  return etl_failf(host, &e, "postgres: no memory for the name of a table");
}

static int32_t refuse(const struct etl_open *o, const char *option, const char *remedy, const char *why) {
  struct etl_error e = ETL_ERROR(ETL_E_CONFIG);
  e.option = option;
  e.remedy = remedy;
  return etl_failf(o->host, &e, "postgres: %s", why);
}

static int32_t check_table(const struct settings *s, const struct etl_open *o, const struct table_settings *t) {
  char *schema = NULL, *table = NULL;
  int32_t rc = !t->table || table_has_placeholder(t->table) ? ETL_OK : settings_parse_table(o->host, t->table, &schema, &table);
  free(schema);
  free(table);
  if (rc != ETL_OK)
    return rc;
  if (mode_merges(t->mode) && t->key.n == 0)
    return refuse(o, "key", "name the columns that identify a row: key = [ \"id\" ]",
                  t->mode == MODE_MERGE            ? "mode = \"merge\" needs a key"
                  : t->mode == MODE_INSERT_MISSING ? "mode = \"insert_missing\" needs a key"
                                                   : "mode = \"delete_missing\" needs a key");
  if (!mode_updates(t->mode) && t->newest_by)
    return refuse(o, "newest_by", "leave it out, or set mode = \"merge\"", "newest_by means something only in a merge");
  if (t->mode != MODE_DELETE_MISSING && t->deleted_at)
    return refuse(o, "deleted_at", "leave it out, or set mode = \"delete_missing\"",
                  "deleted_at means something only with mode = \"delete_missing\"");
  if (!s->run_commit && t->staging_definition)
    return refuse(o, "staging_definition", "leave it out, or set commit = \"run\"", "staging_definition means something only with commit = \"run\"");
  return ETL_OK;
}

int copy_text(const char *text, char **ret) {
  *ret = text && *text ? strdup(text) : NULL;
  return text && *text && !*ret ? -1 : 0;
}

/* One group of `tables`; what it does not say holds as for all. */
static int32_t read_group(struct settings *s, const struct etl_open *o, const struct etl_group *g, struct table_settings *t) {
  const struct etl_value *key = g->values[TABLE_KEY];
  bool has_key = key->is_set;
  t->mode = etl_group_set(g, TABLE_MODE) ? (enum mode)etl_group_int(g, TABLE_MODE) : s->all.mode;
  s->run_commit |= t->mode == MODE_DELETE_MISSING;
  if (copy_text(etl_group_str(g, TABLE_STREAM), &t->stream) < 0 ||
      copy_text(etl_group_set(g, TABLE_TABLE) ? etl_group_str(g, TABLE_TABLE) : s->all.table, &t->table) < 0 ||
      copy_text(etl_group_set(g, TABLE_NEWEST_BY) ? etl_group_str(g, TABLE_NEWEST_BY)
                : mode_updates(t->mode)           ? s->all.newest_by
                                                  : NULL,
                &t->newest_by) < 0 ||
      copy_text(etl_group_set(g, TABLE_DELETED_AT) ? etl_group_str(g, TABLE_DELETED_AT)
                : t->mode == MODE_DELETE_MISSING   ? s->all.deleted_at
                                                   : NULL,
                &t->deleted_at) < 0 ||
      copy_text(etl_group_set(g, TABLE_STAGING_DEFINITION) ? etl_group_str(g, TABLE_STAGING_DEFINITION) : s->all.staging_definition,
                &t->staging_definition) < 0)
    return no_memory(o);
  uint64_t n = has_key ? key->list_n : s->all.key.n;
  t->key.list = calloc(n + 1, sizeof *t->key.list);
  for (; t->key.list && t->key.n < n; t->key.n++)
    if (!(t->key.list[t->key.n] = strdup(has_key ? (const char *)key->list[t->key.n].p : s->all.key.list[t->key.n])))
      return no_memory(o);
  if (!t->key.list)
    return no_memory(o);
  if (!t->table && s->commit_sql.n == 0)
    return refuse(o, "tables", "add table = \"...\" to the group, or `table` beside it", "a group of tables names no table");
  if ((t->mode == MODE_REPLACE) != (s->all.mode == MODE_REPLACE))
    return refuse(o, "tables", "use one pipeline for what is replaced and another for the rest",
                  "mode = \"replace\" holds for all tables of a pipeline, or for none");
  return check_table(s, o, t);
}

static int32_t read_tables(struct settings *s, const struct etl_open *o) {
  uint64_t n = etl_opt_groups_n(o, OPT_TABLES);
  if (n && !(s->tables = calloc(n, sizeof *s->tables)))
    return no_memory(o);
  for (uint64_t i = 0; i < n; i++) {
    s->tables_n = i + 1;
    int32_t rc = read_group(s, o, etl_opt_group(o, OPT_TABLES, i), &s->tables[i]);
    if (rc != ETL_OK)
      return rc;
  }
  if (!s->all.table && n == 0 && s->commit_sql.n == 0)
    return refuse(o, "table", "add table = \"schema.name\"", "there is no table to load");
  return ETL_OK;
}

/* One table is named in full; several as they were given, each stream with its own. */
static int32_t describe_target(struct settings *s, const struct etl_open *o) {
  char *schema = NULL, *table = NULL;
  struct text t = {0};
  int32_t rc = ETL_OK;
  if (s->all.table && !table_has_placeholder(s->all.table)) {
    rc = settings_parse_table(o->host, s->all.table, &schema, &table);
    if (rc == ETL_OK)
      text_addf(&t, "%s.%s", schema, table);
  } else if (s->all.table) {
    text_add(&t, s->all.table);
  }
  for (size_t i = 0; i < s->tables_n && rc == ETL_OK; i++)
    text_addf(&t, "%s%s: %s", t.n ? ", " : "", s->tables[i].stream, s->tables[i].table);
  if (rc == ETL_OK && t.n == 0)
    text_add(&t, "commit_sql");
  if (rc == ETL_OK && (t.failed || !(s->target = strdup(text_str(&t)))))
    rc = no_memory(o);
  free(schema);
  free(table);
  text_fini(&t);
  return rc;
}

bool settings_deletes(const struct settings *s) {
  bool deletes = s->all.mode == MODE_DELETE_MISSING;
  for (size_t i = 0; i < s->tables_n; i++)
    deletes |= s->tables[i].mode == MODE_DELETE_MISSING;
  return deletes;
}

bool settings_deletes_all(const struct settings *s) {
  bool all = s->all.table ? s->all.mode == MODE_DELETE_MISSING : s->tables_n > 0; /* without `table` no stream but those in `tables` is loaded */
  for (size_t i = 0; i < s->tables_n; i++)
    all &= s->tables[i].mode == MODE_DELETE_MISSING;
  return all;
}

/* Built anew, a table would lose what is marked as deleted, and only the user's statements know the table of commit_sql. */
bool settings_stage_anew(const struct settings *s) { return settings_deletes(s) || s->commit_sql.n > 0; }

static int32_t check_commit(const struct settings *s, const struct etl_open *o) {
  if (s->commit_sql.n && (settings_deletes(s) || s->all.mode == MODE_REPLACE))
    return refuse(o, "commit_sql", "leave mode out: the statements say what happens", "commit_sql takes the place of mode");
  for (size_t i = 0; i < s->commit_sql.n; i++)
    if (statements_end_transaction(s->commit_sql.list[i]))
      return refuse(o, "commit_sql", "leave BEGIN, COMMIT and ROLLBACK out: the statements run in the transaction that moves the cursors",
                    "a statement of commit_sql would end the transaction of the run");
  return ETL_OK;
}

int32_t settings_init(struct settings *s, const struct etl_open *o) {
  if (settings_keywords(s, o) < 0 || read_list(&s->all.key, o, OPT_KEY) < 0 || read_list(&s->pre_sql, o, OPT_PRE_SQL) < 0 ||
      read_list(&s->post_sql, o, OPT_POST_SQL) < 0 || copy_text(etl_opt_str(o, OPT_TABLE), &s->all.table) < 0 ||
      copy_text(etl_opt_str(o, OPT_NEWEST_BY), &s->all.newest_by) < 0 || read_list(&s->commit_sql, o, OPT_COMMIT_SQL) < 0 ||
      copy_text(etl_opt_str(o, OPT_DELETED_AT), &s->all.deleted_at) < 0 ||
      copy_text(etl_opt_str(o, OPT_STAGING_DEFINITION), &s->all.staging_definition) < 0 ||
      copy_text(etl_opt_str(o, OPT_STATE_SCHEMA), &s->state_schema) < 0)
    return no_memory(o);
  s->all.mode = (enum mode)etl_opt_int(o, OPT_MODE);
  s->create = etl_opt_bool(o, OPT_CREATE);
  s->run_commit = etl_opt_int(o, OPT_COMMIT) == 1 || s->commit_sql.n > 0 || s->all.mode == MODE_DELETE_MISSING;
  s->contract = (enum contract)etl_opt_int(o, OPT_SCHEMA_CONTRACT);
  s->connect_retries = etl_opt_int(o, OPT_CONNECT_RETRIES);
  s->connect_retry_delay_ms = etl_opt_int(o, OPT_CONNECT_RETRY_DELAY) / 1000000;
  s->connect_timeout_ms = etl_opt_int(o, OPT_CONNECT_TIMEOUT) / 1000000;
  s->statement_timeout_ms = etl_opt_int(o, OPT_STATEMENT_TIMEOUT) / 1000000;
  s->lock_timeout_ms = etl_opt_int(o, OPT_LOCK_TIMEOUT) / 1000000;
  int32_t rc = read_tables(s, o);
  if (rc == ETL_OK && s->all.table && (s->tables_n == 0 || s->all.key.n))
    rc = check_table(s, o, &s->all);
  if (rc == ETL_OK)
    rc = check_commit(s, o);
  return rc == ETL_OK ? describe_target(s, o) : rc;
}

bool names_has(const struct names *n, const char *name) {
  for (size_t i = 0; i < n->n; i++)
    if (strcmp(n->list[i], name) == 0)
      return true;
  return false;
}

void names_fini(struct names *n) {
  for (size_t i = 0; i < n->n; i++)
    free(n->list[i]);
  free(n->list);
}

static void table_settings_fini(struct table_settings *t) {
  names_fini(&t->key);
  free(t->stream);
  free(t->table);
  free(t->newest_by);
  free(t->deleted_at);
  free(t->staging_definition);
}

void settings_fini(struct settings *s) {
  for (unsigned i = 0; i < OPT_KEYWORDS; i++) {
    if (s->texts[i] && postgres_options[i]->flags & ETL_OPT_SECRET)
      explicit_bzero(s->texts[i], strlen(s->texts[i]));
    free(s->texts[i]);
  }
  table_settings_fini(&s->all);
  for (size_t i = 0; i < s->tables_n; i++)
    table_settings_fini(&s->tables[i]);
  free(s->tables);
  names_fini(&s->pre_sql);
  names_fini(&s->post_sql);
  names_fini(&s->commit_sql);
  free(s->state_schema);
  free(s->target);
}
