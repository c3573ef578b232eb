/* Calls of a loader in the order that a run makes them. */
#include "kit/epoch.h"

#include <stdlib.h>
#include <string.h>

void run_lane_open(struct run *r, const char *shard, struct kit_instance *ret) {
  kit_open(r->k, ret, (struct kit_where){.pipeline = r->pipeline, .run = r->id, .lane = shard});
}

int32_t run_claim(struct run *r, uint64_t owner) {
  struct given g = kit_given(r->k);
  const struct etl_claim c = {.run = give_text(&g, r->id), .owner = owner};
  uint64_t got = 0;
  int32_t status = KIT_CALL(&r->control.host, "claim()", r->k->loader->claim(r->control.self, GIVE(&g, etl_claim, &c), &got));
  given_shut(&g);
  if (status == ETL_OK) {
    kit_must(r->k, got && (!owner || got == owner), "struct etl_claim: owner: 0: the sink picks one greater than all before; else the host's own",
             "claim() with the owner %llu gives %llu", (unsigned long long)owner, (unsigned long long)got);
    r->owner = got;
  }
  return status;
}

void run_start(struct run *r, struct kit *k, const char *id) {
  memset(r, 0, sizeof *r);
  r->k = k;
  r->pipeline = "check";
  snprintf(r->id, sizeof r->id, "%s", id);
  kit_open(k, &r->control, (struct kit_where){.pipeline = r->pipeline, .run = r->id});
  if (k->loader->claim)
    kit_need(&r->control.host, "claim()", run_claim(r, 0));
  if (k->loader->committed) {
    struct place p;
    run_place(r, "0", &p);
    place_fini(&p);
  }
  if (k->loader->run_begin)
    KIT_OK(&r->control.host, "run_begin()", k->loader->run_begin(r->control.self, r->id));
}

void run_end(struct run *r) {
  if (r->k->loader->run_end)
    KIT_OK(&r->control.host, "run_end()", r->k->loader->run_end(r->control.self, r->id, 1));
  kit_close(&r->control);
}

struct looking {
  struct kit *k;
  const char *shard;
  struct place *place;
};

static int32_t each(void *arg, const struct etl_cursor *c) {
  static const char where[] = "struct etl_loader: committed: what the sink itself says is committed for this pipeline";
  struct looking *l = arg;
  kit_must(l->k, ETL_HAS(c, etl_cursor, cursor) && c->stream && c->shard, "struct etl_cursor", "committed() told a lane without stream or shard");
  if (strcmp(c->stream, EPOCH_STREAM) != 0 || strcmp(c->shard, l->shard) != 0)
    return ETL_OK;
  kit_must(l->k, !l->place->cursor, where, "committed() told the lane %s/%s twice", c->stream, c->shard);
  const char *note = ETL_HAS(c, etl_cursor, note) ? c->note : NULL;
  *l->place = (struct place){.epoch = c->epoch, .cursor = xcalloc(c->cursor.n + 1, 1), .note = note ? xstrdup(note) : NULL, .cursor_n = c->cursor.n, .flags = c->flags};
  if (c->cursor.n)
    memcpy(l->place->cursor, c->cursor.p, c->cursor.n);
  return ETL_OK;
}

void place_fini(struct place *p) {
  free(p->cursor);
  free(p->note);
}

void run_place(struct run *r, const char *shard, struct place *ret) {
  *ret = (struct place){0};
  KIT_OK(&r->control.host, "committed()", r->k->loader->committed(r->control.self, each, &(struct looking){r->k, shard, ret}));
}

static const struct etl_stream *give_stream(struct given *g, const struct epoch *e, const struct ArrowSchema *s) {
  const struct etl_stream stream = {.name = give_text(g, e->stream), .schema = s};
  return GIVE(g, etl_stream, &stream);
}

int32_t epoch_prepare(struct epoch *e, const struct ArrowSchema *s) {
  struct kit *k = e->r->k;
  struct given g = kit_given(k);
  struct ArrowSchema lent;
  etl_schema_release(&e->schema);
  kit_must(k, etl_schema_copy(s, &e->schema) == 0 && etl_schema_copy(s, &lent) == 0, NULL, "no memory");
  int32_t status = KIT_CALL(&e->i->host, "prepare()", k->loader->prepare(e->i->self, give_stream(&g, e, &lent), &lent));
  given_shut(&g);
  kit_must(k, lent.release, "struct etl_loader: prepare: const struct ArrowSchema *", "prepare() released the schema that it was lent");
  etl_schema_release(&lent);
  return status;
}

void epoch_init(struct epoch *e, struct run *r, struct kit_instance *i, const char *shard) {
  struct kit *k = r->k;
  struct ArrowSchema s;
  *e = (struct epoch){.r = r, .i = i, .shard = shard, .stream = EPOCH_STREAM, .claimed = r->owner};
  if (k->loader->committed) {
    struct place p;
    run_place(r, shard, &p);
    e->from = p.epoch;
    place_fini(&p);
  }
  kit_schema(k, !k->narrow, &s);
  int32_t status = epoch_prepare(e, &s);
  etl_schema_release(&s);
  if (status == ETL_FAILED && !k->narrow && k->columns[0]) {
    k->narrow = true;
    kit_schema(k, false, &s);
    status = epoch_prepare(e, &s);
    etl_schema_release(&s);
  }
  if (status != ETL_OK)
    kit_fail(k, NULL, "prepare() failed: %s; give it the columns it wants with --column NAME=FORMAT", i->host.err.message);
}

void epoch_fini(struct epoch *e) { etl_schema_release(&e->schema); }

static const struct etl_cursor *give_cursor(struct given *g, const struct epoch *e, uint64_t epoch, const char *cursor) {
  const struct etl_cursor c = {.stream = give_text(g, EPOCH_STREAM), .shard = give_text(g, e->shard), .epoch = epoch,
                               .cursor = {cursor ? give(g, cursor, strlen(cursor)) : NULL, cursor ? strlen(cursor) : 0}};
  return GIVE(g, etl_cursor, &c);
}

int32_t kit_epoch_begin(struct epoch *e) {
  struct kit *k = e->r->k;
  struct given g = kit_given(k);
  char id[64];
  snprintf(id, sizeof id, "%s-%llu", e->shard, (unsigned long long)e->from + 1);
  const struct etl_cursor **from = give(&g, NULL, 0);
  const struct etl_cursor *at = give_cursor(&g, e, e->from, NULL);
  from = give(&g, &at, sizeof at);
  const struct etl_txn txn = {.flags = e->flags, .id = give_text(&g, id), .owner = e->claimed, .from = from, .from_n = 1};
  int32_t status = KIT_CALL(&e->i->host, "begin()", k->loader->begin(e->i->self, GIVE(&g, etl_txn, &txn)));
  given_shut(&g);
  return status;
}

int32_t epoch_write(struct epoch *e, int64_t rows, uint64_t seed, struct kit_slice slice) {
  struct kit *k = e->r->k;
  struct given g = kit_given(k);
  struct etl_msg m = {.flags = ETL_M_ROWS, .lag_ns = -1};
  kit_rows(k, &e->schema, rows, seed, slice, &m.rows);
  struct etl_msg *in = GIVE(&g, etl_msg, &m);
  int32_t status = KIT_CALL(&e->i->host, "write()", k->loader->write(e->i->self, give_stream(&g, e, NULL), in));
  kit_must(k, !in->rows.release, "struct etl_loader: write: takes rows, always", "write() gave the status %d and left the rows where they were", status);
  given_shut(&g);
  return status;
}

int32_t epoch_settle(struct epoch *e) {
  const struct etl_loader *l = e->r->k->loader;
  if (!ETL_HAS(l, etl_loader, settle) || !l->settle)
    return ETL_OK;
  return KIT_CALL(&e->i->host, "settle()", l->settle(e->i->self));
}

int32_t kit_epoch_commit(struct epoch *e, const char *cursor) {
  struct kit *k = e->r->k;
  struct given g = kit_given(k);
  const struct etl_cursor *to = give_cursor(&g, e, e->from + 1, cursor), **list = give(&g, &to, sizeof to);
  int32_t status = KIT_CALL(&e->i->host, "commit()", k->loader->commit(e->i->self, list, 1));
  given_shut(&g);
  e->from += status == ETL_OK;
  return status;
}

int32_t kit_epoch_abort(struct epoch *e) { return KIT_CALL(&e->i->host, "abort()", e->r->k->loader->abort(e->i->self)); }

static bool refused_for_data(struct epoch *e, int32_t status, const char *what) {
  if (status == ETL_FAILED && e->i->host.err.error_class == ETL_E_DATA)
    return true;
  kit_need(&e->i->host, what, status);
  return false;
}

static bool lands(struct epoch *e, int64_t rows, uint64_t seed, struct kit_slice slice, const char *cursor) {
  kit_need(&e->i->host, "begin()", kit_epoch_begin(e));
  bool bad = refused_for_data(e, epoch_write(e, rows, seed, slice), "write()") || refused_for_data(e, epoch_settle(e), "settle()") ||
             refused_for_data(e, kit_epoch_commit(e, cursor), "commit()");
  if (bad)
    kit_need(&e->i->host, "abort()", kit_epoch_abort(e));
  return !bad;
}

void epoch_whole(struct epoch *e, int64_t rows, uint64_t seed, struct kit_slice slice, const char *cursor) {
  struct kit *k = e->r->k;
  if (lands(e, rows, seed, slice, cursor) || !(kit_caps(e->i) & ETL_CAP_CAREFUL))
    return;
  e->flags = ETL_TXN_CAREFUL;
  kit_must(k, lands(e, rows, seed, slice, cursor), "ETL_TXN_CAREFUL: find them and bad_row() each, keep the others", "a careful epoch fails for its data: %s",
           e->i->host.err.message);
  e->flags = 0;
}
