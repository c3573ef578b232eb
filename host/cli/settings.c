/* `etl settings`: the tables that the configuration is read by. */
#include <jansson.h>
#include <string.h>

#include "cli/cli.h"
#include "conf/keys.h"

static void print_text(const struct conf_key *k, int indent) {
  for (; k->name; k++) {
    struct arena *a = arena_new();
    printf("%*s%s: %s", indent, "", k->name, k->choices ? keys_choices(k, a) : value_want_name(k->want));
    if (k->min < k->max)
      printf(", %s to %s", value_print(k->want, k->min, a), value_print(k->want, k->max, a));
    if (k->dflt)
      printf(", default %s", *k->dflt ? k->dflt : "\"\"");
    printf("%s\n%*s", k->required ? ", required" : "", indent + 4, "");
    cli_put_wrapped(k->doc, (size_t)indent + 4, (size_t)indent + 4, stdout);
    if (k->members)
      print_text(k->members, indent + 4);
    arena_free(a);
  }
}

static json_t *to_json(const struct conf_key *k) {
  json_t *list = json_array();
  for (; k->name; k++) {
    json_t *j = json_pack("{ss, ss, ss, ss*, sb}", "name", k->name, "type", value_want_name(k->want), "doc", k->doc, "default",
                          k->dflt, "required", (int)k->required);
    if (k->min < k->max) {
      json_object_set_new(j, "min", json_integer(k->min));
      json_object_set_new(j, "max", json_integer(k->max));
    }
    if (k->choices) {
      json_t *choices = json_array();
      for (size_t i = 0; k->choices[i]; i++)
        json_array_append_new(choices, json_string(k->choices[i]));
      json_object_set_new(j, "choices", choices);
    }
    if (k->members)
      json_object_set_new(j, "members", to_json(k->members));
    json_array_append_new(list, j);
  }
  return list;
}

int cmd_settings(const struct cli_args *a) {
  const char *output = cli_opt(a, "output");
  bool as_json = output && strcmp(output, "json") == 0;
  json_t *all = json_array();
  for (const struct conf_table *t = conf_tables; t->title; t++) {
    if (as_json) {
      json_array_append_new(all, json_pack("{ss, so}", "title", t->title, "settings", to_json(t->keys)));
      continue;
    }
    printf("%sSettings of %s\n", t == conf_tables ? "" : "\n", t->title);
    print_text(t->keys, 2);
  }
  if (as_json) {
    json_dumpf(all, stdout, JSON_INDENT(2));
    putchar('\n');
  }
  json_decref(all);
  return CLI_OK;
}
