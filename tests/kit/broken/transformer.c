/* broken_transformer: hands its rows on, and breaks one rule. */
#include <stdatomic.h>

#include "how.h"

static const char *const hows[] = {"none", "keeps_rows", "releases_twice", "ignores_offset", "undeclared_stream", "other_columns", "ignores_sink", "goes_on",
                                   "forgets_rebind", "emits_cursor", "leaks_rows", "releases_schema", "crash_on_empty", "crash_on_type", "no_output",
                                   "same_name", "uses_rows_later", "wrong_class", "one_by_one", NULL};
static const struct etl_option *const options[] = {HOW_OPTION(hows), NULL};

struct tr {
  const struct etl_host *host;
  const char *how;
  int64_t columns, doubles;
  bool bound;
};
static atomic_int inside, together; /* process() of any instance now; ever more than one */
static bool how(const struct tr *t, const char *name) { return is(t->how, name); }

static int32_t tr_open(const struct etl_open *o, void **self) {
  struct tr *t = calloc(1, sizeof *t);
  *t = (struct tr){.host = o->host, .how = how_of(o, hows)};
  *self = t;
  return ETL_OK;
}
static void tr_close(void *self) { free(self); }

static int32_t tr_bind(void *self, const struct etl_stream *in, int32_t (*out)(void *arg, const struct etl_stream *), void *arg) {
  struct tr *t = self;
  struct ArrowSchema s;
  if (how(t, "crash_on_type") && in->schema->n_children == 1 && is(in->schema->children[0]->format, "z"))
    abort();
  if (how(t, "wrong_class") && in->schema->n_children == 1)
    return etl_failf(t->host, &ETL_ERROR(ETL_E_AUTH), "no");
  if (how(t, "no_output"))
    return ETL_OK;
  if (how(t, "same_name")) {
    struct etl_stream two = *in;
    two.name = "twice";
    int32_t status = out(arg, &two);
    return status == ETL_OK ? out(arg, &two) : status;
  }
  t->columns = in->schema->n_children;
  if (!t->bound || !how(t, "forgets_rebind"))
    t->doubles = etl_schema_find(in->schema, "c_double");
  t->bound = true;
  if (how(t, "other_columns")) {
    etl_schema_init(&s, 1);
    etl_schema_set(&s, 0, "only", "l", true, NULL, NULL);
    struct etl_stream one = *in;
    one.schema = &s;
    int32_t status = out(arg, &one);
    etl_schema_release(&s);
    return status;
  }
  if (how(t, "forgets_rebind") && t->doubles >= 0 && !is(in->schema->children[t->doubles]->name, "c_double"))
    abort(); /* a column is not where it was */
  int32_t status = out(arg, in);
  if (how(t, "releases_schema"))
    in->schema->release((struct ArrowSchema *)(uintptr_t)in->schema);
  return status;
}

static int32_t tr_process(void *self, struct etl_msg *in, const struct etl_sink *sink) {
  struct tr *t = self;
  struct etl_msg m = {.struct_size = sizeof m, .flags = ETL_M_ROWS, .lag_ns = in->lag_ns};
  if (how(t, "one_by_one")) {
    if (atomic_fetch_add(&inside, 1))
      atomic_store(&together, 1);
    for (int64_t until = t->host->now_ns(t->host, ETL_CLOCK_MONOTONIC) + 20000000; t->host->now_ns(t->host, ETL_CLOCK_MONOTONIC) < until;)
      if (atomic_load(&together))
        abort();
    atomic_fetch_sub(&inside, 1);
  }
  if (how(t, "crash_on_empty") && in->rows.length == 0)
    abort();
  if (how(t, "keeps_rows"))
    return ETL_OK;
  if (how(t, "leaks_rows")) {
    in->rows.release = NULL;
    return ETL_OK;
  }
  struct ArrowArray copy = in->rows;
  etl_array_move(&in->rows, &m.rows);
  if (how(t, "ignores_offset")) {
    m.rows.offset = 0;
    for (int64_t i = 0; i < m.rows.n_children; i++)
      m.rows.children[i]->offset = 0;
    for (int64_t i = 0; i < m.rows.n_children; i++)
      m.rows.children[i]->null_count = -1;
  }
  if (how(t, "undeclared_stream"))
    m.stream = "elsewhere";
  if (how(t, "emits_cursor")) {
    m.flags |= ETL_M_CURSOR;
    m.cursor = (struct etl_bytes){"x", 1};
  }
  int32_t status = sink->emit(sink, &m);
  if (how(t, "releases_twice"))
    copy.release(&copy);
  if (how(t, "uses_rows_later") && copy.length && copy.n_children && copy.buffers)
    return ((const volatile struct ArrowArray *)copy.children[0])->length < 0;
  if (how(t, "goes_on")) {
    struct etl_msg again = {.struct_size = sizeof again, .flags = ETL_M_ROWS};
    struct ArrowSchema s;
    struct etl_batch b;
    etl_schema_init(&s, 0);
    if (status != ETL_OK && etl_batch_init(&b, t->host, &s, 1) == 0 && etl_batch_finish(&b, &again.rows) == 0) {
      sink->emit(sink, &again);
      etl_batch_fini(&b);
    }
    etl_schema_release(&s);
  }
  return how(t, "ignores_sink") ? ETL_OK : status;
}

static const struct etl_common common = {.struct_size = sizeof common, .open = tr_open, .close = tr_close};
static const struct etl_transformer api = {.struct_size = sizeof api, .bind = tr_bind, .process = tr_process};
ETL_CONNECTOR(ETL_KIND_TRANSFORMER, "broken_transformer", "1", "MIT", .summary = "Breaks a rule", .options = options, .common = &common, .api = &api);
