/* Rows through a transformer. */
#include "kit/flow.h"

#include <string.h>

#define WHERE_OUT  "struct etl_transformer: bind: declares 1..n outputs with their schemas.  Names of outputs are unique"
#define WHERE_EMIT "struct etl_transformer: process: emits 0..n messages with rows only, with `stream` if it declared several"
#define STREAM     "rows"

static int32_t take(const struct etl_sink *sink, struct etl_msg *m) {
  struct flow *f = *((struct flow *const *)sink - 1);
  struct kit *k = f->k;
  size_t at = 0;
  kit_must(k, m->flags == ETL_M_ROWS && m->rows.release && !m->schema.release, WHERE_EMIT, "a message was emitted with the flags %#x", m->flags);
  kit_must(k, m->stream || f->out_n == 1, WHERE_EMIT, "a message has no stream, and %zu outputs were declared", f->out_n);
  while (m->stream && at < f->out_n && strcmp(f->out[at].name, m->stream) != 0)
    at++;
  if (m->stream && at == f->out_n && f->out_n == 1 && strcmp(m->stream, STREAM) == 0)
    at = 0;
  kit_must(k, at < f->out_n, WHERE_EMIT, "a message is of the stream \"%s\", which was not declared", m->stream);
  f->emitted++;
  if (f->answer != ETL_OK) {
    f->after_answer += f->emitted > 1;
    etl_array_release(&m->rows);
    f->i->host.failed = true; /* the host's own failure */
    return f->answer;
  }
  kit_check_rows(k, &f->out[at].schema, &m->rows, "struct etl_sink: emit: rows of the schema that bind() declared");
  kit_sum_rows(k, &f->sum, &f->out[at].schema, &m->rows);
  if (f->emitted % 8 == 0)
    kit_release(k, &m->rows);
  else
    m->rows.release(&m->rows);
  m->rows.release = NULL;
  return ETL_OK;
}

void flow_init(struct flow *f, struct kit *k, struct kit_instance *i) {
  uint32_t size = k->older ? KIT_1_0_etl_sink : sizeof(struct etl_sink);
  const struct etl_sink sink = {.struct_size = size + k->grow, .emit = take};
  memset(f, 0, sizeof *f);
  f->k = k;
  f->i = i;
  guard_init(&f->sink, sizeof f + size + k->grow, 8);
  memcpy(f->sink.p, &f, sizeof f);
  memcpy((char *)f->sink.p + sizeof f, &sink, size);
}

static void forget(struct flow *f) {
  for (size_t n = 0; n < f->out_n; n++)
    etl_schema_release(&f->out[n].schema);
  f->out_n = 0;
  etl_schema_release(&f->in);
}

void flow_fini(struct flow *f) {
  forget(f);
  guard_shut(&f->sink);
}

static int32_t declare(void *arg, const struct etl_stream *s) {
  struct flow *f = arg;
  struct kit *k = f->k;
  kit_must(k, ETL_HAS(s, etl_stream, schema) && s->schema, WHERE_OUT, "an output has no schema");
  kit_check_schema(k, s->schema, WHERE_OUT);
  kit_must(k, f->out_n < FLOW_OUTPUTS, NULL, "it declares more than %d outputs", FLOW_OUTPUTS);
  for (size_t n = 0; n < f->out_n; n++)
    kit_must(k, strcmp(f->out[n].name, s->name ? s->name : "") != 0, WHERE_OUT, "two outputs have the name \"%s\"", f->out[n].name);
  snprintf(f->out[f->out_n].name, sizeof f->out[0].name, "%s", s->name ? s->name : "");
  kit_must(k, etl_schema_copy(s->schema, &f->out[f->out_n].schema) == 0, NULL, "no memory");
  f->out_n++;
  return ETL_OK;
}

int32_t flow_bind(struct flow *f, const struct ArrowSchema *s) {
  struct kit *k = f->k;
  struct given g = kit_given(k);
  struct ArrowSchema lent;
  forget(f);
  kit_must(k, etl_schema_copy(s, &f->in) == 0 && etl_schema_copy(s, &lent) == 0, NULL, "no memory");
  const struct etl_stream in = {.name = give_text(&g, STREAM), .schema = &lent};
  int32_t status = KIT_CALL(&f->i->host, "bind()", k->transformer->bind(f->i->self, GIVE(&g, etl_stream, &in), declare, f));
  given_shut(&g);
  kit_must(k, lent.release, "struct etl_stream: schema: borrowed", "bind() released the schema of its input");
  etl_schema_release(&lent);
  kit_must(k, status == ETL_FAILED || f->out_n, WHERE_OUT, "bind() declared no output");
  return status;
}

void flow_bind_usual(struct flow *f) {
  struct ArrowSchema s;
  struct kit *k = f->k;
  kit_schema(k, !k->narrow, &s);
  int32_t status = flow_bind(f, &s);
  etl_schema_release(&s);
  if (status == ETL_FAILED && !k->narrow && k->columns[0]) {
    k->narrow = true;
    kit_schema(k, false, &s);
    status = flow_bind(f, &s);
    etl_schema_release(&s);
  }
  if (status != ETL_OK && atomic_load(&k->budget) < 0)
    kit_fail(k, NULL, "bind() failed: %s; give it the columns it wants with --column NAME=FORMAT", f->i->host.err.message);
}

int32_t flow_process(struct flow *f, int64_t rows, uint64_t seed, struct kit_slice slice) {
  struct kit *k = f->k;
  struct given g = kit_given(k);
  struct etl_msg m = {.flags = ETL_M_ROWS, .lag_ns = -1};
  kit_rows(k, &f->in, rows, seed, slice, &m.rows);
  struct etl_msg *in = GIVE(&g, etl_msg, &m);
  int32_t status = KIT_CALL(&f->i->host, "process()",
                            k->transformer->process(f->i->self, in, (const struct etl_sink *)((char *)f->sink.p + sizeof f)));
  kit_must(k, !in->rows.release, "process: takes in->rows, also when it fails", "process() gave the status %d and left the rows where they were", status);
  given_shut(&g);
  return status;
}

int32_t flow_flush(struct flow *f) {
  const struct etl_transformer *t = f->k->transformer;
  if (!ETL_HAS(t, etl_transformer, flush) || !t->flush)
    return ETL_OK;
  return KIT_CALL(&f->i->host, "flush()", t->flush(f->i->self, (const struct etl_sink *)((char *)f->sink.p + sizeof f)));
}
