/* Ids of records: those of a lot follow each other, and the loader says what a lot is called, so that no two runs meet.  A record as it was
 * loaded has the id of the one as it came, which lies in the same epoch.  The lane's own thread. */
#include <stdlib.h>
#include <string.h>

#include "engine/writer.h"

struct lot { /* of the epoch in hand */
  struct lot *next;
  char *table_stream; /* NULL: of records as they came */
  int64_t id, left;   /* of the next record; how many more there may be */
};
struct came { /* records as they came that have ids, by the numbers of their rows */
  int64_t number, n, id;
};
static const int64_t lot_records = INT64_C(1) << ETL_CAPTURE_LOT_BITS;

void ids_clear(struct capture_ids *ids) {
  for (struct lot *l = ids->lots, *next; l; l = next) {
    next = l->next;
    free(l->table_stream);
    free(l);
  }
  free(ids->came);
  *ids = (struct capture_ids){0};
}

int64_t ids_of_row(const struct capture_ids *ids, int64_t number) {
  for (size_t i = ids->came_n; number && i > 0; i--) {
    const struct came *c = &ids->came[i - 1];
    if (number >= c->number && number - c->number < c->n)
      return c->id + number - c->number;
  }
  return 0;
}

static void remember(struct capture_ids *ids, int64_t number, int64_t n, int64_t id) {
  struct came *last = ids->came_n ? &ids->came[ids->came_n - 1] : NULL;
  if (last && last->number + last->n == number && last->id + last->n == id) {
    last->n += n;
    return;
  }
  ids->came = xrealloc(ids->came, (ids->came_n + 1) * sizeof *ids->came);
  ids->came[ids->came_n++] = (struct came){number, n, id};
}

static struct lot *lot_of(struct capture_ids *ids, const char *table_stream) {
  struct lot *l = ids->lots;
  while (l && (!l->table_stream != !table_stream || (table_stream && strcmp(l->table_stream, table_stream) != 0)))
    l = l->next;
  if (l)
    return l;
  l = xcalloc(1, sizeof *l);
  *l = (struct lot){.next = ids->lots, .table_stream = table_stream ? xstrdup(table_stream) : NULL};
  return ids->lots = l;
}

static int too_many(struct writer *w) {
  struct err e;
  err_set(&e, ETL_E_PERMANENT, "a batch of %s has more than %lld rows, which is more than can be captured at once", w->lane->name,
          (long long)lot_records);
  err_remedy(&e, "lower rows of batch");
  return lane_fail(w->lane, &e, "engine", NULL);
}

static int next_lot(struct writer *w, struct lot *l) {
  struct etl_capture_lot lot = {.struct_size = sizeof lot,
                                .stream = w->lane->stream,
                                .shard = w->lane->shard,
                                .epoch = w->lane->at.epoch + 1,
                                .table_stream = l->table_stream};
  int64_t id;
  const struct etl_capture *api = captures_api(w);
  int32_t rc = CALL(&w->inst.svc, "lot", api->lot(w->inst.self, &lot, &id));
  if (rc != ETL_OK)
    return rc == ETL_FAILED ? writer_fail(w) : -1;
  l->id = id * lot_records;
  l->left = lot_records;
  return 0;
}

int ids_give(struct writer *w, struct capture *c) {
  struct lot *l = lot_of(&w->ids, c->status ? c->stream : NULL);
  if (c->n > lot_records)
    return too_many(w);
  if (l->left < c->n && next_lot(w, l) < 0)
    return -1;
  if (!c->status)
    remember(&w->ids, c->first, c->n, l->id);
  for (int64_t i = 0; c->raw && i < c->n; i++)
    c->raw[i] = ids_of_row(&w->ids, c->raw[i]);
  c->first = l->id;
  l->id += c->n;
  l->left -= c->n;
  return 0;
}
