/* Rows and schemas out of JSON. */
#include "engine/json_rows.h"

#include <string.h>

#include <jansson.h>

#include "engine/json_text.h"

/* ---- schemas ------------------------------------------------------------------------------------------------------------------------ */

static int no_schema(struct err *e) {
  err_set(e, ETL_E_DATA, "the columns of a row that was set aside are not understood");
  return err_remedy(e, "it was kept by another release, or changed since; correct the row at its source");
}

/* Offsets of 64 bits are read but never built; the values are the same. */
static const char *buildable(const char *format) { return strcmp(format, "U") == 0 ? "u" : strcmp(format, "Z") == 0 ? "z" : format; }

int json_rows_schema(const char *columns, struct ArrowSchema *ret, struct err *e) {
  json_t *list = json_loads(columns, 0, NULL), *column;
  size_t i;
  struct ArrowSchema s = {0};
  int rc = json_is_array(list) && etl_schema_init(&s, (int64_t)json_array_size(list)) == 0 ? 0 : -1;
  json_array_foreach(rc == 0 ? list : NULL, i, column) {
    const char *name = json_string_value(json_array_get(column, 0)), *format = json_string_value(json_array_get(column, 1));
    const char *extension = json_string_value(json_array_get(column, 2));
    if (!name || !format || etl_schema_set(&s, (int64_t)i, name, buildable(format), true, NULL, extension && *extension ? extension : NULL) < 0) {
      rc = -1;
      break;
    }
  }
  json_decref(list);
  if (rc < 0) {
    etl_schema_release(&s);
    return no_schema(e);
  }
  *ret = s;
  return 0;
}

/* ---- rows --------------------------------------------------------------------------------------------------------------------------- */

static int no_row(struct err *e) {
  err_set(e, ETL_E_DATA, "what was kept of the row is not the row");
  return err_remedy(e, "correct it at its source, and drop it here");
}

static int no_memory(struct err *e) {
  err_set(e, ETL_E_PERMANENT, "there is no memory for a row that was set aside");
  return err_remedy(e, "raise memory of the pipeline");
}

static int no_value(struct err *e, const char *column, const char *why) {
  err_set(e, ETL_E_DATA, "the value in column \"%s\" cannot be taken from what was kept: %s", column, why);
  return err_remedy(e, "correct the row at its source, and drop it here");
}

static int add_values(struct etl_batch *b, const struct ArrowSchema *s, struct json_text *j, struct err *e) {
  if (!json_text_take(j, '{'))
    return no_row(e);
  for (int64_t i = 0; i < s->n_children; i++) {
    struct json_value key, v;
    bool named = (!i || json_text_take(j, ',')) && json_text_value(j, &key) == 0 && key.kind == JSON_TEXT_STRING &&
                 strcmp(key.text, s->children[i]->name) == 0;
    if (!named || !json_text_take(j, ':') || json_text_value(j, &v) < 0)
      return no_row(e);
    const char *why = json_value_add(b, i, &v, j->arena);
    if (why == json_value_no_memory)
      return no_memory(e);
    if (why)
      return no_value(e, s->children[i]->name, why);
  }
  return json_text_take(j, '}') && json_text_sees(j, 0) ? 0 : no_row(e);
}

int json_rows_add(struct etl_batch *b, const struct ArrowSchema *s, const char *raw, struct err *e) {
  struct json_text j = {raw, arena_new(), 0};
  int rc = -1;
  if (etl_batch_row(b) < 0)
    no_memory(e);
  else if ((rc = add_values(b, s, &j, e)) < 0)
    etl_batch_undo_row(b);
  arena_free(j.arena);
  return rc;
}
