/* Copies of connectors, named by content.  A copy is written beside its place and renamed, so that a reader finds a whole file or
 * none; two processes that copy the same file do no harm to each other.  Whoever adds a copy takes away what nobody has used for long:
 * the time of a copy is when it was last found to be right, to the day. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "base/trust.h"
#include "plugin/registry.h"

enum {
  CHUNK = 1 << 16,
  HEX = 64,
  DAY_SECONDS = 86400,
  UNUSED_SECONDS = 30 * DAY_SECONDS,
  UNFINISHED_SECONDS = 3600 /* whoever wrote it was killed */
};

static int complain(struct err *e, const char *what, const char *path) {
  bool passes = errno == ENOSPC || errno == EDQUOT || errno == EMFILE || errno == ENFILE || errno == ENOMEM; /* room comes back */
  err_set(e, passes ? ETL_E_RETRYABLE : ETL_E_CONFIG, "%s '%s': %s", what, path, strerror(errno));
  return err_remedy(e, "set 'cache_dir' in etl.conf to a folder that this user may write and that has room");
}

/* mkdir -p; folders made here belong to this user alone. */
static int make_dirs(const char *dir) {
  char path[PATH_MAX];
  if ((size_t)snprintf(path, sizeof path, "%s", dir) >= sizeof path) {
    errno = ENAMETOOLONG;
    return -1;
  }
  for (char *p = path + 1; *p; p++)
    if (*p == '/') {
      *p = '\0';
      if (mkdir(path, 0700) < 0 && errno != EEXIST)
        return -1;
      *p = '/';
    }
  return mkdir(path, 0700) < 0 && errno != EEXIST ? -1 : 0;
}

static int write_all(int fd, const char *p, size_t n) {
  while (n > 0) {
    ssize_t done = write(fd, p, n);
    if (done < 0 && errno != EINTR)
      return -1;
    if (done > 0) {
      p += done;
      n -= (size_t)done;
    }
  }
  return 0;
}

/* SHA-256 of what fd has from its start, in hex; writes it to `to` as well unless that is -1.  -1 with errno. */
static int hash_fd(int fd, int to, char ret_hex[HEX + 1]) {
  EVP_MD_CTX *c = EVP_MD_CTX_new();
  unsigned char sum[EVP_MAX_MD_SIZE];
  char *buf = xrealloc(NULL, CHUNK);
  off_t at = 0;
  ssize_t n = 0;
  int rc = c && EVP_DigestInit_ex(c, EVP_sha256(), NULL) ? 0 : -1;
  while (rc == 0 && ((n = pread(fd, buf, CHUNK, at)) > 0 || (n < 0 && errno == EINTR))) {
    if (n < 0)
      continue;
    at += n;
    if (!EVP_DigestUpdate(c, buf, (size_t)n) || (to >= 0 && write_all(to, buf, (size_t)n) < 0))
      rc = -1;
  }
  if (rc < 0 || n < 0 || !EVP_DigestFinal_ex(c, sum, NULL))
    rc = -1;
  int why = errno;
  free(buf);
  EVP_MD_CTX_free(c);
  for (unsigned i = 0; rc == 0 && i < HEX / 2; i++)
    snprintf(ret_hex + 2 * i, 3, "%02x", sum[i]);
  errno = why;
  return rc;
}

/* Is there a copy with that content? */
static bool is_there(const char *path, const char *want_hex) {
  char hex[HEX + 1];
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  struct stat st;
  struct err e;
  bool same = fd >= 0 && fstat(fd, &st) == 0 && trust_check(path, &st, TRUST_CODE, &e) == 0 && hash_fd(fd, -1, hex) == 0 &&
              strcmp(hex, want_hex) == 0;
  if (same && st.st_mtime < time(NULL) - DAY_SECONDS)
    futimens(fd, NULL); /* if not, somebody else keeps this cache */
  if (fd >= 0)
    close(fd);
  return same;
}

/* Old versions of connectors, and what was left half written. */
static void sweep(const char *dir) {
  DIR *d = opendir(dir);
  time_t now = time(NULL);
  struct stat st;
  for (struct dirent *f = NULL; d && (f = readdir(d));)
    if (fstatat(dirfd(d), f->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
        st.st_mtime < now - (f->d_name[0] == '.' ? UNFINISHED_SECONDS : UNUSED_SECONDS))
      unlinkat(dirfd(d), f->d_name, 0);
  if (d)
    closedir(d);
}

static int is_changing(const char *path, struct err *e) {
  err_set(e, ETL_E_RETRYABLE, "the connector %s is another file than the one that was looked at: it is being replaced", path);
  return err_remedy(e, "the next try takes the new one");
}

/* Copies in under a temporary name.  1: it is not what was hashed before any more. */
static int copy_in(int fd, const char *dir, const char *copy, const char *want_hex, struct arena *a, struct err *e) {
  char *tmp = arena_printf(a, "%s/.%s.XXXXXX", dir, text_basename(copy)), hex[HEX + 1];
  int to = mkostemp(tmp, O_CLOEXEC);
  if (to < 0)
    return complain(e, "cannot write into the cache of connectors", dir);
  int rc = hash_fd(fd, to, hex) == 0 && fchmod(to, 0500) == 0 ? 0 : -1;
  bool same = rc == 0 && strcmp(hex, want_hex) == 0;
  if (same)
    rc = rename(tmp, copy);
  if (rc < 0)
    complain(e, "cannot copy a connector into the cache", dir);
  if (rc < 0 || !same)
    unlink(tmp);
  close(to);
  sweep(dir);
  return rc < 0 ? -1 : !same;
}

int plugin_cache(const char *path, const struct plugin_mark *seen, const char *cache_dir, struct arena *arena, struct err *e, const char **ret_path) {
  struct plugin_mark now;
  struct stat st;
  char hex[HEX + 1];
  const char *dir = arena_printf(arena, "%s/plugins", cache_dir), *base = text_basename(path);
  const char *name = arena_memdup(arena, base, strlen(base) > 3 ? strlen(base) - 3 : strlen(base)); /* without ".so" */
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0 || fstat(fd, &st) < 0 || hash_fd(fd, -1, hex) < 0 || plugin_mark_fd(fd, &now) < 0) {
    err_set(e, ETL_E_CONFIG, "cannot read the connector %s: %s", path, strerror(errno));
    if (fd >= 0)
      close(fd);
    return err_remedy(e, "let this user read it");
  }
  int rc = plugin_mark_same(seen, &now) ? trust_check(path, &st, TRUST_CODE, e) : is_changing(path, e);
  if (rc == 0 && (make_dirs(dir) < 0 || stat(dir, &st) < 0))
    rc = complain(e, "cannot make the cache of connectors", dir);
  if (rc == 0)
    rc = trust_check(dir, &st, TRUST_CODE, e);
  if (rc == 0) {
    const char *copy = arena_printf(arena, "%s/%s-%s.so", dir, name, hex);
    if (!is_there(copy, hex))
      rc = copy_in(fd, dir, copy, hex, arena, e);
    if (rc > 0)
      rc = is_changing(path, e);
    if (rc == 0)
      *ret_path = copy;
  }
  close(fd);
  return rc;
}
