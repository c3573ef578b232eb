/* Columns by name.  Rows bring their columns in the same order mostly, hence the hints. */
#include "layout.h"

#include <stdio.h>
#include <stdlib.h>

void layout_fini(struct layout *l) {
  free(l->list);
  pool_fini(&l->pool);
  *l = (struct layout){0};
}

static bool is_named(const struct column *c, const char *name, size_t n) { return c->name_n == n && memcmp(c->name, name, n) == 0; }

int64_t layout_find(const struct layout *l, const char *name, size_t n, size_t hint) {
  if (hint < l->n && is_named(&l->list[hint], name, n))
    return (int64_t)hint;
  for (size_t i = 0; i < l->n; i++)
    if (is_named(&l->list[i], name, n))
      return (int64_t)i;
  return -1;
}

int64_t layout_add(struct layout *l, const char *name, size_t n) {
  int64_t i = layout_find(l, name, n, l->n);
  if (i >= 0)
    return i;
  if (l->n == l->cap) {
    struct column *list = realloc(l->list, (l->cap * 2 + 16) * sizeof *list);
    if (!list)
      return -1;
    l->list = list;
    l->cap = l->cap * 2 + 16;
  }
  char *copy = pool_strndup(&l->pool, name, n);
  if (!copy)
    return -1;
  l->list[l->n] = (struct column){.name = copy, .name_n = n};
  return (int64_t)l->n++;
}

void layout_finish(struct layout *l, const struct settings *s, size_t from) {
  for (size_t i = from; i < l->n; i++) {
    struct column *c = &l->list[i];
    const struct forced *forced = settings_forced(s, c->name, c->name_n);
    c->forced = forced;
    c->type = forced ? forced->type : guess_type(&c->guess);
  }
}

int layout_copy(const struct layout *from, struct layout *ret) {
  *ret = (struct layout){0};
  for (size_t i = 0; i < from->n; i++) {
    int64_t k = layout_add(ret, from->list[i].name, from->list[i].name_n);
    if (k < 0) {
      layout_fini(ret);
      return -1;
    }
    ret->list[k].guess = from->list[i].guess;
    ret->list[k].type = from->list[i].type;
    ret->list[k].forced = from->list[i].forced;
  }
  return 0;
}

int layout_schema(const struct layout *l, struct ArrowSchema *ret) {
  int rc = etl_schema_init(ret, (int64_t)l->n);
  for (size_t i = 0; i < l->n && rc == 0; i++) {
    char format[32], name[48];
    const char *extension = type_format(&l->list[i].type, format, sizeof format);
    type_name(&l->list[i].type, name, sizeof name);
    rc = etl_schema_set(ret, (int64_t)i, l->list[i].name, format, true, name, extension);
  }
  if (rc < 0)
    etl_schema_release(ret);
  return rc;
}
