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
  if (settings_is_pattern(pattern) && n->is_view)
    return false;
  return strpbrk(pattern, ".") ? etl_match(pattern, n->name, true) : strcasecmp(n->schema, "dbo") == 0 && etl_match(pattern, n->table, true);
}

/* Its schema, table and stream are to be set.  NULL: no memory. */
static struct table *add_table(struct instance *in, struct failure *f) {
  struct table *t = pool_alloc(&in->settings.pool, sizeof *t);
  if (!t) {
    failure_out_of_memory(f, "the names of the tables");
    return NULL;
  }
  t->settings = in->settings;
  t->next = NULL;
  struct table **end = &in->tables;
  while (*end)
    end = &(*end)->next;
  *end = t;
  return t;
}

static int add_listed(struct instance *in, const struct listed *n, struct failure *f) {
  struct table *t = add_table(in, f);
  if (!t)
    return -1;
  t->settings.schema = n->schema;
  t->settings.table = n->table;
  t->settings.stream = n->stream;
  return 0;
}

/* Names that are no patterns need no server: one that is not there, or cannot be read, is the matter of its own lanes. */
static int add_named(struct instance *in, const char *name, struct failure *f) {
  struct settings named = {.pool = {0}};
  if (!settings_name_table(&named, &in->settings.pool, name))
    return failure_out_of_memory(f, "the names of the tables");
  for (const struct table *t = in->tables; t; t = t->next)
    if (strcmp(t->settings.stream, named.stream) == 0)
      return 0;
  return add_listed(in, &(struct listed){.schema = named.schema, .table = named.table, .stream = named.stream}, f);
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
    if (wanted && add_listed(in, n, f) < 0)
      return -1;
  }
  return 0;
}

/* The first shard that answers: they hold the same tables.  The failure is that of the first. */
static int connect_any(struct instance *in, struct conn *c, struct failure *f) {
  const struct settings *s = &in->settings;
  struct failure first = {0};
  for (size_t i = 0; i < s->shards_n; i++) {
    struct failure one = {0};
    if (conn_open(c, in->host, s, &s->shards[i], &one) == 0)
      return 0;
    conn_close(c);
    *c = (struct conn){.wake_fd = -1};
    if (i == 0)
      first = one;
  }
  *f = first;
  return -1;
}

static const char *const *copy_key(struct pool *pool, const char *const *key) {
  size_t n = 0;
  while (key && key[n])
    n++;
  const char **copy = n ? pool_alloc(pool, (n + 1) * sizeof *copy) : NULL;
  for (size_t i = 0; copy && i < n; i++)
    if (!(copy[i] = pool_strdup(pool, key[i])))
      return NULL;
  if (copy)
    copy[n] = NULL;
  return copy;
}

/* A table that cannot be read is the matter of its own lanes: nothing is said of it here. */
static void find_keys(struct instance *in, struct conn *c) {
  for (struct table *t = in->tables; t; t = t->next) {
    struct source src = {0};
    struct failure ignored = {0};
    c->settings = &t->settings;
    if (source_init(&src, c, &ignored) == 0)
      t->key = copy_key(&in->settings.pool, src.key);
    source_fini(&src);
  }
  c->settings = &in->settings;
}

int tables_find(struct instance *in, struct failure *f) {
  const struct settings *s = &in->settings;
  bool patterns = false;
  int rc = 0;
  for (size_t i = 0; i < s->tables_n; i++)
    patterns |= settings_is_pattern(s->tables[i]);
  if (in->tables)
    return 0;
  if (patterns) {
    struct conn c = {.wake_fd = -1};
    rc = connect_any(in, &c, f);
    if (rc == 0)
      rc = choose(in, &c, f);
    if (rc == 0)
      find_keys(in, &c);
    conn_close(&c);
  }
  for (size_t i = 0; !patterns && i < s->tables_n && rc == 0; i++)
    rc = add_named(in, s->tables[i], f);
  return rc;
}

int32_t tables_discover(struct instance *in, int32_t (*each)(void *arg, const struct etl_stream *), void *arg) {
  const struct settings *s = &in->settings;
  struct etl_stream stream = {.struct_size = sizeof stream, .flags = s->cursor_n ? 0 : ETL_STREAM_WHOLE, .name = s->stream};
  struct failure f = {0};
  int32_t rc = ETL_OK;
  if (!s->tables_n)
    return each(arg, &stream);
  if (tables_find(in, &f) < 0)
    return failure_report(in->host, &f);
  for (const struct table *t = in->tables; t && rc == ETL_OK; t = t->next) {
    stream.name = t->settings.stream;
    stream.key = t->key;
    rc = each(arg, &stream);
  }
  return rc;
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
