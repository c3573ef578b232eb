/* Extension etl.explain/1 of both connectors, and how what was loaded is read again (etl.readback/1). */
#include <stdio.h>
#include <stdlib.h>

#include "loader.h"
#include "source.h"

/* ---- the extractor -------------------------------------------------------------------------------------------------------------------------- */

/* How SQLite itself would go about it. */
static int32_t tell_plan(struct etl_telling *t, struct reader *r) {
  sqlite3_stmt *stmt = NULL;
  bool row = true;
  const char *doing = "explaining the statement";
  int32_t rc = database_prepare_owned(&r->d, doing, sqlite3_mprintf("EXPLAIN QUERY PLAN %s", sqlite3_sql(r->stmt)), &stmt);
  while (rc == ETL_OK && row) {
    rc = database_step(&r->d, doing, stmt, &row);
    const char *text = row ? (const char *)sqlite3_column_text(stmt, 3) : NULL;
    if (text)
      etl_tell(t, ETL_EXPLAIN_INDEX, strstr(text, "TEMP B-TREE FOR ORDER BY") ? ETL_EXPLAIN_WARN : 0, NULL, NULL, NULL, text);
  }
  sqlite3_finalize(stmt);
  return rc;
}

static int32_t explain_source(void *self, const struct etl_stream *stream, const struct etl_shard *shard, struct etl_bytes cursor,
                              struct ArrowSchema *schema, int32_t (*each)(void *arg, const struct etl_explain_item *), void *arg) {
  const struct source *s = self;
  struct etl_telling t = {.each = each, .arg = arg};
  struct reader *r = NULL;
  struct etl_read read = {.struct_size = sizeof read, .host = s->host, .stream = stream, .shard = shard, .cursor = cursor};
  int32_t rc = reader_open(self, &read, (void **)&r);
  if (rc != ETL_OK)
    return rc;
  etl_tell(&t, ETL_EXPLAIN_SQL, 0, NULL, NULL, NULL, sqlite3_sql(r->stmt));
  rc = tell_plan(&t, r);
  for (int64_t i = 0; i < r->schema.n_children; i++) {
    const char *declared = sqlite3_column_decltype(r->stmt, r->columns[i].at);
    etl_tell(&t, ETL_EXPLAIN_TYPE, 0, r->schema.children[i]->name, declared && *declared ? declared : "(none)", r->schema.children[i]->format, NULL);
  }
  if (s->cursor.n == 0)
    etl_tell(&t, ETL_EXPLAIN_NOTE, 0, NULL, NULL, NULL, "there is no cursor: every run reads all rows, and an interrupted one begins anew");
  if (rc == ETL_OK && etl_schema_copy(&r->schema, schema) < 0)
    rc = database_no_memory(&r->d);
  reader_close(r);
  return rc == ETL_OK ? t.rc : rc;
}

/* ---- the loader ----------------------------------------------------------------------------------------------------------------------------- */

static int32_t explain_loader(void *self, const struct etl_stream *stream, const struct etl_shard *shard, struct etl_bytes cursor,
                              struct ArrowSchema *schema, int32_t (*each)(void *arg, const struct etl_explain_item *), void *arg) {
  struct loader *in = self;
  struct etl_telling t = {.each = each, .arg = arg};
  struct target *g;
  char text[400], type[TYPE_BYTES];
  bool there = false;
  (void)shard;
  (void)cursor;
  int32_t rc = target_of(in, stream->name, &g);
  if (rc == ETL_OK && database_exists(&in->d) && (rc = loader_connect(in)) == ETL_OK)
    rc = table_exists(in, g->table, &there);
  if (rc != ETL_OK)
    return rc;
  for (int64_t i = 0; i < schema->n_children; i++) {
    bool can = target_type(in, schema->children[i], type);
    etl_tell(&t, ETL_EXPLAIN_TYPE, 0, schema->children[i]->name, schema->children[i]->format, can ? type : "(none)", NULL);
  }
  snprintf(text, sizeof text, "rows of %s go to table %s of %s, which is %s", stream->name, g->table, in->d.path,
           there ? "there" : in->create ? "made by the run" : "not there");
  etl_tell(&t, ETL_EXPLAIN_NOTE, there || in->create ? 0 : ETL_EXPLAIN_WARN, NULL, NULL, NULL, text);
  if (in->stages) {
    etl_tell(&t, ETL_EXPLAIN_NOTE, 0, NULL, NULL, NULL,
             "rows are staged in a table of the run; one transaction at its end brings them to the target, when all lanes have succeeded");
    etl_tell(&t, ETL_EXPLAIN_NOTE, ETL_EXPLAIN_WARN, NULL, NULL, NULL,
             in->deleted_at ? "rows of the target whose key does not come are marked as deleted" : "rows of the target whose key does not come are deleted");
  }
  if (loader_updates(in) && !in->newest_by)
    etl_tell(&t, ETL_EXPLAIN_NOTE, 0, NULL, NULL, NULL, "of rows with the same key the one read last wins; set newest_by to let a column decide");
  return t.rc;
}

static int32_t describe(void *self, const struct etl_stream *stream, int32_t (*each)(void *arg, const struct etl_readback_source *), void *arg) {
  struct loader *in = self;
  struct target *g = NULL;
  struct etl_error e = ETL_ERROR(ETL_E_PERMANENT);
  const struct ArrowSchema *s = stream->schema;
  const char **settings = calloc(2 * (size_t)s->n_children + 5, sizeof *settings), **key = calloc(in->key_n + 1, sizeof *key);
  char *where = NULL;
  size_t n = 0;
  bool there = database_exists(&in->d);
  int32_t rc = settings && key ? target_of(in, stream->name, &g) : database_no_memory(&in->d);
  if (rc == ETL_OK && there && (rc = loader_connect(in)) == ETL_OK)
    rc = table_exists(in, g->table, &there);
  e.remedy = "run the pipeline first";
  if (rc == ETL_OK && !there)
    rc = etl_failf(in->host, &e, "sqlite: %s has no table %s yet", in->d.path, g->table);
  for (size_t i = 0; i < in->key_n && rc == ETL_OK; i++)
    key[i] = in->key[i];
  if (rc == ETL_OK) {
    settings[n++] = "table";
    settings[n++] = g->table;
  }
  if (rc == ETL_OK && in->deleted_at) { /* rows that are marked are not the source's any more */
    where = sqlite3_mprintf("\"%w\" IS NULL", in->deleted_at);
    rc = where ? ETL_OK : database_no_memory(&in->d);
    settings[n++] = "where";
    settings[n++] = where;
  }
  for (int64_t i = 0; i < s->n_children && rc == ETL_OK; i++) {
    bool has = false;
    rc = table_has(in, g->table, s->children[i]->name, &has);
    if (has) {
      settings[n++] = "columns";
      settings[n++] = s->children[i]->name;
    }
  }
  if (rc == ETL_OK)
    rc = each(arg, &(struct etl_readback_source){.struct_size = sizeof(struct etl_readback_source),
                                                 .flags = in->mode == MODE_MERGE ? ETL_READBACK_UPSERT : 0,
                                                 .target = g->table,
                                                 .settings = settings,
                                                 .key = in->key_n ? key : stream->key});
  sqlite3_free(where);
  free(settings);
  free(key);
  return rc;
}

const struct etl_explain sqlite_source_explain = {.struct_size = sizeof sqlite_source_explain, .explain = explain_source};
const struct etl_explain sqlite_loader_explain = {.struct_size = sizeof sqlite_loader_explain, .explain = explain_loader};
const struct etl_readback sqlite_readback = {.struct_size = sizeof sqlite_readback, .describe = describe};
