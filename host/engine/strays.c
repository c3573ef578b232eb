/* Looking through /proc: after a crash only, so it may take its milliseconds. */
#include "engine/strays.h"

#include <ctype.h>
#include <dirent.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

void strays_end(const char *mark) {
  DIR *all = opendir("/proc");
  for (const struct dirent *d; all && (d = readdir(all));)
    if (isdigit((unsigned char)d->d_name[0]) && has_mark(d->d_name, mark))
      kill((pid_t)strtol(d->d_name, NULL, 10), SIGKILL);
  if (all)
    closedir(all);
}
