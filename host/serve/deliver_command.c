/* A message to a command: JSON on its standard input, the most wanted parts in its environment.  It has nothing else of the host's
 * environment but where things are: the host's may hold passwords.  It shares the process group of this process, which is ended as a whole
 * when the command is late. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/member.h"
#include "base/spawn.h"
#include "base/text.h"
#include "base/units.h"
#include "serve/deliver.h"

enum {
  TRY_LATER = 75, /* EX_TEMPFAIL of sysexits */
  GRACE_MS = 2000
};

static const struct {
  const char *name, *inside, *member;
} variables[] = {
    {"ETL_EVENT", NULL, "event"},   {"ETL_ID", NULL, "id"},        {"ETL_SUBJECT", NULL, "subject"},      {"ETL_TEXT", NULL, "text"},
    {"ETL_HOST", NULL, "host"},     {"ETL_RUN", NULL, "run"},      {"ETL_PIPELINE", NULL, "pipeline"},    {"ETL_STATE", NULL, "state"},
    {"ETL_STAGE", NULL, "stage"},   {"ETL_SHARD", NULL, "shard"},  {"ETL_CONNECTOR", NULL, "connector"},  {"ETL_MESSAGE", NULL, "message"},
    {"ETL_REMEDY", NULL, "remedy"}, {"ETL_AT", NULL, "at"},        {"ETL_ERROR_CLASS", "error", "class"}, {"ETL_ERROR_CODE", "error", "code"},
};
static const char *const inherited[] = {"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_ALL", "TZ", "TMPDIR"};
enum {
  VARIABLES = sizeof variables / sizeof *variables,
  INHERITED = sizeof inherited / sizeof *inherited
};

/* Ends with NULL; free with environment_free(). */
static char **environment_new(const json_t *message) {
  char **env = xcalloc(VARIABLES + INHERITED + 1, sizeof *env);
  size_t n = 0;
  for (size_t i = 0; i < INHERITED; i++)
    if (getenv(inherited[i]))
      env[n++] = xasprintf("%s=%s", inherited[i], getenv(inherited[i]));
  for (size_t i = 0; i < VARIABLES; i++) {
    const json_t *in = variables[i].inside ? json_object_get(message, variables[i].inside) : message;
    const char *value = member_text(in, variables[i].member);
    if (value)
      env[n++] = xasprintf("%s=%s", variables[i].name, value);
  }
  return env;
}

static void environment_free(char **env) {
  for (char **v = env; *v; v++)
    free(*v);
  free(env);
}

/* A file in memory that has text and is read from its beginning. */
static int file_of(const char *text) {
  int fd = memfd_create("message", MFD_CLOEXEC);
  size_t n = text ? strlen(text) : 0;
  if (fd >= 0 && (write(fd, text ? text : "", n) != (ssize_t)n || lseek(fd, 0, SEEK_SET) < 0)) {
    close(fd);
    return -1;
  }
  return fd;
}

static int start(const struct conf_notify *t, const json_t *message, int in, int out, pid_t *ret) {
  const int fds[] = {in, out, out};
  char **env = environment_new(message);
  int rc = spawn_start(&(struct spawn){.path = t->command[0], .argv = t->command, .env = env, .fds = fds, .fds_n = 3}, ret);
  environment_free(env);
  return rc;
}

/* The end of what it printed, for the error: a file, so that whoever it leaves behind with it open is not waited for. */
static char *last_words(int out) {
  char text[400];
  off_t size = lseek(out, 0, SEEK_END);
  ssize_t n = pread(out, text, sizeof text - 1, size > (off_t)sizeof text - 1 ? size - (off_t)sizeof text + 1 : 0);
  text[n > 0 ? n : 0] = 0;
  size_t end = strlen(text);
  while (end > 0 && strchr(" \r\n\t", text[end - 1]))
    text[--end] = 0;
  char *line = strrchr(text, '\n');
  return text_mended(line ? line + 1 : text, strlen(line ? line + 1 : text));
}

static int judge(const struct conf_notify *t, int status, const char *words, struct err *e) {
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
    return 0;
  if (WIFSIGNALED(status))
    err_set(e, ETL_E_PERMANENT, "command '%s' was ended by signal %d (%s)", t->command[0], WTERMSIG(status), strsignal(WTERMSIG(status)));
  else
    err_set(e, WEXITSTATUS(status) == TRY_LATER ? ETL_E_RETRYABLE : ETL_E_PERMANENT, "command '%s' ended with status %d%s%s", t->command[0],
            WEXITSTATUS(status), *words ? ": " : "", words);
  return err_remedy(e, "run it by hand; it ends with 0 when the message is delivered, and with %d to be tried again", TRY_LATER);
}

static bool ended_within(int pidfd, int64_t ms) {
  struct pollfd p = {.fd = pidfd, .events = POLLIN};
  return poll(&p, 1, (int)ms) == 1;
}

/* The command and what it started are asked to end; after the answer they are made to.  -1. */
static int late(struct delivery *d, int pidfd, struct err *e) {
  const struct conf_notify *t = &d->target;
  char text[UNITS_TEXT];
  signal(SIGTERM, SIG_IGN);
  kill(0, SIGTERM);
  ended_within(pidfd, GRACE_MS);
  d->end_group = true;
  err_set(e, ETL_E_RETRYABLE, "command '%s' did not end within %s", t->command[0], units_print_duration(text, t->timeout_ns));
  return err_remedy(e, "look what it waits for, or raise 'timeout'");
}

int deliver_command(struct delivery *d, struct err *e) {
  const struct conf_notify *t = &d->target;
  cleanup_free char *body = json_dumps(d->message, JSON_COMPACT);
  int in = file_of(body), out = memfd_create("output", MFD_CLOEXEC);
  pid_t pid;
  if (in < 0 || out < 0)
    return err_set(e, ETL_E_RETRYABLE, "there is no memory for a message: %s", strerror(errno));
  int rc = start(t, d->message, in, out, &pid);
  if (rc != 0) {
    err_set(e, rc == EAGAIN || rc == ENOMEM ? ETL_E_RETRYABLE : ETL_E_CONFIG, "command '%s' cannot be started: %s", t->command[0], strerror(rc));
    return err_remedy(e, "write the path of a program that may be run");
  }
  int pidfd = pidfd_open(pid, 0);
  if (!ended_within(pidfd, t->timeout_ns / NS_PER_MS))
    return late(d, pidfd, e);
  int status = spawn_wait(pid);
  cleanup_free char *words = last_words(out);
  snprintf(d->said, sizeof d->said, "%s", words);
  return judge(t, status, words, e);
}
