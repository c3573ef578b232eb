/* Which columns of two sides compare as what. */
#include <string.h>

#include "base/mem.h"
#include "base/member.h"
#include "etl/sdk.h"
#include "verify/canon.h"
#include "verify/compare.h"

static const char *name_of(const json_t *column) { return member_text(column, "name"); }

static int64_t index_of(const json_t *columns, const char *name) {
  for (size_t i = 0; name && i < json_array_size(columns); i++)
    if (strcmp(name_of(json_array_get(columns, i)), name) == 0)
      return (int64_t)i;
  return -1;
}

static int format_of(const json_t *column, struct etl_format *ret) {
  struct ArrowSchema s;
  if (etl_schema_init(&s, 1) < 0)
    return -1;
  const char *format = member_text(column, "format"), *extension = member_text(column, "extension");
  int rc = etl_schema_set(&s, 0, name_of(column), format, true, NULL, extension);
  if (rc == 0)
    rc = etl_format_parse(s.children[0], ret);
  etl_schema_release(&s);
  return rc;
}

static enum canon pair(const json_t *a, const json_t *b) {
  struct etl_format x, y;
  return format_of(a, &x) == 0 && format_of(b, &y) == 0 ? canon_pair(&x, &y) : CANON_NONE;
}

static void note(json_t *notes, const char *what, const char *name) {
  cleanup_free char *text = xasprintf("column %s is not compared: %s", name, what);
  json_array_append_new(notes, json_string(text));
}

json_t *compare_columns(const json_t *source, const json_t *target, const char *group, json_t *notes) {
  const json_t *ours = json_object_get(source, "columns"), *theirs = json_object_get(target, "columns"), *names = json_object_get(source, "key");
  json_t *columns = json_array(), *key = json_array();
  for (size_t i = 0; i < json_array_size(ours); i++) {
    const json_t *c = json_array_get(ours, i);
    int64_t at = index_of(theirs, name_of(c));
    const json_t *other = at >= 0 ? json_array_get(theirs, (size_t)at) : NULL;
    enum canon as = other ? pair(c, other) : CANON_NONE;
    if (!other)
      note(notes, "the target does not have it", name_of(c));
    else if (!as)
      note(notes, "its types on the two sides have nothing in common", name_of(c));
    else
      json_array_append_new(columns, json_pack("{s:s, s:s}", "name", name_of(c), "as", canon_name(as)));
  }
  for (size_t i = 0; i < json_array_size(names); i++) {
    int64_t at = index_of(columns, json_string_value(json_array_get(names, i)));
    if (at >= 0)
      json_array_append_new(key, json_integer(at));
  }
  if (json_array_size(key) < json_array_size(names)) /* half a key tells nothing apart */
    json_array_clear(key);
  if (json_array_size(columns) == 0) {
    json_decref(columns);
    json_decref(key);
    return NULL;
  }
  return json_pack("{s:o, s:I, s:o}", "key", key, "group", (json_int_t)index_of(columns, group), "columns", columns);
}
