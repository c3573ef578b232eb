/* Limits of the worker's process. */
#include "engine/confine.h"

#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "base/statm.h"
#include "base/units.h"

enum { OOM_SCORE = 500 };

/* Never above what there is. */
static void lower(int resource, rlim_t soft, rlim_t hard) {
  struct rlimit l;
  if (getrlimit(resource, &l) < 0)
    return;
  l.rlim_max = hard < l.rlim_max ? hard : l.rlim_max;
  l.rlim_cur = soft < l.rlim_max ? soft : l.rlim_max;
  setrlimit(resource, &l);
}

/* Sanitizers write to terabytes of addresses; they have limits of their own. */
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
static void limit_memory(int64_t bytes) {
  int64_t now = statm_bytes(STATM_DATA);
  lower(RLIMIT_DATA, (rlim_t)(now > 0 ? now : 0) + 2 * (rlim_t)bytes + CONFINE_ROOM_BYTES, RLIM_INFINITY);
}

void confine_add_stacks(size_t threads) {
  struct rlimit l;
  pthread_attr_t usual;
  size_t stack = 0;
  if (getrlimit(RLIMIT_DATA, &l) < 0 || l.rlim_cur == RLIM_INFINITY || pthread_attr_init(&usual) != 0)
    return;
  pthread_attr_getstacksize(&usual, &stack);
  pthread_attr_destroy(&usual);
  lower(RLIMIT_DATA, l.rlim_cur + threads * stack, RLIM_INFINITY);
}
#else
static void limit_memory(int64_t bytes) { (void)bytes; }

void confine_add_stacks(size_t threads) { (void)threads; }
#endif

/* Where the whole system has no memory left, this process is ended rather than the host and the servers beside it. */
static void offer_to_the_system(void) {
  int now = 0;
  FILE *f = fopen("/proc/self/oom_score_adj", "r+e");
  if (!f)
    return;
  if (fscanf(f, "%d", &now) == 1 && now < OOM_SCORE) {
    rewind(f);
    fprintf(f, "%d", OOM_SCORE);
  }
  fclose(f);
}

void confine(const struct spec *s) {
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); /* no connector gains rights by starting a set-uid program */
  prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  offer_to_the_system();
  if (s->max_memory_bytes > 0)
    limit_memory(s->max_memory_bytes);
  if (s->max_files > 0)
    lower(RLIMIT_NOFILE, (rlim_t)s->max_files, (rlim_t)s->max_files);
  if (s->max_cpu_ns > 0) {
    rlim_t seconds = (rlim_t)((s->max_cpu_ns + NS_PER_SEC - 1) / NS_PER_SEC);
    lower(RLIMIT_CPU, seconds, seconds + CONFINE_GRACE_SECONDS); /* SIGXCPU first: its end names its reason */
  }
  if (s->no_core)
    lower(RLIMIT_CORE, 0, 0);
}

/* How many there were. */
static int kill_children_of(const char *thread) {
  char path[64];
  int pid, n = 0;
  snprintf(path, sizeof path, "/proc/self/task/%.20s/children", thread);
  FILE *f = fopen(path, "re");
  while (f && fscanf(f, "%d", &pid) == 1) {
    kill(pid, SIGKILL);
    n++;
  }
  if (f)
    fclose(f);
  return n;
}

static int kill_children(void) {
  DIR *threads = opendir("/proc/self/task");
  int n = 0;
  for (const struct dirent *d; threads && (d = readdir(threads));)
    if (d->d_name[0] != '.')
      n += kill_children_of(d->d_name);
  if (threads)
    closedir(threads);
  return n;
}

void confine_end_children(void) {
  while (kill_children() > 0 && waitpid(-1, NULL, 0) > 0) /* when one has ended, its own children are there */
    ;
}
