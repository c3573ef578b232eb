/* From the host's typed values to settings. */
#include "settings.h"

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

static int read_keywords(struct settings *s, const struct etl_open *o) {
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

static int32_t read_table(struct settings *s, const struct etl_open *o) {
  const char *text = etl_opt_str(o, OPT_TABLE), *p;
  char first[256], second[256] = "";
  p = take_part(text, first, sizeof first);
  if (p && *p == '.')
    p = take_part(p + 1, second, sizeof second);
  if (!p || *p) {
    struct etl_error e = ETL_ERROR(ETL_E_CONFIG);
    e.option = "table";
    e.remedy = "write table, schema.table or \"My Schema\".\"My Table\"";
    return etl_failf(o->host, &e, "postgres: '%s' is no name of a table", text);
  }
  s->schema = strdup(*second ? first : "public");
  s->table = strdup(*second ? second : first);
  s->state_schema = strdup(etl_opt_str(o, OPT_STATE_SCHEMA));
  size_t size = strlen(first) + strlen(second) + 16;
  s->target = malloc(size);
  if (!s->schema || !s->table || !s->state_schema || !s->target)
    return no_memory(o);
  snprintf(s->target, size, "%s.%s", s->schema, s->table);
  return ETL_OK;
}

static int32_t refuse(const struct etl_open *o, const char *option, const char *remedy, const char *why) {
  struct etl_error e = ETL_ERROR(ETL_E_CONFIG);
  e.option = option;
  e.remedy = remedy;
  return etl_failf(o->host, &e, "postgres: %s", why);
}

int32_t settings_init(struct settings *s, const struct etl_open *o) {
  if (read_keywords(s, o) < 0 || read_list(&s->key, o, OPT_KEY) < 0 || read_list(&s->pre_sql, o, OPT_PRE_SQL) < 0 ||
      read_list(&s->post_sql, o, OPT_POST_SQL) < 0)
    return no_memory(o);
  s->mode = (enum mode)etl_opt_int(o, OPT_MODE);
  s->create = etl_opt_bool(o, OPT_CREATE);
  s->connect_retries = etl_opt_int(o, OPT_CONNECT_RETRIES);
  s->connect_retry_delay_ms = etl_opt_int(o, OPT_CONNECT_RETRY_DELAY) / 1000000;
  s->connect_timeout_ms = etl_opt_int(o, OPT_CONNECT_TIMEOUT) / 1000000;
  s->statement_timeout_ms = etl_opt_int(o, OPT_STATEMENT_TIMEOUT) / 1000000;
  s->lock_timeout_ms = etl_opt_int(o, OPT_LOCK_TIMEOUT) / 1000000;
  if (etl_opt_str(o, OPT_NEWEST_BY) && *etl_opt_str(o, OPT_NEWEST_BY) && !(s->newest_by = strdup(etl_opt_str(o, OPT_NEWEST_BY))))
    return no_memory(o);
  if (s->mode == MODE_MERGE && s->key.n == 0)
    return refuse(o, "key", "name the columns that identify a row: key = [ \"id\" ]", "mode = \"merge\" needs a key");
  if (s->mode != MODE_MERGE && s->newest_by)
    return refuse(o, "newest_by", "leave it out, or set mode = \"merge\"", "newest_by means something only in a merge");
  return read_table(s, o);
}

static void names_fini(struct names *n) {
  for (size_t i = 0; i < n->n; i++)
    free(n->list[i]);
  free(n->list);
}

void settings_fini(struct settings *s) {
  for (unsigned i = 0; i < OPT_KEYWORDS; i++) {
    if (s->texts[i] && postgres_options[i]->flags & ETL_OPT_SECRET)
      explicit_bzero(s->texts[i], strlen(s->texts[i]));
    free(s->texts[i]);
  }
  names_fini(&s->key);
  names_fini(&s->pre_sql);
  names_fini(&s->post_sql);
  free(s->schema);
  free(s->table);
  free(s->state_schema);
  free(s->target);
  free(s->newest_by);
}
