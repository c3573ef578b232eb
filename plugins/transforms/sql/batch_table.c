/* The virtual table over a batch.  It has no index: SQLite reads it from the first row to the last and asks for the columns that the
 * statement names, which come straight from the Arrow buffers.  Text and blobs are not copied: they outlive the step that reads them. */
#include <math.h>
#include <stdlib.h>

#include "sql/batch_table.h"
#include "value.h"

struct table {
  sqlite3_vtab base; /* first */
  struct batch_table *t;
};
struct cursor {
  sqlite3_vtab_cursor base; /* first */
  struct batch_table *t;
  int64_t row;
};

/* The type names that give SQLite's comparisons the right affinity. */
static const char *declared(const struct etl_format *f) {
  switch (f->logical) {
  case ETL_L_BOOL:
  case ETL_L_INT: return "INTEGER";
  case ETL_L_UINT: return f->width < 8 ? "INTEGER" : "NUMERIC";
  case ETL_L_FLOAT: return "REAL";
  case ETL_L_DECIMAL: return "NUMERIC";
  case ETL_L_BINARY: return "BLOB";
  default: return "TEXT";
  }
}

static int table_connect(sqlite3 *db, void *arg, int argc, const char *const *argv, sqlite3_vtab **ret, char **ret_error) {
  struct batch_table *t = arg;
  struct table *table = sqlite3_malloc(sizeof *table);
  sqlite3_str *sql = sqlite3_str_new(db);
  (void)argc;
  (void)argv;
  sqlite3_str_appendall(sql, "CREATE TABLE x(");
  for (int64_t i = 0; i < t->schema->n_children; i++) {
    struct etl_format f = {.logical = ETL_L_STRING};
    (void)!etl_format_parse(t->schema->children[i], &f); /* known: bind saw to that */
    sqlite3_str_appendf(sql, "%s\"%w\" %s", i ? "," : "", t->schema->children[i]->name, declared(&f));
  }
  sqlite3_str_appendall(sql, ")");
  char *text = sqlite3_str_finish(sql);
  int rc = text && table ? sqlite3_declare_vtab(db, text) : SQLITE_NOMEM;
  if (rc != SQLITE_OK && rc != SQLITE_NOMEM)
    *ret_error = sqlite3_mprintf("%s", sqlite3_errmsg(db));
  sqlite3_free(text);
  if (rc != SQLITE_OK) {
    sqlite3_free(table);
    return rc;
  }
  *table = (struct table){.t = t};
  *ret = &table->base;
  return SQLITE_OK;
}

static int table_disconnect(sqlite3_vtab *table) {
  sqlite3_free(table);
  return SQLITE_OK;
}

static int table_best_index(sqlite3_vtab *table, sqlite3_index_info *info) {
  (void)table;
  info->estimatedRows = 10000;
  info->estimatedCost = 10000;
  return SQLITE_OK;
}

static int table_open(sqlite3_vtab *base, sqlite3_vtab_cursor **ret) {
  struct batch_table *t = ((struct table *)base)->t;
  if (t->once && t->cursors > 0) {
    t->misused = true;
    return SQLITE_ERROR;
  }
  struct cursor *c = sqlite3_malloc(sizeof *c);
  if (!c)
    return SQLITE_NOMEM;
  *c = (struct cursor){.t = t};
  t->cursors++;
  *ret = &c->base;
  return SQLITE_OK;
}

static int table_close(sqlite3_vtab_cursor *base) {
  ((struct cursor *)base)->t->cursors--;
  sqlite3_free(base);
  return SQLITE_OK;
}

static int table_filter(sqlite3_vtab_cursor *base, int plan, const char *plan_text, int argc, sqlite3_value **argv) {
  struct cursor *c = (struct cursor *)base;
  (void)plan;
  (void)plan_text;
  (void)argc;
  (void)argv;
  c->row = c->t->at = c->t->from;
  return SQLITE_OK;
}

static int table_next(sqlite3_vtab_cursor *base) {
  struct cursor *c = (struct cursor *)base;
  c->t->at = ++c->row;
  return SQLITE_OK;
}

static int table_eof(sqlite3_vtab_cursor *base) {
  const struct cursor *c = (const struct cursor *)base;
  return c->row >= c->t->length;
}

static int table_rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *ret) {
  *ret = ((const struct cursor *)base)->row + 1;
  return SQLITE_OK;
}

/* A number when that loses nothing, else its digits. */
static void result_decimal(sqlite3_context *ctx, const struct etl_view *v, int64_t row) {
  enum { EXACT_POWERS = 22, DOUBLE_DIGITS = 15 };
  static const double powers[EXACT_POWERS + 1] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                                  1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
  const __int128 limit = 1000000000000000; /* 10^DOUBLE_DIGITS */
  struct value x = value_load(v, row);
  char buf[VALUE_TEXT_BYTES];
  __int128 n = x.number;
  int32_t scale = x.scale;
  if (scale == 0 && n == (int64_t)n) {
    sqlite3_result_int64(ctx, (int64_t)n);
    return;
  }
  while (scale > 0 && n % 10 == 0 && (n >= limit || n <= -limit || scale > EXACT_POWERS)) {
    n /= 10;
    scale--;
  }
  if (scale >= 0 && scale <= EXACT_POWERS && n < limit && n > -limit)
    sqlite3_result_double(ctx, (double)n / powers[scale]);
  else
    sqlite3_result_text(ctx, buf, (int)value_print(&x, buf), SQLITE_TRANSIENT);
}

static void result_printed(sqlite3_context *ctx, const struct etl_view *v, int64_t row) {
  char buf[VALUE_TEXT_BYTES];
  struct value x = value_load(v, row);
  x.zoned = false; /* instants are told in UTC, as SQLite's own functions do */
  sqlite3_result_text(ctx, buf, (int)value_print(&x, buf), SQLITE_TRANSIENT);
}

static void result_sample(sqlite3_context *ctx, const struct ArrowSchema *column, bool json) {
  struct etl_format f = {.logical = ETL_L_STRING};
  (void)!etl_format_parse(column, &f);
  const char *type = declared(&f);
  if (strcmp(type, "INTEGER") == 0 || (f.logical == ETL_L_DECIMAL && f.scale == 0))
    sqlite3_result_int(ctx, 1);
  else if (*type == 'R' || *type == 'N')
    sqlite3_result_double(ctx, 1.5);
  else if (*type == 'B')
    sqlite3_result_zeroblob(ctx, 1);
  else
    sqlite3_result_text(ctx, json || f.logical == ETL_L_JSON ? "[1]" : f.logical == ETL_L_TIME ? "12:00:00" : "2000-01-01", -1, SQLITE_STATIC);
}

static int table_column(sqlite3_vtab_cursor *base, sqlite3_context *ctx, int column) {
  const struct cursor *c = (const struct cursor *)base;
  const struct etl_view *v = &c->t->views[column];
  if (c->t->probe == PROBE_SAMPLES || c->t->probe == PROBE_JSON)
    result_sample(ctx, c->t->schema->children[column], c->t->probe == PROBE_JSON);
  if (c->t->probe != PROBE_NONE)
    return SQLITE_OK; /* NULL is what a result is at first */
  if (etl_view_null(v, c->row))
    return SQLITE_OK;
  struct etl_bytes b;
  switch (v->f.logical) {
  case ETL_L_BOOL: sqlite3_result_int(ctx, etl_view_bool(v, c->row)); break;
  case ETL_L_UINT:
    if (v->f.width == 8 && etl_view_i64(v, c->row) < 0) {
      result_printed(ctx, v, c->row);
      break;
    } /* fall through */
  case ETL_L_INT: sqlite3_result_int64(ctx, etl_view_i64(v, c->row)); break;
  case ETL_L_FLOAT: sqlite3_result_double(ctx, etl_view_f64(v, c->row)); break;
  case ETL_L_DECIMAL: result_decimal(ctx, v, c->row); break;
  case ETL_L_STRING:
  case ETL_L_JSON:
    b = etl_view_bytes(v, c->row);
    sqlite3_result_text64(ctx, b.n ? b.p : "", b.n, SQLITE_STATIC, SQLITE_UTF8);
    break;
  case ETL_L_BINARY:
    b = etl_view_bytes(v, c->row);
    sqlite3_result_blob64(ctx, b.n ? b.p : "", b.n, SQLITE_STATIC);
    break;
  default: result_printed(ctx, v, c->row);
  }
  return SQLITE_OK;
}

static const sqlite3_module module = { /* without xCreate: the table is there without a CREATE */
    .iVersion = 2,
    .xConnect = table_connect,
    .xBestIndex = table_best_index,
    .xDisconnect = table_disconnect,
    .xDestroy = table_disconnect,
    .xOpen = table_open,
    .xClose = table_close,
    .xFilter = table_filter,
    .xNext = table_next,
    .xEof = table_eof,
    .xColumn = table_column,
    .xRowid = table_rowid};

int batch_table_init(struct batch_table *t, sqlite3 *db, const char *name, const struct ArrowSchema *schema) {
  *t = (struct batch_table){.schema = schema, .views = calloc((size_t)schema->n_children + 1, sizeof *t->views)};
  return t->views ? sqlite3_create_module(db, name, &module, t) : SQLITE_NOMEM;
}

void batch_table_fini(struct batch_table *t) {
  free(t->views);
  *t = (struct batch_table){0};
}

int batch_table_rows(struct batch_table *t, const struct ArrowArray *rows) {
  for (int64_t i = 0; i < t->schema->n_children; i++)
    if (etl_view_init(&t->views[i], t->schema, rows, i) < 0)
      return -1;
  batch_table_empty(t, PROBE_NONE);
  t->length = rows->length;
  return 0;
}

void batch_table_empty(struct batch_table *t, enum batch_probe probe) {
  t->probe = probe;
  t->length = probe != PROBE_NONE;
  t->from = t->at = 0;
}
