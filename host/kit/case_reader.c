/* Cases about reading: to the end, from every cursor, up to a limit, cancelled. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/units.h"
#include "kit/cases.h"
#include "kit/reader.h"

enum {
  SOME = 40,
  IN_TIME_S = 10
};

int32_t extractor_whole(struct kit *k, struct kit_instance *i, unsigned n) {
  struct arena *a = arena_new();
  struct lanes lanes;
  int32_t status = ETL_OK;
  lanes_find(k, i, a, &lanes);
  for (size_t l = 0; l < lanes.n && status != ETL_FAILED; l++) {
    struct reader r;
    status = reader_try_open(&r, k, i, &lanes.list[l], (struct reading){.limit_rows = 500, .want_rows = 50 + n % 7});
    bool open = status == ETL_OK;
    while (status == ETL_OK || status == ETL_IDLE)
      status = reader_next(&r);
    kit_must(k, status != ETL_FAILED || atomic_load(&k->budget) >= 0, NULL, "reading fails: %s", r.host.err.message);
    kit_must(k, status != ETL_FAILED || r.host.err.error_class == ETL_E_PERMANENT, "buf_alloc: NULL when the budget is spent: then fail() with ETL_E_PERMANENT",
             "without memory reading fails with the class %s: %s", err_class_name(r.host.err.error_class), r.host.err.message);
    if (open)
      reader_close(&r);
  }
  arena_free(a);
  return status == ETL_FAILED ? ETL_FAILED : ETL_OK;
}

struct mark { /* a cursor, and what was read before it */
  struct etl_bytes cursor;
  struct kit_sum before;
};
struct marks {
  struct mark *list;
  size_t n, room;
  struct kit_sum all;
};

static void marks_fini(struct marks *m) {
  for (size_t n = 0; n < m->n; n++)
    free((void *)m->list[n].cursor.p);
  free(m->list);
}

static void mark(struct marks *m, const struct reader *r) {
  if (m->n == m->room) {
    m->room = m->room ? 2 * m->room : 64;
    m->list = xrealloc(m->list, m->room * sizeof *m->list);
  }
  char *copy = xcalloc(r->cursor.n + 1, 1);
  memcpy(copy, r->cursor.p, r->cursor.n);
  m->list[m->n++] = (struct mark){{copy, r->cursor.n}, r->sum};
}

/* Everything from the start, with its cursors. */
static void read_marked(struct kit *k, struct kit_instance *i, const struct lane *lane, uint64_t want, struct marks *ret) {
  struct reader r;
  int32_t status;
  *ret = (struct marks){0};
  reader_open(&r, k, i, lane, (struct reading){.want_rows = want});
  do {
    status = reader_next(&r);
    if (status != ETL_IDLE && status != ETL_DONE)
      kit_need(&r.host, "next()", status);
    if (r.m->flags & ETL_M_CURSOR) {
      mark(ret, &r);
      if (k->extractor->ack) {
        struct given g = kit_given(k);
        const void *cursor = give(&g, r.cursor.p, r.cursor.n);
        KIT_OK(&r.host, "ack()", k->extractor->ack(r.self, (struct etl_bytes){cursor, r.cursor.n}));
        given_shut(&g);
      }
    }
  } while (status != ETL_DONE);
  ret->all = r.sum;
  reader_close(&r);
}

static void each_lane(struct kit *k, void (*fn)(struct kit *k, struct kit_instance *i, const struct lane *lane)) {
  struct kit_instance i;
  struct lanes lanes;
  kit_open(k, &i, (struct kit_where){0});
  lanes_find(k, &i, k->arena, &lanes);
  for (size_t l = 0; l < lanes.n; l++)
    fn(k, &i, &lanes.list[l]);
  kit_close(&i);
  kit_must_be_released(k);
}

static void read_lane(struct kit *k, struct kit_instance *i, const struct lane *lane) {
  struct reader r;
  reader_open(&r, k, i, lane, (struct reading){0});
  reader_all(&r);
  kit_must(k, !(lane->flags & ETL_STREAM_WHOLE) || r.at_cursor, "ETL_STREAM_WHOLE: its only ETL_M_CURSOR comes with the end",
           "the end of the stream \"%s\" has no cursor", lane->stream);
  uint64_t rows = r.sum.n;
  int32_t status = reader_next(&r);
  kit_must(k, status == ETL_DONE && r.sum.n == rows, "ETL_DONE: this reader has no more rows, ever", "after ETL_DONE next() gives the status %d and %llu rows",
           status, (unsigned long long)(r.sum.n - rows));
  reader_close(&r);
}
void case_read(struct kit *k) { each_lane(k, read_lane); }

static bool is_whole(const struct lane *lane) { return lane->flags & (ETL_STREAM_WHOLE | ETL_STREAM_ONCE); }

static void resume_lane(struct kit *k, struct kit_instance *i, const struct lane *lane) {
  struct marks m;
  if (is_whole(lane))
    return;
  read_marked(k, i, lane, 7, &m);
  kit_must(k, m.n, "ETL_M_CURSOR: safe point", "%llu rows of \"%s\" came without a cursor", (unsigned long long)m.all.n, lane->stream);
  for (size_t n = 0; n < (m.n < SOME ? m.n : SOME); n++) {
    const struct mark *at = &m.list[m.n <= SOME ? n : n == 0 ? m.n - 1 : kit_random(k, m.n)];
    struct reader r;
    reader_open(&r, k, i, lane, (struct reading){.cursor = at->cursor, .want_rows = 1 + kit_random(k, 60)});
    reader_all(&r);
    kit_must(k, r.sum.n == m.all.n - at->before.n, "ETL_M_CURSOR: reading again from cursor gives exactly what follows this message",
             "behind the cursor after row %llu of \"%s\" come %llu rows, and %llu followed when it was told (cursor: %.*s)", (unsigned long long)at->before.n,
             lane->shard, (unsigned long long)r.sum.n, (unsigned long long)(m.all.n - at->before.n), at->cursor.n > 80 ? 80 : (int)at->cursor.n,
             (const char *)at->cursor.p);
    kit_must(k, r.sum.sum == m.all.sum - at->before.sum, "ETL_M_CURSOR: reading again from cursor gives exactly what follows this message",
             "behind the cursor after row %llu of \"%s\" come other rows than those that followed", (unsigned long long)at->before.n, lane->shard);
    reader_close(&r);
  }
  marks_fini(&m);
}
void case_resume(struct kit *k) {
  if (!(k->c->caps & ETL_CAP_RESUME))
    kit_skip(k, "it does not have ETL_CAP_RESUME");
  each_lane(k, resume_lane);
}

static void limit_lane(struct kit *k, struct kit_instance *i, const struct lane *lane) {
  static const char where[] = "struct etl_read: limit_rows: stop at the first safe point at or after so many rows";
  struct marks m;
  if (is_whole(lane))
    return;
  read_marked(k, i, lane, 7, &m);
  for (unsigned n = 0; n < 5; n++) {
    uint64_t limit = n == 0 ? 1 : 1 + kit_random(k, m.all.n);
    struct reader r, rest;
    reader_open(&r, k, i, lane, (struct reading){.limit_rows = limit, .want_rows = 7});
    reader_all(&r);
    kit_must(k, r.sum.n >= (limit < m.all.n ? limit : m.all.n), where, "with limit_rows %llu it stops after %llu rows of %llu", (unsigned long long)limit,
             (unsigned long long)r.sum.n, (unsigned long long)m.all.n);
    size_t first = 0; /* the first safe point at or after the limit when there was none */
    while (first + 1 < m.n && m.list[first].before.n < limit)
      first++;
    kit_must(k, r.sum.n <= m.list[first].before.n + 7, where, "with limit_rows %llu it stops after %llu rows; a safe point is at %llu",
             (unsigned long long)limit, (unsigned long long)r.sum.n, (unsigned long long)m.list[first].before.n);
    kit_must(k, r.at_cursor || r.sum.n == m.all.n, where, "with limit_rows %llu it stops where no cursor is", (unsigned long long)limit);
    if (r.at_cursor) {
      reader_open(&rest, k, i, lane, (struct reading){.cursor = r.cursor});
      reader_all(&rest);
      kit_must(k, rest.sum.n + r.sum.n == m.all.n && rest.sum.sum + r.sum.sum == m.all.sum, where,
               "%llu rows up to limit_rows and %llu behind its cursor are not the %llu that there are", (unsigned long long)r.sum.n,
               (unsigned long long)rest.sum.n, (unsigned long long)m.all.n);
      reader_close(&rest);
    }
    reader_close(&r);
  }
  marks_fini(&m);
}
void case_limit(struct kit *k) { each_lane(k, limit_lane); }

struct canceller {
  struct reader *r;
  uint64_t after_us;
  atomic_llong at_ns;
};
static void *cancel_later(void *arg) {
  struct canceller *c = arg;
  struct reader *r = c->r;
  kit_pause_us(c->after_us);
  atomic_store(&c->at_ns, clock_mono_ns());
  kit_host_cancel(&r->host);
  kit_host_cancel(&r->i->host);
  if (r->k->extractor->reader_cancel)
    r->k->extractor->reader_cancel(r->self);
  if (r->k->c->common->cancel)
    r->k->c->common->cancel(r->i->self);
  return NULL;
}

static void cancel_once(struct kit *k, const struct lane *lane, uint64_t after_us) {
  struct kit_instance i;
  struct reader r;
  pthread_t t;
  int32_t status = ETL_OK;
  kit_open(k, &i, (struct kit_where){0});
  reader_open(&r, k, &i, lane, (struct reading){.want_rows = 5});
  struct canceller c = {.r = &r, .after_us = after_us};
  kit_must(k, pthread_create(&t, NULL, cancel_later, &c) == 0, NULL, "no thread");
  while (status == ETL_OK || status == ETL_IDLE)
    status = reader_next(&r);
  int64_t took = clock_mono_ns() - atomic_load(&c.at_ns);
  pthread_join(t, NULL);
  kit_must(k, status != ETL_FAILED, "ETL_STOPPED: gave up because cancel was asked for", "next() fails when it is cancelled: %s", r.host.err.message);
  kit_must(k, took < IN_TIME_S * NS_PER_SEC || !atomic_load(&c.at_ns) || status == ETL_DONE, "cancel: wake a blocked call", "next() came back %lld ms after cancel()",
           (long long)(took / NS_PER_MS));
  reader_close(&r);
  kit_close(&i);
  kit_must_be_released(k);
}

void case_cancel(struct kit *k) {
  struct kit_instance i;
  struct lanes lanes;
  kit_open(k, &i, (struct kit_where){0});
  lanes_find(k, &i, k->arena, &lanes);
  kit_close(&i);
  for (unsigned n = 0; n < 12; n++)
    cancel_once(k, &lanes.list[n % lanes.n], n == 0 ? 0 : kit_random(k, 3000u << n % 4));
}
