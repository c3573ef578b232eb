/* Rows of the store and the notifier's memory.  Memory is what counts; the rows it was saved as are replaced together, and none is deleted that
 * memory has not got. */
#include "serve/notify_kept.h"

#include "base/units.h"

#define SAVE_NS NS_PER_SEC /* when a thousand runs fail at once, so often is enough */
enum { SILENT_LEASES = 4 };

static int64_t now_of(const struct notify_kept *k) { return k->serve->clock.mono_ns(&k->serve->clock); }

/* ---- into the store ------------------------------------------------------------------------------------------------------------------ */

static struct store_notice *rows_of(json_t *all, struct arena *a) {
  struct store_notice *rows = arena_alloc(a, (json_object_size(all) + 1) * sizeof *rows), *row = rows;
  const char *target;
  json_t *waiting;
  json_object_foreach(all, target, waiting) {
    char *text = json_dumps(waiting, JSON_COMPACT);
    *row++ = (struct store_notice){.id = spec_run_id(a), .target = target, .waiting = arena_strdup(a, text)};
    mem_free_ptr(&text);
  }
  return rows;
}

/* False: the store does not have it. */
static bool save(struct notify_kept *k) {
  struct serve *s = k->serve;
  struct err e;
  if (!k->dirty)
    return true;
  if (!s->store || s->store_away)
    return false;
  struct arena *a = arena_new();
  json_t *all = notifier_waiting(k->notifier), *ids = json_object();
  const char **forget = arena_alloc(a, (json_object_size(k->known) + 1) * sizeof *forget), *id;
  struct store_notice *rows = rows_of(all, a);
  size_t n = json_object_size(all), forget_n = 0;
  json_t *unused;
  json_object_foreach(k->known, id, unused)
    forget[forget_n++] = arena_strdup(a, id);
  for (size_t i = 0; i < n; i++)
    json_object_set_new(ids, rows[i].id, json_true());
  json_object_update(k->known, ids); /* they may be there although it is not said so */
  int rc = n || forget_n ? store_notices_put(s->store, forget, forget_n, rows, n, serve_now(s), &e) : 0;
  if (rc < 0)
    serve_store_failed(s, &e);
  k->dirty = rc < 0;
  k->saved_ns = now_of(k);
  if (rc == 0) {
    json_decref(k->known);
    k->known = json_incref(ids);
  }
  json_decref(ids);
  json_decref(all);
  arena_free(a);
  return rc == 0;
}

static void on_save(struct ev_loop *loop, ev_timer *t, int revents) {
  (void)loop, (void)revents;
  save(t->data);
}

void notify_kept_changed(struct notify_kept *k) {
  int64_t wait = k->saved_ns + SAVE_NS - now_of(k);
  k->dirty = true;
  if (ev_is_active(&k->save))
    return;
  ev_now_update(k->serve->loop);
  ev_timer_set(&k->save, k->saved_ns && wait > 0 ? (double)wait / NS_PER_SEC : 0., 0.);
  ev_timer_start(k->serve->loop, &k->save);
}

/* ---- out of the store ---------------------------------------------------------------------------------------------------------------- */

static void restore(struct notify_kept *k, const struct store_notice *row) {
  if (json_object_get(k->known, row->id))
    return;
  json_t *waiting = json_loads(row->waiting, 0, NULL);
  json_object_set_new(k->known, row->id, json_true());
  k->dirty = true;
  size_t left = notifier_restore(k->notifier, row->target, waiting);
  json_decref(waiting);
  serve_tell(k->serve, LEVEL_INFO, "notify", "taken", "%s has still to be told what it was not when its host ended", row->target);
  if (left)
    serve_tell(k->serve, LEVEL_ERROR, "notify", "failed", "%zu messages to %s are dropped: too many wait already; see `etl history`", left, row->target);
}

static void take_all(struct notify_kept *k) {
  struct serve *s = k->serve;
  const struct conf *c = s->gen->conf;
  struct arena *a = arena_new();
  struct err e;
  for (size_t i = 0; i < c->notify_n && s->store && !s->store_away; i++) {
    struct store_notice *rows;
    size_t n = 0;
    if (store_notices_take(s->store, c->notify[i].name, serve_now(s), SILENT_LEASES * c->serve.lease_ns, a, &rows, &n, &e) < 0)
      serve_store_failed(s, &e);
    for (size_t r = 0; r < n; r++)
      restore(k, &rows[r]);
  }
  arena_free(a);
}

static void on_take(struct ev_loop *loop, ev_timer *t, int revents) {
  struct notify_kept *k = t->data;
  (void)revents;
  take_all(k);
  save(k); /* what the store did not take before */
  t->repeat = (double)k->serve->gen->conf->serve.lease_ns / (double)NS_PER_SEC;
  ev_timer_again(loop, t);
}

/* ---- life ---------------------------------------------------------------------------------------------------------------------------- */

void notify_kept_open(struct notify_kept *k, struct serve *s, struct notifier *n) {
  *k = (struct notify_kept){.serve = s, .notifier = n, .known = json_object()};
  ev_timer_init(&k->save, on_save, 0, 0);
  ev_timer_init(&k->take, on_take, 0, 0);
  k->save.data = k->take.data = k;
  ev_timer_start(s->loop, &k->take);
}

static void tell_kept(const struct notify_kept *k) {
  json_t *all = notifier_waiting(k->notifier), *waiting;
  const char *target;
  json_object_foreach(all, target, waiting)
    serve_tell(k->serve, LEVEL_INFO, "notify", "kept", "what %s could not be told yet is in the state store: the next start of the host goes on with it", target);
  json_decref(all);
}

bool notify_kept_close(struct notify_kept *k) {
  bool kept = save(k);
  if (kept)
    tell_kept(k);
  ev_timer_stop(k->serve->loop, &k->save);
  ev_timer_stop(k->serve->loop, &k->take);
  json_decref(k->known);
  return kept;
}
