/* Where the rows of a stream are, for whoever compares them with their source: all files that the loader's names can mean. */
#include <fnmatch.h>
#include <glob.h>
#include <stdlib.h>

#include "load.h"

/* `path` as a glob; malloc()ed.  NULL: f. */
static char *glob_of(const struct write_settings *s, const char *stream, struct failure *f) {
  static const char *const open_ones[] = {"{shard}", "{run}", "{epoch}"};
  struct text t = {0};
  struct write_settings one = *s;
  if (strpbrk(s->path, "*?[") || strpbrk(stream, "*?[")) {
    failure_set(f, ETL_E_UNSUPPORTED, "path", "choose another `path`", "%s has characters of a glob in it, so its files cannot be listed", s->path);
    return NULL;
  }
  for (const char *p = s->path; *p;) {
    size_t i = 0;
    while (i < 3 && strncmp(p, open_ones[i], strlen(open_ones[i])) != 0)
      i++;
    text_char(&t, i < 3 ? '*' : *p);
    p += i < 3 ? strlen(open_ones[i]) : 1;
  }
  text_char(&t, 0);
  one.path = t.p;
  char *glob = t.failed ? NULL : write_name(&one, stream, "", "", 0, 1);
  text_fini(&t);
  if (!glob)
    failure_memory(f, "a name");
  return glob;
}

/* Is a file that the glob finds one of the other stream? */
static int check_stream(const struct loader *l, const char *files, const char *other, struct failure *f) {
  glob_t found;
  char *glob_other = glob_of(&l->settings, other, f);
  int rc = glob_other ? 0 : -1;
  if (rc == 0 && glob(files, 0, NULL, &found) == 0) {
    for (size_t i = 0; i < found.gl_pathc && rc == 0; i++)
      if (fnmatch(glob_other, found.gl_pathv[i], FNM_PATHNAME) == 0)
        rc = failure_set(f, ETL_E_UNSUPPORTED, "path", "write {stream}/ into `path`, for a folder of each stream",
                         "%s has the name of one of the stream \"%s\", and is found with those of another", found.gl_pathv[i], other);
    globfree(&found);
  }
  free(glob_other);
  return rc;
}

/* "a-*.csv" also finds the files of the stream "a-b". */
static int check_streams(struct loader *l, const char *files, const char *stream, struct failure *f) {
  const json_t *lane;
  size_t i;
  int rc = manifest_lock(&l->manifest, false, f);
  json_array_foreach(json_object_get(l->manifest.root, "lanes"), i, lane) {
    const char *other = json_string_value(json_object_get(lane, "stream"));
    if (rc == 0 && strlen(other) > strlen(stream) && strstr(other, stream))
      rc = check_stream(l, files, other, f);
  }
  manifest_unlock(&l->manifest);
  return rc;
}

static int32_t describe(void *self, const struct etl_stream *stream, int32_t (*each)(void *arg, const struct etl_readback_source *), void *arg) {
  struct loader *l = self;
  const struct write_settings *s = &l->settings;
  struct failure f = {0};
  if (s->standard_output || (l->format->csv && !s->header)) {
    failure_set(&f, ETL_E_UNSUPPORTED, s->standard_output ? "path" : "header", s->standard_output ? "write to files" : "set header = true",
                s->standard_output ? "standard output cannot be read again" : "files without a header do not name their columns");
    return failure_report(l->host, &f);
  }
  if (s->by_run && (s->replace || (stream->flags & ETL_STREAM_WHOLE))) {
    failure_set(&f, ETL_E_UNSUPPORTED, "path", "leave {run} out of `path`",
                "the files of all runs lie side by side, and one run's rows cannot be told");
    return failure_report(l->host, &f);
  }
  char *glob = glob_of(s, stream->name, &f);
  if (!glob || check_streams(l, glob, stream->name, &f) < 0) {
    free(glob);
    return failure_report(l->host, &f);
  }
  const char delimiter[] = {s->delimiter, 0}, quote[] = {s->quote, 0};
  const char *csv[] = {"path",  glob,  "name",   stream->name, "header", "true", "delimiter", s->delimiter == '\t' ? "tab" : delimiter,
                       "quote", quote, "null", s->null,      NULL};
  const char *plain[] = {"path", glob, "name", stream->name, NULL};
  if (l->format->csv && !*s->null)
    csv[10] = NULL;
  int32_t rc = each(arg, &(struct etl_readback_source){.struct_size = sizeof(struct etl_readback_source),
                                                       .target = glob,
                                                       .settings = l->format->csv ? csv : plain,
                                                       .key = stream->key});
  free(glob);
  return rc;
}

const struct etl_readback loader_readback = {.struct_size = sizeof loader_readback, .describe = describe};
