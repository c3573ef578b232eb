/* broken_loader: keeps cursors in memory, which is enough for the one process of a case, and breaks one rule. */
#include <pthread.h>
#include <stdio.h>

#include "how.h"

static const char *const hows[] = {"none", "forgets_commit", "abort_commits", "no_fence", "old_claim", "same_owner", "any_epoch", "cuts_cursor", "no_note",
                                   "ignores_forget", "keeps_rows", "crash_on_null", "careful_fails", "tells_twice", "releases_schema", "reads_past",
                                   "abort_once", "uses_cursor_later", "too_many_bad",
                                   "one_schema", NULL};
static const struct etl_option *const options[] = {HOW_OPTION(hows), NULL};
enum {
  LANES = 16
};
static struct {
  pthread_mutex_t lock;
  uint64_t owner;
  struct {
    char stream[64], shard[64], cursor[4096], note[4096];
    uint64_t epoch, cursor_n;
    uint32_t flags;
    bool has_note;
  } lanes[LANES];
  size_t n;
} store = {.lock = PTHREAD_MUTEX_INITIALIZER};

struct ld {
  const struct etl_host *host;
  const char *how;
  uint64_t owner;
  bool open, careful;
  int64_t columns; /* of the stream that was prepared last */
  struct etl_cursor from;
  char stream[64], shard[64];
};
static bool how(const struct ld *l, const char *name) { return is(l->how, name); }

static int32_t ld_open(const struct etl_open *o, void **self) {
  struct ld *l = calloc(1, sizeof *l);
  *l = (struct ld){.host = o->host, .how = how_of(o, hows)};
  *self = l;
  return ETL_OK;
}
static void ld_close(void *self) { free(self); }

static int32_t ld_claim(void *self, const struct etl_claim *c, uint64_t *ret_owner) {
  struct ld *l = self;
  if (c->owner && c->owner < store.owner && !how(l, "old_claim"))
    return etl_failf(l->host, &ETL_ERROR(ETL_E_FENCED), "a newer run");
  store.owner = c->owner ? c->owner : store.owner + !(how(l, "same_owner") && store.owner);
  *ret_owner = store.owner;
  return ETL_OK;
}
static int32_t ld_committed(void *self, int32_t (*each)(void *arg, const struct etl_cursor *), void *arg) {
  struct ld *l = self;
  int32_t status = ETL_OK;
  for (size_t i = 0; i < store.n && status == ETL_OK; i++) {
    struct etl_cursor c = {.struct_size = sizeof c, .flags = store.lanes[i].flags, .stream = store.lanes[i].stream, .shard = store.lanes[i].shard,
                           .epoch = store.lanes[i].epoch, .cursor = {store.lanes[i].cursor, store.lanes[i].cursor_n},
                           .note = store.lanes[i].has_note && !how(l, "no_note") ? store.lanes[i].note : NULL};
    status = each(arg, &c);
    if (status == ETL_OK && how(l, "tells_twice"))
      status = each(arg, &c);
  }
  return status;
}
static int32_t ld_prepare(void *self, const struct etl_stream *stream, const struct ArrowSchema *schema) {
  struct ld *l = self;
  (void)stream;
  l->columns = schema->n_children;
  if (how(self, "releases_schema"))
    schema->release((struct ArrowSchema *)(uintptr_t)schema);
  return ETL_OK;
}
static int32_t ld_begin(void *self, const struct etl_txn *txn) {
  struct ld *l = self;
  l->owner = txn->owner;
  l->open = true;
  l->careful = txn->flags & ETL_TXN_CAREFUL;
  if (how(l, "reads_past") && ((const volatile char *)txn)[sizeof *txn] == 1)
    l->open = false;
  snprintf(l->stream, sizeof l->stream, "%s", txn->from[0]->stream);
  snprintf(l->shard, sizeof l->shard, "%s", txn->from[0]->shard);
  l->from = *txn->from[0];
  return ETL_OK;
}
static int32_t ld_write(void *self, const struct etl_stream *stream, struct etl_msg *m) {
  struct ld *l = self;
  (void)stream;
  if (how(l, "keeps_rows"))
    return ETL_OK;
  if (how(l, "one_schema") && m->rows.n_children != l->columns)
    abort();
  if (how(l, "crash_on_null") && m->rows.length > 100)
    abort();
  int32_t status = ETL_OK;
  for (int i = 0; i < 1000 && l->careful && how(l, "too_many_bad"); i++)
    etl_reject_raw(l->host, &ETL_ERROR(ETL_E_DATA), (struct etl_bytes){"bad", 3}, 0, "bad");
  if (l->careful && how(l, "careful_fails"))
    status = etl_failf(l->host, &ETL_ERROR(ETL_E_DATA), "a bad row");
  etl_array_release(&m->rows);
  return status;
}

static int32_t move_lane(struct ld *l, const struct etl_cursor *to) {
  size_t i = 0;
  while (i < store.n && (!is(store.lanes[i].stream, to->stream) || !is(store.lanes[i].shard, to->shard)))
    i++;
  if (to->flags & ETL_CURSOR_FORGET) {
    if (i < store.n && !how(l, "ignores_forget"))
      store.lanes[i] = store.lanes[--store.n];
    return ETL_OK;
  }
  uint64_t at = i < store.n ? store.lanes[i].epoch : 0;
  if (at + 1 != to->epoch && !how(l, "any_epoch"))
    return etl_failf(l->host, &ETL_ERROR(ETL_E_FENCED), "another epoch");
  store.n += i == store.n;
  snprintf(store.lanes[i].stream, 64, "%s", to->stream);
  snprintf(store.lanes[i].shard, 64, "%s", to->shard);
  store.lanes[i].epoch = to->epoch;
  store.lanes[i].flags = to->flags;
  store.lanes[i].cursor_n = how(l, "cuts_cursor") ? strnlen(to->cursor.p, to->cursor.n) : to->cursor.n;
  memcpy(store.lanes[i].cursor, to->cursor.p, to->cursor.n);
  store.lanes[i].has_note = to->note != NULL;
  snprintf(store.lanes[i].note, 4096, "%s", to->note ? to->note : "");
  return ETL_OK;
}
static int32_t ld_commit(void *self, const struct etl_cursor *const *to, uint64_t to_n) {
  struct ld *l = self;
  int32_t status = ETL_OK;
  if (l->owner != store.owner && !how(l, "no_fence"))
    return etl_failf(l->host, &ETL_ERROR(ETL_E_FENCED), "a newer run");
  if (how(l, "uses_cursor_later") && *(const volatile char *)l->from.shard == 1)
    return ETL_OK;
  if (how(l, "forgets_commit"))
    return ETL_OK;
  pthread_mutex_lock(&store.lock);
  for (uint64_t i = 0; i < to_n && status == ETL_OK; i++)
    status = move_lane(l, to[i]);
  pthread_mutex_unlock(&store.lock);
  l->open = l->open && status != ETL_OK;
  return status;
}
static int32_t ld_abort(void *self) {
  struct ld *l = self;
  if (how(l, "abort_once") && !l->open)
    return etl_failf(l->host, &ETL_ERROR(ETL_E_PERMANENT), "there is no transaction");
  if (how(l, "abort_commits") && l->open)
    move_lane(l, &(struct etl_cursor){.struct_size = sizeof(struct etl_cursor), .stream = l->stream, .shard = l->shard, .epoch = l->from.epoch + 1, .cursor = {"x", 1}});
  l->open = false;
  return ETL_OK;
}

static const struct etl_common common = {.struct_size = sizeof common, .open = ld_open, .close = ld_close};
static const struct etl_loader api = {.struct_size = sizeof api, .claim = ld_claim, .committed = ld_committed, .prepare = ld_prepare, .begin = ld_begin,
                                      .write = ld_write, .commit = ld_commit, .abort = ld_abort};
ETL_CONNECTOR(ETL_KIND_LOADER, "broken_loader", "1", "MIT", .caps = ETL_CAP_TXN | ETL_CAP_STORES_CURSOR | ETL_CAP_CAREFUL, .summary = "Breaks a rule",
              .options = options, .common = &common, .api = &api);
