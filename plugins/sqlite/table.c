/* What a stream is: a table, a view or a query; its columns and their types; and the statement that reads it.  A column whose declared
 * type says nothing gets the type of its first value, text if there is none. */
#include <stdio.h>
#include <stdlib.h>

#include "source.h"

enum { SAMPLE_ROWS = 1000 };

/* ---- listing ----------------------------------------------------------------------------------------------------------------------------- */

/* Its primary key, ended by NULL; to be freed with its texts by key_free(). */
static int32_t key_of(struct database *d, const char *table, char ***ret) {
  sqlite3_stmt *stmt = NULL;
  size_t n = 0;
  char **key = calloc(1, sizeof *key);
  int32_t rc = database_prepare(d, "looking for its key", "SELECT name FROM pragma_table_xinfo(?1) WHERE pk > 0 ORDER BY pk", &stmt);
  database_bind(stmt, 1, &table);
  while (rc == ETL_OK && key) {
    bool row;
    rc = database_step(d, "looking for its key", stmt, &row);
    if (rc != ETL_OK || !row)
      break;
    char **grown = realloc(key, (n + 2) * sizeof *key);
    key = grown ? grown : key;
    if (!grown || !(key[n] = strdup((const char *)sqlite3_column_text(stmt, 0))))
      rc = database_no_memory(d);
    else
      key[++n] = NULL;
  }
  sqlite3_finalize(stmt);
  *ret = key;
  return key ? rc : database_no_memory(d);
}

static void key_free(char **key) {
  for (char **k = key; k && *k; k++)
    free(*k);
  free(key);
}

static int32_t tell(struct database *d, const char *name, uint32_t flags, int32_t (*each)(void *arg, const struct etl_stream *), void *arg) {
  char **key = NULL;
  int32_t rc = key_of(d, name, &key);
  struct etl_stream s = {.struct_size = sizeof s, .flags = flags, .name = name, .key = rc == ETL_OK && key[0] ? (const char *const *)key : NULL};
  if (rc == ETL_OK)
    rc = each(arg, &s);
  key_free(key);
  return rc;
}

/* The tables of one name or pattern. */
static int32_t list_one(struct database *d, const char *name, bool all, uint32_t flags, int32_t (*each)(void *arg, const struct etl_stream *), void *arg) {
  struct etl_error e = ETL_ERROR(ETL_E_CONFIG);
  sqlite3_stmt *stmt = NULL;
  bool row = true, any = false, pattern = strpbrk(name, "*?") != NULL;
  int32_t rc = database_prepare(d, "listing its tables",
                                pattern ? "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') AND name GLOB ?1 AND name NOT LIKE 'sqlite\\_%' "
                                          "ESCAPE '\\' AND name NOT LIKE 'etl\\_%' ESCAPE '\\' ORDER BY name"
                                        : "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') AND lower(name) = lower(?1)",
                                &stmt);
  database_bind(stmt, 1, &name);
  while (rc == ETL_OK && row) {
    rc = database_step(d, "listing its tables", stmt, &row);
    any |= row;
    if (rc == ETL_OK && row)
      rc = tell(d, (const char *)sqlite3_column_text(stmt, 0), flags, each, arg);
  }
  sqlite3_finalize(stmt);
  e.option = "tables";
  return rc == ETL_OK && !any && all ? etl_failf(d->host, &e, "sqlite: %s has no table or view %s", d->path, name) : rc;
}

int32_t table_list(struct database *d, const struct list *names, bool all, uint32_t flags, int32_t (*each)(void *arg, const struct etl_stream *), void *arg) {
  int32_t rc = ETL_OK;
  for (size_t i = 0; i < names->n && rc == ETL_OK; i++)
    rc = list_one(d, names->v[i], all, flags, each, arg);
  return rc;
}

/* ---- the statement -------------------------------------------------------------------------------------------------------------------------- */

static int32_t look_for_rowid(struct reader *r) {
  sqlite3_stmt *stmt = NULL;
  bool row = false;
  if (r->is_query)
    return ETL_OK;
  const char *doing = "looking at the table", *name = r->stream;
  int32_t rc = database_prepare(&r->d, doing, "SELECT 1 FROM pragma_table_list WHERE schema = 'main' AND lower(name) = lower(?1) AND type = 'table' AND wr = 0", &stmt);
  database_bind(stmt, 1, &name);
  if (rc == ETL_OK)
    rc = database_step(&r->d, doing, stmt, &row);
  r->has_rowid = row;
  sqlite3_finalize(stmt);
  return rc;
}

static void add_cursor(sqlite3_str *sql, const struct list *cursor, bool behind) {
  for (size_t i = 0; i < cursor->n; i++)
    sqlite3_str_appendf(sql, " AND \"%w\" IS NOT NULL", cursor->v[i]);
  for (int side = 0; behind && side < 2; side++) {
    sqlite3_str_appendall(sql, side ? ") > (" : " AND (");
    for (size_t i = 0; i < cursor->n; i++)
      if (side)
        sqlite3_str_appendf(sql, "%s?%d", i ? ", " : "", (int)i + 1);
      else
        sqlite3_str_appendf(sql, "%s\"%w\" COLLATE BINARY", i ? ", " : "", cursor->v[i]);
  }
  sqlite3_str_appendall(sql, behind ? ")" : "");
  for (size_t i = 0; i < cursor->n; i++)
    sqlite3_str_appendf(sql, "%s \"%w\" COLLATE BINARY", i ? "," : " ORDER BY", cursor->v[i]);
}

/* SELECT over the stream, as far as WHERE (...); more conditions may follow. */
static sqlite3_str *select_from(struct reader *r) {
  const struct source *s = r->s;
  sqlite3_str *sql = sqlite3_str_new(r->d.db);
  sqlite3_str_appendall(sql, r->has_rowid ? "SELECT rowid AS \"etl rowid\", " : "SELECT ");
  for (size_t i = 0; i < s->columns.n; i++)
    sqlite3_str_appendf(sql, "%s\"%w\"", i ? ", " : "", s->columns.v[i]);
  sqlite3_str_appendall(sql, s->columns.n ? " FROM " : "* FROM ");
  if (r->is_query)
    sqlite3_str_appendf(sql, "(%s\n)", s->query);
  else
    sqlite3_str_appendf(sql, "\"%w\"", r->stream);
  sqlite3_str_appendall(sql, " WHERE 1");
  if (s->where)
    sqlite3_str_appendf(sql, " AND (%s\n)", s->where);
  return sql;
}

static int32_t prepare(struct reader *r, sqlite3_str *sql, sqlite3_stmt **ret) {
  char *text = sqlite3_str_finish(sql);
  if (!text)
    return database_no_memory(&r->d);
  int code = sqlite3_prepare_v2(r->d.db, text, -1, ret, NULL);
  sqlite3_free(text);
  const char *option = r->s->where ? "where" : r->s->columns.n ? "columns" : r->is_query ? "query" : "table";
  return code == SQLITE_OK ? ETL_OK : database_fail_sql(&r->d, option, r->is_query ? "preparing the query" : r->stream);
}

/* ---- columns --------------------------------------------------------------------------------------------------------------------------------- */

/* The first storage class in each column that is not NULL: kinds[i], 0 none. */
static int32_t sample(struct reader *r, int *kinds) {
  sqlite3_stmt *stmt = NULL;
  sqlite3_str *sql = select_from(r);
  sqlite3_str_appendf(sql, " LIMIT %d", SAMPLE_ROWS);
  int32_t rc = prepare(r, sql, &stmt);
  for (bool row = true; rc == ETL_OK && row;) {
    rc = database_step(&r->d, "looking at its first rows", stmt, &row);
    for (int i = 0; row && i < sqlite3_column_count(stmt); i++)
      if (!kinds[i] && sqlite3_column_type(stmt, i) != SQLITE_NULL)
        kinds[i] = sqlite3_column_type(stmt, i);
  }
  sqlite3_finalize(stmt);
  return rc;
}

static const char *option_type(const struct source *s, const char *column) {
  for (size_t i = 0; i + 1 < s->types.n; i += 2)
    if (sqlite3_stricmp(s->types.v[i], column) == 0)
      return s->types.v[i + 1];
  return NULL;
}

static int32_t set_column(struct reader *r, int at, int64_t i, const int *kinds) {
  const char *name = sqlite3_column_name(r->stmt, at), *declared = option_type(r->s, name), *extension = NULL;
  char format[TYPE_BYTES];
  struct etl_error e = ETL_ERROR(ETL_E_CONFIG);
  e.option = "types";
  e.remedy = "name it as a table of SQLite would declare it: INTEGER, TEXT, REAL, BLOB, DECIMAL(12,2), DATE, TIMESTAMP ...";
  bool wanted = declared != NULL;
  if (!declared)
    declared = sqlite3_column_decltype(r->stmt, at);
  if (!type_of_declared(declared, format, &extension)) {
    if (wanted)
      return etl_failf(r->d.host, &e, "sqlite: there is no type \"%s\" for column \"%s\"", declared, name);
    snprintf(format, sizeof format, "%s", kinds[at] == SQLITE_INTEGER ? "l" : kinds[at] == SQLITE_FLOAT ? "g" : kinds[at] == SQLITE_BLOB ? "z" : "u");
  }
  r->columns[i].at = at;
  if (etl_schema_set(&r->schema, i, name, format, true, declared, extension) < 0 || etl_format_parse(r->schema.children[i], &r->columns[i].f) < 0)
    return database_no_memory(&r->d);
  return ETL_OK;
}

static bool any_unknown(sqlite3_stmt *stmt) {
  char format[TYPE_BYTES];
  const char *extension;
  for (int i = 0; i < sqlite3_column_count(stmt); i++)
    if (!type_of_declared(sqlite3_column_decltype(stmt, i), format, &extension))
      return true;
  return false;
}

static int32_t set_schema(struct reader *r) {
  int all = sqlite3_column_count(r->stmt), from = r->has_rowid ? 1 : 0, *kinds = calloc((size_t)all + 1, sizeof *kinds);
  int32_t rc = kinds ? ETL_OK : database_no_memory(&r->d);
  if (rc == ETL_OK && any_unknown(r->stmt))
    rc = sample(r, kinds);
  r->columns = calloc((size_t)all + 1, sizeof *r->columns);
  if (rc == ETL_OK && (!r->columns || etl_schema_init(&r->schema, all - from) < 0))
    rc = database_no_memory(&r->d);
  for (int i = from; i < all && rc == ETL_OK; i++)
    rc = set_column(r, i, i - from, kinds);
  free(kinds);
  return rc;
}

static int32_t find_cursor(struct reader *r) {
  struct etl_error e = ETL_ERROR(ETL_E_CONFIG);
  const struct list *cursor = &r->s->cursor;
  e.option = "cursor";
  r->cursor_at = calloc(cursor->n + 1, sizeof *r->cursor_at);
  if (!r->cursor_at)
    return database_no_memory(&r->d);
  for (size_t k = 0; k < cursor->n; k++) {
    int64_t i = 0;
    while (i < r->schema.n_children && sqlite3_stricmp(r->schema.children[i]->name, cursor->v[k]) != 0)
      i++;
    if (i == r->schema.n_children && !(r->has_rowid && sqlite3_stricmp(cursor->v[k], "rowid") == 0))
      return etl_failf(r->d.host, &e, "sqlite: cursor names the column \"%s\", which %s does not have or `columns` leaves out", cursor->v[k], r->stream);
    r->cursor_at[k] = i == r->schema.n_children ? 0 : r->columns[i].at;
  }
  return ETL_OK;
}

/* Rows that a cursor never reaches are worth a word. */
static int32_t warn_of_nulls(struct reader *r) {
  for (size_t k = 0; k < r->s->cursor.n; k++) {
    sqlite3_stmt *stmt = NULL;
    bool row = false;
    sqlite3_str *sql = select_from(r);
    sqlite3_str_appendf(sql, " AND \"%w\" IS NULL LIMIT 1", r->s->cursor.v[k]);
    int32_t rc = prepare(r, sql, &stmt);
    if (rc == ETL_OK)
      rc = database_step(&r->d, "looking for NULLs in the cursor", stmt, &row);
    sqlite3_finalize(stmt);
    if (rc != ETL_OK)
      return rc;
    if (row)
      etl_logf(r->d.host, ETL_LOG_WARN, "sqlite: %s: rows with NULL in the cursor column \"%s\" are not read", r->stream, r->s->cursor.v[k]);
  }
  return ETL_OK;
}

static int32_t read_from(struct reader *r, const struct tuple *from) {
  sqlite3_finalize(r->stmt);
  r->stmt = NULL;
  sqlite3_str *sql = select_from(r);
  range_add(r, sql);
  add_cursor(sql, &r->s->cursor, from->n > 0);
  int32_t rc = prepare(r, sql, &r->stmt);
  if (rc == ETL_OK && tuple_bind(from, r->stmt) != SQLITE_OK)
    rc = database_no_memory(&r->d);
  return rc == ETL_OK ? range_bind(r) : rc;
}

int32_t table_open(struct reader *r, const struct tuple *from) {
  char **key = NULL;
  int32_t rc = look_for_rowid(r);
  if (rc == ETL_OK)
    rc = prepare(r, select_from(r), &r->stmt); /* without the cursor, to see the columns */
  if (rc == ETL_OK)
    rc = set_schema(r);
  if (rc == ETL_OK)
    rc = find_cursor(r);
  if (rc == ETL_OK)
    rc = warn_of_nulls(r);
  if (rc == ETL_OK && !r->is_query)
    rc = key_of(&r->d, r->stream, &key);
  if (rc == ETL_OK)
    rc = range_find(r, key ? key[0] : NULL);
  if (rc == ETL_OK)
    rc = read_from(r, from);
  key_free(key);
  return rc;
}
