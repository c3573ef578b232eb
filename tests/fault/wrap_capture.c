/* The calls of a loader's etl.capture/1. */
#include "wrapper.h"

static const struct etl_capture *real(struct wrapped *w) { return (const struct etl_capture *)w->common->ext(w->self, ETL_EXT_CAPTURE); }

static int32_t tables(void *self, const struct etl_capture_tables *t) {
  struct wrapped *w = self;
  return real(w)->tables(w->self, t);
}
static int32_t create(void *self) {
  struct wrapped *w = self;
  return real(w)->create(w->self);
}
static int32_t lot(void *self, const struct etl_capture_lot *l, int64_t *ret_lot) {
  struct wrapped *w = self;
  return real(w)->lot(w->self, l, ret_lot);
}
static int32_t store(void *self, const struct etl_captured *const *records, uint64_t n) {
  struct wrapped *w = self;
  WRAPPER_CALL(w, w->host, w->lane, FAULT_CAPTURE, real(w)->store(w->self, records, n), (void)0);
}
static int32_t revise(void *self, const struct etl_captured *const *records, uint64_t n) {
  struct wrapped *w = self;
  return real(w)->revise(w->self, records, n);
}
static int32_t prune(void *self, int64_t before_ns, uint64_t *ret_lots) {
  struct wrapped *w = self;
  WRAPPER_CALL(w, w->host, w->lane, FAULT_PRUNE, real(w)->prune(w->self, before_ns, ret_lots), (void)0);
}
static const struct etl_capture table = {
    .struct_size = sizeof table, .tables = tables, .create = create, .lot = lot, .store = store, .revise = revise, .prune = prune};

const struct etl_capture *wrapper_capture(struct wrapped *w) { return real(w) ? &table : NULL; }
