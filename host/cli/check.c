/* `etl check`: all mistakes of all files at once, those in connectors' options among them. */
#include "cli/check.h"

#include "base/clock.h"
#include "cli/cli.h"
#include "plugin/describes.h"
#include "sched/check.h"

void check_connectors(const struct conf *conf, const struct registry *r, struct diags *d) {
  struct describes *c = describes_new();
  describes_check(c, conf, r, d);
  describes_free(c);
}

struct registry *check_registry(const struct conf *conf, struct diags *d) { return describes_scan(conf, d); }

int check_report(const struct diags *d) {
  diags_print(d, stderr);
  if (!d->errors)
    return CLI_OK;
  fprintf(stderr, "etl: %zu error%s in the configuration\n", d->errors, d->errors == 1 ? "" : "s");
  return CLI_USAGE;
}

int cmd_check(const struct cli_args *a) {
  struct diags d = {0};
  struct conf *conf = NULL;
  const char *path = cli_word(a, 0) ? cli_word(a, 0) : cli_opt(a, "conf");
  struct registry *r = NULL;
  if (conf_load_for_check(path, cli_opt(a, "pipeline"), &d, &conf) == 0) {
    if ((r = check_registry(conf, &d)))
      check_connectors(conf, r, &d);
    if (!cli_opt(a, "pipeline")) /* else those that it comes after were not read */
      sched_check(conf, clock_wall_ns(), &d);
  }
  int status = check_report(&d);
  if (status == CLI_OK)
    printf("configuration ok: %zu pipeline%s\n", conf->pipelines_n, conf->pipelines_n == 1 ? "" : "s");
  registry_free(r);
  conf_free(conf);
  diags_fini(&d);
  return status;
}
