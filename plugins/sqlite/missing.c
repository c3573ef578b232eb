/* mode = "delete_missing": a run's rows are staged in a table of its own.  At its end, in one transaction with the cursors, they are merged
 * into the target, whose rows that did not come are deleted, or marked with the time.  The staging table has the columns of the rows alone:
 * what else the target has is left as it is. */
#include <stdio.h>

#include "loader.h"

#define NOW "strftime('%%Y-%%m-%%d %%H:%%M:%%fZ', 'now')" /* in a format */

int32_t missing_check(const struct target *g, bool whole) {
  const struct loader *in = g->in;
  struct etl_error e = ETL_ERROR(ETL_E_CONFIG);
  e.option = "mode";
  e.remedy = "leave `cursor` out at the extractor, so that each run reads the whole";
  if (!whole)
    return etl_failf(in->host, &e,
                     "sqlite: delete_missing would delete from %s what the source still has: a run with a cursor leaves out what has not changed, and even "
                     "one from the start what is younger than consistency_delay or has no cursor value",
                     g->table);
  e.option = "deleted_at";
  e.remedy = "name a column that the rows do not have";
  for (int64_t i = 0; i < g->rows.n_children && in->deleted_at; i++)
    if (sqlite3_stricmp(g->rows.children[i]->name, in->deleted_at) == 0)
      return etl_failf(in->host, &e, "sqlite: deleted_at names the column \"%s\", which comes with the rows", in->deleted_at);
  return ETL_OK;
}

static void add_names(sqlite3_str *sql, const struct target *g) {
  for (int64_t i = 0; i < g->rows.n_children; i++)
    sqlite3_str_appendf(sql, "%s\"%w\"", i ? ", " : "", g->rows.children[i]->name);
}

/* g->into is the table to merge into here. */
static char *merge_sql(struct target *g, const char *from) {
  sqlite3_str *sql = sqlite3_str_new(g->in->d.db);
  sqlite3_str_appendf(sql, "INSERT OR ABORT INTO \"%w\" (", g->into);
  add_names(sql, g);
  sqlite3_str_appendall(sql, ") SELECT ");
  add_names(sql, g);
  sqlite3_str_appendf(sql, " FROM \"%w\" WHERE 1", from); /* without a WHERE the ON of what follows would be a join's */
  upsert_add(sql, g);
  return sqlite3_str_finish(sql);
}

static int32_t make_column(struct target *g) {
  struct loader *in = g->in;
  struct etl_error e = ETL_ERROR(ETL_E_SCHEMA);
  bool has = false;
  int32_t rc = table_has(in, g->table, in->deleted_at, &has);
  e.option = "deleted_at";
  e.remedy = "add it, or set schema_contract = \"evolve\"";
  if (rc != ETL_OK || has)
    return rc;
  if (in->contract == CONTRACT_FREEZE)
    return etl_failf(in->host, &e, "sqlite: table %s has no column \"%s\", and schema_contract adds none", g->table, in->deleted_at);
  return database_run_owned(&in->d, "adding a column", sqlite3_mprintf("ALTER TABLE \"%w\" ADD COLUMN \"%w\" TIMESTAMPTZ", g->table, in->deleted_at));
}

/* Whether the target has the index that the end needs is found before any row is read. */
int32_t missing_prepare(struct target *g) {
  struct loader *in = g->in;
  struct target at_end = {.in = in, .into = g->table, .table = g->table, .rows = g->rows};
  sqlite3_stmt *stmt = NULL;
  bool there = false;
  int32_t rc = table_exists(in, g->table, &there);
  if (rc == ETL_OK && !there)
    rc = target_create(g, g->table);
  if (rc == ETL_OK)
    rc = target_add_columns(g, g->table);
  if (rc == ETL_OK && in->deleted_at)
    rc = make_column(g);
  if (rc == ETL_OK)
    rc = table_exists(in, g->into, &there);
  if (rc == ETL_OK && !there && (rc = target_create(g, g->into)) == ETL_OK)
    rc = aside_note(g);
  if (rc == ETL_OK)
    rc = target_add_columns(g, g->into);
  if (rc != ETL_OK)
    return rc;
  char *sql = merge_sql(&at_end, g->into);
  int code = sql ? sqlite3_prepare_v2(in->d.db, sql, -1, &stmt, NULL) : SQLITE_NOMEM;
  sqlite3_free(sql);
  sqlite3_finalize(stmt);
  return code == SQLITE_OK ? ETL_OK : target_fail(g, code);
}

/* ---- the end -------------------------------------------------------------------------------------------------------------------------------- */

/* The columns of the staging table, which are those that rows came with. */
static int32_t columns_of(struct loader *in, const char *table, struct ArrowSchema *ret) {
  sqlite3_stmt *stmt = NULL;
  bool row = true;
  const char *doing = "looking at what was staged", *extension;
  char format[TYPE_BYTES];
  int32_t rc = database_prepare(&in->d, doing, "SELECT name, type, count(*) OVER () FROM pragma_table_info(?1)", &stmt);
  if (rc == ETL_OK)
    database_bind(stmt, 1, &table);
  for (int64_t i = 0; rc == ETL_OK && row; i++) {
    rc = database_step(&in->d, doing, stmt, &row);
    if (rc != ETL_OK || !row)
      break;
    if (!type_of_declared((const char *)sqlite3_column_text(stmt, 1), format, &extension))
      snprintf(format, sizeof format, "u");
    if ((i == 0 && etl_schema_init(ret, sqlite3_column_int64(stmt, 2)) < 0) ||
        etl_schema_set(ret, i, (const char *)sqlite3_column_text(stmt, 0), format, true, NULL, NULL) < 0)
      rc = database_no_memory(&in->d);
  }
  sqlite3_finalize(stmt);
  return rc;
}

static int32_t merge(struct loader *in, const char *table, const char *target) {
  struct target g = {.in = in, .into = (char *)target};
  int32_t rc = columns_of(in, table, &g.rows);
  if (rc == ETL_OK)
    rc = database_run_owned(&in->d, target, merge_sql(&g, table));
  if (rc == ETL_OK && !in->newest_by && g.rows.n_children > (int64_t)in->key_n) /* else rows give way to those that are there */
    rc = aside_all_in(in, table, target);
  etl_schema_release(&g.rows);
  return rc;
}

static int32_t run_with_key(struct loader *in, const char *doing, char *begin, const char *not_, const char *table, const char *target) {
  sqlite3_str *sql = sqlite3_str_new(in->d.db);
  sqlite3_str_appendf(sql, "%s %sEXISTS (SELECT 1 FROM \"%w\" AS \"etl staged\" WHERE 1", begin ? begin : "", not_, table);
  for (size_t i = 0; i < in->key_n; i++)
    sqlite3_str_appendf(sql, " AND \"%w\".\"%w\" = \"etl staged\".\"%w\"", target, in->key[i], in->key[i]);
  sqlite3_str_appendall(sql, ")");
  char *text = sqlite3_str_finish(sql);
  int32_t rc = begin && text ? database_run(&in->d, doing, text) : database_no_memory(&in->d);
  sqlite3_free(begin);
  sqlite3_free(text);
  return rc;
}

/* A row that was set aside did come: it is not missing, and nobody knows which of the target's it is. */
static int32_t set_aside(struct loader *in, const char *run, const char *target, bool *ret) {
  sqlite3_stmt *stmt = NULL;
  bool row;
  const char *doing = "counting rows that were set aside";
  int32_t rc = database_prepare(&in->d, doing, "SELECT count(*) FROM etl_quarantine WHERE pipeline = ?1 AND aside = ?2", &stmt);
  if (rc == ETL_OK) {
    database_bind(stmt, 2, (const char *const[]){in->pipeline, run});
    rc = database_step(&in->d, doing, stmt, &row);
  }
  *ret = rc == ETL_OK && sqlite3_column_int64(stmt, 0) > 0;
  if (*ret)
    etl_logf(in->host, ETL_LOG_WARN, "sqlite: nothing is deleted from %s: %s rows of this run were set aside, and may be among those that seem missing",
             target, (const char *)sqlite3_column_text(stmt, 0));
  sqlite3_finalize(stmt);
  return rc;
}

int32_t missing_publish(struct loader *in, const char *run, const char *table, const char *target) {
  const char *gone = in->deleted_at;
  bool keep = false;
  int32_t rc = merge(in, table, target);
  if (rc == ETL_OK && gone)
    rc = run_with_key(in, "bringing rows back", sqlite3_mprintf("UPDATE \"%w\" SET \"%w\" = NULL WHERE \"%w\" IS NOT NULL AND", target, gone, gone), "",
                      table, target);
  if (rc == ETL_OK)
    rc = set_aside(in, run, target, &keep);
  if (rc != ETL_OK || keep)
    return rc;
  char *begin = gone ? sqlite3_mprintf("UPDATE \"%w\" SET \"%w\" = " NOW " WHERE \"%w\" IS NULL AND", target, gone, gone)
                     : sqlite3_mprintf("DELETE FROM \"%w\" WHERE", target);
  return run_with_key(in, "deleting what is missing", begin, "NOT ", table, target);
}
