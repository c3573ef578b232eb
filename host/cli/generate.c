/* `etl generate`: the files of a new pipeline, from flags, and on a terminal from what it asks for. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/check.h"
#include "cli/copy_url.h"
#include "cli/generate.h"
#include "conf/stage.h"

static bool valid_name(const char *name) {
  for (const char *p = name; *p; p++)
    if (!isalnum((unsigned char)*p) && !strchr("_.-", *p))
      return false;
  return *name && *name != '.';
}

const char *generate_target(const struct plan_of_pipeline *p, struct arena *a) {
  const char *separator = strrchr(p->table, p->from_files ? '/' : '.'), *last = separator ? separator + 1 : p->table;
  size_t n = p->from_files ? strcspn(last, ".*?[") : strlen(last);
  if (n == 0)
    return p->name;
  return arena_printf(a, "%.*s%s%s", (int)n, last, p->to_files ? "." : "", p->to_files ? p->to_files : "");
}

/* Its connector, when that has files. */
static const char *files_of(const struct conf *conf, const char *connection) {
  const struct conf_node *all = conf->connections->group;
  for (size_t i = 0; connection && all && i < all->kids_n; i++)
    for (size_t k = 0; strcmp(all->kids[i]->name, connection) == 0 && k < all->kids[i]->kids_n; k++) {
      const struct conf_node *n = all->kids[i]->kids[k];
      if (strcmp(n->name, "plugin") == 0 && n->text && !place_has_tables(n->text))
        return n->text;
    }
  return NULL;
}

void generate_kinds(const struct conf *conf, struct plan_of_pipeline *p) {
  p->from_files = files_of(conf, p->from);
  p->to_files = files_of(conf, p->to);
}

/* What has a sensible value of its own when nobody can be asked; what has none is told all at once. */
static int fill(struct plan_of_pipeline *p, struct arena *a) {
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
    p->target = generate_target(p, a);
  if (!p->mode)
    p->mode = p->key ? "merge" : p->cursor || p->from_files ? "append" : "replace";
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
  if (status == CLI_OK) {
    generate_kinds(c.l.conf, &p);
    status = terminal && lacks ? generate_ask(&c, &p) : fill(&p, c.arena);
  }
  if (status == CLI_OK)
    status = check_words(&c, &p);
  if (status == CLI_OK)
    status = write_files(a, &c, &p);
  conns_fini(&c);
  return status;
}
