/* The files of a folder, and of the folders in it. */
#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "extract.h"

enum {
  DEPTH_MOST = 16
};

struct listing {
  struct instance *in;
  const char *root, *pattern; /* pattern NULL: by the format's endings */
  bool with_schema;
  int32_t (*each)(void *arg, const struct etl_stream *);
  void *arg;
  int32_t rc;
  struct pool pool;
};

static bool is_wanted(const struct listing *l, const char *name) {
  if (l->pattern)
    return fnmatch(l->pattern, name, 0) == 0;
  for (const char *const *e = l->in->format->endings; *e; e++)
    if (strlen(name) > strlen(*e) && strcasecmp(name + strlen(name) - strlen(*e), *e) == 0)
      return true;
  return false;
}

/* As a run of its own would sample it; a file that cannot be read has no schema, and is told all the same. */
static int schema_of(const struct listing *l, const char *path, struct ArrowSchema *ret) {
  struct etl_bytes paths = {path, strlen(path)};
  struct instance one = {.host = l->in->host, .format = l->in->format, .settings = l->in->settings};
  struct failure ignored = {0};
  one.settings.pool = (struct pool){0};
  one.settings.paths = &paths;
  one.settings.paths_n = 1;
  pthread_mutex_init(&one.lock, NULL);
  int rc = extract_sample(&one, one.host, &ignored) < 0 || one.layout.n == 0 ? -1 : layout_schema(&one.layout, ret);
  layout_fini(&one.layout);
  pool_fini(&one.settings.pool);
  pthread_mutex_destroy(&one.lock);
  return rc;
}

static void tell_file(struct listing *l, const char *path, const struct stat *st) {
  struct ArrowSchema schema = {0};
  char doc[64];
  bool known = l->with_schema && schema_of(l, path, &schema) == 0;
  snprintf(doc, sizeof doc, "%lld bytes", (long long)st->st_size);
  const char *below = path + strlen(l->root) + 1, *name = path_text(&l->pool, below, strlen(below), "");
  struct etl_stream stream = {.struct_size = sizeof stream, .name = name ? name : "", .doc = doc, .schema = known ? &schema : NULL};
  l->rc = l->each(l->arg, &stream);
  if (known)
    etl_schema_release(&schema);
}

static int by_name(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

/* Names in a folder, sorted, hidden ones left out.  The count; -1: f. */
static ssize_t names_in(struct listing *l, const char *folder, const char ***ret, struct failure *f) {
  DIR *dir = opendir(folder);
  size_t n = 0, cap = 0;
  const char **names = NULL;
  if (!dir)
    return failure_errno(f, errno, "read", folder);
  for (const struct dirent *e; (e = readdir(dir));) {
    if (e->d_name[0] == '.')
      continue;
    if (n == cap) {
      cap = cap * 2 + 64;
      const char **grown = realloc(names, cap * sizeof *names);
      if (!grown)
        break;
      names = grown;
    }
    if (!(names[n++] = pool_strdup(&l->pool, e->d_name)))
      break;
  }
  closedir(dir);
  if (n > 0 && (n > cap || !names[n - 1])) {
    free(names);
    return failure_memory(f, "a list of files");
  }
  if (n > 1)
    qsort(names, n, sizeof *names, by_name);
  *ret = names;
  return (ssize_t)n;
}

static int list_folder(struct listing *l, const char *folder, int depth, struct failure *f) {
  const char **names = NULL;
  ssize_t n = names_in(l, folder, &names, f);
  int rc = n < 0 ? -1 : 0;
  for (ssize_t i = 0; i < n && rc == 0 && l->rc == ETL_OK; i++) {
    struct stat st;
    const char *path = pool_printf(&l->pool, "%s/%s", folder, names[i]);
    if (!path)
      rc = failure_memory(f, "a list of files");
    else if (stat(path, &st) < 0)
      continue; /* it went away */
    else if (S_ISDIR(st.st_mode) && depth < DEPTH_MOST && access(path, R_OK | X_OK) == 0)
      rc = list_folder(l, path, depth + 1, f);
    else if (S_ISREG(st.st_mode) && is_wanted(l, path + strlen(l->root) + 1))
      tell_file(l, path, &st);
  }
  free(names);
  return rc;
}

static int32_t list(void *self, const char *pattern, uint32_t with_schema, int32_t (*each)(void *arg, const struct etl_stream *), void *arg) {
  struct instance *in = self;
  struct listing l = {.in = in, .root = in->settings.folder ? in->settings.folder : ".", .pattern = pattern, .with_schema = with_schema != 0,
                      .each = each, .arg = arg, .rc = ETL_OK};
  struct failure f = {0};
  int rc = list_folder(&l, l.root, 0, &f);
  pool_fini(&l.pool);
  return rc < 0 ? failure_report(in->host, &f) : l.rc;
}

const struct etl_catalog extract_catalog = {.struct_size = sizeof extract_catalog, .list = list};
