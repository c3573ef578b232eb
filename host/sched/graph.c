/* Pipelines are put in order by taking away those that wait for nobody; what is left then goes in circles, or behind one. */
#include "sched/graph.h"

#include <stdlib.h>
#include <string.h>

struct making {
  const struct conf *conf;
  struct arena *arena;
  struct diags *d;
  const struct conf_pipeline **by_name;
  struct graph_node *nodes;
  size_t **upstream;
  size_t *waiting; /* of a pipeline: upstreams that are not in order yet */
  size_t *order, order_n;
};

static int name_order(const void *a, const void *b) {
  const struct conf_pipeline *const *x = a, *const *y = b;
  return strcmp((*x)->name, (*y)->name);
}

static int by_key(const void *name, const void *p) { return strcmp(name, (*(const struct conf_pipeline *const *)p)->name); }

static void sort_names(struct making *m) {
  size_t n = m->conf->pipelines_n;
  m->by_name = arena_alloc(m->arena, (n + 1) * sizeof *m->by_name);
  for (size_t i = 0; i < n; i++)
    m->by_name[i] = &m->conf->pipelines[i];
  qsort(m->by_name, n, sizeof *m->by_name, name_order);
}

static bool is_unread(const struct conf *c, const char *name) {
  for (const char *const *u = c->unread; u && *u; u++)
    if (strcmp(*u, name) == 0)
      return true;
  return false;
}

static void complain_unknown(struct making *m, const struct conf_upstream *u) {
  const char *near = diag_nearest(u->name, m->conf->pipeline_names);
  if (near)
    diags_add(m->d, DIAG_ERROR, u->origin, "'after' names the pipeline '%s', which is not there; did you mean '%s'?", u->name, near);
  else
    diags_add(m->d, DIAG_ERROR, u->origin, "'after' names the pipeline '%s', which is not there; write the name of a file of pipeline_dir, without .conf",
              u->name);
}

static int find_upstreams(struct making *m, size_t i) {
  const struct conf_pipeline *p = &m->conf->pipelines[i];
  int rc = 0;
  m->upstream[i] = arena_alloc(m->arena, (p->after_n + 1) * sizeof *m->upstream[i]);
  for (size_t k = 0; k < p->after_n; k++) {
    const struct conf_pipeline **found =
        bsearch(p->after[k].name, m->by_name, m->conf->pipelines_n, sizeof *m->by_name, by_key);
    if (found) {
      size_t up = (size_t)(*found - m->conf->pipelines);
      m->upstream[i][m->nodes[i].upstream_n++] = up;
      m->nodes[up].downstream_n++;
      continue;
    }
    if (!is_unread(m->conf, p->after[k].name)) /* else its own mistake is told */
      complain_unknown(m, &p->after[k]);
    rc = -1;
  }
  m->nodes[i].upstream = m->upstream[i];
  m->waiting[i] = m->nodes[i].upstream_n;
  return rc;
}

static void find_downstreams(struct making *m) {
  size_t n = m->conf->pipelines_n;
  size_t **lists = arena_alloc(m->arena, (n + 1) * sizeof *lists);
  for (size_t i = 0; i < n; i++) {
    m->nodes[i].downstream = lists[i] = arena_alloc(m->arena, (m->nodes[i].downstream_n + 1) * sizeof *lists[i]);
    m->nodes[i].downstream_n = 0;
  }
  for (size_t i = 0; i < n; i++)
    for (size_t k = 0; k < m->nodes[i].upstream_n; k++) {
      size_t up = m->upstream[i][k];
      lists[up][m->nodes[up].downstream_n++] = i;
    }
}

static void put_in_order(struct making *m) {
  for (size_t i = 0; i < m->conf->pipelines_n; i++)
    if (m->waiting[i] == 0)
      m->order[m->order_n++] = i;
  for (size_t at = 0; at < m->order_n; at++) {
    const struct graph_node *node = &m->nodes[m->order[at]];
    for (size_t k = 0; k < node->downstream_n; k++)
      if (--m->waiting[node->downstream[k]] == 0)
        m->order[m->order_n++] = node->downstream[k];
  }
}

/* An upstream of i that is not in order either. */
static size_t one_waiting(const struct making *m, size_t i) {
  size_t k = 0;
  while (m->waiting[m->upstream[i][k]] == 0)
    k++;
  return m->upstream[i][k];
}

/* The circle that `in` is part of, told from its first name on. */
static void complain_circle(struct making *m, size_t in) {
  const struct conf_pipeline *list = m->conf->pipelines;
  size_t first = in;
  for (size_t i = one_waiting(m, in); i != in; i = one_waiting(m, i))
    first = strcmp(list[i].name, list[first].name) < 0 ? i : first;
  const char *way = list[first].name, *origin = list[first].file;
  size_t i = first, next = one_waiting(m, first);
  for (size_t k = 0; k < list[first].after_n; k++)
    if (strcmp(list[first].after[k].name, list[next].name) == 0)
      origin = list[first].after[k].origin;
  do {
    i = one_waiting(m, i);
    way = arena_printf(m->arena, "%s after %s", way, list[i].name);
  } while (i != first);
  diags_add(m->d, DIAG_ERROR, origin, "pipelines wait for each other in a circle: %s; take one of these out of 'after'", way);
}

static void find_circles(struct making *m) {
  size_t n = m->conf->pipelines_n, *seen = arena_alloc(m->arena, (n + 1) * sizeof *seen);
  for (size_t from = 0; from < n; from++) {
    size_t i = from;
    while (m->waiting[i] && !seen[i]) {
      seen[i] = from + 1;
      i = one_waiting(m, i);
    }
    if (m->waiting[i] && seen[i] == from + 1)
      complain_circle(m, i);
  }
}

int graph_make(const struct conf *c, struct arena *a, struct diags *d, const struct graph **ret) {
  size_t n = c->pipelines_n;
  struct making m = {.conf = c, .arena = a, .d = d};
  int rc = 0;
  sort_names(&m);
  m.nodes = arena_alloc(a, (n + 1) * sizeof *m.nodes);
  m.upstream = arena_alloc(a, (n + 1) * sizeof *m.upstream);
  m.waiting = arena_alloc(a, (n + 1) * sizeof *m.waiting);
  m.order = arena_alloc(a, (n + 1) * sizeof *m.order);
  for (size_t i = 0; i < n; i++)
    if (find_upstreams(&m, i) < 0)
      rc = -1;
  find_downstreams(&m);
  put_in_order(&m);
  if (m.order_n < n) {
    find_circles(&m);
    rc = -1;
  }
  if (rc < 0)
    return -1;
  struct graph *g = arena_alloc(a, sizeof *g);
  *g = (struct graph){.nodes = m.nodes, .order = m.order, .n = n};
  *ret = g;
  return 0;
}
