/* `etl serve`: the long-running host. */
#include "serve/serve.h"

#include "cli/cli.h"

int cmd_serve(const struct cli_args *a) { return serve_main(cli_opt(a, "conf"), &clock_system); }
