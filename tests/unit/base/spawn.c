/* Starting programs: the shell tells what it got. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/spawn.h"

static int start(const char *script, const int *fds, size_t fds_n, bool own_group, pid_t *ret) {
  const char *argv[] = {"sh", "-c", script, NULL};
  return spawn_start(&(struct spawn){.path = "sh", .argv = argv, .fds = fds, .fds_n = fds_n, .own_group = own_group}, ret);
}

static char *read_all(int fd) {
  static char text[8192];
  size_t n = 0;
  for (ssize_t got; (got = read(fd, text + n, sizeof text - 1 - n)) > 0;)
    n += (size_t)got;
  text[n] = '\0';
  close(fd);
  return text;
}

/* What the script prints. */
static char *output(const char *script) {
  int ends[2];
  pid_t pid;
  cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
  cr_assert_eq(start(script, (const int[]){SPAWN_NULL, ends[1], STDERR_FILENO}, 3, false, &pid), 0);
  close(ends[1]);
  char *text = read_all(ends[0]);
  cr_assert_eq(spawn_wait(pid), 0);
  return text;
}

Test(spawn, what_it_prints_and_its_status) {
  pid_t pid;
  cr_assert_str_eq(output("echo $((6 * 7))"), "42\n");
  cr_assert_eq(start("exit 3", (const int[]){SPAWN_NULL, SPAWN_NULL, SPAWN_NULL}, 3, false, &pid), 0);
  cr_assert_eq(WEXITSTATUS(spawn_wait(pid)), 3);
}

Test(spawn, the_input_is_empty) { cr_assert_str_eq(output("cat; echo end"), "end\n"); }

/* Each of two sources lies where the other has to go. */
Test(spawn, descriptors_that_are_in_each_others_way) {
  int first[2], second[2];
  pid_t pid;
  cr_assert_eq(pipe2(first, O_CLOEXEC), 0);
  cr_assert_eq(pipe2(second, O_CLOEXEC), 0);
  cr_assert_eq(dup3(first[1], 54, O_CLOEXEC), 54);
  cr_assert_eq(dup3(second[1], 53, O_CLOEXEC), 53);
  int fds[55];
  for (int i = 0; i < 55; i++)
    fds[i] = SPAWN_NULL;
  fds[53] = 54;
  fds[54] = 53;
  const char *argv[] = {"bash", "-c", "echo one >&53; echo two >&54", NULL};
  cr_assert_eq(spawn_start(&(struct spawn){.path = "bash", .argv = argv, .fds = fds, .fds_n = 55}, &pid), 0);
  for (int i = 53; i < 55; i++)
    close(i);
  close(first[1]);
  close(second[1]);
  cr_assert_str_eq(read_all(first[0]), "one\n");
  cr_assert_str_eq(read_all(second[0]), "two\n");
  cr_assert_eq(spawn_wait(pid), 0);
}

Test(spawn, nothing_else_is_open) {
  for (int i = 0; i < 20; i++)
    cr_assert_geq(open("/dev/null", O_RDONLY), 0); /* not close-on-exec */
  cr_assert_geq(fcntl(STDIN_FILENO, F_DUPFD, 900), 0);
  cr_assert_str_eq(output("for f in /proc/self/fd/*; do [ -e $f ] && echo ${f##*/}; done; true"), "0\n1\n2\n");
}

Test(spawn, none_of_ours_stays_open_here) {
  int before = dup(STDIN_FILENO);
  close(before);
  pid_t pid;
  cr_assert_eq(start("exit 0", (const int[]){SPAWN_NULL, STDERR_FILENO, 12345}, 3, false, &pid), EBADF);
  const char *argv[] = {"nothing", NULL};
  cr_assert_eq(spawn_start(&(struct spawn){.path = "/nothing/here", .argv = argv, .fds = (const int[]){SPAWN_NULL}, .fds_n = 1}, &pid), ENOENT);
  cr_assert_str_eq(output("echo"), "\n");
  int after = dup(STDIN_FILENO);
  close(after);
  cr_assert_eq(before, after);
}

Test(spawn, signals_are_as_nobody_prepared_them) {
  sigset_t all;
  sigfillset(&all);
  signal(SIGPIPE, SIG_IGN);
  signal(SIGHUP, SIG_IGN);
  sigprocmask(SIG_BLOCK, &all, NULL);
  /* but for the two of the C library's own */
  cr_assert_str_eq(output("sed -nE 's/^Sig(Blk|Ign):\\s0*(18)?0*$/none/p' /proc/self/status"), "none\nnone\n");
}

Test(spawn, environment) {
  int ends[2];
  pid_t pid;
  const char *argv[] = {"env", NULL};
  char *env[] = {"ONLY=this", NULL};
  cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
  cr_assert_eq(spawn_start(&(struct spawn){.path = "env", .argv = argv, .env = env, .fds = (const int[]){SPAWN_NULL, ends[1]}, .fds_n = 2}, &pid), 0);
  close(ends[1]);
  cr_assert_str_eq(read_all(ends[0]), "ONLY=this\n");
  cr_assert_eq(spawn_wait(pid), 0);
  setenv("OURS", "is there", 1);
  cr_assert_str_eq(output("echo $OURS"), "is there\n");
}

/* The pipe ends when the last that holds it has ended. */
static void expect_end_of_all(const char *script, bool ends_itself) {
  int ends[2];
  pid_t pid;
  char c;
  cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
  cr_assert_eq(start(script, (const int[]){SPAWN_NULL, ends[1], STDERR_FILENO}, 3, true, &pid), 0);
  close(ends[1]);
  cr_assert_eq(read(ends[0], &c, 1), 1, "it has started its child");
  if (!ends_itself)
    spawn_end(pid);
  spawn_wait(pid);
  cr_assert_eq(poll(&(struct pollfd){.fd = ends[0], .events = POLLIN}, 1, 20000), 1, "the child of '%s' goes on", script);
  cr_assert_eq(read(ends[0], &c, 1), 0);
  close(ends[0]);
}

Test(spawn, its_children_end_with_it) { expect_end_of_all("sleep 1000 & printf x; wait", false); }

Test(spawn, its_children_end_even_after_it) { expect_end_of_all("sleep 1000 & printf x; exit", true); }

Test(spawn, one_without_a_group_ends_alone) {
  pid_t pid;
  cr_assert_eq(start("exec sleep 1000", (const int[]){SPAWN_NULL, SPAWN_NULL, SPAWN_NULL}, 3, false, &pid), 0);
  spawn_end(pid);
  cr_assert_eq(WTERMSIG(spawn_wait(pid)), SIGKILL);
}

Test(spawn, names_of_signals) {
  cr_assert_str_eq(spawn_signal_name(SIGSEGV), "SEGV");
  cr_assert_str_eq(spawn_signal_name(63), "?");
}
