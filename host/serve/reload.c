/* The thread reads the configuration, or looks at the connectors alone; one after the other.  Each has two halves: the thread's, which sees nothing
 * of the host but what is in struct reading, and the loop's, which compares and takes over.  Queued runs of pipelines that are gone are cancelled
 * as soon as the store can be reached. */
#include "serve/reload.h"

#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "base/thread.h"
#include "serve/changes.h"
#include "serve/connectors.h"

enum {
  BIG_BYTES = 128 * 1024, /* such pieces of memory go back to the system */
  TOLD_ONE_BY_ONE = 1000, /* pipelines that changed */
  CANCELLED_AT_ONCE = 1000 /* then the loop has its turn */
};

struct reading {
  const char *conf_path;
  struct describes *describes;
  int64_t number, now_ns;
  size_t pipelines_n; /* of the configuration that is to be replaced */
  struct generation *look; /* look at the connectors of that one, which is borrowed; NULL: read everything */
  struct diags findings;
  struct generation *gen; /* NULL: it has mistakes; or the connectors are as they were */
  struct ev_loop *loop;
  ev_async *ended;
};
struct reload {
  struct serve *serve;
  int64_t asked, begun, done; /* numbers of readings */
  bool busy;                  /* the thread is at work, on `begun` or at looking */
  bool look;                  /* connectors are to be looked at */
  pthread_t thread;
  struct reading reading;
  ev_async ended;
  char **gone; /* pipelines whose queued runs the store has yet to cancel */
  size_t gone_n;
  ev_timer more; /* of their runs */
  bool strangers; /* also those of pipelines that this host does not know: they went while it was down, and no other host shares the store */
};

/* ---- the thread's half ------------------------------------------------------------------------------------------------------------------ */

/* Such as while another one is renamed into its place: that is not the wish to have no pipelines. */
static bool folder_is_away(struct reading *r) {
  const char *dir = r->gen->conf->pipeline_dir;
  if (r->pipelines_n == 0 || r->gen->conf->pipelines_n > 0 || access(dir, F_OK) == 0)
    return false;
  diags_add(&r->findings, DIAG_ERROR, dir,
            "the folder of the pipelines is not there, and there are %zu of them; put it back, or, to have none, create an empty one", r->pipelines_n);
  return true;
}

static void read_everything(struct reading *r) {
  describes_forget_failures(r->describes);
  if (generation_load(r->conf_path, r->describes, r->number, r->now_ns, &r->findings, &r->gen) < 0) {
    r->gen = NULL;
  } else if (folder_is_away(r)) {
    generation_unref(r->gen);
    r->gen = NULL;
  } else {
    describes_refuse(r->describes, r->gen->registry);
  }
}

static void *read_all(void *arg) {
  struct reading *r = arg;
  if (r->look)
    r->gen = connectors_look(r->look, r->describes);
  else
    read_everything(r);
  ev_async_send(r->loop, r->ended);
  return NULL;
}

/* A reading looks at the connectors, too. */
static void begin(struct reload *l) {
  struct serve *s = l->serve;
  bool all = l->asked > l->begun;
  l->begun = l->asked;
  l->busy = true;
  l->look = false;
  l->reading = (struct reading){.conf_path = s->conf_path,
                                .describes = s->describes,
                                .number = s->gen->number + 1,
                                .now_ns = serve_now(s),
                                .pipelines_n = s->gen->conf->pipelines_n,
                                .look = all ? NULL : s->gen,
                                .loop = s->loop,
                                .ended = &l->ended};
  if (all)
    systemd_reloading(&s->systemd);
  int rc = thread_beside(&l->thread, read_all, &l->reading);
  if (rc == 0)
    return;
  log_text(s->log, LEVEL_WARNING, "no thread can be started (%s), so nothing else happens while the configuration is read", strerror(rc));
  read_all(&l->reading);
  l->thread = pthread_self();
}

/* ---- queued runs of pipelines that are gone ------------------------------------------------------------------------------------------------- */

static void keep_gone(struct reload *l, const struct changes *c) {
  size_t n = c->n[CHANGE_REMOVED];
  l->gone = xrealloc(l->gone, (l->gone_n + n + 1) * sizeof *l->gone);
  for (size_t i = 0; i < n; i++)
    l->gone[l->gone_n++] = xstrdup(c->names[CHANGE_REMOVED][i]);
}

static void forget_gone(struct reload *l) {
  while (l->gone_n > 0)
    free(l->gone[--l->gone_n]);
}

/* One that came back meanwhile keeps its runs. */
static struct store_names still_gone(const struct reload *l, struct arena *a) {
  const char **list = arena_alloc(a, (l->gone_n + 1) * sizeof *list);
  size_t n = 0;
  for (size_t i = 0; i < l->gone_n; i++)
    if (!generation_find(l->serve->gen, l->gone[i]))
      list[n++] = l->gone[i];
  return (struct store_names){list, n};
}

static void tell_cancelled(struct serve *s, const struct store_run *run) {
  cleanup_free char *message = xasprintf("run %s, which was queued, is cancelled: %s", run->id, run->reason);
  serve_event(s, &(struct serve_event){.level = LEVEL_INFO, .kind = "run", .name = "cancelled", .pipeline = run->pipeline, .run = run->id, .message = message});
}

static void cancel_gone(struct reload *l) {
  static const char reason[] = "its pipeline was taken out of the configuration";
  struct serve *s = l->serve;
  const struct conf *c = s->gen->conf;
  struct store_run *runs;
  struct err e;
  size_t n = 0;
  if ((l->gone_n == 0 && !l->strangers) || s->store_away || !s->store)
    return;
  struct arena *a = arena_new();
  struct store_names of = l->strangers ? (struct store_names){c->pipeline_names, c->pipelines_n} : still_gone(l, a);
  int rc = store_cancel_queued(s->store, &of, l->strangers, reason, serve_now(s), CANCELLED_AT_ONCE, a, &runs, &n, &e);
  for (size_t i = 0; rc == 0 && i < n; i++)
    tell_cancelled(s, &runs[i]);
  arena_free(a);
  if (rc < 0 && serve_store_failed(s, &e))
    return; /* again when it is back */
  if (n == CANCELLED_AT_ONCE) {
    ev_timer_start(s->loop, &l->more);
    return;
  }
  forget_gone(l);
  l->strangers = false;
}

static void on_more(struct ev_loop *loop, ev_timer *t, int revents) {
  (void)loop, (void)revents;
  cancel_gone(t->data);
}

/* ---- the loop's half -------------------------------------------------------------------------------------------------------------------- */

static void log_findings(struct serve *s, const struct diags *d) {
  const struct diag **sorted = diags_sorted(d);
  for (size_t i = 0; i < d->n; i++)
    log_text(s->log, sorted[i]->level == DIAG_ERROR ? LEVEL_ERROR : LEVEL_WARNING, "%s%s%s", sorted[i]->origin ? sorted[i]->origin : "",
             sorted[i]->origin ? ": " : "", sorted[i]->text);
  free(sorted);
}

static void tell_each(struct serve *s, const struct changes *c) {
  if (changes_count(c) > TOLD_ONE_BY_ONE)
    return;
  for (size_t w = 0; w < CHANGES; w++)
    for (size_t i = 0; i < c->n[w]; i++) {
      cleanup_free char *message = xasprintf("the pipeline was %s", change_name(w));
      serve_event(s, &(struct serve_event){.level = LEVEL_INFO, .kind = "reload", .name = change_name(w), .pipeline = c->names[w][i], .message = message});
    }
}

static void warn_of_fixed(struct serve *s, const struct conf *old, const struct conf *now) {
  if (!text_same(old->state, now->state))
    log_text(s->log, LEVEL_WARNING, "%s: 'state' was changed; that takes effect when the host is started again, until then it keeps its state store", now->file);
  if (!text_same(old->serve.host, now->serve.host))
    log_text(s->log, LEVEL_WARNING, "%s: 'host' of 'serve' was changed; that takes effect when the host is started again", now->file);
}

static void take(struct reload *l, struct generation *g) {
  struct serve *s = l->serve;
  struct arena *a = arena_new();
  struct generation *old = generation_ref(s->gen);
  struct changes c;
  changes_find(old, g, a, &c);
  serve_take(s, g);
  connectors_tell(s, old, g);
  warn_of_fixed(s, old->conf, g->conf);
  tell_each(s, &c);
  keep_gone(l, &c);
  serve_tell(s, LEVEL_INFO, "reload", "done", "the configuration was read again, %zu pipeline%s: %s", g->conf->pipelines_n, g->conf->pipelines_n == 1 ? "" : "s",
             changes_text(&c, a));
  cancel_gone(l);
  generation_unref(old);
  arena_free(a);
}

static void refuse(struct serve *s, const struct diags *d) {
  serve_tell(s, LEVEL_ERROR, "reload", "failed", "the configuration was not taken: it has %zu error%s, told before this line; the one before it stays", d->errors,
             d->errors == 1 ? "" : "s");
}

/* The last of what may be wrong with a configuration. */
static bool take_log(struct serve *s, struct generation *g, struct diags *d) {
  struct log_settings settings = serve_log_settings(g->conf);
  struct err e;
  if (log_reopen(s->log, &settings, &e) == 0)
    return true;
  diags_add(d, DIAG_ERROR, g->conf->file, "%s; %s", e.message, e.remedy);
  generation_unref(g);
  return false;
}

/* Connectors that came may be what the configuration that was refused has waited for. */
static void finish_look(struct reload *l, struct generation *now) {
  struct serve *s = l->serve;
  struct generation *old = s->gen;
  if (!now)
    return;
  generation_own(now);
  s->gen = now;
  connectors_tell(s, old, now);
  serve_parts_reloaded(s, old);
  generation_unref(old);
  if (s->reload_errors.errors) {
    log_text(s->log, LEVEL_INFO, "the configuration that was not taken is read once more, since connectors have changed");
    serve_reload(s);
  }
  serve_poke(s);
}

static void finish_all(struct reload *l, struct generation *now) {
  struct serve *s = l->serve;
  struct diags *d = &s->reload_errors;
  s->reload_ns = l->reading.now_ns;
  l->done = l->begun;
  diags_fini(d);
  *d = l->reading.findings;
  bool taken = now && take_log(s, now, d);
  log_findings(s, d);
  if (taken)
    take(l, now);
  else
    refuse(s, d);
  malloc_trim(0); /* the old one is gone, and it was big */
  if (s->state == SERVE_RUNNING)
    systemd_ready(&s->systemd);
  serve_poke(s);
}

static void join(struct reload *l) {
  if (!pthread_equal(l->thread, pthread_self()))
    pthread_join(l->thread, NULL);
}

static void begin_next(struct reload *l) {
  if (!l->busy && (l->asked > l->begun || l->look) && l->serve->state != SERVE_STOPPING)
    begin(l);
}

static void on_ended(struct ev_loop *loop, ev_async *w, int revents) {
  struct reload *l = w->data;
  (void)loop, (void)revents;
  if (!l->busy)
    return;
  join(l);
  if (l->reading.look)
    finish_look(l, l->reading.gen);
  else
    finish_all(l, l->reading.gen);
  l->busy = false; /* what these asked for begins now */
  begin_next(l);
}

int64_t serve_reload(struct serve *s) {
  struct reload *l = serve_part_self(s, "reload");
  if (l->asked == l->begun)
    l->asked++;
  begin_next(l);
  return l->asked;
}

void serve_look(struct serve *s) {
  struct reload *l = serve_part_self(s, "reload");
  l->look = true;
  begin_next(l);
}

bool reload_ended(struct serve *s, int64_t number) { return ((struct reload *)serve_part_self(s, "reload"))->done >= number; }

/* ---- the part ------------------------------------------------------------------------------------------------------------------------------- */

int reload_open(struct serve *s, void **ret_self, struct err *e) {
  struct reload *l = xcalloc(1, sizeof *l);
  (void)e;
  l->serve = s;
  mallopt(M_ARENA_MAX, 1); /* what the thread allocates and the loop frees is to be used again by both */
  mallopt(M_MMAP_THRESHOLD, BIG_BYTES); /* it would grow by itself with what is freed */
  ev_async_init(&l->ended, on_ended);
  l->ended.data = l;
  ev_async_start(s->loop, &l->ended);
  ev_timer_init(&l->more, on_more, 0, 0);
  l->more.data = l;
  l->strangers = strncmp(s->gen->conf->state, "sqlite:", 7) == 0;
  cancel_gone(l);
  *ret_self = l;
  return 0;
}

void reload_close(struct serve *s, void *self) {
  struct reload *l = self;
  if (l->busy) {
    describes_stop(s->describes); /* it may be waiting for a connector that hangs */
    join(l);
    if (l->reading.gen && l->reading.look)
      generation_own(l->reading.gen);
    generation_unref(l->reading.gen);
    diags_fini(&l->reading.findings);
  }
  ev_async_stop(s->loop, &l->ended);
  ev_timer_stop(s->loop, &l->more);
  forget_gone(l);
  free(l->gone);
  free(l);
}

void reload_event(struct serve *s, void *self, const struct serve_event *e) {
  (void)s;
  if (strcmp(e->kind, "store") == 0 && strcmp(e->name, "back") == 0)
    cancel_gone(self);
}
