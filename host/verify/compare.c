/* Sums, buckets and rows of two sides. */
#include "verify/compare.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/member.h"
#include "verify/rows.h"

struct sums {
  int64_t rows[SIDES];
  uint64_t low[SIDES], high[SIDES];
};
struct group {
  char *name;
  struct sums buckets[DIGEST_BUCKETS];
};
struct hash {
  uint64_t low, high;
};
struct row {
  struct hash key, whole;
  char *text;
  const char *lane, *group; /* in the lists of names */
  int64_t attempt;
  uint64_t *cells;
  size_t cells_n;
  bool gone; /* it has its equal on the other side, or is pending */
  bool same; /* it has its equal */
};
struct rows {
  struct row *list;
  size_t n, room;
};
struct compare {
  const char *const *only;
  size_t only_n;
  bool newest;
  struct group **groups;
  size_t groups_n;
  struct rows rows[SIDES], pending;
  char **names; /* of lanes and groups of rows */
  size_t names_n;
};

struct compare *compare_new(const char *const *only, size_t only_n, bool newest) {
  struct compare *c = xcalloc(1, sizeof *c);
  c->newest = newest;
  c->only = only;
  c->only_n = only_n;
  return c;
}

static bool is_wanted(const struct compare *c, const char *group) {
  for (size_t i = 0; i < c->only_n; i++)
    if (strcmp(c->only[i], group) == 0)
      return true;
  return c->only_n == 0;
}

static void row_free(struct row *r) {
  free(r->text);
  free(r->cells);
}

static void rows_free(struct rows *r) {
  for (size_t i = 0; i < r->n; i++)
    row_free(&r->list[i]);
  free(r->list);
}

void compare_free(struct compare *c) {
  if (!c)
    return;
  for (size_t i = 0; i < c->groups_n; i++) {
    free(c->groups[i]->name);
    free(c->groups[i]);
  }
  free(c->groups);
  for (size_t i = 0; i < c->names_n; i++)
    free(c->names[i]);
  free(c->names);
  rows_free(&c->rows[SIDE_SOURCE]);
  rows_free(&c->rows[SIDE_TARGET]);
  rows_free(&c->pending);
  free(c);
}

/* ---- sums --------------------------------------------------------------------------------------------------------------------------- */

/* Groups are kept in the order of their names. */
static struct group *group_named(struct compare *c, const char *name) {
  size_t at = 0;
  while (at < c->groups_n && strcmp(c->groups[at]->name, name) < 0)
    at++;
  if (at < c->groups_n && strcmp(c->groups[at]->name, name) == 0)
    return c->groups[at];
  c->groups = xrealloc(c->groups, (c->groups_n + 1) * sizeof *c->groups);
  memmove(c->groups + at + 1, c->groups + at, (c->groups_n++ - at) * sizeof *c->groups);
  struct group *g = c->groups[at] = xcalloc(1, sizeof *g);
  g->name = xstrdup(name);
  return g;
}

static uint64_t bits(const json_t *list, size_t i) { return (uint64_t)json_integer_value(json_array_get(list, i)); }

void compare_sums(struct compare *c, enum side side, const json_t *event) {
  const json_t *groups = json_object_get(event, "groups");
  for (size_t i = 0; i < json_array_size(groups); i++) {
    const json_t *j = json_array_get(groups, i), *sums = json_object_get(j, "sums");
    if (!is_wanted(c, member_text(j, "group")))
      continue;
    struct group *g = group_named(c, member_text(j, "group"));
    for (size_t k = 0; k + 3 < json_array_size(sums); k += 4) {
      struct sums *s = &g->buckets[bits(sums, k) % DIGEST_BUCKETS];
      s->rows[side] += (int64_t)bits(sums, k + 1);
      s->low[side] += bits(sums, k + 2);
      s->high[side] += bits(sums, k + 3);
    }
  }
}

static bool differs(const struct sums *s) {
  return s->rows[SIDE_SOURCE] != s->rows[SIDE_TARGET] || s->low[SIDE_SOURCE] != s->low[SIDE_TARGET] ||
         s->high[SIDE_SOURCE] != s->high[SIDE_TARGET];
}

size_t compare_groups(const struct compare *c) { return c->groups_n; }

struct compare_group compare_group(const struct compare *c, size_t i) {
  const struct group *g = c->groups[i];
  struct compare_group ret = {.name = g->name};
  for (int b = 0; b < DIGEST_BUCKETS; b++) {
    for (int side = 0; side < SIDES; side++)
      ret.rows[side] += g->buckets[b].rows[side];
    ret.differing += differs(&g->buckets[b]);
  }
  return ret;
}

json_t *compare_buckets(const struct compare *c, int64_t max_rows, size_t *ret_left) {
  json_t *list = json_array();
  int64_t rows[SIDES] = {0};
  *ret_left = 0;
  for (int b = 0; b < DIGEST_BUCKETS; b++) {
    bool differing = false;
    int64_t more[SIDES] = {0};
    for (size_t i = 0; i < c->groups_n; i++) {
      differing |= differs(&c->groups[i]->buckets[b]);
      for (int side = 0; side < SIDES; side++)
        more[side] += c->groups[i]->buckets[b].rows[side];
    }
    if (!differing)
      continue;
    bool room = rows[0] + more[0] <= max_rows && rows[1] + more[1] <= max_rows;
    if (!room && json_array_size(list)) {
      ++*ret_left;
      continue;
    }
    json_array_append_new(list, json_integer(b));
    for (int side = 0; side < SIDES; side++)
      rows[side] += more[side];
  }
  return list;
}

/* ---- rows --------------------------------------------------------------------------------------------------------------------------- */

static const char *name_kept(struct compare *c, const char *name) {
  for (size_t i = 0; i < c->names_n; i++)
    if (strcmp(c->names[i], name) == 0)
      return c->names[i];
  c->names = xrealloc(c->names, (c->names_n + 1) * sizeof *c->names);
  return c->names[c->names_n++] = xstrdup(name);
}

static struct row row_from(const json_t *j) {
  const json_t *key = json_array_get(j, 1), *whole = json_array_get(j, 2), *cells = json_array_get(j, 3);
  struct row r = {.key = {bits(key, 0), bits(key, 1)}, .whole = {bits(whole, 0), bits(whole, 1)}, .cells_n = json_array_size(cells)};
  const char *text = json_string_value(json_array_get(j, 0));
  r.text = xstrdup(text ? text : "");
  r.cells = xcalloc(r.cells_n + 1, sizeof *r.cells);
  for (size_t i = 0; i < r.cells_n; i++)
    r.cells[i] = bits(cells, i);
  return r;
}

/* A lane that begins again tells its rows again. */
static void forget_older(struct rows *to, const char *lane, int64_t attempt) {
  size_t n = 0;
  for (size_t i = 0; i < to->n; i++)
    if (to->list[i].lane == lane && to->list[i].attempt < attempt)
      row_free(&to->list[i]);
    else
      to->list[n++] = to->list[i];
  to->n = n;
}

static void take_rows(struct compare *c, struct rows *to, const json_t *event) {
  const json_t *list = json_object_get(event, "rows");
  const char *lane = name_kept(c, member_text(event, "lane")), *group = name_kept(c, member_text(event, "group"));
  int64_t attempt = member_number(event, "attempt");
  forget_older(to, lane, attempt);
  if (!is_wanted(c, group))
    return;
  for (size_t i = 0; i < json_array_size(list); i++) {
    if (to->n == to->room) {
      to->room = to->room ? 2 * to->room : 1024;
      to->list = xrealloc(to->list, to->room * sizeof *to->list);
    }
    struct row *r = &to->list[to->n++];
    *r = row_from(json_array_get(list, i));
    r->lane = lane;
    r->group = group;
    r->attempt = attempt;
  }
}

void compare_rows(struct compare *c, enum side side, const json_t *event) { take_rows(c, &c->rows[side], event); }
void compare_pending(struct compare *c, const json_t *event) { take_rows(c, &c->pending, event); }

static int by_hash(const struct hash *a, const struct hash *b) {
  if (a->low != b->low)
    return a->low < b->low ? -1 : 1;
  return a->high == b->high ? 0 : a->high < b->high ? -1 : 1;
}

static int by_key(const void *a, const void *b) {
  const struct row *x = a, *y = b;
  int order = by_hash(&x->key, &y->key);
  return order ? order : by_hash(&x->whole, &y->whole);
}

static void sort(struct rows *r) {
  if (r->n)
    qsort(r->list, r->n, sizeof *r->list, by_key);
}

/* Rows whose keys are in what must come in the next run say nothing. */
static void leave_pending(struct rows *of, const struct rows *pending) {
  for (size_t i = 0, k = 0; i < of->n; i++) {
    while (k < pending->n && by_hash(&pending->list[k].key, &of->list[i].key) < 0)
      k++;
    of->list[i].gone |= k < pending->n && by_hash(&pending->list[k].key, &of->list[i].key) == 0;
  }
}

/* Both sides are in order: equal rows cancel out. */
static void leave_equal(struct rows *a, struct rows *b) {
  for (size_t i = 0, k = 0; i < a->n && k < b->n;) {
    int order = by_key(&a->list[i], &b->list[k]);
    if (order == 0)
      a->list[i].gone = b->list[k].gone = a->list[i].same = true;
    i += order <= 0;
    k += order >= 0;
  }
}

static size_t gone_alone(const struct rows *r) {
  size_t n = 0;
  for (size_t i = 0; i < r->n; i++)
    n += r->list[i].gone && !r->list[i].same;
  return n;
}

/* Rows beside one of the same key that the target has.  How many. */
static size_t leave_older(struct rows *r) {
  size_t older = 0;
  for (size_t from = 0, to; from < r->n; from = to) {
    bool same = false;
    for (to = from; to < r->n && by_hash(&r->list[to].key, &r->list[from].key) == 0; to++)
      same |= r->list[to].same;
    for (size_t i = from; same && i < to; i++) {
      older += !r->list[i].gone;
      r->list[i].gone = true;
    }
  }
  return older;
}

static struct row *next_left(struct rows *r, size_t *at) {
  while (*at < r->n && r->list[*at].gone)
    ++*at;
  return *at < r->n ? &r->list[*at] : NULL;
}

static int by_kind(const void *a, const void *b) {
  const struct compare_row *x = a, *y = b;
  return x->kind != y->kind ? (int)x->kind - (int)y->kind : strverscmp(x->key, y->key);
}

static void add(struct compare_row **list, size_t *n, const struct row *source, const struct row *target) {
  const struct row *r = source ? source : target;
  if ((*n & (*n + 1)) == 0) /* full at each power of two */
    *list = xrealloc(*list, 2 * (*n + 1) * sizeof **list);
  (*list)[(*n)++] = (struct compare_row){.kind = source && target ? DIFF_CHANGED : source ? DIFF_MISSING : DIFF_EXTRA,
                                    .key = r->text,
                                    .group = r->group,
                                    .source = source ? source->cells : NULL,
                                    .target = target ? target->cells : NULL,
                                    .columns_n = r->cells_n};
}

size_t compare_differences(struct compare *c, void (*each)(void *arg, const struct compare_row *row), void *arg, struct compare_left *ret) {
  struct rows *a = &c->rows[SIDE_SOURCE], *b = &c->rows[SIDE_TARGET];
  struct compare_row *list = NULL;
  size_t n = 0, i = 0, k = 0;
  sort(a);
  sort(b);
  sort(&c->pending);
  leave_pending(a, &c->pending);
  leave_pending(b, &c->pending);
  leave_equal(a, b);
  ret->pending = gone_alone(a);
  ret->older = c->newest ? leave_older(a) : 0;
  for (struct row *x, *y; x = next_left(a, &i), y = next_left(b, &k), x || y;) {
    int order = !x ? 1 : !y ? -1 : by_hash(&x->key, &y->key);
    add(&list, &n, order <= 0 ? x : NULL, order >= 0 ? y : NULL);
    i += order <= 0;
    k += order >= 0;
  }
  if (n)
    qsort(list, n, sizeof *list, by_kind);
  for (size_t at = 0; at < n; at++)
    each(arg, &list[at]);
  free(list);
  return n;
}

void compare_same(const struct compare *c, void (*each)(void *arg, const char *key, const char *group), void *arg) {
  const struct rows *rows = &c->rows[SIDE_SOURCE];
  for (size_t i = 0; i < rows->n; i++)
    if (rows->list[i].same)
      each(arg, rows->list[i].text, rows->list[i].group);
}
