/* Cases about transformers. */
#include <string.h>

#include "kit/cases.h"
#include "kit/flow.h"

static const struct kit_slice none = {0, 0};

/* It takes the batch, or refuses it for its data. */
static bool must_process(struct flow *f, int64_t rows, uint64_t seed, struct kit_slice slice) {
  int32_t status = flow_process(f, rows, seed, slice);
  if (status == ETL_FAILED && f->i->host.err.error_class == ETL_E_DATA)
    return false;
  kit_need(&f->i->host, "process()", status);
  return true;
}

int32_t transformer_whole(struct kit *k, struct kit_instance *i, unsigned n) {
  struct flow f;
  bool spent = atomic_load(&k->budget) >= 0;
  flow_init(&f, k, i);
  flow_bind_usual(&f);
  int32_t status = f.out_n ? ETL_OK : ETL_FAILED;
  for (uint64_t b = 0; b < 3 && status == ETL_OK; b++)
    status = flow_process(&f, 40, k->seed + n * 3 + b, none);
  if (status == ETL_OK)
    status = flow_flush(&f);
  if (!spent && i->host.err.error_class != ETL_E_DATA)
    kit_need(&i->host, "process()", status);
  kit_must(k, status == ETL_OK || !spent || i->host.err.error_class == ETL_E_PERMANENT || i->host.err.error_class == ETL_E_DATA,
           "buf_alloc: NULL when the budget is spent: then fail() with ETL_E_PERMANENT", "without memory process() fails with the class %s: %s",
           err_class_name(i->host.err.error_class), i->host.err.message);
  flow_fini(&f);
  return status;
}

/* A schema with one column of a type, called as the first column that is asked for. */
static void one_type(struct kit *k, const struct ArrowSchema *wide, int64_t at) {
  struct kit_instance i;
  struct flow f;
  struct ArrowSchema s;
  char name[128] = "c";
  if (k->columns[0])
    snprintf(name, sizeof name, "%.*s", (int)strcspn(k->columns[0], "="), k->columns[0]);
  kit_must(k, etl_schema_init(&s, 1) == 0 && etl_schema_set(&s, 0, name, wide->children[at]->format, true, NULL, NULL) == 0, NULL, "no memory");
  kit_open(k, &i, (struct kit_where){0});
  flow_init(&f, k, &i);
  int32_t status = flow_bind(&f, &s);
  uint32_t class = i.host.err.error_class;
  kit_must(k, status != ETL_FAILED || class == ETL_E_SCHEMA || class == ETL_E_CONFIG || class == ETL_E_UNSUPPORTED,
           "enum etl_error_class: ETL_E_SCHEMA: the schema cannot be taken", "bind() to a column of format %s fails with the class %s: %s",
           wide->children[at]->format, err_class_name(class), i.host.err.message);
  if (status == ETL_OK)
    must_process(&f, 50, k->seed, none);
  flow_fini(&f);
  kit_close(&i);
  etl_schema_release(&s);
}

void case_bind(struct kit *k) {
  struct kit_instance i;
  struct flow f;
  struct ArrowSchema wide, empty;
  kit_open(k, &i, (struct kit_where){0});
  flow_init(&f, k, &i);
  flow_bind_usual(&f);
  size_t outputs = f.out_n;
  flow_bind_usual(&f);
  kit_must(k, f.out_n == outputs, "struct etl_transformer: bind", "the same schema gives %zu outputs, then %zu", outputs, f.out_n);
  flow_fini(&f);
  kit_close(&i);
  kit_schema(k, true, &wide);
  for (int64_t n = 0; n < wide.n_children; n++)
    one_type(k, &wide, n);
  etl_schema_release(&wide);
  kit_must(k, etl_schema_init(&empty, 0) == 0, NULL, "no memory");
  kit_open(k, &i, (struct kit_where){0});
  flow_init(&f, k, &i);
  flow_bind(&f, &empty); /* it takes it, or says why not */
  flow_fini(&f);
  kit_close(&i);
  etl_schema_release(&empty);
  kit_must_be_released(k);
}

struct processing {
  struct flow *f;
  uint64_t seed;
  int64_t rows;
};
static void process_it(void *arg) {
  struct processing *p = arg;
  if (must_process(p->f, p->rows, p->seed, none))
    kit_need(&p->f->i->host, "flush()", flow_flush(p->f));
}

void case_process(struct kit *k) {
  static const int64_t sizes[] = {0, 1, 2, 7, 8, 9, 64, 1000, 0, 300};
  struct kit_instance i;
  struct flow f;
  kit_open(k, &i, (struct kit_where){0});
  flow_init(&f, k, &i);
  flow_bind_usual(&f);
  kit_need(&i.host, "flush()", flow_flush(&f));
  for (uint64_t n = 0; n < 3 * sizeof sizes / sizeof *sizes; n++) {
    struct processing p = {&f, k->seed + n, sizes[n % (sizeof sizes / sizeof *sizes)]};
    if (n % 4)
      process_it(&p);
    else
      kit_elsewhere(process_it, &p);
  }
  kit_close(&i); /* what came out is still whole: it was looked at, and what is left is released now */
  flow_fini(&f);
  kit_must_be_released(k);
}

static struct kit_sum sliced(struct kit *k, struct kit_slice slice, uint64_t *ret_bad) {
  struct kit_instance i;
  struct flow f;
  kit_open(k, &i, (struct kit_where){0});
  flow_init(&f, k, &i);
  flow_bind_usual(&f);
  must_process(&f, 200, k->seed, slice);
  must_process(&f, 1, k->seed + 1, slice);
  kit_need(&i.host, "flush()", flow_flush(&f));
  struct kit_sum sum = f.sum;
  *ret_bad = atomic_load(&i.host.bad_rows);
  flow_fini(&f);
  kit_close(&i);
  return sum;
}

void case_slices(struct kit *k) {
  static const struct kit_slice slices[] = {{3, 0}, {0, 5}, {8, 0}, {0, 64}, {4, 9}, {1, 1}};
  uint64_t bad, bad_sliced;
  struct kit_sum plain = sliced(k, none, &bad);
  for (size_t n = 0; n < sizeof slices / sizeof *slices; n++) {
    struct kit_sum s = sliced(k, slices[n], &bad_sliced);
    kit_must(k, s.n == plain.n && s.sum == plain.sum && bad == bad_sliced, "struct etl_msg: rows: Arrow arrays have an offset, the struct and each column",
             "the same rows at offset %lld of the struct and %lld of its columns give %llu rows%s, and %llu without", (long long)slices[n].parent,
             (long long)slices[n].child, (unsigned long long)s.n, s.n == plain.n ? " with other values" : "", (unsigned long long)plain.n);
  }
  kit_must_be_released(k);
}

void case_sink(struct kit *k) {
  static const int32_t answers[] = {ETL_STOPPED, ETL_FAILED};
  for (size_t n = 0; n < 2; n++) {
    struct kit_instance i;
    struct flow f;
    kit_open(k, &i, (struct kit_where){0});
    flow_init(&f, k, &i);
    flow_bind_usual(&f);
    f.answer = answers[n];
    int32_t status = flow_process(&f, 100, k->seed, none);
    if (!f.emitted)
      status = flow_flush(&f);
    kit_must(k, !f.emitted || status == answers[n] || (status == ETL_FAILED && i.host.err.error_class == ETL_E_DATA),
             "struct etl_sink: emit: not ETL_OK: return it at once", "emit() gave %d, and process() or flush() %d", answers[n], status);
    kit_must(k, !f.after_answer, "struct etl_sink: emit: not ETL_OK: return it at once", "%llu messages were emitted after emit() had given %d",
             (unsigned long long)f.after_answer, answers[n]);
    flow_fini(&f);
    kit_close(&i);
  }
  kit_must_be_released(k);
}

/* The same columns the other way round, but for those that were asked for. */
static void reversed(struct kit *k, const struct ArrowSchema *s, struct ArrowSchema *ret) {
  int64_t own = 0, n = s->n_children;
  while (k->columns[own])
    own++;
  kit_must(k, etl_schema_init(ret, n) == 0, NULL, "no memory");
  for (int64_t i = 0; i < n; i++)
    kit_must(k, etl_schema_set_copy(ret, i, s->children[i < own ? i : n - 1 - (i - own)]) == 0, NULL, "no memory");
}

void case_rebind(struct kit *k) {
  struct kit_instance i;
  struct flow f;
  kit_open(k, &i, (struct kit_where){0});
  flow_init(&f, k, &i);
  for (unsigned n = 0; n < 4; n++) {
    struct ArrowSchema other;
    flow_bind_usual(&f);
    must_process(&f, 30, k->seed + n, none);
    kit_need(&i.host, "flush()", flow_flush(&f));
    reversed(k, &f.in, &other);
    kit_need(&i.host, "bind() to the same columns in another order", flow_bind(&f, &other));
    etl_schema_release(&other);
    must_process(&f, 30, k->seed + n, none);
    kit_need(&i.host, "flush()", flow_flush(&f));
  }
  flow_fini(&f);
  kit_close(&i);
  kit_must_be_released(k);
}
