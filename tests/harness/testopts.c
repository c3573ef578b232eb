/* Option values from text, and loading a connector.  A mistake of the test ends the program with its name. */
#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "testhost.h"

enum {
  LIST_MAX = 256,
  GROUPS_MAX = 256
};

struct testopts {
  struct testhost *host;
  const struct etl_option *const *options;
  size_t n;
  struct etl_value *values;
  const struct etl_value **pointers;
  struct etl_group group; /* when it is one */
  struct testopts *groups[GROUPS_MAX];
  const struct etl_group *group_pointers[GROUPS_MAX];
  size_t groups_n;
};

__attribute__((noreturn, format(printf, 1, 2))) static void wrong(const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  fputs("wrong test: ", stderr);
  vfprintf(stderr, fmt, ap);
  fputc('\n', stderr);
  va_end(ap);
  exit(99);
}

static void *need(void *p) {
  if (!p)
    wrong("no memory");
  return p;
}

const struct etl_connector *testhost_connector(const char *name, enum etl_kind kind) {
  char path[4096];
  const char *dir = getenv("ETL_TEST_PLUGINS");
  snprintf(path, sizeof path, "%s/%s.so", dir ? dir : ".", name);
  void *so = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!so)
    wrong("%s", dlerror());
  etl_plugin_fn entry;
  *(void **)&entry = dlsym(so, ETL_ENTRY_NAME);
  const struct etl_plugin *plugin = entry ? entry(ETL_ABI_MAJOR, ETL_ABI_MINOR) : NULL;
  for (size_t i = 0; plugin && plugin->connectors[i]; i++)
    if (plugin->connectors[i]->kind == (uint32_t)kind)
      return plugin->connectors[i];
  wrong("%s has no connector of that kind", path);
}

/* A number with a unit, in the unit of the value. */
static int64_t with_unit(const struct etl_option *o, const char *text) {
  static const struct {
    uint32_t type;
    const char *unit;
    int64_t factor;
  } units[] = {{ETL_T_DURATION, "ns", 1},
               {ETL_T_DURATION, "us", 1000},
               {ETL_T_DURATION, "ms", 1000000},
               {ETL_T_DURATION, "s", 1000000000},
               {ETL_T_DURATION, "m", INT64_C(60000000000)},
               {ETL_T_DURATION, "h", INT64_C(3600000000000)},
               {ETL_T_DURATION, "d", INT64_C(86400000000000)},
               {ETL_T_SIZE, "", 1},
               {ETL_T_SIZE, "KiB", 1024},
               {ETL_T_SIZE, "MiB", 1024 * 1024},
               {ETL_T_SIZE, "GiB", 1024 * 1024 * 1024},
               {ETL_T_INT, "", 1}};
  char *end;
  int64_t v = strtoll(text, &end, 10);
  for (size_t i = 0; i < sizeof units / sizeof *units; i++)
    if (end != text && units[i].type == o->type && strcmp(units[i].unit, end) == 0)
      return v * units[i].factor;
  if (end != text && o->type == ETL_T_DURATION && v == 0)
    return 0;
  wrong("option %s: \"%s\" is not a value", o->name, text);
}

static int64_t choice(const struct etl_option *o, const char *text) {
  for (int64_t i = 0; o->choices[i]; i++)
    if (strcmp(o->choices[i], text) == 0)
      return i;
  wrong("option %s has no choice \"%s\"", o->name, text);
}

static void free_value(struct etl_value *v) {
  free((void *)v->str);
  for (uint64_t i = 0; i < v->list_n; i++)
    free((void *)v->list[i].p);
  free((void *)v->list);
  v->str = NULL;
  v->list = NULL;
  v->list_n = 0;
}

static void set_list(struct etl_value *v, const char *text) {
  struct etl_bytes *list = need(calloc(LIST_MAX, sizeof *list));
  v->list = list;
  while (*text && v->list_n < LIST_MAX) {
    size_t n = strcspn(text, "|");
    list[v->list_n++] = (struct etl_bytes){need(strndup(text, n)), n};
    text += n + (text[n] == '|');
  }
}

/* A default may be written as in a file: [ "a", "b" ]. */
static void set_list_default(struct etl_value *v, const char *text) {
  char plain[1024];
  size_t n = 0;
  for (; *text && n + 1 < sizeof plain; text++)
    if (*text == ',')
      plain[n++] = '|';
    else if (!strchr("[]\" ", *text))
      plain[n++] = *text;
  plain[n] = '\0';
  set_list(v, plain);
}

static void set_secret(struct testopts *t, struct etl_value *v, const char *text) {
  struct testhost *h = t->host;
  char ref[64];
  if (h->secrets_n == sizeof h->secrets / sizeof *h->secrets)
    wrong("too many secrets");
  snprintf(ref, sizeof ref, "secret %zu", h->secrets_n);
  snprintf(h->secrets[h->secrets_n].ref, sizeof h->secrets[0].ref, "%s", ref);
  snprintf(h->secrets[h->secrets_n].text, sizeof h->secrets[0].text, "%s", text);
  h->secrets_n++;
  v->str = need(strdup(ref));
}

static void set_value(struct testopts *t, size_t i, const char *text, bool is_default) {
  const struct etl_option *o = t->options[i];
  struct etl_value *v = &t->values[i];
  free_value(v);
  v->is_set = !is_default;
  v->origin = is_default ? NULL : "test.conf:1";
  if (o->flags & ETL_OPT_SECRET) {
    set_secret(t, v, text);
    return;
  }
  switch (o->type) {
  case ETL_T_INT:
  case ETL_T_DURATION:
  case ETL_T_SIZE: v->i = with_unit(o, text); break;
  case ETL_T_BOOL: v->i = strcmp(text, "true") == 0; break;
  case ETL_T_ENUM: v->i = choice(o, text); break;
  case ETL_T_FLOAT: v->f = strtod(text, NULL); break;
  case ETL_T_LIST:
  case ETL_T_MAP:
    if (is_default)
      set_list_default(v, text);
    else
      set_list(v, text);
    return;
  case ETL_T_GROUPS: wrong("option %s takes groups", o->name);
  default: break;
  }
  v->str = need(strdup(text));
}

struct testopts *testopts_new(struct testhost *h, const struct etl_option *const *options) {
  struct testopts *t = need(calloc(1, sizeof *t));
  t->host = h;
  t->options = options;
  while (options[t->n])
    t->n++;
  t->values = need(calloc(t->n + 1, sizeof *t->values));
  t->pointers = need(calloc(t->n + 1, sizeof *t->pointers));
  for (size_t i = 0; i < t->n; i++) {
    t->values[i].struct_size = sizeof(struct etl_value);
    t->pointers[i] = &t->values[i];
    if (options[i]->dflt)
      set_value(t, i, options[i]->dflt, true);
  }
  t->group = (struct etl_group){.struct_size = sizeof t->group, .origin = "test.conf:1", .values = t->pointers, .values_n = t->n};
  return t;
}

void testopts_free(struct testopts *t) {
  if (!t)
    return;
  for (size_t i = 0; i < t->n; i++)
    free_value(&t->values[i]);
  for (size_t i = 0; i < t->groups_n; i++)
    testopts_free(t->groups[i]);
  free(t->values);
  free(t->pointers);
  free(t);
}

static size_t option_index(const struct testopts *t, const char *name) {
  for (size_t i = 0; i < t->n; i++)
    if (strcmp(t->options[i]->name, name) == 0)
      return i;
  wrong("there is no option %s", name);
}

void testopts_set(struct testopts *t, const char *name, const char *text) { set_value(t, option_index(t, name), text, false); }

struct testopts *testopts_group(struct testopts *t, const char *name) {
  size_t i = option_index(t, name);
  if (!t->options[i]->members || t->groups_n == GROUPS_MAX)
    wrong("option %s takes no groups, or no more of them", name);
  struct testopts *g = testopts_new(t->host, t->options[i]->members);
  t->groups[t->groups_n] = g;
  t->group_pointers[t->groups_n++] = &g->group;
  t->values[i].is_set = 1;
  t->values[i].groups = t->group_pointers;
  t->values[i].groups_n = t->groups_n;
  return g;
}

int32_t testopts_open(struct testopts *t, const struct etl_connector *c, const char *pipeline, const char *run, const char *lane,
                      uint32_t flags, void **self) {
  struct etl_open o = {.struct_size = sizeof o,
                       .flags = flags,
                       .host = &t->host->host,
                       .values = t->pointers,
                       .values_n = t->n,
                       .pipeline = pipeline,
                       .run = run,
                       .lane = lane};
  *self = NULL;
  int32_t rc = c->common->open(&o, self);
  testhost_call_done(t->host);
  return rc;
}
