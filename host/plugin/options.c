/* Settings against option tables.  One table of types says how each is written and what more is done with it; defaults go the same
 * way as what the user wrote. */
#include "plugin/options.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "conf/source.h"
#include "conf/value.h"

struct binding {
  const char *connector; /* for messages */
  struct arena *arena;
  struct secrets *secrets;
  struct diags *d;
  bool connection; /* only what says how to reach the system */
};

static int take_enum(struct binding *b, const struct etl_option *o, const struct conf_node *n, struct etl_value *v);
static int take_path(struct binding *b, const struct etl_option *o, const struct conf_node *n, struct etl_value *v);
static int take_url(struct binding *b, const struct etl_option *o, const struct conf_node *n, struct etl_value *v);
static int take_list(struct binding *b, const struct etl_option *o, const struct conf_node *n, struct etl_value *v);
static int take_map(struct binding *b, const struct etl_option *o, const struct conf_node *n, struct etl_value *v);
static int take_groups(struct binding *b, const struct etl_option *o, const struct conf_node *n, struct etl_value *v);

struct type {
  const char *name;
  enum conf_want want;
  /* What is done once the setting has the right form; NULL: nothing more. */
  int (*take)(struct binding *b, const struct etl_option *o, const struct conf_node *n, struct etl_value *v);
};
static const struct type types[] = {
    [ETL_T_STRING] = {"text", WANT_STRING, NULL},
    [ETL_T_INT] = {"integer", WANT_INT, NULL},
    [ETL_T_FLOAT] = {"number", WANT_FLOAT, NULL},
    [ETL_T_BOOL] = {"bool", WANT_BOOL, NULL},
    [ETL_T_DURATION] = {"duration", WANT_DURATION, NULL},
    [ETL_T_SIZE] = {"size", WANT_SIZE, NULL},
    [ETL_T_ENUM] = {"choice", WANT_STRING, take_enum},
    [ETL_T_PATH] = {"path", WANT_STRING, take_path},
    [ETL_T_URL] = {"url", WANT_STRING, take_url},
    [ETL_T_LIST] = {"list", WANT_LIST, take_list},
    [ETL_T_MAP] = {"map", WANT_MAP, take_map},
    [ETL_T_GROUPS] = {"groups", WANT_GROUPS, take_groups},
};
enum {
  TYPES = sizeof types / sizeof *types
};

const char *option_type_name(uint32_t type) { return type > 0 && type < TYPES ? types[type].name : NULL; }

uint32_t option_type_from_name(const char *name) {
  for (uint32_t i = 1; i < TYPES; i++)
    if (strcmp(types[i].name, name) == 0)
      return i;
  return 0;
}

const char *option_print(uint32_t type, int64_t v, struct arena *a) {
  return value_print(type > 0 && type < TYPES ? types[type].want : WANT_INT, v, a);
}

static int take_enum(struct binding *b, const struct etl_option *o, const struct conf_node *n, struct etl_value *v) {
  char all[512] = "";
  size_t at = 0;
  for (int64_t i = 0; o->choices[i]; i++) {
    if (strcmp(o->choices[i], n->text) == 0) {
      v->i = i;
      return 0;
    }
    int len = snprintf(all + at, sizeof all - at, "%s%s", at ? ", " : "", o->choices[i]);
    at = at + (size_t)len < sizeof all ? at + (size_t)len : sizeof all - 1;
  }
  const char *near = diag_nearest(n->text, o->choices);
  if (near)
    diags_add(b->d, DIAG_ERROR, n->origin, "'%s' cannot be \"%.100s\"; did you mean \"%s\"? There are: %s", o->name, n->text, near,
              all);
  else
    diags_add(b->d, DIAG_ERROR, n->origin, "'%s' cannot be \"%.100s\"; there are: %s", o->name, n->text, all);
  return -1;
}

static int take_path(struct binding *b, const struct etl_option *o, const struct conf_node *n, struct etl_value *v) {
  if (!*n->text) {
    diags_add(b->d, DIAG_ERROR, n->origin, "'%s' is an empty path; name a file, or leave the option out", o->name);
    return -1;
  }
  v->str = n->base_dir ? text_join(b->arena, n->base_dir, n->text) : arena_strdup(b->arena, n->text);
  return 0;
}

static int take_url(struct binding *b, const struct etl_option *o, const struct conf_node *n, struct etl_value *v) {
  (void)v;
  const char *colon = strstr(n->text, "://");
  size_t scheme = strspn(n->text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+.-");
  if (colon && scheme > 0 && n->text + scheme == colon)
    return 0;
  diags_add(b->d, DIAG_ERROR, n->origin, "'%s' wants a URL, which begins with a scheme; write for instance: %s", o->name,
            o->example ? o->example : "https://host/path");
  return -1;
}

static struct etl_bytes text_bytes(struct binding *b, const char *text) {
  return (struct etl_bytes){arena_strdup(b->arena, text), strlen(text)};
}

static int take_list(struct binding *b, const struct etl_option *o, const struct conf_node *n, struct etl_value *v) {
  (void)o;
  size_t count = n->kind == CONF_STRING ? 1 : n->kids_n;
  struct etl_bytes *list = arena_alloc(b->arena, count * sizeof *list);
  for (size_t i = 0; i < count; i++)
    list[i] = text_bytes(b, n->kind == CONF_STRING ? n->text : n->kids[i]->text);
  v->list = list;
  v->list_n = count;
  return 0;
}

static int take_map(struct binding *b, const struct etl_option *o, const struct conf_node *n, struct etl_value *v) {
  (void)o;
  struct etl_bytes *list = arena_alloc(b->arena, 2 * n->kids_n * sizeof *list);
  for (size_t i = 0; i < n->kids_n; i++) {
    list[2 * i] = text_bytes(b, n->kids[i]->name);
    list[2 * i + 1] = text_bytes(b, n->kids[i]->text);
  }
  v->list = list;
  v->list_n = 2 * n->kids_n;
  return 0;
}

static int bind_table(struct binding *b, const struct etl_option *const *options, const struct conf_node *group, const char *origin,
                      struct bound_options *ret);

static int take_groups(struct binding *b, const struct etl_option *o, const struct conf_node *n, struct etl_value *v) {
  const struct etl_group **groups = arena_alloc(b->arena, (n->kids_n + 1) * sizeof *groups);
  bool connection = b->connection;
  int rc = 0;
  b->connection = false; /* the members of such a group are all needed */
  for (size_t i = 0; i < n->kids_n; i++) {
    struct bound_options bound = {0};
    if (bind_table(b, o->members, n->kids[i], n->kids[i]->origin, &bound) < 0)
      rc = -1;
    struct etl_group *g = arena_alloc(b->arena, sizeof *g);
    *g = (struct etl_group){.struct_size = sizeof *g, .origin = n->kids[i]->origin, .values = bound.values, .values_n = bound.n};
    groups[i] = g;
  }
  b->connection = connection;
  v->groups = groups;
  v->groups_n = n->kids_n;
  return rc;
}

static int check_limits(struct binding *b, const struct etl_option *o, const struct conf_node *n, const struct etl_value *v) {
  enum conf_want want = types[o->type].want;
  if (o->min >= o->max)
    return 0;
  if (want == WANT_FLOAT && (v->f < (double)o->min || v->f > (double)o->max)) {
    diags_add(b->d, DIAG_ERROR, n->origin, "'%s' must be %lld to %lld, and %g is not", o->name, (long long)o->min,
              (long long)o->max, v->f);
    return -1;
  }
  return want == WANT_INT || want == WANT_DURATION || want == WANT_SIZE ? value_in_range(n, want, v->i, o->min, o->max, b->d) : 0;
}

/* One setting, as written or a default, into *v. */
static int convert(struct binding *b, const struct etl_option *o, const struct conf_node *n, struct etl_value *v) {
  const struct type *t = &types[o->type];
  struct conf_value c;
  if (value_take(n, t->want, o->flags & ETL_OPT_SECRET, b->d, &c) < 0)
    return -1;
  v->i = c.i;
  v->f = c.f;
  v->str = arena_strdup(b->arena, c.str);
  if (check_limits(b, o, n, v) < 0 || (t->take && t->take(b, o, n, v) < 0))
    return -1;
  if (v->str && (o->flags & ETL_OPT_SECRET || n->secret)) {
    const char *ref = secrets_add(b->secrets, v->str, b->arena);
    if (o->flags & ETL_OPT_SECRET)
      v->str = ref;
  }
  return 0;
}

/* A default's text: lists and groups in libconfig's language, all else as it stands. */
static int default_node(const struct etl_option *o, struct arena *a, struct conf_node **ret) {
  bool compound = types[o->type].want >= WANT_LIST;
  if (compound && *o->dflt && strchr("[({", *o->dflt)) {
    if (source_read_value(o->dflt, a, ret) < 0)
      return -1;
  } else {
    *ret = arena_alloc(a, sizeof **ret);
    **ret = (struct conf_node){.kind = CONF_STRING, .text = o->dflt, .origin = "default"};
  }
  (*ret)->name = o->name;
  return 0;
}

static void complain_missing(struct binding *b, const struct etl_option *o, const char *origin) {
  const char *example = o->example ? o->example : "...";
  bool quote = types[o->type].want == WANT_STRING && *example != '"';
  diags_add(b->d, DIAG_ERROR, origin, "option '%s' of connector '%s' is missing%s%s%s for instance: %s = %s%s%s;", o->name,
            b->connector, o->doc ? ": " : "", o->doc ? o->doc : "", o->doc ? " Write" : "; write", o->name, quote ? "\"" : "",
            example, quote ? "\"" : "");
}

static int bind_one(struct binding *b, const struct etl_option *o, const struct conf_node *group, const char *origin,
                    struct etl_value *v) {
  bool wanted = !b->connection || o->flags & ETL_OPT_CONNECTION;
  const struct conf_node *n = wanted ? conf_node_find(group, o->name) : NULL;
  struct conf_node *dflt;
  *v = (struct etl_value){.struct_size = sizeof *v};
  if (n) {
    v->is_set = 1;
    v->origin = arena_strdup(b->arena, n->origin);
    if (o->flags & ETL_OPT_DEPRECATED)
      diags_add(b->d, DIAG_WARNING, n->origin, "option '%s' of connector '%s' is deprecated%s%s%s", o->name, b->connector,
                o->replaced_by ? "; use '" : " and will go away", o->replaced_by ? o->replaced_by : "",
                o->replaced_by ? "' instead" : "");
    return convert(b, o, n, v);
  }
  if (o->flags & ETL_OPT_REQUIRED && wanted) {
    complain_missing(b, o, origin);
    return -1;
  }
  if (!o->dflt)
    return 0;
  if (default_node(o, b->arena, &dflt) < 0) {
    diags_add(b->d, DIAG_ERROR, origin,
              "the default of option '%s' of connector '%s' is not understood; that is a mistake in the connector", o->name,
              b->connector);
    return -1;
  }
  return convert(b, o, dflt, v);
}

static void complain_unknown(struct binding *b, const struct etl_option *const *options, const struct conf_node *n) {
  size_t count = 0, used = 0;
  while (options[count])
    count++;
  const char **names = xcalloc(count + 1, sizeof *names);
  for (size_t i = 0; i < count; i++)
    if (!(options[i]->flags & ETL_OPT_DEPRECATED))
      names[used++] = options[i]->name;
  const char *near = diag_nearest(n->name, names);
  if (near)
    diags_add(b->d, DIAG_ERROR, n->origin, "connector '%s' has no option '%s' here; did you mean '%s'?", b->connector, n->name,
              near);
  else
    diags_add(b->d, DIAG_ERROR, n->origin, "connector '%s' has no option '%s' here; `etl plugin info %s` lists them", b->connector,
              n->name, b->connector);
  free(names);
}

static const struct etl_option *find_option(const struct etl_option *const *options, const char *name) {
  for (; *options; options++)
    if (strcmp((*options)->name, name) == 0)
      return *options;
  return NULL;
}

static int bind_table(struct binding *b, const struct etl_option *const *options, const struct conf_node *group, const char *origin,
                      struct bound_options *ret) {
  int rc = 0;
  uint64_t n = 0;
  while (options[n])
    n++;
  for (size_t i = 0; group && i < group->kids_n; i++)
    if (!find_option(options, group->kids[i]->name)) {
      complain_unknown(b, options, group->kids[i]);
      rc = -1;
    }
  const struct etl_value **values = arena_alloc(b->arena, (n + 1) * sizeof *values);
  for (uint64_t i = 0; i < n; i++) {
    struct etl_value *v = arena_alloc(b->arena, sizeof *v);
    if (bind_one(b, options[i], group, origin, v) < 0)
      rc = -1;
    values[i] = v;
  }
  *ret = (struct bound_options){values, n};
  return rc;
}

static int bind(struct binding b, const struct etl_option *const *options, const struct conf_stage *stage, struct bound_options *ret_bound) {
  static const struct etl_option *const none[] = {NULL};
  struct bound_options bound;
  if (bind_table(&b, options ? options : none, stage->options, stage->origin, &bound) < 0)
    return -1;
  *ret_bound = bound;
  return 0;
}

int options_bind(const struct etl_option *const *options, const struct conf_stage *stage, struct arena *arena,
                 struct secrets *secrets, struct diags *d, struct bound_options *ret_bound) {
  return bind((struct binding){stage->plugin, arena, secrets, d, false}, options, stage, ret_bound);
}

int options_bind_connection(const struct etl_option *const *options, const struct conf_stage *stage, struct arena *arena,
                            struct secrets *secrets, struct diags *d, struct bound_options *ret_bound) {
  return bind((struct binding){stage->plugin, arena, secrets, d, true}, options, stage, ret_bound);
}

/* ---- is a table of options sound? ---- */

static bool valid_name(const char *s) {
  if (!s || !islower((unsigned char)*s))
    return false;
  for (; *s; s++)
    if (!islower((unsigned char)*s) && !isdigit((unsigned char)*s) && *s != '_')
      return false;
  return strcmp(s, "plugin") != 0 && strcmp(s, "connection") != 0;
}

enum {
  DEPTH_LIMIT = 8
};
static int check_table(const struct etl_option *const *options, int depth, struct err *e);

static int check_default(const struct etl_option *o, struct err *e) {
  struct arena *a = arena_new();
  struct secrets secrets = {0};
  struct diags d = {0};
  struct binding b = {"", a, &secrets, &d};
  struct conf_node *n;
  struct etl_value v = {0};
  int rc = 0;
  if (default_node(o, a, &n) < 0)
    rc = err_set(e, ETL_E_INTERNAL, "the default of its option '%s' is not understood: %.100s", o->name, o->dflt);
  else if (convert(&b, o, n, &v) < 0)
    rc = err_set(e, ETL_E_INTERNAL, "the default of its option '%s' is wrong: %s", o->name, d.n ? d.list[0].text : o->dflt);
  diags_fini(&d);
  secrets_fini(&secrets);
  arena_free(a);
  return rc;
}

static int check_option(const struct etl_option *o, int depth, struct err *e) {
  if (!ETL_HAS(o, etl_option, members))
    return err_set(e, ETL_E_INTERNAL, "one of its options is shorter than ABI 1.0 has it (struct_size %u)", o->struct_size);
  if (!valid_name(o->name))
    return err_set(e, ETL_E_INTERNAL,
                   "it has an option with the name '%.64s', which is none: [a-z][a-z0-9_]*, not 'plugin' or 'connection'",
                   o->name ? o->name : "");
  if (!option_type_name(o->type))
    return err_set(e, ETL_E_INTERNAL, "its option '%s' is of type %u, which this host does not know", o->name, o->type);
  if (o->type == ETL_T_ENUM && (!o->choices || !o->choices[0]))
    return err_set(e, ETL_E_INTERNAL, "its option '%s' is a choice without choices", o->name);
  if (o->flags & ETL_OPT_SECRET && o->type != ETL_T_STRING && o->type != ETL_T_URL)
    return err_set(e, ETL_E_INTERNAL, "its option '%s' is secret, and of type %s: only a text or a url can be", o->name,
                   option_type_name(o->type));
  if (o->type == ETL_T_GROUPS && !o->members)
    return err_set(e, ETL_E_INTERNAL, "its option '%s' takes groups, but does not say of what", o->name);
  if (o->type == ETL_T_GROUPS && check_table(o->members, depth + 1, e) < 0)
    return -1;
  return o->dflt ? check_default(o, e) : 0;
}

static int check_table(const struct etl_option *const *options, int depth, struct err *e) {
  if (depth > DEPTH_LIMIT)
    return err_set(e, ETL_E_INTERNAL, "its groups of options lie more than %d deep", DEPTH_LIMIT);
  for (size_t i = 0; options && options[i]; i++) {
    if (check_option(options[i], depth, e) < 0)
      return -1;
    for (size_t k = 0; k < i; k++)
      if (strcmp(options[k]->name, options[i]->name) == 0)
        return err_set(e, ETL_E_INTERNAL, "it has two options of the name '%s'", options[i]->name);
  }
  return 0;
}

int options_check(const struct etl_option *const *options, struct err *e) {
  if (check_table(options, 0, e) == 0)
    return 0;
  return err_remedy(e, "this is a mistake in the connector: tell its author, or use another release of it");
}
