/* The plugin directories' content.  A file is opened once; its owner and its note are read through that descriptor. */
#include "plugin/registry.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/diag.h"
#include "base/text.h"
#include "base/trust.h"
#include "plugin/note.h"

static const char *const kind_names[] = {
    [ETL_KIND_EXTRACTOR] = "extractor", [ETL_KIND_TRANSFORMER] = "transformer", [ETL_KIND_LOADER] = "loader"};

const char *plugin_kind_name(uint32_t kind) {
  return kind >= ETL_KIND_EXTRACTOR && kind <= ETL_KIND_LOADER ? kind_names[kind] : "connector";
}

static bool has_kind(const struct plugin_file *f, uint32_t kind) { return kind == 0 || f->kinds >> kind & 1; }

static int64_t ns_of(const struct timespec *t) { return t->tv_sec * INT64_C(1000000000) + t->tv_nsec; }

static struct plugin_mark mark_of(const struct stat *st) {
  return (struct plugin_mark){st->st_dev, st->st_ino, (uint64_t)st->st_size, ns_of(&st->st_mtim), ns_of(&st->st_ctim)};
}

int plugin_mark(const char *path, struct plugin_mark *ret) {
  struct stat st;
  if (stat(path, &st) < 0)
    return -1;
  *ret = mark_of(&st);
  return 0;
}

int plugin_mark_fd(int fd, struct plugin_mark *ret) {
  struct stat st;
  if (fstat(fd, &st) < 0)
    return -1;
  *ret = mark_of(&st);
  return 0;
}

bool plugin_mark_same(const struct plugin_mark *a, const struct plugin_mark *b) {
  return a->device == b->device && a->inode == b->inode && a->bytes == b->bytes && a->written_ns == b->written_ns && a->changed_ns == b->changed_ns;
}

static int look_at(int fd, struct etl_note *note, const char *path, struct plugin_mark *ret_mark, struct err *e) {
  struct stat st;
  if (fstat(fd, &st) < 0)
    return err_set(e, ETL_E_CONFIG, "it cannot be read: %s", strerror(errno));
  *ret_mark = mark_of(&st);
  if (!S_ISREG(st.st_mode))
    return err_set(e, ETL_E_CONFIG, "it is not a file");
  if (note_read(fd, note, e) < 0)
    return -1;
  return note_check_abi(note, e) < 0 ? -1 : trust_check(path, &st, TRUST_CODE, e);
}

static struct plugin_file read_file(struct arena *a, const char *dir, const char *name) {
  struct plugin_file f = {
      .path = text_join(a, dir, name), .id = arena_memdup(a, name, strlen(name) - strlen(".so")), .version = ""};
  struct err e = {0};
  struct etl_note note = {0};
  int fd = open(f.path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* no waiting for somebody's FIFO */
  if (fd < 0)
    err_set(&e, ETL_E_CONFIG, "it cannot be opened: %s", strerror(errno));
  else
    look_at(fd, &note, f.path, &f.mark, &e);
  if (fd >= 0)
    close(fd);
  if (note.id[0]) { /* the note was read, whatever was found after it */
    f.id = arena_strdup(a, note.id);
    f.version = arena_strdup(a, note.version);
    f.abi_major = note.abi_major;
    f.abi_minor = note.abi_minor;
    f.kinds = note.kinds;
  }
  if (e.error_class)
    f.bad = arena_printf(a, "%s%s%s", e.message, e.remedy[0] ? "; " : "", e.remedy);
  return f;
}

static int is_so(const struct dirent *d) {
  size_t n = strlen(d->d_name);
  return d->d_name[0] != '.' && n > 3 && strcmp(d->d_name + n - 3, ".so") == 0;
}

static int by_name(const struct dirent **a, const struct dirent **b) { return strcmp((*a)->d_name, (*b)->d_name); }

static int scan_dir(struct registry *r, const char *dir, struct err *e) {
  struct dirent **list = NULL;
  struct stat st;
  int n = stat(dir, &st) < 0 ? -1 : scandir(dir, &list, is_so, by_name);
  bool missing = n < 0 && errno == ENOENT;
  r->dirs =
      arena_printf(r->arena, "%s%s%s%s", r->dirs ? r->dirs : "", r->dirs ? ", " : "", dir, missing ? " (does not exist)" : "");
  if (missing)
    return 0;
  if (n < 0) {
    err_set(e, ETL_E_CONFIG, "the plugin directory '%s' cannot be read: %s", dir, strerror(errno));
    return err_remedy(e, "let this user read it, or take it out of 'plugin_dirs' and ETL_PLUGIN_PATH");
  }
  int rc = trust_check(dir, &st, TRUST_CODE, e);
  struct plugin_file *grown = arena_alloc(r->arena, (r->files_n + (size_t)n + 1) * sizeof *grown);
  if (r->files_n)
    memcpy(grown, r->files, r->files_n * sizeof *grown);
  r->files = grown;
  for (int i = 0; i < n; i++) {
    if (rc == 0)
      r->files[r->files_n++] = read_file(r->arena, dir, list[i]->d_name);
    free(list[i]);
  }
  free(list);
  return rc;
}

/* Of two usable files with one connector the earlier one's counts. */
static void mark_shadowed(struct registry *r) {
  for (size_t i = 0; i < r->files_n; i++)
    r->files[i].shadowed_by = NULL;
  for (size_t i = 0; i < r->files_n; i++)
    for (size_t k = 0; k < i && !r->files[i].bad && !r->files[i].shadowed_by; k++) {
      const struct plugin_file *first = &r->files[k];
      if (!first->bad && !first->shadowed_by && first->kinds & r->files[i].kinds && strcmp(first->id, r->files[i].id) == 0)
        r->files[i].shadowed_by = first->path;
    }
}

int registry_scan(const char *const *dirs, struct err *e, struct registry **ret_registry) {
  struct arena *a = arena_new();
  struct registry *r = arena_alloc(a, sizeof *r);
  r->arena = a;
  for (; *dirs; dirs++)
    if (scan_dir(r, *dirs, e) < 0) {
      registry_free(r);
      return -1;
    }
  mark_shadowed(r);
  *ret_registry = r;
  return 0;
}

struct registry *registry_scan_others(const char *const *dirs) {
  struct arena *a = arena_new();
  struct registry *r = arena_alloc(a, sizeof *r);
  struct err e;
  r->arena = a;
  for (; *dirs; dirs++) {
    if (scan_dir(r, *dirs, &e) == 0)
      continue;
    r->dirs = arena_printf(a, "%s (refused)", r->dirs);
    r->refused = arena_printf(a, "%s%s%s%s%s", r->refused ? r->refused : "", r->refused ? "; " : "", e.message, e.remedy[0] ? "; " : "", e.remedy);
  }
  mark_shadowed(r);
  return r;
}

void registry_refuse(struct registry *r, size_t index, const char *reason) {
  r->files[index].bad = arena_strdup(r->arena, reason);
  mark_shadowed(r);
}

void registry_free(struct registry *r) {
  if (r)
    arena_free(r->arena);
}

/* Names of usable connectors of that kind; ends with NULL; freed by the caller. */
static const char **names_of(const struct registry *r, uint32_t kind) {
  const char **names = xcalloc(r->files_n + 1, sizeof *names);
  size_t n = 0;
  for (size_t i = 0; i < r->files_n; i++)
    if (!r->files[i].bad && !r->files[i].shadowed_by && has_kind(&r->files[i], kind))
      names[n++] = r->files[i].id;
  return names;
}

static void explain_missing(const struct registry *r, uint32_t kind, const char *name, struct err *e) {
  const char *what = plugin_kind_name(kind);
  for (size_t i = 0; i < r->files_n; i++) {
    const struct plugin_file *f = &r->files[i];
    if (strcmp(f->id, name) != 0)
      continue;
    if (f->bad) {
      err_set(e, ETL_E_CONFIG, "the %s '%s' cannot be used: its file %s was refused: %s", what, name, f->path, f->bad);
      return;
    }
    err_set(e, ETL_E_CONFIG, "'%s' (%s) is no %s", name, f->path, what);
    err_remedy(e, "`etl plugin list` shows what each connector is for");
    return;
  }
  const char **names = names_of(r, kind), *near = diag_nearest(name, names);
  err_set(e, ETL_E_CONFIG, "there is no %s '%s'%s%s%s", what, name, near ? "; did you mean '" : "", near ? near : "",
          near ? "'?" : "");
  if (!near)
    err_remedy(e, "looked in %s; `etl plugin list` shows what is there", r->dirs ? r->dirs : "no folder at all");
  free(names);
}

const struct plugin_file *registry_find(const struct registry *r, uint32_t kind, const char *name, struct err *e) {
  for (size_t i = 0; i < r->files_n; i++) {
    const struct plugin_file *f = &r->files[i];
    if (!f->bad && has_kind(f, kind) && strcmp(f->id, name) == 0)
      return f; /* sorted: the first is the one that shadows others */
  }
  explain_missing(r, kind, name, e);
  return NULL;
}
