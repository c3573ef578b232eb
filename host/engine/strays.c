/* Looking through /proc: after a crash only, so it may take its milliseconds. */
#include "engine/strays.h"

#include <ctype.h>
#include <dirent.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "base/mem.h"

extern char **environ;

char **strays_environment(const char *mark) {
  size_t n = 0;
  while (environ[n])
    n++;
  char **env = xcalloc(n + 2, sizeof *env);
  memcpy(env + 1, environ, n * sizeof *env);
  env[0] = xstrdup(mark);
  return env;
}

void strays_environment_free(char **env) {
  free(env[0]);
  free(env);
}

static bool has_mark(const char *pid, const char *mark) {
  char path[64];
  char *entry = NULL;
  size_t room = 0;
  bool found = false;
  snprintf(path, sizeof path, "/proc/%.20s/environ", pid);
  FILE *f = fopen(path, "re");
  while (f && !found && getdelim(&entry, &room, '\0', f) > 0)
    found = strcmp(entry, mark) == 0;
  free(entry);
  if (f)
    fclose(f);
  return found;
}

/* The number may be another's by the time it is killed, so it is held first. */
static void end_one(const char *pid, const char *mark) {
  int fd = pidfd_open((pid_t)strtol(pid, NULL, 10), 0);
  if (fd < 0)
    return;
  if (has_mark(pid, mark))
    pidfd_send_signal(fd, SIGKILL, NULL, 0);
  close(fd);
}

void strays_end(const char *mark) {
  DIR *all = opendir("/proc");
  for (const struct dirent *d; all && (d = readdir(all));)
    if (isdigit((unsigned char)d->d_name[0]))
      end_one(d->d_name, mark);
  if (all)
    closedir(all);
}
