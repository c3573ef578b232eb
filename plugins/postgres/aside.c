/* A table built aside, which takes the target's place at the end of the run: made, listed, and removed when its run is dead.  etl.asides lists
 * tables aside, so that a later run removes what a dead one left. */
#include "aside.h"

/* ---- making -------------------------------------------------------------------------------------------------------------------------- */

/* A table that another stream has listed as its own is not shared. */
int32_t aside_note(struct target *g) {
  struct instance *in = g->in;
  PGresult *r;
  int32_t rc = state_query(in, "noting the table aside",
                           "INSERT INTO @.asides AS a (pipeline, run, schema_name, table_name, stream) VALUES ($1, $2, $3, $4, $5) "
                           "ON CONFLICT (pipeline, run, schema_name, table_name) DO UPDATE SET stream = excluded.stream WHERE a.stream = excluded.stream",
                           5, (const char *const[]){in->pipeline, in->run, g->into_schema, g->into, g->stream}, NULL, NULL, &r);
  if (rc != ETL_OK)
    return rc;
  if (strcmp(PQcmdTuples(r), "1") != 0) {
    struct etl_error e = ETL_ERROR(ETL_E_CONFIG);
    e.option = "table";
    e.remedy = "name another table for the stream with `tables`";
    rc = etl_failf(in->host, &e, "postgres: the rows of the stream %s would go into %s.%s, where this run has those of another stream", g->stream,
                   g->into_schema, g->into);
  }
  PQclear(r);
  return rc;
}

/* Its own sequence would give numbers that the target's knows nothing of: an identity that does not come with the rows is left to the target. */
static void drop_identities(struct target *g, const struct columns *columns, const struct table *target, struct text *sql) {
  for (size_t i = 0; i < target->n; i++) {
    if (!target->list[i].identity || columns_find(columns, target->list[i].name))
      continue;
    text_add(sql, "; ALTER TABLE ");
    sql_table(sql, g);
    text_add(sql, " DROP COLUMN ");
    text_add_name(sql, target->list[i].name);
    text_add(sql, " CASCADE");
  }
}

static int32_t make(struct target *g, const struct columns *columns, const struct table *target, struct text *sql) {
  struct instance *in = g->in;
  struct table there = {0};
  int32_t rc = table_read(&in->session, g->into_schema, g->into, &there);
  bool made = there.oid != 0; /* by another lane */
  table_fini(&there);
  if (target->oid && target->kind == 'r') {
    text_add(sql, "CREATE TABLE IF NOT EXISTS ");
    sql_table(sql, g);
    text_add(sql, " (LIKE ");
    sql_target(sql, g);
    text_add(sql, " INCLUDING ALL)");
    if (!made)
      drop_identities(g, columns, target, sql);
  } else {
    sql_create_schema(sql, g->schema);
    sql_create_target(sql, g, columns, g->into);
  }
  if (rc == ETL_OK)
    rc = run_text(in, "creating the table aside", sql);
  if (rc == ETL_OK)
    rc = aside_note(g);
  return rc == ETL_OK ? session_run(&in->session, "creating the table aside", "COMMIT") : rc;
}

int32_t aside_create(struct target *g, const struct columns *columns) {
  struct instance *in = g->in;
  struct table target = {0};
  struct text sql = {0};
  text_add(&sql, "BEGIN; ");
  sql_lock(&sql, "", g->name);
  int32_t rc = run_text(in, "creating the table aside", &sql);
  if (rc == ETL_OK)
    rc = table_read(&in->session, g->schema, g->table, &target);
  if (rc == ETL_OK && target.oid && target.kind != 'r')
    rc = target_match(g, &target, &(struct columns){0}, NULL); /* says why it cannot be replaced */
  if (rc == ETL_OK && target.oid)
    rc = aside_refuse_early(g, &target);
  if (rc == ETL_OK && !target.oid && !in->settings.create) {
    struct etl_error e = ETL_ERROR(ETL_E_CONFIG);
    e.option = "table";
    e.remedy = "create it, or leave out create = false";
    rc = etl_failf(in->host, &e, "postgres: there is no table %s", g->name);
  }
  if (rc == ETL_OK)
    rc = make(g, columns, &target, &sql);
  if (rc == ETL_OK && !target.oid)
    drift_report(g, ETL_CHANGE_TABLE_CREATED, NULL, NULL, NULL);
  if (rc != ETL_OK)
    session_rollback(&in->session);
  table_fini(&target);
  text_fini(&sql);
  return rc;
}

/* ---- leftovers ------------------------------------------------------------------------------------------------------------------------ */

/* A run that is dead to us may still hold a lock on its table: then the table is left to the run after this one. */
static int32_t drop_one(struct instance *in, const char *run, const char *schema, const char *name) {
  struct text sql = {0}, table = {0}, block = {0};
  text_add_name(&table, schema);
  text_add(&table, ".");
  text_add_name(&table, name);
  text_addf(&block, "BEGIN DROP TABLE IF EXISTS %s; EXCEPTION WHEN lock_not_available THEN NULL; END", text_str(&table));
  text_add(&sql, "BEGIN; SET LOCAL lock_timeout = '2s'; ");
  text_add_block(&sql, &block);
  text_fini(&block);
  text_add(&sql, "; DELETE FROM ");
  sql_state(&sql, in, "asides");
  text_add(&sql, " WHERE pipeline = ");
  text_add_literal(&sql, in->pipeline);
  text_add(&sql, " AND run = ");
  text_add_literal(&sql, run);
  text_add(&sql, " AND pg_catalog.to_regclass(");
  text_add_literal(&sql, text_str(&table));
  text_add(&sql, ") IS NULL; DELETE FROM ");
  sql_state(&sql, in, "cursors");
  text_add(&sql, " WHERE pipeline = ");
  text_add_literal(&sql, in->pipeline);
  text_add(&sql, " AND aside = ");
  text_add_literal(&sql, run);
  text_add(&sql, "; DELETE FROM ");
  sql_state(&sql, in, "quarantine");
  text_add(&sql, " WHERE pipeline = ");
  text_add_literal(&sql, in->pipeline);
  text_add(&sql, " AND aside = ");
  text_add_literal(&sql, run);
  text_add(&sql, "; COMMIT");
  sql.failed |= table.failed;
  int32_t rc = run_text(in, "removing what a dead run left", &sql);
  text_fini(&table);
  text_fini(&sql);
  if (rc != ETL_OK)
    session_rollback(&in->session);
  return rc;
}

/* others: all but this run's; else only this run's. */
static int32_t drop_listed(struct instance *in, const char *run, bool others) {
  struct text sql = {0};
  PGresult *r = NULL;
  text_add(&sql, "SELECT run, schema_name, table_name FROM ");
  sql_state(&sql, in, "asides");
  text_addf(&sql, " WHERE pipeline = $1 AND run %s $2", others ? "<>" : "=");
  int32_t rc = sql.failed ? out_of_memory(in)
                          : session_query(&in->session, "looking for what dead runs left", text_str(&sql), 2,
                                          (const char *const[]){in->pipeline, run}, &r);
  text_fini(&sql);
  for (int i = 0; rc == ETL_OK && i < PQntuples(r); i++)
    rc = drop_one(in, PQgetvalue(r, i, 0), PQgetvalue(r, i, 1), PQgetvalue(r, i, 2));
  PQclear(r);
  return rc;
}

int32_t aside_remove_leftovers(struct instance *in, const char *run) { return drop_listed(in, run, true); }
int32_t aside_drop(struct instance *in, const char *run) { return drop_listed(in, run, false); }
