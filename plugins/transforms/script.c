/* lua: rows through a script.  Options, life cycle and descriptor. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "keep.h"
#include "script.h"

enum {
  OPT_SCRIPT,
  OPT_FILE,
  OPT_COLUMNS,
  OPT_KEEP_COLUMNS,
  OPT_MEMORY,
  OPT_INSTRUCTIONS
};
enum {
  COL_NAME,
  COL_TYPE
};
enum {
  FILE_MAX_BYTES = 1 << 20
};

static const struct etl_option *const column_options[] = {
    [COL_NAME] = OPTION("name", ETL_T_STRING, .flags = ETL_OPT_REQUIRED, .example = "total",
                        .doc = "Name of a column that the script sets: a new one, or one of the input, in whose place it stands."),
    [COL_TYPE] =
        OPTION("type", ETL_T_STRING, .dflt = "text", .example = "decimal(10,2)",
               .doc = "Its type: text, bool, int16, int32, int64, float64, decimal(precision,scale), date, timestamp, timestamptz, "
                      "bytea, uuid, json."),
    NULL,
};
static const struct etl_option *const options[] = {
    [OPT_SCRIPT] = OPTION("script", ETL_T_STRING, .example = "function process(row) row.total = row.price * row.n return row end",
                          .doc = "The script itself; one of script and file is needed."),
    [OPT_FILE] = OPTION("file", ETL_T_PATH, .example = "enrich.lua", .doc = "File with the script, of at most 1 MiB."),
    [OPT_COLUMNS] = OPTION("columns", ETL_T_GROUPS, .members = column_options,
                           .example = "( { name = \"total\"; type = \"decimal(10,2)\"; }, { name = \"label\"; } )",
                           .doc = "The columns that the script sets; all others it can only read."),
    [OPT_KEEP_COLUMNS] = OPTION("keep_columns", ETL_T_BOOL, .dflt = "true",
                                .doc = "The other columns of the input go on; false: only those of columns do."),
    [OPT_MEMORY] = OPTION("memory", ETL_T_SIZE, .flags = ETL_OPT_ADVANCED, .dflt = "64MiB", .min = 65536, .max = INT64_C(1) << 40,
                          .doc = "Memory that the script may use, of each lane."),
    [OPT_INSTRUCTIONS] =
        OPTION("instructions", ETL_T_INT, .flags = ETL_OPT_ADVANCED, .dflt = "10000000", .min = 1000, .max = INT64_C(1) << 50,
               .doc = "Instructions of Lua that a row may take; a row that takes more is set aside. Work "
                      "inside a function such as string.rep or string.find is not counted."),
    NULL,
};

static void release_schemas(struct script *s) {
  etl_schema_release(&s->in);
  etl_schema_release(&s->out);
  free(s->names);
  free(s->plan);
  s->names = NULL;
  s->plan = NULL;
}

static void lua_connector_close(void *self) {
  struct script *s = self;
  s->trouble = TROUBLE_NONE;
  s->steps = 0;
  script_state_close(s);
  for (size_t i = 0; i < s->columns_n; i++)
    free(s->columns[i].name);
  free(s->columns);
  free(s->source);
  release_schemas(s);
  free(s);
}

static int32_t wrong(const struct script *s, unsigned option, const char *remedy, const char *what, const char *subject) {
  struct etl_error e = ETL_ERROR(ETL_E_CONFIG);
  e.option = options[option]->name;
  e.remedy = remedy;
  return etl_failf(s->host, &e, "lua: option %s: %s%s%s%s", e.option, what, *subject ? " \"" : "", subject, *subject ? "\"" : "");
}

static int32_t open_columns(struct script *s, const struct etl_open *o) {
  uint64_t n = etl_opt_groups_n(o, OPT_COLUMNS);
  s->columns = calloc(n + 1, sizeof *s->columns);
  if (!s->columns)
    return transformer_no_memory(s->host, "lua");
  for (uint64_t i = 0; i < n; i++) {
    const struct etl_group *g = etl_opt_group(o, OPT_COLUMNS, i);
    struct script_column *c = &s->columns[s->columns_n++];
    if (!(c->name = strdup(etl_group_str(g, COL_NAME))))
      return transformer_no_memory(s->host, "lua");
    if (cast_type_parse(etl_group_str(g, COL_TYPE), &c->type) < 0)
      return wrong(s, OPT_COLUMNS, cast_type_names, "there is no type", etl_group_str(g, COL_TYPE));
    for (uint64_t k = 0; k < i; k++)
      if (strcmp(s->columns[k].name, c->name) == 0)
        return wrong(s, OPT_COLUMNS, "name each column once", "it has twice", c->name);
  }
  return n || s->keep_columns ? ETL_OK
                              : wrong(s, OPT_COLUMNS, "name the columns that go on", "it is empty, and keep_columns is false", "");
}

static char *read_file(const char *path) {
  FILE *f = fopen(path, "re");
  char *text = f ? malloc(FILE_MAX_BYTES + 2) : NULL;
  size_t n = text ? fread(text, 1, FILE_MAX_BYTES + 1, f) : 0;
  int error = f && text && ferror(f) ? errno : n > FILE_MAX_BYTES ? EFBIG : f && text && memchr(text, 0, n) ? EINVAL : 0;
  if (!f || !text)
    error = errno;
  else
    text[n] = 0;
  if (f)
    fclose(f);
  if (error) {
    free(text);
    text = NULL;
  }
  errno = error;
  return text;
}

static int32_t open_script(struct script *s, const struct etl_open *o) {
  const char *script = etl_opt_str(o, OPT_SCRIPT), *file = etl_opt_str(o, OPT_FILE);
  if (!script == !file)
    return wrong(s, OPT_SCRIPT, "give exactly one of script and file", script ? "file is there, too" : "it is missing", "");
  if (script)
    return script_state_open(s, script, "script", "script");
  char *text = read_file(file);
  if (!text)
    return wrong(s, OPT_FILE, "name a file of at most 1 MiB of text that can be read", strerror(errno), file);
  const char *slash = strrchr(file, '/');
  int32_t rc = script_state_open(s, text, slash ? slash + 1 : file, "file");
  free(text);
  return rc;
}

static int32_t lua_connector_open(const struct etl_open *o, void **self) {
  struct script *s = calloc(1, sizeof *s);
  if (!s)
    return transformer_no_memory(o->host, "lua");
  s->host = o->host;
  s->keep_columns = etl_opt_bool(o, OPT_KEEP_COLUMNS);
  s->memory_max = (size_t)etl_opt_int(o, OPT_MEMORY);
  s->steps_max = etl_opt_int(o, OPT_INSTRUCTIONS);
  int32_t rc = open_columns(s, o);
  if (rc == ETL_OK)
    rc = open_script(s, o);
  if (rc != ETL_OK) {
    lua_connector_close(s);
    return rc;
  }
  *self = s;
  return ETL_OK;
}

static int32_t check_columns(const struct script *s, const struct etl_stream *in) {
  struct etl_error e = ETL_ERROR(ETL_E_SCHEMA);
  e.remedy = "drop or cast that column before this stage, with the transformer columns";
  for (int64_t i = 0; i < in->schema->n_children; i++) {
    e.column = (int32_t)i;
    if (!keep_supported(in->schema->children[i]))
      return etl_failf(s->host, &e, "lua: column \"%s\" has a type that is nested or unknown: %s", in->schema->children[i]->name,
                       in->schema->children[i]->format);
  }
  return ETL_OK;
}

/* Columns of the input in their order, new ones behind them. */
static int make_plan(struct script *s) {
  int64_t n = 0;
  s->names = calloc((size_t)s->in.n_children + s->columns_n + 1, sizeof *s->names);
  s->plan = calloc((size_t)s->in.n_children + s->columns_n + 1, sizeof *s->plan);
  if (!s->names || !s->plan)
    return -1;
  for (size_t d = 0; d < s->columns_n; d++)
    s->columns[d].in = etl_schema_find(&s->in, s->columns[d].name);
  for (int64_t i = 0; s->keep_columns && i < s->in.n_children; i++) {
    s->plan[n] = i;
    for (size_t d = 0; d < s->columns_n; d++)
      if (s->columns[d].in == i)
        s->plan[n] = -1 - (int64_t)d;
    n++;
  }
  for (size_t d = 0; d < s->columns_n; d++)
    if (!s->keep_columns || s->columns[d].in < 0)
      s->plan[n++] = -1 - (int64_t)d;
  if (etl_schema_init(&s->out, n) < 0)
    return -1;
  for (int64_t i = 0; i < n; i++) {
    const struct script_column *c = s->plan[i] < 0 ? &s->columns[-1 - s->plan[i]] : NULL;
    if (c ? etl_schema_set(&s->out, i, c->name, c->type.format, true, NULL, c->type.extension) < 0
          : etl_schema_set_copy(&s->out, i, s->in.children[s->plan[i]]) < 0)
      return -1;
  }
  return 0;
}

/* The key holds as long as the script cannot change it. */
static bool keeps_key(const struct script *s, const char *const *key) {
  bool kept = s->keep_columns;
  for (; key && *key && kept; key++)
    for (size_t d = 0; d < s->columns_n; d++)
      kept &= strcmp(s->columns[d].name, *key) != 0;
  return kept;
}

static int32_t lua_connector_bind(void *self, const struct etl_stream *in, int32_t (*out)(void *, const struct etl_stream *),
                                  void *arg) {
  struct script *s = self;
  int32_t rc = check_columns(s, in);
  if (rc != ETL_OK)
    return rc;
  release_schemas(s);
  lua_settop(s->lua, 0);
  lua_pushcfunction(s->lua, script_row_names);
  if (etl_schema_copy(in->schema, &s->in) < 0 || make_plan(s) < 0 || lua_pcall(s->lua, 0, 0, 0) != LUA_OK)
    return transformer_no_memory(s->host, "lua");
  struct etl_stream stream = {.struct_size = sizeof stream,
                              .flags = in->flags,
                              .name = in->name,
                              .doc = in->doc,
                              .schema = &s->out,
                              .key = keeps_key(s, in->key) ? in->key : NULL};
  return out(arg, &stream);
}

static const struct etl_common common = {.struct_size = sizeof common, .open = lua_connector_open, .close = lua_connector_close};
static const struct etl_transformer transformer = {
    .struct_size = sizeof transformer, .bind = lua_connector_bind, .process = script_process};

ETL_CONNECTOR(
    ETL_KIND_TRANSFORMER, "lua", ETL_VERSION, "MIT",
    .summary = "Rows through a Lua script, which can compute columns, leave rows out and make several of one",
    .doc =
        "The script defines function process(row). row.name reads a column: integers, floats, booleans and text as such, nil for "
        "NULL, decimals with a fraction, dates, times and UUIDs as PostgreSQL writes them (Lua computes with \"1.50\" as with a "
        "number). row.name = value sets one of columns. It returns the row; nil or false to leave it out; or a table such as "
        "{ total = 3 } instead of the row, or several of them, also in a list; what such a table does not name is NULL, and "
        "columns that the script does not set keep their values. A script's error sets the row aside. There is Lua 5.4 with "
        "string, table, math, utf8 and os.date, os.time, os.difftime; print() writes to the log. Variables outlive a row, but each "
        "lane has its own.",
    .options = options, .common = &common, .api = &transformer);
