/* Asking a connector for its description in a child process.  The child may crash, hang, print, exit: it is answered with an error
 * that names what it did. */
#include "plugin/describe.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/member.h"
#include "base/spawn.h"
#include "base/units.h"

enum {
  ANSWER_LIMIT = 8 * 1024 * 1024,
  CPU_LIMIT_S = 20,
  STATUS_OK = 0,
  STATUS_BAD = 1
};

/* The child gets the pipe as DESCRIBE_FD, nothing on its input, and its output goes where errors go. */
static int start(const char *executable, const char *path, int *ret_fd, pid_t *ret_pid) {
  const char *argv[] = {"etl", "_describe", path, NULL};
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0)
    return errno;
  const int fds[] = {SPAWN_NULL, STDERR_FILENO, STDERR_FILENO, [DESCRIBE_FD] = ends[1]};
  const struct spawn child = {.path = executable, .argv = argv, .fds = fds, .fds_n = sizeof fds / sizeof *fds, .own_group = true};
  int rc = spawn_start(&child, ret_pid);
  close(ends[1]);
  if (rc)
    close(ends[0]);
  else
    *ret_fd = ends[0];
  return rc;
}

/* All that comes until the end; -1: too late (errno ETIMEDOUT), too much, or nobody wants it any more (ECANCELED). */
static int collect(int fd, int stop_fd, int64_t until_ns, char **ret, size_t *ret_n) {
  char *buf = xcalloc(ANSWER_LIMIT, 1);
  size_t n = 0;
  int rc = 0;
  while (rc == 0) {
    int64_t left = until_ns - clock_mono_ns();
    struct pollfd p[] = {{.fd = fd, .events = POLLIN}, {.fd = stop_fd, .events = POLLIN}};
    int ready = left <= 0 ? 0 : poll(p, 2, (int)(left / NS_PER_MS) + 1);
    if (ready < 0 && errno == EINTR)
      continue;
    if (ready > 0 && p[1].revents) {
      errno = ECANCELED;
      rc = -1;
      break;
    }
    ssize_t got = ready > 0 ? read(fd, buf + n, ANSWER_LIMIT - n) : -1;
    if (ready == 0) {
      errno = ETIMEDOUT;
      rc = -1;
    } else if (got < 0 && errno != EINTR) {
      rc = -1;
    } else if (got == 0) {
      break;
    } else if (got > 0 && (n += (size_t)got) == ANSWER_LIMIT) {
      errno = EMSGSIZE;
      rc = -1;
    }
  }
  *ret = buf;
  *ret_n = n;
  return rc;
}

static int explain_silence(const char *path, int why, int status, int64_t deadline_ns, struct err *e) {
  char limit[UNITS_TEXT];
  if (why == ECANCELED)
    return err_set(e, ETL_E_RETRYABLE, "the description of the connector %s was not waited for", path);
  if (why == ETIMEDOUT)
    err_set(e, ETL_E_INTERNAL, "the connector %s did not describe itself within %s: it hangs when it is loaded", path,
            units_print_duration(limit, deadline_ns));
  else if (why)
    err_set(e, ETL_E_INTERNAL, "the description of the connector %s cannot be read: %s", path, strerror(why));
  else if (WIFSIGNALED(status))
    err_set(e, ETL_E_INTERNAL, "the connector %s crashed when it was asked to describe itself: SIG%s (%s)", path,
            spawn_signal_name(WTERMSIG(status)), strsignal(WTERMSIG(status)));
  else
    err_set(e, ETL_E_INTERNAL, "the connector %s ended the process that loaded it (exit status %d) instead of describing itself",
            path, WEXITSTATUS(status));
  return err_remedy(e, "this is a mistake in the connector: tell its author, or use another release of it");
}

static int take_answer(const char *path, const char *text, size_t n, int status, struct err *e, struct description **ret) {
  json_t *j = n ? json_loadb(text, n, 0, NULL) : NULL;
  const json_t *error = json_object_get(j, "error");
  const char *message = member_text(error, "message");
  int rc = -1;
  if (message) {
    const char *class_name = member_text(error, "class");
    uint32_t c = class_name ? err_class_from_name(class_name) : 0;
    const char *remedy = member_text(error, "remedy");
    err_set(e, c ? c : ETL_E_INTERNAL, "%s", message);
    err_remedy(e, "%s", remedy ? remedy : "");
  } else if (!j || status != STATUS_OK) {
    rc = explain_silence(path, 0, status, 0, e);
  } else {
    rc = description_from_json(j, e, ret);
  }
  json_decref(j);
  return rc;
}

static int ask(const char *executable, const char *path, int64_t deadline_ns, int stop_fd, struct err *e, struct description **ret_description) {
  int fd = -1;
  pid_t pid = 0;
  int rc = start(executable, path, &fd, &pid);
  if (rc)
    return err_set(e, ETL_E_RETRYABLE, "cannot start a process that describes the connector %s: %s", path, strerror(rc));
  char *answer;
  size_t n;
  int why = collect(fd, stop_fd, clock_mono_ns() + deadline_ns, &answer, &n) < 0 ? errno : 0;
  close(fd);
  /* After the end of the answer only exiting is left, and a connector may hang even there.  A process that is ending already keeps
   * the status it has. */
  spawn_end(pid);
  int status = spawn_wait(pid);
  bool whole = !why && n;
  if (whole && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
    status = STATUS_OK;
  rc = why ? explain_silence(path, why, status, deadline_ns, e) : take_answer(path, answer, n, status, e, ret_description);
  free(answer);
  return rc;
}

int describe_by(const char *executable, const char *path, int64_t deadline_ns, struct err *e, struct description **ret_description) {
  return ask(executable, path, deadline_ns, -1, e, ret_description);
}

int describe(const char *path, struct err *e, struct description **ret_description) { return describe_unless(path, -1, e, ret_description); }

int describe_unless(const char *path, int stop_fd, struct err *e, struct description **ret_description) {
  return ask("/proc/self/exe", path, 10 * NS_PER_SEC, stop_fd, e, ret_description);
}

/* ---- the child ---- */

static void limit_child(void) {
  const struct rlimit none = {0, 0}, cpu = {CPU_LIMIT_S, CPU_LIMIT_S};
  setrlimit(RLIMIT_CORE, &none);
  setrlimit(RLIMIT_CPU, &cpu);
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0); /* nobody waits for it any more */
}

int describe_child(const char *path, int fd) {
  const struct etl_plugin *p;
  struct err e;
  limit_child();
  json_t *j = plugin_load(path, &e, &p) < 0 ? json_pack("{s{ss, ss, ss}}", "error", "class", err_class_name(e.error_class),
                                                        "message", e.message, "remedy", e.remedy)
                                            : description_to_json(p);
  FILE *out = fdopen(fd, "w"); /* json_dumpfd() would write token by token */
  int rc = j && out ? json_dumpf(j, out, JSON_COMPACT) : -1;
  if (out && fclose(out) != 0)
    rc = -1;
  json_decref(j);
  return rc < 0 ? STATUS_BAD : STATUS_OK;
}
