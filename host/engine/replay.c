/* Which rows are replayed, and in what groups. */
#include "engine/replay.h"

#include <stdlib.h>
#include <string.h>

#include "engine/ask.h"

enum { TOGETHER = 500 }; /* or as many as a batch has bytes */

/* ---- before ------------------------------------------------------------------------------------------------------------------------- */

/* Rows that are seen only at the end of a run cannot leave quarantine in the transaction that shows them. */
static int refuse_aside(struct run *r) {
  struct err e;
  if (!(r->loader_caps & ETL_CAP_ASIDE))
    return 0;
  if (r->loader_caps & ETL_CAP_REPLACE) {
    err_set(&e, ETL_E_CONFIG, "rows of pipeline '%s' cannot be replayed: each of its runs replaces the target as a whole", r->spec->pipeline);
    err_remedy(&e, "run it again: what was set aside is read with the rest");
  } else {
    err_set(&e, ETL_E_CONFIG, "rows of pipeline '%s' cannot be replayed: its loader shows nothing before the end of a run", r->spec->pipeline);
    err_remedy(&e, "let it commit epoch by epoch while the rows are replayed: `etl plugin info %s` tells of its options", r->load.conn->name);
  }
  return run_fail(r, &e, NULL);
}

static int load_failed(struct run *r) {
  struct err e;
  services_take_err(&r->control.svc, &e);
  return run_fail(r, &e, &r->load);
}

static int claim(struct run *r) {
  const struct etl_loader *api = part_loader(&r->load);
  struct etl_claim c = {.struct_size = sizeof c, .run = r->spec->run};
  if (api->claim && CALL(&r->control.svc, "claim", api->claim(r->control.self, &c, &r->owner)) != ETL_OK)
    return load_failed(r);
  if (api->run_begin && CALL(&r->control.svc, "run_begin", api->run_begin(r->control.self, r->spec->run)) != ETL_OK)
    return load_failed(r);
  return 0;
}

/* Where the lane of replays stands.  Nobody else commits from now on. */
static int find_mark(struct replay *p) {
  if (shelf_ask(&p->shelf) < 0)
    return -1;
  for (const struct kept *k = p->r->kept; k; k = k->next)
    if (strcmp(k->stream, "@replay") == 0)
      position_set(&p->at, k->epoch, k->cursor);
  return 0;
}

/* The ids in the mark, borrowed from *ret; an empty list if there is no mark. */
static int ids_of_mark(const struct replay *p, json_t **ret, struct err *e) {
  const struct etl_bytes *mark = &p->at.cursor;
  const json_t *id;
  size_t i;
  *ret = mark->p ? json_loadb(mark->p, mark->n, 0, NULL) : json_array();
  bool good = json_is_array(*ret);
  json_array_foreach(*ret, i, id) good &= json_is_string(id);
  if (good)
    return 0;
  err_set(e, ETL_E_CONFIG, "the sink's cursor of \"@replay\", which says what was replayed last, is no list of ids");
  return err_remedy(e, "somebody has changed it, or a stream of the source has this name: without it rows could be loaded twice");
}

/* Rows in files that the sink has already, from a replay that was cut short. */
static int drop_arrived(struct replay *p) {
  struct run *r = p->r;
  struct err e;
  uint64_t dropped;
  if (find_mark(p) < 0)
    return -1;
  json_t *list;
  int rc = ids_of_mark(p, &list, &e);
  size_t n = rc < 0 ? 0 : json_array_size(list);
  const char **ids = xcalloc(n + 1, sizeof *ids);
  for (size_t i = 0; i < n; i++)
    ids[i] = json_string_value(json_array_get(list, i));
  if (n)
    rc = shelf_drop(&p->shelf, NULL, ids, n, &dropped, &e);
  free(ids);
  json_decref(list);
  return rc < 0 ? run_fail(r, &e, NULL) : 0;
}

/* ---- rows --------------------------------------------------------------------------------------------------------------------------- */

struct chunk { /* some rows, in memory */
  struct arena *arena;
  struct one rows[TOGETHER];
  size_t n;
  int64_t bytes, max_bytes;
  bool full;
};

static int take_row(void *arg, const struct shelved *s) {
  struct chunk *c = arg;
  struct arena *a = c->arena;
  const struct etl_rejected *r = &s->row;
  c->rows[c->n++] = (struct one){arena_strdup(a, s->id),           arena_strdup(a, r->stage), arena_strdup(a, r->connector),
                                 arena_strdup(a, r->table_stream), arena_strdup(a, r->raw),   arena_strdup(a, r->columns)};
  c->bytes += (int64_t)strlen(r->raw);
  c->full = c->n == TOGETHER || c->bytes >= c->max_bytes;
  return c->full;
}

static bool alike(const struct one *a, const struct one *b) {
  return strcmp(a->stage, b->stage) == 0 && strcmp(a->connector, b->connector) == 0 && strcmp(a->stream, b->stream) == 0 && a->columns &&
         b->columns && strcmp(a->columns, b->columns) == 0;
}

static int refuse_shapeless(struct replay *p, const struct one *o) {
  report_event(&p->r->report, "refused",
               json_pack("{s:s, s:s, s:s}", "id", o->id, "message", "what was kept of it is not a row: it could not even be read", "remedy",
                         "correct it at the source, read it again, and drop it here"));
  p->refused++;
  return 0;
}

static int replay_chunk(struct replay *p, const struct chunk *c, struct err *e) {
  int rc = 0;
  for (size_t i = 0, n; i < c->n && rc == 0; i += n) {
    for (n = 1; i + n < c->n && alike(&c->rows[i], &c->rows[i + n]);)
      n++;
    rc = c->rows[i].columns ? replay_group(p, &c->rows[i], n, e) : refuse_shapeless(p, &c->rows[i]);
  }
  return rc;
}

static int next_chunk(struct replay *p, const struct shelf_wanted *w, struct chunk *c, struct err *e) {
  c->n = 0;
  c->bytes = 0;
  c->full = false;
  int rc = shelf_list(&p->shelf, w, take_row, c, e);
  p->found += (int64_t)c->n;
  return rc == 0 ? replay_chunk(p, c, e) : rc;
}

/* Rows that are refused stay and rows that come meanwhile are not waited for: each id is seen once. */
static int replay_everything(struct replay *p, struct chunk *c, struct err *e) {
  cleanup_free char *after = NULL;
  int rc = 0;
  for (bool more = true; rc == 0 && more; more = c->full) {
    c->arena = arena_new();
    rc = next_chunk(p, &(struct shelf_wanted){.after = after, .limit = TOGETHER}, c, e);
    if (c->n) {
      free(after);
      after = xstrdup(c->rows[c->n - 1].id);
    }
    arena_free(c->arena);
  }
  return rc;
}

static bool is_in(const struct chunk *c, const char *id) {
  for (size_t i = 0; i < c->n; i++)
    if (strcmp(c->rows[i].id, id) == 0)
      return true;
  return false;
}

/* A chunk that is full may have left out some that were asked for: they are asked for again. */
static int replay_these(struct replay *p, const char *const *ids, size_t n, struct chunk *c, struct err *e) {
  const char **left = xcalloc(n + 1, sizeof *left);
  int rc = 0;
  if (n)
    memcpy(left, ids, n * sizeof *left);
  while (rc == 0 && n > 0) {
    size_t asked = n < TOGETHER ? n : TOGETHER, rest = 0;
    c->arena = arena_new();
    rc = next_chunk(p, &(struct shelf_wanted){.ids = left, .ids_n = asked, .limit = TOGETHER}, c, e);
    for (size_t i = 0; i < n; i++)
      if (i >= asked || (c->full && !is_in(c, left[i])))
        left[rest++] = left[i];
    n = rest;
    arena_free(c->arena);
  }
  free(left);
  return rc;
}

static int replay_rows(struct replay *p, const char *const *ids, size_t ids_n, struct err *e) {
  struct chunk *c = xcalloc(1, sizeof *c);
  c->max_bytes = p->r->spec->batch_bytes;
  int rc = ids ? replay_these(p, ids, ids_n, c, e) : replay_everything(p, c, e);
  free(c);
  return rc;
}

/* ---- the whole ---------------------------------------------------------------------------------------------------------------------- */

/* From now on the ids in files may come again, for other rows. */
static int forget_ids(struct replay *p, struct err *e) {
  return p->shelf.sink || !p->replayed || !p->api->committed ? 0 : replay_mark(p, NULL, 0, e);
}

static int finish(struct replay *p) {
  struct run *r = p->r;
  if (p->api->run_end && CALL(&r->control.svc, "run_end", p->api->run_end(r->control.self, r->spec->run, 1)) != ETL_OK)
    return load_failed(r);
  return 0;
}

int replay_all(struct run *r, const struct shelf *s, const char *const *ids, size_t ids_n, struct replay *ret) {
  struct replay p = {.r = r, .shelf = *s, .api = part_loader(&r->load)};
  struct err e;
  int rc = refuse_aside(r);
  r->limit.max_rows = 0; /* the first bad row ends an attempt */
  r->transforms = arena_alloc(r->arena, (r->spec->transforms_n + 1) * sizeof *r->transforms);
  for (size_t i = 0; i < r->spec->transforms_n && rc == 0; i++)
    rc = ask_load(r, &r->transforms[i], &r->spec->transforms[i], ETL_KIND_TRANSFORMER, arena_printf(r->arena, "transform %zu", i + 1));
  if (rc == 0)
    rc = claim(r);
  if (rc == 0 && !s->sink)
    rc = drop_arrived(&p);
  if (rc == 0 && (replay_rows(&p, ids, ids_n, &e) < 0 || forget_ids(&p, &e) < 0))
    rc = run_fail(r, &e, NULL);
  pipe_free(p.pipe);
  replay_close_loader(&p);
  position_fini(&p.at);
  free(p.outputs);
  *ret = p;
  return rc == 0 ? finish(&p) : rc;
}
