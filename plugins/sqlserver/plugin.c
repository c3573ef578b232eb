/* sqlserver: the extractor that reads SQL Server tables and queries, shard by shard.  Descriptor and life cycle of an instance. */
#include <stdlib.h>

#include "explain.h"
#include "instance.h"
#include "list.h"
#include "reader.h"
#include "split.h"
#include "tables.h"

static int32_t sqlserver_open(const struct etl_open *o, void **self) {
  struct instance *in = calloc(1, sizeof *in);
  if (!in) {
    struct etl_error e = ETL_ERROR(ETL_E_PERMANENT);
    return etl_failf(o->host, &e, "sqlserver: no memory");
  }
  in->host = o->host;
  conn_process_init();
  int32_t rc = settings_init(&in->settings, o);
  if (rc != ETL_OK) {
    settings_fini(&in->settings);
    free(in);
    return rc;
  }
  *self = in;
  return ETL_OK;
}

static void sqlserver_close(void *self) {
  struct instance *in = self;
  settings_fini(&in->settings);
  free(in);
}

static int look_at(struct conn *c, const struct settings *s, struct failure *f) {
  struct source src = {0};
  c->settings = s;
  int rc = source_init(&src, c, f);
  source_fini(&src);
  return rc;
}

/* Connects to every shard and looks at what it would read. */
static int32_t sqlserver_check(void *self) {
  struct instance *in = self;
  const struct settings *s = &in->settings;
  struct failure f = {0};
  int rc = s->tables_n ? tables_find(in, &f) : 0;
  for (size_t i = 0; i < s->shards_n && rc == 0; i++) {
    struct conn c;
    rc = conn_open(&c, in->host, s, &s->shards[i], &f);
    if (rc == 0 && s->stream)
      rc = look_at(&c, s, &f);
    for (const struct table *t = in->tables; t && rc == 0; t = t->next)
      rc = look_at(&c, &t->settings, &f);
    c.settings = s;
    conn_close(&c);
  }
  return rc < 0 ? failure_report(in->host, &f) : ETL_OK;
}

static const void *sqlserver_ext(void *self, const char *id) {
  (void)self;
  return strcmp(id, ETL_EXT_EXPLAIN) == 0 ? (const void *)&sqlserver_explain : strcmp(id, ETL_EXT_CATALOG) == 0 ? &sqlserver_catalog : NULL;
}

static int32_t sqlserver_discover(void *self, int32_t (*each)(void *arg, const struct etl_stream *), void *arg) {
  return tables_discover(self, each, arg);
}

static int32_t sqlserver_plan(void *self, const struct etl_stream *stream, int32_t (*each)(void *arg, const struct etl_shard *),
                              void *arg) {
  const struct instance *in = self;
  int32_t rc = ETL_OK;
  (void)stream;
  for (size_t i = 0; i < in->settings.shards_n && rc == ETL_OK; i++) {
    struct etl_shard shard = {.struct_size = sizeof shard, .id = in->settings.shards[i].id, .est_rows = -1, .est_bytes = -1};
    rc = each(arg, &shard);
  }
  return rc;
}

static int32_t sqlserver_reader_open(void *self, const struct etl_read *read, void **reader) {
  struct failure f = {0};
  const struct settings *s = tables_settings(self, read->stream->name, &f);
  return s ? reader_open(s, read, reader) : failure_report(read->host, &f);
}

static const struct etl_common common = {
    .struct_size = sizeof common, .open = sqlserver_open, .check = sqlserver_check, .close = sqlserver_close, .ext = sqlserver_ext};
static const struct etl_extractor extractor = {.struct_size = sizeof extractor,
                                               .discover = sqlserver_discover,
                                               .plan = sqlserver_plan,
                                               .reader_open = sqlserver_reader_open,
                                               .next = reader_next,
                                               .reader_close = reader_close,
                                               .reader_cancel = reader_cancel,
                                               .split = sqlserver_split};
static const struct etl_connector connector = {
    .struct_size = sizeof connector,
    .kind = ETL_KIND_EXTRACTOR,
    .caps = ETL_CAP_RESUME | ETL_CAP_PARALLEL_READERS | ETL_CAP_RANGE,
    .name = "sqlserver",
    .version = ETL_VERSION,
    .summary = "Reads tables and queries of SQL Server, one server or many shards, whole or what is new",
    .doc =
        "With cursor columns a run reads the rows behind the last one of the run before, in their order, up to the server's clock "
        "less "
        "consistency_delay, or for a rowversion up to the oldest open transaction. A clock column that counts in steps (date: a "
        "day, "
        "smalldatetime: a minute) is read up to the last complete step. Values keep their type: decimals stay exact, text becomes "
        "UTF-8, "
        "NULL and empty stay apart; `etl plan` shows every mapping that loses something. All dialogue is TDS 7.4 through FreeTDS.",
    .options = sqlserver_options,
    .common = &common,
    .api = &extractor,
};

ETL_PLUGIN("sqlserver", ETL_VERSION, "MIT", 1u << ETL_KIND_EXTRACTOR, &connector);
