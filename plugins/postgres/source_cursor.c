/* Cursors in their two forms.  Values come back as text from the sink's database: they go into statements as quoted literals only.
 */
#include "source_cursor.h"

#include <jansson.h>
#include <stdlib.h>

enum {
  VERSION = 1
};

/* ---- from the host -------------------------------------------------------------------------------------------------- */

static int32_t unknown(const struct etl_host *h, const struct source_table *t, const char *why) {
  return source_refuse(h, "cursor", "set `cursor` back, or run with --full-refresh to read all rows again",
                       "%s: the saved cursor cannot be read on from: %s", t->stream, why);
}

/* Values of the one are values of the other, in the same order. */
static bool is_widened(const char *from, const char *to) {
  static const char *const integers[] = {"smallint", "integer", "bigint"};
  size_t n = sizeof integers / sizeof *integers, a = 0, b = 0;
  while (a < n && strcmp(integers[a], from) != 0)
    a++;
  while (b < n && strcmp(integers[b], to) != 0)
    b++;
  return a < b && b < n;
}

static int32_t check_columns(const struct source_table *t, const struct etl_host *h, const json_t *root) {
  const json_t *columns = json_object_get(root, "columns"), *types = json_object_get(root, "types");
  if (json_array_size(columns) != t->cursor_n || json_array_size(types) != t->cursor_n)
    return unknown(h, t, "cursor columns changed: it has another number of them");
  for (size_t i = 0; i < t->cursor_n; i++) {
    const struct field *c = cursor_field(t, i);
    const char *name = json_string_value(json_array_get(columns, i)), *type = json_string_value(json_array_get(types, i));
    if (!name || !type)
      return unknown(h, t, "it is damaged");
    if (strcmp(name, c->name) != 0 || (strcmp(type, c->declared) != 0 && !is_widened(type, c->declared))) {
      struct text why = {0};
      text_addf(&why, "cursor columns changed: it is of %s %s, column %zu is now %s %s", name, type, i + 1, c->name, c->declared);
      int32_t rc = unknown(h, t, text_str(&why));
      text_fini(&why);
      return rc;
    }
  }
  return ETL_OK;
}

static int copy_string(const json_t *v, char **ret) {
  const char *text = json_string_value(v);
  *ret = text ? strdup(text) : NULL;
  return text && !*ret ? -1 : 0;
}

static int32_t take_values(struct position *p, const struct source_table *t, const struct etl_host *h, const json_t *root) {
  const json_t *values = json_object_get(root, "values");
  int32_t rc = check_columns(t, h, root);
  if (rc != ETL_OK)
    return rc;
  if (copy_string(json_object_get(root, "from"), &p->from) < 0 || copy_string(json_object_get(root, "until"), &p->until) < 0)
    return source_no_memory(h);
  if (!values)
    return p->from || p->until ? ETL_OK : unknown(h, t, "it is damaged");
  if (json_array_size(values) != t->cursor_n)
    return unknown(h, t, "it is damaged");
  for (; p->n < t->cursor_n; p->n++) {
    if (!json_is_string(json_array_get(values, p->n)))
      return unknown(h, t, "it is damaged");
    if (copy_string(json_array_get(values, p->n), &p->values[p->n]) < 0)
      return source_no_memory(h);
  }
  return ETL_OK;
}

static int32_t take_blocks(struct position *p, const struct source_table *t, const struct etl_host *h, const json_t *root) {
  const json_t *blocks = json_object_get(root, "blocks"), *until = json_array_get(blocks, 1);
  if (!blocks)
    return ETL_OK;
  p->block_from = json_integer_value(json_array_get(blocks, 0));
  p->block_until = json_is_integer(until) ? json_integer_value(until) : -1;
  if (copy_string(json_object_get(root, "snapshot"), &p->snapshot) < 0)
    return source_no_memory(h);
  return p->snapshot ? ETL_OK : unknown(h, t, "it is damaged");
}

int32_t position_init(struct position *p, const struct source_table *t, const struct etl_host *h, struct etl_bytes saved) {
  *p = (struct position){.given = saved.p != NULL};
  if (!saved.p)
    return ETL_OK;
  json_t *root = json_loadb(saved.p, saved.n, 0, NULL);
  bool whole = json_is_true(json_object_get(root, "whole"));
  int32_t rc;
  if (!json_is_integer(json_object_get(root, "v")))
    rc = unknown(h, t, "it is damaged");
  else if (json_integer_value(json_object_get(root, "v")) != VERSION)
    rc = unknown(h, t, "a newer version of this connector wrote it");
  else if (t->cursor_n == 0)
    rc = take_blocks(p, t, h, root); /* another one tells of cursor columns that are no longer wanted: all is read */
  else if (whole)
    rc = unknown(h, t, "it is from runs without cursor columns");
  else
    rc = take_values(p, t, h, root);
  json_decref(root);
  return rc;
}

void position_fini(struct position *p) {
  for (size_t i = 0; i < p->n; i++)
    free(p->values[i]);
  free(p->from);
  free(p->until);
  free(p->snapshot);
  *p = (struct position){0};
}

/* ---- to the host ---------------------------------------------------------------------------------------------------- */

static int dump(struct text *to, json_t *root, bool ok) {
  char *out = root && ok ? json_dumps(root, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;
  if (out)
    text_add(to, out);
  free(out);
  json_decref(root);
  return out && !to->failed ? 0 : -1;
}

static json_t *columns_json(const struct source_table *t) {
  json_t *columns = json_array(), *types = json_array();
  bool ok = true;
  for (size_t i = 0; i < t->cursor_n; i++)
    ok = json_array_append_new(columns, json_string(cursor_field(t, i)->name)) == 0 &&
         json_array_append_new(types, json_string(cursor_field(t, i)->declared)) == 0 && ok;
  json_t *root = json_pack("{s:i, s:o, s:o}", "v", VERSION, "columns", columns, "types", types);
  if (ok)
    return root;
  json_decref(root);
  return NULL;
}

int position_json(struct text *to, const struct source_table *t, const struct position *p) {
  if (p->snapshot) {
    json_t *until = p->block_until < 0 ? json_null() : json_integer(p->block_until);
    return dump(to,
                json_pack("{s:i, s:b, s:s, s:[I, o]}", "v", VERSION, "whole", 1, "snapshot", p->snapshot, "blocks",
                          (json_int_t)p->block_from, until),
                true);
  }
  if (t->cursor_n == 0)
    return dump(to, json_pack("{s:i, s:b}", "v", VERSION, "whole", 1), true);
  json_t *root = columns_json(t), *values = p->n ? json_array() : NULL;
  bool ok = root != NULL;
  for (size_t i = 0; i < p->n; i++)
    ok = json_array_append_new(values, json_string(p->values[i])) == 0 && ok;
  if (ok && p->n)
    ok = json_object_set(root, "values", values) == 0;
  if (ok && p->from && !p->n)
    ok = json_object_set_new(root, "from", json_string(p->from)) == 0;
  if (ok && p->until)
    ok = json_object_set_new(root, "until", json_string(p->until)) == 0;
  json_decref(values);
  return dump(to, root, ok);
}

/* ---- tuples --------------------------------------------------------------------------------------------------------- */

int tuple_set(struct tuple *x, const struct source_table *t, const struct etl_bytes *row) {
  for (size_t i = 0; i < t->cursor_n; i++) {
    const struct etl_bytes v = row[t->cursor[i]];
    if (v.n > x->values[i].cap) {
      uint8_t *more = realloc(x->values[i].p, v.n);
      if (!more)
        return -1;
      x->values[i].p = more;
      x->values[i].cap = (uint32_t)v.n;
    }
    if (v.n)
      memcpy(x->values[i].p, v.p, v.n);
    x->values[i].n = (uint32_t)v.n;
  }
  x->set = true;
  return 0;
}

bool tuple_readable(const struct source_table *t, const struct etl_bytes *row) {
  for (size_t i = 0; i < t->cursor_n; i++) {
    const struct etl_bytes v = row[t->cursor[i]];
    uint32_t width = cursor_field(t, i)->type->width;
    if (!v.p || (width && v.n != width))
      return false;
  }
  return true;
}

bool tuple_equal(const struct tuple *x, const struct source_table *t, const struct etl_bytes *row) {
  for (size_t i = 0; x->set && i < t->cursor_n; i++) {
    const struct etl_bytes v = row[t->cursor[i]];
    if (v.n != x->values[i].n || (v.n && memcmp(v.p, x->values[i].p, v.n) != 0))
      return false;
  }
  return x->set;
}

static void value_text(struct text *to, const struct tuple *x, const struct source_table *t, size_t i) {
  const struct field *c = cursor_field(t, i);
  c->type->text(to, c, x->values[i].p, x->values[i].n);
}

void tuple_describe(struct text *to, const struct tuple *x, const struct source_table *t) {
  for (size_t i = 0; i < t->cursor_n; i++) {
    text_add(to, i ? ", " : "(");
    value_text(to, x, t, i);
  }
  text_add(to, ")");
}

int tuple_json(struct text *to, const struct tuple *x, const struct source_table *t, const struct position *p) {
  struct position at = {.until = p->until};
  struct text values[SOURCE_CURSOR_MAX] = {{0}};
  char empty[] = "";
  bool ok = true;
  for (; at.n < t->cursor_n; at.n++) {
    value_text(&values[at.n], x, t, at.n);
    at.values[at.n] = values[at.n].p ? values[at.n].p : empty;
    ok = ok && !values[at.n].failed;
  }
  int rc = ok ? position_json(to, t, &at) : -1;
  for (size_t i = 0; i < t->cursor_n; i++)
    text_fini(&values[i]);
  return rc;
}

void tuple_fini(struct tuple *x) {
  for (size_t i = 0; i < SOURCE_CURSOR_MAX; i++)
    free(x->values[i].p);
  *x = (struct tuple){0};
}
