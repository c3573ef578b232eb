/* The transformer's calls. */
#include "etl/sdk.h"
#include "wrapper.h"

static const struct etl_transformer *api_of(struct wrapped *w) { return w->api; }

static int32_t bind(void *self, const struct etl_stream *in, int32_t (*out)(void *arg, const struct etl_stream *), void *arg) {
  struct wrapped *w = self;
  WRAPPER_CALL(w, w->host, w->lane, FAULT_BIND, api_of(w)->bind(w->self, in, out, arg), (void)0);
}
static int32_t process(void *self, struct etl_msg *in, const struct etl_sink *sink) {
  struct wrapped *w = self;
  WRAPPER_CALL(w, w->host, w->lane, FAULT_PROCESS, api_of(w)->process(w->self, in, sink), etl_array_release(&in->rows));
}
static int32_t flush(void *self, const struct etl_sink *sink) {
  struct wrapped *w = self;
  WRAPPER_CALL(w, w->host, w->lane, FAULT_FLUSH, api_of(w)->flush ? api_of(w)->flush(w->self, sink) : ETL_OK, (void)0);
}

const struct etl_transformer *wrapper_transformer(const struct etl_transformer *real) {
  static struct etl_transformer table;
  (void)real;
  table = (struct etl_transformer){.struct_size = sizeof table, .bind = bind, .process = process, .flush = flush};
  return &table;
}
