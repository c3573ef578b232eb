/* Globs into files. */
#include "paths.h"

#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "types.h"

/* The length of the folder in which a pattern begins, with its slash. */
static size_t base_length(const char *pattern) {
  size_t plain = strcspn(pattern, "*?[");
  while (plain > 0 && pattern[plain - 1] != '/')
    plain--;
  return plain;
}

char *path_text(struct pool *pool, const char *path, size_t n, const char *marks) {
  static const char hex[] = "0123456789ABCDEF";
  char *text = pool_alloc(pool, n * 3 + 1), *to = text;
  for (size_t i = 0, more; text && i < n; i += more) {
    for (more = 1; more < 4 && i + more < n && !text_is_utf8(path + i, more);)
      more++;
    if (text_is_utf8(path + i, more) && !strchr(marks, path[i])) {
      memcpy(to, path + i, more);
      to += more;
      continue;
    }
    more = 1;
    *to++ = '%';
    *to++ = hex[(uint8_t)path[i] >> 4];
    *to++ = hex[path[i] & 15];
  }
  return text;
}

/* '#' parts a shard from its piece in the names of lanes, '@' from a range. */
static char *make_id(struct pool *pool, const char *path) { return path_text(pool, path, strlen(path), "#@%"); }

static int add(struct files *l, struct pool *pool, const char *path, size_t base, struct failure *f) {
  struct stat st;
  bool input = strcmp(path, "-") == 0;
  if (!input && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
    return base < strlen(path) ? 0 : failure_set(f, ETL_E_CONFIG, "path", "name files, not a folder: `path` may hold globs", "%s is a folder", path);
  if ((l->n & (l->n - 1)) == 0) {
    struct file *list = pool_alloc(pool, (l->n ? l->n * 2 : 1) * sizeof *list);
    if (!list)
      return failure_memory(f, "a list of files");
    if (l->n)
      memcpy(list, l->list, l->n * sizeof *list);
    l->list = list;
  }
  bool regular = !input && stat(path, &st) == 0 && S_ISREG(st.st_mode), missing = !input && stat(path, &st) < 0;
  struct file *to = &l->list[l->n];
  to->path = pool_strdup(pool, path);
  to->id = input ? pool_strdup(pool, "stdin") : make_id(pool, path + base);
  to->bytes = regular ? (int64_t)st.st_size : -1;
  if (!to->path || !to->id)
    return failure_memory(f, "a list of files");
  to->once = !regular && !missing;
  l->n++;
  return 0;
}

static int add_pattern(struct files *l, struct pool *pool, const char *pattern, struct failure *f) {
  glob_t found;
  size_t base = base_length(pattern);
  if (!strpbrk(pattern, "*?["))
    return add(l, pool, pattern, base, f);
  int rc = glob(pattern, 0, NULL, &found);
  if (rc == GLOB_NOSPACE)
    return failure_memory(f, "a list of files");
  if (rc == GLOB_NOMATCH)
    return failure_set(f, ETL_E_CONFIG, "path", "check `path`; a relative one begins at the folder that etl was started in",
                       "no file matches %s", pattern);
  if (rc != 0)
    return failure_set(f, ETL_E_CONFIG, "path", "let the user that runs etl read the folder", "%s: a folder cannot be read", pattern);
  for (size_t i = 0; i < found.gl_pathc && rc == 0; i++)
    rc = add(l, pool, found.gl_pathv[i], base, f);
  globfree(&found);
  return rc;
}

static const char *shown(const struct file *file) { return strcmp(file->path, "-") == 0 ? "standard input" : file->path; }

static int by_id(const void *a, const void *b) { return strcmp(((const struct file *)a)->id, ((const struct file *)b)->id); }

/* Samples and readers share what was read of it, and that is kept for one. */
static int check_once(struct files *l, struct failure *f) {
  const struct file *one = NULL;
  for (size_t i = 0; i < l->n; i++) {
    const struct file *file = &l->list[i];
    if (file->once && one)
      return failure_set(f, ETL_E_CONFIG, "path", "name one of them; the others are read by pipelines of their own",
                         "%s and %s can both be read but once, and only one such file can be read at a time", shown(one), shown(file));
    one = file->once ? file : one;
  }
  l->once = one != NULL;
  return 0;
}

int files_list(struct files *l, struct pool *pool, const struct etl_bytes *patterns, uint64_t n, struct failure *f) {
  *l = (struct files){0};
  for (uint64_t i = 0; i < n; i++)
    if (add_pattern(l, pool, patterns[i].p, f) < 0)
      return -1;
  if (l->n == 0)
    return failure_set(f, ETL_E_CONFIG, "path", "check `path`", "`path` names no file, only folders");
  qsort(l->list, l->n, sizeof *l->list, by_id);
  size_t kept = 1;
  for (size_t i = 1; i < l->n; i++) {
    struct file *last = &l->list[kept - 1];
    if (strcmp(last->id, l->list[i].id) != 0)
      l->list[kept++] = l->list[i];
    else if (strcmp(last->path, l->list[i].path) != 0) /* a file named by two patterns is read once */
      return failure_set(f, ETL_E_CONFIG, "path", "name them by one glob that begins in a folder above both, or in two pipelines",
                         "%s and %s would both be the shard \"%s\"", last->path, l->list[i].path, last->id);
  }
  l->n = kept;
  return check_once(l, f);
}

const struct file *files_find(const struct files *l, const char *id) {
  struct file wanted = {.id = id};
  return l->n ? bsearch(&wanted, l->list, l->n, sizeof *l->list, by_id) : NULL;
}
