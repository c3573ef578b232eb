/* Extension etl.catalog/1 of both connectors: the tables and views of the file. */
#include <stdlib.h>

#include "loader.h"
#include "source.h"

struct listing {
  struct database *d;
  struct source *s;
  bool with_schema;
  int32_t (*each)(void *arg, const struct etl_stream *);
  void *arg;
};

/* The same again with the schema that a reader would tell. */
static int32_t tell_with_schema(void *arg, const struct etl_stream *stream) {
  struct listing *l = arg;
  if (!l->with_schema)
    return l->each(l->arg, stream);
  struct reader *r = NULL;
  struct etl_stream with = *stream;
  struct etl_shard shard = {.struct_size = sizeof shard, .id = "0"};
  struct etl_read read = {.struct_size = sizeof read, .host = l->d->host, .stream = stream, .shard = &shard};
  int32_t rc = reader_open(l->s, &read, (void **)&r);
  if (rc != ETL_OK)
    return rc;
  with.schema = &r->schema;
  rc = l->each(l->arg, &with);
  reader_close(r);
  return rc;
}

static int32_t list(const struct etl_host *h, const char *path, int64_t busy_ns, const char *pattern, bool with_schema,
                    int32_t (*each)(void *arg, const struct etl_stream *), void *arg) {
  char everything[] = "*", *name = pattern ? strdup(pattern) : everything;
  struct source s = {.host = h, .path = (char *)(uintptr_t)path, .busy_ns = busy_ns};
  struct database d = {0};
  struct listing l = {&d, &s, with_schema, each, arg};
  int32_t rc = database_init(&d, h, path, busy_ns);
  if (rc == ETL_OK)
    rc = name ? database_open(&d, SQLITE_OPEN_READONLY) : database_no_memory(&d);
  if (rc == ETL_OK)
    rc = table_list(&d, &(struct list){.v = &name, .n = 1}, false, 0, tell_with_schema, &l);
  database_fini(&d);
  if (pattern)
    free(name);
  return rc;
}

static int32_t list_source(void *self, const char *pattern, uint32_t with_schema, int32_t (*each)(void *arg, const struct etl_stream *), void *arg) {
  const struct source *s = self;
  return list(s->host, s->path, s->busy_ns, pattern, with_schema, each, arg);
}

static int32_t list_loader(void *self, const char *pattern, uint32_t with_schema, int32_t (*each)(void *arg, const struct etl_stream *), void *arg) {
  const struct loader *in = self;
  return list(in->host, in->d.path, (int64_t)in->d.busy_ms * 1000000, pattern, with_schema, each, arg);
}

const struct etl_catalog sqlite_source_catalog = {.struct_size = sizeof sqlite_source_catalog, .list = list_source};
const struct etl_catalog sqlite_loader_catalog = {.struct_size = sizeof sqlite_loader_catalog, .list = list_loader};
