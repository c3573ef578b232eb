/* Locking, reading, writing the manifest, and the steps that follow a commit. */
#include "manifest.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

int manifest_init(struct manifest *m, const char *folder, const char *pipeline, struct failure *f) {
  *m = (struct manifest){.lock_fd = -1};
  if (asprintf(&m->folder, "%s/.etl-%s", folder, pipeline) < 0) {
    m->folder = NULL;
    return failure_memory(f, "the manifest");
  }
  for (char *p = m->folder + strlen(folder) + 1; *p; p++)
    if (*p == '/')
      *p = '_';
  return 0;
}

void manifest_fini(struct manifest *m) {
  manifest_unlock(m);
  free(m->folder);
  m->folder = NULL;
}

char *manifest_part(const struct manifest *m, const char *part) {
  char *path;
  return asprintf(&path, "%s/%s", m->folder, part) < 0 ? NULL : path;
}

/* ---- folders ---------------------------------------------------------------------------------------------------------------- */

int make_folders(const char *path, struct failure *f) {
  char *copy = strdup(path);
  int rc = copy ? 0 : failure_memory(f, "a path");
  for (char *slash = copy ? strchr(copy + 1, '/') : NULL; slash && rc == 0; slash = strchr(slash + 1, '/')) {
    *slash = 0;
    if (mkdir(copy, 0777) < 0 && errno != EEXIST)
      rc = failure_errno(f, errno, "made", copy);
    *slash = '/';
  }
  free(copy);
  return rc;
}

int sync_folder(const char *path, struct failure *f) {
  const char *slash = strrchr(path, '/');
  char *folder = slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
  int fd = folder ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
  int rc = fd >= 0 && fsync(fd) == 0 ? 0 : failure_errno(f, errno, "written to the disk", folder ? folder : path);
  if (fd >= 0)
    close(fd);
  free(folder);
  return rc;
}

int check_place(const char *name, struct failure *f) {
  struct stat st;
  if (lstat(name, &st) < 0)
    return errno == ENOENT || errno == ENOTDIR ? 0 : failure_errno(f, errno, "looked at", name); /* a folder that is a file is told when it is made */
  if (S_ISREG(st.st_mode))
    return 0;
  return failure_set(f, ETL_E_CONFIG, "path", "name a file, or one that is not there yet; for standard output write path = \"-\"",
                     "%s is no regular file but %s, and is not replaced", name,
                     S_ISLNK(st.st_mode) ? "a link" : S_ISDIR(st.st_mode) ? "a folder" : S_ISFIFO(st.st_mode) ? "a pipe" : "a device or a socket");
}

/* ---- the file --------------------------------------------------------------------------------------------------------------- */

static int read_root(struct manifest *m, const char *path, struct failure *f) {
  json_error_t why;
  m->root = json_load_file(path, 0, &why);
  if (!m->root && access(path, F_OK) < 0 && errno == ENOENT)
    m->root = json_pack("{s:i, s:i, s:s, s:[], s:[]}", "version", 1, "owner", 0, "run", "", "lanes", "moves");
  if (!m->root)
    return failure_set(f, ETL_E_PERMANENT, "path",
                       "restore it from a backup; or delete its folder and what the pipeline wrote, and run from the beginning",
                       "%s cannot be read: %s", path, why.text);
  if (json_integer_value(json_object_get(m->root, "version")) != 1)
    return failure_set(f, ETL_E_PERMANENT, "path", "use the etl that wrote it, or a newer one", "%s was written by another version of etl", path);
  return 0;
}

int manifest_lock(struct manifest *m, bool make, struct failure *f) {
  char *lock = manifest_part(m, "lock"), *path = manifest_part(m, "manifest.json");
  int rc = lock && path ? 0 : failure_memory(f, "the manifest");
  if (rc == 0 && make)
    rc = make_folders(lock, f);
  if (rc == 0) {
    m->lock_fd = open(lock, O_RDWR | O_CLOEXEC | (make ? O_CREAT : 0), 0666);
    if (m->lock_fd < 0 && (make || errno != ENOENT))
      rc = failure_errno(f, errno, "opened", lock);
    while (rc == 0 && m->lock_fd >= 0 && flock(m->lock_fd, LOCK_EX) < 0)
      if (errno != EINTR)
        rc = failure_errno(f, errno, "locked", lock);
  }
  if (rc == 0)
    rc = read_root(m, path, f);
  if (rc < 0)
    manifest_unlock(m);
  free(lock);
  free(path);
  return rc;
}

void manifest_unlock(struct manifest *m) {
  json_decref(m->root);
  m->root = NULL;
  if (m->lock_fd >= 0)
    close(m->lock_fd);
  m->lock_fd = -1;
}

int manifest_store(struct manifest *m, struct failure *f) {
  char *path = manifest_part(m, "manifest.json"), *fresh = manifest_part(m, "manifest.new"), *text = json_dumps(m->root, JSON_INDENT(1));
  int rc = path && fresh && text ? 0 : failure_memory(f, "the manifest");
  int fd = rc == 0 ? open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666) : -1;
  for (size_t at = 0, n = rc == 0 ? strlen(text) : 0; fd >= 0 && at < n;) {
    ssize_t put = write(fd, text + at, n - at);
    if (put < 0 && errno != EINTR) {
      rc = failure_errno(f, errno, "written", fresh);
      break;
    }
    at += put > 0 ? (size_t)put : 0;
  }
  if (rc == 0 && (fd < 0 || fsync(fd) < 0 || rename(fresh, path) < 0))
    rc = failure_errno(f, errno, "written", path);
  if (fd >= 0)
    close(fd);
  if (rc == 0)
    rc = sync_folder(path, f);
  free(path);
  free(fresh);
  free(text);
  return rc;
}

uint64_t manifest_owner(const struct manifest *m) { return (uint64_t)json_integer_value(json_object_get(m->root, "owner")); }

int manifest_check_owner(const struct manifest *m, uint64_t owner, struct failure *f) {
  uint64_t now = manifest_owner(m);
  if (now == owner)
    return 0;
  return failure_set(f, ETL_E_FENCED, NULL, "let the newer run finish", "%s: run %s (owner %llu) has taken over from owner %llu", m->folder,
                     json_string_value(json_object_get(m->root, "run")), (unsigned long long)now, (unsigned long long)owner);
}

/* ---- after a commit ----------------------------------------------------------------------------------------------------------- */

/* fresh: only if there is no such file; where the file system cannot promise that, another writer may lose its own. */
static int rename_part(const char *from, const char *to, bool fresh) {
  int rc = fresh ? renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) : rename(from, to);
  return rc < 0 && fresh && (errno == EINVAL || errno == ENOSYS) ? rename(from, to) : rc;
}

static int move_one(struct manifest *m, const char *part, const char *name, bool fresh, struct failure *f) {
  char *from = manifest_part(m, part);
  int rc = from ? 0 : failure_memory(f, "a path");
  if (rc == 0 && access(from, F_OK) == 0) { /* else it was moved before */
    rc = check_place(name, f) < 0 ? -1 : make_folders(name, f);
    if (rc == 0 && rename_part(from, name, fresh) < 0)
      rc = errno == EEXIST ? failure_set(f, ETL_E_PERMANENT, "path", "move that file away, and give each pipeline a `path` of its own",
                                         "%s is committed as %s, which somebody else made at the same moment", from, name)
                           : failure_errno(f, errno, "put in its place", name);
    if (rc == 0)
      rc = sync_folder(name, f);
  }
  free(from);
  return rc;
}

/* What is no regular file is not ours, and stays. */
static int remove_one(const char *name, struct failure *f) {
  struct stat st;
  if (lstat(name, &st) < 0 || !S_ISREG(st.st_mode))
    return 0;
  return unlink(name) < 0 && errno != ENOENT ? failure_errno(f, errno, "removed", name) : sync_folder(name, f);
}

static bool moves_have(const json_t *moves, const char *key, const char *text) {
  const json_t *move;
  size_t i;
  json_array_foreach(moves, i, move)
    if (strcmp(json_string_value(json_object_get(move, key)), text) == 0)
      return true;
  return false;
}

bool manifest_moves_to(const json_t *moves, const char *name) { return moves_have(moves, "name", name); }

int manifest_move(struct manifest *m, struct failure *f) {
  json_t *moves = json_object_get(m->root, "moves");
  const json_t *move;
  size_t i;
  json_array_foreach(moves, i, move) {
    const char *part = json_string_value(json_object_get(move, "part")), *name = json_string_value(json_object_get(move, "name"));
    bool gone = json_is_true(json_object_get(move, "gone"));
    if ((gone ? remove_one(name, f) : move_one(m, part, name, json_is_true(json_object_get(move, "fresh")), f)) < 0)
      return -1;
  }
  for (i = json_array_size(moves); i-- > 0;)
    if (json_is_true(json_object_get(json_array_get(moves, i), "gone")))
      json_array_remove(moves, i); /* a file that comes there later is another one */
  return 0;
}

static bool names_part(const struct manifest *m, const char *part) {
  const json_t *lane, *file;
  size_t i, k;
  if (moves_have(json_object_get(m->root, "moves"), "part", part))
    return true;
  json_array_foreach(json_object_get(m->root, "lanes"), i, lane)
    json_array_foreach(json_object_get(lane, "files"), k, file)
      if (strcmp(json_string_value(json_object_get(file, "part")), part) == 0)
        return true;
  return false;
}

int manifest_sweep(struct manifest *m, struct failure *f) {
  DIR *dir = opendir(m->folder);
  if (!dir)
    return failure_errno(f, errno, "read", m->folder);
  int rc = 0;
  for (const struct dirent *e; rc == 0 && (e = readdir(dir));) {
    size_t n = strlen(e->d_name);
    if (n > 5 && strcmp(e->d_name + n - 5, ".part") == 0 && !names_part(m, e->d_name) && unlinkat(dirfd(dir), e->d_name, 0) < 0)
      rc = failure_errno(f, errno, "removed", e->d_name);
  }
  closedir(dir);
  return rc;
}
