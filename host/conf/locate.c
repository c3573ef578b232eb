/* Usual places, from the environment and from what the build was configured with. */
#include "conf/locate.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "conf/paths.h"

static const char *from_env(const char *name) {
  const char *v = getenv(name);
  return v && *v ? v : NULL;
}

const char *locate_conf(struct arena *a) {
  static const char *const places[] = {"conf/etl.conf", "etl.conf", ETL_CONF_DIR "/etl.conf", "/etc/etl/etl.conf", NULL};
  const char *said = from_env("ETL_CONF");
  if (said)
    return arena_strdup(a, said);
  for (const char *const *p = places; *p; p++)
    if (access(*p, F_OK) == 0)
      return *p;
  return NULL;
}

void locate_complain(struct diags *d) {
  diags_add(d, DIAG_ERROR, NULL,
            "there is no configuration: neither ./conf/etl.conf nor ./etl.conf nor " ETL_CONF_DIR
            "/etl.conf nor /etc/etl/etl.conf exists; "
            "name one with -c FILE or with the environment variable ETL_CONF");
}

const char *const *locate_plugin_dirs(const struct conf_node *given, const char *base_dir, struct arena *a) {
  const char *path = from_env("ETL_PLUGIN_PATH");
  size_t room = 2 + (given && given->kind == CONF_LIST ? given->kids_n : 1), n = 0;
  for (const char *p = path; p && *p; p++)
    room += *p == ':';
  const char **dirs = arena_alloc(a, (room + 1) * sizeof *dirs);
  while (path && *path) {
    size_t len = strcspn(path, ":");
    const char *abs = len ? text_absolute(a, arena_memdup(a, path, len)) : NULL;
    if (abs)
      dirs[n++] = abs;
    path += len + (path[len] == ':');
  }
  if (!given)
    dirs[n++] = ETL_PLUGIN_DIR;
  else if (given->kind == CONF_STRING)
    dirs[n++] = text_join(a, base_dir, given->text);
  for (size_t i = 0; given && i < given->kids_n; i++)
    dirs[n++] = text_join(a, base_dir, given->kids[i]->text);
  return dirs;
}

const char *locate_cache_dir(struct arena *a) {
  const char *xdg = from_env("XDG_CACHE_HOME"), *home = from_env("HOME");
  if (xdg && *xdg == '/')
    return text_join(a, xdg, "etl");
  if (geteuid() == 0 || !home)
    return "/var/cache/etl";
  return text_join(a, home, ".cache/etl");
}
