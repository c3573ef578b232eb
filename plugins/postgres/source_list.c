/* Which tables there are: for patterns of `tables`, and as the extension etl.catalog/1. */
#include <stdlib.h>

#include "source_list.h"

static const char tables_sql[] =
    "SELECT n.nspname, c.relname, (SELECT array_to_string(array_agg(quote_ident(a.attname) ORDER BY k.pos), ',') FROM "
    "pg_catalog.pg_index i "
    "CROSS JOIN LATERAL unnest(i.indkey[0:i.indnkeyatts - 1]) WITH ORDINALITY k(attnum, pos) "
    "JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum WHERE i.indrelid = c.oid AND "
    "i.indisprimary), "
    "c.relkind IN ('v', 'm') "
    "FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
    "WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition AND n.nspname <> 'information_schema' AND n.nspname !~ "
    "'^pg_' "
    "AND pg_catalog.has_table_privilege(c.oid, 'SELECT') AND pg_catalog.has_schema_privilege(n.oid, 'USAGE') ORDER BY 1, 2";

/* A pattern without a schema is one of public, as a table without one is. */
static bool table_matches(const char *pattern, const char *schema, const char *stream, const char *table) {
  return strchr(pattern, '.') ? etl_match(pattern, stream, false) : strcmp(schema, "public") == 0 && etl_match(pattern, table, false);
}

static void listed_clear(struct listed *l) {
  for (char **k = l->key; k && *k; k++)
    free(*k);
  free(l->key);
  text_fini(&l->stream);
  l->key = NULL;
}

/* The next of a list of names as quote_ident() writes them.  NULL: no memory. */
static char *take_name(const char **list) {
  const char *p = *list;
  char *name = malloc(strlen(p) + 1), *to = name;
  bool quoted = *p == '"';
  for (p += quoted; name && *p && (quoted || *p != ','); p++) {
    if (quoted && *p == '"' && *++p != '"')
      break;
    *to++ = *p;
  }
  if (name)
    *to = '\0';
  *list = *p == ',' ? p + 1 : p;
  return name;
}

static int32_t take_key(struct listed *l, const struct etl_host *h, const char *list) {
  size_t n = 0;
  if (!*list)
    return ETL_OK;
  if (!(l->key = calloc(strlen(list) + 2, sizeof *l->key)))
    return source_no_memory(h);
  while (*list)
    if (!(l->key[n++] = take_name(&list)))
      return source_no_memory(h);
  return ETL_OK;
}

int32_t tables_list(struct session *s, const char *const *patterns, size_t patterns_n, bool views,
                    int32_t (*each)(void *arg, const struct listed *), void *arg) {
  PGresult *r;
  int32_t rc = session_query(s, "listing the tables", tables_sql, 0, NULL, &r);
  if (rc != ETL_OK)
    return rc;
  for (int i = 0; i < PQntuples(r) && rc == ETL_OK; i++) {
    const char *schema = PQgetvalue(r, i, 0), *table = PQgetvalue(r, i, 1);
    struct listed l = {0};
    bool wanted = patterns_n == 0;
    stream_name(&l.stream, schema, table);
    bool view = *PQgetvalue(r, i, 3) == 't';
    for (size_t k = 0; k < patterns_n && !wanted && !l.stream.failed; k++)
      wanted = table_matches(patterns[k], schema, text_str(&l.stream), table) && (views || !view || !strpbrk(patterns[k], "*?"));
    rc = l.stream.failed ? source_no_memory(s->host) : take_key(&l, s->host, PQgetvalue(r, i, 2));
    if (rc == ETL_OK && wanted)
      rc = each(arg, &l);
    listed_clear(&l);
  }
  PQclear(r);
  return rc;
}

/* ---- etl.catalog/1 -------------------------------------------------------------------------------------------------- */

struct listing {
  struct source_instance *in;
  bool with_schema;
  int32_t (*each)(void *arg, const struct etl_stream *);
  void *arg;
};

static int32_t tell_listed(void *arg, const struct listed *l) {
  static const struct source_settings everything = {.shards = NULL}; /* all columns, no cursor */
  struct listing *x = arg;
  struct source_table t = {0};
  struct ArrowSchema schema = {.release = NULL};
  struct etl_stream stream = {
      .struct_size = sizeof stream, .flags = ETL_STREAM_WHOLE, .name = text_str(&l->stream), .key = (const char *const *)l->key};
  int32_t rc = ETL_OK;
  if (x->with_schema) {
    rc = source_table_init(&t, &x->in->session, &everything, text_str(&l->stream));
    if (rc == ETL_OK)
      rc = source_table_schema(&t, x->in->host, &schema);
    stream.schema = &schema;
  }
  if (rc == ETL_OK)
    rc = x->each(x->arg, &stream);
  etl_schema_release(&schema);
  source_table_fini(&t);
  return rc;
}

static int32_t list(void *self, const char *pattern, uint32_t with_schema, int32_t (*each)(void *arg, const struct etl_stream *),
                    void *arg) {
  struct source_instance *in = self;
  struct listing x = {.in = in, .with_schema = with_schema, .each = each, .arg = arg};
  int32_t rc = source_connect(in, &in->settings.shards[0]);
  return rc == ETL_OK ? tables_list(&in->session, &pattern, pattern != NULL, true, tell_listed, &x) : rc;
}

const struct etl_catalog source_catalog = {.struct_size = sizeof source_catalog, .list = list};
