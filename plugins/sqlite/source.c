/* sqlite, the extractor: reads tables, views or a query of a file.  Options, streams and descriptor. */
#include <stdlib.h>

#include "source.h"

#define SECOND INT64_C(1000000000)
enum { OPT_PATH, OPT_TABLE, OPT_TABLES, OPT_QUERY, OPT_STREAM, OPT_COLUMNS, OPT_WHERE, OPT_CURSOR, OPT_TYPES, OPT_BUSY_TIMEOUT };

static const struct etl_option *const options[] = {
    [OPT_PATH] = OPTION("path", ETL_T_PATH, .flags = ETL_OPT_REQUIRED | ETL_OPT_CONNECTION, .example = "/var/lib/app/app.db", .doc = "The database file."),
    [OPT_TABLE] = OPTION("table", ETL_T_STRING, .flags = ETL_OPT_IDENTITY, .example = "orders", .doc = "Table or view to read."),
    [OPT_TABLES] = OPTION("tables", ETL_T_LIST, .flags = ETL_OPT_IDENTITY, .example = "[ \"orders\", \"order_*\" ]",
                          .doc = "Tables or views to read, each as a stream of its own; * and ? stand for any text and any character."),
    [OPT_QUERY] = OPTION("query", ETL_T_STRING, .flags = ETL_OPT_IDENTITY, .example = "SELECT o.*, c.name FROM orders o JOIN customers c USING (customer_id)",
                         .doc = "SELECT to read instead of a table."),
    [OPT_STREAM] = OPTION("stream", ETL_T_STRING, .dflt = "query", .doc = "Name of the stream that a query gives."),
    [OPT_COLUMNS] = OPTION("columns", ETL_T_LIST, .example = "[ \"id\", \"name\" ]", .doc = "Columns to read; without it all."),
    [OPT_WHERE] = OPTION("where", ETL_T_STRING, .flags = ETL_OPT_IDENTITY, .example = "deleted = 0", .doc = "Only rows for which this SQL expression is true."),
    [OPT_CURSOR] = OPTION("cursor", ETL_T_LIST, .flags = ETL_OPT_IDENTITY, .example = "[ \"changed_at\", \"id\" ]",
                          .doc = "Columns that grow and together are unique: each run reads what is behind the last row of the run before. rowid is one "
                                 "for tables that rows are only added to. Without it each run reads everything."),
    [OPT_TYPES] = OPTION("types", ETL_T_MAP, .example = "{ price = \"DECIMAL(12,2)\"; }",
                         .doc = "Column = declared type, where the table's own says nothing or something else. A column without one gets the type of its "
                                "first value."),
    [OPT_BUSY_TIMEOUT] = OPTION("busy_timeout", ETL_T_DURATION, .flags = ETL_OPT_CONNECTION, .dflt = "30s", .min = 0, .max = 86400 * SECOND,
                                .doc = "How long a lock of another process is waited for."),
    NULL,
};

static void list_free(struct list *l) {
  for (size_t i = 0; i < l->n; i++)
    free(l->v[i]);
  free(l->v);
}

static bool list_copy(const struct etl_open *o, unsigned option, struct list *ret) {
  uint64_t n = etl_opt_list_n(o, option);
  ret->v = calloc(n + 1, sizeof *ret->v);
  for (; ret->v && ret->n < n; ret->n++)
    if (!(ret->v[ret->n] = strdup(etl_opt_list(o, option, ret->n))))
      return false;
  return ret->v != NULL;
}

static bool text_copy(const struct etl_open *o, unsigned option, char **ret) {
  const char *text = etl_opt_str(o, option);
  return !text || (*ret = strdup(text)) != NULL;
}

static void source_close(void *self) {
  struct source *s = self;
  list_free(&s->tables);
  list_free(&s->columns);
  list_free(&s->cursor);
  list_free(&s->types);
  free(s->path);
  free(s->query);
  free(s->where);
  free(s->stream);
  free(s);
}

static int32_t what_to_read(struct source *s, const struct etl_open *o) {
  struct etl_error e = ETL_ERROR(ETL_E_CONFIG);
  bool table = etl_opt_set(o, OPT_TABLE);
  e.option = "table";
  if (o->flags & ETL_OPEN_CONNECTION)
    return ETL_OK;
  if (table + (s->tables.n > 0) + (s->query != NULL) != 1)
    return etl_failf(o->host, &e, "sqlite: set one of table, tables and query");
  if (!table)
    return ETL_OK;
  free(s->tables.v);
  s->tables = (struct list){.v = calloc(1, sizeof *s->tables.v), .n = 1};
  return s->tables.v && (s->tables.v[0] = strdup(etl_opt_str(o, OPT_TABLE))) ? ETL_OK : ETL_FAILED;
}

static int32_t source_open(const struct etl_open *o, void **self) {
  struct etl_error e = ETL_ERROR(ETL_E_PERMANENT);
  struct source *s = calloc(1, sizeof *s);
  bool ok = s != NULL;
  if (ok) {
    s->host = o->host;
    s->busy_ns = etl_opt_int(o, OPT_BUSY_TIMEOUT);
    ok = text_copy(o, OPT_PATH, &s->path) && text_copy(o, OPT_QUERY, &s->query) && text_copy(o, OPT_STREAM, &s->stream) &&
         text_copy(o, OPT_WHERE, &s->where) && list_copy(o, OPT_TABLES, &s->tables) && list_copy(o, OPT_COLUMNS, &s->columns) && list_copy(o, OPT_CURSOR, &s->cursor) &&
         list_copy(o, OPT_TYPES, &s->types);
  }
  int32_t rc = ok ? what_to_read(s, o) : etl_failf(o->host, &e, "sqlite: no memory");
  if (rc == ETL_OK)
    *self = s;
  else if (s)
    source_close(s);
  return rc;
}

static int32_t with_database(struct source *s, int32_t (*work)(struct database *d, struct source *s, void *arg), void *arg) {
  struct database d = {0};
  int32_t rc = database_init(&d, s->host, s->path, s->busy_ns);
  if (rc == ETL_OK)
    rc = database_open(&d, SQLITE_OPEN_READONLY);
  if (rc == ETL_OK)
    rc = work(&d, s, arg);
  database_fini(&d);
  return rc;
}

struct telling {
  int32_t (*each)(void *arg, const struct etl_stream *);
  void *arg;
};

static int32_t tell_tables(struct database *d, struct source *s, void *arg) {
  struct telling *t = arg;
  return table_list(d, &s->tables, true, s->cursor.n ? 0 : ETL_STREAM_WHOLE, t->each, t->arg);
}

static int32_t source_discover(void *self, int32_t (*each)(void *arg, const struct etl_stream *), void *arg) {
  struct source *s = self;
  struct telling t = {each, arg};
  if (!s->query)
    return with_database(s, tell_tables, &t);
  return each(arg, &(struct etl_stream){.struct_size = sizeof(struct etl_stream), .flags = s->cursor.n ? 0 : ETL_STREAM_WHOLE, .name = s->stream});
}

static int32_t nothing(struct database *d, struct source *s, void *arg) {
  (void)d;
  (void)s;
  (void)arg;
  return ETL_OK;
}

static int32_t source_check(void *self) { return with_database(self, nothing, NULL); }

static int32_t source_plan(void *self, const struct etl_stream *stream, int32_t (*each)(void *arg, const struct etl_shard *), void *arg) {
  (void)self;
  (void)stream;
  return each(arg, &(struct etl_shard){.struct_size = sizeof(struct etl_shard), .id = "0", .est_rows = -1, .est_bytes = -1});
}

static const void *source_ext(void *self, const char *id) {
  (void)self;
  return strcmp(id, ETL_EXT_EXPLAIN) == 0 ? (const void *)&sqlite_source_explain : strcmp(id, ETL_EXT_CATALOG) == 0 ? &sqlite_source_catalog : NULL;
}

static const struct etl_common common = {
    .struct_size = sizeof common, .open = source_open, .check = source_check, .close = source_close, .ext = source_ext};
static const struct etl_extractor extractor = {.struct_size = sizeof extractor,
                                               .discover = source_discover,
                                               .plan = source_plan,
                                               .reader_open = reader_open,
                                               .next = reader_next,
                                               .reader_close = reader_close};
const struct etl_connector sqlite_source = {
    .struct_size = sizeof sqlite_source,
    .kind = ETL_KIND_EXTRACTOR,
    .caps = ETL_CAP_RESUME | ETL_CAP_PARALLEL_READERS | ETL_CAP_RANGE,
    .name = "sqlite",
    .version = ETL_VERSION,
    .summary = "Reads tables, views or a query of a SQLite file",
    .doc = "The file is opened read-only, and one statement reads a stream from its first row to its last: it sees one state of the database, and in "
           "WAL mode hinders no writer. SQLite lets any value into any column: one that is not of its column's declared type is rejected with table, "
           "rowid and column.",
    .options = options,
    .common = &common,
    .api = &extractor,
};
