/* Time zones are files under /usr/share/zoneinfo (Debian: tzdata); zone.tab lists the usual names for a guess. */
#include "conf/zone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/diag.h"
#include "base/mem.h"

#define ZONE_DIR "/usr/share/zoneinfo"

/* Names of zone.tab (country, place, name, comment, split by tabs); ends with NULL. */
static const char **zone_names(struct arena *a) {
  FILE *f = fopen(ZONE_DIR "/zone.tab", "re");
  size_t n = 0, cap = 0;
  const char **names = NULL;
  char line[512];
  while (f && fgets(line, sizeof line, f)) {
    char *name = line[0] == '#' ? NULL : strchr(line, '\t');
    name = name ? strchr(name + 1, '\t') : NULL;
    if (!name)
      continue;
    if (n + 2 > cap)
      names = xrealloc(names, (cap = cap ? cap * 2 : 512) * sizeof *names);
    names[n++] = arena_memdup(a, name + 1, strcspn(name + 1, "\t\n"));
  }
  if (f)
    fclose(f);
  names = xrealloc(names, (n + 1) * sizeof *names);
  names[n] = NULL;
  return names;
}

static int is_zone(const char *name) {
  char path[512], magic[4];
  if (!*name || *name == '/' || strstr(name, "..") || (size_t)snprintf(path, sizeof path, ZONE_DIR "/%s", name) >= sizeof path)
    return 0;
  FILE *f = fopen(path, "re");
  int yes = f && fread(magic, 1, sizeof magic, f) == sizeof magic && memcmp(magic, "TZif", 4) == 0;
  if (f)
    fclose(f);
  return yes;
}

int zone_check(const char *name, struct err *e) {
  if (strcmp(name, "UTC") == 0 || is_zone(name)) /* UTC needs no tzdata */
    return 0;
  struct arena *a = arena_new();
  const char **names = zone_names(a), *near = diag_nearest(name, names);
  if (near)
    err_set(e, ETL_E_CONFIG, "there is no time zone \"%.100s\"; did you mean \"%s\"?", name, near);
  else
    err_set(e, ETL_E_CONFIG, "there is no time zone \"%.100s\" in " ZONE_DIR "; write one such as \"Europe/Berlin\"%s", name,
            names[0] ? "" : " (and install the package tzdata)");
  free(names);
  arena_free(a);
  return -1;
}
