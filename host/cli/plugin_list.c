/* `etl plugin list`: the files of the plugin directories, by their notes alone. */
#include <jansson.h>
#include <string.h>

#include "base/table.h"
#include "cli/plugin_cmd.h"
#include "conf/conf.h"

int plugin_cmd_scan(const struct cli_args *a, struct registry **ret) {
  struct diags d = {0};
  struct conf *conf = NULL;
  struct err e;
  int status = CLI_OK;
  if (conf_load_main(cli_opt(a, "conf"), &d, &conf) < 0)
    status = CLI_USAGE;
  diags_print(&d, stderr);
  diags_fini(&d);
  if (conf && registry_scan(conf->plugin_dirs, &e, ret) < 0)
    status = cli_report(&e);
  conf_free(conf);
  return status;
}

const char *plugin_cmd_kinds(uint32_t kinds, char *buf, size_t room) {
  size_t at = 0;
  buf[0] = '\0';
  for (uint32_t k = ETL_KIND_EXTRACTOR; k <= ETL_KIND_LOADER; k++)
    if (kinds >> k & 1 && at < room)
      at += (size_t)snprintf(buf + at, room - at, "%s%s", at ? ", " : "", plugin_kind_name(k));
  return buf;
}

static const char *status_of(const struct plugin_file *f) { return f->bad ? "refused" : f->shadowed_by ? "shadowed" : "ok"; }

static void print_text(const struct registry *r) {
  static const char *const heads[] = {"NAME", "VERSION", "KINDS", "ABI", "STATUS", "FILE", NULL};
  struct table *t = table_new(heads);
  char kinds[64];
  if (r->files_n == 0)
    printf("There is no connector in %s.\n", r->dirs ? r->dirs : "any folder");
  for (size_t i = 0; i < r->files_n; i++) {
    const struct plugin_file *f = &r->files[i];
    table_cell(t, "%s", f->id);
    table_cell(t, "%s", f->version);
    table_cell(t, "%s", plugin_cmd_kinds(f->kinds, kinds, sizeof kinds));
    if (f->abi_major)
      table_cell(t, "%u.%u", f->abi_major, f->abi_minor);
    else
      table_cell(t, " ");
    table_cell(t, "%s", status_of(f));
    table_cell(t, "%s", f->path);
  }
  if (r->files_n)
    table_print(t, stdout);
  table_free(t);
  for (size_t i = 0; i < r->files_n; i++) {
    const struct plugin_file *f = &r->files[i];
    if (f->bad)
      printf("\n%s is refused: %s\n", f->path, f->bad);
    else if (f->shadowed_by)
      printf("\n%s is not used: %s has a connector of the same name and comes first\n", f->path, f->shadowed_by);
  }
}

static void print_json(const struct registry *r) {
  json_t *list = json_array();
  for (size_t i = 0; i < r->files_n; i++) {
    const struct plugin_file *f = &r->files[i];
    json_t *kinds = json_array();
    for (uint32_t k = ETL_KIND_EXTRACTOR; k <= ETL_KIND_LOADER; k++)
      if (f->kinds >> k & 1)
        json_array_append_new(kinds, json_string(plugin_kind_name(k)));
    json_array_append_new(list,
                          json_pack("{ss, ss, ss, so, sI, sI, ss, ss*, ss*}", "name", f->id, "version", f->version, "path", f->path,
                                    "kinds", kinds, "abi_major", (json_int_t)f->abi_major, "abi_minor", (json_int_t)f->abi_minor,
                                    "status", status_of(f), "reason", f->bad, "shadowed_by", f->shadowed_by));
  }
  json_dumpf(list, stdout, JSON_INDENT(2));
  putchar('\n');
  json_decref(list);
}

int cmd_plugin_list(const struct cli_args *a) {
  const char *output = cli_opt(a, "output");
  struct registry *r = NULL;
  int status = plugin_cmd_scan(a, &r);
  if (status != CLI_OK)
    return status;
  if (output && strcmp(output, "json") == 0)
    print_json(r);
  else
    print_text(r);
  registry_free(r);
  return CLI_OK;
}
