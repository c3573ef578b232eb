/* Writing a skeleton: nothing that is there already is written over. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "kit/skeleton.h"

enum {
  NAME_MAX_BYTES = 40
};

static bool valid_name(const char *s) {
  size_t n = strlen(s);
  return n && n <= NAME_MAX_BYTES && islower((unsigned char)*s) && strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_") == n;
}

/* The text with every @NAME@ replaced. */
static char *filled(struct arena *a, const char *text, const char *name) {
  static const char mark[] = "@NAME@";
  size_t n = 0;
  for (const char *p = text; (p = strstr(p, mark)); p += sizeof mark - 1)
    n++;
  char *out = arena_alloc(a, strlen(text) + n * strlen(name) + 1), *to = out;
  for (const char *p = text, *next; *p; p = next) {
    next = strstr(p, mark);
    size_t plain = next ? (size_t)(next - p) : strlen(p);
    memcpy(to, p, plain);
    to += plain;
    if (next) {
      memcpy(to, name, strlen(name));
      to += strlen(name);
      next += sizeof mark - 1;
    } else {
      next = p + plain;
    }
  }
  return out;
}

static bool is_empty(const char *folder) {
  DIR *d = opendir(folder);
  const struct dirent *e;
  bool empty = d != NULL;
  while (empty && (e = readdir(d)))
    empty = strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0;
  if (d)
    closedir(d);
  return empty;
}

static int write_file(const char *path, const char *text, struct err *e) {
  int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  size_t n = strlen(text);
  ssize_t written = fd < 0 ? -1 : write(fd, text, n);
  int why = errno;
  if (fd >= 0 && close(fd) < 0 && written >= 0) {
    written = -1;
    why = errno;
  }
  if (written == (ssize_t)n)
    return 0;
  return err_set(e, ETL_E_PERMANENT, "cannot write %s: %s", path, written < 0 ? strerror(why) : "it was cut short");
}

int skeleton_write(const char *name, uint32_t kind, const char *folder, struct err *e) {
  if (!valid_name(name)) {
    err_set(e, ETL_E_CONFIG, "'%s' is no name for a connector", name);
    return err_remedy(e, "use small letters, digits and '_', a letter first, at most %d", NAME_MAX_BYTES);
  }
  if (mkdir(folder, 0755) < 0 && errno != EEXIST)
    return err_set(e, ETL_E_CONFIG, "cannot make the folder %s: %s", folder, strerror(errno));
  if (!is_empty(folder)) {
    err_set(e, ETL_E_CONFIG, "%s is not an empty folder", folder);
    return err_remedy(e, "name another one with --dir");
  }
  struct arena *a = arena_new();
  int rc = 0;
  for (const struct skeleton_file *f = skeleton_files; f->path && rc == 0; f++) {
    if (f->kind != kind)
      continue;
    const char *path = text_join(a, folder, filled(a, f->path, name)), *parent = text_dirname(a, path);
    if (mkdir(parent, 0755) < 0 && errno != EEXIST)
      rc = err_set(e, ETL_E_PERMANENT, "cannot make the folder %s: %s", parent, strerror(errno));
    else
      rc = write_file(path, filled(a, f->text, name), e);
  }
  arena_free(a);
  return rc;
}
