/* Tables and views of the first shard.  Their names are read first, since a connection has one answer at a time. */
#include "list.h"

#include "catalog.h"
#include "tables.h"

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

static int32_t list_connected(struct conn *c, const struct settings *all, struct pool *pool, const char *pattern, bool with_schema,
                              int32_t (*each)(void *arg, const struct etl_stream *), void *arg, struct failure *f) {
  struct listed *first = NULL;
  int32_t rc = ETL_OK;
  if (tables_list(c, pool, &first, f) < 0)
    return ETL_FAILED;
  for (const struct listed *n = first; n && rc == ETL_OK; n = n->next) {
    struct settings one = {
        .schema = n->schema, .table = n->table, .stream = n->name, .max_cell_bytes = all->max_cell_bytes, .datetime_unit = all->datetime_unit};
    c->settings = &one;
    if (!pattern || etl_match(pattern, n->name, true))
      rc = tell(c, n->name, with_schema, each, arg, f);
    c->settings = all;
  }
  return rc;
}

static int32_t list(void *self, const char *pattern, uint32_t with_schema, int32_t (*each)(void *arg, const struct etl_stream *), void *arg) {
  const struct instance *in = self;
  struct conn c = {.wake_fd = -1};
  struct pool pool = {0};
  struct failure f = {0};
  int32_t rc = ETL_FAILED;
  if (conn_open(&c, in->host, &in->settings, &in->settings.shards[0], &f) == 0)
    rc = list_connected(&c, &in->settings, &pool, pattern, with_schema, each, arg, &f);
  conn_close(&c);
  pool_fini(&pool);
  return f.error_class ? failure_report(in->host, &f) : rc;
}

const struct etl_catalog sqlserver_catalog = {.struct_size = sizeof sqlserver_catalog, .list = list};
