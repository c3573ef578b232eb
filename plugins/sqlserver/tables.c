/* Finding tables, and a copy of the settings for each. */
#include "tables.h"

#include "catalog.h"
#include "query.h"

/* ---- what the server has -------------------------------------------------------------------------------------------------------- */

struct listing {
  struct pool *pool;
  struct listed *first, **end;
};

/* The part of a name as `table` takes it. */
static void add_part(struct text *t, const char *name) {
  if (strpbrk(name, ".[]\""))
    text_identifier(t, name);
  else
    text_add(t, name);
}

static int name_listed(struct listed *n, struct pool *pool, struct failure *f) {
  struct text name = {0}, stream = {0};
  add_part(&name, n->schema);
  text_add(&name, ".");
  add_part(&name, n->table);
  text_stream(&stream, n->schema, n->table);
  n->name = name.failed ? NULL : pool_strdup(pool, text_str(&name));
  n->stream = stream.failed ? NULL : pool_strdup(pool, text_str(&stream));
  text_fini(&name);
  text_fini(&stream);
  return n->name && n->stream ? 0 : failure_out_of_memory(f, "the names of the tables");
}

static int take_listed(void *arg, struct conn *c, struct failure *f) {
  struct listing *l = arg;
  struct listed *n = pool_alloc(l->pool, sizeof *n);
  if (!n || !(n->schema = conn_strdup(c, 1, l->pool)) || !(n->table = conn_strdup(c, 2, l->pool)))
    return failure_out_of_memory(f, "the names of the tables");
  n->is_view = conn_int(c, 3);
  n->next = NULL;
  *l->end = n;
  l->end = &n->next;
  return name_listed(n, l->pool, f);
}

int tables_list(struct conn *c, struct pool *pool, struct listed **ret_first, struct failure *f) {
  static const char sql[] = "SELECT s.name, o.name, CASE o.type WHEN 'V' THEN 1 ELSE 0 END FROM sys.objects AS o JOIN sys.schemas AS s "
                            "ON s.schema_id = o.schema_id WHERE o.type IN ('U', 'V') AND o.is_ms_shipped = 0 ORDER BY s.name, o.name";
  struct listing l = {.pool = pool};
  l.end = &l.first;
  int rc = conn_run(c, "listing the tables", sql, take_listed, &l, f);
  *ret_first = l.first;
  return rc;
}

/* ---- streams ---------------------------------------------------------------------------------------------------------------------- */

static bool is_wanted(const char *pattern, const struct listed *n) {
  bool any = strpbrk(pattern, "*?") != NULL;
  if (any && n->is_view)
    return false;
  return strpbrk(pattern, ".") ? etl_match(pattern, n->name, true) : strcasecmp(n->schema, "dbo") == 0 && etl_match(pattern, n->table, true);
}

static int add_table(struct instance *in, const struct listed *n, struct failure *f) {
  struct table *t = pool_alloc(&in->settings.pool, sizeof *t);
  if (!t)
    return failure_out_of_memory(f, "the names of the tables");
  t->settings = in->settings;
  t->settings.schema = n->schema;
  t->settings.table = n->table;
  t->settings.stream = n->stream;
  t->next = NULL;
  struct table **end = &in->tables;
  while (*end)
    end = &(*end)->next;
  *end = t;
  return 0;
}

/* The tables that some pattern matches; each pattern has to match one. */
static int choose(struct instance *in, struct conn *c, struct failure *f) {
  const struct settings *s = &in->settings;
  struct listed *first = NULL;
  if (tables_list(c, &in->settings.pool, &first, f) < 0)
    return -1;
  for (size_t i = 0; i < s->tables_n; i++) {
    bool found = false;
    for (const struct listed *n = first; n && !found; n = n->next)
      found = is_wanted(s->tables[i], n);
    if (!found)
      return failure_set(f, ETL_E_CONFIG, "tables", "`etl conns discover` lists the tables; look at the database and at the rights of the user",
                         "%s: no table matches \"%s\"", c->where, s->tables[i]);
  }
  for (const struct listed *n = first; n; n = n->next) {
    bool wanted = false;
    for (size_t i = 0; i < s->tables_n && !wanted; i++)
      wanted = is_wanted(s->tables[i], n);
    if (wanted && add_table(in, n, f) < 0)
      return -1;
  }
  return 0;
}

static int32_t tell(struct conn *c, const struct settings *one, int32_t (*each)(void *arg, const struct etl_stream *), void *arg,
                    struct failure *f) {
  struct source src = {0};
  struct etl_stream stream = {.struct_size = sizeof stream, .flags = one->cursor_n ? 0 : ETL_STREAM_WHOLE, .name = one->stream};
  int32_t rc = ETL_FAILED;
  c->settings = one;
  if (source_init(&src, c, f) == 0) {
    stream.key = src.key;
    rc = each(arg, &stream);
  }
  source_fini(&src);
  return rc;
}

int32_t tables_discover(struct instance *in, int32_t (*each)(void *arg, const struct etl_stream *), void *arg) {
  const struct settings *s = &in->settings;
  struct conn c = {.wake_fd = -1};
  struct failure f = {0};
  int32_t rc = ETL_OK;
  if (!s->tables_n)
    return each(arg, &(struct etl_stream){.struct_size = sizeof(struct etl_stream), .flags = s->cursor_n ? 0 : ETL_STREAM_WHOLE, .name = s->stream});
  if (conn_open(&c, in->host, s, &s->shards[0], &f) < 0 || (!in->tables && choose(in, &c, &f) < 0))
    rc = ETL_FAILED;
  for (const struct table *t = in->tables; t && rc == ETL_OK; t = t->next)
    rc = tell(&c, &t->settings, each, arg, &f);
  c.settings = s;
  conn_close(&c);
  return f.error_class ? failure_report(in->host, &f) : rc;
}

const struct settings *tables_settings(const struct instance *in, const char *stream, struct failure *f) {
  if (!in->settings.tables_n)
    return &in->settings;
  for (const struct table *t = in->tables; t; t = t->next)
    if (strcmp(t->settings.stream, stream) == 0)
      return &t->settings;
  failure_set(f, ETL_E_CONFIG, "tables", NULL, "sqlserver: there is no table %s among `tables`", stream);
  return NULL;
}
