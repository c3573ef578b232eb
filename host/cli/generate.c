/* `etl generate`: the files of a new pipeline, from flags, and on a terminal from what it asks for. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/check.h"
#include "cli/generate.h"

static bool valid_name(const char *name) {
  for (const char *p = name; *p; p++)
    if (!isalnum((unsigned char)*p) && !strchr("_.-", *p))
      return false;
  return *name && *name != '.';
}

static const char *last_part(const char *table) { return strrchr(table, '.') ? strrchr(table, '.') + 1 : table; }

/* What has a sensible value of its own when nobody can be asked; what has none is told all at once. */
static int fill(struct plan_of_pipeline *p) {
  const struct {
    const char *option, *value;
  } needed[] = {{"--name", p->name}, {"--from", p->from}, {"--table", p->table}, {"--to", p->to}};
  char missing[64] = "";
  struct err e;
  size_t n = 0;
  for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
    if (!needed[i].value)
      n += (size_t)snprintf(missing + n, sizeof missing - n, "%s%s", n ? ", " : "", needed[i].option);
  if (n) {
    err_set(&e, ETL_E_CONFIG, "'etl generate' lacks %s", missing);
    err_remedy(&e, "give them, or run it on a terminal to be asked");
    return cli_report(&e);
  }
  if (!p->target)
    p->target = last_part(p->table);
  if (!p->mode)
    p->mode = p->key ? "merge" : p->cursor ? "append" : "replace";
  return CLI_OK;
}

static int check_words(const struct conns *c, const struct plan_of_pipeline *p) {
  const char *const connections[] = {p->from, p->to};
  struct err e;
  if (p->name && !valid_name(p->name)) {
    err_set(&e, ETL_E_CONFIG, "'%s' cannot be a pipeline's name", p->name);
    err_remedy(&e, "letters, digits, '_', '.' and '-' only");
    return cli_report(&e);
  }
  for (size_t i = 0; i < sizeof connections / sizeof *connections; i++) {
    const char *const *name = c->l.conf->connection_names;
    while (connections[i] && *name && strcmp(*name, connections[i]) != 0)
      name++;
    if (!connections[i] || *name)
      continue;
    const char *near = diag_nearest(connections[i], c->l.conf->connection_names);
    err_set(&e, ETL_E_CONFIG, "there is no connection \"%s\"%s%s%s", connections[i], near ? "; did you mean \"" : "", near ? near : "",
            near ? "\"?" : "");
    if (!near)
      err_remedy(&e, "add it to connections of etl.conf; `etl conns list` shows those that are there");
    return cli_report(&e);
  }
  return CLI_OK;
}

/* Is it a pipeline now?  The connections' variables may still be unset: then the mistakes say which. */
static int check_written(const struct conns *c, const struct plan_of_pipeline *p) {
  struct diags d = {0};
  struct conf *conf = NULL;
  struct registry *r = NULL;
  cleanup_free char *text = generate_text(p);
  if (conf_load_text(c->l.conf->file, p->name, text, p->name, &d, &conf) == 0 && (r = check_registry(conf, &d)))
    check_connectors(conf, r, &d);
  int status = check_report(&d);
  if (status != CLI_OK)
    fprintf(stderr, "etl: the files are written; correct this, then: etl check --pipeline %s\n", p->name);
  registry_free(r);
  conf_free(conf);
  diags_fini(&d);
  return status;
}

static int write_files(const struct cli_args *a, struct conns *c, const struct plan_of_pipeline *p) {
  const char *dir = cli_opt(a, "dir") ? cli_opt(a, "dir") : c->l.conf->pipeline_dir;
  struct err e;
  if (generate_files(p, c->l.conf, dir, cli_flag(a, "force"), &e) < 0)
    return cli_report(&e);
  const char *full = text_absolute(c->arena, dir);
  if (full && strcmp(full, c->l.conf->pipeline_dir) != 0)
    fprintf(stderr, "etl: %s is not the folder of the pipelines (%s); move %s.conf there, or name it as pipeline_dir\n", dir, c->l.conf->pipeline_dir,
            p->name);
  return check_written(c, p);
}

int cmd_generate(const struct cli_args *a) {
  struct plan_of_pipeline p = {cli_opt(a, "name"), cli_opt(a, "from"), cli_opt(a, "table"), cli_opt(a, "to"),      cli_opt(a, "target"),
                               cli_opt(a, "mode"), cli_opt(a, "key"),  cli_opt(a, "cursor"), cli_opt(a, "schedule")};
  bool terminal = isatty(STDIN_FILENO) && isatty(STDERR_FILENO), lacks = !p.name || !p.from || !p.table || !p.to;
  struct conns c;
  int status = conns_init(&c, a, false);
  if (status == CLI_OK)
    status = check_words(&c, &p);
  if (status == CLI_OK)
    status = terminal && lacks ? generate_ask(&c, &p) : fill(&p);
  if (status == CLI_OK)
    status = check_words(&c, &p);
  if (status == CLI_OK)
    status = write_files(a, &c, &p);
  conns_fini(&c);
  return status;
}
