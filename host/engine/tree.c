/* The tree of a lane's transformers: made as streams are declared, kept over schema changes. */
#include <stdlib.h>
#include <string.h>

#include "engine/chain.h"
#include "etl/sdk.h"

static int node_fail(struct node *k) {
  struct err e;
  services_take_err(&k->inst.svc, &e);
  return lane_fail(k->chain->lane, &e, k->inst.svc.stage, k->inst.svc.connector);
}

static int refuse(struct node *k, const char *what, const char *stream) {
  struct err e;
  err_set(&e, ETL_E_INTERNAL, "connector %s %s '%s'", k->inst.svc.connector, what, stream);
  err_remedy(&e, "report this to the connector's author");
  return lane_fail(k->chain->lane, &e, k->inst.svc.stage, k->inst.svc.connector);
}

static struct branch *find(struct node *k, const char *stream) {
  if (!stream && k->branches_n == 1)
    return k->branches;
  for (size_t i = 0; stream && i < k->branches_n; i++)
    if (strcmp(k->branches[i].stream, stream) == 0)
      return &k->branches[i];
  return NULL;
}

/* ---- rows --------------------------------------------------------------------------------------------------------------------------- */

static int32_t follow(struct chain *c, struct branch *b, struct etl_msg *m, int64_t *numbers);

/* What a transformer sets aside is of the stream that it gets. */
static void take_rejects(struct node *k) {
  for (struct reject *r = k->inst.svc.rejects.first; r; r = r->next) {
    if (!r->stream)
      r->stream = xstrdup(k->stream);
    if (k->numbers && r->row >= 0 && r->row < k->numbers_n) {
      r->number = k->numbers[r->row];
      k->there[r->row] = ROW_SET_ASIDE;
    }
  }
  rejects_move(&k->inst.svc.rejects, &k->chain->rejects);
}

/* Numbers of n rows that are emitted, as far as the transformer has told; owned.  NULL: nobody wants to know. */
static int64_t *numbers_of(struct node *k, int64_t n) {
  struct origins *o = &k->inst.svc.origins;
  if (!o->wanted)
    return NULL;
  int64_t *numbers = xcalloc((size_t)n + 1, sizeof *numbers), at = 0, done = 0;
  bool known = o->told && o->n == (uint64_t)n && k->numbers;
  for (; known && o->rows && done < n; done++)
    if ((at = o->rows[done]) >= 0 && at < k->numbers_n) {
      numbers[done] = k->numbers[at];
      k->there[at] = ROW_WENT_ON;
    }
  for (at = 0; known && done < n && at < k->numbers_n; at++)
    if (k->there[at] != ROW_SET_ASIDE) {
      numbers[done++] = k->numbers[at];
      k->there[at] = ROW_WENT_ON;
    }
  k->told |= o->told;
  k->untold |= !known;
  o->told = false;
  return numbers;
}

/* The batch in hand is done with. */
static void forget_numbers(struct node *k, int64_t *numbers) {
  struct origins *o = &k->inst.svc.origins;
  cleanup_free char *reason = NULL;
  if (!k->numbers) {
    free(numbers);
    return;
  }
  if ((k->told || o->told) && !k->untold) {
    reason = xasprintf("%s (%s)", k->inst.svc.stage, k->inst.svc.connector);
    struct capture *c = capture_left_out(k->stream, reason, k->numbers, k->there, k->numbers_n);
    if (c)
      captures_add(&k->chain->captures, c);
  }
  o->told = false;
  free(k->there);
  free(numbers);
  k->numbers = NULL;
  k->there = NULL;
}

static int32_t node_process(struct node *k, struct etl_msg *m, int64_t *numbers) {
  k->rows += m->rows.length;
  if (numbers && k->inst.svc.origins.wanted) {
    k->numbers = numbers;
    k->numbers_n = m->rows.length;
    k->there = xcalloc((size_t)m->rows.length + 1, sizeof *k->there);
    k->told = k->untold = false;
  }
  int32_t rc = CALL(&k->inst.svc, "process", k->api->process(k->inst.self, m, &k->sink));
  etl_array_release(&m->rows); /* a connector that failed to take them */
  take_rejects(k);
  forget_numbers(k, numbers);
  if (rc == ETL_FAILED)
    node_fail(k);
  return rc;
}

static int32_t follow(struct chain *c, struct branch *b, struct etl_msg *m, int64_t *numbers) {
  b->rows += m->rows.length;
  if (b->next)
    return node_process(b->next, m, numbers);
  struct item *it = item_new(m);
  it->out = b->out;
  it->numbers = numbers;
  return chain_push(c, it);
}

static int32_t node_emit(const struct etl_sink *sink, struct etl_msg *m) {
  struct node *k = (struct node *)(uintptr_t)sink;
  struct etl_msg rows = {.struct_size = sizeof rows, .flags = ETL_M_ROWS, .lag_ns = -1};
  struct branch *b = find(k, m->stream);
  etl_schema_release(&m->schema);
  etl_array_move(&m->rows, &rows.rows);
  if (!rows.rows.release)
    return ETL_OK;
  if (!b) {
    etl_array_release(&rows.rows);
    refuse(k, "gave rows of a stream that it did not declare:", m->stream ? m->stream : "(without a name)");
    return ETL_STOPPED;
  }
  take_rejects(k);
  return follow(k->chain, b, &rows, numbers_of(k, rows.rows.length)) == ETL_OK ? ETL_OK : ETL_STOPPED;
}

int32_t tree_process(struct chain *c, struct etl_msg *rows, int64_t *numbers) { return follow(c, &c->root, rows, numbers); }

static int flush(struct branch *b) {
  struct node *k = b->next;
  if (!k)
    return 0;
  int32_t rc = k->api->flush ? CALL(&k->inst.svc, "flush", k->api->flush(k->inst.self, &k->sink)) : ETL_OK;
  take_rejects(k);
  if (rc != ETL_OK)
    return rc == ETL_FAILED ? node_fail(k) : -1;
  for (size_t i = 0; i < k->branches_n; i++)
    if (flush(&k->branches[i]) < 0)
      return -1;
  return 0;
}

int tree_flush(struct chain *c) { return flush(&c->root); }

/* ---- counts ------------------------------------------------------------------------------------------------------------------------- */

/* before: what became of the rows on the way to b. */
static void flows_of(const struct branch *b, struct flow before, struct flow *flows) {
  struct node *k = b->next;
  if (!k) {
    flows[b->out] = before;
    return;
  }
  int64_t rejected = atomic_load(&k->inst.svc.rejected);
  before.rejected += rejected;
  for (size_t i = 0; i < k->branches_n; i++) {
    struct branch *to = &k->branches[i];
    int64_t missing = k->rows - rejected - to->rows, change = missing - to->missing;
    to->missing = missing;
    *(change > 0 ? &to->filtered : &to->added) += change > 0 ? change : -change;
    flows_of(to, (struct flow){before.filtered + to->filtered, before.rejected, before.added + to->added}, flows);
  }
}

struct flow *tree_flows(struct chain *c, size_t *ret_n) {
  *ret_n = atomic_load(&c->lane->outs_n);
  struct flow *flows = xcalloc(*ret_n, sizeof *flows);
  flows_of(&c->root, (struct flow){.rejected = c->rejected}, flows);
  return flows;
}

/* ---- growing ------------------------------------------------------------------------------------------------------------------------ */

static int node_open(struct chain *c, const char *stream, size_t index, struct node **ret) {
  struct run *r = c->lane->run;
  struct node *k = xcalloc(1, sizeof *k);
  struct err e;
  *k = (struct node){.sink = {.struct_size = sizeof k->sink, .emit = node_emit},
                     .chain = c,
                     .index = index,
                     .stream = stream,
                     .api = part_transformer(&r->transforms[index])};
  if (instance_open(&k->inst, &r->transforms[index], &r->services, r->spec, c->lane->name, 0, &c->lane->stop, &e) < 0) {
    free(k);
    return lane_fail(c->lane, &e, r->transforms[index].stage, r->transforms[index].conn->name);
  }
  k->inst.svc.in_hand = &c->lane->in_hand;
  k->inst.svc.origins.wanted = r->capture.transformed;
  pthread_mutex_lock(&c->lane->lock);
  k->other = c->nodes;
  c->nodes = k;
  pthread_mutex_unlock(&c->lane->lock);
  *ret = k;
  return 0;
}

/* A branch for a stream that nobody had before: to the first transformer from index on that is for it. */
static int branch_open(struct chain *c, const char *stream, size_t index, struct branch *b) {
  const struct spec *spec = c->lane->run->spec;
  *b = (struct branch){.stream = xstrdup(stream)};
  index = spec_transform_for(spec, index, stream);
  if (index < spec->transforms_n)
    return node_open(c, b->stream, index, &b->next);
  int out = lane_out(c->lane, stream);
  if (out < 0)
    return -1;
  b->out = (uint32_t)out;
  return 0;
}

static int node_grow(struct node *k) {
  for (size_t i = 0; i < k->outlet.n; i++) {
    const char *stream = k->outlet.streams[i]->name;
    if (k->branches_n && find(k, stream))
      continue;
    k->branches = xrealloc(k->branches, (k->branches_n + 1) * sizeof *k->branches);
    struct branch *b = &k->branches[k->branches_n];
    int rc = branch_open(k->chain, stream, k->index + 1, b);
    k->branches_n++;
    b->missing = k->rows - atomic_load(&k->inst.svc.rejected);
    if (rc < 0)
      return -1;
  }
  return 0;
}

static int push_schema(struct chain *c, uint32_t out, const struct etl_stream *s) {
  struct etl_msg m = {.struct_size = sizeof m, .flags = ETL_M_SCHEMA, .lag_ns = -1};
  if (etl_schema_copy(s->schema, &m.schema) < 0)
    return -1;
  struct item *it = item_new(&m);
  struct arena *a = arena_new();
  it->decl = arena_alloc(a, sizeof *it->decl);
  it->decl->arena = a;
  it->decl->stream = (struct etl_stream){
    .struct_size = sizeof *s, .flags = s->flags, .name = arena_strdup(a, s->name), .key = key_copy(a, s->key)};
  it->out = out;
  it->flows = tree_flows(c, &it->flows_n);
  return chain_push(c, it) == ETL_OK ? 0 : -1;
}

static int bind(struct chain *c, struct branch *b, const struct etl_stream *in) {
  struct node *k = b->next;
  struct err e;
  if (!k)
    return push_schema(c, b->out, in);
  if (outlet_bind(&k->outlet, &k->inst, in, &e) < 0)
    return lane_fail(c->lane, &e, k->inst.svc.stage, k->inst.svc.connector);
  if (node_grow(k) < 0)
    return -1;
  for (size_t i = 0; i < k->outlet.n; i++)
    if (bind(c, find(k, k->outlet.streams[i]->name), k->outlet.streams[i]) < 0)
      return -1;
  return 0;
}

int tree_bind(struct chain *c, const struct etl_stream *in) {
  if (!c->opened && branch_open(c, in->name, 0, &c->root) < 0)
    return -1;
  c->opened = true;
  return bind(c, &c->root, in);
}

void tree_close(struct chain *c) {
  for (struct node *k = c->nodes, *other; k; k = other) {
    other = k->other;
    instance_close(&k->inst);
    outlet_fini(&k->outlet);
    for (size_t i = 0; i < k->branches_n; i++)
      free(k->branches[i].stream);
    free(k->branches);
    free(k);
  }
  c->nodes = NULL;
  free(c->root.stream);
  rejects_clear(&c->rejects);
  captures_clear(&c->captures);
}

void tree_wake(struct chain *c) {
  for (struct node *k = c->nodes; k; k = k->other)
    instance_cancel(&k->inst);
}
