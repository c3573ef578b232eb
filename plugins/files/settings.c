/* The options of the extractors: their table, and from values to struct settings. */
#include "settings.h"

#include <stdio.h>

#include "paths.h"

#define OPTION(name_, type_, ...) {.struct_size = sizeof(struct etl_option), .type = type_, .name = name_, __VA_ARGS__}

enum {
  COLUMN_NAME,
  COLUMN_TYPE,
  COLUMN_FORMAT
};
static const struct etl_option *const column_options[] = {
  [COLUMN_NAME] = &(const struct etl_option)OPTION("name", ETL_T_STRING, .flags = ETL_OPT_REQUIRED, .example = "amount",
                                                    .doc = "Name of the column; for a file without a header, groups name its columns in order."),
  [COLUMN_TYPE] = &(const struct etl_option)OPTION("type", ETL_T_STRING, .flags = ETL_OPT_REQUIRED, .example = "decimal(12,2)",
                                                    .doc = "Its type: " TYPE_NAMES "."),
  [COLUMN_FORMAT] = &(const struct etl_option)OPTION("format", ETL_T_STRING, .example = "%d.%m.%Y %H:%M",
                                                      .doc = "How a date or timestamp is written, as for strptime(); without it, ISO 8601."),
  NULL};
static const char *const follow_choices[] = {"none", "append", NULL};
static const char *const change_choices[] = {"error", "reload", NULL};
const char *const header_choices[] = {"auto", "true", "false", NULL};
const char *const ragged_choices[] = {"reject", "pad", NULL};

const struct etl_option read_options[READ_OWN] = {
    [READ_PATH] =
        OPTION("path", ETL_T_LIST, .flags = ETL_OPT_REQUIRED, .example = "[ \"/data/in/2026-*.csv.gz\" ]",
               .doc = "Files and globs (* ? [abc]); each file is read by a lane of its own, whose name is its path below the folder where the "
                      "glob begins.  \"-\" is standard input."),
    [READ_FOLDER] = OPTION("folder", ETL_T_PATH, .flags = ETL_OPT_CONNECTION, .example = "/data/in",
                           .doc = "Where a relative `path` begins; without it, the folder that etl was started in."),
    [READ_NAME] = OPTION("name", ETL_T_STRING, .flags = ETL_OPT_IDENTITY, .example = "orders",
                         .doc = "Name of the stream; without it, the base name of the first path up to its first dot or glob character."),
    [READ_COLUMNS] = OPTION("columns", ETL_T_GROUPS, .members = column_options,
                            .example = "( { name = \"id\"; type = \"int64\"; }, { name = \"day\"; type = \"date\"; format = \"%d.%m.%Y\"; } )",
                            .doc = "Columns whose types are not to be guessed."),
    [READ_SAMPLE] = OPTION("sample", ETL_T_INT, .dflt = "10000", .min = 1, .max = 100000000,
                           .doc = "Rows from which names and types are guessed, spread over the files.  A later value that does not fit its column "
                                  "sets its row aside."),
    [READ_COMPRESSION] = OPTION("compression", ETL_T_ENUM, .choices = compression_names, .dflt = "auto",
                                .doc = "How the files are packed; auto looks at their first bytes, then at .gz and .zst."),
    [READ_ENCODING] = OPTION("encoding", ETL_T_STRING, .flags = ETL_OPT_IDENTITY, .dflt = "auto", .example = "windows-1252",
                             .doc = "Encoding of the text, as iconv names it; auto is UTF-8, or UTF-16 where a byte order mark says so."),
    [READ_MAX_LINE] = OPTION("max_line", ETL_T_SIZE, .dflt = "16MiB", .min = 64, .max = INT64_C(1) << 30,
                             .doc = "Longest record in bytes; a longer one is set aside without being held in memory."),
    [READ_MAX_CELL] = OPTION("max_cell", ETL_T_SIZE, .dflt = "16MiB", .min = 1, .max = INT64_C(1) << 30,
                             .doc = "Longest value in bytes; a row with a longer one is set aside."),
    [READ_FOLLOW] = OPTION("follow", ETL_T_ENUM, .choices = follow_choices, .dflt = "none",
                           .doc = "append: a later run reads what was added to a file since; a last line without its newline is left for then."),
    [READ_ON_CHANGE] = OPTION("on_change", ETL_T_ENUM, .choices = change_choices, .dflt = "error",
                              .doc = "What to do with a file that was read and is another one by now: fail its lane, or read it from its beginning."),
};

/* The file's name without folder and endings. */
static const char *stream_name(struct settings *s, const char *path) {
  const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
  size_t n = strcspn(name, ".*?[");
  while (n > 0 && strchr("-_ ", name[n - 1]))
    n--;
  return strcmp(name, "-") == 0 ? "stdin" : n ? path_text(&s->pool, name, n, "") : "files";
}

static int read_paths(struct settings *s, const struct etl_open *o, struct failure *f) {
  const char *folder = etl_opt_str(o, READ_FOLDER);
  s->paths_n = (size_t)etl_opt_list_n(o, READ_PATH);
  s->paths = pool_alloc(&s->pool, (s->paths_n + 1) * sizeof *s->paths);
  s->folder = folder && *folder ? pool_strdup(&s->pool, folder) : NULL;
  if (s->paths_n == 0 && !(o->flags & ETL_OPEN_CONNECTION))
    return failure_set(f, ETL_E_CONFIG, "path", "name a file or a glob", "`path` is empty");
  for (size_t i = 0; s->paths && i < s->paths_n; i++) {
    const char *path = etl_opt_list(o, READ_PATH, i);
    if (path_is_stream(path))
      return failure_set(f, ETL_E_CONFIG, "path", "write \"-\" for standard input", "%s cannot be read as a file", path);
    bool below = s->folder && *path != '/' && strcmp(path, "-") != 0;
    path = below ? pool_printf(&s->pool, "%s/%s", s->folder, path) : pool_strdup(&s->pool, path);
    if (!path)
      return failure_memory(f, "the settings");
    s->paths[i] = (struct etl_bytes){path, strlen(path)};
  }
  if (s->paths)
    s->stream = etl_opt_set(o, READ_NAME) ? pool_strdup(&s->pool, etl_opt_str(o, READ_NAME)) : s->paths_n ? stream_name(s, s->paths[0].p) : "";
  return s->stream ? 0 : failure_memory(f, "the settings");
}

static int read_forced(struct settings *s, const struct etl_open *o, struct failure *f) {
  s->forced_n = (size_t)etl_opt_groups_n(o, READ_COLUMNS);
  if (!(s->forced = pool_alloc(&s->pool, (s->forced_n + 1) * sizeof *s->forced)))
    return failure_memory(f, "the settings");
  for (size_t i = 0; i < s->forced_n; i++) {
    const struct etl_group *g = etl_opt_group(o, READ_COLUMNS, i);
    struct forced *to = &s->forced[i];
    to->name = pool_strdup(&s->pool, etl_group_str(g, COLUMN_NAME));
    const char *type = etl_group_str(g, COLUMN_TYPE), *format = etl_group_str(g, COLUMN_FORMAT);
    if (type_parse(type, &to->type) < 0)
      return failure_set(f, ETL_E_CONFIG, "columns", "write one of " TYPE_NAMES, "column \"%s\": there is no type \"%s\"", to->name, type);
    bool temporal = to->type.kind == TYPE_DATE || to->type.kind == TYPE_TIME || to->type.kind == TYPE_TIMESTAMP || to->type.kind == TYPE_TIMESTAMPTZ;
    if (format && !temporal)
      return failure_set(f, ETL_E_CONFIG, "columns", "leave it out", "column \"%s\": a %s has no `format`", to->name, type);
    to->type.format = pool_strdup(&s->pool, format);
    for (size_t k = 0; k < i; k++)
      if (strcmp(s->forced[k].name, to->name) == 0)
        return failure_set(f, ETL_E_CONFIG, "columns", "name it once", "`columns` has \"%s\" twice", to->name);
  }
  return 0;
}

/* One character, or none; "\t" may be written as such. */
static int read_char(const struct etl_open *o, unsigned index, const char *option, char *ret, struct failure *f) {
  const char *text = etl_opt_str(o, index);
  if (!text || !*text) {
    *ret = 0;
    return 0;
  }
  if (strcmp(text, "\\t") == 0 || strcmp(text, "tab") == 0)
    text = "\t";
  if (strlen(text) != 1 || (unsigned char)*text >= 0x80 || *text == '\n' || *text == '\r')
    return failure_set(f, ETL_E_CONFIG, option, "give one ASCII character, or \"tab\"", "%s is \"%s\", which is not one character", option, text);
  *ret = *text;
  return 0;
}

static int read_csv(struct settings *s, const struct etl_open *o, struct failure *f) {
  if (read_char(o, CSV_DELIMITER, "delimiter", &s->delimiter, f) < 0 || read_char(o, CSV_QUOTE, "quote", &s->quote, f) < 0 ||
      read_char(o, CSV_ESCAPE, "escape", &s->escape, f) < 0 || read_char(o, CSV_COMMENT, "comment", &s->comment, f) < 0)
    return -1;
  if (s->delimiter && (s->delimiter == s->quote || s->delimiter == s->escape))
    return failure_set(f, ETL_E_CONFIG, "delimiter", "choose different characters", "delimiter, quote and escape cannot be the same character");
  if (s->escape == s->quote)
    s->escape = 0; /* a doubled quote is what every reader knows */
  s->header = (enum header)etl_opt_int(o, CSV_HEADER);
  s->skip = (uint64_t)etl_opt_int(o, CSV_SKIP);
  s->pad = etl_opt_int(o, CSV_RAGGED) == 1;
  s->nulls_n = (size_t)etl_opt_list_n(o, CSV_NULL);
  if (!(s->nulls = pool_alloc(&s->pool, (s->nulls_n + 1) * sizeof *s->nulls)))
    return failure_memory(f, "the settings");
  for (size_t i = 0; i < s->nulls_n; i++)
    if (!(s->nulls[i] = pool_strdup(&s->pool, etl_opt_list(o, CSV_NULL, i))))
      return failure_memory(f, "the settings");
  return 0;
}

int settings_init(struct settings *s, const struct etl_open *o, bool csv, struct failure *f) {
  *s = (struct settings){.sample = (uint64_t)etl_opt_int(o, READ_SAMPLE),
                         .compression = (enum compression)etl_opt_int(o, READ_COMPRESSION),
                         .max_line = (size_t)etl_opt_int(o, READ_MAX_LINE),
                         .max_cell = (size_t)etl_opt_int(o, READ_MAX_CELL),
                         .follow = etl_opt_int(o, READ_FOLLOW) == 1,
                         .reload = etl_opt_int(o, READ_ON_CHANGE) == 1};
  s->encoding = pool_strdup(&s->pool, etl_opt_str(o, READ_ENCODING));
  if (!s->encoding)
    return failure_memory(f, "the settings");
  if (read_paths(s, o, f) < 0 || read_forced(s, o, f) < 0)
    return -1;
  return csv ? read_csv(s, o, f) : 0;
}

void settings_fini(struct settings *s) { pool_fini(&s->pool); }

const struct forced *settings_forced(const struct settings *s, const char *name, size_t n) {
  for (size_t i = 0; i < s->forced_n; i++)
    if (strlen(s->forced[i].name) == n && memcmp(s->forced[i].name, name, n) == 0)
      return &s->forced[i];
  return NULL;
}
