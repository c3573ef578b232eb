/* lookup: adds columns of a small table, found by a key.  Options, life cycle and descriptor.  One instance a lane. */
#include <stdlib.h>

#include "keep.h"
#include "lookup.h"
#include "names.h"

enum {
  COL_COLUMN,
  COL_INTO,
  COL_TYPE,
  COL_DEFAULT
};
static const char *const missing_choices[] = {"null", "default", "reject", "drop", "fail", NULL};
static const char *const duplicate_choices[] = {"fail", "first", "last", NULL};
static const struct etl_option *const column_options[] = {
    [COL_COLUMN] = OPTION("column", ETL_T_STRING, .flags = ETL_OPT_REQUIRED, .example = "name", .doc = "Column of the table."),
    [COL_INTO] = OPTION("into", ETL_T_STRING, .example = "country_name", .doc = "Name in the stream; without it the same."),
    [COL_TYPE] =
        OPTION("type", ETL_T_STRING, .dflt = "text", .example = "decimal(10,2)",
               .doc = "Type in the stream: text, bool, int16, int32, int64, float64, decimal(precision,scale), date, timestamp, "
                      "timestamptz, bytea, uuid, json."),
    [COL_DEFAULT] =
        OPTION("default", ETL_T_STRING, .example = "unknown", .doc = "Value for rows without a match, with on_missing = default."),
    NULL,
};
static const struct etl_option *const options[] = {
    [OPT_KEY] =
        OPTION("key", ETL_T_LIST, .flags = ETL_OPT_REQUIRED, .example = "[ \"country\" ]",
               .doc = "Columns of the stream that are looked up. Integers are compared as numbers, all else as the text that "
                      "PostgreSQL shows; NULL matches nothing."),
    [OPT_KEY_COLUMNS] =
        OPTION("key_columns", ETL_T_LIST, .example = "[ \"code\" ]",
               .doc = "The table's columns with the key, in the same order; without it they have the names of key."),
    [OPT_COLUMNS] = OPTION("columns", ETL_T_GROUPS, .flags = ETL_OPT_REQUIRED, .members = column_options,
                           .example = "( { column = \"name\"; into = \"country_name\"; } )", .doc = "Columns of the table to add."),
    [OPT_FILE] =
        OPTION("file", ETL_T_PATH, .example = "countries.csv",
               .doc = "CSV file with the table, its first line the names; an empty field without quotes is NULL. One of file, "
                      "database and url is needed."),
    [OPT_DELIMITER] = OPTION("delimiter", ETL_T_STRING, .dflt = ",", .doc = "What separates the fields of file: one character."),
    [OPT_DATABASE] = OPTION("database", ETL_T_PATH, .example = "codes.db", .doc = "SQLite database with the table; needs query."),
    [OPT_URL] = OPTION("url", ETL_T_STRING, .flags = ETL_OPT_SECRET, .example = "${file:/run/secrets/lookup_url}",
                       .doc = "PostgreSQL server with the table, as postgresql://user:password@host/database; needs query."),
    [OPT_QUERY] = OPTION("query", ETL_T_STRING, .example = "SELECT code, name FROM countries",
                         .doc = "Query that gives the table, for database and url; it can only read."),
    [OPT_ON_MISSING] =
        OPTION("on_missing", ETL_T_ENUM, .dflt = "null", .choices = missing_choices,
               .doc = "What becomes of rows without a match, which are counted as lookup_missing: null adds NULL, default the "
                      "defaults of columns, reject sets the row aside, drop leaves it out, fail ends the run."),
    [OPT_ON_DUPLICATE] = OPTION("on_duplicate", ETL_T_ENUM, .dflt = "fail", .choices = duplicate_choices,
                                .doc = "What if the table has a key twice: fail, or the first or last row counts."),
    [OPT_IGNORE_CASE] =
        OPTION("ignore_case", ETL_T_BOOL, .dflt = "false", .doc = "The letters A to Z and a to z are the same in keys."),
    [OPT_MAX_ROWS] = OPTION("max_rows", ETL_T_INT, .flags = ETL_OPT_ADVANCED, .dflt = "5000000", .min = 1, .max = 2000000000,
                            .doc = "A table with more rows than these is refused, lest it take all memory."),
    NULL,
};

static void names_free(char **names, size_t n) {
  for (size_t i = 0; names && i < n; i++)
    free(names[i]);
  free(names);
}

static void lookup_close(void *self) {
  struct lookup *l = self;
  struct lookup_options *o = &l->o;
  lookup_share_put(l->share);
  names_free(o->key, o->keys_n);
  names_free(o->key_columns, o->keys_n);
  for (size_t i = 0; i < o->columns_n; i++) {
    free(o->columns[i].column);
    free(o->columns[i].into);
    free(o->columns[i].fallback);
  }
  free(o->columns);
  free(o->file);
  free(o->database);
  free(o->url_ref);
  free(o->query);
  free(l->run);
  free(l->scratch.bytes);
  etl_schema_release(&l->in);
  etl_schema_release(&l->added);
  free(l);
}

static int32_t wrong(const struct lookup *l, unsigned option, const char *remedy, const char *what, const char *subject) {
  struct etl_error e = ETL_ERROR(ETL_E_CONFIG);
  e.option = options[option]->name;
  e.remedy = remedy;
  return etl_failf(l->host, &e, "lookup: option %s: %s%s%s%s", e.option, what, *subject ? " \"" : "", subject,
                   *subject ? "\"" : "");
}

static int copy_text(const struct etl_open *open, unsigned i, char **ret) {
  const char *text = etl_opt_str(open, i);
  return text && !(*ret = strdup(text)) ? -1 : 0;
}

static int32_t open_source(struct lookup *l, const struct etl_open *open) {
  struct lookup_options *o = &l->o;
  const char *delimiter = etl_opt_str(open, OPT_DELIMITER);
  if (copy_text(open, OPT_FILE, &o->file) < 0 || copy_text(open, OPT_DATABASE, &o->database) < 0 ||
      copy_text(open, OPT_URL, &o->url_ref) < 0 || copy_text(open, OPT_QUERY, &o->query) < 0)
    return transformer_no_memory(l->host, "lookup");
  if (!!o->file + !!o->database + !!o->url_ref != 1)
    return wrong(l, OPT_FILE, "give exactly one of file, database and url",
                 o->file || o->database || o->url_ref ? "there is more than one source of the table"
                                                      : "nothing says where the table is",
                 "");
  if (!o->file != !!o->query)
    return wrong(l, OPT_QUERY, "a query is needed with database or url, and there is none for a file",
                 o->query ? "it does not go with file" : "it is missing", "");
  if (strlen(delimiter) != 1 || strchr("\"\r\n", *delimiter))
    return wrong(l, OPT_DELIMITER, "write for instance \";\"", "it is not one character", delimiter);
  o->delimiter = *delimiter;
  return ETL_OK;
}

static int32_t open_keys(struct lookup *l, const struct etl_open *open) {
  struct lookup_options *o = &l->o;
  unsigned table = etl_opt_set(open, OPT_KEY_COLUMNS) ? OPT_KEY_COLUMNS : OPT_KEY;
  uint64_t n = etl_opt_list_n(open, OPT_KEY);
  if (n == 0 || n > LOOKUP_KEYS_MAX)
    return wrong(l, OPT_KEY, "name 1 to 16 columns", n ? "more than 16 columns" : "there is no column", "");
  if (etl_opt_list_n(open, table) != n)
    return wrong(l, OPT_KEY_COLUMNS, "name one column of the table for each column of key",
                 "it has another number of columns than key", "");
  o->key = calloc(n, sizeof *o->key);
  o->key_columns = calloc(n, sizeof *o->key_columns);
  o->keys_n = n;
  if (!o->key || !o->key_columns)
    return transformer_no_memory(l->host, "lookup");
  for (uint64_t i = 0; i < n; i++) {
    o->key[i] = strdup(etl_opt_list(open, OPT_KEY, i));
    o->key_columns[i] = strdup(etl_opt_list(open, table, i));
    if (!o->key[i] || !o->key_columns[i])
      return transformer_no_memory(l->host, "lookup");
  }
  return ETL_OK;
}

/* The default has to be a value of the type. */
static int32_t check_default(const struct lookup *l, const struct lookup_column *c) {
  struct ArrowSchema one;
  struct etl_batch b = {0};
  const char *why = NULL;
  enum cast_result rc = CAST_NO_MEMORY;
  if (!c->fallback)
    return ETL_OK;
  if (etl_schema_init(&one, 1) < 0)
    return transformer_no_memory(l->host, "lookup");
  if (etl_schema_set(&one, 0, "", c->type.format, true, NULL, c->type.extension) == 0 &&
      etl_batch_init(&b, l->host, &one, 1) == 0 && etl_batch_row(&b) == 0)
    rc = cast_add_text((struct etl_bytes){c->fallback, strlen(c->fallback)}, &c->type, &b, &why);
  etl_batch_fini(&b);
  one.release(&one);
  return rc == CAST_OK ? ETL_OK
         : rc == CAST_BAD
             ? wrong(l, OPT_COLUMNS, "correct the default, or the type", "a default is not of the column's type", c->fallback)
             : transformer_no_memory(l->host, "lookup");
}

static int32_t open_column(struct lookup *l, const struct etl_group *g) {
  struct lookup_column *c = &l->o.columns[l->o.columns_n++];
  c->column = strdup(etl_group_str(g, COL_COLUMN));
  c->into = strdup(etl_group_str(g, etl_group_set(g, COL_INTO) ? COL_INTO : COL_COLUMN));
  c->fallback = etl_group_set(g, COL_DEFAULT) ? strdup(etl_group_str(g, COL_DEFAULT)) : NULL;
  if (!c->column || !c->into || (etl_group_set(g, COL_DEFAULT) && !c->fallback))
    return transformer_no_memory(l->host, "lookup");
  if (cast_type_parse(etl_group_str(g, COL_TYPE), &c->type) < 0)
    return wrong(l, OPT_COLUMNS, cast_type_names, "there is no type", etl_group_str(g, COL_TYPE));
  if (c->fallback && l->o.on_missing != MISSING_DEFAULT)
    return wrong(l, OPT_COLUMNS, "add on_missing = \"default\"", "a default has no effect without on_missing = default",
                 c->fallback);
  for (size_t i = 0; i + 1 < l->o.columns_n; i++)
    if (strcmp(l->o.columns[i].into, c->into) == 0)
      return wrong(l, OPT_COLUMNS, "give one of them another name with into", "two columns would be named", c->into);
  return check_default(l, c);
}

static int32_t open_columns(struct lookup *l, const struct etl_open *open) {
  uint64_t n = etl_opt_groups_n(open, OPT_COLUMNS);
  int32_t rc = ETL_OK;
  if (n == 0)
    return wrong(l, OPT_COLUMNS, options[OPT_COLUMNS]->example, "there is none", "");
  if (!(l->o.columns = calloc(n, sizeof *l->o.columns)))
    return transformer_no_memory(l->host, "lookup");
  for (uint64_t i = 0; rc == ETL_OK && i < n; i++)
    rc = open_column(l, etl_opt_group(open, OPT_COLUMNS, i));
  return rc;
}

static int32_t lookup_open(const struct etl_open *open, void **self) {
  struct lookup *l = calloc(1, sizeof *l);
  if (!l || !(l->run = strdup(open->run ? open->run : ""))) {
    free(l);
    return transformer_no_memory(open->host, "lookup");
  }
  l->host = open->host;
  l->o.on_missing = (enum on_missing)etl_opt_int(open, OPT_ON_MISSING);
  l->o.on_duplicate = (enum on_duplicate)etl_opt_int(open, OPT_ON_DUPLICATE);
  l->o.ignore_case = etl_opt_bool(open, OPT_IGNORE_CASE);
  l->o.max_rows = etl_opt_int(open, OPT_MAX_ROWS);
  int32_t rc = open_source(l, open);
  if (rc == ETL_OK)
    rc = open_keys(l, open);
  if (rc == ETL_OK)
    rc = open_columns(l, open);
  if (rc != ETL_OK) {
    lookup_close(l);
    return rc;
  }
  *self = l;
  return ETL_OK;
}

/* ---- binding ---------------------------------------------------------------------------------------------------------------- */

static int32_t bad_column(const struct lookup *l, unsigned option, const char *remedy, const struct ArrowSchema *c,
                          const char *what) {
  struct etl_error e = ETL_ERROR(ETL_E_SCHEMA);
  e.option = options[option]->name;
  e.remedy = remedy;
  return etl_failf(l->host, &e, "lookup: option %s: column \"%s\" (type %s) %s", e.option, c->name, c->format, what);
}

static int32_t bind_keys(struct lookup *l, const struct etl_stream *in) {
  struct etl_format f;
  for (size_t i = 0; i < l->o.keys_n; i++) {
    l->at[i] = etl_schema_find(in->schema, l->o.key[i]);
    if (l->at[i] < 0)
      return names_missing(l->host, in, "lookup", "key", l->o.key[i]);
    const struct ArrowSchema *c = in->schema->children[l->at[i]];
    if (etl_format_parse(c, &f) < 0)
      return bad_column(l, OPT_KEY, "look up by another column", c, "cannot be compared: it is nested or unknown");
    l->kinds[i] = f.logical == ETL_L_INT || (f.logical == ETL_L_UINT && f.width < 8) ? 'i' : 't';
  }
  l->kinds[l->o.keys_n] = 0;
  return ETL_OK;
}

static int32_t check_columns(const struct lookup *l, const struct etl_stream *in) {
  bool leaves_out = l->o.on_missing == MISSING_REJECT || l->o.on_missing == MISSING_DROP;
  for (size_t i = 0; i < l->o.columns_n; i++) {
    int64_t at = etl_schema_find(in->schema, l->o.columns[i].into);
    if (at >= 0)
      return bad_column(l, OPT_COLUMNS, "give the new column another name with into", in->schema->children[at], "is there already");
  }
  for (int64_t i = 0; leaves_out && i < in->schema->n_children; i++)
    if (!keep_supported(in->schema->children[i]))
      return bad_column(l, OPT_ON_MISSING, "drop that column before this stage, or choose another on_missing",
                        in->schema->children[i], "is nested or unknown: rows cannot be left out of it");
  return ETL_OK;
}

static int make_schemas(struct lookup *l, const struct etl_stream *in, struct ArrowSchema *all) {
  int64_t old = in->schema->n_children, n = (int64_t)l->o.columns_n;
  if (etl_schema_copy(in->schema, &l->in) < 0 || etl_schema_init(&l->added, n) < 0)
    return -1;
  for (int64_t i = 0; i < n; i++) {
    const struct lookup_column *c = &l->o.columns[i];
    if (etl_schema_set(&l->added, i, c->into, c->type.format, true, NULL, c->type.extension) < 0)
      return -1;
  }
  if (etl_schema_init(all, old + n) < 0)
    return -1;
  for (int64_t i = 0; i < old + n; i++)
    if (etl_schema_set_copy(all, i, i < old ? l->in.children[i] : l->added.children[i - old]) < 0)
      return -1;
  return 0;
}

static int32_t lookup_bind(void *self, const struct etl_stream *in, int32_t (*out)(void *, const struct etl_stream *), void *arg) {
  struct lookup *l = self;
  struct ArrowSchema all = {0};
  struct etl_stream stream = {
      .struct_size = sizeof stream, .flags = in->flags, .name = in->name, .doc = in->doc, .schema = &all, .key = in->key};
  int32_t rc = bind_keys(l, in);
  if (rc == ETL_OK)
    rc = check_columns(l, in);
  etl_schema_release(&l->in);
  etl_schema_release(&l->added);
  if (rc == ETL_OK && make_schemas(l, in, &all) < 0)
    rc = transformer_no_memory(l->host, "lookup");
  struct lookup_share *share = NULL;
  if (rc == ETL_OK)
    rc = lookup_share_get(l->host, l->run, &l->o, l->kinds, &share);
  if (rc == ETL_OK) {
    lookup_share_put(l->share);
    l->share = share;
    rc = out(arg, &stream);
  }
  etl_schema_release(&all);
  return rc;
}

static const struct etl_common common = {.struct_size = sizeof common, .open = lookup_open, .close = lookup_close};
static const struct etl_transformer transformer = {
    .struct_size = sizeof transformer, .bind = lookup_bind, .process = lookup_process};

ETL_CONNECTOR(
    ETL_KIND_TRANSFORMER, "lookup", ETL_VERSION, "MIT",
    .summary = "Adds columns of a small table, from a CSV file, SQLite or PostgreSQL, found by a key",
    .doc =
        "The table is read at the beginning of a run and held in memory, once for all lanes; what changes in it meanwhile is seen "
        "by the next run.",
    .options = options, .common = &common, .api = &transformer);
