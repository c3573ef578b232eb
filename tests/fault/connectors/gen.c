/* gen: an extractor for tests without a server.  Each shard has the rows 1..rows with columns id and name; the cursor is the last id,
 * as text, and of a piece "3..7" the last id and the one it ends with.  It can fail or hang at a row, and some of its shards can be down
 * when it is asked for a plan. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "etl/sdk.h"

#ifndef GEN_NAME
#define GEN_NAME "gen"
#define GEN_CAPS 0
#define GEN_SPLIT gen_split
#else /* one that cannot cut */
#define GEN_SPLIT 0 ? gen_split : NULL
#endif
ETL_NOTE(GEN_NAME, "1", 1u << ETL_KIND_EXTRACTOR, 0);

enum { OPT_ROWS, OPT_SHARDS, OPT_FAIL_AT, OPT_FAIL_CLASS, OPT_HANG_AT, OPT_DOWN, OPT_WHOLE, OPT_WORD, OPT_MEET, OPT_N };
#define OPTION(...) &(const struct etl_option){.struct_size = sizeof(struct etl_option), __VA_ARGS__}
static const char *const fail_classes[] = {"retryable", "permanent", "data", NULL};
static const uint32_t fail_class_values[] = {ETL_E_RETRYABLE, ETL_E_PERMANENT, ETL_E_DATA};
static const struct etl_option *const options[] = {
  [OPT_ROWS] = OPTION(.type = ETL_T_INT, .name = "rows", .dflt = "10", .min = 0, .max = INT64_C(1) << 40, .doc = "Rows of each shard."),
  [OPT_SHARDS] = OPTION(.type = ETL_T_LIST, .name = "shards", .dflt = "[ \"0\" ]", .doc = "Ids of the shards; '%' stands for a byte that is no UTF-8."),
  [OPT_FAIL_AT] = OPTION(.type = ETL_T_INT, .name = "fail_at", .dflt = "0", .doc = "Fail instead of giving this row; 0: never."),
  [OPT_FAIL_CLASS] = OPTION(.type = ETL_T_ENUM, .name = "fail_class", .choices = fail_classes, .dflt = "permanent", .doc = "Class of that failure."),
  [OPT_HANG_AT] = OPTION(.type = ETL_T_INT, .name = "hang_at", .dflt = "0", .doc = "Hang for ever instead of giving this row; 0: never."),
  [OPT_DOWN] = OPTION(.type = ETL_T_LIST, .name = "down", .doc = "Shards of which no plan can be made."),
  [OPT_WHOLE] = OPTION(.type = ETL_T_BOOL, .name = "whole", .dflt = "false", .doc = "There is no cursor."),
  [OPT_WORD] = OPTION(.type = ETL_T_STRING, .name = "word", .flags = ETL_OPT_IDENTITY, .dflt = "row", .doc = "What names begin with."),
  [OPT_MEET] = OPTION(.type = ETL_T_INT, .name = "meet", .dflt = "1", .doc = "No plan of a shard is told before so many are asked for at once."),
  [OPT_N] = NULL};

static struct { /* of all instances */
  pthread_mutex_t lock;
  pthread_cond_t changed;
  int64_t here;
} meeting = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0};

struct gen {
  const struct etl_host *host;
  int64_t rows, fail_at, hang_at;
  uint32_t fail_class;
  bool whole;
  char word[33];
  int64_t meet;
  atomic_int readers, most_readers; /* open now; ever at the same time */
  struct etl_bytes *shards, *down;
  uint64_t shards_n, down_n;
};
struct gen_reader {
  struct gen *gen;
  const struct etl_host *host;
  struct ArrowSchema schema;
  struct etl_batch batch;
  int64_t at; /* last id that was given */
  int64_t end;
  int64_t piece_end; /* 0: it is no piece */
  uint64_t want;
  bool told_schema;
  char cursor[64]; /* of the last message */
};

static struct etl_bytes *copy_list(const struct etl_value *v) {
  struct etl_bytes *list = calloc(v->list_n + 1, sizeof *list);
  for (uint64_t i = 0; list && i < v->list_n; i++)
    list[i] = (struct etl_bytes){strdup(v->list[i].p), v->list[i].n};
  return list;
}
static void free_list(struct etl_bytes *list) {
  for (uint64_t i = 0; list && list[i].p; i++)
    free((void *)list[i].p);
  free(list);
}

static int32_t gen_open(const struct etl_open *o, void **self) {
  struct gen *g = calloc(1, sizeof *g);
  if (!g)
    return ETL_FAILED;
  g->host = o->host;
  g->rows = etl_opt_int(o, OPT_ROWS);
  g->fail_at = etl_opt_int(o, OPT_FAIL_AT);
  g->hang_at = etl_opt_int(o, OPT_HANG_AT);
  g->fail_class = fail_class_values[etl_opt_int(o, OPT_FAIL_CLASS)];
  g->meet = etl_opt_int(o, OPT_MEET);
  snprintf(g->word, sizeof g->word, "%s", etl_opt_str(o, OPT_WORD));
  g->whole = etl_opt_bool(o, OPT_WHOLE);
  g->shards = copy_list(o->values[OPT_SHARDS]);
  g->shards_n = o->values[OPT_SHARDS]->list_n;
  for (uint64_t i = 0; i < g->shards_n; i++)
    for (char *p = strchr(g->shards[i].p, '%'); p; p = strchr(p, '%'))
      *p = '\xff';
  g->down = copy_list(o->values[OPT_DOWN]);
  g->down_n = o->values[OPT_DOWN]->list_n;
  *self = g;
  return ETL_OK;
}
static void gen_close(void *self) {
  struct gen *g = self;
  free_list(g->shards);
  free_list(g->down);
  free(g);
}

static int32_t gen_discover(void *self, int32_t (*each)(void *arg, const struct etl_stream *), void *arg) {
  const struct gen *g = self;
  return each(arg, &(struct etl_stream){.struct_size = sizeof(struct etl_stream), .name = "numbers", .flags = g->whole ? ETL_STREAM_WHOLE : 0});
}
static int32_t gen_plan(void *self, const struct etl_stream *stream, int32_t (*each)(void *arg, const struct etl_shard *), void *arg) {
  struct gen *g = self;
  (void)stream;
  for (uint64_t i = 0; i < g->shards_n; i++) {
    struct etl_shard s = {.struct_size = sizeof s, .id = (const char *)g->shards[i].p, .est_rows = g->rows, .est_bytes = -1};
    int32_t status = each(arg, &s);
    if (status != ETL_OK)
      return status;
  }
  return ETL_OK;
}

static bool is_down(const struct gen *g, const char *shard) {
  for (uint64_t i = 0; i < g->down_n; i++)
    if (strcmp(g->down[i].p, shard) == 0)
      return true;
  return false;
}

/* n pieces; without ETL_STREAM_WHOLE the last one has no end. */
static int32_t gen_split(void *self, const struct etl_stream *stream, const struct etl_shard *shard, uint64_t n,
                         int32_t (*each)(void *arg, const struct etl_part *), void *arg) {
  const struct gen *g = self;
  (void)stream;
  if (g->rows < (int64_t)n) /* not worth it */
    return ETL_OK;
  if (is_down(g, shard->id))
    return etl_failf(g->host, &ETL_ERROR(ETL_E_RETRYABLE), "gen: shard %s is down, as it was told to be", shard->id);
  for (uint64_t i = 0; i < n; i++) {
    char id[24] = "", cursor[48], text[64];
    int64_t from = g->rows * (int64_t)i / (int64_t)n, to = g->rows * (int64_t)(i + 1) / (int64_t)n;
    bool last = i + 1 == n && !g->whole;
    if (!last)
      snprintf(id, sizeof id, "%llu", (unsigned long long)i + 1);
    int size = last ? snprintf(cursor, sizeof cursor, "%lld", (long long)from) : snprintf(cursor, sizeof cursor, "%lld..%lld", (long long)from, (long long)to);
    snprintf(text, sizeof text, last ? "numbers above %lld" : "numbers above %lld up to %lld", (long long)from, (long long)to);
    struct etl_part part = {.struct_size = sizeof part, .id = id, .cursor = {cursor, (uint64_t)size}, .est_rows = to - from, .text = text};
    int32_t status = each(arg, &part);
    if (status != ETL_OK)
      return status;
  }
  return ETL_OK;
}

static void gen_reader_close(void *reader) {
  struct gen_reader *r = reader;
  etl_batch_fini(&r->batch);
  etl_schema_release(&r->schema);
  atomic_fetch_sub(&r->gen->readers, 1);
  free(r);
}
static int gen_schema(struct ArrowSchema *s) {
  return etl_schema_init(s, 2) < 0 || etl_schema_set(s, 0, "id", "l", false, "number", NULL) < 0 ||
             etl_schema_set(s, 1, "name", "u", true, "words", NULL) < 0
           ? -1 : 0;
}
static int32_t gen_reader_open(void *self, const struct etl_read *read, void **reader) {
  struct gen *g = self;
  struct gen_reader *r = calloc(1, sizeof *r);
  char text[64] = "0", *rest;
  int64_t end = g->rows;
  if (!r)
    return ETL_FAILED;
  r->gen = g;
  int readers = atomic_fetch_add(&g->readers, 1) + 1, most = atomic_load(&g->most_readers);
  while (readers > most && !atomic_compare_exchange_weak(&g->most_readers, &most, readers))
    ;
  r->host = read->host;
  r->want = read->want_rows ? read->want_rows : 1000;
  if (read->cursor.p && read->cursor.n < sizeof text)
    memcpy(text, read->cursor.p, read->cursor.n);
  r->at = strtoll(text, &rest, 10);
  if (strncmp(rest, "..", 2) == 0)
    end = r->piece_end = strtoll(rest + 2, NULL, 10);
  int64_t before = read->range_from ? strtoll(read->range_from, NULL, 10) - 1 : 0;
  if (r->at < before)
    r->at = before < g->rows ? before : g->rows;
  if (read->range_to && strtoll(read->range_to, NULL, 10) - 1 < end)
    end = strtoll(read->range_to, NULL, 10) - 1;
  r->end = read->limit_rows && r->at + (int64_t)read->limit_rows < end ? r->at + (int64_t)read->limit_rows : end;
  if (r->at < 0 || (*rest && !r->piece_end)) {
    gen_reader_close(r);
    return etl_failf(read->host, &ETL_ERROR(ETL_E_DATA), "gen: this is no cursor of its own");
  }
  if (gen_schema(&r->schema) < 0 || etl_batch_init(&r->batch, r->host, &r->schema, r->want) < 0) {
    gen_reader_close(r);
    return etl_failf(read->host, &ETL_ERROR(ETL_E_PERMANENT), "gen: out of memory");
  }
  g->host->gauge(g->host, "most_readers", atomic_load(&g->most_readers));
  *reader = r;
  return ETL_OK;
}

static int32_t gen_row(struct gen_reader *r) {
  char name[64];
  int64_t id = r->at + 1;
  if (id == r->gen->hang_at)
    for (;;)
      pause();
  if (id == r->gen->fail_at)
    return etl_failf(r->host, &ETL_ERROR(r->gen->fail_class), "gen: row %lld fails, as it was told to", (long long)id);
  int n = snprintf(name, sizeof name, "%s %lld", r->gen->word, (long long)id);
  if (etl_batch_row(&r->batch) < 0)
    return etl_failf(r->host, &ETL_ERROR(ETL_E_PERMANENT), "gen: out of memory");
  etl_batch_i64(&r->batch, 0, id);
  if (etl_batch_bytes(&r->batch, 1, name, (uint64_t)n) < 0)
    return etl_failf(r->host, &ETL_ERROR(ETL_E_PERMANENT), "gen: out of memory");
  r->at = id;
  return ETL_OK;
}
static int32_t gen_next(void *reader, uint64_t wait_ms, uint32_t want_cursor, struct etl_msg *m) {
  struct gen_reader *r = reader;
  char *cursor = r->cursor;
  (void)wait_ms;
  (void)want_cursor;
  for (uint64_t i = 0; i < r->want && r->at < r->end; i++) {
    int32_t status = gen_row(r);
    if (status != ETL_OK)
      return status;
  }
  if (etl_batch_rows(&r->batch) > 0) {
    if (etl_batch_finish(&r->batch, &m->rows) < 0)
      return etl_failf(r->host, &ETL_ERROR(ETL_E_PERMANENT), "gen: out of memory");
    m->flags |= ETL_M_ROWS;
  }
  if (!r->told_schema) {
    if (etl_schema_copy(&r->schema, &m->schema) < 0) {
      etl_array_release(&m->rows);
      m->flags = 0;
      return etl_failf(r->host, &ETL_ERROR(ETL_E_PERMANENT), "gen: out of memory");
    }
    r->told_schema = true;
    m->flags |= ETL_M_SCHEMA;
  }
  if (!r->gen->whole || r->at >= r->end)
    m->flags |= ETL_M_CURSOR;
  int n = r->piece_end ? snprintf(cursor, sizeof r->cursor, "%lld..%lld", (long long)r->at, (long long)r->piece_end) : snprintf(cursor, sizeof r->cursor, "%lld", (long long)r->at);
  m->cursor = (struct etl_bytes){cursor, (uint64_t)n};
  m->lag_ns = -1;
  return r->at < r->end ? ETL_OK : ETL_DONE;
}

/* Waits for the others, but not for ever. */
static int32_t meet(const struct gen *g) {
  struct timespec until;
  int rc = 0;
  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_sec += 20;
  pthread_mutex_lock(&meeting.lock);
  meeting.here++;
  pthread_cond_broadcast(&meeting.changed);
  while (meeting.here < g->meet && rc == 0)
    rc = pthread_cond_timedwait(&meeting.changed, &meeting.lock, &until);
  pthread_mutex_unlock(&meeting.lock);
  return rc == 0 ? ETL_OK : etl_failf(g->host, &ETL_ERROR(ETL_E_PERMANENT), "gen: nobody else came");
}

static int32_t gen_explain(void *self, const struct etl_stream *stream, const struct etl_shard *shard, struct etl_bytes cursor,
                           struct ArrowSchema *schema, int32_t (*each)(void *arg, const struct etl_explain_item *), void *arg) {
  const struct gen *g = self;
  char sql[96];
  (void)stream;
  if (meet(g) != ETL_OK)
    return ETL_FAILED;
  if (is_down(g, shard->id))
    return etl_failf(g->host, &ETL_ERROR(ETL_E_RETRYABLE), "gen: shard %s is down, as it was told to be", shard->id);
  snprintf(sql, sizeof sql, "numbers behind %.*s", cursor.p ? (int)cursor.n : 1, cursor.p ? (const char *)cursor.p : "0");
  const struct etl_explain_item items[] = {
    {.struct_size = sizeof *items, .kind = ETL_EXPLAIN_SQL, .text = sql},
    {.struct_size = sizeof *items, .kind = ETL_EXPLAIN_INDEX, .flags = ETL_EXPLAIN_WARN, .text = "there is no index"},
    {.struct_size = sizeof *items, .kind = ETL_EXPLAIN_TYPE, .subject = "id", .from = "number", .to = "l"},
    {.struct_size = sizeof *items, .kind = ETL_EXPLAIN_TYPE, .flags = ETL_EXPLAIN_LOSSY, .subject = "name", .from = "words", .to = "u", .text = "the tone"}};
  for (size_t i = 0; i < sizeof items / sizeof *items; i++)
    if (each(arg, &items[i]) != ETL_OK)
      return ETL_FAILED;
  return gen_schema(schema) == 0 ? ETL_OK : etl_failf(g->host, &ETL_ERROR(ETL_E_PERMANENT), "gen: out of memory");
}
static const struct etl_explain explain = {.struct_size = sizeof explain, .explain = gen_explain};
static const void *gen_ext(void *self, const char *id) {
  (void)self;
  return strcmp(id, ETL_EXT_EXPLAIN) == 0 ? &explain : NULL;
}

static const struct etl_common common = {.struct_size = sizeof common, .open = gen_open, .close = gen_close, .ext = gen_ext};
static const struct etl_extractor extractor = {.struct_size = sizeof extractor, .discover = gen_discover, .plan = gen_plan,
                                               .reader_open = gen_reader_open, .next = gen_next, .reader_close = gen_reader_close,
                                               .split = GEN_SPLIT};
static const struct etl_connector connector = {.struct_size = sizeof connector, .kind = ETL_KIND_EXTRACTOR,
                                               .caps = ETL_CAP_RESUME | ETL_CAP_PARALLEL_READERS | ETL_CAP_RANGE | GEN_CAPS, .name = GEN_NAME, .version = "1",
                                               .summary = "Rows out of nothing", .options = options, .common = &common, .api = &extractor};
static const struct etl_plugin plugin = {.magic = ETL_MAGIC, .struct_size = sizeof plugin, .abi_major = ETL_ABI_MAJOR,
                                         .abi_minor = ETL_ABI_MINOR, .name = GEN_NAME, .version = "1", .license = "MIT",
                                         .connectors = (const struct etl_connector *const[]){&connector, NULL}};
const struct etl_plugin *etl_plugin_v1(uint32_t host_major, uint32_t host_minor) {
  (void)host_minor;
  return host_major == ETL_ABI_MAJOR ? &plugin : NULL;
}
