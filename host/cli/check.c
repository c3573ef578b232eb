/* `etl check`: all mistakes of all files at once, those in connectors' options among them. */
#include "cli/check.h"

#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "plugin/describe.h"
#include "plugin/options.h"

struct asked { /* each connector's file is asked once */
  const char *path;
  struct description *d; /* NULL: it could not be described (reported) */
};
struct check {
  const struct registry *registry;
  struct diags *d;
  struct asked *asked;
  size_t asked_n;
};

static const struct description *ask(struct check *c, const char *path, const char *origin) {
  for (size_t i = 0; i < c->asked_n; i++)
    if (strcmp(c->asked[i].path, path) == 0)
      return c->asked[i].d;
  struct asked a = {path, NULL};
  struct err e;
  if (describe(path, &e, &a.d) < 0)
    diags_add(c->d, DIAG_ERROR, origin, "%s%s%s", e.message, e.remedy[0] ? "; " : "", e.remedy);
  c->asked = xrealloc(c->asked, (c->asked_n + 1) * sizeof *c->asked);
  c->asked[c->asked_n++] = a;
  return a.d;
}

static void check_stage(struct check *c, enum etl_kind kind, const struct conf_stage *s) {
  struct err e;
  if (!s->plugin) /* not even that was readable */
    return;
  const struct plugin_file *f = registry_find(c->registry, kind, s->plugin, &e);
  if (!f) {
    diags_add(c->d, DIAG_ERROR, s->origin, "%s%s%s", e.message, e.remedy[0] ? "; " : "", e.remedy);
    return;
  }
  const struct description *d = ask(c, f->path, s->origin);
  if (!d)
    return;
  if (!d->connectors[kind]) {
    diags_add(c->d, DIAG_ERROR, s->origin,
              "the note of %s announces the %s '%s', but there is none in it; use another release of it", f->path,
              plugin_kind_name(kind), s->plugin);
    return;
  }
  struct arena *a = arena_new();
  struct secrets secrets = {0};
  struct bound_options bound;
  options_bind(d->connectors[kind]->options, s, a, &secrets, c->d, &bound); /* its errors are in c->d */
  secrets_fini(&secrets);
  arena_free(a);
}

void check_connectors(const struct conf *conf, const struct registry *r, struct diags *d) {
  struct check c = {.registry = r, .d = d};
  for (size_t i = 0; i < conf->pipelines_n; i++) {
    const struct conf_pipeline *p = &conf->pipelines[i];
    check_stage(&c, ETL_KIND_EXTRACTOR, &p->extract);
    for (size_t k = 0; k < p->transforms_n; k++)
      check_stage(&c, ETL_KIND_TRANSFORMER, &p->transforms[k]);
    check_stage(&c, ETL_KIND_LOADER, &p->load);
  }
  for (size_t i = 0; i < c.asked_n; i++)
    description_free(c.asked[i].d);
  free(c.asked);
}

struct registry *check_registry(const struct conf *conf, struct diags *d) {
  struct registry *r = NULL;
  struct err e;
  if (registry_scan(conf->plugin_dirs, &e, &r) < 0)
    diags_add(d, DIAG_ERROR, conf->file, "%s%s%s", e.message, e.remedy[0] ? "; " : "", e.remedy);
  return r;
}

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
  if (conf_load_for_check(path, cli_opt(a, "pipeline"), &d, &conf) == 0 && (r = check_registry(conf, &d)))
    check_connectors(conf, r, &d);
  int status = check_report(&d);
  if (status == CLI_OK)
    printf("configuration ok: %zu pipeline%s\n", conf->pipelines_n, conf->pipelines_n == 1 ? "" : "s");
  registry_free(r);
  conf_free(conf);
  diags_fini(&d);
  return status;
}
