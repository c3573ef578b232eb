/* `etl plugin check`, the parent: starts this executable again for each case and tells what came of it. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/spawn.h"
#include "base/units.h"
#include "kit/kit.h"
#include "plugin/note.h"
#include "plugin/registry.h"

enum {
  DEADLINE_S = 120,
  ANSWER_ROOM = 8192
};

struct outcome {
  char text[ANSWER_ROOM];
  const char *word, *what, *where;
  char doing[KIT_DOING_ROOM];
  int status;
  bool late;
};
struct tally {
  unsigned ok, failed, skipped;
};

static int start(const struct kit_request *r, const char *kind, const char *name, int result, int doing, pid_t *ret_pid) {
  const int fds[] = {SPAWN_NULL, STDERR_FILENO, STDERR_FILENO, [KIT_RESULT_FD] = result, [KIT_DOING_FD] = doing};
  size_t n = 0;
  while (r->argv[n])
    n++;
  cleanup_free const char **argv = xcalloc(n + 3, sizeof *argv);
  memcpy(argv, r->argv, n * sizeof *argv);
  argv[n] = kind;
  argv[n + 1] = name;
  return spawn_start(&(struct spawn){.path = "/proc/self/exe", .argv = argv, .fds = fds, .fds_n = sizeof fds / sizeof *fds, .own_group = true}, ret_pid);
}

/* Until the child closes its end, says something, or is late. */
static void listen_to(int fd, struct outcome *o) {
  int64_t until = clock_mono_ns() + DEADLINE_S * NS_PER_SEC;
  size_t n = 0;
  for (;;) {
    struct pollfd p = {.fd = fd, .events = POLLIN};
    int64_t left = until - clock_mono_ns();
    int ready = left <= 0 ? 0 : poll(&p, 1, (int)(left / NS_PER_MS) + 1);
    if (ready < 0 && errno == EINTR)
      continue;
    o->late = ready == 0;
    ssize_t got = ready > 0 ? read(fd, o->text + n, sizeof o->text - 1 - n) : 0;
    if (got <= 0)
      return;
    n += (size_t)got;
  }
}

static const char *line(char **at) {
  char *begin = *at, *end = begin + strcspn(begin, "\n");
  *at = *end ? end + 1 : end;
  *end = '\0';
  return begin;
}

static int run_case(const struct kit_request *r, const char *kind, const char *name, struct outcome *o, struct err *e) {
  int ends[2], doing = memfd_create("doing", MFD_CLOEXEC);
  pid_t pid;
  memset(o, 0, sizeof *o);
  if (doing < 0 || ftruncate(doing, KIT_DOING_ROOM) < 0 || pipe2(ends, O_CLOEXEC) < 0)
    return err_set(e, ETL_E_RETRYABLE, "cannot start a process: %s", strerror(errno));
  int rc = start(r, kind, name, ends[1], doing, &pid);
  close(ends[1]);
  if (rc) {
    close(ends[0]);
    close(doing);
    return err_set(e, ETL_E_RETRYABLE, "cannot start a process: %s", strerror(rc));
  }
  listen_to(ends[0], o);
  close(ends[0]);
  if (o->late)
    spawn_end(pid);
  o->status = spawn_wait(pid);
  char *at = o->text;
  o->word = line(&at);
  o->what = line(&at);
  o->where = line(&at);
  if (pread(doing, o->doing, sizeof o->doing - 1, 0) < 0)
    o->doing[0] = '\0';
  close(doing);
  return 0;
}

/* A process that did not end as it should says more than its answer. */
static bool ended_badly(const struct outcome *o, char *buf, size_t room) {
  bool told = strcmp(o->word, "failed") == 0 || strcmp(o->word, "skipped") == 0;
  const char *doing = *o->doing ? o->doing : "starting";
  if (told)
    return false;
  if (o->late)
    snprintf(buf, room, "hangs in %s: nothing for %d seconds", doing, DEADLINE_S);
  else if (WIFSIGNALED(o->status))
    snprintf(buf, room, "crashed in %s: SIG%s (%s)", doing, spawn_signal_name(WTERMSIG(o->status)),
             strsignal(WTERMSIG(o->status)));
  else if (WEXITSTATUS(o->status) || strcmp(o->word, "ok") != 0)
    snprintf(buf, room, "ended the process in %s with exit status %d", doing, WEXITSTATUS(o->status));
  else
    return false;
  return true;
}

static void tell(const struct kit_case *c, const char *kind, const struct outcome *o, struct tally *t) {
  char why[1024];
  printf("%-11s %-18s ", kind, c->name);
  if (ended_badly(o, why, sizeof why)) {
    printf("FAILED: %s\n", why);
    t->failed++;
  } else if (strcmp(o->word, "failed") == 0) {
    printf("FAILED: %s\n", o->what);
    if (*o->where)
      printf("%31splugin.h: %s\n", "", o->where);
    t->failed++;
  } else if (strcmp(o->word, "skipped") == 0) {
    printf("skipped: %s\n", o->what);
    t->skipped++;
  } else {
    printf("ok\n");
    t->ok++;
  }
  fflush(stdout);
}

static bool wanted(const struct kit_request *r, const char *name) {
  if (!r->only[0])
    return true;
  for (const char *const *o = r->only; *o; o++)
    if (strcmp(*o, name) == 0)
      return true;
  return false;
}

static int known_cases(const struct kit_request *r, struct err *e) {
  const char *names[128];
  size_t n = 0;
  for (const struct kit_case *c = kit_cases; c->name && n < 127; c++)
    names[n++] = c->name;
  names[n] = NULL;
  for (const char *const *o = r->only; *o; o++) {
    size_t i = 0;
    while (names[i] && strcmp(names[i], *o) != 0)
      i++;
    const char *near = diag_nearest(*o, names);
    if (!names[i])
      return err_set(e, ETL_E_CONFIG, "there is no case '%s'%s%s%s", *o, near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
  }
  return 0;
}

static int read_note(const struct kit_request *r, struct etl_note *note, struct err *e) {
  int fd = open(r->file, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return err_set(e, ETL_E_CONFIG, "cannot open %s: %s", r->file, strerror(errno));
  struct err why;
  int rc = note_read(fd, note, &why);
  close(fd);
  return rc < 0 ? err_set(e, ETL_E_CONFIG, "%s cannot be checked: %s", r->file, why.message) : 0;
}

int kit_check(const struct kit_request *r, struct err *e, unsigned *ret_failed) {
  struct etl_note note;
  struct tally t = {0};
  struct outcome *o = xcalloc(1, sizeof *o);
  int rc = known_cases(r, e) < 0 || read_note(r, &note, e) < 0 ? -1 : 0;
  if (rc == 0)
    printf("%s: seed %llu\n", r->file, (unsigned long long)r->seed);
  fflush(stdout);
  setenv("GLIBC_TUNABLES", "glibc.malloc.tcache_count=0", 0); /* what is kept for the next malloc() would look like a leak */
  for (uint32_t kind = ETL_KIND_EXTRACTOR; kind <= ETL_KIND_LOADER && rc == 0; kind++)
    for (const struct kit_case *c = kit_cases; c->name && rc == 0; c++)
      if (note.kinds >> kind & 1 && (!r->kind || strcmp(r->kind, plugin_kind_name(kind)) == 0) && (c->kind == 0 || c->kind == kind) && wanted(r, c->name)) {
        rc = run_case(r, plugin_kind_name(kind), c->name, o, e);
        if (rc == 0 && strcmp(o->word, "misuse") == 0) {
          err_set(e, ETL_E_CONFIG, "%s", o->what);
          rc = err_remedy(e, "give the connector's options with --option or --config");
        }
        if (rc == 0)
          tell(c, plugin_kind_name(kind), o, &t);
      }
  if (rc == 0)
    printf("%u ok, %u failed, %u skipped\n", t.ok, t.failed, t.skipped);
  free(o);
  *ret_failed = t.failed;
  return rc;
}
