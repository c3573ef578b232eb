/* The parent's side of `etl _notify`.  It never waits: the job lies in a file in memory, the answer and the end come as events, and a
 * process that is late is killed with its whole group. */
#include "serve/notify_child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/frame.h"
#include "base/mem.h"
#include "base/member.h"
#include "base/spawn.h"
#include "base/units.h"
#include "serve/deliver.h"

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
  const char *s = member_text(j, name);
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
  if (!j)
    spawn_end(c->pid); /* what it started does not end with it by itself */
  reap(c, &how);
  answer.ok = member_true(j, "ok");
  answer.said = get(j, "said");
  if (!j) {
    explain_end(c, &how, &answer.error);
  } else if (!answer.ok) {
    err_set(&answer.error, err_class_from_name(get(j, "class")), "%s", get(j, "message"));
    err_remedy(&answer.error, "%s", get(j, "remedy"));
    answer.error.retry_after_ms = (uint32_t)member_number(j, "retry_after_ms");
  }
  c->answer(c->arg, &answer); /* c may be gone */
  json_decref(j);
}

static void on_deadline(struct ev_loop *loop, ev_timer *t, int revents) {
  struct notify_child *c = t->data;
  (void)loop;
  (void)revents;
  c->late = true;
  spawn_end(c->pid);
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

static int start(struct notify_child *c, const char *exe, const json_t *target, const json_t *message) {
  const char *argv[] = {"etl", "_notify", NULL};
  int pair[2], job = job_file(target, message), rc;
  if (job < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
    rc = errno;
    if (job >= 0)
      close(job);
    return rc;
  }
  c->fd = pair[0];
  const int fds[] = {SPAWN_NULL, STDERR_FILENO, STDERR_FILENO, [DELIVER_JOB_FD] = job, [DELIVER_ANSWER_FD] = pair[1]};
  rc = spawn_start(&(struct spawn){.path = exe, .argv = argv, .fds = fds, .fds_n = sizeof fds / sizeof *fds, .own_group = true}, &c->pid);
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
  if (!c)
    return;
  ev_io_stop(c->loop, &c->ended);
  ev_timer_stop(c->loop, &c->deadline);
  if (c->pid > 0) {
    spawn_end(c->pid);
    spawn_wait(c->pid);
  }
  if (c->fd >= 0)
    close(c->fd);
  if (c->pidfd >= 0)
    close(c->pidfd);
  free(c);
}
