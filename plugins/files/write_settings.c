/* The options of the loaders, and the names of files. */
#include <stdio.h>
#include <stdlib.h>

#include "load.h"

#define OPTION(name_, type_, ...) {.struct_size = sizeof(struct etl_option), .type = type_, .name = name_, __VA_ARGS__}

static const char *const mode_choices[] = {"append", "replace", NULL};
const char *const quoting_choices[] = {"text", "needed", "all", NULL};
const struct etl_option write_options[WRITE_OWN] = {
    [WRITE_PATH] =
        OPTION("path", ETL_T_STRING, .flags = ETL_OPT_REQUIRED | ETL_OPT_IDENTITY, .example = "out/{stream}/{shard}-{epoch}.csv.gz",
               .doc = "Name of the files.  {stream}, {shard}, {run} and {epoch} are filled in; an append makes a new file with every commit, "
                      "and puts -{shard}-{epoch} in front of the ending where they are missing.  Folders are made.  \"-\" is standard output."),
    [WRITE_FOLDER] = OPTION("folder", ETL_T_PATH, .flags = ETL_OPT_CONNECTION | ETL_OPT_IDENTITY, .example = "/data/out",
                            .doc = "Where a relative `path` begins; without it, the folder that etl was started in."),
    [WRITE_MODE] =
        OPTION("mode", ETL_T_ENUM, .choices = mode_choices, .dflt = "append",
               .doc = "append: new files beside the old ones.  replace: one file (of each name) for the run, which takes the old one's place "
                      "when the run has succeeded; what the run before made under a name that this one has not is removed, but for {run}."),
    [WRITE_COMPRESSION] = OPTION("compression", ETL_T_ENUM, .choices = compression_names, .dflt = "auto",
                                 .doc = "How files are packed; auto: as the ending of `path` says, .gz or .zst, else not at all."),
};

static bool has(const char *path, const char *what) { return path && strstr(path, what); }
static bool ends_with(const char *s, const char *end) {
  size_t n = strlen(s), m = strlen(end);
  return n >= m && strcmp(s + n - m, end) == 0;
}

/* The path with what an append needs to tell its files apart. */
static const char *complete_path(struct write_settings *s, const char *path) {
  const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path, *placeholder = strrchr(base, '}');
  const char *dot = strchr(placeholder ? placeholder : base, '.');
  size_t stem = dot ? (size_t)(dot - path) : strlen(path);
  if (s->replace || (has(path, "{shard}") && has(path, "{epoch}")))
    return pool_strdup(&s->pool, path);
  return pool_printf(&s->pool, "%.*s%s%s%s", (int)stem, path, has(path, "{shard}") ? "" : "-{shard}", has(path, "{epoch}") ? "" : "-{epoch}",
                     path + stem);
}

static int check_placeholders(const struct write_settings *s, struct failure *f) {
  static const char *const known[] = {"{stream}", "{shard}", "{run}", "{epoch}"};
  for (const char *p = strchr(s->path, '{'); p; p = strchr(p + 1, '{')) {
    bool ok = false;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
      ok |= strncmp(p, known[i], strlen(known[i])) == 0;
    if (!ok)
      return failure_set(f, ETL_E_CONFIG, "path", "the placeholders are {stream}, {shard}, {run} and {epoch}",
                         "path has an unknown placeholder: %.40s", p);
  }
  if (s->replace && has(s->path, "{epoch}"))
    return failure_set(f, ETL_E_CONFIG, "path", "leave {epoch} out, or set mode = \"append\"", "a replaced file has no {epoch}");
  return 0;
}

static int read_path(struct write_settings *s, const struct etl_open *o, struct failure *f) {
  const char *path = etl_opt_str(o, WRITE_PATH), *folder = etl_opt_str(o, WRITE_FOLDER);
  if (!path || !*path)
    return o->flags & ETL_OPEN_CONNECTION ? 0 : failure_set(f, ETL_E_CONFIG, "path", "name a file", "`path` is empty");
  if (strcmp(path, "-") == 0) {
    s->standard_output = true;
    s->path = path = "-";
    if (s->compression != COMPRESSION_AUTO && s->compression != COMPRESSION_NONE)
      return failure_set(f, ETL_E_CONFIG, "compression", "leave it out, and pipe the output through gzip or zstd", "standard output is not packed");
    return s->replace ? failure_set(f, ETL_E_CONFIG, "mode", "leave it out", "standard output cannot be replaced") : 0;
  }
  if (path_is_stream(path))
    return failure_set(f, ETL_E_CONFIG, "path", "write \"-\" for standard output", "%s cannot be written as a file", path);
  const char *below = *path == '/' || !folder || !*folder ? pool_strdup(&s->pool, path) : pool_printf(&s->pool, "%s/%s", folder, path);
  s->path = below ? complete_path(s, below) : NULL;
  if (!s->path)
    return failure_memory(f, "the settings");
  size_t n = strcspn(s->path, "{");
  while (n > 0 && s->path[n - 1] != '/')
    n--;
  s->folder = n == 0 ? "." : pool_strndup(&s->pool, s->path, n > 1 ? n - 1 : n);
  s->by_run = has(s->path, "{run}");
  if (s->compression == COMPRESSION_AUTO)
    s->compression = ends_with(s->path, ".gz") ? COMPRESSION_GZIP : ends_with(s->path, ".zst") ? COMPRESSION_ZSTD : COMPRESSION_NONE;
  return s->folder ? check_placeholders(s, f) : failure_memory(f, "the settings");
}

static int read_csv(struct write_settings *s, const struct etl_open *o, struct failure *f) {
  const char *delimiter = etl_opt_str(o, WRITE_DELIMITER), *quote = etl_opt_str(o, WRITE_QUOTE), *null = etl_opt_str(o, WRITE_NULL);
  if (strcmp(delimiter, "\\t") == 0 || strcmp(delimiter, "tab") == 0)
    delimiter = "\t";
  s->header = etl_opt_bool(o, WRITE_HEADER);
  s->delimiter = *delimiter;
  s->quote = *quote;
  s->quoting = (enum quoting)etl_opt_int(o, WRITE_QUOTING);
  s->null = pool_strdup(&s->pool, null ? null : "");
  if (strlen(delimiter) != 1 || strlen(quote) != 1 || *delimiter == *quote || strpbrk(delimiter, "\r\n") || strpbrk(quote, "\r\n"))
    return failure_set(f, ETL_E_CONFIG, "delimiter", "give one ASCII character each, or \"tab\"",
                       "delimiter \"%s\" and quote \"%s\" are not two different characters", delimiter, quote);
  if (s->null && (strchr(s->null, s->delimiter) || strchr(s->null, s->quote) || strpbrk(s->null, "\r\n")))
    return failure_set(f, ETL_E_CONFIG, "null", "choose another text", "the text for NULL has a delimiter, quote or newline in it");
  return s->null ? 0 : failure_memory(f, "the settings");
}

int write_settings_init(struct write_settings *s, const struct etl_open *o, bool csv, struct failure *f) {
  *s = (struct write_settings){.replace = etl_opt_int(o, WRITE_MODE) == 1, .compression = (enum compression)etl_opt_int(o, WRITE_COMPRESSION)};
  if (read_path(s, o, f) < 0)
    return -1;
  if ((o->flags & ETL_OPEN_FULL_REFRESH) && !s->replace && !s->standard_output)
    return failure_set(f, ETL_E_UNSUPPORTED, "mode",
                       "set mode = \"replace\"; or remove the files and the folder .etl-PIPELINE beside them, and run as usual",
                       "a full refresh cannot take back files that were appended");
  return csv ? read_csv(s, o, f) : 0;
}

/* A value as part of a file's name: no way out of the folder, nothing hidden. */
static void add_value(struct text *t, const char *value) {
  for (size_t i = 0; value[i]; i++) {
    char c = value[i];
    text_char(t, c == '/' || (unsigned char)c < 32 || c == 127 || (c == '.' && i == 0) ? '_' : c == '#' ? '-' : c);
  }
}

char *write_name(const struct write_settings *s, const char *stream, const char *shard, const char *run, uint64_t epoch, unsigned again) {
  struct text t = {0};
  char number[40];
  int n = snprintf(number, sizeof number, "%06llu", (unsigned long long)epoch);
  if (again > 1)
    snprintf(number + n, sizeof number - (size_t)n, "-%u", again);
  const struct {
    const char *placeholder, *value;
  } values[] = {{"{stream}", stream}, {"{shard}", shard}, {"{run}", run}, {"{epoch}", number}};
  for (const char *p = s->path; *p;) {
    size_t i = 0;
    while (i < 4 && strncmp(p, values[i].placeholder, strlen(values[i].placeholder)) != 0)
      i++;
    if (i < 4) {
      add_value(&t, values[i].value);
      p += strlen(values[i].placeholder);
    } else {
      text_char(&t, *p++);
    }
  }
  text_char(&t, 0);
  if (t.failed)
    text_fini(&t);
  return t.p;
}
