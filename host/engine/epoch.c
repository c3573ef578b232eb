/* Epochs: begun at the first row, committed at a cursor, with everything that was set aside on the way. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "engine/identity.h"
#include "engine/outside.h"
#include "engine/quarantine.h"
#include "engine/ranges.h"
#include "engine/writer.h"
#include "etl/sdk.h"

/* The same whenever this epoch is tried; good as a file name. */
static char *epoch_id(const struct lane *l) {
  char *id = xasprintf("%s-%llu", l->shard, (unsigned long long)l->at.epoch + 1);
  for (char *c = id; *c; c++)
    if (strchr("/\\: ", *c))
      *c = '_';
  return id;
}

int epoch_begin(struct writer *w) {
  struct lane *l = w->lane;
  cleanup_free char *id = epoch_id(l);
  struct etl_cursor from = {
    .struct_size = sizeof from, .stream = l->stream, .shard = l->shard, .epoch = l->at.epoch, .cursor = l->at.cursor};
  const struct etl_cursor *list[] = {&from};
  ids_clear(&w->ids);
  w->careful = (l->run->loader_caps & ETL_CAP_CAREFUL) && ((l->stream_flags & ETL_STREAM_ONCE) || w->read_base < l->careful_rows);
  struct etl_txn txn = {.struct_size = sizeof txn,
                        .flags = w->careful ? ETL_TXN_CAREFUL : 0,
                        .id = id,
                        .owner = l->run->owner,
                        .from = list,
                        .from_n = 1};
  if (!l->run->spec->dry_run && CALL(&w->inst.svc, "begin", w->api->begin(w->inst.self, &txn)) != ETL_OK)
    return writer_fail(w);
  w->open = true;
  return 0;
}

/* ---- before the commit ------------------------------------------------------------------------------------------------------------ */

static int fail_here(struct writer *w, const struct err *e) { return lane_fail(w->lane, e, "engine", NULL); }

/* A stream that the transformers declared in an earlier attempt, or only now, has no part in the epoch. */
static bool takes_part(const struct writer *w, size_t out) { return w->outs[out].stream.name || !w->lane->run->spec->transforms_n; }

/* For each stream: read + added = written + filtered + rejected, or nothing is committed. */
static int adds_up(struct writer *w) {
  int64_t read = w->read - w->read_base;
  size_t n = atomic_load(&w->lane->outs_n);
  for (size_t i = 0; i < n; i++) {
    const struct writer_out *o = &w->outs[i];
    int64_t filtered = o->upto.filtered - o->base.filtered, rejected = o->upto.rejected - o->base.rejected;
    int64_t added = o->upto.added - o->base.added;
    if (!takes_part(w, i) || (read + added == o->rows + filtered + rejected && filtered >= 0))
      continue;
    struct err e;
    err_set(&e, ETL_E_INTERNAL,
            "the rows of %s do not add up for %s: %lld read, %lld added, %lld to write, %lld filtered, %lld rejected; nothing of this epoch was committed",
            w->lane->name, w->lane->outs[i].stream, (long long)read, (long long)added, (long long)o->rows, (long long)filtered, (long long)rejected);
    err_remedy(&e, "report this with the pipeline's configuration: a connector or the host counts wrongly");
    return fail_here(w, &e);
  }
  return 0;
}

static int check_share(struct writer *w) {
  const struct lane *l = w->lane;
  const struct reject_limit *limit = l->run->services.limit;
  int64_t rejected = l->rejected + w->rejects.n, read = atomic_load(&l->rows_read) + w->read - w->read_base;
  if (w->rejects.n == 0 || !reject_limit_share(limit, rejected, read))
    return 0;
  struct err e;
  err_set(&e, ETL_E_DATA, "%lld of %lld rows of %s cannot be taken, more than %lld percent; the last one: %.1500s", (long long)rejected,
          (long long)read, l->name, (long long)limit->max_percent, w->rejects.last->message);
  err_remedy(&e, "correct the source, or raise max_percent of quarantine; nothing of this epoch was committed");
  return fail_here(w, &e);
}

static int settle(struct writer *w) {
  if (captures_store(w) < 0)
    return -1;
  if (!w->api->settle || w->lane->run->spec->dry_run)
    return 0;
  int32_t rc = CALL(&w->inst.svc, "settle", w->api->settle(w->inst.self));
  writer_name_rejects(w, w->lane->outs[0].stream);
  if (rc == ETL_OK && captures_settled(w, w->inst.svc.rejects.first) < 0)
    return -1;
  writer_take_rejects(w);
  return rc == ETL_OK ? 0 : rc == ETL_FAILED ? writer_fail(w) : -1;
}

static int store_rejects(struct writer *w) {
  struct lane *l = w->lane;
  const struct spec *spec = l->run->spec;
  struct err e;
  if (spec->dry_run)
    return 0;
  if (!w->api->reject)
    return quarantine_store(spec, l->stream, l->shard, l->at.epoch + 1, l->run->loader_caps & ETL_CAP_ASIDE, &w->rejects, &e) < 0 ? fail_here(w, &e) : 0;
  if (w->rejects.n == 0)
    return 0;
  struct arena *a = arena_new();
  const struct etl_rejected *const *rows = rejects_tell(&w->rejects, l->stream, l->shard, l->at.epoch + 1, a);
  int32_t rc = CALL(&w->inst.svc, "reject", w->api->reject(w->inst.self, rows, (uint64_t)w->rejects.n));
  arena_free(a);
  return rc == ETL_OK ? 0 : rc == ETL_FAILED ? writer_fail(w) : -1;
}

/* ---- the commit --------------------------------------------------------------------------------------------------------------------- */

static struct epoch_sums *sums_of(const struct writer *w) {
  struct epoch_sums *s = xcalloc(1, sizeof *s);
  s->read = w->read - w->read_base;
  s->src_bytes = w->src_bytes;
  s->rejected = w->rejects.n;
  for (size_t i = 0; i < atomic_load(&w->lane->outs_n); i++) {
    const struct writer_out *o = &w->outs[i];
    if (!takes_part(w, i))
      continue;
    s->outs[i] = (struct epoch_counts){.written = o->rows - o->refused,
                                       .filtered = o->upto.filtered - o->base.filtered,
                                       .rejected = o->upto.rejected - o->base.rejected + o->refused,
                                       .added = o->upto.added - o->base.added};
  }
  return s;
}

static void post_ack(struct lane *l) {
  void *copy = xcalloc(1, l->at.cursor.n + 1);
  memcpy(copy, l->at.cursor.p, l->at.cursor.n);
  pthread_mutex_lock(&l->lock);
  free((void *)l->ack.p);
  l->ack = (struct etl_bytes){copy, l->at.cursor.n};
  pthread_cond_broadcast(&l->changed);
  pthread_mutex_unlock(&l->lock);
}

/* The sink holds the epoch. */
static void committed(struct writer *w, const struct epoch_sums *sums) {
  struct lane *l = w->lane;
  lane_count(l, sums);
  position_set(&l->at, l->at.epoch + 1, w->safe.cursor);
  l->finished = w->last;
  for (size_t i = 0; i < atomic_load(&l->outs_n); i++) {
    struct writer_out *o = &w->outs[i];
    o->base = o->upto;
    o->rows = o->refused = o->captured = 0;
  }
  atomic_fetch_sub(&l->in_hand, w->rejects.n);
  rejects_clear(&w->rejects);
  w->known_n = 0;
  w->read_base = w->read;
  w->rows = w->bytes = w->src_bytes = w->since_ns = 0;
  w->open = false;
  atomic_store(&l->want_cursor, 0);
  if (!l->run->spec->dry_run)
    post_ack(l);
}

static int fail_unresolved(struct writer *w, const struct err *why, uint64_t now) {
  struct lane *l = w->lane;
  uint64_t before = l->at.epoch;
  struct err e;
  if (now == before) {
    err_set(&e, ETL_E_RETRYABLE, "%.1500s; the sink was asked and does not hold the epoch", why->message);
    err_remedy(&e, "nothing is lost: the epoch is read again by the next attempt or run");
  } else {
    err_set(&e, ETL_E_FENCED, "%s stands at epoch %llu in the sink, where this run expected %llu or %llu: another run has taken over", l->name,
            (unsigned long long)now, (unsigned long long)before, (unsigned long long)before + 1);
    err_remedy(&e, "run one instance of the pipeline at a time");
  }
  return lane_fail(l, &e, w->inst.svc.stage, w->inst.svc.connector);
}

/* Nobody knows whether the commit holds: what it adds is kept until the sink is asked. */
static int doubt(struct writer *w, struct epoch_sums **sums) {
  struct lane *l = w->lane;
  w->open = false;
  l->doubt = *sums;
  l->doubt_epoch = l->at.epoch + 1;
  *sums = NULL;
  return -1;
}

/* The answer to a commit was lost: a new instance asks the sink, which waits for the old transaction to end. */
static int resolve(struct writer *w, const struct err *why, struct epoch_sums **sums) {
  struct lane *l = w->lane;
  struct ask a = {.lane = l};
  w->open = false;
  writer_close(w);
  if (writer_open(w) < 0)
    return doubt(w, sums);
  if (CALL(&w->inst.svc, "committed", w->api->committed(w->inst.self, ask_each, &a)) != ETL_OK) {
    position_fini(&a.found);
    (void)writer_fail(w);
    return doubt(w, sums);
  }
  uint64_t now = a.found.epoch;
  bool holds = now == l->at.epoch + 1 && a.found.cursor.n == w->safe.cursor.n &&
               memcmp(a.found.cursor.p, w->safe.cursor.p, a.found.cursor.n) == 0;
  position_fini(&a.found);
  if (!holds)
    return fail_unresolved(w, why, now);
  report_event(&l->run->report, "log",
               json_pack("{s:s, s:s, s:s}", "level", "warning", "lane", l->name, "message",
                         "the answer to a commit was lost; the sink was asked and holds the epoch: going on"));
  for (size_t i = 0; i < atomic_load(&l->outs_n); i++)
    if (w->outs[i].schema.release && writer_prepare(w, &w->outs[i]) < 0)
      return doubt(w, sums);
  return 0;
}

static bool can_ask(const struct writer *w) { return w->api->committed && !w->lane->run->outside; }

/* Sends the commit.  0 it holds, -1 it does not or nobody knows: then *sums are kept for when the sink is asked. */
static int send(struct writer *w, struct epoch_sums **sums) {
  struct lane *l = w->lane;
  cleanup_free char *note = identity_note(l, ranges_done(l, w->window_ends));
  struct etl_cursor to = {
    .struct_size = sizeof to, .stream = l->stream, .shard = l->shard, .epoch = l->at.epoch + 1, .cursor = w->safe.cursor};
  to.flags = w->last ? ETL_CURSOR_FINISHED : 0;
  to.note = note;
  const struct etl_cursor *list[] = {&to};
  struct err e;
  if (l->run->spec->dry_run)
    return 0;
  int32_t rc = CALL(&w->inst.svc, "commit", w->api->commit(w->inst.self, list, 1));
  if (rc == ETL_OK && l->run->outside)
    outside_tell(l->run, list, 1);
  if (rc == ETL_OK)
    return 0;
  if (rc == ETL_STOPPED)
    return doubt(w, sums);
  services_take_err(&w->inst.svc, &e);
  if (e.error_class == ETL_E_INDOUBT && can_ask(w))
    return resolve(w, &e, sums);
  (void)writer_refused(w, &e);
  w->open = false;
  return -1;
}

int epoch_commit(struct writer *w) {
  if ((!w->open && epoch_begin(w) < 0) || adds_up(w) < 0 || settle(w) < 0 || check_share(w) < 0 || store_rejects(w) < 0)
    return -1;
  struct epoch_sums *sums = sums_of(w);
  int rc = send(w, &sums);
  if (rc == 0)
    committed(w, sums);
  free(sums);
  return rc;
}

void epoch_abort(struct writer *w) {
  if (!w->open || !w->inst.self || w->lane->run->spec->dry_run)
    return;
  if (CALL(&w->inst.svc, "abort", w->api->abort(w->inst.self)) != ETL_OK) {
    struct err ignored; /* the sink undoes the transaction when the connection goes, which is next */
    services_take_err(&w->inst.svc, &ignored);
  }
  w->open = false;
}
