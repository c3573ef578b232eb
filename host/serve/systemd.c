/* The protocol is a datagram of NAME=value lines to a socket whose name is in the environment. */
#include "serve/systemd.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"

enum { TRIES = 5, TRY_MS = 200 };

static int connect_to(const char *name) {
  struct sockaddr_un to = {.sun_family = AF_UNIX};
  size_t n = name ? strlen(name) : 0;
  if (n < 2 || n >= sizeof to.sun_path || (*name != '/' && *name != '@'))
    return -1;
  memcpy(to.sun_path, name, n);
  if (*name == '@') /* an abstract one */
    to.sun_path[0] = '\0';
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd >= 0 && connect(fd, (const struct sockaddr *)&to, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)) < 0) {
    close(fd);
    return -1;
  }
  return fd;
}

static int64_t watchdog_ns(void) {
  const char *us = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
  if (!us || (pid && strtoll(pid, NULL, 10) != getpid()))
    return 0;
  long long n = strtoll(us, NULL, 10);
  return n > 0 && n < INT64_MAX / 1000 ? (int64_t)n * 1000 : 0;
}

void systemd_init(struct systemd *s) {
  static const char *const ours[] = {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"};
  s->fd = connect_to(getenv("NOTIFY_SOCKET"));
  s->watchdog_ns = s->fd < 0 ? 0 : watchdog_ns();
  for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
    unsetenv(ours[i]);
}

void systemd_fini(struct systemd *s) {
  if (s->fd >= 0)
    close(s->fd);
  s->fd = -1;
}

/* The queue at its socket is short, and every service writes into it. */
static bool is_full(int error) { return error == EAGAIN || error == ENOBUFS; }

/* What it waits for: it has some time to make room.  If it is gone, nothing of ours depends on it. */
static void tell(const struct systemd *s, const char *text) {
  struct pollfd p = {.fd = s->fd, .events = POLLOUT};
  for (int tries = 0; s->fd >= 0 && tries < TRIES && send(s->fd, text, strlen(text), MSG_NOSIGNAL) < 0 && is_full(errno); tries++)
    poll(&p, 1, TRY_MS);
}

void systemd_ready(const struct systemd *s) { tell(s, "READY=1"); }
void systemd_stopping(const struct systemd *s) { tell(s, "STOPPING=1"); }
void systemd_watchdog(const struct systemd *s) { tell(s, "WATCHDOG=1"); }

void systemd_reloading(const struct systemd *s) {
  cleanup_free char *text = xasprintf("RELOADING=1\nMONOTONIC_USEC=%lld", (long long)(clock_mono_ns() / 1000));
  tell(s, text);
}

void systemd_status(const struct systemd *s, const char *fmt, ...) {
  char text[512] = "STATUS=";
  size_t n = strlen(text);
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(text + n, sizeof text - n, fmt, ap);
  va_end(ap);
  if (s->fd >= 0 && send(s->fd, text, strlen(text), MSG_NOSIGNAL) < 0)
    return; /* there will be another */
}
