/* The run's own transactions. */
#include "engine/control.h"

#include "engine/outside.h"

static struct etl_cursor *one(struct run *r, const struct lane *l, uint64_t epoch) {
  struct etl_cursor *c = arena_alloc(r->arena, sizeof *c);
  *c = (struct etl_cursor){.struct_size = sizeof *c, .stream = l->stream, .shard = l->shard, .epoch = epoch};
  return c;
}

void control_add(struct control_commit *c, struct run *r, const struct lane *l, struct etl_bytes cursor, uint32_t flags, const char *note) {
  c->from = arena_more(r->arena, c->from, c->n, sizeof *c->from);
  c->to = arena_more(r->arena, c->to, c->n, sizeof *c->to);
  struct etl_cursor *from = one(r, l, l->at.epoch), *to = one(r, l, l->at.epoch + 1);
  from->cursor = l->at.cursor;
  to->cursor = cursor;
  to->flags = flags;
  to->note = note;
  c->from[c->n] = from;
  c->to[c->n++] = to;
}

int control_commit(const struct control_commit *c, struct run *r, const char *id) {
  const struct etl_loader *api = part_loader(&r->load);
  struct instance *in = &r->control;
  struct etl_txn txn = {.struct_size = sizeof txn, .id = id, .owner = r->owner, .from = (const struct etl_cursor *const *)c->from, .from_n = c->n};
  if (c->n == 0)
    return 0;
  if (r->outside) {
    outside_tell(r, (const struct etl_cursor *const *)c->to, c->n);
    return 0;
  }
  if (CALL(&in->svc, "begin", api->begin(in->self, &txn)) == ETL_OK &&
      CALL(&in->svc, "commit", api->commit(in->self, (const struct etl_cursor *const *)c->to, c->n)) == ETL_OK)
    return 0;
  struct err e, ignored;
  services_take_err(&in->svc, &e);
  if (CALL(&in->svc, "abort", api->abort(in->self)) != ETL_OK)
    services_take_err(&in->svc, &ignored); /* the sink undoes it when the connection goes */
  return stop_mode(&r->stop) == STOP_NOW ? -1 : run_fail(r, &e, &r->load);
}
