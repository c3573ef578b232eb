/* `etl graph`: which pipelines run after which: as a tree, for Graphviz, or as JSON. */
#include "sched/graph.h"

#include <jansson.h>
#include <string.h>

#include "cli/check.h"
#include "cli/cli.h"

struct printing {
  const struct conf *conf;
  const struct graph *g;
  bool *shown; /* of a pipeline: what comes after it was printed */
  bool *last;  /* of each level above the present one: its branch ends there */
};

static const char *when(const struct conf_pipeline *p, struct arena *a) {
  const char *text = p->schedule ? p->schedule : p->after_n ? NULL : "by hand";
  if (p->schedule && strcmp(p->timezone, "UTC") != 0)
    text = arena_printf(a, "%s %s", p->schedule, p->timezone);
  return p->enabled ? text : text ? arena_printf(a, "%s, not enabled", text) : "not enabled";
}

/* One line, and those that come after it; one with several upstreams is told below each, what follows it once. */
static void print_tree(struct printing *t, size_t i, size_t level, struct arena *a) {
  const struct graph_node *node = &t->g->nodes[i];
  const struct conf_pipeline *p = &t->conf->pipelines[i];
  const char *text = when(p, a);
  printf("%s%s%s%s%s%s", p->name, text ? "  (" : "", text ? text : "", text ? ")" : "", node->upstream_n && p->on == ON_ANY ? "  on any outcome" : "",
         node->upstream_n > 1 ? "  after all of:" : "");
  for (size_t k = 0; node->upstream_n > 1 && k < node->upstream_n; k++)
    printf("%s %s", k ? "," : "", t->conf->pipelines[node->upstream[k]].name);
  bool again = t->shown[i] && node->downstream_n;
  puts(again ? "  (what follows: see above)" : "");
  t->shown[i] = true;
  for (size_t k = 0; !again && k < node->downstream_n; k++) {
    for (size_t up = 0; up < level; up++)
      fputs(t->last[up] ? "   " : "│  ", stdout);
    t->last[level] = k + 1 == node->downstream_n;
    fputs(t->last[level] ? "└─ " : "├─ ", stdout);
    print_tree(t, node->downstream[k], level + 1, a);
  }
}

static void print_text(struct printing *t, struct arena *a) {
  if (t->g->n == 0)
    puts("There is no pipeline.");
  for (size_t i = 0; i < t->g->n; i++)
    if (!t->g->nodes[i].upstream_n)
      print_tree(t, i, 0, a);
}

static void put_quoted(const char *text) {
  for (; *text; text++)
    printf("%s%c", *text == '"' || *text == '\\' ? "\\" : "", *text);
}

static void print_dot(struct printing *t, struct arena *a) {
  puts("digraph etl {\n  rankdir = LR;\n  node [shape = box];");
  for (size_t i = 0; i < t->g->n; i++) {
    const struct conf_pipeline *p = &t->conf->pipelines[t->g->order[i]];
    const char *text = when(p, a);
    printf("  \"%s\" [label = \"%s", p->name, p->name);
    if (text) {
      fputs("\\n", stdout);
      put_quoted(text);
    }
    printf("\"%s];\n", p->enabled ? "" : ", style = dashed");
  }
  for (size_t i = 0; i < t->g->n; i++) {
    const struct conf_pipeline *p = &t->conf->pipelines[t->g->order[i]];
    for (size_t k = 0; k < p->after_n; k++)
      printf("  \"%s\" -> \"%s\"%s;\n", p->after[k].name, p->name, p->on == ON_ANY ? " [label = \"any outcome\"]" : "");
  }
  puts("}");
}

static void print_json(struct printing *t) {
  json_t *list = json_array();
  for (size_t i = 0; i < t->g->n; i++) {
    const struct conf_pipeline *p = &t->conf->pipelines[t->g->order[i]];
    json_t *after = json_array();
    for (size_t k = 0; k < p->after_n; k++)
      json_array_append_new(after, json_string(p->after[k].name));
    json_array_append_new(list, json_pack("{s:s, s:s*, s:s, s:b, s:s, s:o}", "name", p->name, "schedule", p->schedule, "timezone", p->timezone,
                                          "enabled", (int)p->enabled, "on", p->on == ON_ANY ? "any" : "success", "after", after));
  }
  json_dumpf(list, stdout, JSON_INDENT(2));
  putchar('\n');
  json_decref(list);
}

int cmd_graph(const struct cli_args *a) {
  struct diags d = {0};
  struct conf *conf = NULL;
  struct printing t = {0};
  struct arena *arena = arena_new();
  const char *output = cli_opt(a, "output");
  if (conf_load_for_check(cli_opt(a, "conf"), NULL, &d, &conf) == 0)
    graph_make(conf, arena, &d, &t.g); /* its errors are in d */
  int status = check_report(&d);
  if (status == CLI_OK) {
    t.conf = conf;
    t.shown = arena_alloc(arena, conf->pipelines_n + 1);
    t.last = arena_alloc(arena, conf->pipelines_n + 1);
    if (output && strcmp(output, "dot") == 0)
      print_dot(&t, arena);
    else if (output && strcmp(output, "json") == 0)
      print_json(&t);
    else
      print_text(&t, arena);
  }
  arena_free(arena);
  conf_free(conf);
  diags_fini(&d);
  return status;
}
