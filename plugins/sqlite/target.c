/* Tables that rows go into: found or made, given the columns that they lack, and written row by row. */
#include <stdio.h>
#include <stdlib.h>

#include "loader.h"

/* ---- names ---------------------------------------------------------------------------------------------------------------------------------- */

char *target_table(const char *pattern, const char *stream) {
  static const char *const placeholders[] = {"{stream_schema}", "{stream_table}", "{stream}"};
  const char *dot = strrchr(stream, '.');
  const char *const from[] = {stream, dot ? dot + 1 : stream, stream};
  const size_t lengths[] = {dot ? (size_t)(dot - stream) : 0, strlen(from[1]), strlen(stream)};
  char *name = malloc(strlen(pattern) * (strlen(stream) + 1) + 1);
  size_t n = 0;
  for (const char *p = pattern; name && *p;) {
    size_t k = 0;
    while (k < 3 && strncmp(p, placeholders[k], strlen(placeholders[k])) != 0)
      k++;
    if (k == 3) {
      name[n++] = *p++;
      continue;
    }
    memcpy(name + n, from[k], lengths[k]);
    n += lengths[k];
    p += strlen(placeholders[k]);
  }
  if (name)
    name[n] = 0;
  return name;
}

static void target_free(struct target *g) {
  sqlite3_finalize(g->insert);
  etl_schema_release(&g->rows);
  free(g->views);
  free(g->key);
  free(g->stream);
  free(g->table);
  free(g->into);
  free(g);
}

static int32_t check_name(const struct loader *in, const struct target *g) {
  struct etl_error e = ETL_ERROR(ETL_E_CONFIG);
  e.option = "table";
  if (!*g->table || sqlite3_strnicmp(g->table, "sqlite_", 7) == 0 || sqlite3_strnicmp(g->table, "etl_", 4) == 0)
    return etl_failf(in->host, &e, "sqlite: a table cannot be called \"%s\" (names that begin with sqlite_ or etl_ are taken)", g->table);
  e.remedy = "put {stream_table} into `table`";
  for (const struct target *other = in->targets; other; other = other->next)
    if (sqlite3_stricmp(other->table, g->table) == 0)
      return etl_failf(in->host, &e, "sqlite: the streams %s and %s would both go into %s", other->stream, g->stream, g->table);
  return ETL_OK;
}

int32_t target_of(struct loader *in, const char *stream, struct target **ret) {
  for (*ret = in->targets; *ret; *ret = (*ret)->next)
    if (strcmp((*ret)->stream, stream) == 0)
      return ETL_OK;
  struct target *g = calloc(1, sizeof *g);
  if (!g)
    return database_no_memory(&in->d);
  g->in = in;
  g->stream = strdup(stream);
  g->table = target_table(in->table, stream);
  char *aside = g->table ? sqlite3_mprintf("%s_etl_%s", g->table, in->run) : NULL;
  g->into = !aside ? NULL : strdup(loader_asides(in) ? aside : g->table);
  sqlite3_free(aside);
  int32_t rc = g->stream && g->table && g->into ? check_name(in, g) : database_no_memory(&in->d);
  if (rc != ETL_OK) {
    target_free(g);
    return rc;
  }
  g->next = in->targets;
  *ret = in->targets = g;
  return ETL_OK;
}

void targets_fini(struct loader *in) {
  for (struct target *g = in->targets, *next; g; g = next) {
    next = g->next;
    target_free(g);
  }
  in->targets = NULL;
}

/* ---- tables --------------------------------------------------------------------------------------------------------------------------------- */

int32_t table_exists(struct loader *in, const char *table, bool *ret) {
  sqlite3_stmt *stmt = NULL;
  const char *doing = "looking for a table";
  *ret = false;
  int32_t rc = database_prepare(&in->d, doing, "SELECT 1 FROM sqlite_schema WHERE type IN ('table', 'view') AND lower(name) = lower(?1)", &stmt);
  if (rc == ETL_OK) {
    database_bind(stmt, 1, &table);
    rc = database_step(&in->d, doing, stmt, ret);
  }
  sqlite3_finalize(stmt);
  return rc;
}

int32_t table_has(struct loader *in, const char *table, const char *column, bool *ret) {
  sqlite3_stmt *stmt = NULL;
  const char *doing = "looking at its columns";
  int32_t rc = database_prepare(&in->d, doing, "SELECT 1 FROM pragma_table_xinfo(?1) WHERE lower(name) = lower(?2)", &stmt);
  if (rc == ETL_OK) {
    database_bind(stmt, 2, (const char *const[]){table, column});
    rc = database_step(&in->d, doing, stmt, ret);
  }
  sqlite3_finalize(stmt);
  return rc;
}

bool target_is_key(const struct loader *in, const char *column) {
  for (size_t i = 0; i < in->key_n; i++)
    if (sqlite3_stricmp(in->key[i], column) == 0)
      return true;
  return false;
}

/* A lone whole number as the key is called INTEGER, whatever its width: SQLite then needs no second tree for it. */
bool target_type(const struct loader *in, const struct ArrowSchema *column, char ret[TYPE_BYTES]) {
  struct etl_format f;
  if (!type_declared(column, ret))
    return false;
  if (in->key_n == 1 && target_is_key(in, column->name) && etl_format_parse(column, &f) == 0 && f.logical == ETL_L_INT)
    snprintf(ret, TYPE_BYTES, "INTEGER");
  return true;
}

static int32_t told(struct target *g, uint32_t kind, const char *column, const char *to) {
  struct etl_schema_change c = {.struct_size = sizeof c, .kind = kind, .stream = g->stream, .table = g->table, .column = column, .to = to};
  if (ETL_HAS(g->in->host, etl_host, schema_change) && g->in->host->schema_change)
    g->in->host->schema_change(g->in->host, &c);
  return ETL_OK;
}

int32_t target_create(struct target *g, const char *table) {
  struct loader *in = g->in;
  struct etl_error e = ETL_ERROR(ETL_E_CONFIG);
  e.option = "table";
  e.remedy = "create it, or leave out create = false";
  if (!in->create)
    return etl_failf(in->host, &e, "sqlite: %s has no table %s", in->d.path, g->table);
  sqlite3_str *sql = sqlite3_str_new(in->d.db);
  sqlite3_str_appendf(sql, "CREATE TABLE \"%w\" (", table);
  for (int64_t i = 0; i < g->rows.n_children; i++) {
    char type[TYPE_BYTES];
    (void)!target_type(in, g->rows.children[i], type); /* it can: check_columns() */
    sqlite3_str_appendf(sql, "%s\"%w\" %s%s", i ? ", " : "", g->rows.children[i]->name, type, target_is_key(in, g->rows.children[i]->name) ? " NOT NULL" : "");
  }
  for (size_t i = 0; i < in->key_n; i++)
    sqlite3_str_appendf(sql, "%s\"%w\"", i ? ", " : ", PRIMARY KEY (", in->key[i]);
  sqlite3_str_appendall(sql, in->key_n ? "))" : ")");
  int32_t rc = database_run_owned(&in->d, "making a table", sqlite3_str_finish(sql));
  return rc == ETL_OK && (!in->stages || table == g->table) ? told(g, ETL_CHANGE_TABLE_CREATED, NULL, NULL) : rc;
}

int32_t target_add_columns(struct target *g, const char *table) {
  struct loader *in = g->in;
  bool own = in->stages && table == g->into; /* nobody's but this run's */
  struct etl_error e = ETL_ERROR(ETL_E_SCHEMA);
  e.remedy = "add it, drop it from the rows, or set schema_contract = \"evolve\"";
  for (int64_t i = 0; i < g->rows.n_children; i++) {
    const char *name = g->rows.children[i]->name;
    char type[TYPE_BYTES];
    bool has = false;
    int32_t rc = table_has(in, table, name, &has);
    if (rc == ETL_OK && !has && in->contract == CONTRACT_FREEZE && !own)
      return etl_failf(in->host, &e, "sqlite: table %s has no column \"%s\", and schema_contract adds none", g->table, name);
    (void)!type_declared(g->rows.children[i], type);
    if (rc == ETL_OK && !has)
      rc = database_run_owned(&in->d, "adding a column", sqlite3_mprintf("ALTER TABLE \"%w\" ADD COLUMN \"%w\" %s", table, name, type));
    if (rc == ETL_OK && !has && !own)
      rc = told(g, ETL_CHANGE_COLUMN_ADDED, name, type);
    if (rc != ETL_OK)
      return rc;
  }
  return ETL_OK;
}

int32_t table_add_columns(struct loader *in, const char *table, const char *like) {
  sqlite3_stmt *stmt = NULL;
  bool row = true;
  int32_t rc = database_prepare(&in->d, "looking at its columns",
                                "SELECT name, type FROM pragma_table_info(?1) WHERE lower(name) NOT IN (SELECT lower(name) FROM pragma_table_xinfo(?2))", &stmt);
  if (rc == ETL_OK)
    database_bind(stmt, 2, (const char *const[]){like, table});
  while (rc == ETL_OK && row) {
    rc = database_step(&in->d, "looking at its columns", stmt, &row);
    if (rc == ETL_OK && row)
      rc = database_run_owned(&in->d, "adding a column", sqlite3_mprintf("ALTER TABLE \"%w\" ADD COLUMN \"%w\" %s", table, sqlite3_column_text(stmt, 0),
                                                                         sqlite3_column_text(stmt, 1)));
  }
  sqlite3_finalize(stmt);
  return rc;
}

/* ---- preparing -------------------------------------------------------------------------------------------------------------------------------- */

static int32_t check_columns(struct target *g, const struct etl_stream *stream) {
  struct loader *in = g->in;
  struct etl_error e = ETL_ERROR(ETL_E_SCHEMA);
  char type[TYPE_BYTES];
  for (int64_t i = 0; i < g->rows.n_children; i++)
    if (!type_declared(g->rows.children[i], type)) {
      e.column = (int32_t)i;
      return etl_failf(in->host, &e, "sqlite: column \"%s\" of stream %s is of type %s, which a table cannot hold", g->rows.children[i]->name, g->stream,
                       g->rows.children[i]->format);
    }
  e = ETL_ERROR(ETL_E_CONFIG);
  if ((stream->flags & ETL_STREAM_WHOLE) && in->mode == MODE_APPEND && !in->replace) {
    e.option = "mode";
    e.remedy = "set `cursor` at the extractor, or mode = \"merge\" with a key, or mode = \"replace\"";
    return etl_failf(in->host, &e, "sqlite: append without a cursor would add every row again at each run");
  }
  e.option = "key";
  free(g->key);
  g->key = calloc(in->key_n + 1, sizeof *g->key);
  for (size_t k = 0; g->key && k < in->key_n; k++) {
    while (g->key[k] < g->rows.n_children && sqlite3_stricmp(g->rows.children[g->key[k]]->name, in->key[k]) != 0)
      g->key[k]++;
    if (g->key[k] == g->rows.n_children)
      return etl_failf(in->host, &e, "sqlite: key names the column \"%s\", which the rows of %s do not have", in->key[k], g->stream);
  }
  int32_t rc = g->key ? upsert_check(g) : database_no_memory(&in->d);
  return rc == ETL_OK && in->stages ? missing_check(g, stream->flags & ETL_STREAM_WHOLE) : rc;
}

static void add_names(sqlite3_str *sql, const struct target *g) {
  for (int64_t i = 0; i < g->rows.n_children; i++)
    sqlite3_str_appendf(sql, "%s\"%w\"", i ? ", " : "", g->rows.children[i]->name);
}

int32_t target_fail(struct target *g, int code) {
  struct loader *in = g->in;
  struct etl_error e = ETL_ERROR(ETL_E_CONFIG);
  e.option = "key";
  e.remedy = "make a unique index on just the columns of `key`: CREATE UNIQUE INDEX ...";
  if (strstr(sqlite3_errmsg(in->d.db), "ON CONFLICT clause does not match"))
    return etl_failf(in->host, &e, "sqlite: table %s has no unique index on just the columns of `key`, which a merge needs", g->table);
  return database_fail(&in->d, code, g->table);
}

static int32_t prepare_insert(struct target *g) {
  struct loader *in = g->in;
  sqlite3_str *sql = sqlite3_str_new(in->d.db);
  /* A clause of the table's own must not end the transaction, nor drop rows: their constraints abort the statement. */
  sqlite3_str_appendf(sql, "INSERT OR ABORT INTO \"%w\" (", g->into);
  add_names(sql, g);
  for (int64_t i = 0; i < g->rows.n_children; i++)
    sqlite3_str_appendf(sql, "%s?%d", i ? ", " : ") VALUES (", (int)i + 1);
  sqlite3_str_appendall(sql, ")");
  if (loader_merges(in))
    upsert_add(sql, g);
  char *text = sqlite3_str_finish(sql);
  if (!text)
    return database_no_memory(&in->d);
  int code = sqlite3_prepare_v3(in->d.db, text, -1, SQLITE_PREPARE_PERSISTENT, &g->insert, NULL);
  sqlite3_free(text);
  if (code == SQLITE_OK) {
    g->may_be_there = in->newest_by || strstr(sqlite3_sql(g->insert), " DO NOTHING");
    g->counts = sqlite3_table_column_metadata(in->d.db, NULL, g->into, NULL, NULL, NULL, NULL, NULL, NULL) == SQLITE_OK;
    return ETL_OK;
  }
  return target_fail(g, code);
}

static int32_t make(struct target *g) {
  struct loader *in = g->in;
  bool there = false;
  int32_t rc = in->replace ? aside_create(g) : in->stages ? missing_prepare(g) : ETL_OK;
  if (rc == ETL_OK)
    rc = table_exists(in, g->into, &there);
  if (rc == ETL_OK && !there)
    rc = target_create(g, g->into);
  if (rc == ETL_OK)
    rc = target_add_columns(g, g->into);
  return rc == ETL_OK ? database_run(&in->d, "committing", "COMMIT") : rc;
}

int32_t target_prepare(struct target *g, const struct etl_stream *stream, const struct ArrowSchema *schema) {
  struct loader *in = g->in;
  sqlite3_finalize(g->insert);
  g->insert = NULL;
  etl_schema_release(&g->rows);
  free(g->views);
  g->views = calloc((size_t)schema->n_children + 1, sizeof *g->views);
  if (!g->views || etl_schema_copy(schema, &g->rows) < 0)
    return database_no_memory(&in->d);
  int32_t rc = check_columns(g, stream);
  if (rc == ETL_OK)
    rc = loader_connect(in);
  if (rc == ETL_OK)
    rc = database_begin(&in->d);
  if (rc == ETL_OK)
    rc = make(g);
  database_rollback(&in->d);
  return rc == ETL_OK ? prepare_insert(g) : rc;
}

/* ---- rows --------------------------------------------------------------------------------------------------------------------------------------- */

/* The row to blame stands alone: SQLite undoes what a failed statement did, and the transaction goes on. */
static int32_t refuse(struct target *g, const struct ArrowArray *rows, int64_t row, int code, const char *why, int64_t column) {
  struct loader *in = g->in;
  struct etl_error e = ETL_ERROR(ETL_E_DATA);
  e.vendor_code = code;
  e.row = row;
  e.column = (int32_t)column;
  if (in->careful)
    return etl_reject(in->host, &e, g->stream, &g->rows, rows, row, "sqlite: %s: %s", g->table, why);
  return etl_failf(in->host, &e, "sqlite: %s: %s", g->table, why);
}

static int32_t write_row(struct target *g, const struct ArrowArray *rows, int64_t row) {
  struct loader *in = g->in;
  int code = SQLITE_OK;
  for (size_t k = 0; k < in->key_n; k++) /* SQLite would give a lone INTEGER key a number of its own */
    if (etl_view_null(&g->views[g->key[k]], row)) {
      char why[200];
      snprintf(why, sizeof why, "NULL in the key column \"%.150s\"", in->key[k]);
      return refuse(g, rows, row, 0, why, g->key[k]);
    }
  for (int64_t i = 0; i < g->rows.n_children && code == SQLITE_OK; i++)
    if ((code = type_bind(g->insert, (int)i + 1, &g->views[i], row)) == SQLITE_MISMATCH)
      return refuse(g, rows, row, code, "SQLite cannot hold NaN", i);
  if (code == SQLITE_OK)
    code = sqlite3_step(g->insert);
  if (code == SQLITE_DONE) {
    bool stored = !g->counts || sqlite3_changes64(in->d.db) > 0;
    sqlite3_reset(g->insert);
    in->written += stored;
    if (!stored && g->may_be_there)
      in->host->count(in->host, "rows_there_already", 1);
    return stored || g->may_be_there ? ETL_OK : refuse(g, rows, row, 0, "a trigger of the table left the row out", -1);
  }
  char why[512];
  snprintf(why, sizeof why, "%s", sqlite3_errmsg(in->d.db));
  bool of_row = database_is_of_row(code) && !sqlite3_get_autocommit(in->d.db);
  int32_t rc = of_row ? refuse(g, rows, row, code, why, -1) : database_fail(&in->d, code, g->table);
  sqlite3_reset(g->insert);
  return rc;
}

int32_t target_write(struct target *g, const struct ArrowArray *rows) {
  struct loader *in = g->in;
  struct etl_error e = ETL_ERROR(ETL_E_INTERNAL);
  for (int64_t i = 0; i < g->rows.n_children; i++)
    if (etl_view_init(&g->views[i], &g->rows, rows, i) < 0)
      return etl_failf(in->host, &e, "sqlite: a batch is not of its schema");
  int32_t rc = ETL_OK;
  for (int64_t row = 0; row < rows->length && rc == ETL_OK; row++)
    rc = write_row(g, rows, row);
  sqlite3_clear_bindings(g->insert);
  return rc;
}
