/* Time zones are files under /usr/share/zoneinfo (Debian: tzdata); zone.tab lists the usual names for a guess. */
#include "conf/zone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/diag.h"

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

int zone_find(const char *name, struct arena *a, struct err *e, const struct zone **ret) {
  if (zone_load(name, a, e, ret) == 0)
    return 0;
  if (e->remedy[0])
    return -1;
  struct arena *own = arena_new();
  const char **names = zone_names(own), *near = diag_nearest(name, names);
  if (near)
    err_remedy(e, "did you mean \"%s\"?", near);
  else
    err_remedy(e, "write one of " ZONE_DIR " such as \"Europe/Berlin\"%s", names[0] ? "" : " (and install the package tzdata)");
  free(names);
  arena_free(own);
  return -1;
}

int zone_check(const char *name, struct err *e) {
  struct arena *a = arena_new();
  const struct zone *z;
  int rc = zone_find(name, a, e, &z);
  arena_free(a);
  return rc;
}
