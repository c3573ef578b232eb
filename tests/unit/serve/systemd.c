/* What the service manager hears. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/units.h"
#include "serve/systemd.h"
#include "tmpdir.h"

TestSuite(systemd, .init = tmpdir_enter, .fini = tmpdir_leave);

static int manager(void) {
  struct sockaddr_un at = {.sun_family = AF_UNIX};
  snprintf(at.sun_path, sizeof at.sun_path, "%.100s", "notify");
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  cr_assert_eq(bind(fd, (const struct sockaddr *)&at, sizeof at), 0);
  cleanup_free char *here = getcwd(NULL, 0), *name = xasprintf("%s/notify", here);
  setenv("NOTIFY_SOCKET", name, 1);
  return fd;
}

static const char *heard(int fd) {
  static char text[1024];
  ssize_t n = recv(fd, text, sizeof text - 1, MSG_DONTWAIT);
  text[n < 0 ? 0 : n] = '\0';
  return text;
}

Test(systemd, hears_of_every_step) {
  struct systemd s;
  int fd = manager();
  setenv("WATCHDOG_USEC", "3000000", 1);
  unsetenv("WATCHDOG_PID");
  systemd_init(&s);
  cr_expect_eq(s.watchdog_ns, 3000000000);
  cr_expect_null(getenv("NOTIFY_SOCKET"), "workers do not speak for the host");
  systemd_ready(&s);
  cr_expect_str_eq(heard(fd), "READY=1");
  systemd_reloading(&s);
  const char *text = heard(fd);
  cr_expect_eq(strncmp(text, "RELOADING=1\nMONOTONIC_USEC=", 27), 0, "%s", text);
  systemd_status(&s, "%d running", 2);
  cr_expect_str_eq(heard(fd), "STATUS=2 running");
  systemd_watchdog(&s);
  cr_expect_str_eq(heard(fd), "WATCHDOG=1");
  systemd_stopping(&s);
  cr_expect_str_eq(heard(fd), "STOPPING=1");
  systemd_fini(&s);
  close(fd);
}

Test(systemd, a_watchdog_of_another_process_is_not_ours) {
  struct systemd s;
  int fd = manager();
  setenv("WATCHDOG_USEC", "3000000", 1);
  setenv("WATCHDOG_PID", "1", 1);
  systemd_init(&s);
  cr_expect_eq(s.watchdog_ns, 0);
  systemd_fini(&s);
  close(fd);
}

Test(systemd, without_a_manager_nothing_happens) {
  struct systemd s;
  unsetenv("NOTIFY_SOCKET");
  systemd_init(&s);
  cr_expect_eq(s.fd, -1);
  systemd_ready(&s);
  systemd_fini(&s);
}

static void *listen_until_ready(void *arg) {
  static char text[1024];
  ssize_t n;
  do
    n = recv(*(int *)arg, text, sizeof text - 1, 0);
  while (n >= 0 && strncmp(text, "READY=1", 7) != 0);
  return n < 0 ? NULL : text;
}

Test(systemd, what_it_waits_for_is_not_lost_when_it_is_busy, .timeout = 20) {
  struct systemd s;
  pthread_t thread;
  void *heard_it;
  int fd = manager();
  systemd_init(&s);
  for (int i = 0; i < 2000; i++) /* more than it has room for; these may get lost */
    systemd_status(&s, "%d", i);
  int64_t begun_ns = clock_mono_ns();
  systemd_stopping(&s);
  cr_expect_gt(clock_mono_ns() - begun_ns, 500 * NS_PER_MS, "it is given time");
  const struct timeval limit = {.tv_sec = 2};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  cr_assert_eq(pthread_create(&thread, NULL, listen_until_ready, &fd), 0);
  systemd_ready(&s);
  systemd_fini(&s);
  pthread_join(thread, &heard_it);
  cr_expect_not_null(heard_it);
  close(fd);
}
