/* Cursors.  A value keeps its storage class: an integer and a real are numbers, text a string, and what is no text for JSON is an object
 * with its bytes. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "tuple.h"

void tuple_fini(struct tuple *t) {
  for (size_t i = 0; i < t->n; i++)
    free(t->values[i].bytes);
  free(t->values);
  *t = (struct tuple){0};
}

static int room(struct tuple *t, size_t n) {
  if (t->n == n)
    return 0;
  tuple_fini(t);
  t->values = calloc(n, sizeof *t->values);
  t->n = t->values ? n : 0;
  return t->values ? 0 : -1;
}

static int put_bytes(struct tuple_value *v, const void *p, size_t n) {
  if (n > v->cap || !v->bytes) {
    uint8_t *grown = realloc(v->bytes, n * 2 + 16);
    if (!grown)
      return -1;
    v->bytes = grown;
    v->cap = n * 2 + 16;
  }
  if (n)
    memcpy(v->bytes, p, n);
  v->n = n;
  return 0;
}

int tuple_take(struct tuple *t, sqlite3_stmt *stmt, const int *at, size_t n) {
  int rc = room(t, n);
  for (size_t k = 0; k < n && rc == 0; k++) {
    struct tuple_value *v = &t->values[k];
    v->kind = sqlite3_column_type(stmt, at[k]);
    v->i = v->kind == SQLITE_INTEGER ? sqlite3_column_int64(stmt, at[k]) : 0;
    v->f = v->kind == SQLITE_FLOAT ? sqlite3_column_double(stmt, at[k]) : 0;
    if (v->kind == SQLITE_TEXT || v->kind == SQLITE_BLOB) {
      const void *p = sqlite3_column_blob(stmt, at[k]);
      rc = put_bytes(v, p, (size_t)sqlite3_column_bytes(stmt, at[k]));
    }
  }
  return rc;
}

static bool equal(const struct tuple_value *a, const struct tuple_value *b) {
  bool numbers = (a->kind == SQLITE_INTEGER || a->kind == SQLITE_FLOAT) && (b->kind == SQLITE_INTEGER || b->kind == SQLITE_FLOAT);
  if (numbers && a->kind != b->kind)
    return (a->kind == SQLITE_INTEGER ? (double)a->i : a->f) == (b->kind == SQLITE_INTEGER ? (double)b->i : b->f);
  if (a->kind != b->kind)
    return false;
  if (numbers)
    return a->i == b->i && a->f == b->f;
  return a->n == b->n && (a->n == 0 || memcmp(a->bytes, b->bytes, a->n) == 0);
}

bool tuple_equal(const struct tuple *a, const struct tuple *b) {
  bool same = a->n == b->n && a->n > 0;
  for (size_t i = 0; i < a->n && same; i++)
    same = equal(&a->values[i], &b->values[i]);
  return same;
}

/* ---- text ----------------------------------------------------------------------------------------------------------------------------- */

static json_t *hex(const char *key, const struct tuple_value *v) {
  char *text = malloc(v->n * 2 + 1);
  json_t *o = NULL;
  if (!text)
    return NULL;
  for (size_t i = 0; i < v->n; i++)
    snprintf(text + 2 * i, 3, "%02x", v->bytes[i]);
  o = json_pack("{s:s#}", key, text, (int)(v->n * 2));
  free(text);
  return o;
}

static json_t *value_json(const struct tuple_value *v) {
  switch (v->kind) {
  case SQLITE_INTEGER: return json_integer(v->i);
  case SQLITE_FLOAT: return json_real(v->f); /* infinities do not come before another value: SQLite sorts them last */
  case SQLITE_TEXT: {
    json_t *s = memchr(v->bytes, 0, v->n) ? NULL : json_stringn((const char *)v->bytes, v->n);
    return s ? s : hex("text", v);
  }
  default: return hex("blob", v);
  }
}

int tuple_encode(const struct tuple *t, char *const *names, struct text_buffer *ret) {
  json_t *root = names ? json_pack("{s:i,s:[],s:[]}", "v", 1, "columns", "values") : json_pack("{s:i,s:b}", "v", 1, "whole", 1);
  int rc = root ? 0 : -1;
  for (size_t i = 0; names && i < t->n && rc == 0; i++)
    rc = json_array_append_new(json_object_get(root, "columns"), json_string(names[i])) |
         json_array_append_new(json_object_get(root, "values"), value_json(&t->values[i]));
  char *text = rc == 0 ? json_dumps(root, JSON_COMPACT | JSON_REAL_PRECISION(17)) : NULL;
  json_decref(root);
  if (!text)
    return -1;
  free(ret->p);
  *ret = (struct text_buffer){text, strlen(text)};
  return 0;
}

static int digit(char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; }

static int from_hex(struct tuple_value *v, const char *text) {
  size_t n = strlen(text) / 2;
  if (strlen(text) % 2 || put_bytes(v, text, strlen(text)) < 0)
    return -1;
  for (size_t i = 0; i < n; i++) {
    if (digit(text[2 * i]) < 0 || digit(text[2 * i + 1]) < 0)
      return -1;
    v->bytes[i] = (uint8_t)(digit(text[2 * i]) << 4 | digit(text[2 * i + 1]));
  }
  v->n = n;
  return 0;
}

static int value_from(struct tuple_value *v, const json_t *j) {
  const json_t *blob = json_object_get(j, "blob"), *text = json_object_get(j, "text");
  v->kind = json_is_integer(j) ? SQLITE_INTEGER : json_is_real(j) ? SQLITE_FLOAT : blob ? SQLITE_BLOB : SQLITE_TEXT;
  v->i = json_integer_value(j);
  v->f = json_real_value(j);
  if (json_is_number(j))
    return 0;
  if (json_is_string(j))
    return put_bytes(v, json_string_value(j), json_string_length(j));
  return json_is_string(blob ? blob : text) ? from_hex(v, json_string_value(blob ? blob : text)) : -1;
}

int tuple_decode(struct tuple *t, struct etl_bytes bytes, char *const *names, size_t n) {
  json_t *root = json_loadb(bytes.p, bytes.n, 0, NULL);
  const json_t *columns = json_object_get(root, "columns"), *values = json_object_get(root, "values");
  int rc = json_integer_value(json_object_get(root, "v")) == 1 && json_array_size(columns) == n && json_array_size(values) == n ? room(t, n) : -1;
  for (size_t i = 0; i < n && rc == 0; i++) {
    const char *name = json_string_value(json_array_get(columns, i));
    rc = name && strcmp(name, names[i]) == 0 ? value_from(&t->values[i], json_array_get(values, i)) : -1;
  }
  json_decref(root);
  return rc;
}

int tuple_bind(const struct tuple *t, sqlite3_stmt *stmt) {
  int rc = SQLITE_OK;
  for (size_t k = 0; k < t->n && rc == SQLITE_OK; k++) {
    const struct tuple_value *v = &t->values[k];
    int i = (int)k + 1;
    rc = v->kind == SQLITE_INTEGER ? sqlite3_bind_int64(stmt, i, v->i)
         : v->kind == SQLITE_FLOAT ? sqlite3_bind_double(stmt, i, v->f)
         : v->kind == SQLITE_TEXT  ? sqlite3_bind_text64(stmt, i, (const char *)v->bytes, v->n, SQLITE_TRANSIENT, SQLITE_UTF8)
                                   : sqlite3_bind_blob64(stmt, i, v->bytes, v->n, SQLITE_TRANSIENT);
  }
  return rc;
}
