/* The target: made when it is missing, brought to where it takes the rows, and with the statements that write them. */
#include <stdio.h>
#include <stdlib.h>

#include "instance.h"

int32_t run_text(struct instance *in, const char *doing, struct text *sql) {
  int32_t rc = sql->failed ? out_of_memory(in) : session_run(&in->session, doing, text_str(sql));
  text_clear(sql);
  return rc;
}

void sql_table(struct text *t, const struct target *g) {
  text_add_name(t, g->into_schema);
  text_add(t, ".");
  text_add_name(t, g->into);
}

void sql_target(struct text *t, const struct target *g) {
  text_add_name(t, g->schema);
  text_add(t, ".");
  text_add_name(t, g->table);
}

void sql_columns(struct text *t, const struct columns *c, const char *prefix) {
  for (size_t i = 0; i < c->n; i++) {
    text_addf(t, "%s%s", i ? ", " : "", prefix);
    text_add_name(t, c->list[i].name);
  }
}

void sql_names(struct text *t, const struct names *n, const char *prefix) {
  for (size_t i = 0; i < n->n; i++) {
    text_addf(t, "%s%s", i ? ", " : "", prefix);
    text_add_name(t, n->list[i]);
  }
}

void sql_create_target(struct text *t, const struct target *g, const struct columns *columns, const char *table) {
  text_add(t, "CREATE TABLE IF NOT EXISTS ");
  text_add_name(t, g->schema);
  text_add(t, ".");
  text_add_name(t, table);
  text_add(t, " (");
  for (size_t i = 0; i < columns->n; i++) {
    text_add(t, i ? ", " : "");
    text_add_name(t, columns->list[i].name);
    text_addf(t, " %s", columns->list[i].create_type);
  }
  if (g->deleted_at) {
    text_add(t, ", ");
    text_add_name(t, g->deleted_at);
    text_add(t, " timestamptz");
  }
  if (g->key->n) {
    text_add(t, ", PRIMARY KEY (");
    sql_names(t, g->key, "");
    text_add(t, ")");
  }
  text_add(t, ")");
}

void sql_copy(struct text *t, const struct target *g, const struct columns *columns) {
  text_add(t, "COPY ");
  if (target_waits(g))
    text_addf(t, "pg_temp.%s", g->staging);
  else
    sql_table(t, g);
  text_add(t, " (");
  sql_columns(t, columns, "");
  text_add(t, target_numbers(g) ? ", " MERGE_ROW : "");
  text_add(t, target_keeps_raw(g) ? ", " MERGE_RAW : "");
  text_add(t, ") FROM STDIN (FORMAT binary)");
}

/* ---- the key ------------------------------------------------------------------------------------------------------------------------- */

static int32_t refuse_option(const struct target *g, const char *option, const char *column) {
  struct etl_error e = ETL_ERROR(ETL_E_CONFIG);
  e.option = option;
  e.remedy = "name a column of the rows, as `etl plan` lists them";
  return etl_failf(g->in->host, &e, "postgres: %s names the column \"%s\", which the rows do not have", option, column);
}

static int32_t refuse_whole(const struct target *g) {
  struct etl_error e = ETL_ERROR(ETL_E_CONFIG);
  e.option = "mode";
  e.remedy = "set `cursor` at the extractor, or mode = \"merge\" with a key, or mode = \"replace\"";
  return etl_failf(g->in->host, &e, "postgres: append without a cursor would add every row again at each run");
}

static int32_t refuse_part(const struct target *g) {
  struct etl_error e = ETL_ERROR(ETL_E_CONFIG);
  e.option = "mode";
  e.remedy = "leave `cursor` out at the extractor, so that each run reads the whole";
  return etl_failf(
      g->in->host, &e,
      "postgres: delete_missing would delete from %s what the source still has: a run with a cursor leaves out what has not changed, and even "
      "one from the start what is younger than consistency_delay or has no cursor value",
      g->name);
}

static int32_t refuse_deleted_at(const struct target *g) {
  struct etl_error e = ETL_ERROR(ETL_E_CONFIG);
  e.option = "deleted_at";
  e.remedy = "name a column that the rows do not have";
  return etl_failf(g->in->host, &e, "postgres: deleted_at names the column \"%s\", which comes with the rows", g->deleted_at);
}

int32_t target_check_options(const struct target *g, const struct columns *columns, bool whole) {
  if (g->mode == MODE_DELETE_MISSING && !whole)
    return refuse_part(g);
  if (g->deleted_at && columns_find(columns, g->deleted_at))
    return refuse_deleted_at(g);
  if (whole && g->mode == MODE_APPEND && !g->in->replace && g->in->settings.commit_sql.n == 0)
    return refuse_whole(g);
  for (size_t i = 0; i < g->key->n; i++)
    if (!columns_find(columns, g->key->list[i]))
      return refuse_option(g, "key", g->key->list[i]);
  return g->newest_by && !columns_find(columns, g->newest_by) ? refuse_option(g, "newest_by", g->newest_by) : ETL_OK;
}

void sql_unique_index(struct text *t, const struct target *g) {
  text_add(t, "CREATE UNIQUE INDEX ON ");
  sql_target(t, g);
  text_add(t, " (");
  sql_names(t, g->key, "");
  text_add(t, ")");
}

static int32_t check_unique(struct target *g, const struct table *t) {
  bool has = false;
  int32_t rc = table_has_unique(&g->in->session, t, g->key, &has);
  if (rc != ETL_OK || has)
    return rc;
  struct text remedy = {0};
  struct etl_error e = ETL_ERROR(ETL_E_CONFIG);
  sql_unique_index(&remedy, g);
  e.option = "key";
  e.remedy = text_str(&remedy);
  rc = etl_failf(g->in->host, &e, "postgres: %s has no unique index on just the columns of `key`, which a merge needs", g->name);
  text_fini(&remedy);
  return rc;
}

/* ---- making -------------------------------------------------------------------------------------------------------------------------- */

void sql_lock(struct text *t, const char *what, const char *name) {
  text_addf(t, "SELECT pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('%s' || ", what);
  text_add_literal(t, name);
  text_add(t, ", 0)); ");
}

void sql_create_schema(struct text *t, const char *schema) {
  struct text quoted = {0}, block = {0};
  sql_lock(t, "schema ", schema);
  text_add_name(&quoted, schema);
  text_add(&block, "BEGIN IF pg_catalog.to_regnamespace(");
  text_add_literal(&block, text_str(&quoted));
  text_addf(&block, ") IS NULL THEN CREATE SCHEMA %s; END IF; END", text_str(&quoted));
  text_add_block(t, &block);
  text_add(t, "; ");
  t->failed |= quoted.failed;
  text_fini(&block);
  text_fini(&quoted);
}

static int32_t create(struct target *g) {
  struct text sql = {0};
  if (!g->in->settings.create) {
    struct etl_error e = ETL_ERROR(ETL_E_CONFIG);
    e.option = "table";
    e.remedy = "create it, or leave out create = false";
    return etl_failf(g->in->host, &e, "postgres: there is no table %s", g->name);
  }
  text_add(&sql, "BEGIN; ");
  sql_lock(&sql, "", g->name);
  sql_create_schema(&sql, g->schema);
  sql_create_target(&sql, g, &g->columns, g->table);
  text_add(&sql, "; COMMIT");
  int32_t rc = sql.failed ? out_of_memory(g->in) : session_run(&g->in->session, "creating the table", text_str(&sql));
  text_fini(&sql);
  if (rc == ETL_OK)
    drift_report(g, ETL_CHANGE_TABLE_CREATED, NULL, NULL, NULL);
  else
    session_rollback(&g->in->session);
  return rc;
}

static int32_t find_or_create(struct target *g, struct table *t) {
  int32_t rc = g->in->replace ? aside_create(g, &g->columns) : ETL_OK;
  if (rc == ETL_OK)
    rc = table_read(&g->in->session, g->into_schema, g->into, t);
  if (rc != ETL_OK || t->oid)
    return rc;
  rc = create(g);
  return rc == ETL_OK ? table_read(&g->in->session, g->into_schema, g->into, t) : rc;
}

static int32_t make_copy(struct target *g) {
  int32_t rc = copy_init(&g->copy, &g->in->session, &g->columns);
  g->copy.nulls = g->in->settings.contract == CONTRACT_DISCARD_VALUE;
  return rc;
}

static int32_t keep_schema(struct target *g, const struct ArrowSchema *schema) {
  etl_schema_release(&g->rows);
  return etl_schema_copy(schema, &g->rows) < 0 ? out_of_memory(g->in) : ETL_OK;
}

/* The table that rows go into takes them. */
static int32_t prepare_table(struct target *g, struct table *t) {
  int32_t rc = find_or_create(g, t);
  if (rc == ETL_OK)
    rc = contract_apply(g, t);
  if (rc == ETL_OK && mode_merges(g->mode))
    rc = check_unique(g, t);
  return rc == ETL_OK ? drift_tell(g, t) : rc;
}

/* First the target, as if rows went there; then the staging table, which is made after it. */
static int32_t prepare_staged(struct target *g, struct table *t) {
  char *schema = g->into_schema, *table = g->into;
  int32_t rc = ETL_OK;
  if (g->in->settings.commit_sql.n == 0) {
    g->into_schema = g->schema;
    g->into = g->table;
    rc = prepare_table(g, t);
    g->into_schema = schema;
    g->into = table;
  }
  if (rc == ETL_OK)
    rc = staged_create(g);
  table_fini(t);
  if (rc == ETL_OK)
    rc = table_read(&g->in->session, g->into_schema, g->into, t);
  g->at_staging = true;
  if (rc == ETL_OK)
    rc = contract_apply(g, t);
  g->at_staging = false;
  return rc;
}

int32_t target_prepare(struct target *g, const struct ArrowSchema *schema, bool whole) {
  struct table t = {0};
  columns_fini(&g->columns);
  int32_t rc = keep_schema(g, schema);
  if (rc == ETL_OK)
    rc = columns_init(&g->columns, g->in->host, schema);
  if (rc == ETL_OK)
    rc = target_check_options(g, &g->columns, whole);
  if (rc == ETL_OK)
    rc = instance_connect(g->in);
  if (rc == ETL_OK)
    rc = target_take(g);
  if (rc == ETL_OK)
    rc = g->in->stages ? prepare_staged(g, &t) : prepare_table(g, &t);
  if (rc == ETL_OK)
    rc = links_find(g, &t);
  table_fini(&t);
  free(g->shape);
  g->shape = NULL; /* to be looked at under the first epoch's lock */
  g->staged = false; /* the staging table has the columns of rows that are no more */
  return rc == ETL_OK ? make_copy(g) : rc;
}

/* Rows are sent in the form that the table had when it was looked at: until they are in, nobody may alter it. */
static int32_t hold(struct target *g) {
  struct text sql = {0};
  text_add(&sql, "LOCK TABLE ONLY ");
  sql_table(&sql, g);
  text_add(&sql, " IN ROW EXCLUSIVE MODE");
  int32_t rc = sql.failed ? out_of_memory(g->in) : session_run(&g->in->session, "locking the target", text_str(&sql));
  text_fini(&sql);
  return rc;
}

int32_t target_follow(struct target *g) {
  bool changed = !g->staged, any = false; /* a staging table that is there keeps its form */
  int32_t rc = ETL_OK;
  while (rc == ETL_OK && !g->followed) {
    bool held = changed;
    rc = held ? hold(g) : ETL_OK;
    if (rc == ETL_OK)
      rc = contract_follow(g, &changed);
    any |= changed;
    g->followed = rc == ETL_OK && (held || !changed);
  }
  if (rc == ETL_OK && any) {
    g->staged = false;
    rc = make_copy(g);
  }
  return rc;
}
