/* derive: adds columns, or replaces them, by SQL expressions over the columns of a row.  The others are moved and not copied, unless a
 * row is rejected. */
#include <stdlib.h>

#include "cast.h"
#include "keep.h"
#include "sql/result.h"
#include "sql/sql_db.h"
#include "transformer.h"

enum {
  COLUMN_NAME,
  COLUMN_EXPR,
  COLUMN_TYPE
};
static const struct etl_option *const column_options[] = {
    [COLUMN_NAME] = OPTION("name", ETL_T_STRING, .flags = ETL_OPT_REQUIRED, .example = "total",
                           .doc = "Name of the column; one that the rows have already is replaced in its place."),
    [COLUMN_EXPR] = OPTION("expr", ETL_T_STRING, .flags = ETL_OPT_REQUIRED, .example = "price * quantity",
                           .doc = "Expression in SQLite's SQL over the columns of a row, as they came in."),
    [COLUMN_TYPE] = OPTION("type", ETL_T_STRING, .flags = ETL_OPT_REQUIRED, .example = "decimal(12,2)",
                           .doc = "text, bool, int16, int32, int64, float64, decimal(precision,scale), date, timestamp, timestamptz, bytea, "
                                  "uuid or json. A value that does not fit rejects its row; numbers are rounded half away from zero."),
    NULL,
};
enum {
  OPT_COLUMNS
};
static const struct etl_option *const options[] = {
    [OPT_COLUMNS] = OPTION("columns", ETL_T_GROUPS, .flags = ETL_OPT_REQUIRED, .members = column_options,
                           .example = "( { name = \"total\"; expr = \"price * quantity\"; type = \"decimal(12,2)\"; } )",
                           .doc = "The columns to add or to replace."),
    NULL,
};

struct made { /* a column made here */
  char *name, *expr;
  struct cast_type type;
  int64_t at; /* in the output */
  struct etl_batch b;
};
struct derive {
  const struct etl_host *host;
  struct made *made;
  size_t made_n;
  struct sql_db db;
  struct ArrowSchema out;
  int64_t *source; /* for each column of the output the one of the input that it is, or -1 */
};

static void unbind(struct derive *d) {
  sql_db_fini(&d->db);
  etl_schema_release(&d->out);
  free(d->source);
  d->source = NULL;
}

static void derive_close(void *self) {
  struct derive *d = self;
  unbind(d);
  for (size_t i = 0; i < d->made_n; i++) {
    etl_batch_fini(&d->made[i].b);
    free(d->made[i].name);
    free(d->made[i].expr);
  }
  free(d->made);
  free(d);
}

static int32_t open_column(struct derive *d, const struct etl_group *g) {
  struct etl_error e = ETL_ERROR(ETL_E_CONFIG);
  struct made *m = &d->made[d->made_n++];
  const char *type = etl_group_str(g, COLUMN_TYPE);
  *m = (struct made){.name = strdup(etl_group_str(g, COLUMN_NAME)), .expr = strdup(etl_group_str(g, COLUMN_EXPR))};
  if (!m->name || !m->expr)
    return transformer_no_memory(d->host, "derive");
  e.option = "columns";
  for (size_t i = 0; i + 1 < d->made_n; i++)
    if (sqlite3_stricmp(d->made[i].name, m->name) == 0)
      return etl_failf(d->host, &e, "derive: option columns makes column \"%s\" twice", m->name);
  if (!*m->name)
    return etl_failf(d->host, &e, "derive: option columns has a column without a name");
  e.remedy = cast_type_names;
  if (cast_type_parse(type, &m->type) < 0)
    return etl_failf(d->host, &e, "derive: column \"%s\": there is no type \"%s\"", m->name, type);
  return sql_db_expression(d->host, "derive", "columns", m->expr);
}

static int32_t derive_open(const struct etl_open *o, void **self) {
  uint64_t n = etl_opt_groups_n(o, OPT_COLUMNS);
  struct derive *d = calloc(1, sizeof *d);
  if (!d || !(d->made = calloc(n + 1, sizeof *d->made))) {
    free(d);
    return transformer_no_memory(o->host, "derive");
  }
  d->host = o->host;
  struct etl_error e = ETL_ERROR(ETL_E_CONFIG);
  e.option = "columns";
  int32_t rc = n ? ETL_OK : etl_failf(o->host, &e, "derive: option columns is empty");
  for (uint64_t i = 0; i < n && rc == ETL_OK; i++)
    rc = open_column(d, etl_opt_group(o, OPT_COLUMNS, i));
  if (rc != ETL_OK) {
    derive_close(d);
    return rc;
  }
  *self = d;
  return ETL_OK;
}

/* ---- schema ------------------------------------------------------------------------------------------------------------------ */

/* Where each made column goes, and the schema that this gives. */
static int32_t plan(struct derive *d) {
  const struct ArrowSchema *in = &d->db.schema;
  int64_t n = in->n_children;
  for (size_t i = 0; i < d->made_n; i++) {
    struct made *m = &d->made[i];
    for (m->at = 0; m->at < in->n_children && sqlite3_stricmp(in->children[m->at]->name, m->name) != 0;)
      m->at++;
    if (m->at == in->n_children)
      m->at = n++;
  }
  d->source = calloc((size_t)n + 1, sizeof *d->source);
  if (!d->source || etl_schema_init(&d->out, n) < 0)
    return sql_db_no_memory(&d->db);
  int rc = 0;
  for (int64_t i = 0; i < in->n_children && rc == 0; i++)
    rc = etl_schema_set_copy(&d->out, d->source[i] = i, in->children[i]);
  for (size_t i = 0; i < d->made_n && rc == 0; i++) {
    const struct made *m = &d->made[i];
    d->source[m->at] = -1;
    rc = etl_schema_set(&d->out, m->at, m->name, m->type.format, true, NULL, m->type.extension);
  }
  return rc == 0 ? ETL_OK : sql_db_no_memory(&d->db);
}

/* One statement a column first, so that a mistake is told with the column that has it. */
static int32_t prepare(struct derive *d) {
  sqlite3_str *all = sqlite3_str_new(d->db.db);
  int32_t rc = ETL_OK;
  for (size_t i = 0; i < d->made_n && rc == ETL_OK; i++) {
    sqlite3_str_appendf(all, "%s(%s\n)", i ? ", " : "SELECT ", d->made[i].expr);
    char *one = sqlite3_mprintf("SELECT (%s\n) FROM this", d->made[i].expr);
    d->db.subject = d->made[i].name;
    rc = one ? sql_db_prepare(&d->db, "columns", one) : sql_db_no_memory(&d->db);
    d->db.subject = NULL;
    sqlite3_free(one);
  }
  sqlite3_str_appendall(all, " FROM this");
  char *text = sqlite3_str_finish(all);
  if (rc == ETL_OK && d->made_n > 0)
    rc = text ? sql_db_prepare(&d->db, "columns", text) : sql_db_no_memory(&d->db);
  sqlite3_free(text);
  return rc;
}

static int32_t derive_bind(void *self, const struct etl_stream *in, int32_t (*out)(void *, const struct etl_stream *), void *arg) {
  struct derive *d = self;
  unbind(d);
  int32_t rc = sql_db_init(&d->db, d->host, "derive", "this", in);
  d->db.narrow = d->db.table.once = true;
  if (rc == ETL_OK)
    rc = plan(d);
  if (rc == ETL_OK)
    rc = prepare(d);
  struct etl_stream stream = {
      .struct_size = sizeof stream, .flags = in->flags, .name = in->name, .doc = in->doc, .schema = &d->out, .key = in->key};
  return rc == ETL_OK ? out(arg, &stream) : rc;
}

/* ---- rows -------------------------------------------------------------------------------------------------------------------- */

static int32_t reject_value(struct derive *d, const struct ArrowArray *rows, const struct made *m, const char *why) {
  struct etl_error e = ETL_ERROR(ETL_E_DATA);
  return etl_reject(d->host, &e, NULL, &d->db.schema, rows, d->db.table.at, "derive: column \"%s\": the value cannot become %s: %s", m->name,
                    m->type.name, why);
}

static int32_t reject_row(struct derive *d, const struct ArrowArray *rows) {
  struct etl_error e = ETL_ERROR(ETL_E_DATA);
  e.vendor_code = sqlite3_extended_errcode(d->db.db);
  return etl_reject(d->host, &e, NULL, &d->db.schema, rows, d->db.table.at, "derive: %s", sqlite3_errmsg(d->db.db));
}

/* The statement's row as one of the made columns; *ret_taken: it was not rejected. */
static int32_t take_row(struct derive *d, const struct ArrowArray *rows, bool *ret_taken) {
  const char *why = NULL;
  enum result result = RESULT_OK;
  size_t n = 0;
  for (; n < d->made_n && result == RESULT_OK; n++) {
    struct made *m = &d->made[n];
    if (etl_batch_row(&m->b) < 0)
      return sql_db_no_memory(&d->db);
    result = result_add(d->db.stmt, (int)n, &m->type.f, &m->b, &why);
  }
  if (result == RESULT_NO_MEMORY)
    return sql_db_no_memory(&d->db);
  *ret_taken = result == RESULT_OK;
  if (result == RESULT_OK)
    return ETL_OK;
  for (size_t i = 0; i < n; i++)
    etl_batch_undo_row(&d->made[i].b);
  return reject_value(d, rows, &d->made[n - 1], why);
}

/* keep[0..*ret_kept) gets the rows that are not rejected. */
static int32_t compute(struct derive *d, const struct ArrowArray *rows, int64_t *keep, int64_t *ret_kept) {
  int32_t rc = sql_db_begin(&d->db, rows);
  int64_t n = 0;
  while (rc == ETL_OK) {
    bool taken = false;
    enum sql_step step = sql_db_step(&d->db, &rc);
    if (step == SQL_END)
      break;
    if (step == SQL_ROW) {
      keep[n] = d->db.table.at;
      rc = take_row(d, rows, &taken);
      n += taken;
    }
    if (step == SQL_BAD && (rc = reject_row(d, rows)) == ETL_OK)
      sql_db_skip(&d->db);
  }
  sql_db_end(&d->db);
  *ret_kept = n;
  return rc;
}

static int32_t assemble(struct derive *d, struct ArrowArray *in, const int64_t *keep, int64_t kept, struct ArrowArray *ret) {
  int64_t all = d->out.n_children, length = in->length;
  struct ArrowArray *cols = calloc((size_t)all + 1, sizeof *cols);
  int rc = cols ? 0 : -1;
  for (int64_t i = 0; i < all && rc == 0; i++)
    if (d->source[i] >= 0) {
      keep_take(in, i, &cols[i]);
      rc = kept < length ? keep_rows(d->host, d->out.children[i], &cols[i], keep, kept) : 0;
    }
  for (size_t i = 0; i < d->made_n && rc == 0; i++)
    rc = etl_batch_finish_column(&d->made[i].b, &cols[d->made[i].at]);
  if (rc == 0)
    rc = etl_array_assemble(in, cols, all, kept, ret);
  for (int64_t i = 0; rc < 0 && cols && i < all; i++)
    etl_array_release(&cols[i]);
  free(cols);
  return rc < 0 ? sql_db_no_memory(&d->db) : ETL_OK;
}

static int32_t derive_batch(struct derive *d, struct ArrowArray *in, struct ArrowArray *ret) {
  int64_t kept = 0, *keep = malloc(sizeof *keep * ((size_t)in->length + 1));
  int32_t rc = keep ? ETL_OK : sql_db_no_memory(&d->db);
  for (size_t i = 0; i < d->made_n && rc == ETL_OK; i++) {
    struct ArrowSchema one = {.format = "+s", .n_children = 1, .children = &d->out.children[d->made[i].at]};
    if (etl_batch_init(&d->made[i].b, d->host, &one, (uint64_t)in->length) < 0)
      rc = sql_db_no_memory(&d->db);
  }
  if (rc == ETL_OK)
    rc = compute(d, in, keep, &kept);
  if (rc == ETL_OK)
    rc = assemble(d, in, keep, kept, ret);
  for (size_t i = 0; i < d->made_n; i++) {
    etl_batch_fini(&d->made[i].b);
    d->made[i].b = (struct etl_batch){0};
  }
  free(keep);
  return rc;
}

static int32_t derive_process(void *self, struct etl_msg *in, const struct etl_sink *sink) {
  struct derive *d = self;
  if (!(in->flags & ETL_M_ROWS))
    return ETL_OK;
  struct etl_msg m = {.struct_size = sizeof m, .flags = ETL_M_ROWS, .stream = in->stream, .lag_ns = in->lag_ns, .src_bytes = in->src_bytes};
  int32_t rc = derive_batch(d, &in->rows, &m.rows);
  etl_array_release(&in->rows);
  if (rc == ETL_OK) {
    etl_tell_rows(d->host, NULL, (uint64_t)m.rows.length);
    rc = sink->emit(sink, &m);
  }
  etl_array_release(&m.rows);
  return rc;
}

static const struct etl_common common = {.struct_size = sizeof common, .open = derive_open, .close = derive_close};
static const struct etl_transformer transformer = {.struct_size = sizeof transformer, .bind = derive_bind, .process = derive_process};

ETL_CONNECTOR(ETL_KIND_TRANSFORMER, "derive", ETL_VERSION, "MIT", .summary = "Adds or replaces columns by SQL expressions",
              .doc = "Expressions are SQLite's and see values as those of the transformer filter do. Computed numbers are exact to 15 digits. "
                     "All expressions see the row as it came in. A row for which one of them fails is rejected.",
              .options = options, .common = &common, .api = &transformer);
