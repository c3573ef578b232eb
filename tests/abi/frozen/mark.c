/* frozen_mark: a transformer as it was written for ABI 1.0.  Of rows with id and word it makes rows with id, word and length; others pass
 * as they are.
 *
 * Rows are held back until there are hold of them, or flush(); those without a word are left out; those that refuse_every divides are
 * refused. */
#include <inttypes.h>
#include <stdlib.h>

#include "etl/sdk.h"

enum { OPT_HOLD, OPT_REFUSE_EVERY, OPT_N };
#define NUMBER(name_, dflt_, doc_) \
  &(const struct etl_option){.struct_size = sizeof(struct etl_option), .type = ETL_T_INT, .name = name_, .dflt = dflt_, .min = 0, .max = 1 << 30, .doc = doc_}
static const struct etl_option *const options[] = {[OPT_HOLD] = NUMBER("hold", "250", "Rows that are held back."),
                                                   [OPT_REFUSE_EVERY] = NUMBER("refuse_every", "0", "Ids that this divides are refused; 0: none."),
                                                   [OPT_N] = NULL};
struct mark {
  const struct etl_host *host;
  int64_t hold, refuse_every, id, word; /* columns; -1: not there */
  struct ArrowSchema in, out;
  struct etl_batch batch;
};

static int32_t no_memory(const struct mark *k) { return etl_failf(k->host, &ETL_ERROR(ETL_E_PERMANENT), "frozen_mark: out of memory"); }

static int32_t mark_open(const struct etl_open *o, void **self) {
  struct mark *k = *self = calloc(1, sizeof *k);
  if (!k) return etl_failf(o->host, &ETL_ERROR(ETL_E_PERMANENT), "frozen_mark: out of memory");
  k->host = o->host, k->hold = etl_opt_int(o, OPT_HOLD), k->refuse_every = etl_opt_int(o, OPT_REFUSE_EVERY);
  return ETL_OK;
}
static void forget(struct mark *k) {
  etl_batch_fini(&k->batch);
  etl_schema_release(&k->in);
  etl_schema_release(&k->out);
  memset(&k->batch, 0, sizeof k->batch);
}
static void mark_close(void *self) { forget(self), free(self); }
static int64_t column(const struct ArrowSchema *s, const char *name, const char *format) {
  int64_t i = etl_schema_find(s, name);
  return i >= 0 && strcmp(s->children[i]->format, format) == 0 ? i : -1;
}
static int32_t mark_bind(void *self, const struct etl_stream *in, int32_t (*out)(void *arg, const struct etl_stream *), void *arg) {
  struct mark *k = self;
  forget(k);
  k->id = column(in->schema, "id", "l"), k->word = column(in->schema, "word", "u");
  if (k->id < 0 || k->word < 0) return out(arg, in);
  if (etl_schema_copy(in->schema, &k->in) < 0 || etl_schema_init(&k->out, 3) < 0 || etl_schema_set_copy(&k->out, 0, in->schema->children[k->id]) < 0 ||
      etl_schema_set_copy(&k->out, 1, in->schema->children[k->word]) < 0 || etl_schema_set(&k->out, 2, "length", "i", false, NULL, NULL) < 0 ||
      etl_batch_init(&k->batch, k->host, &k->out, (uint64_t)k->hold) < 0)
    return no_memory(k);
  return out(arg, &(struct etl_stream){.struct_size = sizeof(struct etl_stream), .name = in->name, .schema = &k->out, .key = in->key});
}

static int32_t mark_flush(void *self, const struct etl_sink *sink) {
  struct mark *k = self;
  struct etl_msg m = {.struct_size = sizeof m, .flags = ETL_M_ROWS, .lag_ns = -1};
  if (etl_batch_rows(&k->batch) == 0) return ETL_OK;
  return etl_batch_finish(&k->batch, &m.rows) < 0 ? no_memory(k) : sink->emit(sink, &m);
}
static int32_t mark_row(struct mark *k, const struct ArrowArray *rows, const struct etl_view *id, const struct etl_view *word, int64_t i) {
  struct etl_error e = ETL_ERROR(ETL_E_DATA);
  e.column = (int32_t)k->id;
  if (!etl_view_null(id, i) && k->refuse_every && etl_view_i64(id, i) % k->refuse_every == 0)
    return etl_reject(k->host, &e, NULL, &k->in, rows, i, "%" PRId64 " is refused", etl_view_i64(id, i));
  if (etl_view_null(word, i)) return ETL_OK;
  struct etl_bytes text = etl_view_bytes(word, i);
  if (etl_batch_row(&k->batch) < 0 || etl_batch_bytes(&k->batch, 1, text.p, text.n) < 0 || (etl_view_null(id, i) && etl_batch_null(&k->batch, 0) < 0))
    return no_memory(k);
  if (!etl_view_null(id, i)) etl_batch_i64(&k->batch, 0, etl_view_i64(id, i));
  return etl_batch_i32(&k->batch, 2, (int32_t)text.n), ETL_OK;
}
static int32_t mark_process(void *self, struct etl_msg *in, const struct etl_sink *sink) {
  struct mark *k = self;
  struct etl_view id, word;
  int32_t status = ETL_OK;
  if (k->id < 0 || k->word < 0) return sink->emit(sink, in);
  bool good = etl_view_init(&id, &k->in, &in->rows, k->id) == 0 && etl_view_init(&word, &k->in, &in->rows, k->word) == 0;
  for (int64_t i = 0; good && i < in->rows.length && status == ETL_OK; i++) status = mark_row(k, &in->rows, &id, &word, i);
  etl_array_release(&in->rows);
  return status == ETL_OK && etl_batch_rows(&k->batch) >= (uint64_t)k->hold ? mark_flush(k, sink) : status;
}

static const struct etl_common common = {.struct_size = sizeof common, .open = mark_open, .close = mark_close};
static const struct etl_transformer api = {.struct_size = sizeof api, .bind = mark_bind, .process = mark_process, .flush = mark_flush};
ETL_CONNECTOR(ETL_KIND_TRANSFORMER, "frozen_mark", "1.0", "MIT", .summary = "Tells how long a word is", .options = options, .common = &common, .api = &api);
