/* The parent's side of `etl _notify`.  It never waits: the job lies in a file in memory, the answer and the end come as events, and a
 * process that is late is killed with its whole group. */
#include "serve/notify_child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/frame.h"
#include "base/mem.h"
#include "base/units.h"
#include "serve/deliver.h"

extern char **environ;

enum {
  GRACE_SECONDS = 5 /* beyond its own timeout */
};

struct notify_child {
  struct ev_loop *loop;
  notify_answer_fn *answer;
  void *arg;
  pid_t pid;
  int pidfd, fd;
  bool late;
  ev_io ended;
  ev_timer deadline;
};

/* ---- its end ------------------------------------------------------------------------------------------------------------------------ */

static void end_group(const struct notify_child *c) {
  if (kill(-c->pid, SIGKILL) < 0) /* it is no group's leader yet */
    pidfd_send_signal(c->pidfd, SIGKILL, NULL, 0);
}

static void reap(struct notify_child *c, siginfo_t *how) {
  *how = (siginfo_t){0};
  while (waitid(P_PIDFD, (id_t)c->pidfd, how, WEXITED) < 0 && errno == EINTR)
    ;
  c->pid = 0;
}

/* The frame that it left, NULL if there is none. */
static json_t *read_answer(struct notify_child *c) {
  struct frame_reader in;
  json_t *j = NULL;
  frame_reader_init(&in);
  while (frame_reader_next(&in, &j) == 0 && frame_reader_fill(&in, c->fd) > 0)
    ;
  frame_reader_fini(&in);
  return j;
}

static const char *get(const json_t *j, const char *name) {
  const char *s = json_string_value(json_object_get(j, name));
  return s ? s : "";
}

static void explain_end(const struct notify_child *c, const siginfo_t *how, struct err *e) {
  if (c->late)
    err_set(e, ETL_E_RETRYABLE, "the delivery did not end in time, and was ended");
  else if (how->si_code == CLD_EXITED)
    err_set(e, ETL_E_INTERNAL, "the delivering process ended with status %d without an answer", how->si_status);
  else
    err_set(e, ETL_E_INTERNAL, "the delivering process was ended by signal %d (%s)", how->si_status, strsignal(how->si_status));
  err_remedy(e, "%s", c->late ? "look whether the other side answers, or raise 'timeout'" : "try `etl notify test`, and look at the host's log");
}

static void on_end(struct ev_loop *loop, ev_io *io, int revents) {
  struct notify_child *c = io->data;
  struct notify_answer answer = {0};
  siginfo_t how;
  (void)revents;
  ev_io_stop(loop, io);
  ev_timer_stop(loop, &c->deadline);
  json_t *j = read_answer(c);
  reap(c, &how);
  answer.ok = json_is_true(json_object_get(j, "ok"));
  answer.said = get(j, "said");
  if (!j) {
    explain_end(c, &how, &answer.error);
  } else if (!answer.ok) {
    err_set(&answer.error, err_class_from_name(get(j, "class")), "%s", get(j, "message"));
    err_remedy(&answer.error, "%s", get(j, "remedy"));
    answer.error.retry_after_ms = (uint32_t)json_integer_value(json_object_get(j, "retry_after_ms"));
  }
  c->answer(c->arg, &answer); /* c may be gone */
  json_decref(j);
}

static void on_deadline(struct ev_loop *loop, ev_timer *t, int revents) {
  struct notify_child *c = t->data;
  (void)loop;
  (void)revents;
  c->late = true;
  end_group(c);
}

/* ---- start -------------------------------------------------------------------------------------------------------------------------- */

static int job_file(const json_t *target, const json_t *message) {
  int fd = memfd_create("etl-notify", MFD_CLOEXEC);
  json_t *job = json_pack("{sO, sO}", "target", target, "message", message);
  if (fd >= 0 && (json_dumpfd(job, fd, JSON_COMPACT) < 0 || lseek(fd, 0, SEEK_SET) < 0)) {
    close(fd);
    fd = -1;
  }
  json_decref(job);
  return fd;
}

static int spawn(struct notify_child *c, const char *exe, int job_fd, int answer_fd) {
  char *argv[] = {"etl", "_notify", NULL};
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attr;
  sigset_t none, all;
  /* both are moved out of the way first: one may be where the other has to go */
  int a = fcntl(job_fd, F_DUPFD_CLOEXEC, DELIVER_ANSWER_FD + 1), b = fcntl(answer_fd, F_DUPFD_CLOEXEC, DELIVER_ANSWER_FD + 1);
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawn_file_actions_init(&files);
  posix_spawnattr_init(&attr);
  posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&files, STDERR_FILENO, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&files, a, DELIVER_JOB_FD);
  posix_spawn_file_actions_adddup2(&files, b, DELIVER_ANSWER_FD);
  posix_spawn_file_actions_addclosefrom_np(&files, DELIVER_ANSWER_FD + 1);
  posix_spawnattr_setsigmask(&attr, &none);
  posix_spawnattr_setsigdefault(&attr, &all);
  posix_spawnattr_setpgroup(&attr, 0);
  posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  int rc = a < 0 || b < 0 ? errno : posix_spawn(&c->pid, exe, &files, &attr, argv, environ);
  posix_spawn_file_actions_destroy(&files);
  posix_spawnattr_destroy(&attr);
  if (a >= 0)
    close(a);
  if (b >= 0)
    close(b);
  return rc;
}

static int start(struct notify_child *c, const char *exe, const json_t *target, const json_t *message) {
  int pair[2], job = job_file(target, message), rc;
  if (job < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
    rc = errno;
    if (job >= 0)
      close(job);
    return rc;
  }
  c->fd = pair[0];
  rc = spawn(c, exe, job, pair[1]);
  close(pair[1]);
  close(job);
  if (rc == 0 && (fcntl(c->fd, F_SETFL, O_NONBLOCK) < 0 || (c->pidfd = pidfd_open(c->pid, 0)) < 0))
    rc = errno;
  return rc;
}

int notify_child_start(const char *exe, struct ev_loop *loop, const json_t *target, const json_t *message, int64_t timeout_ns,
                       notify_answer_fn *answer, void *arg, struct err *e, struct notify_child **ret) {
  struct notify_child *c = xcalloc(1, sizeof *c);
  *c = (struct notify_child){.loop = loop, .answer = answer, .arg = arg, .pidfd = -1, .fd = -1};
  ev_io_init(&c->ended, on_end, -1, EV_READ);
  ev_timer_init(&c->deadline, on_deadline, (double)timeout_ns / NS_PER_SEC + GRACE_SECONDS, 0);
  c->ended.data = c->deadline.data = c;
  int rc = start(c, exe, target, message);
  if (rc != 0) {
    notify_child_free(c);
    err_set(e, ETL_E_RETRYABLE, "the delivering process cannot be started: %s", strerror(rc));
    return err_remedy(e, "look at the limits of processes, descriptors and memory (ulimit -a)");
  }
  ev_io_set(&c->ended, c->pidfd, EV_READ);
  ev_io_start(loop, &c->ended);
  ev_timer_start(loop, &c->deadline);
  *ret = c;
  return 0;
}

void notify_child_free(struct notify_child *c) {
  siginfo_t how;
  if (!c)
    return;
  ev_io_stop(c->loop, &c->ended);
  ev_timer_stop(c->loop, &c->deadline);
  if (c->pid > 0 && c->pidfd >= 0) {
    end_group(c);
    reap(c, &how);
  } else if (c->pid > 0) {
    kill(c->pid, SIGKILL);
    waitpid(c->pid, NULL, 0);
  }
  if (c->fd >= 0)
    close(c->fd);
  if (c->pidfd >= 0)
    close(c->pidfd);
  free(c);
}
