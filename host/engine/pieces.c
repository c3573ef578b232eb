/* Lanes out of sources and of what the sink has committed of them. */
#include "engine/pieces.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/control.h"
#include "engine/outside.h"
#include "engine/crew.h"
#include "engine/identity.h"
#include "engine/ranges.h"

struct seed { /* a lane to be */
  struct seed *next;
  const struct source *source;
  const char *shard; /* as the sink knows it */
  const char *text;
  struct etl_bytes start;
  int64_t est_rows;
  bool piece;
};
struct seeds {
  struct run *r;
  struct seed *first, **tail;
  size_t n;
  const struct source *source; /* whose lanes are being listed */
  struct err *e;
};

const struct kept *kept_find(const struct run *r, const char *stream, const char *shard) {
  for (const struct kept *k = r->kept; k; k = k->next)
    if (strcmp(k->stream, stream) == 0 && strcmp(k->shard, shard) == 0)
      return k;
  return NULL;
}

static struct seed *add(struct seeds *l, const char *shard) {
  struct seed *s = arena_alloc(l->r->arena, sizeof *s);
  *s = (struct seed){.source = l->source, .shard = shard, .est_rows = l->source->shard.est_rows};
  *l->tail = s;
  l->tail = &s->next;
  l->n++;
  return s;
}

/* ---- what was cut before ---------------------------------------------------------------------------------------------------------- */

/* Whether the sink's k is a piece of source s: no shard has a '#' in its own name. */
static bool is_piece_of(const struct kept *k, const struct source *s) {
  size_t n = strlen(s->shard.id);
  return strcmp(k->stream, s->stream.name) == 0 && strncmp(k->shard, s->shard.id, n) == 0 && k->shard[n] == '#';
}

/* A finished piece is no lane any more.  False: the sink has nothing of this source. */
static bool go_on(struct seeds *l) {
  const struct run *r = l->r;
  const struct source *s = l->source;
  bool known = kept_find(r, s->stream.name, s->shard.id) != NULL;
  if (known)
    add(l, s->shard.id);
  for (const struct kept *k = r->kept; known && k; k = k->next)
    if (is_piece_of(k, s) && !k->finished) {
      struct seed *piece = add(l, k->shard);
      piece->piece = true;
      piece->est_rows = -1; /* the extractor told it of the whole shard */
    }
  return known;
}

/* ---- cutting ---------------------------------------------------------------------------------------------------------------------- */

struct piece {
  struct piece *next;
  const char *id, *text;
  struct etl_bytes start;
  int64_t est_rows;
};
struct cut { /* of one source; made by one thread of the crew */
  const struct source *source;
  struct run *r;
  struct arena *arena;
  struct piece *first, **tail;
  size_t n, endless; /* endless: pieces "" */
  const char *nonsense; /* what is wrong with the pieces */
  bool done;
  int rc;
  struct err e;
};

static int32_t take_piece(void *arg, const struct etl_part *part) {
  struct cut *c = arg;
  for (const struct piece *p = c->first; p; p = p->next)
    if (strcmp(p->id, part->id) == 0)
      c->nonsense = "one is told twice";
  if (!part->cursor.p)
    c->nonsense = "one does not say where it begins";
  if (c->nonsense)
    return ETL_FAILED;
  struct piece *p = arena_alloc(c->arena, sizeof *p);
  *p = (struct piece){.id = arena_strdup(c->arena, part->id), .text = arena_strdup(c->arena, part->text), .est_rows = part->est_rows};
  p->start = (struct etl_bytes){arena_memdup(c->arena, part->cursor.p, part->cursor.n), part->cursor.n};
  *c->tail = p;
  c->tail = &p->next;
  c->n++;
  c->endless += !*p->id;
  return ETL_OK;
}

static bool worth_cutting(const struct run *r, const struct source *s) {
  const struct etl_extractor *api = part_extractor(&r->extract);
  return r->spec->parallelism > 1 && api->split && !(s->stream.flags & ETL_STREAM_ONCE) &&
         (r->extract.conn->caps & ETL_CAP_PARALLEL_READERS);
}

/* No option does nothing unseen. */
static void tell_uncut(struct run *r) {
  const struct etl_extractor *api = part_extractor(&r->extract);
  bool cuts = api->split && (r->extract.conn->caps & ETL_CAP_PARALLEL_READERS);
  if (r->spec->parallelism == 1 || cuts)
    return;
  json_t *j = json_object();
  json_object_set_new(j, "message", json_sprintf("parallelism = %lld has no effect: connector %s cannot cut a shard in pieces",
                                                 (long long)r->spec->parallelism, r->extract.conn->name));
  report_event(&r->report, "warning", j);
}

/* Any thread of the crew. */
static void cut_source(void *arg, size_t i, struct instance *extractor) {
  struct cut *c = &((struct cut *)arg)[i];
  const struct etl_extractor *api = part_extractor(&c->r->extract);
  uint64_t n = (uint64_t)c->r->spec->parallelism;
  if (CALL(&extractor->svc, "split", api->split(extractor->self, &c->source->stream, &c->source->shard, n, take_piece, c)) != ETL_OK)
    c->rc = services_take_err(&extractor->svc, &c->e);
  c->done = true;
}

static int refuse(struct seeds *l, const char *what) {
  const struct source *s = l->source;
  err_set(l->e, ETL_E_INTERNAL, "connector %s cut %s/%s in pieces that make no sense: %s", l->r->extract.conn->name, s->stream.name, s->shard.id, what);
  return err_remedy(l->e, "report this to the connector's author; parallelism = 1 reads the shard in one piece");
}

/* A shard that cannot be asked is a lane like any other: it fails by itself, or is read after all. */
static int cannot_cut(struct seeds *l, const struct cut *c) {
  const struct source *s = l->source;
  json_t *j = json_object();
  json_object_set_new(j, "message", json_sprintf("%s/%s is read in one piece, since it could not be cut: %s", s->stream.name, s->shard.id, c->e.message));
  report_event(&l->r->report, "warning", j);
  add(l, s->shard.id);
  return 0;
}

static int add_pieces(struct seeds *l, const struct cut *c) {
  const struct source *s = l->source;
  bool whole = s->stream.flags & ETL_STREAM_WHOLE;
  if (c->nonsense)
    return refuse(l, c->nonsense);
  if (c->rc < 0)
    return cannot_cut(l, c);
  if (c->n < 2) { /* it is not worth it */
    add(l, s->shard.id);
    return 0;
  }
  if (c->endless != !whole)
    return refuse(l, whole ? "one goes on for good, but the stream has no cursor" : "none goes on with what comes later");
  for (const struct piece *p = c->first; p; p = p->next) {
    struct arena *a = l->r->arena;
    const char *shard = *p->id ? arena_printf(a, "%s#%s", s->shard.id, p->id) : s->shard.id;
    struct seed *seed = add(l, shard);
    seed->start = (struct etl_bytes){arena_memdup(a, p->start.p, p->start.n), p->start.n};
    seed->text = arena_strdup(a, p->text);
    seed->est_rows = p->est_rows;
    seed->piece = *p->id;
  }
  return 0;
}

static size_t choose_cuts(struct run *r, struct cut *cuts, size_t n, bool whole) {
  for (const struct source *s = r->sources; s; s = s->next) {
    if (whole != ((s->stream.flags & ETL_STREAM_WHOLE) != 0) || ranges_wanted(r->spec) || !worth_cutting(r, s) ||
        (!whole && kept_find(r, s->stream.name, s->shard.id)))
      continue;
    struct cut *c = &cuts[n++];
    *c = (struct cut){.source = s, .r = r, .arena = arena_new(), .tail = &c->first};
  }
  return n;
}

/* Asks for the pieces of all sources that nothing was read of yet.  Those of a whole stream are asked of the instance that then reads them: it
 * may hold a snapshot for them until it is closed.  To be freed by cuts_free(). */
static struct cut *cut_all(struct run *r, size_t *ret_n) {
  size_t n = 0;
  for (const struct source *s = r->sources; s; s = s->next)
    n++;
  struct cut *cuts = xcalloc(n, sizeof *cuts);
  size_t with_cursor = choose_cuts(r, cuts, 0, false);
  n = choose_cuts(r, cuts, with_cursor, true);
  crew_work(r, with_cursor, cut_source, cuts);
  for (size_t i = with_cursor; i < n && stop_mode(&r->stop) == STOP_NONE; i++)
    cut_source(cuts, i, &r->extractor);
  *ret_n = n;
  return cuts;
}

static void cuts_free(struct cut *cuts, size_t n) {
  for (size_t i = 0; i < n; i++)
    arena_free(cuts[i].arena);
  free(cuts);
}

/* ---- lanes ------------------------------------------------------------------------------------------------------------------------ */

static int find(struct seeds *l, const struct cut *cuts, size_t cuts_n) {
  const struct source *s = l->source;
  if (ranges_wanted(l->r->spec)) {
    add(l, ranges_shard(l->r, s->shard.id))->piece = true;
    return 0;
  }
  for (size_t i = 0; i < cuts_n; i++)
    if (cuts[i].source == s)
      return cuts[i].done ? add_pieces(l, &cuts[i]) : -1; /* the run was stopped */
  if ((s->stream.flags & ETL_STREAM_WHOLE) || !go_on(l))
    add(l, s->shard.id);
  return 0;
}

static int make_lane(struct lane *l, struct run *r, const struct seed *s, struct err *e) {
  const struct kept *at = kept_find(r, s->source->stream.name, s->shard);
  lane_init(l, r, r->arena, &s->source->stream, &s->source->shard);
  l->shard = s->shard;
  l->name = arena_printf(r->arena, "%s/%s", l->stream, l->shard);
  l->gate = governor_gate(r->governor, l->source_shard);
  l->start = s->start;
  l->text = s->text;
  l->est_rows = s->est_rows;
  bool backfill = ranges_wanted(r->spec);
  l->piece = s->piece && (backfill || !(l->stream_flags & ETL_STREAM_WHOLE));
  if (at) {
    position_set(&l->at, at->epoch, at->cursor);
    l->note = at->note;
    l->finished = l->piece && at->finished;
  }
  const char *done = backfill && !r->spec->repair ? identity_done(l->note, r->arena) : NULL;
  if (r->spec->interval)
    l->finished = ranges_covered(r->spec, done); /* it may have come to the end of an earlier one */
  if (r->spec->repair) {
    l->old_epoch = l->at.epoch;
    lane_begin_repair(l);
  }
  return backfill && !l->finished ? ranges_of_lane(l, done, e) : 0;
}

static int make_lanes(struct run *r, const struct seeds *l, struct err *e) {
  struct lane *lanes = xcalloc(l->n, sizeof *lanes);
  size_t n = 0;
  int rc = 0;
  r->governor = governor_new(&r->spec->limits, !(r->extract.conn->caps & ETL_CAP_PARALLEL_READERS), &clock_system);
  for (const struct seed *s = l->first; s && rc == 0; s = s->next)
    rc = make_lane(&lanes[n++], r, s, e);
  pthread_mutex_lock(&r->lock);
  r->lanes = lanes;
  r->lanes_n = n;
  pthread_mutex_unlock(&r->lock);
  return rc;
}

int pieces_make_lanes(struct run *r) {
  struct err e = {0};
  struct seeds l = {.r = r, .tail = &l.first, .e = &e};
  size_t cuts_n;
  tell_uncut(r);
  struct cut *cuts = cut_all(r, &cuts_n);
  int rc = 0;
  for (const struct source *s = r->sources; s && rc == 0; s = s->next) {
    l.source = s;
    rc = find(&l, cuts, cuts_n);
  }
  cuts_free(cuts, cuts_n);
  if (rc == 0)
    rc = make_lanes(r, &l, &e);
  return rc < 0 && e.error_class ? run_fail(r, &e, NULL) : rc;
}

/* ---- start cursors ---------------------------------------------------------------------------------------------------------------- */

static bool is_new(const struct lane *l) { return l->start.p && l->at.epoch == 0 && !(l->stream_flags & ETL_STREAM_WHOLE); }

int pieces_store_starts(struct run *r) {
  struct control_commit c = {0};
  if (r->spec->dry_run || (r->loader_caps & ETL_CAP_ASIDE) || !run_stores_cursors(r))
    return 0;
  for (size_t i = 0; i < r->lanes_n; i++) {
    const struct lane *l = &r->lanes[i];
    if (!is_new(l))
      continue;
    char *note = identity_note(l, NULL);
    control_add(&c, r, l, l->start, 0, arena_strdup(r->arena, note));
    free(note);
  }
  if (control_commit(&c, r, "pieces") < 0)
    return -1;
  for (size_t i = 0; i < r->lanes_n; i++)
    if (is_new(&r->lanes[i]))
      position_set(&r->lanes[i].at, 1, r->lanes[i].start);
  return 0;
}

/* ---- what goes on for good ---------------------------------------------------------------------------------------------------------- */

static bool goes_before(const struct lane *p, const struct lane *l) {
  return p->piece && !l->piece && strcmp(p->stream, l->stream) == 0 && strcmp(p->source_shard, l->source_shard) == 0;
}

/* The first lane before l of which `is` holds. */
static struct lane *find_before(const struct lane *l, bool (*is)(const struct lane *)) {
  for (size_t i = 0; i < l->run->lanes_n; i++)
    if (goes_before(&l->run->lanes[i], l) && is(&l->run->lanes[i]))
      return &l->run->lanes[i];
  return NULL;
}

static bool is_running(const struct lane *p) { return atomic_load(&p->status) == LANE_RUNNING; }

/* A commit that was given up, or whose answer was lost, may take effect later. */
static bool may_still_write(const struct lane *p) {
  return atomic_load(&p->status) == LANE_FAILED && (atomic_load(&p->abandoned) || p->err.error_class == ETL_E_INDOUBT);
}

int pieces_await(struct lane *l, struct err *e) {
  struct run *r = l->run;
  pthread_mutex_lock(&r->lock);
  while (find_before(l, is_running))
    pthread_cond_wait(&r->lane_ended, &r->lock);
  pthread_mutex_unlock(&r->lock);
  const struct lane *p = find_before(l, may_still_write);
  if (!p)
    return 0;
  err_set(e, ETL_E_RETRYABLE, "%s was not read: piece %s, which goes before it, was given up, and may still write older rows", l->name, p->name);
  return err_remedy(e, "run again when the cause of that is gone: nothing that was committed is read again");
}
