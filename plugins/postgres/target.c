/* The target: made when it is missing, and matched column by column before the first row. */
#include <stdio.h>
#include <stdlib.h>

#include "instance.h"

void sql_table(struct text *t, const struct target *g) {
  text_add_name(t, g->schema);
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

bool names_has(const struct names *n, const char *name) {
  for (size_t i = 0; i < n->n; i++)
    if (strcmp(n->list[i], name) == 0)
      return true;
  return false;
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
  if (g->key->n) {
    text_add(t, ", PRIMARY KEY (");
    sql_names(t, g->key, "");
    text_add(t, ")");
  }
  text_add(t, ")");
}

void sql_copy(struct text *t, const struct target *g, const struct columns *columns) {
  text_add(t, "COPY ");
  if (mode_merges(g->mode))
    text_addf(t, "pg_temp.%s", g->staging);
  else
    sql_table(t, g);
  text_add(t, " (");
  sql_columns(t, columns, "");
  text_add(t, mode_merges(g->mode) ? ", " MERGE_ROW ") FROM STDIN (FORMAT binary)" : ") FROM STDIN (FORMAT binary)");
}

/* ---- matching ------------------------------------------------------------------------------------------------------------------------ */

static int32_t refuse_missing(struct target *g, const struct column *c) {
  struct text remedy = {0};
  struct etl_error e = ETL_ERROR(ETL_E_SCHEMA);
  text_add(&remedy, "ALTER TABLE ");
  sql_target(&remedy, g);
  text_add(&remedy, " ADD COLUMN ");
  text_add_name(&remedy, c->name);
  text_addf(&remedy, " %s; or leave the column out", c->create_type);
  e.remedy = text_str(&remedy);
  int32_t rc = etl_failf(g->in->host, &e, "postgres: the table %s has no column \"%s\" (%s at the source)", g->name, c->name,
                         c->source_type);
  text_fini(&remedy);
  return rc;
}

static int32_t refuse_type(struct target *g, const struct column *c, const struct attribute *a) {
  struct text remedy = {0};
  struct etl_error e = ETL_ERROR(ETL_E_SCHEMA);
  bool zone = c->f.logical == ETL_L_TIMESTAMP && (a->oid == OID_TIMESTAMP || a->oid == OID_TIMESTAMPTZ);
  text_add(&remedy, "ALTER TABLE ");
  sql_target(&remedy, g);
  text_add(&remedy, " ALTER COLUMN ");
  text_add_name(&remedy, c->name);
  text_addf(&remedy, " TYPE %s; or cast the column with the transformer columns", c->create_type);
  e.remedy = text_str(&remedy);
  int32_t rc = etl_failf(g->in->host, &e, "postgres: column \"%s\" of %s is %s, which cannot take %s of the source%s", c->name, g->name,
                         a->type, c->source_type, zone ? ": one has a time zone and the other none, and etl makes none up" : "");
  text_fini(&remedy);
  return rc;
}

/* Columns of the table that the stream does not have must do without. */
static int32_t check_others(struct target *g, const struct table *t, const struct columns *columns) {
  for (size_t i = 0; i < t->n; i++) {
    const struct attribute *a = &t->list[i];
    if (!a->not_null || a->has_default || a->generated || columns_find(columns, a->name))
      continue;
    struct etl_error e = ETL_ERROR(ETL_E_SCHEMA);
    e.remedy = "give the column a default, drop its NOT NULL, or add it to the rows";
    return etl_failf(g->in->host, &e, "postgres: column \"%s\" of %s is NOT NULL without a default, and the source has no such column", a->name,
                     g->name);
  }
  return ETL_OK;
}

static int32_t check_kind(struct target *g, const struct table *t) {
  if (t->kind == 'r' || (t->kind == 'p' && !g->in->aside))
    return ETL_OK;
  struct etl_error e = ETL_ERROR(ETL_E_CONFIG);
  e.option = "table";
  e.remedy = "name a table";
  return etl_failf(g->in->host, &e, "postgres: %s is a %s, which cannot be loaded%s", g->name,
                   t->kind == 'v'   ? "view"
                   : t->kind == 'm' ? "materialized view"
                   : t->kind == 'f' ? "foreign table"
                                    : "partitioned table",
                   t->kind == 'p' ? " by building it anew" : "");
}

int32_t target_match(struct target *g, const struct table *t, struct columns *columns) {
  int32_t rc = check_kind(g, t);
  for (size_t i = 0; i < columns->n && rc == ETL_OK; i++) {
    struct column *c = &columns->list[i];
    const struct attribute *a = table_find(t, c->name);
    if (!a)
      rc = refuse_missing(g, c);
    else if (a->generated || !types_match(c, a->oid, a->type))
      rc = refuse_type(g, c, a);
  }
  return rc == ETL_OK ? check_others(g, t, columns) : rc;
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

int32_t target_check_options(const struct target *g, const struct columns *columns, bool whole) {
  if (whole && g->mode == MODE_APPEND && !g->in->aside)
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

static int32_t create(struct target *g) {
  struct text sql = {0};
  if (!g->in->settings.create) {
    struct etl_error e = ETL_ERROR(ETL_E_CONFIG);
    e.option = "table";
    e.remedy = "create it, or leave out create = false";
    return etl_failf(g->in->host, &e, "postgres: there is no table %s", g->name);
  }
  text_add(&sql, "BEGIN; SELECT pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended("); /* lanes get here together */
  text_add_literal(&sql, g->name);
  text_add(&sql, ", 0)); DO $etl$ BEGIN IF pg_catalog.to_regnamespace(");
  struct text quoted = {0};
  text_add_name(&quoted, g->schema);
  text_add_literal(&sql, text_str(&quoted));
  text_add(&sql, ") IS NULL THEN CREATE SCHEMA ");
  text_add_name(&sql, g->schema);
  text_add(&sql, "; END IF; END $etl$; ");
  sql_create_target(&sql, g, &g->columns, g->table);
  text_add(&sql, "; COMMIT");
  int32_t rc = sql.failed || quoted.failed ? out_of_memory(g->in) : session_run(&g->in->session, "creating the table", text_str(&sql));
  text_fini(&quoted);
  text_fini(&sql);
  if (rc != ETL_OK)
    session_rollback(&g->in->session);
  return rc;
}

static int32_t find_or_create(struct target *g, struct table *t) {
  int32_t rc = g->in->aside ? aside_create(g, &g->columns) : ETL_OK;
  if (rc == ETL_OK)
    rc = table_read(&g->in->session, g->schema, g->into, t);
  if (rc != ETL_OK || t->oid)
    return rc;
  rc = create(g);
  return rc == ETL_OK ? table_read(&g->in->session, g->schema, g->into, t) : rc;
}

/* The staging table has the columns of rows that are no more. */
static int32_t drop_staging(struct target *g) {
  char sql[64];
  if (!g->staged)
    return ETL_OK;
  g->staged = false;
  snprintf(sql, sizeof sql, "DROP TABLE pg_temp.%s", g->staging);
  return session_run(&g->in->session, "renewing the staging table", sql);
}

static int32_t make_statements(struct target *g) {
  text_clear(&g->copy_sql);
  sql_copy(&g->copy_sql, g, &g->columns);
  return g->copy_sql.failed ? out_of_memory(g->in) : copy_init(&g->copy, &g->in->session, &g->columns, mode_merges(g->mode));
}

static int32_t keep_schema(struct target *g, const struct ArrowSchema *schema) {
  etl_schema_release(&g->rows);
  return etl_schema_copy(schema, &g->rows) < 0 ? out_of_memory(g->in) : ETL_OK;
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
    rc = find_or_create(g, &t);
  if (rc == ETL_OK)
    rc = target_match(g, &t, &g->columns);
  if (rc == ETL_OK && mode_merges(g->mode))
    rc = check_unique(g, &t);
  table_fini(&t);
  if (rc == ETL_OK)
    rc = drop_staging(g);
  return rc == ETL_OK ? make_statements(g) : rc;
}
