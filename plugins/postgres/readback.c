/* How the extractor of this connector reads what the loader wrote. */
#include <stdlib.h>

#include "instance.h"

/* "table", T, "where", W, "columns", A, "columns", B ..., NULL.  Rows that are marked as deleted are none. */
static int32_t tell(const struct target *g, const struct etl_stream *stream, const struct table *table,
                    int32_t (*each)(void *arg, const struct etl_readback_source *), void *arg) {
  const struct ArrowSchema *s = stream->schema;
  struct text name = {0}, where = {0};
  const char **settings = calloc(2 * (size_t)s->n_children + 5, sizeof *settings), **key = calloc(g->key->n + 1, sizeof *key);
  size_t n = 0;
  sql_target(&name, g);
  if (g->deleted_at && table_find(table, g->deleted_at)) {
    text_add_name(&where, g->deleted_at);
    text_add(&where, " IS NULL");
  }
  if (name.failed || where.failed || !settings || !key) {
    text_fini(&name);
    text_fini(&where);
    free(settings);
    free(key);
    return out_of_memory(g->in);
  }
  for (size_t i = 0; i < g->key->n; i++)
    key[i] = g->key->list[i];
  settings[n++] = "table";
  settings[n++] = text_str(&name);
  if (where.n) {
    settings[n++] = "where";
    settings[n++] = text_str(&where);
  }
  for (int64_t i = 0; i < s->n_children; i++)
    if (table_find(table, s->children[i]->name)) {
      settings[n++] = "columns";
      settings[n++] = s->children[i]->name;
    }
  int32_t rc = each(arg, &(struct etl_readback_source){.struct_size = sizeof(struct etl_readback_source),
                                                       .flags = g->mode == MODE_MERGE ? ETL_READBACK_UPSERT : 0,
                                                       .target = g->name,
                                                       .settings = settings,
                                                       .key = g->key->n ? key : stream->key});
  text_fini(&name);
  text_fini(&where);
  free(settings);
  free(key);
  return rc;
}

/* Only the user's statements know the tables. */
static int32_t refuse_commit_sql(const struct instance *in, const char *stream) {
  struct etl_error e = ETL_ERROR(ETL_E_UNSUPPORTED);
  e.option = "commit_sql";
  e.remedy = "compare with a pipeline of its own, which loads without commit_sql";
  return etl_failf(in->host, &e, "postgres: rows of %s go where commit_sql brings them, so it is not known what to compare them with", stream);
}

static int32_t describe(void *self, const struct etl_stream *stream, int32_t (*each)(void *arg, const struct etl_readback_source *), void *arg) {
  struct instance *in = self;
  struct target *g = NULL;
  struct table table = {0};
  if (in->settings.commit_sql.n)
    return refuse_commit_sql(in, stream->name);
  int32_t rc = target_of(in, stream->name, &g);
  if (rc == ETL_OK)
    rc = session_connect(&in->session);
  if (rc == ETL_OK)
    rc = table_read(&in->session, g->schema, g->table, &table);
  if (rc == ETL_OK && !table.oid) {
    struct etl_error e = ETL_ERROR(ETL_E_PERMANENT);
    e.remedy = "run the pipeline first";
    rc = etl_failf(in->host, &e, "postgres: there is no table %s yet", g->name);
  }
  if (rc == ETL_OK)
    rc = tell(g, stream, &table, each, arg);
  table_fini(&table);
  return rc;
}

const struct etl_readback postgres_readback = {.struct_size = sizeof postgres_readback, .describe = describe};
