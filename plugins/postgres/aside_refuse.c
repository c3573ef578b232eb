/* What keeps a table from being replaced: other tables that refer to it, and rights. */
#include <stdio.h>

#include "aside.h"

int32_t aside_ask(struct instance *in, const char *doing, const char *sql, int params_n, const char *const *params, bool *ret) {
  PGresult *r;
  int32_t rc = session_query(&in->session, doing, sql, params_n, params, &r);
  if (rc != ETL_OK)
    return rc;
  *ret |= PQntuples(r) == 1 && *PQgetvalue(r, 0, 0) == 't';
  PQclear(r);
  return ETL_OK;
}

int32_t aside_refuse_cascade(struct target *g, const char *oid) {
  struct instance *in = g->in;
  PGresult *r;
  int32_t rc = session_query(&in->session, "looking who refers to the target",
                             "SELECT conrelid::regclass FROM pg_catalog.pg_constraint WHERE confrelid = $1::oid AND contype = 'f' AND "
                             "confdeltype IN ('c', 'n', 'd') LIMIT 1",
                             1, (const char *const[]){oid}, &r);
  if (rc != ETL_OK)
    return rc;
  if (PQntuples(r) > 0) {
    struct etl_error e = ETL_ERROR(ETL_E_CONFIG);
    e.option = "mode";
    e.remedy = "use mode = \"merge\", or drop the foreign key";
    rc = etl_failf(in->host, &e, "postgres: %s cannot be replaced: a foreign key of %s would delete or change rows there", g->name,
                   PQgetvalue(r, 0, 0));
  }
  PQclear(r);
  return rc;
}

/* The statements that find a row which refers to the target ($1) and keeps its rows from being deleted. */
static const char referred_sql[] =
  "SELECT pg_catalog.format('SELECT 1 FROM %s WHERE %s LIMIT 1', conrelid::regclass, (SELECT pg_catalog.string_agg(pg_catalog.format('%I IS NOT NULL', attname), ' AND ') "
  "FROM pg_catalog.pg_attribute WHERE attrelid = conrelid AND attnum = ANY (conkey))), conrelid::regclass FROM pg_catalog.pg_constraint "
  "WHERE confrelid = $1::oid AND conrelid <> confrelid AND contype = 'f' AND confdeltype IN ('a', 'r') AND NOT condeferred AND conparentid = 0 "
  "AND pg_catalog.has_table_privilege(conrelid, 'SELECT')";

static int32_t refuse_referred(struct target *g, const char *oid) {
  struct instance *in = g->in;
  PGresult *r = NULL, *row = NULL;
  int32_t rc = session_query(&in->session, "looking who refers to the target", referred_sql, 1, (const char *const[]){oid}, &r);
  for (int i = 0; rc == ETL_OK && i < PQntuples(r); i++) {
    rc = session_query(&in->session, "looking for rows that refer to the target", PQgetvalue(r, i, 0), 0, NULL, &row);
    if (rc == ETL_OK && PQntuples(row) > 0) {
      struct etl_error e = ETL_ERROR(ETL_E_CONFIG);
      e.option = "mode";
      e.remedy = "use mode = \"merge\", or make the foreign key DEFERRABLE INITIALLY DEFERRED";
      rc = etl_failf(in->host, &e, "postgres: %s cannot be replaced: rows of %s refer to its rows", g->name, PQgetvalue(r, i, 1));
    }
    PQclear(row);
    row = NULL;
  }
  PQclear(r);
  return rc;
}

/* One who is not the owner fills the table anew, and needs the rights for that. */
static int32_t refuse_rights(struct target *g, const char *oid) {
  struct instance *in = g->in;
  bool cannot = false;
  int32_t rc = aside_ask(in, "looking what is granted on the target",
                           "SELECT NOT pg_catalog.pg_has_role(relowner, 'USAGE') AND NOT (pg_catalog.has_table_privilege(oid, 'SELECT') AND "
                           "pg_catalog.has_table_privilege(oid, 'INSERT') AND pg_catalog.has_table_privilege(oid, 'DELETE')) "
                           "FROM pg_catalog.pg_class WHERE oid = $1::oid",
                           1, (const char *const[]){oid}, &cannot);
  if (rc != ETL_OK || !cannot)
    return rc;
  struct etl_error e = ETL_ERROR(ETL_E_CONFIG);
  e.option = "mode";
  e.remedy = "GRANT SELECT, INSERT, DELETE on it to the user, or make the user its owner";
  return etl_failf(in->host, &e, "postgres: %s cannot be replaced: the user is not its owner, and may not delete and insert rows", g->name);
}

int32_t aside_refuse_early(struct target *g, const struct table *target) {
  char oid[16];
  snprintf(oid, sizeof oid, "%u", target->oid);
  int32_t rc = aside_refuse_cascade(g, oid);
  if (rc == ETL_OK)
    rc = refuse_referred(g, oid);
  return rc == ETL_OK ? refuse_rights(g, oid) : rc;
}
