/* Keys are held as lists of their values, which are sorted; what lies between two rows that are the same is a range. */
#include "verify/ranges.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/member.h"
#include "verify/canon.h"

enum { SAME = -1 };

struct entry {
  const char *group;
  json_t *values; /* of the key's columns, in their order */
  int kind;       /* enum difference, or SAME */
};
struct ranges {
  const char **names; /* of the key's columns, in ask */
  bool *numbers;      /* which of them hold numbers */
  size_t names_n;
  struct entry *list;
  size_t n, room;
};

/* Numbers and times are in an order in which rows come and go together; one such column gives a range its meaning. */
static bool has_order(const json_t *ask) {
  const json_t *key = json_object_get(ask, "key"), *columns = json_object_get(ask, "columns");
  bool any = false;
  for (size_t i = 0; i < json_array_size(key); i++) {
    const json_t *column = json_array_get(columns, (size_t)json_integer_value(json_array_get(key, i)));
    enum canon as = canon_from_name(member_text(column, "as"));
    if (as == CANON_JSON || as == CANON_BYTES)
      return false;
    any |= as == CANON_NUMBER || as == CANON_INSTANT || as == CANON_TIME;
  }
  return any;
}

struct ranges *ranges_new(const json_t *ask) {
  const json_t *key = json_object_get(ask, "key"), *columns = json_object_get(ask, "columns");
  if (!has_order(ask))
    return NULL;
  struct ranges *r = xcalloc(1, sizeof *r);
  r->names = xcalloc(json_array_size(key), sizeof *r->names);
  r->numbers = xcalloc(json_array_size(key), sizeof *r->numbers);
  for (; r->names_n < json_array_size(key); r->names_n++) {
    const json_t *column = json_array_get(columns, (size_t)json_integer_value(json_array_get(key, r->names_n)));
    r->names[r->names_n] = member_text(column, "name");
    r->numbers[r->names_n] = canon_from_name(member_text(column, "as")) == CANON_NUMBER;
  }
  return r;
}

void ranges_free(struct ranges *r) {
  if (!r)
    return;
  for (size_t i = 0; i < r->n; i++)
    json_decref(r->list[i].values);
  free(r->list);
  free(r->names);
  free(r->numbers);
  free(r);
}

static void add(struct ranges *r, int kind, const char *key, const char *group) {
  json_t *object = json_loads(key, 0, NULL), *values = json_array();
  for (size_t i = 0; i < r->names_n; i++) {
    json_t *value = json_object_get(object, r->names[i]);
    json_array_append_new(values, value ? json_incref(value) : json_null());
  }
  json_decref(object);
  if (r->n == r->room) {
    r->room = r->room ? 2 * r->room : 256;
    r->list = xrealloc(r->list, r->room * sizeof *r->list);
  }
  r->list[r->n++] = (struct entry){group, values, kind};
}

void ranges_add_difference(struct ranges *r, enum difference kind, const char *key, const char *group) { add(r, (int)kind, key, group); }
void ranges_add_same(struct ranges *r, const char *key, const char *group) { add(r, SAME, key, group); }

/* Decimals, and whatever one of the sides has as text, are text. */
static const char *number_text(const json_t *j, char buf[24]) {
  if (json_is_string(j))
    return json_string_value(j);
  snprintf(buf, 24, "%" JSON_INTEGER_FORMAT, json_integer_value(j));
  return buf;
}

static int by_number(const json_t *x, const json_t *y) {
  char x_buf[24], y_buf[24];
  const char *a = number_text(x, x_buf), *b = number_text(y, y_buf);
  bool below = *a == '-';
  if (below != (*b == '-'))
    return below ? -1 : 1;
  size_t n = strspn(a + below, "0123456789"), m = strspn(b + below, "0123456789");
  int order = n != m ? (n > m) - (n < m) : strcmp(a, b);
  return below ? -order : order;
}

static bool is_number(const json_t *j) { return json_is_string(j) || json_is_integer(j); }

static int by_value(const json_t *a, const json_t *b) {
  if (json_is_integer(a) && json_is_integer(b)) {
    json_int_t x = json_integer_value(a), y = json_integer_value(b);
    return (x > y) - (x < y);
  }
  if (json_is_number(a) && json_is_number(b)) {
    double x = json_number_value(a), y = json_number_value(b);
    return (x > y) - (x < y);
  }
  if (json_is_string(a) && json_is_string(b))
    return strcmp(json_string_value(a), json_string_value(b));
  return (int)json_typeof(a) - (int)json_typeof(b);
}

static int by_key(const void *a, const void *b, void *ranges) {
  const struct ranges *r = ranges;
  const struct entry *x = a, *y = b;
  int order = strcmp(x->group, y->group);
  for (size_t i = 0; order == 0 && i < r->names_n; i++) {
    const json_t *v = json_array_get(x->values, i), *w = json_array_get(y->values, i);
    order = r->numbers[i] && is_number(v) && is_number(w) ? by_number(v, w) : by_value(v, w);
  }
  return order;
}

static json_t *bound(const struct ranges *r, const struct entry *e) {
  json_t *object = json_object();
  for (size_t i = 0; i < r->names_n; i++)
    json_object_set(object, r->names[i], json_array_get(e->values, i));
  return object;
}

static json_t *range(const struct ranges *r, size_t from, size_t to) {
  json_int_t counts[] = {[DIFF_MISSING] = 0, [DIFF_EXTRA] = 0, [DIFF_CHANGED] = 0};
  for (size_t i = from; i < to; i++)
    counts[r->list[i].kind]++;
  return json_pack("{s:s, s:o, s:o, s:I, s:I, s:I}", "shard", r->list[from].group, "from", bound(r, &r->list[from]), "to",
                   bound(r, &r->list[to - 1]), "missing", counts[DIFF_MISSING], "extra", counts[DIFF_EXTRA], "changed", counts[DIFF_CHANGED]);
}

json_t *ranges_list(struct ranges *r) {
  json_t *list = json_array();
  if (r->n)
    qsort_r(r->list, r->n, sizeof *r->list, by_key, r);
  for (size_t from = 0, to; from < r->n; from = to) {
    for (to = from; to < r->n && r->list[to].kind != SAME && strcmp(r->list[to].group, r->list[from].group) == 0;)
      to++;
    if (to == from)
      to++;
    else
      json_array_append_new(list, range(r, from, to));
  }
  return list;
}
