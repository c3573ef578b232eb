/* `etl plugin new NAME --kind KIND`: a connector to begin with, which builds and passes the check as it is. */
#include <string.h>

#include "cli/cli.h"
#include "kit/skeleton.h"
#include "plugin/registry.h"

int cmd_plugin_new(const struct cli_args *a) {
  const char *name = cli_word(a, 0), *folder = cli_opt(a, "dir"), *kind_name = cli_opt(a, "kind");
  uint32_t kind = 0;
  struct err e;
  if (!kind_name) {
    err_set(&e, ETL_E_CONFIG, "a connector is of a kind, and none was given");
    err_remedy(&e, "add --kind extractor (reads a source), transformer (changes rows) or loader (writes to a sink)");
    return cli_report(&e);
  }
  for (uint32_t k = ETL_KIND_EXTRACTOR; k <= ETL_KIND_LOADER; k++)
    if (strcmp(plugin_kind_name(k), kind_name) == 0)
      kind = k;
  folder = folder ? folder : name;
  if (skeleton_write(name, kind, folder, &e) < 0)
    return cli_report(&e);
  printf("The %s %s is in %s: `make -C %s check` builds it and tries the rules of the interface on it.\n", kind_name, name, folder, folder);
  return CLI_OK;
}
