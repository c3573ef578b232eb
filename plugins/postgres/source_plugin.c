/* postgres: the extractor that reads tables, views and queries of PostgreSQL, one server or many shards.  Descriptor and life of an
 * instance. */
#include <stdlib.h>

#include "source_list.h"
#include "source_reader.h"
#include "source_split.h"

/* ---- life ----------------------------------------------------------------------------------------------------------- */

static void source_close(void *self) {
  struct source_instance *in = self;
  session_fini(&in->session);
  source_settings_fini(&in->settings);
  free(in);
}

static int32_t source_open(const struct etl_open *o, void **self) {
  struct source_instance *in = calloc(1, sizeof *in);
  if (!in)
    return source_no_memory(o->host);
  in->host = o->host;
  in->session.wake_fd = -1;
  int32_t rc = source_settings_init(&in->settings, o);
  if (rc == ETL_OK)
    rc = session_init(&in->session, o->host, &in->settings.shards[0].settings);
  if (rc == ETL_OK)
    *self = in;
  else
    source_close(in);
  return rc;
}

static void source_cancel(void *self) {
  struct source_instance *in = self;
  session_cancel(&in->session);
  for (size_t i = 0; i < in->settings.shards_n; i++)
    session_cancel(&in->settings.shards[i].snapshot);
}

int32_t source_connect(struct source_instance *in, struct source_shard *shard) {
  if (in->session.settings != &shard->settings)
    session_disconnect(&in->session);
  in->session.settings = &shard->settings;
  session_rollback(&in->session);
  return session_connect(&in->session);
}

static const void *source_ext(void *self, const char *id) {
  (void)self;
  return strcmp(id, ETL_EXT_EXPLAIN) == 0   ? (const void *)&source_explain
         : strcmp(id, ETL_EXT_CATALOG) == 0 ? &source_catalog
                                            : NULL;
}

/* ---- streams and shards --------------------------------------------------------------------------------------------- */

struct telling {
  struct source_instance *in;
  int32_t (*each)(void *arg, const struct etl_stream *);
  void *arg;
  struct names told; /* patterns may overlap */
  size_t matched;    /* tables that the pattern in hand stands for */
};

static int32_t tell_stream(struct telling *t, const char *name, char *const *key) {
  for (size_t i = 0; i < t->told.n; i++)
    if (strcmp(t->told.list[i], name) == 0)
      return ETL_OK;
  char **more = realloc(t->told.list, (t->told.n + 1) * sizeof *more);
  if (more)
    t->told.list = more;
  if (!more || !(more[t->told.n] = strdup(name)))
    return source_no_memory(t->in->host);
  t->told.n++;
  struct etl_stream stream = {.struct_size = sizeof stream,
                              .flags = t->in->settings.cursor.n ? 0 : ETL_STREAM_WHOLE,
                              .name = name,
                              .key = (const char *const *)key};
  return t->each(t->arg, &stream);
}

static int32_t tell_listed(void *arg, const struct listed *l) {
  struct telling *t = arg;
  t->matched++;
  return tell_stream(t, text_str(&l->stream), l->key);
}

static int32_t tell_table(struct telling *t, const char *given) {
  char *schema = NULL, *table = NULL;
  struct text name = {0};
  int32_t rc = settings_parse_table(t->in->host, given, &schema, &table);
  if (rc == ETL_OK) {
    stream_name(&name, schema, table);
    rc = name.failed ? source_no_memory(t->in->host) : tell_stream(t, text_str(&name), NULL);
  }
  free(schema);
  free(table);
  text_fini(&name);
  return rc;
}

/* What patterns stand for is asked of the first shard that answers: they hold the same tables. */
static int32_t tell_matching(struct telling *t, const char *pattern) {
  struct source_settings *s = &t->in->settings;
  int32_t rc = t->in->session.conn ? ETL_OK : ETL_FAILED;
  for (size_t i = 0; i < s->shards_n && rc == ETL_FAILED; i++)
    rc = source_connect(t->in, &s->shards[i]);
  t->matched = 0;
  if (rc == ETL_OK)
    rc = tables_list(&t->in->session, &pattern, 1, false, tell_listed, t);
  if (rc == ETL_OK && t->matched == 0)
    rc = source_refuse(t->in->host, "tables", "check the pattern, with the schema, and what the role may SELECT",
                       "no table matches \"%s\"", pattern);
  return rc;
}

/* Only patterns need a connection. */
static int32_t tell_all(struct source_instance *in, int32_t (*each)(void *arg, const struct etl_stream *), void *arg) {
  struct telling t = {.in = in, .each = each, .arg = arg};
  const struct names *tables = &in->settings.tables;
  int32_t rc = in->settings.query ? tell_stream(&t, "query", NULL) : ETL_OK;
  for (size_t i = 0; i < tables->n && rc == ETL_OK; i++)
    rc = is_pattern(tables->list[i]) ? tell_matching(&t, tables->list[i]) : tell_table(&t, tables->list[i]);
  for (size_t i = 0; i < t.told.n; i++)
    free(t.told.list[i]);
  free(t.told.list);
  return rc;
}

static int32_t source_discover(void *self, int32_t (*each)(void *arg, const struct etl_stream *), void *arg) {
  struct source_instance *in = self;
  int32_t rc = tell_all(in, each, arg);
  session_disconnect(&in->session);
  return rc;
}

static int32_t source_plan(void *self, const struct etl_stream *stream, int32_t (*each)(void *arg, const struct etl_shard *),
                           void *arg) {
  const struct source_instance *in = self;
  int32_t rc = ETL_OK;
  (void)stream;
  for (size_t i = 0; i < in->settings.shards_n && rc == ETL_OK; i++) {
    struct etl_shard shard = {.struct_size = sizeof shard, .id = in->settings.shards[i].id, .est_rows = -1, .est_bytes = -1};
    rc = each(arg, &shard);
  }
  return rc;
}

/* ---- check ---------------------------------------------------------------------------------------------------------- */

static int32_t check_stream(void *arg, const struct etl_stream *stream) {
  struct source_instance *in = arg;
  struct source_table t;
  int32_t rc = source_table_init(&t, &in->session, &in->settings, stream->name);
  source_table_fini(&t);
  return rc;
}

/* Connects to every shard and looks at what would be read; of patterns, that there is something. */
static int32_t source_check(void *self) {
  struct source_instance *in = self;
  int32_t rc = ETL_OK;
  for (size_t i = 0; i < in->settings.shards_n && rc == ETL_OK; i++) {
    bool named = in->settings.query || in->settings.tables.n;
    for (size_t k = 0; k < in->settings.tables.n; k++)
      named &= !is_pattern(in->settings.tables.list[k]);
    rc = source_connect(in, &in->settings.shards[i]);
    if (rc == ETL_OK && named)
      rc = tell_all(in, check_stream, in);
  }
  session_disconnect(&in->session);
  return rc;
}

/* ---- descriptor ----------------------------------------------------------------------------------------------------- */

static int32_t open_reader(void *self, const struct etl_read *read, void **reader) {
  return source_reader_open(self, read, reader);
}

static const struct etl_common common = {.struct_size = sizeof common,
                                         .open = source_open,
                                         .check = source_check,
                                         .cancel = source_cancel,
                                         .close = source_close,
                                         .ext = source_ext};
static const struct etl_extractor extractor = {.struct_size = sizeof extractor,
                                               .discover = source_discover,
                                               .plan = source_plan,
                                               .reader_open = open_reader,
                                               .next = source_reader_next,
                                               .reader_close = source_reader_close,
                                               .reader_cancel = source_reader_cancel,
                                               .split = source_split};
const struct etl_connector postgres_source = {
    .struct_size = sizeof postgres_source,
    .kind = ETL_KIND_EXTRACTOR,
    .caps = ETL_CAP_RESUME | ETL_CAP_PARALLEL_READERS | ETL_CAP_RANGE,
    .name = "postgres",
    .version = ETL_VERSION,
    .summary = "Reads tables, views and queries of PostgreSQL, one server or many shards, whole or what is new",
    .doc = "Rows come by binary COPY out of one read-only snapshot. With cursor columns a run reads the rows behind the last one "
           "of the run before, in "
           "their order, up to the server's clock less consistency_delay. Values keep their type; those of a type that has no "
           "counterpart travel as the "
           "text that the server makes of them, and `etl plan` shows which. A table without a cursor that is read in pieces is "
           "read in one snapshot.",
    .options = source_options,
    .common = &common,
    .api = &extractor,
};
