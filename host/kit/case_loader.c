/* Cases about loaders: their epochs, and who may commit. */
#include <string.h>

#include "kit/cases.h"
#include "kit/epoch.h"

#define WHERE_COMMIT "struct etl_loader: commit: rows and cursors in ONE transaction, compare-and-set on (owner, epoch)"

static const struct kit_slice none = {0, 0};

static void needs_cursors(struct kit *k, struct kit_instance *i) {
  if (!(kit_caps(i) & ETL_CAP_STORES_CURSOR))
    kit_skip(k, "it does not have ETL_CAP_STORES_CURSOR");
}

/* The lane is at that epoch with that cursor. */
static void must_be_at(struct run *r, const char *shard, uint64_t epoch, const char *cursor, const char *when) {
  struct place p;
  run_place(r, shard, &p);
  kit_must(r->k, p.epoch == epoch, WHERE_COMMIT, "%s committed() tells epoch %llu, not %llu", when, (unsigned long long)p.epoch, (unsigned long long)epoch);
  kit_must(r->k, !cursor || (p.cursor && p.cursor_n == strlen(cursor) && memcmp(p.cursor, cursor, p.cursor_n) == 0), WHERE_COMMIT,
           "%s committed() tells the cursor \"%.*s\", not \"%s\"", when, (int)(p.cursor_n > 80 ? 80 : p.cursor_n), p.cursor ? p.cursor : "", cursor);
  place_fini(&p);
}

int32_t loader_whole(struct kit *k, struct kit_instance *i, unsigned n) {
  struct run r;
  struct kit_instance lane;
  struct epoch e;
  char cursor[32];
  (void)i; /* only opened: a run has instances of its own */
  run_start(&r, k, "run1");
  run_lane_open(&r, "0", &lane);
  epoch_init(&e, &r, &lane, "0");
  snprintf(cursor, sizeof cursor, "cursor %u", n);
  epoch_whole(&e, 30, k->seed + n, none, cursor);
  epoch_fini(&e);
  kit_close(&lane);
  run_end(&r);
  return ETL_OK;
}

struct beside {
  struct epoch e;
  struct kit_instance lane;
};
static void *write_beside(void *arg) {
  struct beside *b = arg;
  for (uint64_t n = 0; n < 6; n++)
    epoch_whole(&b->e, 25, n, none, "side by side");
  return NULL;
}
void loader_beside(struct kit *k) {
  static const char *const shards[] = {"a", "b"};
  struct run r;
  struct beside b[2];
  pthread_t t[2];
  run_start(&r, k, "run1");
  for (size_t n = 0; n < 2; n++) {
    run_lane_open(&r, shards[n], &b[n].lane);
    epoch_init(&b[n].e, &r, &b[n].lane, shards[n]);
  }
  for (size_t n = 0; n < 2; n++)
    kit_must(k, pthread_create(&t[n], NULL, write_beside, &b[n]) == 0, NULL, "no thread");
  for (size_t n = 0; n < 2; n++)
    pthread_join(t[n], NULL);
  for (size_t n = 0; n < 2; n++) {
    if (k->loader->committed)
      must_be_at(&r, shards[n], b[n].e.from, NULL, "after two lanes side by side");
    epoch_fini(&b[n].e);
    kit_close(&b[n].lane);
  }
  run_end(&r);
  kit_must_be_released(k);
}

void case_commit(struct kit *k) {
  struct run r;
  struct kit_instance lane;
  struct epoch e;
  run_start(&r, k, "run1");
  needs_cursors(k, &r.control);
  run_lane_open(&r, "0", &lane);
  epoch_init(&e, &r, &lane, "0");
  uint64_t first = e.from;
  for (uint64_t n = 0; n < 3; n++) {
    char cursor[32];
    snprintf(cursor, sizeof cursor, "at %llu", (unsigned long long)n);
    epoch_whole(&e, 20, k->seed + n, none, cursor);
    if (e.from == first + n + 1)
      must_be_at(&r, "0", e.from, cursor, "after commit()");
    else
      kit_skip(k, "the rows of the check are refused by the sink: give it other columns with --column");
  }
  epoch_fini(&e);
  kit_close(&lane);
  run_end(&r);
  run_start(&r, k, "run2");
  must_be_at(&r, "0", first + 3, "at 2", "in the next run");
  run_end(&r);
  kit_must_be_released(k);
}

/* Rows that the sink refuses are rows as well. */
static void write_some(struct epoch *e) {
  int32_t status = epoch_write(e, 20, e->r->k->seed, none);
  if (status != ETL_FAILED || e->i->host.err.error_class != ETL_E_DATA)
    kit_need(&e->i->host, "write()", status);
}

void case_abort(struct kit *k) {
  struct run r;
  struct kit_instance lane;
  struct epoch e;
  run_start(&r, k, "run1");
  run_lane_open(&r, "0", &lane);
  needs_cursors(k, &lane);
  epoch_init(&e, &r, &lane, "0");
  uint64_t first = e.from;
  for (unsigned n = 0; n < 2; n++) {
    kit_need(&lane.host, "begin()", kit_epoch_begin(&e));
    write_some(&e);
    if (n)
      epoch_settle(&e); /* whatever it says */
    kit_need(&lane.host, "abort()", kit_epoch_abort(&e));
    kit_need(&lane.host, "abort() again", kit_epoch_abort(&e));
    must_be_at(&r, "0", first, NULL, "after abort()");
  }
  kit_close(&lane);
  run_lane_open(&r, "0", &lane); /* without abort(): closing undoes as well */
  epoch_fini(&e);
  epoch_init(&e, &r, &lane, "0");
  kit_need(&lane.host, "begin()", kit_epoch_begin(&e));
  write_some(&e);
  kit_close(&lane);
  must_be_at(&r, "0", first, NULL, "after close() within an epoch");
  run_lane_open(&r, "0", &lane);
  epoch_fini(&e);
  epoch_init(&e, &r, &lane, "0");
  epoch_whole(&e, 20, k->seed, none, "after abort");
  if (e.from > first)
    must_be_at(&r, "0", first + 1, "after abort", "after the same epoch again");
  epoch_fini(&e);
  kit_close(&lane);
  run_end(&r);
  kit_must_be_released(k);
}

static int32_t try_epoch(struct epoch *e, int64_t rows) {
  int32_t status = kit_epoch_begin(e);
  if (status == ETL_OK && rows)
    status = epoch_write(e, rows, 1, none);
  if (status == ETL_OK)
    status = epoch_settle(e);
  return status == ETL_OK ? kit_epoch_commit(e, "must not be") : status;
}

/* Somewhere on its way the epoch must be refused, with the class fenced. */
static void must_be_refused(struct epoch *e, const char *why) {
  int32_t status = try_epoch(e, 10);
  if (status == ETL_FAILED && e->i->host.err.error_class == ETL_E_DATA) { /* of the rows, not of the epoch: once more without */
    kit_need(&e->i->host, "abort()", kit_epoch_abort(e));
    status = try_epoch(e, 0);
  }
  kit_must(e->r->k, status == ETL_FAILED, WHERE_COMMIT, "an epoch was committed, although %s", why);
  kit_must(e->r->k, e->i->host.err.error_class == ETL_E_FENCED, "ETL_E_FENCED: a newer run owns this lane", "when %s, it fails with the class %s: %s", why,
           err_class_name(e->i->host.err.error_class), e->i->host.err.message);
  kit_need(&e->i->host, "abort() after a refused commit", kit_epoch_abort(e));
}

void case_fence(struct kit *k) {
  struct run old, new;
  struct kit_instance lane;
  struct epoch e;
  run_start(&old, k, "run1");
  run_lane_open(&old, "0", &lane);
  needs_cursors(k, &lane);
  epoch_init(&e, &old, &lane, "0");
  uint64_t first = e.from;
  run_start(&new, k, "run2");
  kit_must(k, new.owner > old.owner, "struct etl_claim: owner: 0: the sink picks one greater than all before", "the owner %llu comes after %llu",
           (unsigned long long)new.owner, (unsigned long long)old.owner);
  must_be_refused(&e, "a newer run has claimed the pipeline");
  must_be_at(&new, "0", first, NULL, "after a fenced commit");
  uint64_t owner = old.owner;
  kit_must(k, run_claim(&old, owner) == ETL_FAILED && old.control.host.err.error_class == ETL_E_FENCED, "claim: refuses (ETL_E_FENCED) an owner smaller than one seen",
           "claim() with the owner %llu is not refused, and %llu was seen", (unsigned long long)owner, (unsigned long long)new.owner);
  epoch_fini(&e);
  kit_close(&lane);
  run_lane_open(&new, "0", &lane);
  epoch_init(&e, &new, &lane, "0");
  epoch_whole(&e, 10, k->seed, none, "the newer run");
  epoch_fini(&e);
  kit_close(&lane);
  kit_close(&old.control);
  run_end(&new);
  kit_must_be_released(k);
}

void case_epochs(struct kit *k) {
  struct run r;
  struct kit_instance lane;
  struct epoch e;
  run_start(&r, k, "run1");
  run_lane_open(&r, "0", &lane);
  needs_cursors(k, &lane);
  epoch_init(&e, &r, &lane, "0");
  uint64_t first = e.from;
  epoch_whole(&e, 10, k->seed, none, "once");
  if (e.from == first)
    kit_skip(k, "the rows of the check are refused by the sink: give it other columns with --column");
  e.from = first;
  must_be_refused(&e, "the lane has this epoch already");
  must_be_at(&r, "0", first + 1, "once", "after an epoch that was sent twice");
  e.from = first + 1;
  epoch_whole(&e, 10, k->seed + 1, none, "twice");
  must_be_at(&r, "0", first + 2, "twice", "after the next epoch");
  epoch_fini(&e);
  kit_close(&lane);
  run_end(&r);
  kit_must_be_released(k);
}

enum {
  LANES = 3,
  LONG = 2000
};
struct stored {
  const char *shard, *note;
  const char *cursor;
  size_t cursor_n;
  uint32_t flags;
  uint64_t from;
};

/* All at once on the run's own instance, without rows. */
static int32_t store(struct run *r, struct stored *s, size_t n, uint32_t flags) {
  struct kit *k = r->k;
  struct given g = kit_given(k);
  const struct etl_cursor *from[LANES], *to[LANES];
  for (size_t i = 0; i < n; i++) {
    struct etl_cursor c = {.stream = give_text(&g, EPOCH_STREAM), .shard = give_text(&g, s[i].shard), .epoch = s[i].from};
    from[i] = GIVE(&g, etl_cursor, &c);
    c.epoch++;
    c.flags = s[i].flags | flags;
    c.cursor = (struct etl_bytes){give(&g, s[i].cursor, s[i].cursor_n), s[i].cursor_n};
    c.note = give_text(&g, s[i].note);
    to[i] = GIVE(&g, etl_cursor, &c);
  }
  const struct etl_txn txn = {.id = give_text(&g, "cursors"), .owner = r->owner, .from = give(&g, from, n * sizeof *from), .from_n = n};
  KIT_OK(&r->control.host, "begin() on the run's own instance", k->loader->begin(r->control.self, GIVE(&g, etl_txn, &txn)));
  int32_t status = KIT_CALL(&r->control.host, "commit() of cursors alone", k->loader->commit(r->control.self, give(&g, to, n * sizeof *to), n));
  given_shut(&g);
  return status;
}

static void must_be_stored(struct run *r, const struct stored *s) {
  static const char where[] = "struct etl_cursor: cursor: opaque to the host; note: to be stored and told as it is";
  struct place p;
  run_place(r, s->shard, &p);
  kit_must(r->k, p.cursor && p.epoch == s->from + 1, where, "lane %s is at epoch %llu, not %llu", s->shard, (unsigned long long)p.epoch,
           (unsigned long long)s->from + 1);
  kit_must(r->k, p.cursor_n == s->cursor_n && memcmp(p.cursor, s->cursor, s->cursor_n) == 0, where, "lane %s has another cursor than was committed (%zu bytes, not %zu)",
           s->shard, p.cursor_n, s->cursor_n);
  kit_must(r->k, (p.note && s->note && strcmp(p.note, s->note) == 0) || p.note == s->note, where, "lane %s has the note \"%s\", not \"%s\"", s->shard,
           p.note ? p.note : "(none)", s->note ? s->note : "(none)");
  kit_must(r->k, (p.flags & ETL_CURSOR_FINISHED) == s->flags, "ETL_CURSOR_FINISHED", "lane %s has the flags %#x, not %#x", s->shard, p.flags, s->flags);
  place_fini(&p);
}

void case_cursors(struct kit *k) {
  struct run r;
  char bytes[LONG];
  for (size_t i = 0; i < sizeof bytes; i++)
    bytes[i] = (char)i;
  struct stored s[LANES] = {{"eu1", "{\"a\": \"äöü\\n\"}", bytes, sizeof bytes, 0, 0},
                            {"eu1#3", NULL, "plain", 5, ETL_CURSOR_FINISHED, 0},
                            {"it's \"odd\" \\ 漢字", "x", "\0\xff'", 3, 0, 0}};
  run_start(&r, k, "run1");
  needs_cursors(k, &r.control);
  for (size_t i = 0; i < LANES; i++) {
    struct place p;
    run_place(&r, s[i].shard, &p);
    s[i].from = p.epoch;
    place_fini(&p);
  }
  kit_need(&r.control.host, "commit() of cursors alone", store(&r, s, LANES, 0));
  run_end(&r);
  run_start(&r, k, "run2");
  for (size_t i = 0; i < LANES; i++) {
    must_be_stored(&r, &s[i]);
    s[i].from++;
    s[i].flags = 0;
  }
  kit_need(&r.control.host, "commit() with ETL_CURSOR_FORGET", store(&r, s, LANES, ETL_CURSOR_FORGET));
  for (size_t i = 0; i < LANES; i++) {
    struct place p;
    run_place(&r, s[i].shard, &p);
    kit_must(k, !p.cursor, "ETL_CURSOR_FORGET: to commit(): delete what is stored of this lane", "lane %s is still told by committed()", s[i].shard);
    place_fini(&p);
  }
  run_end(&r);
}
