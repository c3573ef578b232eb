/* Lanes out of sources and of what the sink has committed of them. */
#include "engine/pieces.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/control.h"
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
  const struct source *source; /* which is being cut */
  size_t endless;              /* pieces "" that were told of it */
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

static bool is_shard(const struct run *r, const char *stream, const char *id) {
  for (const struct source *s = r->sources; s; s = s->next)
    if (strcmp(s->stream.name, stream) == 0 && strcmp(s->shard.id, id) == 0)
      return true;
  return false;
}

/* Whether the sink's k is a piece of source s. */
static bool is_piece_of(const struct run *r, const struct kept *k, const struct source *s) {
  size_t n = strlen(s->shard.id);
  return strcmp(k->stream, s->stream.name) == 0 && strncmp(k->shard, s->shard.id, n) == 0 && k->shard[n] == '#' && !is_shard(r, k->stream, k->shard);
}

/* A finished piece is no lane any more.  False: the sink has nothing of this source. */
static bool go_on(struct seeds *l) {
  const struct run *r = l->r;
  const struct source *s = l->source;
  bool known = kept_find(r, s->stream.name, s->shard.id) != NULL;
  if (known)
    add(l, s->shard.id);
  for (const struct kept *k = r->kept; known && k; k = k->next)
    if (is_piece_of(r, k, s) && !k->finished) {
      struct seed *piece = add(l, k->shard);
      piece->piece = true;
      piece->est_rows = -1; /* the extractor told it of the whole shard */
    }
  return known;
}

/* ---- cutting ---------------------------------------------------------------------------------------------------------------------- */

static int32_t refuse(struct seeds *l, const char *what) {
  const struct source *s = l->source;
  err_set(l->e, ETL_E_INTERNAL, "connector %s cut %s/%s in pieces that make no sense: %s", l->r->extract.conn->name, s->stream.name, s->shard.id, what);
  err_remedy(l->e, "report this to the connector's author; parallelism = 1 reads the shard in one piece");
  return ETL_FAILED;
}

static int32_t take_piece(void *arg, const struct etl_part *part) {
  struct seeds *l = arg;
  struct arena *a = l->r->arena;
  bool endless = !*part->id;
  const char *shard = endless ? l->source->shard.id : arena_printf(a, "%s#%s", l->source->shard.id, part->id);
  for (const struct seed *s = l->first; s; s = s->next)
    if (s->source == l->source && strcmp(s->shard, shard) == 0)
      return refuse(l, "one is told twice");
  if (is_shard(l->r, l->source->stream.name, shard) && !endless)
    return refuse(l, "one is named like another shard");
  if (!part->cursor.p)
    return refuse(l, "one does not say where it begins");
  struct seed *s = add(l, shard);
  s->start = (struct etl_bytes){arena_memdup(a, part->cursor.p, part->cursor.n), part->cursor.n};
  s->est_rows = part->est_rows;
  s->text = arena_strdup(a, part->text);
  s->piece = !endless;
  l->endless += endless;
  return ETL_OK;
}

static bool worth_cutting(const struct run *r, const struct source *s) {
  const struct etl_extractor *api = part_extractor(&r->extract);
  return r->spec->parallelism > 1 && ETL_HAS(api, etl_extractor, split) && api->split && !(s->stream.flags & ETL_STREAM_ONCE) &&
         (r->extract.conn->caps & ETL_CAP_PARALLEL_READERS);
}

static int cut(struct seeds *l) {
  struct run *r = l->r;
  const struct source *s = l->source;
  const struct etl_extractor *api = part_extractor(&r->extract);
  struct seed **mark = l->tail;
  size_t before = l->n;
  l->endless = 0;
  if (CALL(&r->extractor.svc, "split",
           api->split(r->extractor.self, &s->stream, &s->shard, (uint64_t)r->spec->parallelism, take_piece, l)) != ETL_OK)
    return l->e->error_class ? -1 : services_take_err(&r->extractor.svc, l->e);
  if (l->n - before < 2) { /* it is not worth it */
    *mark = NULL;
    l->tail = mark;
    l->n = before;
    add(l, s->shard.id);
    return 0;
  }
  bool whole = s->stream.flags & ETL_STREAM_WHOLE;
  if (l->endless != !whole)
    return refuse(l, whole ? "one goes on for good, but the stream has no cursor" : "none goes on with what comes later");
  return 0;
}

/* ---- lanes ------------------------------------------------------------------------------------------------------------------------ */

static int find(struct seeds *l) {
  const struct source *s = l->source;
  bool whole = s->stream.flags & ETL_STREAM_WHOLE;
  if (ranges_wanted(l->r->spec)) {
    add(l, ranges_shard(l->r, s->shard.id))->piece = true;
    return 0;
  }
  if (!whole && go_on(l))
    return 0;
  if (worth_cutting(l->r, s))
    return cut(l);
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
    position_set(&l->at, at->epoch, r->spec->repair ? (struct etl_bytes){0} : at->cursor);
    l->note = at->note;
    l->finished = l->piece && at->finished && !r->spec->repair;
  }
  return backfill && !l->finished ? ranges_of_lane(l, r->spec->repair ? NULL : identity_done(l->note, r->arena), e) : 0;
}

int pieces_make_lanes(struct run *r) {
  struct err e = {0};
  struct seeds l = {.r = r, .tail = &l.first, .e = &e};
  for (const struct source *s = r->sources; s; s = s->next) {
    l.source = s;
    if (find(&l) < 0)
      return run_fail(r, &e, &r->extract);
  }
  struct lane *lanes = xcalloc(l.n, sizeof *lanes);
  r->governor = governor_new(&r->spec->limits, !(r->extract.conn->caps & ETL_CAP_PARALLEL_READERS), &clock_system);
  size_t n = 0;
  int rc = 0;
  for (const struct seed *s = l.first; s && rc == 0; s = s->next)
    rc = make_lane(&lanes[n++], r, s, &e);
  pthread_mutex_lock(&r->lock);
  r->lanes = lanes;
  r->lanes_n = n;
  pthread_mutex_unlock(&r->lock);
  return rc < 0 ? run_fail(r, &e, NULL) : 0;
}

/* ---- start cursors ---------------------------------------------------------------------------------------------------------------- */

static bool is_new(const struct lane *l) { return l->start.p && l->at.epoch == 0 && !(l->stream_flags & ETL_STREAM_WHOLE); }

int pieces_store_starts(struct run *r) {
  struct control_commit c = {0};
  if (r->spec->dry_run || (r->loader_caps & ETL_CAP_ASIDE) || !(r->loader_caps & ETL_CAP_STORES_CURSOR))
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
