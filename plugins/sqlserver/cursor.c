/* Cursor values in their three forms: db-lib's bytes, text, T-SQL.  The text comes back from the sink's database, so it is checked
 * before it goes into a statement: only the characters that a value of its type can have. */
#include "cursor.h"

#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "convert.h"
#include "temporal.h"

enum {
  CURSOR_VERSION = 1,
  VALUE_MAX_BYTES = 64
};

static const struct column *cursor_column(const struct source *src, size_t i) { return &src->columns[src->cursor[i]]; }

/* ---- text to T-SQL --------------------------------------------------------------------------------------------------------- */

enum syntax {
  SYNTAX_NUMBER,
  SYNTAX_QUOTED,
  SYNTAX_DATETIME,
  SYNTAX_HEX,
  SYNTAX_STRING
};

static enum syntax syntax_of(const struct column *c) {
  switch (c->type->kind) {
  case KIND_BIT:
  case KIND_INT: return SYNTAX_NUMBER;
  case KIND_DATETIME: return SYNTAX_DATETIME;
  case KIND_BINARY:
  case KIND_ROWVERSION: return SYNTAX_HEX;
  case KIND_TEXT: return SYNTAX_STRING;
  default: return SYNTAX_QUOTED;
  }
}

void cursor_literal(struct text *t, const struct column *c, const char *value) {
  switch (syntax_of(c)) {
  case SYNTAX_NUMBER: text_addf(t, "CAST(%s AS %s)", value, c->declared); break;
  case SYNTAX_QUOTED: text_addf(t, "CAST(N'%s' AS %s)", value, c->declared); break;
  case SYNTAX_DATETIME: text_addf(t, "CONVERT(datetime, N'%s', 126)", value); break;
  case SYNTAX_HEX: text_add(t, value); break;
  case SYNTAX_STRING: text_literal(t, value); break;
  }
}

void cursor_constant(struct text *t, const struct column *c, const char *value) {
  enum syntax syntax = syntax_of(c);
  if (syntax == SYNTAX_NUMBER || syntax == SYNTAX_HEX)
    text_add(t, value);
  else
    text_literal(t, value);
}

const char *cursor_parameter_type(const struct column *c) { return c->type->kind == KIND_ROWVERSION ? "binary(8)" : c->declared; }

static bool value_ok(const struct column *c, const char *value) {
  size_t n = strlen(value);
  switch (syntax_of(c)) {
  case SYNTAX_STRING: return true; /* quoted where it is used */
  case SYNTAX_HEX: return n % 2 == 0 && strncmp(value, "0x", 2) == 0 && strspn(value + 2, "0123456789ABCDEF") == n - 2;
  case SYNTAX_NUMBER: return n > 0 && n < VALUE_MAX_BYTES && strspn(value + (*value == '-'), "0123456789") == n - (*value == '-');
  default: return n > 0 && n < VALUE_MAX_BYTES && strspn(value, "0123456789ABCDEF:.T+-") == n;
  }
}

bool cursor_user_text(const struct column *c, const char *given, char *ret, size_t cap) {
  bool time = c->type->counts_time && c->type->kind != KIND_DATE;
  int n = snprintf(ret, cap, "%s%s", given, time && strlen(given) == strlen("2024-05-01") ? "T00:00:00" : "");
  if (time && n > 10 && (size_t)n < cap && ret[10] == ' ')
    ret[10] = 'T';
  return n > 0 && (size_t)n < cap && value_ok(c, ret);
}

/* ---- db-lib's bytes to text ------------------------------------------------------------------------------------------------ */

static void hex_text(struct text *t, const uint8_t *p, size_t n) {
  text_add(t, "0x");
  for (size_t i = 0; i < n; i++)
    text_addf(t, "%02X", p[i]);
}

static int64_t int_of(const uint8_t *p, size_t n) {
  int16_t i2;
  int32_t i4;
  int64_t i8;
  switch (n) {
  case 1: return *p;
  case 2: memcpy(&i2, p, 2); return i2;
  case 4: memcpy(&i4, p, 4); return i4;
  default: memcpy(&i8, p, 8); return i8;
  }
}

void cursor_value_text(struct text *t, const struct column *c, const uint8_t *p, size_t n) {
  char buf[VALUE_MAX_BYTES] = "";
  switch (c->type->kind) {
  case KIND_BIT:
  case KIND_INT: text_addf(t, "%lld", (long long)int_of(p, n)); return;
  case KIND_TEXT: text_add_n(t, (const char *)p, n); return;
  case KIND_BINARY:
  case KIND_ROWVERSION: hex_text(t, p, n); return;
  case KIND_UUID: {
    uint8_t u[16];
    convert_uuid(p, u);
    for (int i = 0; i < 16; i++)
      text_addf(t, "%02X%s", u[i], i == 3 || i == 5 || i == 7 || i == 9 ? "-" : "");
    return;
  }
  case KIND_DECIMAL:
  case KIND_MONEY:
  case KIND_SMALLMONEY: convert_decimal_text(c, p, buf, sizeof buf); break;
  case KIND_TIME: temporal_time_text(convert_ticks(c, p), c->scale, buf, sizeof buf); break;
  case KIND_DATE: temporal_date_text(convert_ticks(c, p), buf, sizeof buf); break;
  case KIND_SMALLDATETIME: temporal_text(convert_ticks(c, p), 0, buf, sizeof buf); break;
  case KIND_DATETIME: temporal_text(convert_ticks(c, p), 3, buf, sizeof buf); break;
  default: temporal_text(convert_ticks(c, p), c->scale, buf, sizeof buf); break;
  }
  text_add(t, buf);
  if (c->type->kind == KIND_DATETIMEOFFSET)
    text_add(t, "+00:00");
}

/* ---- tuples ------------------------------------------------------------------------------------------------------------------ */

int tuple_grow_(struct tuple *t, size_t i, size_t n) {
  uint8_t *more = realloc(t->values[i].p, n);
  if (!more)
    return -1;
  t->values[i].p = more;
  t->values[i].cap = n;
  return 0;
}

/* What the server compares of a value: a datetimeoffset's instant without its offset. */
static size_t compared_bytes(const struct column *c, size_t n) {
  return c->type->kind == KIND_DATETIMEOFFSET ? offsetof(DBDATETIMEALL, offset) : n;
}

bool tuple_may_equal(const struct tuple *t, const struct source *src, struct conn *c) {
  for (size_t i = 0; t->set && i < src->cursor_n; i++) {
    const struct column *col = cursor_column(src, i);
    if (col->type->cursor == CURSOR_LOOSE)
      return true;
    int column = (int)src->cursor[i] + 1;
    const uint8_t *p = dbdata(c->db, column);
    size_t n = p ? (size_t)dbdatlen(c->db, column) : 0;
    if (!p || n != t->values[i].n || memcmp(p, t->values[i].p, compared_bytes(col, n)) != 0)
      return false;
  }
  return t->set;
}

/* -1, 0, 1; *ret_known false for types whose order only the server knows. */
static int compare(const struct column *c, const uint8_t *a, const uint8_t *b, size_t n, bool *ret_known) {
  int64_t x, y;
  *ret_known = true;
  switch (c->type->kind) {
  case KIND_ROWVERSION: return memcmp(a, b, 8);
  case KIND_BIT:
  case KIND_INT:
    x = int_of(a, n);
    y = int_of(b, n);
    break;
  case KIND_DECIMAL:
  case KIND_MONEY:
  case KIND_SMALLMONEY: {
    __int128 u = convert_decimal(c, a), v = convert_decimal(c, b);
    return (u > v) - (u < v);
  }
  case KIND_TEXT:
  case KIND_BINARY:
  case KIND_UUID: *ret_known = false; return 0;
  default:
    x = convert_ticks(c, a);
    y = convert_ticks(c, b);
    break;
  }
  return (x > y) - (x < y);
}

bool tuple_is_after(const struct tuple *t, const struct source *src, struct conn *c) {
  for (size_t i = 0; t->set && i < src->cursor_n; i++) {
    bool known = true;
    const uint8_t *p = dbdata(c->db, (int)src->cursor[i] + 1);
    int order = p ? compare(cursor_column(src, i), t->values[i].p, p, t->values[i].n, &known) : 0;
    if (!p || !known || order != 0)
      return p && known && order > 0;
  }
  return false;
}

int64_t tuple_ticks(const struct tuple *t, const struct source *src) {
  return convert_ticks(cursor_column(src, 0), t->values[0].p);
}

void tuple_fini(struct tuple *t) {
  for (size_t i = 0; i < SETTINGS_CURSOR_MAX; i++)
    free(t->values[i].p);
  *t = (struct tuple){0};
}

void tuple_describe(const struct tuple *t, const struct source *src, struct text *ret) {
  for (size_t i = 0; i < src->cursor_n; i++) {
    text_add(ret, i ? ", " : "(");
    cursor_value_text(ret, cursor_column(src, i), t->values[i].p, t->values[i].n);
  }
  text_add(ret, ")");
}

/* ---- JSON ----------------------------------------------------------------------------------------------------------------------
 */

/* Appends value i to the three arrays. */
static int encode_value(const struct tuple *t, size_t i, const struct source *src, json_t *arrays[3], struct failure *f) {
  const struct column *c = cursor_column(src, i);
  struct text v = {0};
  int rc = 0;
  cursor_value_text(&v, c, t->values[i].p, t->values[i].n);
  if (v.n && memchr(v.p, '\0', v.n))
    rc = failure_set(f, ETL_E_DATA, "cursor", "use another cursor column, or leave these rows out with `where`",
                     "sqlserver: a row has a NUL character in cursor column \"%s\", which cannot be read on from", c->name);
  else if (v.failed || json_array_append_new(arrays[0], json_string(c->name)) < 0 ||
           json_array_append_new(arrays[1], json_string(c->declared)) < 0 ||
           json_array_append_new(arrays[2], json_stringn(text_str(&v), v.n)) < 0)
    rc = failure_out_of_memory(f, "the cursor");
  text_fini(&v);
  return rc;
}

/* All but the columns; values NULL: none. */
static int encode(json_t *columns, json_t *types, json_t *values, const struct cursor *from, struct text *ret, struct failure *f) {
  json_t *all = json_pack("{s:i, s:o, s:o}", "v", CURSOR_VERSION, "columns", columns, "types", types);
  bool ok = all && (!values || json_object_set(all, "values", values) == 0) &&
            (values || !from->from || json_object_set_new(all, "from", json_string(from->from)) == 0) &&
            (!from->until || json_object_set_new(all, "until", json_string(from->until)) == 0);
  char *out = ok ? json_dumps(all, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;
  json_decref(all);
  json_decref(values);
  if (out)
    text_add(ret, out);
  free(out);
  return out && !ret->failed ? 0 : failure_out_of_memory(f, "the cursor");
}

int tuple_encode(const struct tuple *t, const struct source *src, const struct cursor *from, struct text *ret, struct failure *f) {
  json_t *arrays[3] = {json_array(), json_array(), json_array()};
  int rc = 0;
  for (size_t i = 0; i < src->cursor_n && rc == 0; i++)
    rc = encode_value(t, i, src, arrays, f);
  if (rc == 0)
    return encode(arrays[0], arrays[1], arrays[2], from, ret, f);
  for (int i = 0; i < 3; i++)
    json_decref(arrays[i]);
  return rc;
}

int cursor_encode(const struct cursor *c, const struct source *src, struct text *ret, struct failure *f) {
  json_t *columns = json_array(), *types = json_array();
  size_t n = src->cursor_n ? src->cursor_n : 1; /* without a cursor the bounding column alone tells whose the bounds are */
  for (size_t i = 0; i < n; i++) {
    const struct column *col = src->cursor_n ? cursor_column(src, i) : &src->columns[c->bounding];
    if (json_array_append_new(columns, json_string(col->name)) < 0 || json_array_append_new(types, json_string(col->declared)) < 0) {
      json_decref(columns);
      json_decref(types);
      return failure_out_of_memory(f, "the cursor");
    }
  }
  return encode(columns, types, NULL, c, ret, f);
}

static int unknown_cursor(struct failure *f, const struct settings *s, const char *why) {
  return failure_set(f, ETL_E_CONFIG, "cursor", "set `cursor` back, or run with --full-refresh to read all rows again",
                     "sqlserver: %s: the saved cursor cannot be read on from: %s", s->stream, why);
}

/* Values of the one are values of the other, in the same order. */
static bool is_widened(const char *from, const char *to) {
  static const char *const integers[] = {"tinyint", "smallint", "int", "bigint"};
  size_t n = sizeof integers / sizeof *integers, a = 0, b = 0;
  while (a < n && strcmp(integers[a], from) != 0)
    a++;
  while (b < n && strcmp(integers[b], to) != 0)
    b++;
  return a < b && b < n;
}

/* Column i of the saved cursor against what it is now. */
static int decode_column(const struct column *c, json_t *root, size_t i, const struct settings *s, struct failure *f) {
  const char *name = json_string_value(json_array_get(json_object_get(root, "columns"), i));
  const char *type = json_string_value(json_array_get(json_object_get(root, "types"), i));
  char why[400];
  if (!name || !type)
    return unknown_cursor(f, s, "it is damaged");
  snprintf(why, sizeof why, "cursor columns changed: it is of %.100s %.60s, column %zu is now %.100s %.60s", name, type, i + 1, c->name,
           c->declared);
  return strcasecmp(name, c->name) == 0 && (strcmp(type, c->declared) == 0 || is_widened(type, c->declared)) ? 0 : unknown_cursor(f, s, why);
}

/* A text of the saved cursor, which is a value of column c.  NULL is legal. */
static int decode_text(const struct column *c, const json_t *v, const char **ret, const struct settings *s, struct pool *pool,
                       struct failure *f) {
  const char *value = json_string_value(v);
  *ret = NULL;
  if (!v)
    return 0;
  if (!value || !value_ok(c, value))
    return unknown_cursor(f, s, "it is damaged");
  *ret = pool_strdup(pool, value);
  return *ret ? 0 : failure_out_of_memory(f, "the cursor");
}

static int decode_bounds(struct cursor *ret, json_t *root, const struct source *src, const struct settings *s, struct pool *pool,
                         struct failure *f) {
  const struct column *c = &src->columns[ret->bounding];
  return decode_text(c, json_object_get(root, "from"), &ret->from, s, pool, f) < 0 ||
                 decode_text(c, json_object_get(root, "until"), &ret->until, s, pool, f) < 0
             ? -1
             : 0;
}

static int decode_columns(struct cursor *ret, json_t *root, const struct source *src, const struct settings *s, struct pool *pool,
                          struct failure *f) {
  json_t *values = json_object_get(root, "values");
  if (json_array_size(json_object_get(root, "columns")) != src->cursor_n || json_array_size(json_object_get(root, "types")) != src->cursor_n ||
      (values && json_array_size(values) != src->cursor_n))
    return unknown_cursor(f, s, "cursor columns changed: it has another number of them");
  for (size_t i = 0; i < src->cursor_n; i++)
    if (decode_column(cursor_column(src, i), root, i, s, f) < 0 ||
        (values && decode_text(cursor_column(src, i), json_array_get(values, i), &ret->values[i], s, pool, f) < 0))
      return -1;
  ret->n = values ? src->cursor_n : 0;
  ret->bounding = src->cursor[0];
  if (decode_bounds(ret, root, src, s, pool, f) < 0)
    return -1;
  return values || ret->from || ret->until ? 0 : unknown_cursor(f, s, "it is damaged");
}

/* Without cursor columns only a piece has something to tell. */
static int decode_piece(struct cursor *ret, json_t *root, const struct source *src, const struct settings *s, struct pool *pool,
                        struct failure *f) {
  if (!json_object_get(root, "from") && !json_object_get(root, "until"))
    return 0;
  if (src->key_column == SIZE_MAX)
    return unknown_cursor(f, s, "it is of a piece by the primary key, which is not read now");
  ret->bounding = src->key_column;
  return decode_column(&src->columns[src->key_column], root, 0, s, f) < 0 ? -1 : decode_bounds(ret, root, src, s, pool, f);
}

int cursor_decode(struct cursor *ret, struct etl_bytes saved, const struct source *src, const struct settings *s, struct pool *pool,
                  struct failure *f) {
  *ret = (struct cursor){.given = saved.p != NULL};
  if (!saved.p)
    return 0;
  json_t *root = json_loadb(saved.p, saved.n, 0, NULL);
  int rc;
  if (!json_is_object(root) || !json_is_integer(json_object_get(root, "v")))
    rc = unknown_cursor(f, s, "it is damaged");
  else if (json_integer_value(json_object_get(root, "v")) != CURSOR_VERSION)
    rc = unknown_cursor(f, s, "a newer version of this connector wrote it");
  else if (src->cursor_n == 0)
    rc = decode_piece(ret, root, src, s, pool, f);
  else if (json_is_true(json_object_get(root, "whole")))
    rc = unknown_cursor(f, s, "it is from runs without cursor columns");
  else
    rc = decode_columns(ret, root, src, s, pool, f);
  json_decref(root);
  return rc;
}
