/* frozen_count: an extractor as it was written for ABI 1.0.  Each shard has the rows 1..rows with id and word.
 *
 * Its cursor is "v1 ID END": the last row that was given and, of a piece, the one it ends with (0: none).  At hang_at it waits until somebody
 * cancels, at idle_at as long as it is told to; at fail_at it loses its source if it began before the first row; every bad_every-th row cannot
 * be read. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "etl/sdk.h"

enum { OPT_ROWS, OPT_SHARDS, OPT_HANG_AT, OPT_IDLE_AT, OPT_FAIL_AT, OPT_BAD_EVERY, OPT_N };
#define NUMBER(name_, dflt_, doc_) \
  &(const struct etl_option){.struct_size = sizeof(struct etl_option), .type = ETL_T_INT, .name = name_, .dflt = dflt_, .min = 0, .max = 1 << 30, .doc = doc_}
static const struct etl_option *const options[] = {
  [OPT_ROWS] = NUMBER("rows", "10", "Rows of each shard."),
  [OPT_SHARDS] = &(const struct etl_option){.struct_size = sizeof(struct etl_option), .type = ETL_T_LIST, .flags = ETL_OPT_IDENTITY, .name = "shards",
                                            .dflt = "[ \"0\" ]", .doc = "Ids of the shards."},
  [OPT_HANG_AT] = NUMBER("hang_at", "0", "Wait at this row until cancelled; 0: nowhere."),
  [OPT_IDLE_AT] = NUMBER("idle_at", "0", "Have nothing more from this row on, for now; 0: nowhere."),
  [OPT_FAIL_AT] = NUMBER("fail_at", "0", "Lose the source at this row if the first one was read before; 0: nowhere."),
  [OPT_BAD_EVERY] = NUMBER("bad_every", "0", "Rows that this divides cannot be read; 0: none."),
  [OPT_N] = NULL};

struct count {
  const struct etl_host *host;
  int64_t rows, hang_at, idle_at, fail_at, bad_every;
  char shards[8][32]; /* "" behind the last */
};
struct count_reader {
  struct count *count;
  const struct etl_host *host;
  struct ArrowSchema schema;
  struct etl_batch batch;
  int64_t at, stop, end;
  uint64_t want;
  bool told_schema, from_start;
  int woken; /* by reader_cancel(); an eventfd */
  char cursor[64];
};

static int32_t no_memory(const struct etl_host *h) { return etl_failf(h, &ETL_ERROR(ETL_E_PERMANENT), "frozen_count: out of memory"); }

static void count_close(void *self) { free(self); }
static int32_t count_open(const struct etl_open *o, void **self) {
  struct count *c = *self = calloc(1, sizeof *c);
  if (!c) return no_memory(o->host);
  c->host = o->host, c->rows = etl_opt_int(o, OPT_ROWS), c->hang_at = etl_opt_int(o, OPT_HANG_AT), c->idle_at = etl_opt_int(o, OPT_IDLE_AT);
  c->fail_at = etl_opt_int(o, OPT_FAIL_AT), c->bad_every = etl_opt_int(o, OPT_BAD_EVERY);
  for (uint64_t i = 0; i < 7 && i < etl_opt_list_n(o, OPT_SHARDS); i++)
    snprintf(c->shards[i], sizeof c->shards[i], "%s", etl_opt_list(o, OPT_SHARDS, i));
  return ETL_OK;
}
static int32_t count_discover(void *self, int32_t (*each)(void *arg, const struct etl_stream *), void *arg) {
  (void)self;
  return each(arg, &(struct etl_stream){.struct_size = sizeof(struct etl_stream), .name = "words", .key = (const char *const[]){"id", NULL}});
}
static int32_t count_plan(void *self, const struct etl_stream *stream, int32_t (*each)(void *arg, const struct etl_shard *), void *arg) {
  const struct count *c = self;
  int32_t status = ETL_OK;
  (void)stream;
  for (size_t i = 0; *c->shards[i] && status == ETL_OK; i++)
    status = each(arg, &(struct etl_shard){.struct_size = sizeof(struct etl_shard), .id = c->shards[i], .est_rows = c->rows, .est_bytes = -1});
  return status;
}
static int32_t count_split(void *self, const struct etl_stream *stream, const struct etl_shard *shard, uint64_t n,
                           int32_t (*each)(void *arg, const struct etl_part *), void *arg) {
  const struct count *c = self;
  int32_t status = ETL_OK;
  (void)stream, (void)shard;
  for (uint64_t i = 0; i <= n && status == ETL_OK; i++) { /* the last one is empty, and has no end */
    char id[24] = "", cursor[64];
    int64_t from = c->rows * (int64_t)i / (int64_t)n, to = i < n ? c->rows * (int64_t)(i + 1) / (int64_t)n : 0;
    if (i < n) snprintf(id, sizeof id, "%" PRIu64, i + 1);
    int size = snprintf(cursor, sizeof cursor, "v1 %" PRId64 " %" PRId64, from, to);
    status = each(arg, &(struct etl_part){.struct_size = sizeof(struct etl_part), .id = id, .cursor = {cursor, (uint64_t)size}, .est_rows = -1});
  }
  return status;
}

static void count_reader_close(void *reader) {
  struct count_reader *r = reader;
  etl_batch_fini(&r->batch);
  etl_schema_release(&r->schema);
  close(r->woken);
  free(r);
}
static int32_t count_reader_open(void *self, const struct etl_read *read, void **reader) {
  struct count *c = self;
  struct count_reader *r = calloc(1, sizeof *r);
  char text[64] = "v1 0 0";
  int32_t status = ETL_OK;
  if (!r) return no_memory(read->host);
  r->count = c, r->host = read->host, r->want = read->want_rows ? read->want_rows : 1000;
  r->woken = eventfd(0, EFD_CLOEXEC);
  if (read->cursor.p) memcpy(memset(text, 0, sizeof text), read->cursor.p, read->cursor.n < sizeof text ? read->cursor.n : 0);
  if (sscanf(text, "v1 %" SCNd64 " %" SCNd64, &r->at, &r->end) != 2 || r->at < 0 || r->end < 0)
    status = etl_failf(r->host, &ETL_ERROR(ETL_E_DATA), "frozen_count: this is no cursor of its own");
  else if (etl_schema_init(&r->schema, 2) < 0 || etl_schema_set(&r->schema, 0, "id", "l", false, NULL, NULL) < 0 ||
           etl_schema_set(&r->schema, 1, "word", "u", true, "words", NULL) < 0 || etl_batch_init(&r->batch, r->host, &r->schema, r->want) < 0)
    status = no_memory(r->host);
  r->from_start = r->at == 0;
  r->stop = r->end ? r->end : c->rows;
  if (read->limit_rows && r->at < r->stop && (uint64_t)(r->stop - r->at) > read->limit_rows) r->stop = r->at + (int64_t)read->limit_rows;
  if (status != ETL_OK) return count_reader_close(r), status;
  return *reader = r, ETL_OK;
}
static void count_reader_cancel(void *reader) { (void)!write(((struct count_reader *)reader)->woken, &(uint64_t){1}, sizeof(uint64_t)); }
static int32_t wait_here(struct count_reader *r, bool idle, uint64_t wait_ms) {
  etl_logf(r->host, ETL_LOG_INFO, "waits at row %" PRId64, r->at + 1);
  if (idle) return r->host->sleep_ms(r->host, wait_ms) == ETL_OK ? ETL_IDLE : ETL_STOPPED;
  return read(r->woken, &(uint64_t){0}, sizeof(uint64_t)) > 0 ? ETL_STOPPED : etl_failf(r->host, &ETL_ERROR(ETL_E_PERMANENT), "cannot wait");
}
static int32_t count_row(struct count_reader *r) {
  const struct count *c = r->count;
  char word[40];
  int n = snprintf(word, sizeof word, "word %" PRId64, ++r->at);
  if (c->bad_every && r->at % c->bad_every == 0)
    return etl_reject_raw(r->host, &ETL_ERROR(ETL_E_DATA), (struct etl_bytes){word, (uint64_t)n}, (int64_t)etl_batch_rows(&r->batch),
                          "row %" PRId64 " cannot be read", r->at);
  if (etl_batch_row(&r->batch) < 0 || (r->at % 10 ? etl_batch_bytes(&r->batch, 1, word, (uint64_t)n) : etl_batch_null(&r->batch, 1)) < 0)
    return no_memory(r->host);
  return etl_batch_i64(&r->batch, 0, r->at), ETL_OK;
}
static int32_t count_next(void *reader, uint64_t wait_ms, uint32_t want_cursor, struct etl_msg *m) {
  struct count_reader *r = reader;
  int32_t status = ETL_OK;
  (void)want_cursor;
  for (uint64_t i = 0; status == ETL_OK && i < r->want && r->at < r->stop; i++) {
    if (r->host->cancelled(r->host)) return ETL_STOPPED;
    if (r->at + 1 == r->count->hang_at || r->at + 1 == r->count->idle_at)
      return wait_here(r, r->at + 1 == r->count->idle_at, wait_ms);
    if (r->at + 1 == r->count->fail_at && r->from_start)
      return etl_failf(r->host, &ETL_ERROR(ETL_E_RETRYABLE), "frozen_count: the source is lost at row %" PRId64, r->at + 1);
    status = count_row(r);
  }
  if (status != ETL_OK) return status;
  if (etl_batch_finish(&r->batch, &m->rows) < 0) return no_memory(r->host);
  if (!r->told_schema && etl_schema_copy(&r->schema, &m->schema) < 0) return etl_array_release(&m->rows), no_memory(r->host);
  m->lag_ns = -1, m->flags = ETL_M_ROWS | ETL_M_CURSOR | (r->told_schema ? 0 : ETL_M_SCHEMA);
  m->cursor = (struct etl_bytes){r->cursor, (uint64_t)snprintf(r->cursor, sizeof r->cursor, "v1 %" PRId64 " %" PRId64, r->at, r->end)};
  return r->told_schema = true, r->at < r->stop ? ETL_OK : ETL_DONE;
}

static const struct etl_common common = {.struct_size = sizeof common, .open = count_open, .close = count_close};
static const struct etl_extractor api = {.struct_size = sizeof api, .discover = count_discover, .plan = count_plan, .reader_open = count_reader_open,
                                         .next = count_next, .reader_close = count_reader_close, .reader_cancel = count_reader_cancel,
                                         .split = count_split};
ETL_CONNECTOR(ETL_KIND_EXTRACTOR, "frozen_count", "1.0", "MIT", .caps = ETL_CAP_RESUME | ETL_CAP_PARALLEL_READERS,
              .summary = "Rows out of nothing", .options = options, .common = &common, .api = &api);
