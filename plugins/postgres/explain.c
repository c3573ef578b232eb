/* `etl plan`: the statements of a run, each column's type on its way, and what is worth knowing.  Reads the catalog, writes nothing. */
#include <stdio.h>

#include "instance.h"

struct teller {
  int32_t (*each)(void *arg, const struct etl_explain_item *);
  void *arg;
};

static int32_t tell(const struct teller *t, struct etl_explain_item item) {
  item.struct_size = sizeof item;
  return t->each(t->arg, &item);
}

static int32_t tell_sql(const struct instance *in, const struct teller *t, struct text *sql) {
  int32_t rc = sql->failed ? out_of_memory(in) : tell(t, (struct etl_explain_item){.kind = ETL_EXPLAIN_SQL, .text = text_str(sql)});
  text_clear(sql);
  return rc;
}

static int32_t tell_statements(const struct target *g, const struct columns *columns, bool exists, const struct teller *t) {
  struct text sql = {0};
  int32_t rc = ETL_OK;
  if (!exists && g->in->settings.commit_sql.n == 0) {
    sql_create_target(&sql, g, columns, g->table);
    rc = tell_sql(g->in, t, &sql);
  }
  if (rc == ETL_OK && target_merges(g)) {
    sql_staging(&sql, g, columns);
    rc = tell_sql(g->in, t, &sql);
  }
  if (rc == ETL_OK) {
    sql_copy(&sql, g, columns);
    rc = tell_sql(g->in, t, &sql);
  }
  if (rc == ETL_OK && target_merges(g)) {
    sql_merge(&sql, g, columns, 0, 0);
    rc = tell_sql(g->in, t, &sql);
  }
  if (rc == ETL_OK && g->in->stages && g->in->settings.commit_sql.n == 0) {
    sql_publish(&sql, g, columns);
    rc = tell_sql(g->in, t, &sql);
  }
  for (size_t i = 0; i < g->in->settings.commit_sql.n && rc == ETL_OK; i++) {
    text_add(&sql, g->in->settings.commit_sql.list[i]);
    rc = tell_sql(g->in, t, &sql);
  }
  text_fini(&sql);
  return rc;
}

static int32_t tell_alter(const struct target *g, const struct teller *t, struct text *actions) {
  struct text sql = {0};
  text_add(&sql, "ALTER TABLE ");
  sql_target(&sql, g);
  text_addf(&sql, " %s", text_str(actions));
  sql.failed |= actions->failed;
  int32_t rc = tell_sql(g->in, t, &sql);
  text_fini(&sql);
  return rc;
}

static int32_t tell_types(const struct columns *columns, const struct teller *t) {
  int32_t rc = ETL_OK;
  for (size_t i = 0; i < columns->n && rc == ETL_OK; i++) {
    const struct column *c = &columns->list[i];
    rc = tell(t, (struct etl_explain_item){.kind = ETL_EXPLAIN_TYPE,
                                           .flags = c->loss ? ETL_EXPLAIN_LOSSY : 0,
                                           .subject = c->name,
                                           .from = c->source_type,
                                           .to = c->target_type,
                                           .text = c->loss});
  }
  return rc;
}

static int32_t tell_left_out(const struct columns *columns, const struct teller *t) {
  int32_t rc = ETL_OK;
  for (size_t i = columns->n; i < columns->n + columns->left && rc == ETL_OK; i++) {
    const struct column *c = &columns->list[i];
    rc = tell(t, (struct etl_explain_item){.kind = ETL_EXPLAIN_TYPE,
                                           .flags = ETL_EXPLAIN_LOSSY,
                                           .subject = c->name,
                                           .from = c->source_type,
                                           .to = "-",
                                           .text = c->fits ? "the table has no such column: rows that have a value there are set aside"
                                                           : "the table has no such column: it is left out"});
  }
  return rc;
}

static int32_t note(const struct teller *t, uint32_t flags, const char *text) {
  return tell(t, (struct etl_explain_item){.kind = ETL_EXPLAIN_NOTE, .flags = flags, .text = text});
}

static int32_t tell_notes(const struct target *g, bool exists, const struct teller *t) {
  int32_t rc = ETL_OK;
  if (!exists && g->in->settings.commit_sql.n == 0)
    rc = note(t, 0, "the table is not there; the first run makes it");
  if (rc == ETL_OK && g->in->replace)
    rc = note(t, 0, "rows go into a table aside, which takes the target's place when all lanes have succeeded; until then readers see the old rows");
  if (rc == ETL_OK && g->in->stages)
    rc = note(t, 0, "rows are staged in a table of the run; one transaction at its end brings them to the target, when all lanes have succeeded");
  if (rc == ETL_OK && g->mode == MODE_DELETE_MISSING)
    rc = note(t, ETL_EXPLAIN_WARN, g->deleted_at ? "rows of the target whose key does not come are marked as deleted"
                                                 : "rows of the target whose key does not come are deleted");
  if (rc == ETL_OK && mode_updates(g->mode) && g->in->settings.commit_sql.n == 0 && !g->newest_by)
    rc = note(t, 0, "of rows with the same key the one read last wins; set newest_by to let a column decide");
  return rc;
}

/* How a merge finds the rows that are there. */
static int32_t tell_index(struct target *g, const struct table *table, const struct teller *t) {
  struct text text = {0};
  bool has = false;
  int32_t rc = table_has_unique(&g->in->session, table, g->key, &has);
  if (rc == ETL_OK && has) {
    text_add(&text, "a unique index serves the key");
  } else if (rc == ETL_OK) {
    text_add(&text, "no unique index on just the columns of `key`, without which a run fails: ");
    sql_unique_index(&text, g);
  }
  if (rc == ETL_OK)
    rc = tell(t, (struct etl_explain_item){.kind = ETL_EXPLAIN_INDEX, .flags = has ? 0 : ETL_EXPLAIN_WARN, .text = text_str(&text)});
  text_fini(&text);
  return rc;
}

static int32_t explain(void *self, const struct etl_stream *stream, const struct etl_shard *shard, struct etl_bytes cursor,
                       struct ArrowSchema *schema, int32_t (*each)(void *arg, const struct etl_explain_item *), void *arg) {
  struct instance *in = self;
  struct target *g = NULL;
  struct teller t = {each, arg};
  struct columns columns = {0};
  struct table table = {0};
  struct text alter = {0};
  (void)shard, (void)cursor;
  int32_t rc = target_of(in, stream->name, &g);
  if (rc == ETL_OK)
    rc = columns_init(&columns, in->host, schema);
  if (rc == ETL_OK)
    rc = target_check_options(g, &columns, stream->flags & ETL_STREAM_WHOLE);
  if (rc == ETL_OK)
    rc = session_connect(&in->session);
  if (rc == ETL_OK)
    rc = table_read(&in->session, g->schema, g->table, &table);
  if (rc == ETL_OK && table.oid)
    rc = target_match(g, &table, &columns, &alter);
  if (rc == ETL_OK && alter.n)
    rc = tell_alter(g, &t, &alter);
  if (rc == ETL_OK)
    rc = tell_statements(g, &columns, table.oid != 0, &t);
  if (rc == ETL_OK && table.oid && mode_merges(g->mode))
    rc = tell_index(g, &table, &t);
  if (rc == ETL_OK)
    rc = tell_types(&columns, &t);
  if (rc == ETL_OK)
    rc = tell_left_out(&columns, &t);
  if (rc == ETL_OK)
    rc = tell_notes(g, table.oid != 0, &t);
  text_fini(&alter);
  table_fini(&table);
  columns_fini(&columns);
  return rc;
}

const struct etl_explain postgres_explain = {.struct_size = sizeof postgres_explain, .explain = explain};
