/* The writer of a lane: takes items, hands their rows to the loader, and decides when an epoch is due. */
#include "engine/writer.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "etl/sdk.h"

enum { REJECTS_SHARE = 4 /* rows set aside may fill 1/REJECTS_SHARE of the lane's part of the budget before they are committed */ };

/* ---- the loader's instance ---------------------------------------------------------------------------------------------------------- */

/* Whether an epoch that the sink refuses for this reason is worth writing again, looking for the rows that are to blame: once, and only if
 * there are rows. */
static bool worth_care(const struct writer *w, const struct err *e) {
  const struct lane *l = w->lane;
  const struct run *r = l->run;
  return e->error_class == ETL_E_DATA && !w->careful && w->open && w->read > w->read_base && l->careful_epoch != l->at.epoch + 1 &&
         (r->loader_caps & ETL_CAP_CAREFUL) && r->services.limit->max_rows > 0;
}

int writer_refused(struct writer *w, const struct err *e) {
  struct lane *l = w->lane;
  if (worth_care(w, e)) {
    l->go_careful = true;
    l->careful_rows = w->read - w->read_base;
    l->careful_epoch = l->at.epoch + 1;
  }
  return lane_fail(l, e, w->inst.svc.stage, w->inst.svc.connector);
}

int writer_fail(struct writer *w) {
  struct err e;
  services_take_err(&w->inst.svc, &e);
  return writer_refused(w, &e);
}

void writer_name_rejects(struct writer *w, const char *stream) {
  for (struct reject *r = w->inst.svc.rejects.first; r; r = r->next)
    if (!r->stream)
      r->stream = xstrdup(stream);
}

void writer_take_rejects(struct writer *w) {
  struct rejects *new = &w->inst.svc.rejects;
  for (struct reject *r = new->first; r; r = r->next)
    for (size_t i = 0; i < atomic_load(&w->lane->outs_n); i++)
      w->outs[i].refused += strcmp(w->lane->outs[i].stream, r->stream) == 0;
  w->bytes += new->bytes;
  rejects_move(new, &w->rejects);
}

int32_t ask_each(void *arg, const struct etl_cursor *c) {
  struct ask *a = arg;
  if (strcmp(c->stream, a->lane->stream) != 0 || strcmp(c->shard, a->lane->shard) != 0)
    return ETL_OK;
  position_set(&a->found, c->epoch, c->cursor);
  a->known = true;
  a->finished = c->flags & ETL_CURSOR_FINISHED;
  return ETL_OK;
}

int writer_ask(struct instance *loader, struct lane *l, struct err *e) {
  const struct etl_loader *api = part_loader(loader->part);
  struct ask a = {.lane = l};
  if (!api->committed || l->run->outside) /* it stands where this worker left it */
    return 0;
  if (CALL(&loader->svc, "committed", api->committed(loader->self, ask_each, &a)) != ETL_OK) {
    position_fini(&a.found);
    return services_take_err(&loader->svc, e);
  }
  position_fini(&l->at);
  l->at = a.found;
  l->finished = a.finished && l->piece;
  if (l->run->spec->repair)
    lane_begin_repair(l);
  return 0;
}

static void writer_wake(void *arg) { instance_cancel(arg); }

int writer_prepare(struct writer *w, struct writer_out *o) {
  if (CALL(&w->inst.svc, "prepare", w->api->prepare(w->inst.self, &o->stream, &o->schema)) != ETL_OK)
    return writer_fail(w);
  return 0;
}

int writer_open(struct writer *w) {
  struct lane *l = w->lane;
  struct run *r = l->run;
  struct err e;
  w->api = part_loader(&r->load);
  atomic_store(&l->loads, true);
  if (instance_open(&w->inst, &r->load, &r->services, r->spec, l->name, run_loader_flags(r), &l->stop, &e) < 0)
    return lane_fail(l, &e, r->load.stage, r->load.conn->name);
  w->inst.svc.in_hand = &l->in_hand;
  if (captures_open(r, &w->inst, &e) < 0)
    return lane_fail(l, &e, r->load.stage, r->load.conn->name);
  lane_set_cancel(l, TARGET_WRITER, writer_wake, &w->inst);
  return 0;
}

void writer_close(struct writer *w) {
  lane_set_cancel(w->lane, TARGET_WRITER, NULL, NULL);
  instance_close(&w->inst);
  atomic_store(&w->lane->loads, false);
}

/* ---- items ---------------------------------------------------------------------------------------------------------------------- */

static int refuse_schema(struct writer *w) {
  struct err e;
  err_set(&e, ETL_E_SCHEMA, "the schema of %s changed in the middle of an epoch, where the source gave no safe point", w->lane->name);
  err_remedy(&e, "run again: the new schema is then taken from the start");
  return lane_fail(w->lane, &e, "engine", NULL);
}

static int take_schema(struct writer *w, struct item *it) {
  const struct lane *l = w->lane;
  struct writer_out *o = &w->outs[it->out];
  if (w->since_ns && !w->safe_here)
    return refuse_schema(w);
  if (w->since_ns && epoch_commit(w) < 0)
    return -1;
  if (!o->stream.name && it->out < it->flows_n) /* what became of rows before the stream began is not its own */
    o->base = o->upto = it->flows[it->out];
  etl_schema_release(&o->schema);
  etl_schema_move(&it->msg.schema, &o->schema);
  stream_decl_free(o->decl);
  o->decl = it->decl;
  it->decl = NULL;
  o->stream = o->decl ? o->decl->stream
                      : (struct etl_stream){.struct_size = sizeof o->stream, .flags = l->stream_flags, .name = l->stream, .key = l->key};
  o->stream.schema = &o->schema;
  return l->run->spec->dry_run ? 0 : writer_prepare(w, o);
}

static int take_rows(struct writer *w, struct item *it) {
  struct writer_out *o = &w->outs[it->out];
  if (!w->open && epoch_begin(w) < 0)
    return -1;
  struct etl_msg m = {.struct_size = sizeof m, .flags = ETL_M_ROWS, .lag_ns = -1};
  o->rows += it->rows;
  w->rows += it->rows;
  if (w->lane->run->spec->dry_run)
    return 0;
  struct capture *captured;
  if (captures_rows(w, o, it, &captured) < 0)
    return -1;
  etl_array_move(&it->msg.rows, &m.rows);
  int32_t rc = CALL(&w->inst.svc, "write", w->api->write(w->inst.self, &o->stream, &m));
  etl_array_release(&m.rows);
  writer_name_rejects(w, o->stream.name);
  if (captured)
    captures_written(o, captured, w->inst.svc.rejects.first);
  writer_take_rejects(w);
  return rc == ETL_OK ? 0 : rc == ETL_STOPPED ? -1 : writer_fail(w);
}

static int sieve(struct writer *w, struct item *it) {
  const struct lane *l = w->lane;
  struct writer_out *o = &w->outs[it->out];
  struct err e;
  if (l->run->sieve(l->run, &w->inst.svc.host, o->stream.name, &o->schema, &it->msg.rows, &e) < 0)
    return lane_fail(w->lane, &e, "engine", NULL);
  o->sieved += it->rows - it->msg.rows.length;
  it->rows = it->msg.rows.length;
  return 0;
}

static void take_counts(struct writer *w, struct item *it) {
  bool moved = it->rows > 0 || it->rejects.n > 0 || it->read != w->read;
  w->read = it->read;
  w->bytes += it->bytes;
  w->src_bytes += (int64_t)it->msg.src_bytes;
  rejects_move(&it->rejects, &w->rejects);
  if (it->flows)
    for (size_t i = 0; i < it->flows_n; i++) {
      w->outs[i].upto = it->flows[i];
      w->outs[i].upto.filtered += w->outs[i].sieved;
    }
  else if (!w->lane->run->spec->transforms_n)
    w->outs[0].upto = (struct flow){.rejected = it->rejected, .filtered = w->outs[0].sieved};
  if (!moved)
    return;
  w->safe_here = false;
  if (!w->since_ns)
    w->since_ns = clock_mono_ns();
}

static bool epoch_due(const struct writer *w) {
  const struct run *r = w->lane->run;
  const struct spec *spec = r->spec;
  int64_t room = spec->memory_bytes / (int64_t)(r->lanes_n * REJECTS_SHARE);
  return w->since_ns && (w->rows >= spec->epoch_rows || w->bytes >= spec->epoch_bytes || w->rejects.bytes >= room ||
                         clock_mono_ns() - w->since_ns >= spec->epoch_time_ns);
}

/* What was in the works when the source failed is behind the last cursor: it counts for nothing. */
static int take_failure(struct writer *w) {
  if (w->since_ns && w->safe_here)
    (void)epoch_commit(w);
  return -1; /* the lane has its reason; what came before is kept */
}

static int take_item(struct writer *w, struct item *it) {
  if ((it->msg.flags & ETL_M_SCHEMA) && take_schema(w, it) < 0)
    return -1;
  if (w->lane->run->sieve && it->msg.rows.release && sieve(w, it) < 0)
    return -1;
  if (captures_take(w, it) < 0)
    return -1;
  take_counts(w, it);
  if (it->msg.rows.release && it->rows > 0 && take_rows(w, it) < 0)
    return -1;
  if (captures_store_some(w) < 0)
    return -1;
  if (it->msg.flags & ETL_M_CURSOR) {
    position_set(&w->safe, 0, it->msg.cursor);
    w->safe_here = true;
  }
  if (it->end || !epoch_due(w))
    return 0;
  if (w->safe_here)
    return epoch_commit(w);
  atomic_store(&w->lane->want_cursor, 1);
  return 0;
}

/* The data ended: what is left is committed.  Rows behind the last cursor mean that the connector broke its promise. */
static int writer_end(struct writer *w) {
  struct lane *l = w->lane;
  const struct etl_bytes *at = &l->at.cursor, *safe = &w->safe.cursor;
  w->window_ends = !l->finished_early && l->run->spec->limit_rows == 0;
  w->last = w->window_ends && l->piece && l->window + 1 >= l->windows_n;
  if (w->last && !safe->p && !at->p && !l->start.p) { /* there never was anything in it, nor is there in the sink */
    l->finished = true;
    return 0;
  }
  if (w->last && !safe->p) /* there was nothing more in it */
    position_set(&w->safe, 0, at->p ? *at : l->start);
  bool moved = w->last || (safe->p && (!at->p || at->n != safe->n || memcmp(at->p, safe->p, at->n) != 0));
  if (!w->since_ns && !moved)
    return 0;
  if (safe->p && (w->safe_here || !w->since_ns))
    return epoch_commit(w);
  struct err e;
  err_set(&e, ETL_E_INTERNAL, "connector %s ended %s without a cursor for its last rows", l->run->extract.conn->name, l->name);
  err_remedy(&e, "report this to the connector's author; nothing of the last epoch was committed");
  return lane_fail(l, &e, l->run->extract.stage, l->run->extract.conn->name);
}

/* Nothing came until the epoch was due. */
static int take_pause(struct writer *w) {
  if (w->safe_here)
    return epoch_commit(w);
  atomic_store(&w->lane->want_cursor, 1);
  return 0;
}

static int writer_loop(struct writer *w) {
  struct lane *l = w->lane;
  for (;;) {
    struct item *it = NULL;
    bool asked = atomic_load(&l->want_cursor);
    int64_t deadline = w->since_ns && !asked ? w->since_ns + l->run->spec->epoch_time_ns : 0;
    enum ring_status st = ring_pop(l->to_writer, deadline, &it);
    if (st == RING_STOPPED)
      return -1;
    if (st == RING_TIMEOUT) {
      if (take_pause(w) < 0)
        return -1;
      continue;
    }
    bool end = it->end, failed = it->failed;
    int rc = failed ? take_failure(w) : take_item(w, it);
    item_free(it);
    if (rc < 0 || end)
      return rc < 0 ? -1 : writer_end(w);
  }
}

static void writer_fini(struct writer *w) {
  for (size_t i = 0; i < LANE_OUTS_MAX; i++) {
    etl_schema_release(&w->outs[i].schema);
    stream_decl_free(w->outs[i].decl);
  }
  rejects_clear(&w->rejects);
  captures_clear(&w->captures);
  ids_clear(&w->ids);
  free(w->known);
  position_fini(&w->safe);
}

int writer_run(struct lane *l) {
  struct writer w = {.lane = l};
  int rc = writer_open(&w);
  if (rc == 0)
    rc = writer_loop(&w);
  if (rc < 0)
    epoch_abort(&w);
  writer_close(&w);
  writer_fini(&w);
  return rc;
}
