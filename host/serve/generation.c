/* Generations are whole: one with a single mistake in it never comes to be. */
#include "serve/generation.h"

#include <stdlib.h>
#include <string.h>

#include "sched/check.h"

static int by_name(const void *a, const void *b) {
  const struct conf_pipeline *const *x = a, *const *y = b;
  return strcmp((*x)->name, (*y)->name);
}

static void sort_names(struct generation *g) {
  struct conf *c = g->conf;
  g->by_name = xcalloc(c->pipelines_n + 1, sizeof(struct conf_pipeline *));
  for (size_t i = 0; i < c->pipelines_n; i++)
    g->by_name[i] = &c->pipelines[i];
  qsort(g->by_name, c->pipelines_n, sizeof(struct conf_pipeline *), by_name);
}

/* Its mistakes were found by sched_check() already. */
static void make_graph(struct generation *g) {
  struct diags d = {0};
  if (graph_make(g->conf, g->conf->arena, &d, &g->graph) < 0)
    g->graph = NULL;
  diags_fini(&d);
}

int generation_load(const char *conf_path, struct describes *describes, int64_t number, int64_t now_ns, struct diags *d, struct generation **ret) {
  struct generation *g = xcalloc(1, sizeof *g);
  size_t errors = d->errors;
  *g = (struct generation){.refs = 1, .number = number, .loaded_ns = now_ns};
  if (conf_load_for_check(conf_path, NULL, d, &g->conf) == 0) {
    if ((g->registry = describes_scan(g->conf, d)))
      describes_check(describes, g->conf, g->registry, d);
    sched_check(g->conf, now_ns, d);
  }
  if (d->errors > errors) {
    generation_unref(g);
    return -1;
  }
  sort_names(g);
  make_graph(g);
  *ret = g;
  return 0;
}

struct generation *generation_of_one(struct generation *g, const char *conf_path, const char *pipeline, struct describes *describes, int64_t now_ns) {
  struct generation *one = xcalloc(1, sizeof *one);
  struct diags d = {0};
  *one = (struct generation){.refs = 1, .number = g->number, .loaded_ns = now_ns, .registry = g->registry, .with = generation_ref(g)};
  if (conf_load(conf_path, pipeline, &d, &one->conf) == 0)
    describes_check_known(describes, one->conf->pipelines, one->registry, &d);
  if (d.errors) {
    generation_unref(one);
    one = NULL;
  } else {
    sort_names(one);
  }
  diags_fini(&d);
  return one;
}

/* The first mistake in words; NULL: it can run. */
static char *problem_of(const struct generation *g, const struct conf_pipeline *p, struct describes *describes) {
  struct diags d = {0};
  char *problem = NULL;
  describes_check_pipeline(describes, p, g->registry, &d);
  for (size_t i = 0; i < d.n && !problem; i++)
    if (d.list[i].level == DIAG_ERROR)
      problem = xstrdup(d.list[i].text);
  diags_fini(&d);
  return problem;
}

struct generation *generation_again(struct generation *g, struct registry *r, struct describes *describes) {
  struct generation *again = xcalloc(1, sizeof *again);
  *again = (struct generation){.refs = 1,
                               .number = g->number,
                               .loaded_ns = g->loaded_ns,
                               .conf = g->conf,
                               .registry = r,
                               .graph = g->graph,
                               .by_name = g->by_name,
                               .of = g->of ? g->of : g};
  again->problems = xcalloc(g->conf->pipelines_n + 1, sizeof *again->problems);
  for (size_t i = 0; i < g->conf->pipelines_n; i++)
    again->problems[i] = problem_of(again, g->by_name[i], describes);
  return again;
}

void generation_own(struct generation *g) { generation_ref(g->of); }

struct generation *generation_ref(struct generation *g) {
  g->refs++;
  return g;
}

void generation_unref(struct generation *g) {
  if (!g || --g->refs > 0)
    return;
  for (size_t i = 0; g->problems && i < g->conf->pipelines_n; i++)
    free(g->problems[i]);
  free(g->problems);
  if (g->with)
    generation_unref(g->with);
  else
    registry_free(g->registry);
  if (g->of) {
    generation_unref(g->of);
  } else {
    free(g->by_name);
    conf_free(g->conf);
  }
  free(g);
}

static const struct conf_pipeline **find(const struct generation *g, const char *pipeline) {
  struct conf_pipeline key = {.name = pipeline};
  const struct conf_pipeline *p = &key;
  return bsearch(&p, g->by_name, g->conf->pipelines_n, sizeof(struct conf_pipeline *), by_name);
}

const struct conf_pipeline *generation_find(const struct generation *g, const char *pipeline) {
  const struct conf_pipeline **found = find(g, pipeline);
  return found ? *found : NULL;
}

const char *generation_problem(const struct generation *g, const char *pipeline) {
  const struct conf_pipeline **found = g->problems ? find(g, pipeline) : NULL;
  return found ? g->problems[found - g->by_name] : NULL;
}
