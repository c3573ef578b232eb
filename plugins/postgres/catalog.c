/* Questions to pg_catalog. */
#include "catalog.h"

#include <stdio.h>
#include <stdlib.h>

#include "text.h"

static const char table_sql[] = "SELECT c.oid, c.relkind FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
                                "WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p', 'v', 'm', 'f')";
static const char columns_sql[] =
    "SELECT a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE t.oid END, "
    "a.attnotnull, a.atthasdef OR a.attidentity <> '' OR t.typdefault IS NOT NULL, a.attgenerated <> '' OR a.attidentity = 'a', "
    "t.typtype = 'd', CASE t.typtype WHEN 'd' THEN pg_catalog.format_type(t.typbasetype, t.typtypmod) ELSE pg_catalog.format_type(a.atttypid, a.atttypmod) END, "
    "a.attidentity = 'd' "
    "FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid "
    "WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum";
static const char hinders_sql[] =
    "SELECT CASE WHEN r.oid IS NOT NULL THEN CASE c.relkind WHEN 'v' THEN 'view ' WHEN 'm' THEN 'materialized view ' ELSE 'a rule of ' END || "
    "c.oid::regclass ELSE pg_catalog.pg_describe_object(d.classid, d.objid, d.objsubid) END FROM pg_catalog.pg_depend d "
    "JOIN pg_catalog.pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid LEFT JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid "
    "AND d.classid = 'pg_catalog.pg_rewrite'::regclass LEFT JOIN pg_catalog.pg_class c ON c.oid = r.ev_class "
    "LEFT JOIN pg_catalog.pg_attrdef x ON x.oid = d.objid AND d.classid = 'pg_catalog.pg_attrdef'::regclass "
    "WHERE d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = $1::oid AND a.attname = $2 AND (r.oid IS NOT NULL OR "
    "d.classid IN ('pg_catalog.pg_policy'::regclass, 'pg_catalog.pg_trigger'::regclass) OR x.adnum <> a.attnum) LIMIT 1";
static const char ours_sql[] = "SELECT pg_catalog.pg_has_role(relowner, 'USAGE') FROM pg_catalog.pg_class WHERE oid = $1::oid";
static const char unique_sql[] =
    "SELECT 1 FROM pg_catalog.pg_index i WHERE i.indrelid = $1::oid AND i.indisunique AND i.indisvalid AND i.indimmediate "
    "AND i.indpred IS NULL AND i.indexprs IS NULL AND "
    "(SELECT array_agg(a.attname::text ORDER BY a.attname::text) FROM unnest(i.indkey[0:i.indnkeyatts - 1]) k "
    " JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k) = "
    "(SELECT array_agg(x ORDER BY x) FROM unnest($2::text[]) x) LIMIT 1";

static int32_t no_memory(const struct session *s) {
  struct etl_error e = ETL_ERROR(ETL_E_PERMANENT);
  return etl_failf(s->host, &e, "postgres: no memory for the description of a table");
}

static bool is_true(const PGresult *r, int row, int column) { return *PQgetvalue(r, row, column) == 't'; }

static int32_t read_columns(struct session *s, const char *oid, struct table *t) {
  PGresult *r;
  int32_t rc = session_query(s, "looking at the target", columns_sql, 1, (const char *const[]){oid}, &r);
  if (rc != ETL_OK)
    return rc;
  int n = PQntuples(r);
  t->list = calloc((size_t)n + 1, sizeof *t->list);
  for (int i = 0; t->list && i < n; i++) {
    struct attribute *a = &t->list[t->n++];
    *a = (struct attribute){.name = strdup(PQgetvalue(r, i, 0)),
                            .type = strdup(PQgetvalue(r, i, 1)),
                            .oid = (uint32_t)strtoul(PQgetvalue(r, i, 2), NULL, 10),
                            .not_null = is_true(r, i, 3),
                            .has_default = is_true(r, i, 4),
                            .generated = is_true(r, i, 5),
                            .domain = is_true(r, i, 6),
                            .base = strdup(PQgetvalue(r, i, 7)),
                            .identity = is_true(r, i, 8)};
    if (!a->name || !a->type || !a->base)
      rc = no_memory(s);
  }
  PQclear(r);
  return t->list ? rc : no_memory(s);
}

int32_t table_read(struct session *s, const char *schema, const char *name, struct table *ret) {
  PGresult *r;
  *ret = (struct table){0};
  int32_t rc = session_query(s, "looking at the target", table_sql, 2, (const char *const[]){schema, name}, &r);
  if (rc != ETL_OK)
    return rc;
  if (PQntuples(r) == 1) {
    ret->oid = (uint32_t)strtoul(PQgetvalue(r, 0, 0), NULL, 10);
    ret->kind = *PQgetvalue(r, 0, 1);
    rc = read_columns(s, PQgetvalue(r, 0, 0), ret);
  }
  PQclear(r);
  return rc;
}

void table_fini(struct table *t) {
  for (size_t i = 0; i < t->n; i++) {
    free(t->list[i].name);
    free(t->list[i].type);
    free(t->list[i].base);
  }
  free(t->list);
  *t = (struct table){0};
}

const struct attribute *table_find(const struct table *t, const char *column) {
  for (size_t i = 0; i < t->n; i++)
    if (strcmp(t->list[i].name, column) == 0)
      return &t->list[i];
  return NULL;
}

int32_t table_has_unique(struct session *s, const struct table *t, const struct names *columns, bool *ret) {
  char oid[16];
  PGresult *r;
  snprintf(oid, sizeof oid, "%u", t->oid);
  struct text array = {0};
  text_add(&array, "{");
  for (size_t i = 0; i < columns->n; i++)
    text_add_element(&array, columns->list[i]);
  text_add(&array, "}");
  int32_t rc = array.failed ? no_memory(s)
                            : session_query(s, "looking for the key's index", unique_sql, 2, (const char *const[]){oid, text_str(&array)}, &r);
  if (rc == ETL_OK) {
    *ret = PQntuples(r) > 0;
    PQclear(r);
  }
  text_fini(&array);
  return rc;
}

int32_t table_hinders(struct session *s, const struct table *t, const char *column, char **ret) {
  char oid[16];
  PGresult *r;
  snprintf(oid, sizeof oid, "%u", t->oid);
  int32_t rc = session_query(s, "looking what hangs on a column", hinders_sql, 2, (const char *const[]){oid, column}, &r);
  if (rc != ETL_OK)
    return rc;
  *ret = PQntuples(r) ? strdup(PQgetvalue(r, 0, 0)) : NULL;
  rc = PQntuples(r) && !*ret ? no_memory(s) : ETL_OK;
  PQclear(r);
  return rc;
}

int32_t table_is_ours(struct session *s, const struct table *t, bool *ret) {
  char oid[16];
  PGresult *r;
  snprintf(oid, sizeof oid, "%u", t->oid);
  int32_t rc = session_query(s, "looking who owns the target", ours_sql, 1, (const char *const[]){oid}, &r);
  if (rc != ETL_OK)
    return rc;
  *ret = PQntuples(r) == 1 && is_true(r, 0, 0);
  PQclear(r);
  return ETL_OK;
}
