/* The loader's calls. */
#include "etl/sdk.h"
#include "wrapper.h"

static const struct etl_loader *api_of(struct wrapped *w) { return w->api; }

static int32_t claim(void *self, const struct etl_claim *c, uint64_t *ret_owner) {
  struct wrapped *w = self;
  WRAPPER_CALL(w, w->host, w->lane, FAULT_CLAIM, api_of(w)->claim(w->self, c, ret_owner), (void)0);
}
static int32_t committed(void *self, int32_t (*each)(void *arg, const struct etl_cursor *), void *arg) {
  struct wrapped *w = self;
  WRAPPER_CALL(w, w->host, w->lane, FAULT_COMMITTED, api_of(w)->committed(w->self, each, arg), (void)0);
}
static int32_t run_begin(void *self, const char *run) {
  struct wrapped *w = self;
  WRAPPER_CALL(w, w->host, w->lane, FAULT_RUN_BEGIN, api_of(w)->run_begin(w->self, run), (void)0);
}
static int32_t prepare(void *self, const struct etl_stream *stream, const struct ArrowSchema *schema) {
  struct wrapped *w = self;
  WRAPPER_CALL(w, w->host, w->lane, FAULT_PREPARE, api_of(w)->prepare(w->self, stream, schema), (void)0);
}
static int32_t begin(void *self, const struct etl_txn *txn) {
  struct wrapped *w = self;
  WRAPPER_CALL(w, w->host, w->lane, FAULT_BEGIN, api_of(w)->begin(w->self, txn), (void)0);
}
static int32_t write_(void *self, const struct etl_stream *stream, struct etl_msg *m) {
  struct wrapped *w = self;
  WRAPPER_CALL(w, w->host, w->lane, FAULT_WRITE, api_of(w)->write(w->self, stream, m), etl_array_release(&m->rows));
}
static int32_t settle(void *self) {
  struct wrapped *w = self;
  WRAPPER_CALL(w, w->host, w->lane, FAULT_SETTLE, api_of(w)->settle(w->self), (void)0);
}
static int32_t reject(void *self, const struct etl_rejected *const *rows, uint64_t n) {
  struct wrapped *w = self;
  WRAPPER_CALL(w, w->host, w->lane, FAULT_REJECT, api_of(w)->reject(w->self, rows, n), (void)0);
}
static int32_t commit(void *self, const struct etl_cursor *const *to, uint64_t to_n) {
  struct wrapped *w = self;
  WRAPPER_CALL(w, w->host, w->lane, FAULT_COMMIT, api_of(w)->commit(w->self, to, to_n), (void)0);
}
static int32_t abort_(void *self) {
  struct wrapped *w = self;
  WRAPPER_CALL(w, w->host, w->lane, FAULT_ABORT, api_of(w)->abort(w->self), (void)0);
}
static int32_t run_end(void *self, const char *run, uint32_t ok) {
  struct wrapped *w = self;
  WRAPPER_CALL(w, w->host, w->lane, FAULT_RUN_END, api_of(w)->run_end(w->self, run, ok), (void)0);
}
static uint64_t caps(void *self) {
  struct wrapped *w = self;
  return api_of(w)->caps(w->self);
}

const struct etl_loader *wrapper_loader(const struct etl_loader *real) {
  static struct etl_loader table;
  table = (struct etl_loader){
    .struct_size = sizeof table,
    .claim = real->claim ? claim : NULL,
    .committed = real->committed ? committed : NULL,
    .run_begin = real->run_begin ? run_begin : NULL,
    .prepare = prepare,
    .begin = begin,
    .write = write_,
    .commit = commit,
    .abort = abort_,
    .run_end = real->run_end ? run_end : NULL,
    .caps = ETL_HAS(real, etl_loader, caps) && real->caps ? caps : NULL,
    .settle = ETL_HAS(real, etl_loader, settle) && real->settle ? settle : NULL,
    .reject = ETL_HAS(real, etl_loader, reject) && real->reject ? reject : NULL,
  };
  return &table;
}
