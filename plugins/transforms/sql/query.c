/* sql: a query over each batch.  Which types its columns have is settled before the first row: by the option types, else by the column
 * of the batch that an output column is, else by what the query gives for a row made up of plain values. */
#include <stdio.h>
#include <stdlib.h>

#include "cast.h"
#include "sql/result.h"
#include "sql/sql_db.h"
#include "transformer.h"

enum {
  OPT_QUERY,
  OPT_TYPES,
  OPT_KEY
};
static const struct etl_option *const options[] = {
    [OPT_QUERY] = OPTION("query", ETL_T_STRING, .flags = ETL_OPT_REQUIRED,
                         .example = "SELECT day, country, count(*) AS logins FROM batch GROUP BY day, country",
                         .doc = "SELECT in SQLite's SQL over the table batch. It sees one batch, not the whole of a table."),
    [OPT_TYPES] = OPTION("types", ETL_T_MAP, .example = "{ total = \"decimal(12,2)\"; }",
                         .doc = "Output column = type, as for the transformer derive. Without one, a plain column of the batch keeps its type, "
                                "and another one is text, int64, float64 or bytea by what the query gives for a row of plain values."),
    [OPT_KEY] = OPTION("key", ETL_T_LIST, .example = "[ \"day\", \"country\" ]",
                       .doc = "Columns that identify a row of the output; without it those of the input, if the output has them all."),
    NULL,
};

enum {
  OUTPUT_ROWS = 8192, /* in a message: a query may multiply rows */
  OUTPUT_BYTES = 8 << 20
};

struct named_type {
  char *column;
  struct cast_type type;
  bool used;
};
struct column { /* of the output */
  struct etl_format f;
  struct etl_batch b;
};
struct query {
  const struct etl_host *host;
  char *text;
  struct named_type *types;
  size_t types_n;
  char **key;
  size_t key_n;
  struct sql_db db;
  struct ArrowSchema out;
  struct column *columns;
};

static void unbind(struct query *q) {
  for (int64_t i = 0; q->columns && i < q->out.n_children; i++)
    etl_batch_fini(&q->columns[i].b);
  free(q->columns);
  q->columns = NULL;
  etl_schema_release(&q->out);
  sql_db_fini(&q->db);
}

static void query_close(void *self) {
  struct query *q = self;
  unbind(q);
  for (size_t i = 0; i < q->types_n; i++)
    free(q->types[i].column);
  for (size_t i = 0; i < q->key_n; i++)
    free(q->key[i]);
  free(q->types);
  free(q->key);
  free(q->text);
  free(q);
}

static int32_t open_types(struct query *q, const struct etl_open *o) {
  struct etl_error e = ETL_ERROR(ETL_E_CONFIG);
  uint64_t n = etl_opt_list_n(o, OPT_TYPES) / 2;
  q->types = calloc(n + 1, sizeof *q->types);
  for (uint64_t i = 0; q->types && i < n; i++) {
    struct named_type *t = &q->types[q->types_n++];
    const char *name = etl_opt_list(o, OPT_TYPES, 2 * i), *type = etl_opt_list(o, OPT_TYPES, 2 * i + 1);
    if (!(t->column = strdup(name)))
      return transformer_no_memory(o->host, "sql");
    e.option = "types";
    e.remedy = cast_type_names;
    if (cast_type_parse(type, &t->type) < 0)
      return etl_failf(o->host, &e, "sql: option types: there is no type \"%s\" for column \"%s\"", type, name);
  }
  return q->types ? ETL_OK : transformer_no_memory(o->host, "sql");
}

static int32_t query_open(const struct etl_open *o, void **self) {
  struct query *q = calloc(1, sizeof *q);
  if (!q)
    return transformer_no_memory(o->host, "sql");
  q->host = o->host;
  uint64_t n = etl_opt_list_n(o, OPT_KEY);
  q->text = strdup(etl_opt_str(o, OPT_QUERY));
  q->key = calloc(n + 1, sizeof *q->key);
  int32_t rc = q->text && q->key ? open_types(q, o) : transformer_no_memory(o->host, "sql");
  for (uint64_t i = 0; rc == ETL_OK && i < n; i++)
    if (!(q->key[q->key_n++] = strdup(etl_opt_list(o, OPT_KEY, i))))
      rc = transformer_no_memory(o->host, "sql");
  if (rc != ETL_OK) {
    query_close(q);
    return rc;
  }
  *self = q;
  return ETL_OK;
}

/* ---- types of the output ------------------------------------------------------------------------------------------------------- */

static int32_t config(struct query *q, const char *option, const char *remedy, const char *what, const char *column) {
  struct etl_error e = ETL_ERROR(ETL_E_CONFIG);
  e.option = option;
  e.remedy = remedy;
  return etl_failf(q->host, &e, "sql: option %s: %s \"%s\"", option, what, column);
}

/* The column of the batch that output column i is, or -1. */
static int64_t plain_column(struct query *q, int i) {
  const char *table = sqlite3_column_table_name(q->db.stmt, i), *name = sqlite3_column_origin_name(q->db.stmt, i);
  return table && name && sqlite3_stricmp(table, "batch") == 0 ? etl_schema_find(&q->db.schema, name) : -1;
}

static const char *format_of_kind(int kind) {
  return kind == SQLITE_INTEGER ? "l" : kind == SQLITE_FLOAT ? "g" : kind == SQLITE_TEXT ? "u" : kind == SQLITE_BLOB ? "z" : NULL;
}

static const char *meta(const struct ArrowSchema *column, const char *key, char *buf, size_t size) {
  uint64_t n = 0;
  const char *v = etl_schema_meta(column, key, &n);
  return v ? (snprintf(buf, size, "%.*s", (int)n, v), buf) : NULL;
}

/* Output column i as the column of the batch that it is, but for its name; a join may have made it NULL. */
static int32_t plain(struct query *q, int i, const char *name, const struct ArrowSchema *column) {
  char source[128], extension[128];
  const char *format = strcmp(column->format, "U") == 0 ? "u" : strcmp(column->format, "Z") == 0 ? "z" : column->format;
  int rc = etl_schema_set(&q->out, i, name, format, true, meta(column, ETL_META_SOURCE_TYPE, source, sizeof source),
                          meta(column, ETL_META_EXTENSION, extension, sizeof extension));
  return rc < 0 ? sql_db_no_memory(&q->db) : ETL_OK;
}

static int32_t type_column(struct query *q, int i, const int *kinds) {
  const char *name = sqlite3_column_name(q->db.stmt, i), *format = NULL, *extension = NULL;
  for (int k = 0; k < i; k++)
    if (sqlite3_stricmp(name, sqlite3_column_name(q->db.stmt, k)) == 0)
      return config(q, "query", "give one of them another name with AS", "two columns of the output have the name", name);
  for (size_t k = 0; k < q->types_n && !format; k++)
    if (strcmp(q->types[k].column, name) == 0) {
      q->types[k].used = true;
      format = q->types[k].type.format;
      extension = q->types[k].type.extension;
    }
  int64_t at = format ? -1 : plain_column(q, i);
  if (at >= 0)
    return plain(q, i, name, q->db.schema.children[at]);
  if (!format)
    format = format_of_kind(kinds[i]);
  if (!format)
    return config(q, "types", "name it, for instance types = { total = \"int64\"; }", "it is not plain which type the query gives column", name);
  return etl_schema_set(&q->out, i, name, format, true, NULL, extension) < 0 ? sql_db_no_memory(&q->db) : ETL_OK;
}

/* What the query gives for a made-up row, as far as it gives one: kinds[i] stays 0 where none is to be had. */
static void sample(struct query *q, int n, int *kinds) {
  static const enum batch_probe probes[] = {PROBE_SAMPLES, PROBE_JSON};
  for (size_t p = 0; p < sizeof probes / sizeof *probes; p++) {
    batch_table_empty(&q->db.table, probes[p]);
    if (sqlite3_step(q->db.stmt) == SQLITE_ROW)
      for (int i = 0; i < n; i++)
        if (!format_of_kind(kinds[i]))
          kinds[i] = sqlite3_column_type(q->db.stmt, i);
    sql_db_end(&q->db);
  }
}

static int32_t plan(struct query *q) {
  int n = sqlite3_column_count(q->db.stmt), *kinds = calloc((size_t)n, sizeof *kinds);
  q->columns = calloc((size_t)n, sizeof *q->columns);
  int32_t rc = q->columns && kinds && etl_schema_init(&q->out, n) == 0 ? ETL_OK : sql_db_no_memory(&q->db);
  for (size_t i = 0; i < q->types_n; i++)
    q->types[i].used = false;
  if (rc == ETL_OK)
    sample(q, n, kinds);
  for (int i = 0; i < n && rc == ETL_OK; i++) {
    rc = type_column(q, i, kinds);
    if (rc == ETL_OK && etl_format_parse(q->out.children[i], &q->columns[i].f) < 0)
      rc = sql_db_no_memory(&q->db);
  }
  for (size_t i = 0; i < q->types_n && rc == ETL_OK; i++)
    if (!q->types[i].used)
      rc = config(q, "types", "name a column of the query's output", "the output has no column", q->types[i].column);
  for (size_t i = 0; i < q->key_n && rc == ETL_OK; i++)
    if (etl_schema_find(&q->out, q->key[i]) < 0)
      rc = config(q, "key", "name columns of the query's output", "the output has no column", q->key[i]);
  free(kinds);
  return rc;
}

static bool has_all(const struct ArrowSchema *s, const char *const *key) {
  while (key && *key && etl_schema_find(s, *key) >= 0)
    key++;
  return key && !*key;
}

static int32_t query_bind(void *self, const struct etl_stream *in, int32_t (*out)(void *, const struct etl_stream *), void *arg) {
  struct query *q = self;
  unbind(q);
  int32_t rc = sql_db_init(&q->db, q->host, "sql", "batch", in);
  if (rc == ETL_OK)
    rc = sql_db_prepare(&q->db, "query", q->text);
  if (rc == ETL_OK)
    rc = plan(q);
  struct etl_stream stream = {.struct_size = sizeof stream, .flags = in->flags, .name = in->name, .doc = in->doc, .schema = &q->out};
  if (rc == ETL_OK)
    stream.key = q->key_n ? (const char *const *)q->key : has_all(&q->out, in->key) ? in->key : NULL;
  return rc == ETL_OK ? out(arg, &stream) : rc;
}

/* ---- rows ------------------------------------------------------------------------------------------------------------------------ */

static int32_t builders(struct query *q) {
  int rc = 0;
  for (int64_t i = 0; i < q->out.n_children && rc == 0; i++) {
    struct ArrowSchema one = {.format = "+s", .n_children = 1, .children = &q->out.children[i]};
    etl_batch_fini(&q->columns[i].b);
    q->columns[i].b = (struct etl_batch){0};
    rc = etl_batch_init(&q->columns[i].b, q->host, &one, OUTPUT_ROWS);
  }
  return rc == 0 ? ETL_OK : sql_db_no_memory(&q->db);
}

static int32_t take_row(struct query *q) {
  struct etl_error e = ETL_ERROR(ETL_E_DATA);
  for (int64_t i = 0; i < q->out.n_children; i++) {
    struct column *c = &q->columns[i];
    const char *why = NULL;
    enum result rc = etl_batch_row(&c->b) < 0 ? RESULT_NO_MEMORY : result_add(q->db.stmt, (int)i, &c->f, &c->b, &why);
    if (rc == RESULT_NO_MEMORY)
      return sql_db_no_memory(&q->db);
    e.column = (int32_t)i;
    e.option = "types";
    e.remedy = "name the type that fits with types, or convert the value in the query";
    if (rc == RESULT_BAD)
      return etl_failf(q->host, &e, "sql: a value in column \"%s\" of the output does not fit its type %s: %s", q->out.children[i]->name,
                       cast_name_of(&c->f), why);
  }
  return ETL_OK;
}

static int32_t emit(struct query *q, const struct etl_msg *in, const struct etl_sink *sink) {
  int64_t n = q->out.n_children;
  struct etl_msg m = {.struct_size = sizeof m, .flags = ETL_M_ROWS, .stream = in->stream, .lag_ns = in->lag_ns, .src_bytes = in->src_bytes};
  struct ArrowArray *cols = calloc((size_t)n, sizeof *cols);
  int64_t rows = (int64_t)etl_batch_rows(&q->columns[0].b);
  int rc = cols ? 0 : -1;
  for (int64_t i = 0; i < n && rc == 0; i++)
    rc = etl_batch_finish_column(&q->columns[i].b, &cols[i]);
  if (rc == 0)
    rc = etl_array_assemble(NULL, cols, n, rows, &m.rows);
  for (int64_t i = 0; rc < 0 && cols && i < n; i++)
    etl_array_release(&cols[i]);
  free(cols);
  int32_t status = rc < 0 ? sql_db_no_memory(&q->db) : sink->emit(sink, &m);
  etl_array_release(&m.rows);
  return status;
}

static bool full(const struct query *q) {
  uint64_t bytes = 0;
  if (etl_batch_rows(&q->columns[0].b) < OUTPUT_ROWS && etl_batch_rows(&q->columns[0].b) % 64 != 0)
    return false;
  for (int64_t i = 0; i < q->out.n_children; i++)
    bytes += etl_batch_size_bytes(&q->columns[i].b);
  return etl_batch_rows(&q->columns[0].b) >= OUTPUT_ROWS || bytes >= OUTPUT_BYTES;
}

static int32_t run(struct query *q, const struct etl_msg *in, const struct etl_sink *sink) {
  struct etl_error e = ETL_ERROR(ETL_E_DATA);
  int32_t rc = sql_db_begin(&q->db, &in->rows);
  if (rc == ETL_OK)
    rc = builders(q);
  while (rc == ETL_OK) {
    enum sql_step step = sql_db_step(&q->db, &rc);
    if (step == SQL_END)
      break;
    e.vendor_code = sqlite3_extended_errcode(q->db.db);
    e.remedy = "let the query pass over what it cannot compute, for instance with CASE, or filter such rows before";
    if (step == SQL_ROW)
      rc = take_row(q);
    else if (step == SQL_BAD)
      rc = etl_failf(q->host, &e, "sql: the query failed: %s", sqlite3_errmsg(q->db.db));
    if (rc == ETL_OK && full(q))
      rc = emit(q, in, sink);
  }
  sql_db_end(&q->db);
  return rc == ETL_OK && etl_batch_rows(&q->columns[0].b) > 0 ? emit(q, in, sink) : rc;
}

static int32_t query_process(void *self, struct etl_msg *in, const struct etl_sink *sink) {
  struct query *q = self;
  if (!(in->flags & ETL_M_ROWS))
    return ETL_OK;
  int32_t rc = in->rows.length > 0 ? run(q, in, sink) : ETL_OK;
  etl_array_release(&in->rows);
  return rc;
}

static const struct etl_common common = {.struct_size = sizeof common, .open = query_open, .close = query_close};
static const struct etl_transformer transformer = {.struct_size = sizeof transformer, .bind = query_bind, .process = query_process};

ETL_CONNECTOR(ETL_KIND_TRANSFORMER, "sql", ETL_VERSION, "MIT", .summary = "A SQL query over each batch",
              .doc = "It may choose, compute, aggregate, multiply and drop rows of the batch, and join it with itself; values are as for the "
                     "transformer filter. It never sees rows of another batch: what it aggregates is a part, and how rows fall into batches may "
                     "differ from run to run. batch has no index; for a join write WITH b AS MATERIALIZED (SELECT ... FROM batch). A query that "
                     "fails, or a value that does not fit its column, stops the lane, since no one row is to blame.",
              .options = options, .common = &common, .api = &transformer);
