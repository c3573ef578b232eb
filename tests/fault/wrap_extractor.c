/* The extractor's calls.  Readers are wrapped too: they know their shard. */
#include <stdio.h>
#include <stdlib.h>

#include "wrapper.h"

struct wrapped_reader {
  void *reader;
  const struct etl_extractor *api;
  const struct etl_host *host;
  char shard[128];
};

static const struct etl_extractor *api_of(struct wrapped *w) { return w->api; }

static int32_t discover(void *self, int32_t (*each)(void *arg, const struct etl_stream *), void *arg) {
  struct wrapped *w = self;
  WRAPPER_CALL(w, w->host, NULL, FAULT_DISCOVER, api_of(w)->discover(w->self, each, arg), (void)0);
}
static int32_t plan(void *self, const struct etl_stream *stream, int32_t (*each)(void *arg, const struct etl_shard *), void *arg) {
  struct wrapped *w = self;
  WRAPPER_CALL(w, w->host, NULL, FAULT_PLAN, api_of(w)->plan(w->self, stream, each, arg), (void)0);
}
static int32_t reader_open(void *self, const struct etl_read *r, void **reader) {
  struct wrapped *w = self;
  struct fault *after;
  int32_t status = faults_before(&wrapper_faults, FAULT_READER_OPEN, r->shard->id, r->host, &after);
  struct wrapped_reader *mine = status == ETL_OK ? calloc(1, sizeof *mine) : NULL;
  if (!mine)
    return status == ETL_OK ? ETL_FAILED : status;
  mine->api = api_of(w);
  mine->host = r->host;
  snprintf(mine->shard, sizeof mine->shard, "%s", r->shard->id);
  status = mine->api->reader_open(w->self, r, &mine->reader);
  if (status == ETL_OK) {
    status = faults_after(after, r->host, ETL_OK);
    if (status != ETL_OK)
      mine->api->reader_close(mine->reader);
  }
  if (status != ETL_OK) {
    free(mine);
    return status;
  }
  *reader = mine;
  return ETL_OK;
}
static int32_t next(void *reader, uint64_t wait_ms, uint32_t want_cursor, struct etl_msg *m) {
  struct wrapped_reader *r = reader;
  WRAPPER_CALL(r, r->host, r->shard, FAULT_READ, r->api->next(r->reader, wait_ms, want_cursor, m), (void)0);
}
static int32_t ack(void *reader, struct etl_bytes cursor) {
  struct wrapped_reader *r = reader;
  WRAPPER_CALL(r, r->host, r->shard, FAULT_ACK, r->api->ack ? r->api->ack(r->reader, cursor) : ETL_OK, (void)0);
}
static void reader_close(void *reader) {
  struct wrapped_reader *r = reader;
  r->api->reader_close(r->reader);
  free(r);
}
static void reader_cancel(void *reader) {
  struct wrapped_reader *r = reader;
  r->api->reader_cancel(r->reader);
}

static int32_t split(void *self, const struct etl_stream *stream, const struct etl_shard *shard, uint64_t n,
                     int32_t (*each)(void *arg, const struct etl_part *), void *arg) {
  struct wrapped *w = self;
  WRAPPER_CALL(w, w->host, shard->id, FAULT_SPLIT, api_of(w)->split(w->self, stream, shard, n, each, arg), (void)0);
}

const struct etl_extractor *wrapper_extractor(const struct etl_extractor *real) {
  static struct etl_extractor table;
  table = (struct etl_extractor){
    .struct_size = sizeof table,
    .discover = discover,
    .plan = real->plan ? plan : NULL,
    .reader_open = reader_open,
    .next = next,
    .ack = ack, /* always there, so that the step "acknowledge" can be hit whatever the source needs */
    .reader_close = reader_close,
    .reader_cancel = real->reader_cancel ? reader_cancel : NULL,
    .split = ETL_HAS(real, etl_extractor, split) && real->split ? split : NULL,
  };
  return &table;
}
