/* Starting a program.  Descriptors are first copied to numbers above all that the program gets: one may be where another has to go. */
#include "base/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"

extern char **environ;

static int copy_out_of_the_way(const struct spawn *s, int *ret) {
  for (size_t i = 0; i < s->fds_n; i++) {
    ret[i] = s->fds[i] == SPAWN_NULL ? open("/dev/null", O_RDWR | O_CLOEXEC) : s->fds[i];
    int low = ret[i];
    if (low >= 0)
      ret[i] = fcntl(low, F_DUPFD_CLOEXEC, (int)s->fds_n);
    int why = errno;
    if (s->fds[i] == SPAWN_NULL && low >= 0)
      close(low);
    if (ret[i] < 0)
      return why;
  }
  return 0;
}

static int start(const struct spawn *s, const int *copies, pid_t *ret_pid) {
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attr;
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawn_file_actions_init(&files);
  posix_spawnattr_init(&attr);
  for (size_t i = 0; i < s->fds_n; i++)
    posix_spawn_file_actions_adddup2(&files, copies[i], (int)i);
  posix_spawn_file_actions_addclosefrom_np(&files, (int)s->fds_n);
  posix_spawnattr_setsigmask(&attr, &none);
  posix_spawnattr_setsigdefault(&attr, &all);
  posix_spawnattr_setpgroup(&attr, 0);
  posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | (s->own_group ? POSIX_SPAWN_SETPGROUP : 0));
  int rc = posix_spawnp(ret_pid, s->path, &files, &attr, (char *const *)(uintptr_t)s->argv, s->env ? s->env : environ);
  posix_spawn_file_actions_destroy(&files);
  posix_spawnattr_destroy(&attr);
  return rc;
}

int spawn_start(const struct spawn *s, pid_t *ret_pid) {
  cleanup_free int *copies = xcalloc(s->fds_n, sizeof *copies);
  memset(copies, -1, s->fds_n * sizeof *copies);
  int rc = copy_out_of_the_way(s, copies);
  if (rc == 0)
    rc = start(s, copies, ret_pid);
  for (size_t i = 0; i < s->fds_n; i++)
    if (copies[i] >= 0)
      close(copies[i]);
  return rc;
}

void spawn_end(pid_t pid) {
  if (kill(-pid, SIGKILL) < 0)
    kill(pid, SIGKILL);
}

int spawn_wait(pid_t pid) {
  siginfo_t how;
  int status = 0;
  while (waitid(P_PID, (id_t)pid, &how, WEXITED | WNOWAIT) < 0 && errno == EINTR)
    ;
  kill(-pid, SIGKILL); /* while its number is still its own */
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
    ;
  return status;
}

const char *spawn_signal_name(int sig) {
  const char *name = sigabbrev_np(sig);
  return name ? name : "?";
}
