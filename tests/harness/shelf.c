/* The calls of a run in their order. */
#include "shelf.h"

#include <stdio.h>
#include <stdlib.h>

int32_t shelf_begin(struct shelf *s, struct desk *d, const char *run, const char *const *options) {
  *s = (struct shelf){.d = d, .connector = testhost_connector(d->connector, ETL_KIND_LOADER)};
  s->api = s->connector->api;
  s->options = testopts_new(&d->t, s->connector->options);
  snprintf(s->run, sizeof s->run, "%s", run);
  for (; *options; options += 2) {
    char text[512];
    desk_expand(d, options[1], text, sizeof text);
    testopts_set(s->options, options[0], text);
  }
  testhost_clear(&d->t);
  int32_t rc = testopts_open(s->options, s->connector, "p", run, NULL, 0, &s->control);
  struct etl_claim claim = {.struct_size = sizeof claim, .run = s->run};
  return rc == ETL_OK ? s->api->claim(s->control, &claim, &s->owner) : rc;
}

void shelf_drop(struct shelf *s) {
  if (s->control)
    s->connector->common->close(s->control);
  s->control = NULL;
  testopts_free(s->options);
}

int32_t shelf_end(struct shelf *s, bool ok) {
  int32_t rc = s->api->run_end(s->control, s->run, ok);
  shelf_drop(s);
  return rc;
}

struct told {
  const char *shard;
  uint64_t epoch;
};
static int32_t each_lane(void *arg, const struct etl_cursor *c) {
  struct told *t = arg;
  char cursor[32];
  int n = snprintf(cursor, sizeof cursor, "c%llu", (unsigned long long)c->epoch);
  if (strcmp(c->stream, "t") == 0 && strcmp(c->shard, t->shard) == 0)
    t->epoch = c->cursor.n == (uint64_t)n && memcmp(c->cursor.p, cursor, (size_t)n) == 0 ? c->epoch : 999;
  return ETL_OK;
}

uint64_t shelf_epoch(struct shelf *s, const char *shard) {
  struct told t = {.shard = shard};
  return s->api->committed(s->control, each_lane, &t) == ETL_OK ? t.epoch : 998;
}

int32_t shelf_epoch_write(struct shelf *s, const char *shard, uint64_t epoch, const struct ArrowSchema *schema, struct ArrowArray *rows,
                          enum shelf_stop stop) {
  void *self;
  char text[32];
  struct etl_stream stream = {.struct_size = sizeof stream, .name = s->stream ? s->stream : "t", .flags = s->stream_flags};
  struct etl_cursor from = {.struct_size = sizeof from, .stream = "t", .shard = shard, .epoch = epoch - 1}, to = from;
  const struct etl_cursor *froms[] = {&from}, *tos[] = {&to};
  struct etl_txn txn = {.struct_size = sizeof txn, .flags = s->flags, .id = "x", .owner = s->owner, .from = froms, .from_n = 1};
  struct etl_msg m = {.struct_size = sizeof m, .flags = ETL_M_ROWS};
  to.epoch = epoch;
  to.cursor = (struct etl_bytes){text, (uint64_t)snprintf(text, sizeof text, "c%llu", (unsigned long long)epoch)};
  etl_array_move(rows, &m.rows);
  int32_t rc = testopts_open(s->options, s->connector, "p", s->run, shard, 0, &self);
  if (rc != ETL_OK) {
    etl_array_release(&m.rows);
    return rc;
  }
  rc = s->api->prepare(self, &stream, schema);
  if (rc == ETL_OK)
    rc = s->api->begin(self, &txn);
  if (rc == ETL_OK)
    rc = s->api->write(self, &stream, &m);
  else
    etl_array_release(&m.rows);
  if (rc == ETL_OK && stop == SHELF_ALL)
    rc = s->api->commit(self, tos, 1);
  if (rc != ETL_OK || stop == SHELF_ABORT)
    s->api->abort(self);
  s->connector->common->close(self);
  testhost_call_done(&s->d->t);
  return rc;
}

int32_t shelf_rows(struct shelf *s, const char *shard, uint64_t epoch, enum shelf_stop stop, const char *const *cells, size_t rows) {
  struct ArrowSchema schema;
  struct ArrowArray array;
  struct etl_batch b;
  int rc = etl_schema_init(&schema, 2);
  rc |= etl_schema_set(&schema, 0, "id", "l", true, NULL, NULL) | etl_schema_set(&schema, 1, "name", "u", true, NULL, NULL);
  rc |= etl_batch_init(&b, &s->d->t.host, &schema, rows);
  for (size_t i = 0; i < rows; i++) {
    const char *id = cells[2 * i], *name = cells[2 * i + 1];
    rc |= etl_batch_row(&b);
    if (id)
      etl_batch_i64(&b, 0, strtoll(id, NULL, 10));
    else
      rc |= etl_batch_null(&b, 0);
    rc |= name ? etl_batch_bytes(&b, 1, name, strlen(name)) : etl_batch_null(&b, 1);
  }
  rc |= etl_batch_finish(&b, &array);
  etl_batch_fini(&b);
  if (rc != 0)
    abort();
  int32_t status = shelf_epoch_write(s, shard, epoch, &schema, &array, stop);
  etl_schema_release(&schema);
  return status;
}
