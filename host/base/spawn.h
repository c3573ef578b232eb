/* base/spawn.h: starting a program in a process of its own.  Any thread.
 *
 * It has the descriptors that it is given and no other, hears every signal, and treats each of them as a program does that nobody prepared:
 * what its parent blocks or ignores does not count for it. */
#ifndef HOST_BASE_SPAWN_H
#define HOST_BASE_SPAWN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum {
  SPAWN_NULL = -1 /* /dev/null, to read and write */
};

struct spawn {
  const char *path;        /* without a slash: looked for in PATH */
  const char *const *argv; /* ends with NULL */
  char *const *env;        /* likewise; NULL: ours */
  const int *fds;          /* what becomes its descriptor 0, 1, ...: one of ours (one may be there twice), or SPAWN_NULL */
  size_t fds_n;
  bool own_group;          /* it leads a process group, which ends with it */
};
/* 0, or an errno; *ret_pid must be waited for. */
__attribute__((warn_unused_result)) int spawn_start(const struct spawn *s, pid_t *ret_pid);

/* SIGKILL to the process group that pid leads, or to pid alone if it leads none.  It must not have been waited for: until then nobody else
 * has its number, even when it has ended. */
void spawn_end(pid_t pid);
/* Waits for the end of pid, and ends what is left of its group then.  What waitpid() tells of it. */
int spawn_wait(pid_t pid);
/* "SEGV" for SIGSEGV; "?" for one without a name. */
const char *spawn_signal_name(int sig);

#endif
