/* The control socket.  Two hosts that start at once are kept apart by a lock of the folder, held while one looks and binds. */
#include "serve/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/text.h"
#include "base/trust.h"

#define RUN_DIR "/run/etl"

enum { BACKLOG = 128, MODE = 0660, RUN_DIR_MODE = 0755, DATABASE_BUFFER = 16384, CONNECT_SECONDS = 10, LOCK_TRIES = 20, LOCK_PAUSE_NS = 10 * 1000 * 1000 };

/* ---- where ------------------------------------------------------------------------------------------------------------------------------ */

static const char *beside_state(const char *url, struct arena *a) {
  static const char sqlite[] = "sqlite://";
  if (!url || strncmp(url, sqlite, sizeof sqlite - 1) != 0)
    return NULL;
  const char *file = url + sizeof sqlite - 1;
  return arena_printf(a, "%.*s.sock", (int)strcspn(file, "?"), file);
}

const char *socket_host_name(const struct conf *c, struct arena *a) {
  char name[256] = "";
  if (c->serve.host)
    return c->serve.host;
  gethostname(name, sizeof name - 1);
  return name[0] ? arena_strdup(a, name) : "host";
}

const char *socket_path(const struct conf *c, struct arena *a, struct err *e) {
  struct stat st;
  const char *host = socket_host_name(c, a);
  const char *beside, *mine = getenv("XDG_RUNTIME_DIR");
  if (c->serve.control_socket)
    return c->serve.control_socket;
  if ((beside = beside_state(c->state, a)))
    return beside;
  const char *shared = arena_printf(a, RUN_DIR "/%s.sock", host);
  if (stat(shared, &st) == 0 || geteuid() == 0 || access(RUN_DIR, W_OK) == 0)
    return shared;
  if (mine && *mine == '/')
    return arena_printf(a, "%s/etl-%s.sock", mine, host);
  err_set(e, ETL_E_CONFIG, "there is no place for the control socket: this user may not write to " RUN_DIR ", and has no XDG_RUNTIME_DIR");
  err_remedy(e, "set 'control_socket' of 'serve' in etl.conf, for instance control_socket = \"/run/etl/control.sock\"");
  return NULL;
}

/* The folder of path, open, and the address of path through it. */
static int address(const char *path, struct sockaddr_un *ret, struct err *e) {
  struct arena *a = arena_new();
  const char *dir = text_dirname(a, path), *name = text_basename(path);
  int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
  if (fd < 0) {
    int error = errno;
    err_set(e, error == EACCES ? ETL_E_AUTH : ETL_E_CONFIG, "the folder of the control socket '%s' cannot be opened: %s", path, strerror(error));
    err_remedy(e, "create it, or set 'control_socket' of 'serve' to another place");
  } else if (snprintf(ret->sun_path, sizeof ret->sun_path, "/proc/self/fd/%d/%s", fd, name) >= (int)sizeof ret->sun_path) {
    err_set(e, ETL_E_CONFIG, "the name of the control socket '%s' is too long", path);
    err_remedy(e, "set 'control_socket' of 'serve' to a file with a shorter name");
    close(fd);
    fd = -1;
  }
  arena_free(a);
  return fd;
}

/* ---- the host's end ------------------------------------------------------------------------------------------------------------------------ */

static int refuse(struct err *e, const char *path, const char *what) {
  int error = errno;
  err_set(e, ETL_E_CONFIG, "the control socket '%s' %s: %s", path, what, strerror(error));
  return err_remedy(e, "let this user write to its folder, or set 'control_socket' of 'serve' to another place");
}

static int in_the_way(struct err *e, const char *path) {
  err_set(e, ETL_E_CONFIG, "the control socket '%s' cannot be made: there is another file of that name", path);
  return err_remedy(e, "move it away, or set 'control_socket' of 'serve' to another place");
}

/* 0: nothing is at the path any more. */
static int clear_path(const char *path, const struct sockaddr_un *at, struct err *e) {
  struct stat st;
  if (lstat(at->sun_path, &st) < 0)
    return errno == ENOENT ? 0 : refuse(e, path, "cannot be looked at");
  if (!S_ISSOCK(st.st_mode))
    return in_the_way(e, path);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  int rc = fd < 0 ? -1 : connect(fd, (const struct sockaddr *)at, sizeof *at), error = errno;
  if (fd >= 0)
    close(fd);
  if (rc == 0 || error == EAGAIN) {
    err_set(e, ETL_E_CONFIG, "another host listens at the control socket '%s'", path);
    return err_remedy(e, "stop that one first (`etl status` shows it), or set 'control_socket' of 'serve' of one of them to another place");
  }
  errno = error;
  if (error != ECONNREFUSED)
    return refuse(e, path, "cannot be tried");
  return unlink(at->sun_path) == 0 || errno == ENOENT ? 0 : refuse(e, path, "was left by a host that is gone, and cannot be removed");
}

static int group_of(const char *name, gid_t *ret, struct err *e) {
  char buf[DATABASE_BUFFER];
  struct group g, *found = NULL;
  if (getgrnam_r(name, &g, buf, sizeof buf, &found) == 0 && found) {
    *ret = g.gr_gid;
    return 0;
  }
  err_set(e, ETL_E_CONFIG, "there is no group '%s' for the control socket", name);
  return err_remedy(e, "create it (groupadd --system %s), or correct 'control_group' of 'serve'", name);
}

static int give(const char *file, const char *path, const char *group, struct err *e) {
  gid_t gid = getegid();
  if (group && group_of(group, &gid, e) < 0)
    return -1;
  if (lchown(file, (uid_t)-1, gid) == 0)
    return 0;
  err_set(e, ETL_E_CONFIG, "the control socket '%s' cannot be given to the group '%s': %s", path, group ? group : "of this process", strerror(errno));
  return err_remedy(e, "make the user that the host runs as a member of it (usermod -a -G GROUP USER), or correct 'control_group' of 'serve'");
}

/* By what the file is known again: a number alone may have gone to another one. */
static int note_file(struct listening *l, const char *file) {
  struct stat st;
  if (stat(file, &st) < 0)
    return -1;
  l->device = st.st_dev;
  l->inode = st.st_ino;
  l->changed = st.st_ctim;
  return 0;
}

static bool is_ours(const struct listening *l) {
  struct stat st;
  return stat(l->path, &st) == 0 && st.st_dev == l->device && st.st_ino == l->inode && st.st_ctim.tv_sec == l->changed.tv_sec &&
         st.st_ctim.tv_nsec == l->changed.tv_nsec;
}

int socket_give(struct listening *l, const char *group, struct err *e) {
  if (give(l->path, l->path, group, e) < 0)
    return -1;
  return note_file(l, l->path) < 0 ? refuse(e, l->path, "cannot be looked at") : 0;
}

/* Nobody can connect before listen(), so the file is never open to more than it should be. */
static int make(const char *path, const char *group, const struct sockaddr_un *at, struct err *e, struct listening *l) {
  l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (l->fd < 0 || bind(l->fd, (const struct sockaddr *)at, sizeof *at) < 0)
    return refuse(e, path, "cannot be made");
  if (give(at->sun_path, path, group, e) < 0)
    return -1;
  if (chmod(at->sun_path, MODE) < 0 || note_file(l, at->sun_path) < 0 || listen(l->fd, BACKLOG) < 0)
    return refuse(e, path, "cannot be used");
  return 0;
}

/* Whoever may look into the folder may lock it, and keep it so: after a while, and where locks do not work, the look at what is there is all there is. */
static void lock_folder(int dir) {
  const struct timespec pause = {.tv_nsec = LOCK_PAUSE_NS};
  for (int i = 0; i < LOCK_TRIES && flock(dir, LOCK_EX | LOCK_NB) < 0; i++)
    nanosleep(&pause, NULL);
}

/* Others who may write to it could put their own socket in our place; where each may remove his own files alone (/tmp) they cannot. */
static int check_folder(int dir, const char *path, struct err *e) {
  struct stat st;
  struct arena *a = arena_new();
  int rc = fstat(dir, &st) == 0 && !(st.st_mode & S_ISVTX) ? trust_check(text_dirname(a, path), &st, TRUST_TEXT, e) : 0;
  arena_free(a);
  return rc;
}

int socket_listen(const char *path, const char *group, struct err *e, struct listening *ret) {
  struct sockaddr_un at;
  struct listening l = {.fd = -1};
  struct arena *a = arena_new();
  if (strcmp(text_dirname(a, path), RUN_DIR) == 0)
    mkdir(RUN_DIR, RUN_DIR_MODE); /* it does not outlive a boot; if it cannot be made, that is told below */
  arena_free(a);
  int dir = address(path, &at, e);
  if (dir < 0)
    return -1;
  bool bound = false;
  int rc = check_folder(dir, path, e);
  if (rc == 0) {
    lock_folder(dir);
    rc = clear_path(path, &at, e);
  }
  if (rc == 0) {
    rc = make(path, group, &at, e, &l);
    bound = l.fd >= 0;
  }
  if (rc < 0 && bound) {
    close(l.fd);
    unlink(at.sun_path);
  }
  close(dir);
  if (rc < 0)
    return -1;
  l.path = xstrdup(path);
  *ret = l;
  return 0;
}

void socket_close(struct listening *l) {
  if (l->fd < 0)
    return;
  if (is_ours(l))
    unlink(l->path);
  close(l->fd);
  free(l->path);
  *l = (struct listening){.fd = -1};
}

/* ---- the other end -------------------------------------------------------------------------------------------------------------------------- */

static int cannot(struct err *e, const char *path, int error) {
  if (error == ENOENT || error == ECONNREFUSED || error == ENOTDIR)
    return err_set(e, ETL_E_UNSUPPORTED, "no host is running: nobody listens at %s", path);
  if (error == EACCES || error == EPERM) {
    err_set(e, ETL_E_AUTH, "you may not talk to the host: the control socket '%s' is not open to this user", path);
    return err_remedy(e, "become a member of its group ('control_group' of 'serve'), or use the user that the host runs as");
  }
  err_set(e, ETL_E_RETRYABLE, "the host cannot be asked at the control socket '%s': %s", path, strerror(error));
  return err_remedy(e, error == EAGAIN ? "it is busy; try again" : "look into its log");
}

int socket_connect(const char *path, struct err *e) {
  struct sockaddr_un at;
  struct stat st;
  if (stat(path, &st) < 0)
    return cannot(e, path, errno);
  int dir = address(path, &at, e);
  if (dir < 0)
    return -1;
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const struct timeval patience = {.tv_sec = CONNECT_SECONDS};
  if (fd >= 0)
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience); /* of a connect as well: a host that is stopped takes nobody */
  int rc = fd < 0 ? -1 : connect(fd, (const struct sockaddr *)&at, sizeof at), error = errno;
  close(dir);
  if (rc == 0)
    return fd;
  if (fd >= 0)
    close(fd);
  return cannot(e, path, error);
}

char *socket_user(char buf[USER_TEXT], uid_t uid) {
  char room[DATABASE_BUFFER];
  struct passwd p, *found = NULL;
  FILE *f = fopen("/etc/passwd", "re");
  while (f && fgetpwent_r(f, &p, room, sizeof room, &found) == 0 && p.pw_uid != uid)
    found = NULL;
  if (f)
    fclose(f);
  if (found)
    snprintf(buf, USER_TEXT, "%s", p.pw_name);
  else
    snprintf(buf, USER_TEXT, "uid %lld", (long long)uid);
  return buf;
}

void socket_peer(int fd, struct peer *ret) {
  struct ucred c = {0};
  socklen_t n = sizeof c;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &c, &n) < 0)
    c = (struct ucred){.uid = (uid_t)-1};
  ret->pid = c.pid;
  socket_user(ret->name, c.uid);
}
