/* Replacing: a run fills a table beside the target, and at its end that table's rows take the place of the target's, in one transaction with
 * the cursors.  The target itself stays, with its indexes, triggers and views. */
#include <stdlib.h>

#include "loader.h"

/* The target's own CREATE TABLE with another name in it, so that its constraints hold aside too; *ret (from sqlite3_malloc) NULL: there is
 * no target.  SQLite keeps the text from the name on as it was typed. */
static int32_t create_like(struct target *g, char **ret) {
  struct loader *in = g->in;
  sqlite3_stmt *stmt = NULL;
  bool row = false;
  const char *doing = "looking at the table", *table = g->table;
  int32_t rc = database_prepare(&in->d, doing, "SELECT substr(sql, 14) FROM sqlite_schema WHERE type = 'table' AND lower(name) = lower(?1) AND sql LIKE 'CREATE TABLE %'", &stmt);
  *ret = NULL;
  if (rc == ETL_OK) {
    database_bind(stmt, 1, &table);
    rc = database_step(&in->d, doing, stmt, &row);
  }
  if (row) {
    const char *p = (const char *)sqlite3_column_text(stmt, 0), *end;
    char quote = *p == '[' ? ']' : *p == '"' || *p == '`' || *p == '\'' ? *p : 0;
    for (end = quote ? p + 1 : p + strcspn(p, " \t\r\n("); quote && *end && (*end != quote || end[1] == quote); end += *end == quote ? 2 : 1)
      ;
    *ret = sqlite3_mprintf("CREATE TABLE \"%w\" %s", g->into, end + (quote && *end == quote));
    rc = *ret ? ETL_OK : database_no_memory(&in->d);
  }
  sqlite3_finalize(stmt);
  return rc;
}

static void add_key(sqlite3_str *sql, const struct target *g) {
  sqlite3_str_appendf(sql, "CREATE UNIQUE INDEX \"%w_key\" ON \"%w\" (", g->into, g->into);
  for (size_t i = 0; i < g->in->key_n; i++)
    sqlite3_str_appendf(sql, "%s\"%w\"", i ? ", " : "", g->in->key[i]);
  sqlite3_str_appendall(sql, ")");
}

/* In a transaction, idempotent.  Without a target the table is made by the caller, as the target would be. */
int32_t aside_create(struct target *g) {
  struct loader *in = g->in;
  bool there = false;
  char *sql = NULL;
  int32_t rc = table_exists(in, g->into, &there);
  if (rc != ETL_OK || there)
    return rc;
  rc = create_like(g, &sql);
  if (rc == ETL_OK && sql)
    rc = database_run(&in->d, "making the table aside", sql);
  if (rc == ETL_OK && sql && loader_merges(in)) { /* the target may have it as an index of its own */
    sqlite3_str *index = sqlite3_str_new(in->d.db);
    add_key(index, g);
    rc = database_run_owned(&in->d, "making its key", sqlite3_str_finish(index));
  }
  sqlite3_free(sql);
  return rc == ETL_OK ? aside_note(g) : rc;
}

int32_t aside_note(struct target *g) {
  struct loader *in = g->in;
  return state_run(in, "noting the table aside", "INSERT OR REPLACE INTO etl_asides (pipeline, run, stream, table_name, target) VALUES (?1, ?2, ?3, ?4, ?5)", 5,
                   (const char *const[]){in->pipeline, in->run, g->stream, g->into, g->table}, NULL);
}

/* ---- the end ------------------------------------------------------------------------------------------------------------------------------- */

struct aside {
  char *table, *target;
};
struct asides {
  struct aside *v;
  size_t n;
};

static void asides_free(struct asides *a) {
  for (size_t i = 0; i < a->n; i++) {
    free(a->v[i].table);
    free(a->v[i].target);
  }
  free(a->v);
}

/* All of them at once, since tables cannot be dropped while a statement is reading. */
static int32_t asides_of(struct loader *in, const char *run, bool others, struct asides *ret) {
  sqlite3_stmt *stmt = NULL;
  bool row = true;
  const char *doing = "listing the tables aside";
  int32_t rc = database_prepare(&in->d, doing,
                                others ? "SELECT table_name, target FROM etl_asides WHERE pipeline = ?1 AND run <> ?2"
                                       : "SELECT table_name, target FROM etl_asides WHERE pipeline = ?1 AND run = ?2",
                                &stmt);
  if (rc == ETL_OK)
    database_bind(stmt, 2, (const char *const[]){in->pipeline, run});
  while (rc == ETL_OK && row) {
    rc = database_step(&in->d, doing, stmt, &row);
    if (rc != ETL_OK || !row)
      break;
    struct aside *grown = realloc(ret->v, (ret->n + 1) * sizeof *grown);
    if (!grown) {
      rc = database_no_memory(&in->d);
      break;
    }
    ret->v = grown;
    ret->v[ret->n++] = (struct aside){strdup((const char *)sqlite3_column_text(stmt, 0)), strdup((const char *)sqlite3_column_text(stmt, 1))};
    if (!ret->v[ret->n - 1].table || !ret->v[ret->n - 1].target)
      rc = database_no_memory(&in->d);
  }
  sqlite3_finalize(stmt);
  return rc;
}

static int32_t drop(struct loader *in, const char *table) {
  return database_run_owned(&in->d, "dropping a table aside", sqlite3_mprintf("DROP TABLE IF EXISTS \"%w\"", table));
}

static int32_t remove_all(struct loader *in, const char *run, bool others) {
  static const char *const statements[] = {
      "DELETE FROM etl_asides WHERE pipeline = ?1 AND (run = ?2) <> ?3", "DELETE FROM etl_cursors WHERE pipeline = ?1 AND aside <> '' AND (aside = ?2) <> ?3",
      "DELETE FROM etl_quarantine WHERE pipeline = ?1 AND aside <> '' AND (aside = ?2) <> ?3"};
  struct asides a = {0};
  int32_t rc = asides_of(in, run, others, &a);
  for (size_t i = 0; i < a.n && rc == ETL_OK; i++)
    rc = drop(in, a.v[i].table);
  asides_free(&a);
  for (size_t i = 0; i < sizeof statements / sizeof *statements && rc == ETL_OK; i++) {
    sqlite3_stmt *stmt = NULL;
    bool row;
    rc = database_prepare(&in->d, "removing leftovers", statements[i], &stmt);
    if (rc == ETL_OK) {
      database_bind(stmt, 2, (const char *const[]){in->pipeline, run});
      sqlite3_bind_int(stmt, 3, others);
      rc = database_step(&in->d, "removing leftovers", stmt, &row);
    }
    sqlite3_finalize(stmt);
  }
  return rc;
}

int32_t aside_remove(struct loader *in, const char *run, bool others) {
  int32_t rc = database_begin(&in->d);
  if (rc == ETL_OK)
    rc = remove_all(in, run, others);
  if (rc == ETL_OK)
    rc = database_run(&in->d, "committing", "COMMIT");
  database_rollback(&in->d);
  return rc;
}

static int32_t column_names(struct loader *in, const char *table, char **ret) {
  sqlite3_stmt *stmt = NULL;
  bool row = true;
  sqlite3_str *names = sqlite3_str_new(in->d.db);
  int32_t rc = database_prepare(&in->d, "looking at its columns", "SELECT name FROM pragma_table_info(?1)", &stmt);
  database_bind(stmt, 1, &table);
  while (rc == ETL_OK && row) {
    rc = database_step(&in->d, "looking at its columns", stmt, &row);
    if (rc == ETL_OK && row)
      sqlite3_str_appendf(names, "%s\"%w\"", sqlite3_str_length(names) ? ", " : "", sqlite3_column_text(stmt, 0));
  }
  sqlite3_finalize(stmt);
  *ret = sqlite3_str_finish(names);
  return rc == ETL_OK && !*ret ? database_no_memory(&in->d) : rc;
}

/* Rows that a trigger of the table left out would be lost. */
int32_t aside_all_in(struct loader *in, const char *from, const char *into) {
  struct etl_error e = ETL_ERROR(ETL_E_DATA);
  sqlite3_stmt *stmt = NULL;
  bool row, table = sqlite3_table_column_metadata(in->d.db, NULL, into, NULL, NULL, NULL, NULL, NULL, NULL) == SQLITE_OK;
  sqlite3_int64 stored = sqlite3_changes64(in->d.db);
  int32_t rc = database_prepare_owned(&in->d, into, sqlite3_mprintf("SELECT count(*) FROM \"%w\"", from), &stmt);
  if (rc == ETL_OK)
    rc = database_step(&in->d, into, stmt, &row);
  sqlite3_int64 all = rc == ETL_OK ? sqlite3_column_int64(stmt, 0) : 0;
  sqlite3_finalize(stmt);
  e.remedy = "drop the trigger, or leave such rows out before the loader";
  return rc != ETL_OK || !table || stored == all
             ? rc
             : etl_failf(in->host, &e, "sqlite: %s: a trigger of the table left out %lld of %lld rows", into, all - stored, all);
}

static int32_t swap_one(struct loader *in, const struct aside *a) {
  bool there = false;
  char *names = NULL;
  int32_t rc = table_exists(in, a->target, &there);
  if (rc == ETL_OK && !there)
    return database_run_owned(&in->d, a->target, sqlite3_mprintf("ALTER TABLE \"%w\" RENAME TO \"%w\"", a->table, a->target));
  if (rc == ETL_OK)
    rc = table_add_columns(in, a->target, a->table);
  if (rc == ETL_OK)
    rc = column_names(in, a->table, &names);
  if (rc == ETL_OK)
    rc = database_run_owned(&in->d, a->target, sqlite3_mprintf("DELETE FROM \"%w\"; INSERT OR ABORT INTO \"%w\" (%s) SELECT %s FROM \"%w\"", a->target,
                                                               a->target, names, names, a->table));
  if (rc == ETL_OK)
    rc = aside_all_in(in, a->table, a->target);
  sqlite3_free(names);
  return rc == ETL_OK ? drop(in, a->table) : rc;
}

/* The cursors and the rows set aside of the run take the place of the others'. */
static int32_t adopt(struct loader *in, const char *run) {
  static const char *const statements[] = {
      "DELETE FROM etl_cursors WHERE pipeline = ?1 AND aside = '' AND ?2 = ?2", "UPDATE etl_cursors SET aside = '' WHERE pipeline = ?1 AND aside = ?2",
      "DELETE FROM etl_quarantine WHERE pipeline = ?1 AND aside = '' AND ?2 = ?2", "UPDATE etl_quarantine SET aside = '' WHERE pipeline = ?1 AND aside = ?2",
      "DELETE FROM etl_asides WHERE pipeline = ?1 AND run = ?2"};
  int32_t rc = ETL_OK;
  for (size_t i = 0; i < sizeof statements / sizeof *statements && rc == ETL_OK; i++)
    rc = state_run(in, "putting the new rows in place", statements[i], 2, (const char *const[]){in->pipeline, run}, NULL);
  return rc == ETL_OK ? capture_adopt(in, run) : rc;
}

/* Without a table aside it was done already, before an answer was lost. */
int32_t aside_swap(struct loader *in, const char *run) {
  struct asides a = {0};
  int32_t rc = database_begin(&in->d);
  if (rc == ETL_OK)
    rc = state_check_owner(in);
  if (rc == ETL_OK)
    rc = asides_of(in, run, false, &a);
  for (size_t i = 0; i < a.n && rc == ETL_OK; i++)
    rc = in->stages ? missing_publish(in, run, a.v[i].table, a.v[i].target) : swap_one(in, &a.v[i]);
  for (size_t i = 0; i < a.n && rc == ETL_OK && in->stages; i++)
    rc = drop(in, a.v[i].table);
  if (rc == ETL_OK && a.n > 0)
    rc = adopt(in, run);
  asides_free(&a);
  if (rc == ETL_OK)
    rc = database_run(&in->d, "committing", "COMMIT");
  database_rollback(&in->d);
  return rc;
}
