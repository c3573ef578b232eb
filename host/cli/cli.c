/* From main() to a handler and back. */
#include "cli/cli.h"

#include <errno.h>
#include <string.h>

#include "etl/plugin.h"

int cli_report(const struct err *e) {
  fprintf(stderr, "etl: %s%s%s\n", e->message, e->remedy[0] ? "; " : "", e->remedy);
  return e->error_class == ETL_E_CONFIG ? CLI_USAGE : CLI_FAILED;
}

static int dispatch(const struct cli_args *a) {
  if (a->help) {
    cli_help(a->command, stdout);
    return CLI_OK;
  }
  if (a->version) {
    printf("etl " ETL_VERSION " (connector ABI %u.%u)\n", ETL_ABI_MAJOR, ETL_ABI_MINOR);
    return CLI_OK;
  }
  return a->command->run(a);
}

int cli_main(int argc, char *const *argv) {
  struct cli_args a;
  struct err e;
  int status = cli_parse(argc, argv, &a, &e) < 0 ? cli_report(&e) : dispatch(&a);
  cli_args_fini(&a);
  const char *why = fflush(stdout) != 0 ? strerror(errno) : "an earlier part of it failed";
  if (ferror(stdout) && status == CLI_OK) {
    fprintf(stderr, "etl: what was asked for could not be written to the end: %s\n", why);
    status = CLI_FAILED;
  }
  return status;
}
