/* The writer of a lane, on the lane's own thread: puts batches into epochs and commits each with the lane's cursor.
 *
 * Invariants: a commit covers exactly the rows up to a cursor; the counts add up before it is sent; l->at changes only when the sink
 * has said that the commit holds.  A commit whose answer was lost is resolved by asking the sink through a new instance. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/units.h"
#include "engine/run.h"
#include "etl/sdk.h"

struct writer {
  struct lane *lane;
  struct instance inst;
  const struct etl_loader *api;
  struct ArrowSchema schema; /* in force; for a new instance after an in-doubt commit */
  /* the epoch in hand */
  bool open;           /* begin() was called */
  int64_t opened_ns;
  int64_t rows, bytes;
  int64_t rejected;    /* by the loader, before this epoch's commit */
  struct position safe; /* the last cursor seen; safe_here: nothing came after it */
  bool safe_here;
  struct item_counts upto; /* of the last item taken */
  struct item_counts base; /* at the last commit */
  int64_t written_base, src_bytes;
};

static int writer_fail(struct writer *w) {
  struct err e;
  services_take_err(&w->inst.svc, &e);
  return lane_fail(w->lane, &e, w->inst.svc.stage, w->inst.svc.connector);
}

struct ask { /* committed()'s answers */
  const struct lane *lane;
  struct position found;
  bool known;
};

static int32_t ask_each(void *arg, const struct etl_cursor *c) {
  struct ask *a = arg;
  if (strcmp(c->stream, a->lane->stream) != 0 || strcmp(c->shard, a->lane->shard) != 0)
    return ETL_OK;
  position_set(&a->found, c->epoch, c->cursor);
  a->known = true;
  return ETL_OK;
}

int writer_ask(struct instance *loader, struct lane *l, struct err *e) {
  const struct etl_loader *api = part_loader(loader->part);
  struct ask a = {.lane = l};
  if (!api->committed)
    return 0;
  if (CALL(&loader->svc, "committed", api->committed(loader->self, ask_each, &a)) != ETL_OK) {
    position_fini(&a.found);
    return services_take_err(&loader->svc, e);
  }
  position_fini(&l->at);
  l->at = a.found;
  return 0;
}

static void writer_wake(void *arg) { instance_cancel(arg); }

static int writer_prepare(struct writer *w) {
  struct lane *l = w->lane;
  struct etl_stream s = {.struct_size = sizeof s, .flags = l->stream_flags, .name = l->stream, .schema = &w->schema};
  if (CALL(&w->inst.svc, "prepare", w->api->prepare(w->inst.self, &s, &w->schema)) != ETL_OK)
    return writer_fail(w);
  return 0;
}

static int writer_open(struct writer *w) {
  struct lane *l = w->lane;
  struct run *r = l->run;
  struct err e;
  w->api = part_loader(&r->load);
  if (instance_open(&w->inst, &r->load, &r->services, r->spec, l->name, run_loader_flags(r), &l->stop, &e) < 0)
    return lane_fail(l, &e, r->load.stage, r->load.conn->name);
  lane_set_cancel(l, TARGET_WRITER, writer_wake, &w->inst);
  return 0;
}

static void writer_close(struct writer *w) {
  lane_set_cancel(w->lane, TARGET_WRITER, NULL, NULL);
  instance_close(&w->inst);
}

static int epoch_begin(struct writer *w) {
  struct lane *l = w->lane;
  char id[64];
  struct etl_cursor from = {
    .struct_size = sizeof from, .stream = l->stream, .shard = l->shard, .epoch = l->at.epoch, .cursor = l->at.cursor};
  const struct etl_cursor *list[] = {&from};
  snprintf(id, sizeof id, "%s-%llu", l->shard, (unsigned long long)l->at.epoch + 1);
  struct etl_txn txn = {.struct_size = sizeof txn, .id = id, .owner = l->run->owner, .from = list, .from_n = 1};
  if (!l->run->spec->dry_run && CALL(&w->inst.svc, "begin", w->api->begin(w->inst.self, &txn)) != ETL_OK)
    return writer_fail(w);
  w->open = true;
  w->opened_ns = clock_mono_ns();
  w->rejected = atomic_load(&w->inst.svc.rejected);
  return 0;
}

/* read = written + filtered + rejected, or nothing is committed. */
static int epoch_adds_up(struct writer *w) {
  int64_t read = w->upto.read - w->base.read, filtered = w->upto.filtered - w->base.filtered;
  int64_t rejected = w->upto.rejected - w->base.rejected;
  if (read == w->rows + filtered + rejected && filtered >= 0) /* less than none filtered: more rows came out than went in */
    return 0;
  struct err e;
  err_set(&e, ETL_E_INTERNAL, "the rows of %s do not add up: %lld read, %lld to write, %lld filtered, %lld rejected; nothing of this epoch was committed",
          w->lane->name, (long long)read, (long long)w->rows, (long long)filtered, (long long)rejected);
  err_remedy(&e, "report this with the pipeline's configuration: a connector or the host counts wrongly");
  return lane_fail(w->lane, &e, "host", "etl");
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
static void epoch_committed(struct writer *w) {
  struct lane *l = w->lane;
  int64_t rejected = atomic_load(&w->inst.svc.rejected) - w->rejected;
  atomic_fetch_add(&l->rows_read, w->upto.read - w->base.read);
  atomic_fetch_add(&l->rows_filtered, w->upto.filtered - w->base.filtered);
  atomic_fetch_add(&l->rows_rejected, w->upto.rejected - w->base.rejected + rejected);
  atomic_fetch_add(&l->rows_written, w->rows - rejected);
  atomic_fetch_add(&l->src_bytes, w->src_bytes);
  atomic_fetch_add(&l->epochs, 1);
  position_set(&l->at, l->at.epoch + 1, w->safe.cursor);
  w->base = w->upto;
  w->rows = w->bytes = w->src_bytes = 0;
  w->open = false;
  atomic_store(&l->want_cursor, 0);
  if (!l->run->spec->dry_run)
    post_ack(l);
}

/* The answer to a commit was lost: a new instance asks the sink, which waits for the old transaction to end. */
static int epoch_resolve(struct writer *w, const struct err *why) {
  struct lane *l = w->lane;
  uint64_t before = l->at.epoch;
  struct ask a = {.lane = l};
  struct err e;
  writer_close(w);
  if (writer_open(w) < 0)
    return -1;
  if (CALL(&w->inst.svc, "committed", w->api->committed(w->inst.self, ask_each, &a)) != ETL_OK) {
    position_fini(&a.found);
    return writer_fail(w);
  }
  uint64_t now = a.found.epoch;
  bool same = now == before + 1 && a.found.cursor.n == w->safe.cursor.n && memcmp(a.found.cursor.p, w->safe.cursor.p, a.found.cursor.n) == 0;
  position_fini(&a.found);
  if (same) {
    json_t *j = json_pack("{s:s, s:s, s:s}", "level", "warning", "lane", l->name, "message",
                          "the answer to a commit was lost; the sink was asked and holds the epoch: going on");
    report_event(&l->run->report, "log", j);
    return w->schema.release ? writer_prepare(w) : 0;
  }
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

static int epoch_commit(struct writer *w) {
  struct lane *l = w->lane;
  struct etl_cursor to = {
    .struct_size = sizeof to, .stream = l->stream, .shard = l->shard, .epoch = l->at.epoch + 1, .cursor = w->safe.cursor};
  const struct etl_cursor *list[] = {&to};
  if ((!w->open && epoch_begin(w) < 0) || epoch_adds_up(w) < 0)
    return -1;
  if (!l->run->spec->dry_run && CALL(&w->inst.svc, "commit", w->api->commit(w->inst.self, list, 1)) != ETL_OK) {
    struct err e;
    services_take_err(&w->inst.svc, &e);
    w->open = false;
    if (e.error_class != ETL_E_INDOUBT)
      return lane_fail(l, &e, w->inst.svc.stage, w->inst.svc.connector);
    if (epoch_resolve(w, &e) < 0)
      return -1;
  }
  epoch_committed(w);
  return 0;
}

static void epoch_abort(struct writer *w) {
  if (!w->open || !w->inst.self || w->lane->run->spec->dry_run)
    return;
  if (CALL(&w->inst.svc, "abort", w->api->abort(w->inst.self)) != ETL_OK) {
    struct err ignored; /* the sink undoes the transaction when the connection goes, which is next */
    services_take_err(&w->inst.svc, &ignored);
  }
  w->open = false;
}

/* ---- items ---------------------------------------------------------------------------------------------------------------------- */

static int take_schema(struct writer *w, struct item *it) {
  struct lane *l = w->lane;
  if (w->open && !w->safe_here) {
    struct err e;
    err_set(&e, ETL_E_SCHEMA, "the schema of %s changed in the middle of an epoch, where the source gave no safe point", l->name);
    err_remedy(&e, "run again: the new schema is then taken from the start");
    return lane_fail(l, &e, "host", "etl");
  }
  if (w->open && epoch_commit(w) < 0)
    return -1;
  etl_schema_release(&w->schema);
  etl_schema_move(&it->msg.schema, &w->schema);
  return l->run->spec->dry_run ? 0 : writer_prepare(w);
}

static int take_rows(struct writer *w, struct item *it) {
  struct lane *l = w->lane;
  struct etl_stream s = {.struct_size = sizeof s, .flags = l->stream_flags, .name = l->stream, .schema = &w->schema};
  if (!w->open && epoch_begin(w) < 0)
    return -1;
  struct etl_msg m = {.struct_size = sizeof m, .flags = ETL_M_ROWS, .lag_ns = -1};
  w->rows += it->rows;
  w->bytes += it->bytes;
  w->safe_here = false;
  if (l->run->spec->dry_run)
    return 0;
  etl_array_move(&it->msg.rows, &m.rows);
  int32_t rc = CALL(&w->inst.svc, "write", w->api->write(w->inst.self, &s, &m));
  etl_array_release(&m.rows);
  if (rc == ETL_OK)
    return 0;
  if (rc == ETL_STOPPED)
    return -1;
  return writer_fail(w);
}

static bool epoch_due(const struct writer *w) {
  const struct spec *spec = w->lane->run->spec;
  return w->open && (w->rows >= spec->epoch_rows || w->bytes >= spec->epoch_bytes || clock_mono_ns() - w->opened_ns >= spec->epoch_time_ns);
}

static int take_item(struct writer *w, struct item *it) {
  struct lane *l = w->lane;
  if (!it->failed) /* counts what was in the works when the source failed */
    w->upto = it->upto;
  w->src_bytes += (int64_t)it->msg.src_bytes;
  if ((it->msg.flags & ETL_M_SCHEMA) && take_schema(w, it) < 0)
    return -1;
  if (it->msg.rows.release && it->rows > 0 && take_rows(w, it) < 0)
    return -1;
  if (it->msg.flags & ETL_M_CURSOR) {
    position_set(&w->safe, 0, it->msg.cursor);
    w->safe_here = true;
  }
  if (it->end)
    return 0;
  if (!epoch_due(w))
    return 0;
  if (w->safe_here)
    return epoch_commit(w);
  atomic_store(&l->want_cursor, 1);
  return 0;
}

/* The data ended: what is left is committed.  Rows behind the last cursor mean that the connector broke its promise. */
static int writer_end(struct writer *w) {
  struct lane *l = w->lane;
  const struct etl_bytes *at = &l->at.cursor, *safe = &w->safe.cursor;
  bool moved = safe->p && (!at->p || at->n != safe->n || memcmp(at->p, safe->p, at->n) != 0);
  bool counted = w->upto.read != w->base.read;
  if (!w->open && !moved && !counted)
    return 0;
  if (safe->p && (w->safe_here || !w->open))
    return epoch_commit(w);
  struct err e;
  err_set(&e, ETL_E_INTERNAL, "connector %s ended %s without a cursor for its last rows", l->run->extract.conn->name, l->name);
  err_remedy(&e, "report this to the connector's author; nothing of the last epoch was committed");
  return lane_fail(l, &e, l->run->extract.stage, l->run->extract.conn->name);
}

static int writer_loop(struct writer *w) {
  struct lane *l = w->lane;
  for (;;) {
    struct item *it = NULL;
    int64_t deadline = w->open ? w->opened_ns + l->run->spec->epoch_time_ns : 0;
    bool asked = atomic_load(&l->want_cursor);
    enum ring_status st = ring_pop(l->to_writer, asked ? 0 : deadline, &it);
    if (st == RING_STOPPED)
      return -1;
    if (st == RING_TIMEOUT) {
      if (w->safe_here && epoch_commit(w) < 0)
        return -1;
      if (w->open)
        atomic_store(&l->want_cursor, 1);
      continue;
    }
    bool end = it->end, failed = it->failed;
    int rc = take_item(w, it);
    item_free(it);
    if (rc < 0)
      return -1;
    if (failed) { /* the lane has its reason; what came before is kept */
      if (w->open && w->safe_here)
        (void)epoch_commit(w);
      return -1;
    }
    if (end)
      return writer_end(w);
  }
}

int writer_run(struct lane *l) {
  struct writer w = {.lane = l};
  int rc = writer_open(&w);
  if (rc == 0)
    rc = writer_loop(&w);
  if (rc < 0)
    epoch_abort(&w);
  writer_close(&w);
  etl_schema_release(&w.schema);
  position_fini(&w.safe);
  return rc;
}
