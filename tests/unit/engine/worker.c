/* A worker that is told to stop before it has heard of its run: both frames are there when it begins to read. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/frame.h"
#include "base/units.h"
#include "engine/calls.h"
#include "engine/run.h"
#include "engine/supervise.h"
#include "tmpdir.h"

static struct spec *endless(struct conf *c, struct registry *r) {
  struct spec *s;
  struct err e;
  cr_assert_eq(spec_new(c, conf_pipeline_find(c, "endless"), r, &e, &s), 0, "%s", e.message);
  s->command = SPEC_RUN;
  return s;
}

/* The child's side: descriptors where a worker expects them. */
static void be_worker(int fd, int calls_fd) {
  int a = fcntl(fd, F_DUPFD, 100), b = fcntl(calls_fd, F_DUPFD, 100);
  if (dup2(a, 3) < 0 || dup2(b, 4) < 0)
    _exit(99);
  _exit(worker_main(3, NULL));
}

static int run_told_to_stop(const struct spec *s) {
  int pair[2], status = 0, calls_fd = calls_create_fd();
  cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
  json_t *spec = spec_to_json(s), *cancel = json_pack("{s:s, s:s}", "cmd", "cancel", "mode", "stop");
  cr_assert_eq(frame_write(pair[0], spec), 0);
  cr_assert_eq(frame_write(pair[0], cancel), 0);
  json_decref(spec);
  json_decref(cancel);
  pid_t pid = fork();
  if (pid == 0)
    be_worker(pair[1], calls_fd);
  close(pair[1]);
  close(calls_fd);
  char said[4096];
  struct timeval limit = {.tv_sec = 60};
  setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ssize_t n;
  while ((n = read(pair[0], said, sizeof said)) > 0 || (n < 0 && errno == ECONNRESET)) /* until it has left */
    ;
  kill(pid, SIGKILL);
  waitpid(pid, &status, 0);
  close(pair[0]);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

Test(worker, what_comes_together_with_the_spec_is_heeded, .init = tmpdir_enter, .fini = tmpdir_leave, .timeout = 120) {
  struct conf *c;
  struct registry *r;
  struct diags d = {0};
  struct err e;
  cleanup_free char *text = xasprintf("extract = { plugin = \"gen\"; rows = 1000000000; };\n"
                                      "load = { plugin = \"ledger\"; file = \"%s/ledger.json\"; };\n", tmpdir_path);
  tmpdir_write("etl.conf", "cache_dir = \"%s/cache\";\n", tmpdir_path);
  cr_assert_eq(conf_load_text("etl.conf", "endless", text, "test", &d, &c), 0, "%s", d.n ? d.list[0].text : "");
  cr_assert_eq(registry_scan((const char *const[]){CONNECTORS, NULL}, &e, &r), 0, "%s", e.message);
  struct spec *s = endless(c, r);
  cr_expect_eq(run_told_to_stop(s), RUN_EXIT_CANCELLED);
  spec_free(s);
  registry_free(r);
  conf_free(c);
  diags_fini(&d);
}
