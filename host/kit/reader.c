/* Reading a source and looking at every message. */
#include "kit/reader.h"

#include <stdlib.h>
#include <string.h>

#define WHERE_MSG  "struct etl_msg"
#define WHERE_NEXT "struct etl_extractor: next"
enum {
  CURSOR_MAX = 1 << 20
};

struct finding {
  struct kit *k;
  struct kit_instance *i;
  struct arena *arena;
  struct lanes streams, lanes;
  const struct lane *stream; /* the one whose shards are told */
};

static struct lane *add(struct finding *f, struct lanes *to) {
  to->list = arena_more(f->arena, to->list, to->n, sizeof *to->list);
  return &to->list[to->n++];
}

static int32_t each_shard(void *arg, const struct etl_shard *s) {
  struct finding *f = arg;
  kit_must(f->k, ETL_HAS(s, etl_shard, est_bytes) && s->id, "struct etl_shard", "plan() told a shard without id (struct_size %u)", s->struct_size);
  for (size_t n = 0; n < f->lanes.n; n++)
    kit_must(f->k, strcmp(f->lanes.list[n].stream, f->stream->stream) != 0 || strcmp(f->lanes.list[n].shard, s->id) != 0, "struct etl_shard: id",
             "two shards of the stream \"%s\" have the id \"%s\"", f->stream->stream, s->id);
  *add(f, &f->lanes) = (struct lane){f->stream->stream, arena_strdup(f->arena, s->id), f->stream->flags,
                                     {s->token.p ? arena_memdup(f->arena, s->token.p, s->token.n) : NULL, s->token.n}};
  return ETL_OK;
}

static int32_t each_stream(void *arg, const struct etl_stream *s) {
  struct finding *f = arg;
  struct kit *k = f->k;
  kit_must(k, ETL_HAS(s, etl_stream, key) && s->name && *s->name, "struct etl_stream", "discover() told a stream without name (struct_size %u)",
           s->struct_size);
  kit_must(k, (s->flags & ~3u) == 0, "enum etl_stream_flags", "stream \"%s\" has the flags %#x", s->name, s->flags);
  for (size_t n = 0; n < f->streams.n; n++)
    kit_must(k, strcmp(f->streams.list[n].stream, s->name) != 0, "struct etl_stream: name", "two streams have the name \"%s\"", s->name);
  if (s->schema)
    kit_check_schema(k, s->schema, "struct etl_stream: schema");
  *add(f, &f->streams) = (struct lane){arena_strdup(f->arena, s->name), NULL, s->flags, {0}};
  return ETL_OK;
}

static const struct etl_stream *give_stream(struct given *g, const struct lane *l) {
  const struct etl_stream s = {.flags = l->flags, .name = give_text(g, l->stream)};
  return GIVE(g, etl_stream, &s);
}

void lanes_find(struct kit *k, struct kit_instance *i, struct arena *a, struct lanes *ret) {
  struct finding f = {.k = k, .i = i, .arena = a};
  KIT_OK(&i->host, "discover()", k->extractor->discover(i->self, each_stream, &f));
  kit_must(k, f.streams.n, "struct etl_extractor: discover: tells every stream of the configuration", "discover() told no stream");
  for (size_t n = 0; n < f.streams.n; n++) {
    struct given g = kit_given(k);
    size_t before = f.lanes.n;
    f.stream = &f.streams.list[n];
    if (k->extractor->plan)
      KIT_OK(&i->host, "plan()", k->extractor->plan(i->self, give_stream(&g, f.stream), each_shard, &f));
    else
      each_shard(&f, &(struct etl_shard){.struct_size = sizeof(struct etl_shard), .id = "0", .est_rows = -1, .est_bytes = -1});
    given_shut(&g);
    kit_must(k, f.lanes.n > before, "struct etl_extractor: plan: tells every shard of a stream", "plan() told no shard of \"%s\"", f.stream->stream);
  }
  *ret = f.lanes;
}

int32_t reader_try_open(struct reader *r, struct kit *k, struct kit_instance *i, const struct lane *lane, struct reading how) {
  struct given g = kit_given(k);
  *r = (struct reader){.k = k, .i = i, .lane = lane, .given = kit_given(k)};
  kit_host_init(&r->host, k);
  const struct etl_shard shard = {.id = give_text(&g, lane->shard), .token = {lane->token.p ? give(&g, lane->token.p, lane->token.n) : NULL, lane->token.n},
                                  .est_rows = -1, .est_bytes = -1};
  const struct etl_read read = {.host = r->host.host, .stream = give_stream(&g, lane), .shard = GIVE(&g, etl_shard, &shard),
                                .cursor = {how.cursor.p ? give(&g, how.cursor.p, how.cursor.n) : NULL, how.cursor.n},
                                .limit_rows = how.limit_rows, .want_rows = how.want_rows ? how.want_rows : 1000, .want_bytes = 1 << 20};
  int32_t status = KIT_CALL(&r->host, "reader_open()", k->extractor->reader_open(i->self, GIVE(&g, etl_read, &read), &r->self));
  given_shut(&g);
  kit_must(k, status == ETL_OK || !r->self, "reader_open: on failure *reader stays NULL", "reader_open() failed and left something in *reader");
  if (status != ETL_OK) {
    kit_host_fini(&r->host);
    return status;
  }
  r->m = GIVE(&r->given, etl_msg, &(struct etl_msg){0});
  return ETL_OK;
}

void reader_open(struct reader *r, struct kit *k, struct kit_instance *i, const struct lane *lane, struct reading how) {
  int32_t status = reader_try_open(r, k, i, lane, how);
  if (status != ETL_OK)
    kit_need(&r->host, "reader_open()", status);
}

static void look(struct reader *r, int32_t status) {
  struct kit *k = r->k;
  struct etl_msg *m = r->m;
  bool schema = m->flags & ETL_M_SCHEMA, rows = m->flags & ETL_M_ROWS, cursor = m->flags & ETL_M_CURSOR;
  kit_must(k, (m->flags & ~7u) == 0, "enum etl_msg_flags", "a message has the flags %#x", m->flags);
  kit_must(k, status == ETL_OK || status == ETL_DONE || !m->flags, WHERE_NEXT, "next() gave the status %d and a message", status);
  kit_must(k, schema == (m->schema.release != NULL), WHERE_MSG, "a message %s a schema, and its flags say otherwise", schema ? "lacks" : "has");
  kit_must(k, rows == (m->rows.release != NULL), WHERE_MSG, "a message %s rows, and its flags say otherwise", rows ? "lacks" : "has");
  kit_must(k, !cursor || (m->cursor.p && m->cursor.n <= CURSOR_MAX), "struct etl_msg: cursor: at most 1 MiB", "a cursor has %llu bytes",
           (unsigned long long)m->cursor.n);
  kit_must(k, !m->stream || strcmp(m->stream, r->lane->stream) == 0, "struct etl_msg: stream", "a message is of the stream \"%s\", and \"%s\" is read",
           m->stream, r->lane->stream);
  if (schema) {
    kit_check_schema(k, &m->schema, "ETL_M_SCHEMA");
    etl_schema_release(&r->schema);
    etl_schema_move(&m->schema, &r->schema);
  }
  if (rows) {
    kit_check_rows(k, &r->schema, &m->rows, "ETL_M_ROWS: a struct array (\"+s\") of the schema in force");
    kit_sum_rows(k, &r->sum, &r->schema, &m->rows);
    r->at_cursor = r->at_cursor && m->rows.length == 0;
    if (r->messages % 16 == 0)
      kit_release(k, &m->rows);
    else
      m->rows.release(&m->rows);
  }
  if (cursor) {
    free((void *)r->cursor.p);
    char *copy = xcalloc(m->cursor.n + 1, 1);
    memcpy(copy, m->cursor.p, m->cursor.n);
    r->cursor = (struct etl_bytes){copy, m->cursor.n};
    r->at_cursor = true;
  }
}

int32_t reader_next(struct reader *r) {
  uint32_t size = r->m->struct_size;
  memset(r->m, 0, size < sizeof *r->m ? size : sizeof *r->m);
  r->m->struct_size = size;
  r->m->lag_ns = -1;
  int32_t status = KIT_CALL(&r->host, "next()", r->k->extractor->next(r->self, 100, r->messages % 3 == 0, r->m));
  look(r, status);
  r->messages++;
  return status;
}

void reader_all(struct reader *r) {
  int32_t status;
  while ((status = reader_next(r)) != ETL_DONE)
    if (status != ETL_IDLE)
      kit_need(&r->host, "next()", status);
}

void reader_close(struct reader *r) {
  kit_enter(&r->host, "reader_close()");
  r->k->extractor->reader_close(r->self);
  kit_host_fini(&r->host);
  given_shut(&r->given);
  etl_schema_release(&r->schema);
  free((void *)r->cursor.p);
  r->cursor.p = NULL;
}
