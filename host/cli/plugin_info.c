/* `etl plugin info NAME`: what a connector says of itself, and the child process in which it says it. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/plugin_cmd.h"
#include "plugin/describe.h"
#include "plugin/options.h"

/* Nobody waits for more than the answer: what connectors, or tools of who debugs them, do at the end of a process would be cut short anywhere. */
int cmd_describe(const struct cli_args *a) { _exit(describe_child(cli_word(a, 0), DESCRIBE_FD)); }

struct flag_text {
  uint32_t bit;
  const char *text;
};
static const struct flag_text flag_texts[] = {{ETL_OPT_REQUIRED, "required"},
                                              {ETL_OPT_SECRET, "secret"},
                                              {ETL_OPT_DEPRECATED, "deprecated"},
                                              {ETL_OPT_ADVANCED, "advanced"},
                                              {ETL_OPT_IDENTITY, "changing it makes saved cursors meaningless"}};

static void put_options(const struct etl_option *const *options, int indent);

static void put_option(const struct etl_option *o, int indent) {
  struct arena *a = arena_new();
  printf("%*s%s: %s", indent, "", o->name, option_type_name(o->type));
  if (o->type == ETL_T_ENUM)
    for (const char *const *c = o->choices; *c; c++)
      printf("%s%s", c == o->choices ? " of " : ", ", *c);
  if (o->min < o->max)
    printf(", %s to %s", option_print(o->type, o->min, a), option_print(o->type, o->max, a));
  if (o->dflt)
    printf(", default %s", *o->dflt ? o->dflt : "\"\"");
  for (size_t i = 0; i < sizeof flag_texts / sizeof *flag_texts; i++)
    if (o->flags & flag_texts[i].bit)
      printf(", %s", flag_texts[i].text);
  if (o->replaced_by)
    printf(", replaced by %s", o->replaced_by);
  putchar('\n');
  if (o->doc) {
    printf("%*s", indent + 4, "");
    cli_put_wrapped(o->doc, (size_t)indent + 4, (size_t)indent + 4, stdout);
  }
  if (o->example)
    printf("%*sExample: %s\n", indent + 4, "", o->example);
  if (o->type == ETL_T_GROUPS)
    put_options(o->members, indent + 4);
  arena_free(a);
}

static void put_options(const struct etl_option *const *options, int indent) {
  for (; *options; options++)
    put_option(*options, indent);
}

static void put_caps(uint64_t caps) {
  static const struct {
    uint64_t bit;
    const char *text;
  } texts[] = {{ETL_CAP_ONE_AT_A_TIME, "one call at a time"},
               {ETL_CAP_RESUME, "reads on from a saved cursor"},
               {ETL_CAP_PARALLEL_READERS, "reads in parallel"},
               {ETL_CAP_TXN, "transactions"},
               {ETL_CAP_STORES_CURSOR, "keeps cursors with the rows (exactly once)"}};
  const char *before = "Can: ";
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
    if (caps & texts[i].bit) {
      printf("%s%s", before, texts[i].text);
      before = ", ";
    }
  if (*before == ',')
    putchar('\n');
}

static void print_text(const struct etl_connector *c, const struct description *d, const char *path, bool first) {
  printf("%s%s %s, %s: %s\n", first ? "" : "\n", c->name, c->version, plugin_kind_name(c->kind), c->summary ? c->summary : "");
  if (c->doc)
    cli_put_wrapped(c->doc, 0, 0, stdout);
  put_caps(c->caps);
  printf("File: %s%s%s%s%s\n", path, d->license ? ", license " : "", d->license ? d->license : "", d->url ? ", " : "",
         d->url ? d->url : "");
  printf("Options:\n");
  put_options(c->options, 2);
}

static json_t *to_json(const struct etl_connector *c, const struct description *d, const char *path) {
  json_t *j = connector_to_json(c);
  json_object_set_new(j, "path", json_string(path));
  if (d->license)
    json_object_set_new(j, "license", json_string(d->license));
  if (d->url)
    json_object_set_new(j, "url", json_string(d->url));
  return j;
}

/* Shows the connector of one kind.  0: there is none of that kind. */
static int show_kind(const struct registry *r, uint32_t kind, const char *name, json_t *list, bool first, int *status) {
  struct err e;
  struct description *d = NULL;
  const struct plugin_file *f = registry_find(r, kind, name, &e);
  if (!f)
    return 0;
  if (describe(f->path, &e, &d) < 0) {
    *status = cli_report(&e);
    return 1;
  }
  const struct etl_connector *c = d->connectors[kind];
  if (!c) {
    err_set(&e, ETL_E_INTERNAL, "the note of %s announces a %s, but there is none in it", f->path, plugin_kind_name(kind));
    *status = cli_report(&e);
  } else if (list) {
    json_array_append_new(list, to_json(c, d, f->path));
  } else {
    print_text(c, d, f->path, first);
  }
  description_free(d);
  return 1;
}

static int show(const struct registry *r, const char *name, const char *only_kind, json_t *list) {
  int status = CLI_OK;
  bool found = false;
  uint32_t wanted = 0;
  for (uint32_t k = ETL_KIND_EXTRACTOR; k <= ETL_KIND_LOADER; k++) {
    if (only_kind && strcmp(only_kind, plugin_kind_name(k)) != 0)
      continue;
    wanted = only_kind ? k : 0;
    if (show_kind(r, k, name, list, !found, &status))
      found = true;
  }
  struct err e;
  if (!found && !registry_find(r, wanted, name, &e))
    status = cli_report(&e);
  return status;
}

int cmd_plugin_info(const struct cli_args *a) {
  const char *output = cli_opt(a, "output");
  struct registry *r = NULL;
  int status = plugin_cmd_scan(a, &r);
  if (status != CLI_OK)
    return status;
  json_t *list = output && strcmp(output, "json") == 0 ? json_array() : NULL;
  status = show(r, cli_word(a, 0), cli_opt(a, "kind"), list);
  if (list && status == CLI_OK) {
    json_dumpf(list, stdout, JSON_INDENT(2));
    putchar('\n');
  }
  json_decref(list);
  registry_free(r);
  return status;
}
