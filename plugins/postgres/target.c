/* The target: made when it is missing, and matched column by column before the first row. */
#include <stdio.h>
#include <stdlib.h>

#include "instance.h"

void sql_table(struct text *t, const struct instance *in) {
  text_add_name(t, in->settings.schema);
  text_add(t, ".");
  text_add_name(t, in->table);
}

void sql_target(struct text *t, const struct instance *in) {
  text_add_name(t, in->settings.schema);
  text_add(t, ".");
  text_add_name(t, in->settings.table);
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

int32_t out_of_memory(const struct instance *in) {
  struct etl_error e = ETL_ERROR(ETL_E_PERMANENT);
  return etl_failf(in->host, &e, "postgres: no memory for a statement");
}

void sql_create_target(struct text *t, const struct instance *in, const struct columns *columns, const char *table) {
  text_add(t, "CREATE TABLE IF NOT EXISTS ");
  text_add_name(t, in->settings.schema);
  text_add(t, ".");
  text_add_name(t, table);
  text_add(t, " (");
  for (size_t i = 0; i < columns->n; i++) {
    text_add(t, i ? ", " : "");
    text_add_name(t, columns->list[i].name);
    text_addf(t, " %s", columns->list[i].create_type);
  }
  if (in->settings.key.n) {
    text_add(t, ", PRIMARY KEY (");
    sql_names(t, &in->settings.key, "");
    text_add(t, ")");
  }
  text_add(t, ")");
}

void sql_copy(struct text *t, const struct instance *in, const struct columns *columns) {
  text_add(t, "COPY ");
  if (in->settings.mode == MODE_MERGE)
    text_add(t, "pg_temp.etl_staging");
  else
    sql_table(t, in);
  text_add(t, " (");
  sql_columns(t, columns, "");
  text_add(t, in->settings.mode == MODE_MERGE ? ", " MERGE_ROW ") FROM STDIN (FORMAT binary)" : ") FROM STDIN (FORMAT binary)");
}

/* ---- matching ------------------------------------------------------------------------------------------------------------------------ */

static int32_t refuse_missing(struct instance *in, const struct column *c) {
  struct text remedy = {0};
  struct etl_error e = ETL_ERROR(ETL_E_SCHEMA);
  text_add(&remedy, "ALTER TABLE ");
  sql_target(&remedy, in);
  text_add(&remedy, " ADD COLUMN ");
  text_add_name(&remedy, c->name);
  text_addf(&remedy, " %s; or leave the column out", c->create_type);
  e.remedy = text_str(&remedy);
  int32_t rc = etl_failf(in->host, &e, "postgres: the table %s has no column \"%s\" (%s at the source)", in->settings.target, c->name,
                         c->source_type);
  text_fini(&remedy);
  return rc;
}

static int32_t refuse_type(struct instance *in, const struct column *c, const struct attribute *a) {
  struct text remedy = {0};
  struct etl_error e = ETL_ERROR(ETL_E_SCHEMA);
  bool zone = c->f.logical == ETL_L_TIMESTAMP && (a->oid == OID_TIMESTAMP || a->oid == OID_TIMESTAMPTZ);
  text_add(&remedy, "ALTER TABLE ");
  sql_target(&remedy, in);
  text_add(&remedy, " ALTER COLUMN ");
  text_add_name(&remedy, c->name);
  text_addf(&remedy, " TYPE %s; or cast the column with the transformer columns", c->create_type);
  e.remedy = text_str(&remedy);
  int32_t rc = etl_failf(in->host, &e, "postgres: column \"%s\" of %s is %s, which cannot take %s of the source%s", c->name, in->settings.target,
                         a->type, c->source_type, zone ? ": one has a time zone and the other none, and etl makes none up" : "");
  text_fini(&remedy);
  return rc;
}

/* Columns of the table that the stream does not have must do without. */
static int32_t check_others(struct instance *in, const struct table *t, const struct columns *columns) {
  for (size_t i = 0; i < t->n; i++) {
    const struct attribute *a = &t->list[i];
    if (!a->not_null || a->has_default || a->generated || columns_find(columns, a->name))
      continue;
    struct etl_error e = ETL_ERROR(ETL_E_SCHEMA);
    e.remedy = "give the column a default, drop its NOT NULL, or add it to the rows";
    return etl_failf(in->host, &e, "postgres: column \"%s\" of %s is NOT NULL without a default, and the source has no such column", a->name,
                     in->settings.target);
  }
  return ETL_OK;
}

static int32_t check_kind(struct instance *in, const struct table *t) {
  if (t->kind == 'r' || (t->kind == 'p' && !in->aside))
    return ETL_OK;
  struct etl_error e = ETL_ERROR(ETL_E_CONFIG);
  e.option = "table";
  e.remedy = "name a table";
  return etl_failf(in->host, &e, "postgres: %s is a %s, which cannot be loaded%s", in->settings.target,
                   t->kind == 'v'   ? "view"
                   : t->kind == 'm' ? "materialized view"
                   : t->kind == 'f' ? "foreign table"
                                    : "partitioned table",
                   t->kind == 'p' ? " by building it anew" : "");
}

int32_t target_match(struct instance *in, const struct table *t, struct columns *columns) {
  int32_t rc = check_kind(in, t);
  for (size_t i = 0; i < columns->n && rc == ETL_OK; i++) {
    struct column *c = &columns->list[i];
    const struct attribute *a = table_find(t, c->name);
    if (!a)
      rc = refuse_missing(in, c);
    else if (a->generated || !types_match(c, a->oid, a->type))
      rc = refuse_type(in, c, a);
  }
  return rc == ETL_OK ? check_others(in, t, columns) : rc;
}

/* ---- the key ------------------------------------------------------------------------------------------------------------------------- */

static int32_t refuse_option(const struct instance *in, const char *option, const char *column) {
  struct etl_error e = ETL_ERROR(ETL_E_CONFIG);
  e.option = option;
  e.remedy = "name a column of the rows, as `etl plan` lists them";
  return etl_failf(in->host, &e, "postgres: %s names the column \"%s\", which the rows do not have", option, column);
}

static int32_t refuse_whole(const struct instance *in) {
  struct etl_error e = ETL_ERROR(ETL_E_CONFIG);
  e.option = "mode";
  e.remedy = "set `cursor` at the extractor, or mode = \"merge\" with a key, or mode = \"replace\"";
  return etl_failf(in->host, &e, "postgres: append without a cursor would add every row again at each run");
}

int32_t target_check_options(const struct instance *in, const struct columns *columns, bool whole) {
  const struct settings *s = &in->settings;
  if (whole && s->mode == MODE_APPEND && !in->aside)
    return refuse_whole(in);
  for (size_t i = 0; i < s->key.n; i++)
    if (!columns_find(columns, s->key.list[i]))
      return refuse_option(in, "key", s->key.list[i]);
  return s->newest_by && !columns_find(columns, s->newest_by) ? refuse_option(in, "newest_by", s->newest_by) : ETL_OK;
}

void sql_unique_index(struct text *t, const struct instance *in) {
  text_add(t, "CREATE UNIQUE INDEX ON ");
  sql_target(t, in);
  text_add(t, " (");
  sql_names(t, &in->settings.key, "");
  text_add(t, ")");
}

static int32_t check_unique(struct instance *in, const struct table *t) {
  bool has = false;
  int32_t rc = table_has_unique(&in->session, t, &in->settings.key, &has);
  if (rc != ETL_OK || has)
    return rc;
  struct text remedy = {0};
  struct etl_error e = ETL_ERROR(ETL_E_CONFIG);
  sql_unique_index(&remedy, in);
  e.option = "key";
  e.remedy = text_str(&remedy);
  rc = etl_failf(in->host, &e, "postgres: %s has no unique index on just the columns of `key`, which a merge needs", in->settings.target);
  text_fini(&remedy);
  return rc;
}

/* ---- making -------------------------------------------------------------------------------------------------------------------------- */

static int32_t create(struct instance *in) {
  const struct settings *s = &in->settings;
  struct text sql = {0};
  if (!s->create) {
    struct etl_error e = ETL_ERROR(ETL_E_CONFIG);
    e.option = "table";
    e.remedy = "create it, or leave out create = false";
    return etl_failf(in->host, &e, "postgres: there is no table %s", s->target);
  }
  text_add(&sql, "BEGIN; SELECT pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended("); /* lanes get here together */
  text_add_literal(&sql, s->target);
  text_add(&sql, ", 0)); DO $etl$ BEGIN IF pg_catalog.to_regnamespace(");
  struct text quoted = {0};
  text_add_name(&quoted, s->schema);
  text_add_literal(&sql, text_str(&quoted));
  text_add(&sql, ") IS NULL THEN CREATE SCHEMA ");
  text_add_name(&sql, s->schema);
  text_add(&sql, "; END IF; END $etl$; ");
  sql_create_target(&sql, in, &in->columns, s->table);
  text_add(&sql, "; COMMIT");
  int32_t rc = sql.failed || quoted.failed ? out_of_memory(in) : session_run(&in->session, "creating the table", text_str(&sql));
  text_fini(&quoted);
  text_fini(&sql);
  if (rc != ETL_OK)
    session_rollback(&in->session);
  return rc;
}

static int32_t find_or_create(struct instance *in, struct table *t) {
  int32_t rc = in->aside ? aside_create(in, &in->columns) : ETL_OK;
  if (rc == ETL_OK)
    rc = table_read(&in->session, in->settings.schema, in->table, t);
  if (rc != ETL_OK || t->oid)
    return rc;
  rc = create(in);
  return rc == ETL_OK ? table_read(&in->session, in->settings.schema, in->table, t) : rc;
}

static int32_t make_statements(struct instance *in) {
  text_clear(&in->copy_sql);
  text_clear(&in->merge_sql);
  sql_copy(&in->copy_sql, in, &in->columns);
  if (in->settings.mode == MODE_MERGE)
    sql_merge(&in->merge_sql, in, &in->columns);
  return in->copy_sql.failed || in->merge_sql.failed ? out_of_memory(in) : copy_init(&in->copy, &in->session, &in->columns, in->settings.mode == MODE_MERGE);
}

int32_t target_prepare(struct instance *in, const struct ArrowSchema *schema, bool whole) {
  struct table t = {0};
  columns_fini(&in->columns);
  int32_t rc = columns_init(&in->columns, in->host, schema);
  if (rc == ETL_OK)
    rc = target_check_options(in, &in->columns, whole);
  if (rc == ETL_OK)
    rc = session_connect(&in->session);
  if (rc == ETL_OK)
    rc = find_or_create(in, &t);
  if (rc == ETL_OK)
    rc = target_match(in, &t, &in->columns);
  if (rc == ETL_OK && in->settings.mode == MODE_MERGE)
    rc = check_unique(in, &t);
  table_fini(&t);
  if (rc == ETL_OK && in->staging)
    rc = session_run(&in->session, "renewing the staging table", "DROP TABLE pg_temp.etl_staging");
  in->staging = false;
  return rc == ETL_OK ? make_statements(in) : rc;
}
