/* Positions on their way from worker to store: of each lane the newest, all that wait in one transaction. */
#include "serve/positions.h"

#include <stdlib.h>

#include "base/member.h"

static bool sink_stores(const struct serve *s, const char *path) {
  struct err e;
  const struct description *d = describes_get(s->describes, path, &e);
  bool stores = !d || !d->connectors[ETL_KIND_LOADER] || (d->connectors[ETL_KIND_LOADER]->caps & ETL_CAP_STORES_CURSOR);
  describes_put(s->describes, d);
  return stores;
}

int positions_start(struct running *r, struct spec *spec, struct err *e) {
  struct store_cursor *list;
  size_t n;
  if (sink_stores(r->serve, spec->load.path))
    return 0;
  if (store_cursors(r->serve->store, r->run.pipeline, spec->arena, &list, &n, e) < 0)
    return -1;
  spec->cursors = json_array();
  for (size_t i = 0; i < n; i++)
    json_array_append_new(spec->cursors, json_pack("{s:s, s:s, s:I, s:s*}", "stream", list[i].stream, "shard", list[i].shard, "epoch",
                                                   (json_int_t)list[i].epoch, "state", list[i].cursor));
  return 0;
}

static bool is_same_lane(const json_t *a, const json_t *b) {
  return json_equal(json_object_get(a, "stream"), json_object_get(b, "stream")) && json_equal(json_object_get(a, "shard"), json_object_get(b, "shard"));
}

static void wait_for_store(struct running *r, json_t *lane) {
  json_t *old;
  size_t i;
  if (!member_text(lane, "stream") || !member_text(lane, "shard"))
    return;
  if (!r->positions)
    r->positions = json_array();
  json_array_foreach(r->positions, i, old) {
    if (is_same_lane(old, lane)) {
      json_array_set(r->positions, i, lane);
      return;
    }
  }
  json_array_append(r->positions, lane);
}

void positions_take(struct running *r, const json_t *committed) {
  json_t *lane;
  size_t i;
  json_array_foreach(json_object_get(committed, "cursors"), i, lane)
    wait_for_store(r, lane);
  (void)positions_store(r); /* with the next one, or the outcome, if the store is away */
}

int positions_store(struct running *r) {
  struct serve *s = r->serve;
  size_t n = json_array_size(r->positions);
  struct err e;
  if (n == 0)
    return 0;
  if (s->store_away)
    return -1;
  struct store_cursor *list = xcalloc(n, sizeof *list);
  for (size_t i = 0; i < n; i++) {
    const json_t *lane = json_array_get(r->positions, i);
    list[i] = (struct store_cursor){.pipeline = r->run.pipeline,
                                    .stream = member_text(lane, "stream"),
                                    .shard = member_text(lane, "shard"),
                                    .owner = r->run.fence,
                                    .epoch = member_number(lane, "epoch"),
                                    .cursor = member_text(lane, "state")};
  }
  int rc = store_cursors_put(s->store, list, n, &e);
  free(list);
  if (rc < 0 && serve_store_failed(s, &e))
    return -1;
  json_array_clear(r->positions);
  if (rc < 0)
    running_cancel(r, STOP_NOW, WHY_LEASE, "it is stopped: where it stands could not be stored, as a newer run has taken over");
  return 0;
}
