/* From etl.conf to struct conf, and what can be asked of it.  Goes on after every mistake, so that all are shown at once; whether there was one is
 * asked at the end. */
#include "conf/load.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "base/trust.h"
#include "conf/expand.h"
#include "conf/locate.h"
#include "conf/notify.h"
#include "conf/source.h"
#include "conf/tables.h"

static void name_connections(struct load *l) {
  const struct conf_node *g = l->connections.group;
  const char **names = arena_alloc(l->arena, ((g ? g->kids_n : 0) + 1) * sizeof *names);
  for (size_t i = 0; g && i < g->kids_n; i++)
    names[i] = g->kids[i]->name;
  l->conf->connection_names = names;
  l->conf->connections = arena_memdup(l->arena, &l->connections, sizeof l->connections);
}

static void take_main(struct load *l, const struct conf_node *root) {
  struct main_settings s = {0};
  struct arena *a = l->arena;
  keys_read(main_keys, root, "etl.conf", KEYS_CLOSED, &s, a, l->d);
  l->conf->plugin_dirs = locate_plugin_dirs(s.plugin_dirs, l->base_dir, a);
  l->pipeline_dir_given = conf_node_find(root, "pipeline_dir") != NULL;
  const char *dir = s.pipeline_dir ? s.pipeline_dir : "pipelines.d";
  l->shown_pipeline_dir = text_join(a, l->shown_dir, dir);
  l->conf->pipeline_dir = text_join(a, l->base_dir, dir);
  l->conf->cache_dir = s.cache_dir ? text_join(a, l->base_dir, s.cache_dir) : locate_cache_dir(a);
  l->conf->quarantine_dir = text_join(a, l->base_dir, s.quarantine_dir ? s.quarantine_dir : "quarantine");
  l->conf->state = s.state;
  l->conf->serve = s.serve;
  if (s.serve.log_file)
    l->conf->serve.log_file = text_join(a, l->base_dir, s.serve.log_file);
  if (s.serve.control_socket)
    l->conf->serve.control_socket = text_join(a, l->base_dir, s.serve.control_socket);
  l->conf->notify_list = s.notify;
  l->connections.group = s.connections;
  l->connections.expanded = arena_alloc(a, s.connections ? s.connections->kids_n + 1 : 1);
  name_connections(l);
}

static void check_connections(struct load *l, bool all) {
  const struct conf_node *g = l->connections.group;
  int64_t *max = arena_alloc(l->arena, ((g ? g->kids_n : 0) + 1) * sizeof *max);
  l->conf->connection_max = max;
  for (size_t i = 0; g && i < g->kids_n; i++) {
    struct conf_value v;
    struct stage_settings s = {0};
    if (value_take(g->kids[i], WANT_GROUP, false, l->d, &v) < 0 || !all)
      continue;
    connection_expand(&l->connections, i, l->arena, l->d);
    keys_read(connection_keys, g->kids[i], "a connection", KEYS_OPEN, &s, l->arena, l->d);
    max[i] = s.max_running;
  }
}

/* Variables of etl.conf, but for those of connections and of notify, which are looked up when they are needed. */
static void expand_main(struct load *l, struct conf_node *root) {
  for (size_t i = 0; i < root->kids_n; i++)
    if (strcmp(root->kids[i]->name, "connections") != 0 && strcmp(root->kids[i]->name, "notify") != 0)
      expand_node(root->kids[i], l->arena, l->d);
}

int load_check_dir(struct load *l, const char *shown, const struct stat *st) {
  struct err e;
  int rc = trust_check(shown, st, TRUST_TEXT, &e);
  if (rc < 0)
    diags_add(l->d, DIAG_ERROR, shown, "%s; %s", e.message, e.remedy);
  return rc;
}

/* Reads etl.conf into *l.  -1: nothing is known of it, not even where its pipelines are. */
static int load_main(struct load *l) {
  struct arena *a = l->arena;
  struct conf_node *root = NULL;
  struct stat st;
  l->shown_dir = text_dirname(a, l->conf->file);
  l->base_dir = text_absolute(a, l->shown_dir);
  if (!l->base_dir) {
    diags_add(l->d, DIAG_ERROR, l->conf->file, "the present directory cannot be told: %s; change to one that exists",
              strerror(errno));
    return -1;
  }
  if (stat(l->base_dir, &st) == 0 && !(st.st_mode & S_ISVTX)) /* else nobody can put another file in the place of this one */
    load_check_dir(l, l->shown_dir, &st);
  source_read(l->conf->file, l->base_dir, a, l->d, &root);
  if (!root) { /* still look at the pipelines: a syntax error here must not hide theirs */
    if (access(l->conf->file, R_OK) < 0)
      return -1;
    l->connections.unknown = true;
    root = arena_alloc(a, sizeof *root);
    *root = (struct conf_node){.kind = CONF_GROUP, .origin = l->conf->file, .base_dir = l->base_dir};
  }
  expand_main(l, root);
  take_main(l, root);
  return 0;
}

static void load_init(struct load *l, struct diags *d) {
  struct arena *a = arena_new();
  *l = (struct load){.arena = a, .d = d, .conf = arena_alloc(a, sizeof *l->conf)};
  l->conf->arena = a;
}

static void name_pipelines(struct conf *c) {
  const char **names = arena_alloc(c->arena, (c->pipelines_n + 1) * sizeof *names);
  for (size_t i = 0; i < c->pipelines_n; i++)
    names[i] = c->pipelines[i].name;
  c->pipeline_names = names;
}

int conf_load_for_check(const char *path, const char *only, struct diags *d, struct conf **ret_conf) {
  struct load l;
  load_init(&l, d);
  l.conf->file = path ? arena_strdup(l.arena, path) : locate_conf(l.arena);
  if (!l.conf->file)
    locate_complain(d);
  if (!l.conf->file || load_main(&l) < 0) {
    conf_free(l.conf);
    return -1;
  }
  check_connections(&l, only == NULL);
  if (!only)
    notify_read(l.conf->notify_list, l.arena, d, &l.conf->notify, &l.conf->notify_n);
  pipelines_read(&l, only);
  name_pipelines(l.conf);
  *ret_conf = l.conf;
  return 0;
}

/* etl.conf, or defaults when there is none. */
static int load_main_if_there(struct load *l, const char *path) {
  const struct conf_node empty = {.kind = CONF_GROUP};
  size_t errors = l->d->errors;
  l->conf->file = path ? arena_strdup(l->arena, path) : locate_conf(l->arena);
  if (l->conf->file)
    return load_main(l) < 0 || l->d->errors > errors ? -1 : 0;
  l->shown_dir = l->base_dir = "/";
  take_main(l, &empty);
  return 0;
}

int conf_load_main(const char *path, struct diags *d, struct conf **ret_conf) {
  struct load l;
  load_init(&l, d);
  if (load_main_if_there(&l, path) < 0) {
    conf_free(l.conf);
    return -1;
  }
  name_pipelines(l.conf);
  *ret_conf = l.conf;
  return 0;
}

int conf_load_main_for_check(const char *path, struct diags *d, struct conf **ret_conf) {
  struct load l;
  load_init(&l, d);
  if (load_main_if_there(&l, path) < 0 && (!l.base_dir || l.connections.unknown || access(l.conf->file, R_OK) < 0)) {
    conf_free(l.conf);
    return -1;
  }
  *ret_conf = l.conf;
  return 0;
}

int conf_load_notify(const char *path, struct diags *d, struct conf **ret_conf) {
  struct conf *c = NULL;
  size_t errors = d->errors;
  if (conf_load_main(path, d, &c) < 0)
    return -1;
  notify_read(c->notify_list, c->arena, d, &c->notify, &c->notify_n);
  if (d->errors > errors) {
    conf_free(c);
    return -1;
  }
  *ret_conf = c;
  return 0;
}

/* Nodes of a text that is no file. */
static void stamp(struct conf_node *n, const char *origin, const char *base_dir) {
  n->origin = origin;
  n->base_dir = base_dir;
  for (size_t i = 0; i < n->kids_n; i++)
    stamp(n->kids[i], origin, base_dir);
}

int conf_load_text(const char *path, const char *name, const char *text, const char *origin, struct diags *d, struct conf **ret_conf) {
  struct load l;
  struct conf_node *root = NULL;
  load_init(&l, d);
  int rc = load_main_if_there(&l, path);
  cleanup_free char *group = xasprintf("{ %s }", text);
  const char *here = text_absolute(l.arena, ".");
  if (rc == 0 && (!here || source_read_value(group, l.arena, &root) < 0)) {
    diags_add(d, DIAG_ERROR, origin,
              here ? "a value cannot be written into a configuration" : "the present directory cannot be told; change to one that exists");
    rc = -1;
  }
  if (rc < 0) {
    conf_free(l.conf);
    return -1;
  }
  stamp(root, arena_strdup(l.arena, origin), here);
  l.conf->pipelines = arena_alloc(l.arena, sizeof *l.conf->pipelines);
  pipelines_take(&l, arena_strdup(l.arena, name), arena_strdup(l.arena, origin), root);
  name_pipelines(l.conf);
  *ret_conf = l.conf;
  return 0;
}

int conf_load(const char *path, const char *only, struct diags *d, struct conf **ret_conf) {
  size_t errors = d->errors;
  struct conf *c = NULL;
  if (conf_load_for_check(path, only, d, &c) < 0)
    return -1;
  if (d->errors > errors) {
    conf_free(c);
    return -1;
  }
  *ret_conf = c;
  return 0;
}

void conf_free(struct conf *c) {
  if (c)
    arena_free(c->arena);
}

const struct conf_pipeline *conf_pipeline_find(const struct conf *c, const char *name) {
  for (size_t i = 0; i < c->pipelines_n; i++)
    if (strcmp(c->pipelines[i].name, name) == 0)
      return &c->pipelines[i];
  return NULL;
}

const char *const *conf_pipeline_names(const struct conf *c) { return c->pipeline_names; }
