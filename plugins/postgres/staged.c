/* A run whose rows are staged (commit = "run"): lanes fill tables of the state schema, with cursors that belong to the run; at its end one
 * transaction brings all rows to their targets, moves the cursors and removes the tables.
 *
 * Staging tables are unlogged: what a crash of the server empties would be missing from the target, though the cursors say that it was read.
 * So the rows are counted against those cursors before anything is published. */
#include <stdio.h>
#include <stdlib.h>

#include "instance.h"

/* ---- making -------------------------------------------------------------------------------------------------------------------------- */

static void add_columns(struct text *sql, const struct target *g) {
  for (size_t i = 0; i < g->columns.n; i++) {
    text_add(sql, i ? ", " : "");
    text_add_name(sql, g->columns.list[i].name);
    text_addf(sql, " %s", g->columns.list[i].create_type);
  }
}

/* As the target, so that a row that the target would refuse is refused at once; without the columns that the rows do not have. */
static int32_t add_like(struct text *sql, struct target *g, struct text *after) {
  struct table t = {0};
  int32_t rc = table_read(&g->in->session, g->schema, g->table, &t);
  text_add(sql, "LIKE ");
  sql_target(sql, g);
  text_add(sql, " INCLUDING DEFAULTS INCLUDING CONSTRAINTS");
  for (size_t i = 0; i < t.n && rc == ETL_OK; i++) {
    bool has = columns_find(&g->columns, t.list[i].name);
    if (has && !names_has(g->key, t.list[i].name))
      continue;
    text_add(after, "; ALTER TABLE ");
    sql_table(after, g);
    text_add(after, has ? " ALTER COLUMN " : " DROP COLUMN ");
    text_add_name(after, t.list[i].name);
    text_add(after, has ? " SET NOT NULL" : "");
  }
  table_fini(&t);
  return rc;
}

static int32_t create(struct target *g) {
  struct text sql = {0}, after = {0};
  int32_t rc = ETL_OK;
  text_add(&sql, "CREATE UNLOGGED TABLE ");
  sql_table(&sql, g);
  text_add(&sql, " (");
  if (g->staging_definition)
    text_add(&sql, g->staging_definition);
  else if (g->in->settings.commit_sql.n)
    add_columns(&sql, g);
  else
    rc = add_like(&sql, g, &after);
  text_addf(&sql, ")%s", text_str(&after));
  if (target_numbers(g)) {
    text_add(&sql, "; ALTER TABLE ");
    sql_table(&sql, g);
    text_add(&sql, " ADD COLUMN " MERGE_ROW " bigint, ADD COLUMN " MERGE_LANE " text DEFAULT pg_catalog.current_setting('etl.lane', true)");
  }
  sql.failed |= after.failed;
  if (rc == ETL_OK)
    rc = sql.failed ? out_of_memory(g->in) : session_run(&g->in->session, "creating the staging table", text_str(&sql));
  text_fini(&after);
  text_fini(&sql);
  return rc == ETL_OK ? aside_note(g) : rc;
}

int32_t staged_create(struct target *g) {
  struct session *s = &g->in->session;
  struct text sql = {0};
  struct table t = {0};
  text_add(&sql, "BEGIN; ");
  sql_lock(&sql, "", g->into);
  int32_t rc = sql.failed ? out_of_memory(g->in) : session_run(s, "creating the staging table", text_str(&sql));
  text_fini(&sql);
  if (rc == ETL_OK)
    rc = table_read(s, g->into_schema, g->into, &t);
  if (rc == ETL_OK && !t.oid)
    rc = create(g);
  table_fini(&t);
  if (rc == ETL_OK)
    rc = session_run(s, "creating the staging table", "COMMIT");
  if (rc != ETL_OK)
    session_rollback(s);
  return rc;
}

int32_t staged_default(struct target *g, const char *column, struct text *alter) {
  PGresult *r;
  struct text name = {0};
  sql_target(&name, g);
  int32_t rc = name.failed ? out_of_memory(g->in)
                           : session_query(&g->in->session, "looking for a default",
                                           "SELECT pg_catalog.pg_get_expr(d.adbin, d.adrelid), a.attnotnull FROM pg_catalog.pg_attribute a "
                                           "JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum "
                                           "WHERE a.attrelid = pg_catalog.to_regclass($1) AND a.attname = $2 AND a.attgenerated = ''",
                                           2, (const char *const[]){text_str(&name), column}, &r);
  text_fini(&name);
  if (rc != ETL_OK)
    return rc;
  if (PQntuples(r) == 1)
    text_addf(alter, " DEFAULT %s%s", PQgetvalue(r, 0, 0), *PQgetvalue(r, 0, 1) == 't' ? " NOT NULL" : "");
  PQclear(r);
  return ETL_OK;
}

/* ---- the end ------------------------------------------------------------------------------------------------------------------------- */

static int32_t list(struct instance *in, const char *run, PGresult **ret) {
  return state_query(in, "looking for the staging tables",
                     "SELECT pg_catalog.quote_ident(schema_name) || '.' || pg_catalog.quote_ident(table_name), stream FROM @.asides "
                     "WHERE pipeline = $1 AND run = $2 ORDER BY stream",
                     2, (const char *const[]){in->pipeline, run}, NULL, NULL, ret);
}

static int32_t check_rows(struct instance *in, const char *run, const PGresult *tables) {
  struct text sql = {0};
  PGresult *r = NULL;
  text_add(&sql, "SELECT (SELECT coalesce(sum(rows), 0) FROM @.cursors WHERE pipeline = $1 AND aside = $2), 0");
  for (int i = 0; i < PQntuples(tables); i++)
    text_addf(&sql, " + (SELECT count(*) FROM %s)", PQgetvalue(tables, i, 0));
  int32_t rc = sql.failed ? out_of_memory(in)
                          : state_query(in, "counting the staged rows", text_str(&sql), 2, (const char *const[]){in->pipeline, run}, NULL, NULL, &r);
  text_fini(&sql);
  if (rc == ETL_OK && strcmp(PQgetvalue(r, 0, 0), PQgetvalue(r, 0, 1)) != 0) {
    struct etl_error e = ETL_ERROR(ETL_E_PERMANENT);
    e.remedy = "run again: the targets and the place where the pipeline stands are as they were before";
    rc = etl_failf(in->host, &e,
                   "postgres: of %s rows that this run staged, its staging tables hold %s: the server crashed meanwhile, or "
                   "somebody changed them",
                   PQgetvalue(r, 0, 0), PQgetvalue(r, 0, 1));
  }
  PQclear(r);
  return rc;
}

/* In this order.  A lane of epoch 0 was forgotten; anew ($3): all that was there before goes. */
enum { MOVE_REJECTED = 2 };
static const char *const moves[] = {
    "UPDATE @.cursors r SET rows = r.rows + b.rows FROM @.cursors b WHERE r.pipeline = $1 AND r.aside = $2 AND b.pipeline = $1 "
    "AND b.aside = '' AND b.stream = r.stream AND b.shard = r.shard AND NOT $3::boolean",
    "DELETE FROM @.cursors b WHERE pipeline = $1 AND aside = '' AND EXISTS (SELECT 1 FROM @.cursors r WHERE r.pipeline = $1 "
    "AND r.aside = $2 AND ($3::boolean OR (r.stream = b.stream AND r.shard = b.shard)))",
    [MOVE_REJECTED] = "DELETE FROM @.quarantine b WHERE pipeline = $1 AND aside = '' AND (EXISTS (SELECT 1 FROM @.quarantine r WHERE r.pipeline = $1 "
    "AND r.aside = $2 AND r.stream = b.stream AND r.shard = b.shard AND r.epoch = b.epoch) OR ($3::boolean AND EXISTS "
    "(SELECT 1 FROM @.cursors r WHERE r.pipeline = $1 AND r.aside = $2)))",
    "DELETE FROM @.cursors WHERE pipeline = $1 AND aside = $2 AND epoch = 0 AND $3::boolean IS NOT NULL",
    "UPDATE @.cursors SET aside = '' WHERE pipeline = $1 AND aside = $2 AND $3::boolean IS NOT NULL",
    "UPDATE @.quarantine SET aside = '' WHERE pipeline = $1 AND aside = $2 AND $3::boolean IS NOT NULL",
    "DELETE FROM @.asides WHERE pipeline = $1 AND run = $2 AND $3::boolean IS NOT NULL"};

/* What an earlier run set aside is read, and set aside, again by each run that brings everything. */
static int32_t move_state(struct instance *in, const char *run) {
  int32_t rc = ETL_OK;
  for (size_t i = 0; i < sizeof moves / sizeof *moves && rc == ETL_OK; i++) {
    bool anew = in->anew || (i == MOVE_REJECTED && settings_deletes_all(&in->settings));
    rc = state_query(in, "moving the cursors", moves[i], 3, (const char *const[]){in->pipeline, run, anew ? "t" : "f"}, NULL, NULL, NULL);
  }
  return rc == ETL_OK ? capture_adopt(in, run) : rc;
}

static int32_t drop_tables(struct instance *in, const PGresult *tables) {
  struct text sql = {0};
  int32_t rc = ETL_OK;
  for (int i = 0; i < PQntuples(tables) && rc == ETL_OK; i++) {
    text_clear(&sql);
    text_addf(&sql, "DROP TABLE %s", PQgetvalue(tables, i, 0));
    rc = sql.failed ? out_of_memory(in) : session_run(&in->session, "removing the staging tables", text_str(&sql));
  }
  text_fini(&sql);
  return rc;
}

static int32_t publish(struct instance *in, const char *run, const PGresult *tables) {
  int32_t rc = check_rows(in, run, tables);
  if (rc == ETL_OK && in->settings.commit_sql.n && PQntuples(tables) > 0)
    rc = publish_sql(in, tables);
  for (int i = 0; i < PQntuples(tables) && rc == ETL_OK && in->settings.commit_sql.n == 0; i++) {
    struct target *g;
    rc = target_of(in, PQgetvalue(tables, i, 1), &g);
  }
  if (rc == ETL_OK && in->settings.commit_sql.n == 0 && PQntuples(tables) > 0) /* not asked again after a lost answer */
    rc = publish_targets(in, run);
  if (rc == ETL_OK)
    rc = move_state(in, run);
  return rc == ETL_OK ? drop_tables(in, tables) : rc;
}

/* The next run removes them. */
static int32_t keep(struct instance *in, const char *run) {
  PGresult *tables;
  int32_t rc = list(in, run, &tables);
  for (int i = 0; rc == ETL_OK && i < PQntuples(tables); i++)
    etl_logf(in->host, ETL_LOG_WARN, "postgres: the staging table of %s is kept: %s", PQgetvalue(tables, i, 1), PQgetvalue(tables, i, 0));
  PQclear(rc == ETL_OK ? tables : NULL);
  return rc;
}

int32_t staged_finish(struct instance *in, const char *run, bool ok) {
  PGresult *tables = NULL;
  if (!ok)
    return in->keep ? keep(in, run) : aside_drop(in, run);
  text_clear(&in->capture.refused);
  int32_t rc = session_run(&in->session, "beginning the end of the run", "BEGIN");
  if (rc == ETL_OK)
    rc = cursors_check_run(in, run);
  if (rc == ETL_OK)
    rc = list(in, run, &tables);
  if (rc == ETL_OK)
    rc = publish(in, run, tables);
  if (rc == ETL_OK)
    rc = session_commit(&in->session, "committing the run");
  if (rc != ETL_OK)
    session_rollback(&in->session);
  PQclear(tables);
  return rc;
}
