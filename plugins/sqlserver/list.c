/* Tables and views of the first shard.  Their names are read first, since a connection has one answer at a time. */
#include "list.h"

#include "catalog.h"
#include "instance.h"
#include "query.h"

struct listing {
  struct pool pool;
  struct names {
    const char *schema, *table;
    struct names *next;
  } *first, **end;
};

/* * any characters, ? any one; names of SQL Server know no case. */
static bool matches(const char *pattern, const char *text) {
  const char *star = NULL, *again = NULL;
  while (*text) {
    if (*pattern == '*') {
      star = pattern++;
      again = text;
    } else if (*pattern == '?' || strncasecmp(pattern, text, 1) == 0) {
      pattern++;
      text++;
    } else if (star) {
      pattern = star + 1;
      text = ++again;
    } else {
      return false;
    }
  }
  while (*pattern == '*')
    pattern++;
  return *pattern == '\0';
}

static int take_name(void *arg, struct conn *c, struct failure *f) {
  struct listing *l = arg;
  struct names *n = pool_alloc(&l->pool, sizeof *n);
  if (!n || !(n->schema = conn_strdup(c, 1, &l->pool)) || !(n->table = conn_strdup(c, 2, &l->pool)))
    return failure_out_of_memory(f, "the names of the tables");
  *l->end = n;
  l->end = &n->next;
  return 0;
}

/* The part of a stream's name as `table` takes it. */
static void add_part(struct text *t, const char *name) {
  if (strpbrk(name, ".[]\""))
    text_identifier(t, name);
  else
    text_add(t, name);
}

static int32_t tell(struct conn *c, const char *name, bool with_schema, int32_t (*each)(void *arg, const struct etl_stream *), void *arg,
                    struct failure *f) {
  struct source src = {0};
  struct ArrowSchema schema = {.release = NULL};
  struct etl_stream stream = {.struct_size = sizeof stream, .flags = ETL_STREAM_WHOLE, .name = name};
  struct failure why = {0};
  int32_t rc = ETL_FAILED;
  bool known = source_init(&src, c, &why) == 0 && source_schema(&src, c->settings, &schema, &why) == 0;
  if (known || why.error_class == ETL_E_SCHEMA) { /* one with columns that cannot be read is there all the same */
    stream.key = src.key;
    stream.schema = known && with_schema ? &schema : NULL;
    rc = each(arg, &stream);
  } else {
    *f = why;
  }
  etl_schema_release(&schema);
  source_fini(&src);
  return rc;
}

static int32_t list_connected(struct conn *c, const struct settings *all, struct listing *l, const char *pattern, bool with_schema,
                              int32_t (*each)(void *arg, const struct etl_stream *), void *arg, struct failure *f) {
  static const char sql[] = "SELECT s.name, o.name FROM sys.objects AS o JOIN sys.schemas AS s ON s.schema_id = o.schema_id "
                            "WHERE o.type IN ('U', 'V') AND o.is_ms_shipped = 0 ORDER BY s.name, o.name";
  int32_t rc = ETL_OK;
  if (conn_run(c, "listing the tables", sql, take_name, l, f) < 0)
    return ETL_FAILED;
  for (const struct names *n = l->first; n && rc == ETL_OK; n = n->next) {
    struct settings one = {.schema = n->schema, .table = n->table, .max_cell_bytes = all->max_cell_bytes, .datetime_unit = all->datetime_unit};
    struct text name = {0};
    add_part(&name, n->schema);
    text_add(&name, ".");
    add_part(&name, n->table);
    one.stream = text_str(&name);
    c->settings = &one;
    if (name.failed)
      rc = failure_out_of_memory(f, "the names of the tables");
    else if (!pattern || matches(pattern, one.stream))
      rc = tell(c, one.stream, with_schema, each, arg, f);
    c->settings = all;
    text_fini(&name);
  }
  return rc;
}

static int32_t list(void *self, const char *pattern, uint32_t with_schema, int32_t (*each)(void *arg, const struct etl_stream *), void *arg) {
  const struct instance *in = self;
  struct conn c = {.wake_fd = -1};
  struct listing l = {.first = NULL};
  struct failure f = {0};
  int32_t rc = ETL_FAILED;
  l.end = &l.first;
  if (conn_open(&c, in->host, &in->settings, &in->settings.shards[0], &f) == 0)
    rc = list_connected(&c, &in->settings, &l, pattern, with_schema, each, arg, &f);
  conn_close(&c);
  pool_fini(&l.pool);
  return f.error_class ? failure_report(in->host, &f) : rc;
}

const struct etl_catalog sqlserver_catalog = {.struct_size = sizeof sqlserver_catalog, .list = list};
