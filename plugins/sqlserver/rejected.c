/* Rows that cannot be taken: kept as JSON, with the value that it is about as {"$raw": text}, until their batch is handed over.  The pump's
 * thread. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "reader.h"
#include "utf16.h"

enum { SHOWN_BYTES = 1024 }; /* of a value that is too large */

/* As many bytes of UTF-8 as fit, in whole characters. */
static size_t text_cut(const uint8_t *p, size_t n) {
  size_t end = n < SHOWN_BYTES ? n : SHOWN_BYTES;
  while (end < n && end && (p[end] & 0xC0) == 0x80)
    end--;
  return end;
}

/* {"$raw": text} with U+FFFD for what is no character. */
static json_t *raw_utf16(const uint8_t *p, size_t n) {
  size_t units = n / 2 < SHOWN_BYTES ? n / 2 : SHOWN_BYTES, at = 0;
  uint8_t *text = malloc(3 * units + 1);
  for (size_t i = 0, one; text && i < units; i += one) {
    one = units - i > 1 && utf16_to_utf8(p + 2 * i, 1, text + at) == SIZE_MAX ? 2 : 1;
    size_t bytes = utf16_to_utf8(p + 2 * i, one, text + at);
    if (bytes == SIZE_MAX) {
      one = 1;
      bytes = 3;
      memcpy(text + at, "\xEF\xBF\xBD", 3);
    }
    at += bytes;
  }
  json_t *raw = text ? json_pack("{s:o?}", "$raw", json_stringn((const char *)text, at)) : NULL;
  if (raw && units < n / 2 && json_object_set_new(raw, "$cut", json_true()) < 0) {
    json_decref(raw);
    raw = NULL;
  }
  free(text);
  return raw;
}

/* {"$raw": "text or hex"}, and of a value that is longer than what is shown "$cut": true. */
static json_t *raw_value(const struct reader *r, size_t i) {
  const struct column *c = &r->src.columns[i];
  const uint8_t *p = dbdata(r->conn.db, (int)i + 1);
  size_t n = p ? (size_t)dbdatlen(r->conn.db, (int)i + 1) : 0;
  if (c->as_bytes)
    return raw_utf16(p, n);
  size_t shown = c->type->kind == KIND_TEXT ? text_cut(p, n) : c->type->kind == KIND_BINARY && n > SHOWN_BYTES ? SHOWN_BYTES : n;
  struct text t = {0};
  cursor_value_text(&t, c, p, shown);
  json_t *raw = t.failed ? NULL : json_pack("{s:o?}", "$raw", json_stringn(text_str(&t), t.n));
  if (raw && shown < n && json_object_set_new(raw, "$cut", json_true()) < 0) {
    json_decref(raw);
    raw = NULL;
  }
  text_fini(&t);
  return raw;
}

/* The values that can be converted as a batch of one row; bad[i] is set for the others. */
static int convert_rest(const struct reader *r, struct ArrowArray *ret, bool *bad) {
  struct etl_batch b;
  if (etl_batch_init(&b, r->host, &r->schema, 1) < 0)
    return -1;
  int rc = etl_batch_row(&b);
  for (size_t i = 0; i < r->src.columns_n && rc == 0; i++) {
    const struct converter *cv = &r->converters[i];
    const uint8_t *p = dbdata(r->conn.db, (int)i + 1);
    enum convert_status st = p && !bad[i] ? cv->add(cv, &b, p, cv->fixed_bytes ? 0 : (uint32_t)dbdatlen(r->conn.db, (int)i + 1)) : CONVERT_OK;
    bad[i] |= st > 0;
    if (!p || bad[i])
      rc = etl_batch_null(&b, (int64_t)i);
    else if (st != CONVERT_OK)
      rc = -1;
  }
  if (rc == 0 && r->settings->shard_column)
    rc = etl_batch_bytes(&b, (int64_t)r->src.columns_n, r->conn.shard->id, r->shard_id_n);
  if (rc == 0)
    rc = etl_batch_finish(&b, ret);
  etl_batch_fini(&b);
  return rc;
}

static char *row_json(const struct reader *r, int32_t column) {
  struct ArrowArray one = {.release = NULL};
  bool *bad = calloc(r->src.columns_n, sizeof *bad);
  if (bad && column >= 0)
    bad[column] = true;
  char *converted = bad && convert_rest(r, &one, bad) == 0 ? etl_row_json(&r->schema, &one, 0) : NULL;
  json_t *root = converted ? json_loads(converted, 0, NULL) : NULL;
  for (size_t i = 0; root && i < r->src.columns_n; i++)
    if (bad[i] && json_object_set_new(root, r->src.columns[i].name, raw_value(r, i)) < 0) {
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

int rejected_add(struct reader *r, int32_t column, const char *why, struct failure *f) {
  struct parcel *p = &r->next;
  struct text message = {0};
  text_addf(&message, "sqlserver: %s: %s: ", r->conn.where, r->settings->stream);
  if (r->src.cursor_n) {
    text_add(&message, "row ");
    tuple_describe(&r->last, &r->src, &message);
    text_add(&message, ": ");
  }
  if (column >= 0)
    text_addf(&message, "column \"%s\" (%s): ", r->src.columns[column].name, r->src.columns[column].declared);
  text_add(&message, why);
  struct rejected *more = realloc(p->rejected, (p->rejected_n + 1) * sizeof *more);
  if (more)
    p->rejected = more;
  char *json = row_json(r, column);
  if (!more || message.failed || !json) {
    text_fini(&message);
    free(json);
    return failure_out_of_memory(f, "a rejected row");
  }
  more[p->rejected_n] = (struct rejected){
      .row = (int64_t)(etl_batch_rows(&r->batch) + p->rejected_n), .column = column, .message = message.p, .json = json};
  p->rejected_n++;
  return 0;
}

/* db-lib says that it replaced a character, but not where: a text column with a '?' it is. */
int rejected_characters(struct reader *r, struct failure *f) {
  int32_t column = -1;
  r->conn.bad_characters = false;
  for (size_t i = 0; i < r->src.columns_n && column < 0; i++) {
    size_t n;
    const char *p = r->src.columns[i].type->kind == KIND_TEXT && !r->src.columns[i].as_bytes ? conn_text(&r->conn, (int)i + 1, &n) : NULL;
    if (p && memchr(p, '?', n))
      column = (int32_t)i;
  }
  return rejected_add(r, column, "the text has characters that are not valid Unicode (error 2403)", f);
}
