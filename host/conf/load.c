/* From files to struct conf.  Goes on after every mistake, so that all are shown at once; whether there was one is asked at the
 * end. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "base/trust.h"
#include "conf/conf.h"
#include "conf/digest.h"
#include "conf/expand.h"
#include "conf/late.h"
#include "conf/locate.h"
#include "conf/notify.h"
#include "conf/source.h"
#include "conf/stage.h"
#include "conf/tables.h"
#include "conf/when.h"

struct load {
  struct arena *arena;
  struct diags *d;
  struct conf *conf;
  const char *shown_dir; /* folder of etl.conf as the user wrote it: for messages */
  const char *base_dir;  /* the same, absolute */
  const char *shown_pipeline_dir;
  bool pipeline_dir_given;
  struct connections connections;
  struct when_zones zones;
  const char **unread;
  size_t unread_n;
};

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

/* What no single setting can say: whether they go together. */
static void check_together(struct load *l, const struct conf_pipeline *p, const struct conf_node *root) {
  const struct conf_node *eh = conf_node_find(root, "error_handling");
  if (p->retry.retry_delay_ns > p->retry.max_retry_delay_ns && eh && eh->kind == CONF_GROUP)
    diags_add(l->d, DIAG_ERROR, eh->origin,
              "'retry_delay' is %s, longer than 'max_retry_delay' (%s); make the one shorter or the other longer",
              value_print(WANT_DURATION, p->retry.retry_delay_ns, l->arena),
              value_print(WANT_DURATION, p->retry.max_retry_delay_ns, l->arena));
  if (p->memory_bytes && p->batch_bytes > p->memory_bytes / 4)
    diags_add(l->d, DIAG_ERROR, p->file,
              "'memory' (%s) does not hold four batches of %s; raise 'memory' or lower 'bytes' of 'batch'",
              value_print(WANT_SIZE, p->memory_bytes, l->arena), value_print(WANT_SIZE, p->batch_bytes, l->arena));
}

static void take_stages(struct load *l, struct pipeline_settings *s) {
  struct conf_pipeline *p = &s->p;
  size_t n = s->transforms ? s->transforms->kids_n : 0;
  keys_read(extract_keys, s->extract, "extract", KEYS_OPEN, s, l->arena, l->d);
  if (s->extract)
    stage_read(s->extract, extract_keys, &l->connections, l->arena, l->d, &p->extract);
  p->transforms = arena_alloc(l->arena, (n + 1) * sizeof *p->transforms);
  for (size_t i = 0; i < n; i++)
    if (stage_read(s->transforms->kids[i], NULL, &l->connections, l->arena, l->d, &p->transforms[p->transforms_n]) == 0)
      p->transforms_n++;
  if (s->load)
    stage_read(s->load, NULL, &l->connections, l->arena, l->d, &p->load);
}

/* A pipeline with mistakes is kept as far as it could be read; conf_load() throws all away then.  There is room for it. */
static void take_pipeline(struct load *l, const char *name, const char *path, const struct conf_node *root) {
  struct arena *a = l->arena;
  struct pipeline_settings s = {.p.name = name, .p.file = path};
  keys_read(pipeline_keys, root, "a pipeline", KEYS_CLOSED, &s, a, l->d);
  when_read(&s, root, &l->zones, a, l->d);
  check_together(l, &s.p, root);
  take_stages(l, &s);
  late_check(&s.p, a, l->d);
  s.p.digest = conf_digest(&s.p, root);
  l->conf->pipelines[l->conf->pipelines_n++] = s.p;
}

static void load_pipeline(struct load *l, const char *file_name) {
  const char *path = text_join(l->arena, l->shown_pipeline_dir, file_name);
  struct conf_node *root = NULL;
  source_read(path, l->conf->pipeline_dir, l->arena, l->d, &root);
  const char *name = arena_memdup(l->arena, file_name, strlen(file_name) - strlen(".conf"));
  if (!root) {
    l->unread[l->unread_n++] = name;
    return;
  }
  expand_node(root, l->arena, l->d);
  take_pipeline(l, name, path, root);
}

static int is_conf(const struct dirent *e) {
  size_t n = strlen(e->d_name);
  return e->d_name[0] != '.' && n > 5 && strcmp(e->d_name + n - 5, ".conf") == 0;
}

static bool valid_name(const char *file_name) {
  for (; *file_name; file_name++)
    if (!isalnum((unsigned char)*file_name) && !strchr("_.-", *file_name))
      return false;
  return true;
}

static void complain_no_pipeline(struct load *l, const char *only, struct dirent **list, int n) {
  const char **names = arena_alloc(l->arena, ((size_t)n + 1) * sizeof *names);
  for (int i = 0; i < n; i++)
    names[i] = arena_memdup(l->arena, list[i]->d_name, strlen(list[i]->d_name) - strlen(".conf"));
  const char *near = diag_nearest(only, names);
  if (near)
    diags_add(l->d, DIAG_ERROR, NULL, "there is no pipeline '%s'; did you mean '%s'?", only, near);
  else
    diags_add(l->d, DIAG_ERROR, NULL, "there is no pipeline '%s': '%s' has no file %s.conf%s%s", only, l->shown_pipeline_dir, only,
              n ? "; one that exists is: " : "", n ? names[0] : "");
}

static int ignoring_case(const void *a, const void *b) {
  const struct dirent *const *x = a, *const *y = b;
  return strcasecmp((*x)->d_name, (*y)->d_name);
}

/* Sinks and state stores know a pipeline by its name, and not all of them tell upper case from lower case. */
static void check_twins(struct load *l, struct dirent **list, size_t n) {
  struct dirent **sorted = arena_alloc(l->arena, (n + 1) * sizeof(struct dirent *));
  memcpy(sorted, list, n * sizeof *sorted);
  qsort(sorted, n, sizeof *sorted, ignoring_case);
  for (size_t i = 1; i < n; i++)
    if (ignoring_case(&sorted[i - 1], &sorted[i]) == 0)
      diags_add(l->d, DIAG_ERROR, text_join(l->arena, l->shown_pipeline_dir, sorted[i]->d_name),
                "there is a pipeline of the same name but for upper and lower case: %s; rename one of both", sorted[i - 1]->d_name);
}

static void load_files(struct load *l, const char *only, struct dirent **list, int n) {
  bool found = false;
  l->conf->unread = l->unread = arena_alloc(l->arena, ((size_t)n + 1) * sizeof *l->unread);
  l->conf->pipelines = arena_alloc(l->arena, (only ? 1 : (size_t)n) * sizeof *l->conf->pipelines);
  if (!only && n)
    check_twins(l, list, (size_t)n);
  for (int i = 0; i < n; i++) {
    const char *name = list[i]->d_name;
    if (only && !(strncmp(name, only, strlen(only)) == 0 && strlen(name) == strlen(only) + strlen(".conf")))
      continue;
    found = true;
    if (valid_name(name))
      load_pipeline(l, name);
    else
      diags_add(l->d, DIAG_ERROR, text_join(l->arena, l->shown_pipeline_dir, name),
                "a pipeline's name may hold letters, digits, '_', '.' and '-' only; rename the file");
  }
  if (only && !found)
    complain_no_pipeline(l, only, list, n);
}

static int by_name(const struct dirent **a, const struct dirent **b) { return strcmp((*a)->d_name, (*b)->d_name); }

static int check_dir(struct load *l, const char *shown, const struct stat *st) {
  struct err e;
  int rc = trust_check(shown, st, TRUST_TEXT, &e);
  if (rc < 0)
    diags_add(l->d, DIAG_ERROR, shown, "%s; %s", e.message, e.remedy);
  return rc;
}

static void load_pipelines(struct load *l, const char *only) {
  struct dirent **list = NULL;
  struct stat st;
  int n = scandir(l->conf->pipeline_dir, &list, is_conf, by_name);
  if (n < 0) {
    bool harmless = errno == ENOENT && !only && !l->pipeline_dir_given;
    diags_add(l->d, harmless ? DIAG_WARNING : DIAG_ERROR, l->shown_pipeline_dir,
              "cannot read the folder of the pipelines: %s; create it, or name another as 'pipeline_dir' in '%s'", strerror(errno),
              l->conf->file);
    return;
  }
  if (stat(l->conf->pipeline_dir, &st) < 0 || check_dir(l, l->shown_pipeline_dir, &st) == 0)
    load_files(l, only, list, n);
  for (int i = 0; i < n; i++)
    free(list[i]);
  free(list);
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
    check_dir(l, l->shown_dir, &st);
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
  load_pipelines(&l, only);
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
  take_pipeline(&l, arena_strdup(l.arena, name), arena_strdup(l.arena, origin), root);
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
