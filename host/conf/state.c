/* The address of the state store. */
#include "conf/state.h"

#include <string.h>

int state_check(const char *url, struct err *e) {
  static const char sqlite[] = "sqlite:///";
  static const char *const servers[] = {"postgresql://", "postgres://", NULL};
  if (strncmp(url, sqlite, sizeof sqlite - 1) == 0)
    return url[sizeof sqlite - 1]
               ? 0
               : err_set(e, ETL_E_CONFIG, "'state' lacks a file; write for instance \"sqlite:///var/lib/etl/etl.db\"");
  for (const char *const *s = servers; *s; s++)
    if (strncmp(url, *s, strlen(*s)) == 0)
      return 0;
  return err_set(e, ETL_E_CONFIG,
                 "'state' is no address of a state store; write \"sqlite:///var/lib/etl/etl.db\" (three slashes) or "
                 "\"postgresql://host/database\"");
}
