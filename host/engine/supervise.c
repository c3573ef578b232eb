/* The supervisor's side of a worker: a socketpair for frames, shared memory for calls in progress, a pidfd for its end.
 *
 * The worker is /proc/self/exe with descriptors 3 (socket) and 4 (memory) and nothing else of ours: an upgrade of the executable on disk
 * does not mix two versions. */
#include "engine/supervise.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/frame.h"
#include "base/member.h"
#include "base/spawn.h"
#include "engine/postmortem.h"
#include "engine/run.h"
#include "engine/strays.h"

enum { KILL_AFTER_SECONDS = 10 };

struct supervised {
  struct ev_loop *loop;
  supervise_fn *event;
  void *arg;
  void (*on_end)(void *arg);
  pid_t pid;
  int fd, pidfd, calls_fd;
  struct calls *calls;
  struct frame_reader in;
  struct postmortem known;
  char *mark; /* what else it started is known by this, see strays.h */
  ev_io socket_io, pid_io;
  ev_timer kill_timer;
  bool ended, told_last, killed_by_us;
  int exit_status;
};

/* ---- what the worker says ------------------------------------------------------------------------------------------------------------ */

static void deliver(struct supervised *w, json_t *event) {
  const char *name = member_text(event, "event");
  if (name && !w->told_last) {
    w->told_last = strcmp(name, "summary") == 0 || strcmp(name, "plan") == 0 || strcmp(name, "answer") == 0;
    if (w->told_last && !ev_is_active(&w->kill_timer))
      ev_timer_start(w->loop, &w->kill_timer);
    postmortem_note(&w->known, event);
    w->event(w->arg, event);
  }
  json_decref(event);
}

/* False: the worker's side is closed, or what came makes no sense. */
static bool drain(struct supervised *w) {
  json_t *event;
  for (;;) {
    int got;
    while ((got = frame_reader_next(&w->in, &event)) == 1)
      deliver(w, event);
    if (got < 0) { /* a connector wrote into it: nothing that comes can be trusted */
      spawn_end(w->pid);
      return false;
    }
    long n = frame_reader_fill(&w->in, w->fd);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
      return false;
    if (n < 0 && errno == EAGAIN)
      return true;
  }
}

static void on_socket(struct ev_loop *loop, ev_io *io, int revents) {
  struct supervised *w = io->data;
  (void)revents;
  if (!drain(w))
    ev_io_stop(loop, io); /* its end is seen by the pidfd */
}

static int status_of(int wait_status, bool told_last) {
  int status = WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : -1;
  return told_last && status >= RUN_EXIT_SUCCESS && status <= RUN_EXIT_CANCELLED ? status : RUN_EXIT_CRASHED;
}

static void on_exit_of_worker(struct ev_loop *loop, ev_io *io, int revents) {
  struct supervised *w = io->data;
  (void)revents;
  ev_io_stop(loop, io);
  drain(w);
  ev_timer_stop(loop, &w->kill_timer);
  ev_io_stop(loop, &w->socket_io);
  int wait_status = spawn_wait(w->pid);
  w->exit_status = status_of(wait_status, w->told_last);
  w->ended = true;
  if (!w->told_last) {
    strays_end(w->mark);
    if (w->killed_by_us)
      w->exit_status = RUN_EXIT_CANCELLED;
    json_t *summary = postmortem_summary(&w->known, wait_status, w->calls, w->killed_by_us);
    w->event(w->arg, summary);
    json_decref(summary);
  }
  if (w->on_end)
    w->on_end(w->arg);
}

/* ---- start ------------------------------------------------------------------------------------------------------------------------------- */

/* Where there is one, its job control counts for the worker, too: Ctrl-Z stops both, and both may read from it. */
static bool has_terminal(void) {
  int fd = open("/dev/tty", O_RDONLY | O_CLOEXEC | O_NOCTTY);
  if (fd >= 0)
    close(fd);
  return fd >= 0;
}

/* A connector neither eats our input nor prints between our events. */
static int spawn_worker(struct supervised *w, const struct spec *s, int child_fd, struct err *e) {
  const char *argv[] = {"etl", "_worker", "3", NULL};
  const int fds[] = {s->uses_stdin ? STDIN_FILENO : SPAWN_NULL, s->uses_stdout ? STDOUT_FILENO : STDERR_FILENO, STDERR_FILENO, child_fd, w->calls_fd};
  char **env = strays_environment(w->mark);
  const struct spawn worker = {
      .path = "/proc/self/exe", .argv = argv, .env = env, .fds = fds, .fds_n = sizeof fds / sizeof *fds, .own_group = !has_terminal()};
  int rc = spawn_start(&worker, &w->pid);
  strays_environment_free(env);
  if (rc == 0)
    return 0;
  w->pid = 0;
  err_set(e, ETL_E_RETRYABLE, "the worker process cannot be started: %s", strerror(rc));
  return err_remedy(e, "look at the limits of processes and memory (ulimit -a)");
}

static int start(struct supervised *w, const struct spec *s, struct err *e) {
  int pair[2];
  w->calls_fd = calls_create_fd();
  w->calls = w->calls_fd < 0 ? NULL : calls_map(w->calls_fd);
  if (!w->calls || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
    return err_set(e, ETL_E_RETRYABLE, "the worker process cannot be started: %s", strerror(errno));
  w->fd = pair[0];
  int rc = spawn_worker(w, s, pair[1], e);
  close(pair[1]);
  if (rc < 0)
    return -1;
  w->pidfd = pidfd_open(w->pid, 0);
  if (w->pidfd < 0)
    return err_set(e, ETL_E_PERMANENT, "the worker process cannot be watched: pidfd_open: %s (Linux 5.3 or newer is needed)", strerror(errno));
  json_t *j = spec_to_json(s);
  rc = frame_write(w->fd, j);
  json_decref(j);
  if (rc < 0 && errno != EPIPE) /* a worker that is gone already is explained by its end */
    return err_set(e, ETL_E_RETRYABLE, "the worker process cannot be told its run: %s", strerror(errno));
  if (fcntl(w->fd, F_SETFL, O_NONBLOCK) < 0)
    return err_set(e, ETL_E_INTERNAL, "the worker's socket: %s", strerror(errno));
  return 0;
}

static void on_kill_time(struct ev_loop *loop, ev_timer *t, int revents) {
  struct supervised *w = t->data;
  (void)loop;
  (void)revents;
  w->killed_by_us = true;
  spawn_end(w->pid);
}

int supervise_start(const struct spec *s, struct ev_loop *loop, supervise_fn *event, void *arg, struct err *e, struct supervised **ret) {
  struct supervised *w = xcalloc(1, sizeof *w);
  *w = (struct supervised){.loop = loop, .event = event, .arg = arg, .fd = -1, .pidfd = -1, .calls_fd = -1};
  frame_reader_init(&w->in);
  postmortem_init(&w->known, s->pipeline, s->run);
  w->mark = xasprintf("ETL_WORKER=%d %s", (int)getpid(), s->run);
  ev_io_init(&w->socket_io, on_socket, -1, EV_READ);
  ev_io_init(&w->pid_io, on_exit_of_worker, -1, EV_READ);
  ev_timer_init(&w->kill_timer, on_kill_time, KILL_AFTER_SECONDS, 0);
  w->socket_io.data = w->pid_io.data = w->kill_timer.data = w;
  if (start(w, s, e) < 0) {
    supervise_free(w);
    return -1;
  }
  ev_io_set(&w->socket_io, w->fd, EV_READ);
  ev_io_set(&w->pid_io, w->pidfd, EV_READ);
  ev_io_start(loop, &w->socket_io);
  ev_io_start(loop, &w->pid_io);
  *ret = w;
  return 0;
}

/* ---- cancel and end ------------------------------------------------------------------------------------------------------------------------ */

void supervise_cancel(struct supervised *w, enum stop_mode mode) {
  if (w->ended || mode == STOP_NONE)
    return;
  json_t *j = json_pack("{s:s, s:s}", "cmd", "cancel", "mode", mode == STOP_FINISH ? "finish" : "stop");
  if (frame_write(w->fd, j) < 0 && errno != EPIPE) { /* it cannot be told */
    w->killed_by_us = true;
    spawn_end(w->pid);
  }
  json_decref(j);
  if (mode == STOP_NOW && !ev_is_active(&w->kill_timer))
    ev_timer_start(w->loop, &w->kill_timer);
}

void supervise_on_end(struct supervised *w, void (*ended)(void *arg)) { w->on_end = ended; }

pid_t supervise_pid(const struct supervised *w) { return w->pid; }

bool supervise_ended(const struct supervised *w) { return w->ended; }

int supervise_exit_status(const struct supervised *w) { return w->exit_status; }

void supervise_free(struct supervised *w) {
  if (!w)
    return;
  ev_io_stop(w->loop, &w->socket_io);
  ev_io_stop(w->loop, &w->pid_io);
  ev_timer_stop(w->loop, &w->kill_timer);
  if (w->pid > 0 && !w->ended) {
    spawn_end(w->pid);
    spawn_wait(w->pid);
    strays_end(w->mark);
  }
  const int fds[] = {w->fd, w->pidfd, w->calls_fd};
  for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
    if (fds[i] >= 0)
      close(fds[i]);
  calls_unmap(w->calls);
  frame_reader_fini(&w->in);
  postmortem_fini(&w->known);
  free(w->mark);
  free(w);
}
