/* Descriptions by file.  A checker looks at thousands of pipelines and a handful of files. */
#include "plugin/describes.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "conf/late.h"
#include "plugin/options.h"

enum { AT_ONCE = 4 /* files that are asked side by side */ };

struct described {
  char *path;
  struct plugin_mark mark;
  struct description *d; /* NULL: e says why */
  struct err e;
};
struct describes {
  pthread_mutex_t lock; /* of all below; nobody is asked under it */
  struct described *list;
  size_t n;
  int stop; /* can be read from describes_stop() on */
};

struct describes *describes_new(void) {
  struct describes *c = xcalloc(1, sizeof *c);
  c->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  pthread_mutex_init(&c->lock, NULL);
  return c;
}

void describes_free(struct describes *c) {
  if (!c)
    return;
  for (size_t i = 0; i < c->n; i++) {
    free(c->list[i].path);
    description_free(c->list[i].d);
  }
  free(c->list);
  pthread_mutex_destroy(&c->lock);
  if (c->stop >= 0)
    close(c->stop);
  free(c);
}

void describes_stop(struct describes *c) {
  if (c->stop >= 0)
    eventfd_write(c->stop, 1);
}

static struct described *entry_of(struct describes *c, const char *path) {
  for (size_t i = 0; i < c->n; i++)
    if (strcmp(c->list[i].path, path) == 0)
      return &c->list[i];
  c->list = xrealloc(c->list, (c->n + 1) * sizeof *c->list);
  c->list[c->n] = (struct described){.path = xstrdup(path)};
  return &c->list[c->n++];
}

/* A moment's want of processes is not the connector's fault: it is asked again. */
static bool known(const struct described *k) { return k->d || (k->e.error_class && k->e.error_class != ETL_E_RETRYABLE); }

static void drop(struct description *d) {
  if (d && d->users)
    d->dropped = true; /* the last one frees it */
  else
    description_free(d);
}

static const struct description *take(const struct described *k, struct err *e) {
  if (k->d)
    k->d->users++;
  else
    *e = k->e;
  return k->d;
}

/* NULL without an error: it was not asked yet. */
static const struct description *get_known(struct describes *c, const char *path, struct err *e) {
  struct plugin_mark mark;
  const struct description *d = NULL;
  *e = (struct err){0};
  pthread_mutex_lock(&c->lock);
  const struct described *k = entry_of(c, path);
  if (known(k) && plugin_mark(path, &mark) == 0 && plugin_mark_same(&mark, &k->mark))
    d = take(k, e);
  pthread_mutex_unlock(&c->lock);
  return d;
}

const struct description *describes_get(struct describes *c, const char *path, struct err *e) {
  struct described fresh = {0};
  if (plugin_mark(path, &fresh.mark) < 0) {
    err_set(e, ETL_E_CONFIG, "cannot read the connector %s: %s", path, strerror(errno));
    return NULL;
  }
  pthread_mutex_lock(&c->lock);
  struct described *k = entry_of(c, path);
  if (!known(k) || !plugin_mark_same(&fresh.mark, &k->mark)) {
    pthread_mutex_unlock(&c->lock);
    if (describe_unless(path, c->stop, &fresh.e, &fresh.d) < 0)
      fresh.d = NULL;
    pthread_mutex_lock(&c->lock);
    k = entry_of(c, path); /* the list may lie elsewhere now */
    drop(k->d);
    fresh.path = k->path;
    *k = fresh;
  }
  const struct description *d = take(k, e);
  pthread_mutex_unlock(&c->lock);
  return d;
}

void describes_put(struct describes *c, const struct description *d) {
  struct description *mine = (struct description *)(uintptr_t)d;
  if (!mine)
    return;
  pthread_mutex_lock(&c->lock);
  mine->users--;
  if (mine->dropped)
    drop(mine);
  pthread_mutex_unlock(&c->lock);
}

void describes_forget_failures(struct describes *c) {
  pthread_mutex_lock(&c->lock);
  for (size_t i = 0; i < c->n; i++)
    c->list[i].e.error_class = 0;
  pthread_mutex_unlock(&c->lock);
}

/* ---- several files ----------------------------------------------------------------------------------------------------------------------- */

struct round {
  struct describes *c;
  const char **paths;
  size_t n;
  _Atomic size_t next;
};

static void *ask_some(void *arg) {
  struct round *r = arg;
  struct err ignored; /* whoever wants the description is told again */
  for (size_t i; (i = atomic_fetch_add(&r->next, 1)) < r->n;)
    describes_put(r->c, describes_get(r->c, r->paths[i], &ignored));
  return NULL;
}

/* Files of the registry, NULL: all that are sound.  So that many connectors take the time of a few, and one that hangs does not keep the others waiting. */
static void ask_files(struct describes *c, const struct registry *files, const bool *wanted) {
  struct round r = {.c = c, .paths = xcalloc(files->files_n + 1, sizeof *r.paths)};
  for (size_t i = 0; i < files->files_n; i++)
    if (!files->files[i].bad && (!wanted || wanted[i]))
      r.paths[r.n++] = files->files[i].path;
  pthread_t threads[AT_ONCE - 1];
  size_t started = 0;
  while (started + 1 < r.n && started < AT_ONCE - 1 && pthread_create(&threads[started], NULL, ask_some, &r) == 0)
    started++;
  ask_some(&r);
  for (size_t i = 0; i < started; i++)
    pthread_join(threads[i], NULL);
  free(r.paths);
}

/* ---- a configuration -------------------------------------------------------------------------------------------------------------------- */

struct check {
  struct describes *c;
  const struct registry *registry;
  struct diags *d;
  bool known_only; /* nobody is asked */
};

static void complain(struct diags *d, const char *origin, const struct err *e) {
  diags_add(d, DIAG_ERROR, origin, "%s%s%s", e->message, e->remedy[0] ? "; " : "", e->remedy);
}

/* A file that does not describe itself is told once, not for each pipeline. */
static void complain_once(struct check *c, const char *origin, const struct err *e) {
  for (size_t i = 0; i < c->d->n; i++)
    if (strncmp(c->d->list[i].text, e->message, strlen(e->message)) == 0)
      return;
  complain(c->d, origin, e);
}

/* What the connector can do; of one that was complained of, all. */
static uint64_t check_stage(struct check *c, enum etl_kind kind, const struct conf_stage *s) {
  struct err e;
  if (!s->plugin) /* not even that was readable */
    return UINT64_MAX;
  const struct plugin_file *f = registry_find(c->registry, kind, s->plugin, &e);
  if (!f) {
    complain(c->d, s->origin, &e);
    return UINT64_MAX;
  }
  const struct description *d = c->known_only ? get_known(c->c, f->path, &e) : describes_get(c->c, f->path, &e);
  if (!d) {
    if (e.error_class)
      complain_once(c, s->origin, &e);
    return UINT64_MAX;
  }
  if (!d->connectors[kind]) {
    diags_add(c->d, DIAG_ERROR, s->origin, "the note of %s announces the %s '%s', but there is none in it; use another release of it", f->path,
              plugin_kind_name(kind), s->plugin);
    describes_put(c->c, d);
    return UINT64_MAX;
  }
  struct arena *a = arena_new();
  struct secrets secrets = {0};
  struct bound_options bound;
  struct conf_stage filled = *s;
  if (late_fill(s, NULL, a, &e, &filled) < 0)
    filled = *s; /* a name that is not known: told already */
  options_bind(d->connectors[kind]->options, &filled, a, &secrets, c->d, &bound); /* its errors are in c->d */
  secrets_fini(&secrets);
  arena_free(a);
  uint64_t caps = d->connectors[kind]->caps;
  describes_put(c->c, d);
  return caps;
}

static void check_capture(struct check *c, const struct conf_pipeline *p, uint64_t loader_caps) {
  if ((!p->capture.raw && !p->capture.transformed) || (loader_caps & ETL_CAP_CAPTURE))
    return;
  diags_add(c->d, DIAG_ERROR, p->load.origin,
            "the loader %s cannot keep records beside its target, as 'capture' of this pipeline asks for; leave 'capture' out, or load into a sink that "
            "can (postgres, sqlite)",
            p->load.plugin);
}

static void check_pipeline(struct check *k, const struct conf_pipeline *p) {
  check_stage(k, ETL_KIND_EXTRACTOR, &p->extract);
  for (size_t t = 0; t < p->transforms_n; t++)
    check_stage(k, ETL_KIND_TRANSFORMER, &p->transforms[t]);
  check_capture(k, p, check_stage(k, ETL_KIND_LOADER, &p->load));
}

void describes_check_pipeline(struct describes *c, const struct conf_pipeline *p, const struct registry *r, struct diags *d) {
  check_pipeline(&(struct check){.c = c, .registry = r, .d = d}, p);
}

void describes_check_known(struct describes *c, const struct conf_pipeline *p, const struct registry *r, struct diags *d) {
  check_pipeline(&(struct check){.c = c, .registry = r, .d = d, .known_only = true}, p);
}

/* Marks the file that a stage needs; one that is not there is complained of later. */
static void want(const struct registry *r, enum etl_kind kind, const struct conf_stage *s, bool *wanted) {
  struct err ignored;
  const struct plugin_file *f = s->plugin ? registry_find(r, kind, s->plugin, &ignored) : NULL;
  if (f)
    wanted[f - r->files] = true;
}

void describes_check(struct describes *c, const struct conf *conf, const struct registry *r, struct diags *d) {
  bool *wanted = xcalloc(r->files_n + 1, sizeof *wanted);
  for (size_t i = 0; i < conf->pipelines_n; i++) {
    const struct conf_pipeline *p = &conf->pipelines[i];
    want(r, ETL_KIND_EXTRACTOR, &p->extract, wanted);
    for (size_t t = 0; t < p->transforms_n; t++)
      want(r, ETL_KIND_TRANSFORMER, &p->transforms[t], wanted);
    want(r, ETL_KIND_LOADER, &p->load, wanted);
  }
  ask_files(c, r, wanted);
  free(wanted);
  for (size_t i = 0; i < conf->pipelines_n; i++)
    describes_check_pipeline(c, &conf->pipelines[i], r, d);
}

struct registry *describes_scan(const struct conf *conf, struct diags *d) {
  struct registry *r = NULL;
  struct err e;
  if (registry_scan(conf->plugin_dirs, &e, &r) < 0)
    complain(d, conf->file, &e);
  return r;
}

void describes_refuse(struct describes *c, struct registry *r) {
  ask_files(c, r, NULL);
  for (size_t i = 0; i < r->files_n; i++) {
    struct err e;
    if (r->files[i].bad)
      continue;
    const struct description *d = describes_get(c, r->files[i].path, &e);
    if (!d && e.error_class != ETL_E_RETRYABLE) {
      cleanup_free char *why = xasprintf("%s%s%s", e.message, e.remedy[0] ? "; " : "", e.remedy);
      registry_refuse(r, i, why);
    }
    describes_put(c, d);
  }
}
