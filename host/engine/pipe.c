/* Transformers as a tree: a joint is an instance bound to a stream, with a branch for each stream that it declares. */
#include "engine/pipe.h"

#include <stdlib.h>
#include <string.h>

#include "engine/bind.h"
#include "etl/sdk.h"

struct joint;
struct branch {
  struct etl_stream stream; /* with schema; belongs to the outlet before, or to the pipe */
  struct joint *next;       /* NULL: out */
};
struct joint {
  struct etl_sink sink; /* first: what its transformer emits into */
  struct pipe *pipe;
  struct instance inst;
  const struct etl_transformer *api;
  struct outlet outlet;
  struct branch *branches; /* one a stream of the outlet */
};
struct pipe {
  struct run *r;
  const char *lane;
  pipe_fn *out;
  void *arg;
  struct ArrowSchema schema; /* of root */
  struct arena *names;
  struct branch root;
  struct rejects rejects;
  struct err *e; /* of the call in hand */
  bool failed;   /* e is set */
};

/* ---- rows --------------------------------------------------------------------------------------------------------------------------- */

static int joint_fail(struct joint *j) {
  if (!j->pipe->failed)
    services_take_err(&j->inst.svc, j->pipe->e);
  j->pipe->failed = true;
  return -1;
}

static int push(struct pipe *p, struct branch *b, struct ArrowArray *rows) {
  struct joint *j = b->next;
  if (!j) {
    p->failed |= p->out(p->arg, &b->stream, rows, p->e) < 0;
    return p->failed ? -1 : 0;
  }
  struct etl_msg m = {.struct_size = sizeof m, .flags = ETL_M_ROWS, .lag_ns = -1};
  etl_array_move(rows, &m.rows);
  int32_t rc = CALL(&j->inst.svc, "process", j->api->process(j->inst.self, &m, &j->sink));
  etl_array_release(&m.rows); /* a connector that failed to take them */
  rejects_move(&j->inst.svc.rejects, &p->rejects);
  return rc == ETL_OK ? 0 : joint_fail(j);
}

static int32_t emit(const struct etl_sink *sink, struct etl_msg *m) {
  struct joint *j = (struct joint *)(uintptr_t)sink;
  struct ArrowArray rows = {0};
  struct branch *b = j->outlet.n == 1 && !m->stream ? j->branches : NULL;
  for (size_t i = 0; m->stream && i < j->outlet.n; i++)
    if (strcmp(j->branches[i].stream.name, m->stream) == 0)
      b = &j->branches[i];
  etl_schema_release(&m->schema);
  etl_array_move(&m->rows, &rows);
  if (!rows.release)
    return ETL_OK;
  if (!b && !j->pipe->failed) {
    err_set(j->pipe->e, ETL_E_INTERNAL, "connector %s gave rows of a stream that it did not declare: %s", j->inst.svc.connector,
            m->stream ? m->stream : "");
    j->pipe->failed = true;
  }
  int rc = b ? push(j->pipe, b, &rows) : -1;
  etl_array_release(&rows);
  return rc == 0 ? ETL_OK : ETL_STOPPED;
}

int pipe_rows(struct pipe *p, struct ArrowArray *rows, struct err *e) {
  p->e = e;
  int rc = push(p, &p->root, rows);
  etl_array_release(rows);
  return rc;
}

static int flush(struct branch *b) {
  struct joint *j = b->next;
  if (!j)
    return 0;
  int32_t rc = j->api->flush ? CALL(&j->inst.svc, "flush", j->api->flush(j->inst.self, &j->sink)) : ETL_OK;
  rejects_move(&j->inst.svc.rejects, &j->pipe->rejects);
  if (rc != ETL_OK)
    return joint_fail(j);
  for (size_t i = 0; i < j->outlet.n; i++)
    if (flush(&j->branches[i]) < 0)
      return -1;
  return 0;
}

int pipe_flush(struct pipe *p, struct err *e) {
  p->e = e;
  return flush(&p->root);
}

void pipe_take_rejects(struct pipe *p, struct rejects *ret) {
  *ret = p->rejects;
  p->rejects = (struct rejects){0};
}

/* ---- binding ------------------------------------------------------------------------------------------------------------------------ */

static void branch_close(struct branch *b) {
  struct joint *j = b->next;
  if (!j)
    return;
  for (size_t i = 0; j->branches && i < j->outlet.n; i++)
    branch_close(&j->branches[i]);
  instance_close(&j->inst);
  outlet_fini(&j->outlet);
  free(j->branches);
  free(j);
  b->next = NULL;
}

/* b->stream is set: makes what follows it. */
static int branch_open(struct pipe *p, struct branch *b, size_t index, struct err *e) {
  struct run *r = p->r;
  index = spec_transform_for(r->spec, index, b->stream.name);
  if (index == r->spec->transforms_n)
    return 0;
  struct joint *j = xcalloc(1, sizeof *j);
  *j = (struct joint){.sink = {.struct_size = sizeof j->sink, .emit = emit}, .pipe = p, .api = part_transformer(&r->transforms[index])};
  if (instance_open(&j->inst, &r->transforms[index], &r->services, r->spec, p->lane, 0, &r->stop, e) < 0) {
    free(j);
    return -1;
  }
  b->next = j;
  if (outlet_bind(&j->outlet, &j->inst, &b->stream, e) < 0)
    return -1;
  j->branches = xcalloc(j->outlet.n, sizeof *j->branches);
  for (size_t i = 0; i < j->outlet.n; i++) {
    j->branches[i].stream = *j->outlet.streams[i];
    if (branch_open(p, &j->branches[i], index + 1, e) < 0)
      return -1;
  }
  return 0;
}

int pipe_bind(struct pipe *p, const struct etl_stream *in, size_t from, struct err *e) {
  branch_close(&p->root);
  etl_schema_release(&p->schema);
  arena_reset(p->names);
  p->failed = false;
  if (etl_schema_copy(in->schema, &p->schema) < 0)
    return err_set(e, ETL_E_PERMANENT, "there is no memory for the columns of %s", in->name);
  p->root.stream = (struct etl_stream){.struct_size = sizeof p->root.stream,
                                       .flags = in->flags,
                                       .name = arena_strdup(p->names, in->name),
                                       .schema = &p->schema,
                                       .key = key_copy(p->names, in->key)};
  return branch_open(p, &p->root, from, e);
}

struct pipe *pipe_new(struct run *r, const char *lane, pipe_fn *out, void *arg) {
  struct pipe *p = xcalloc(1, sizeof *p);
  *p = (struct pipe){.r = r, .lane = lane, .out = out, .arg = arg, .names = arena_new()};
  return p;
}

void pipe_free(struct pipe *p) {
  if (!p)
    return;
  branch_close(&p->root);
  etl_schema_release(&p->schema);
  rejects_clear(&p->rejects);
  arena_free(p->names);
  free(p);
}
