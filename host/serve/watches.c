/* inotify.  The watches are never mended: after each look they are made anew, which also follows directories that were moved or replaced. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "serve/watch.h"

#define IN_GONE (IN_DELETE_SELF | IN_MOVE_SELF)
#define IN_PARENT (IN_CREATE | IN_DELETE | IN_MOVE | IN_GONE)
#define IN_DIR (IN_PARENT | IN_MODIFY | IN_CLOSE_WRITE | IN_ATTRIB)

struct watched {
  int wd;
  char *name; /* this name in it counts; NULL: every connector, and the directory itself */
};
struct watches {
  int fd;
  struct watched *list;
  size_t n;
};

static int add(struct watches *w, const char *dir, const char *name, uint32_t mask) {
  int wd = inotify_add_watch(w->fd, dir, mask | IN_ONLYDIR | IN_MASK_ADD);
  if (wd < 0)
    return -1;
  w->list = xrealloc(w->list, (w->n + 1) * sizeof *w->list);
  w->list[w->n++] = (struct watched){wd, name ? xstrdup(name) : NULL};
  return 0;
}

static bool is_missing(int error) { return error == ENOENT || error == ENOTDIR; }

static bool is_link(const char *path) {
  struct stat st;
  return lstat(path, &st) == 0 && S_ISLNK(st.st_mode);
}

/* The directory, if it is there; the next folder above that is there, where its name comes and goes; and those above, which may be moved away with
 * all that is in them, or where a link may be turned to another one.  -1 with errno. */
static int add_dir(struct watches *w, const char *dir) {
  struct arena *a = arena_new();
  bool found = false;
  int rc = add(w, dir, NULL, IN_DIR);
  for (const char *below = dir; (rc == 0 || is_missing(errno)) && strcmp(below, "/") != 0;) {
    const char *above = text_dirname(a, below);
    rc = found && !is_link(below) ? add(w, above, "", IN_GONE) : add(w, above, text_basename(below), IN_PARENT);
    found = found || rc == 0;
    below = above;
  }
  int why = errno;
  arena_free(a);
  errno = why;
  return rc == 0 || is_missing(why) ? 0 : -1;
}

int watches_open(const char *const *dirs, struct err *e, struct watches **ret) {
  struct watches *w = xcalloc(1, sizeof *w);
  w->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  int rc = w->fd < 0 ? -1 : 0;
  for (; rc == 0 && *dirs; dirs++) {
    rc = add_dir(w, *dirs);
    if (rc < 0 && errno == EACCES)
      rc = 0; /* looking at it will say so */
  }
  if (rc == 0) {
    *ret = w;
    return 0;
  }
  err_set(e, ETL_E_RETRYABLE, "the plugin directories cannot be watched: %s", strerror(errno));
  if (errno == ENOSPC || errno == EMFILE)
    err_remedy(e, "raise fs.inotify.max_user_watches and fs.inotify.max_user_instances (sysctl)");
  watches_close(w);
  return -1;
}

void watches_close(struct watches *w) {
  if (!w)
    return;
  if (w->fd >= 0)
    close(w->fd);
  for (size_t i = 0; i < w->n; i++)
    free(w->list[i].name);
  free(w->list);
  free(w);
}

int watches_fd(const struct watches *w) { return w->fd; }

static bool is_connector(const char *name) {
  size_t n = strlen(name);
  return name[0] != '.' && n > 3 && strcmp(name + n - 3, ".so") == 0;
}

static bool concerns(const struct watches *w, const struct inotify_event *event) {
  if (event->mask & (IN_Q_OVERFLOW | IN_IGNORED | IN_UNMOUNT | IN_GONE))
    return true;
  for (size_t i = 0; i < w->n; i++) {
    if (w->list[i].wd != event->wd)
      continue;
    if (!w->list[i].name && (event->len == 0 || is_connector(event->name)))
      return true;
    if (w->list[i].name && event->len && strcmp(w->list[i].name, event->name) == 0 && !(event->mask & (IN_MODIFY | IN_CLOSE_WRITE)))
      return true;
  }
  return false;
}

bool watches_read(struct watches *w) {
  _Alignas(struct inotify_event) char buf[16 * (sizeof(struct inotify_event) + NAME_MAX + 1)];
  bool any = false;
  ssize_t n;
  while ((n = read(w->fd, buf, sizeof buf)) > 0)
    for (const char *p = buf; p < buf + n;) {
      const struct inotify_event *event = (const struct inotify_event *)(const void *)p;
      any = concerns(w, event) || any;
      p += sizeof *event + event->len;
    }
  return any;
}
