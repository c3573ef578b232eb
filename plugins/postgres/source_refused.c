/* Rows that cannot be taken: kept as JSON with the value that it is about as {"$raw": text}, until their message goes out. */
#include <jansson.h>
#include <stdlib.h>

#include "source_reader.h"

enum {
  SHOWN_MAX = 1024
}; /* bytes of a value that is too large */

bool value_too_large(const struct source_reader *r, size_t i) { return r->row[i].n > (uint64_t)r->settings->max_cell_bytes; }

static json_t *raw_value(const struct source_reader *r, size_t i) {
  const struct field *c = &r->table.fields[i];
  const struct etl_bytes v = r->row[i];
  struct text t = {0};
  if (value_too_large(r, i))
    value_hex(&t, c, v.p, SHOWN_MAX);
  else
    c->type->text(&t, c, v.p, (uint32_t)v.n);
  json_t *raw = t.failed ? NULL : json_pack("{s:s}", "$raw", text_str(&t));
  if (raw && value_too_large(r, i) && json_object_set_new(raw, "$bytes", json_integer((json_int_t)v.n)) < 0) {
    json_decref(raw);
    raw = NULL;
  }
  text_fini(&t);
  return raw;
}

/* The values that can be converted as a batch of one row; bad[i] is set for the others. */
static int convert_rest(const struct source_reader *r, struct ArrowArray *ret, bool *bad) {
  size_t n = r->table.n - r->table.hidden_n;
  struct etl_batch b;
  if (etl_batch_init(&b, r->host, &r->schema, 1) < 0)
    return -1;
  int rc = etl_batch_row(&b);
  for (size_t i = 0; i < n && rc == 0; i++) {
    const struct field *c = &r->table.fields[i];
    bool null = !r->row[i].p;
    enum decoded st = null                    ? DECODED
                      : value_too_large(r, i) ? DECODED_REFUSED
                                              : c->type->decode(&b, (int64_t)i, c, r->row[i].p, (uint32_t)r->row[i].n);
    bad[i] = st == DECODED_REFUSED;
    if (null || bad[i])
      rc = etl_batch_null(&b, (int64_t)i);
    else if (st != DECODED)
      rc = -1;
  }
  if (rc == 0 && r->settings->shard_column)
    rc = etl_batch_bytes(&b, (int64_t)n, r->shard->id, strlen(r->shard->id));
  if (rc == 0)
    rc = etl_batch_finish(&b, ret);
  etl_batch_fini(&b);
  return rc;
}

static char *row_json(const struct source_reader *r) {
  struct ArrowArray one = {.release = NULL};
  bool *bad = calloc(r->table.n, sizeof *bad);
  char *converted = bad && convert_rest(r, &one, bad) == 0 ? etl_row_json(&r->schema, &one, 0) : NULL;
  json_t *root = converted ? json_loads(converted, 0, NULL) : NULL;
  for (size_t i = 0; root && i < r->table.n - r->table.hidden_n; i++)
    if (bad[i] && json_object_set_new(root, r->table.fields[i].name, raw_value(r, i)) < 0) {
      json_decref(root);
      root = NULL;
    }
  char *json = root ? json_dumps(root, 0) : NULL;
  json_decref(root);
  free(converted);
  free(bad);
  etl_array_release(&one);
  return json;
}

int32_t refused_add(struct source_reader *r, size_t column) {
  const struct field *c = &r->table.fields[column];
  struct text message = {0};
  struct refused *more = realloc(r->refused, (r->refused_n + 1) * sizeof *more);
  if (!more)
    return source_no_memory(r->host);
  r->refused = more;
  text_addf(&message, "postgres: shard %s: %s: ", r->shard->id, r->table.stream);
  if (r->table.cursor_n) {
    text_add(&message, "row ");
    tuple_describe(&message, &r->last, &r->table);
    text_add(&message, ": ");
  }
  text_addf(&message, "column \"%s\" (%s): ", c->name, c->declared);
  text_add(&message, value_too_large(r, column) ? "the value is larger than max_cell" : c->type->refusal);
  char *json = row_json(r);
  if (message.failed || !json) {
    text_fini(&message);
    free(json);
    return source_no_memory(r->host);
  }
  more[r->refused_n] = (struct refused){
      .row = (int64_t)(etl_batch_rows(&r->batch) + r->refused_n), .column = (int32_t)column, .json = json, .message = message.p};
  r->refused_n++;
  return ETL_OK;
}

int32_t refused_tell(struct source_reader *r) {
  int32_t rc = ETL_OK;
  for (size_t i = 0; i < r->refused_n && rc == ETL_OK; i++) {
    const struct refused *x = &r->refused[i];
    struct etl_error e = ETL_ERROR(ETL_E_DATA);
    e.column = x->column;
    rc = etl_reject_raw(r->host, &e, (struct etl_bytes){x->json, strlen(x->json)}, x->row, "%s", x->message);
  }
  refused_fini(r);
  return rc;
}

void refused_fini(struct source_reader *r) {
  for (size_t i = 0; i < r->refused_n; i++) {
    free(r->refused[i].json);
    free(r->refused[i].message);
  }
  free(r->refused);
  r->refused = NULL;
  r->refused_n = 0;
}
