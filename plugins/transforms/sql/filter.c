/* filter: keeps the rows for which a SQL expression is true.  A batch that keeps all of its rows is passed on untouched, another one is
 * copied without the others. */
#include <stdlib.h>

#include "sql/kept.h"
#include "sql/sql_db.h"
#include "transformer.h"

enum {
  OPT_WHERE
};
static const struct etl_option *const options[] = {
    [OPT_WHERE] = OPTION("where", ETL_T_STRING, .flags = ETL_OPT_REQUIRED, .example = "country = 'DE' AND total > 10",
                         .doc = "Expression in SQLite's SQL over the columns of a row; rows for which it is false or NULL are left out."),
    NULL,
};

struct filter {
  const struct etl_host *host;
  char *where;
  struct sql_db db;
};

static void filter_close(void *self) {
  struct filter *f = self;
  sql_db_fini(&f->db);
  free(f->where);
  free(f);
}

static int32_t filter_open(const struct etl_open *o, void **self) {
  const char *where = etl_opt_str(o, OPT_WHERE);
  int32_t rc = sql_db_expression(o->host, "filter", "where", where);
  if (rc != ETL_OK)
    return rc;
  struct filter *f = calloc(1, sizeof *f);
  if (!f || !(f->where = strdup(where))) {
    free(f);
    return transformer_no_memory(o->host, "filter");
  }
  f->host = o->host;
  *self = f;
  return ETL_OK;
}

static int32_t filter_bind(void *self, const struct etl_stream *in, int32_t (*out)(void *, const struct etl_stream *), void *arg) {
  struct filter *f = self;
  sql_db_fini(&f->db);
  int32_t rc = sql_db_init(&f->db, f->host, "filter", "this", in);
  f->db.narrow = f->db.table.once = true;
  char *text = rc == ETL_OK ? sqlite3_mprintf("SELECT 1 FROM this WHERE (%s\n)", f->where) : NULL;
  if (rc == ETL_OK)
    rc = text ? sql_db_prepare(&f->db, "where", text) : sql_db_no_memory(&f->db);
  sqlite3_free(text);
  return rc == ETL_OK ? out(arg, in) : rc;
}

static int32_t reject(struct filter *f, const struct ArrowArray *rows) {
  struct etl_error e = ETL_ERROR(ETL_E_DATA);
  e.vendor_code = sqlite3_extended_errcode(f->db.db);
  return etl_reject(f->host, &e, NULL, &f->db.schema, rows, f->db.table.at, "filter: option where: %s", sqlite3_errmsg(f->db.db));
}

/* keep[0..*ret_kept) gets the rows that stay. */
static int32_t choose(struct filter *f, const struct ArrowArray *rows, int64_t *keep, int64_t *ret_kept) {
  int32_t rc = sql_db_begin(&f->db, rows);
  int64_t n = 0;
  while (rc == ETL_OK) {
    enum sql_step step = sql_db_step(&f->db, &rc);
    if (step == SQL_END)
      break;
    if (step == SQL_ROW)
      keep[n++] = f->db.table.at;
    if (step == SQL_BAD && (rc = reject(f, rows)) == ETL_OK)
      sql_db_skip(&f->db);
  }
  sql_db_end(&f->db);
  *ret_kept = n;
  return rc;
}

static int32_t filter_process(void *self, struct etl_msg *in, const struct etl_sink *sink) {
  struct filter *f = self;
  if (!(in->flags & ETL_M_ROWS))
    return ETL_OK;
  struct etl_msg m = {.struct_size = sizeof m, .flags = ETL_M_ROWS, .stream = in->stream, .lag_ns = in->lag_ns, .src_bytes = in->src_bytes};
  int64_t kept = 0, *keep = malloc(sizeof *keep * ((size_t)in->rows.length + 1));
  int32_t rc = keep ? choose(f, &in->rows, keep, &kept) : sql_db_no_memory(&f->db);
  if (rc == ETL_OK)
    etl_tell_rows(f->host, keep, (uint64_t)kept);
  if (rc == ETL_OK && kept > 0 && kept_rows(f->host, &f->db.schema, &in->rows, keep, kept, &m.rows) < 0)
    rc = sql_db_no_memory(&f->db);
  etl_array_release(&in->rows);
  free(keep);
  if (rc == ETL_OK && m.rows.release)
    rc = sink->emit(sink, &m);
  etl_array_release(&m.rows);
  return rc;
}

static const struct etl_common common = {.struct_size = sizeof common, .open = filter_open, .close = filter_close};
static const struct etl_transformer transformer = {.struct_size = sizeof transformer, .bind = filter_bind, .process = filter_process};

ETL_CONNECTOR(ETL_KIND_TRANSFORMER, "filter", ETL_VERSION, "MIT", .summary = "Keeps the rows for which a SQL expression is true",
              .doc = "The expression is SQLite's: its operators and functions, and text REGEXP 'pattern' (PCRE2). bool is 0 or 1; dates, times and "
                     "timestamps (instants in UTC) are text like 2026-01-31 23:59:59.5, as SQLite's date functions want them; uuid and json are "
                     "text. A decimal is an integer if it has no decimal places, else a floating point number if it has at most 15 digits, else "
                     "text with all its digits: comparing the column and arithmetic take it as a number, elsewhere write CAST(x AS REAL). NaN is "
                     "NULL. A row for which the expression fails is rejected.",
              .options = options, .common = &common, .api = &transformer);
