/* What a connector does to its process: it dies, it takes all there is, it leaves others behind. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "spec.h"

static void be_killed(void) {
  kill(getpid(), SIGKILL);
  for (;;)
    pause();
}

static void write_to_nowhere(void) {
  volatile int *nowhere = NULL;
  *nowhere = 1;
}

static void exit_at_once(void) { _exit(0); }

static void leave(void) { exit(3); }

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Winfinite-recursion"
static void use_the_stack_up(void) {
  volatile char much[65536];
  much[0] = 1;
  use_the_stack_up();
  much[1] = much[0];
}
#pragma GCC diagnostic pop

enum { PIECE = 16 << 20 };

static void leak(void) {
  for (char *p; (p = malloc(PIECE));)
    memset(p, 1, PIECE);
  abort();
}

static void hoard(void) {
  while (malloc(PIECE))
    ;
  abort();
}

static void spin(void) {
  for (volatile unsigned n = 0;; n++)
    ;
}

static void hang(void) {
  for (;;)
    pause();
}

static void leave_child(bool session) {
  const char *file = getenv("ETL_FAULT_CHILD");
  pid_t brief = fork();
  if (brief == 0)
    _exit(0); /* is nobody's end but its own */
  waitpid(brief, NULL, 0);
  pid_t pid = fork();
  if (pid == 0) {
    if (session)
      setsid();
    hang();
  }
  FILE *f = pid < 0 || !file ? NULL : fopen(file, "we");
  if (!f || fprintf(f, "%d\n", (int)pid) < 0 || fclose(f) != 0) {
    perror("fault: ETL_FAULT_CHILD names no file that can be written");
    _exit(99); /* a fault that cannot be done must not look like a run without one */
  }
}

static void leave_group_child(void) { leave_child(false); }

static void leave_daemon(void) { leave_child(true); }

static void open_files(void) {
  while (open("/dev/null", O_RDONLY | O_CLOEXEC) >= 0)
    ;
}

static void (*const harms[FAULT_ACTIONS])(void) = {
  [FAULT_KILL] = be_killed,         [FAULT_SEGV] = write_to_nowhere, [FAULT_ABRT] = abort,          [FAULT_EXIT] = exit_at_once,
  [FAULT_LEAVE] = leave,            [FAULT_OVERFLOW] = use_the_stack_up, [FAULT_LEAK] = leak,       [FAULT_HOARD] = hoard,
  [FAULT_FILES] = open_files,       [FAULT_SPIN] = spin,             [FAULT_HANG] = hang,           [FAULT_FORK] = leave_group_child,
  [FAULT_DAEMON] = leave_daemon,
};

bool fault_harm(enum fault_action action) {
  if (!harms[action])
    return false;
  harms[action]();
  return true;
}
