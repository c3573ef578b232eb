/* Whether a schema and its arrays are what the Arrow C data interface says; every value is touched.  Formats that are not known here are
 * passed over. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "kit/kit.h"

enum {
  DEPTH = 16
};

struct shape { /* of a format: its buffers and children */
  const char *format;
  bool prefix; /* more may follow */
  int8_t buffers;
  int8_t width;    /* bytes of a value in buffer 1; 0: bits; -1: none; -4, -8: offsets of that width */
  int8_t children; /* -1: any number */
};
static const struct shape shapes[] = {
  {"n", false, 0, -1, 0},   {"b", false, 2, 0, 0},    {"c", false, 2, 1, 0},    {"C", false, 2, 1, 0},   {"s", false, 2, 2, 0},   {"S", false, 2, 2, 0},
  {"i", false, 2, 4, 0},    {"I", false, 2, 4, 0},    {"l", false, 2, 8, 0},    {"L", false, 2, 8, 0},   {"e", false, 2, 2, 0},   {"f", false, 2, 4, 0},
  {"g", false, 2, 8, 0},    {"u", false, 3, -4, 0},   {"z", false, 3, -4, 0},   {"U", false, 3, -8, 0},  {"Z", false, 3, -8, 0},  {"d:", true, 2, 16, 0},
  {"tdD", false, 2, 4, 0},  {"tdm", false, 2, 8, 0},  {"tts", false, 2, 4, 0},  {"ttm", false, 2, 4, 0}, {"ttu", false, 2, 8, 0}, {"ttn", false, 2, 8, 0},
  {"tss:", true, 2, 8, 0},  {"tsm:", true, 2, 8, 0},  {"tsu:", true, 2, 8, 0},  {"tsn:", true, 2, 8, 0}, {"w:", true, 2, 127, 0},
  {"+s", false, 1, -1, -1}, {"+l", false, 2, -4, 1},  {"+L", false, 2, -8, 1},  {"+m", false, 2, -4, 1}};

static const struct shape *shape_of(const char *format) {
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
    if (shapes[i].prefix ? strncmp(shapes[i].format, format, strlen(shapes[i].format)) == 0 : strcmp(shapes[i].format, format) == 0)
      return &shapes[i];
  return NULL;
}

struct look {
  struct kit *k;
  const char *where;
};

static void check_schema(const struct look *l, const struct ArrowSchema *s, int depth) {
  struct kit *k = l->k;
  kit_must(k, depth < DEPTH, l->where, "the schema is more than %d deep", DEPTH);
  kit_must(k, s && s->release, l->where, "a schema is released or missing");
  kit_must(k, s->format && *s->format, l->where, "a column has no format");
  kit_must(k, (s->flags & ~7) == 0, l->where, "column \"%s\" has the flags %lld", s->name ? s->name : "", (long long)s->flags);
  kit_must(k, s->n_children >= 0 && (s->n_children == 0 || s->children), l->where, "column \"%s\" has %lld children and no list of them",
           s->name ? s->name : "", (long long)s->n_children);
  const struct shape *shape = shape_of(s->format);
  kit_must(k, !shape || shape->children < 0 || s->n_children == shape->children, l->where, "a column of format %s has %lld children", s->format,
           (long long)s->n_children);
  for (int64_t i = 0; i < s->n_children; i++)
    check_schema(l, s->children[i], depth + 1);
}

void kit_check_schema(struct kit *k, const struct ArrowSchema *s, const char *where) {
  const struct look l = {k, where};
  check_schema(&l, s, 0);
  kit_must(k, strcmp(s->format, "+s") == 0, where, "rows are a struct array (\"+s\"), and this schema is \"%s\"", s->format);
  for (int64_t i = 0; i < s->n_children; i++) {
    const char *name = s->children[i]->name;
    kit_must(k, name && text_is_utf8(name, strlen(name)), where, "column %lld has no name of UTF-8", (long long)i);
    for (int64_t j = 0; j < i; j++)
      kit_must(k, strcmp(name, s->children[j]->name) != 0, where, "two columns have the name \"%s\"", name);
  }
}

static int64_t nulls_of(const struct ArrowArray *a) {
  const uint8_t *valid = a->buffers[0];
  int64_t n = 0;
  for (int64_t i = a->offset; valid && i < a->offset + a->length; i++)
    n += !(valid[i >> 3] >> (i & 7) & 1);
  return n;
}

static int64_t offset_at(const struct ArrowArray *a, int width, int64_t i) {
  return width == -4 ? ((const int32_t *)a->buffers[1])[i] : ((const int64_t *)a->buffers[1])[i];
}

static bool is_null(const struct ArrowArray *a, int64_t i) {
  const uint8_t *valid = a->buffers[0];
  return valid && !(valid[i >> 3] >> (i & 7) & 1);
}

static void check_texts(const struct look *l, const struct ArrowSchema *s, const struct ArrowArray *a, int width) {
  struct kit *k = l->k;
  int64_t before = offset_at(a, width, a->offset);
  bool is_text = *s->format == 'u' || *s->format == 'U';
  kit_must(k, before >= 0, l->where, "column \"%s\" has the offset %lld", s->name, (long long)before);
  for (int64_t i = a->offset; i < a->offset + a->length; i++) {
    int64_t from = offset_at(a, width, i), to = offset_at(a, width, i + 1);
    kit_must(k, from <= to, l->where, "column \"%s\", row %lld: the offsets go from %lld back to %lld", s->name, (long long)(i - a->offset),
             (long long)from, (long long)to);
  }
  for (int64_t i = a->offset; i < a->offset + a->length; i++) {
    int64_t from = offset_at(a, width, i), to = offset_at(a, width, i + 1);
    if (s->n_children || from == to)
      continue;
    kit_must(k, a->buffers[2], l->where, "column \"%s\" has no bytes", s->name);
    const char *p = (const char *)a->buffers[2] + from;
    bool good = !is_text || is_null(a, i) ? *(const volatile char *)p || true : text_is_utf8(p, (size_t)(to - from));
    kit_must(k, good, l->where, "column \"%s\", row %lld: a text that is not UTF-8", s->name, (long long)(i - a->offset));
  }
}

static void touch(const struct ArrowArray *a, size_t width) {
  const volatile char *p = a->buffers[1];
  (void)p[(size_t)a->offset * width];
  (void)p[(size_t)(a->offset + a->length) * width - 1];
}

static void check_values(const struct look *l, const struct ArrowSchema *s, const struct ArrowArray *a, const struct shape *shape) {
  struct kit *k = l->k;
  kit_must(k, a->n_buffers == shape->buffers && (a->n_buffers == 0 || a->buffers), l->where, "column \"%s\" of format %s has %lld buffers, not %d",
           s->name ? s->name : "", s->format, (long long)a->n_buffers, shape->buffers);
  int64_t nulls = shape->buffers ? nulls_of(a) : a->length;
  kit_must(k, a->null_count == -1 || a->null_count == nulls, l->where, "column \"%s\": null_count is %lld, and %lld are null",
           s->name ? s->name : "", (long long)a->null_count, (long long)nulls);
  if (a->length == 0 || shape->buffers < 2)
    return;
  kit_must(k, a->buffers[1], l->where, "column \"%s\" has %lld rows and no buffer of values", s->name ? s->name : "", (long long)a->length);
  size_t width = shape->width == 127 ? strtoul(s->format + 2, NULL, 10) : shape->width > 0 ? (size_t)shape->width : 0;
  if (shape->width < 0)
    check_texts(l, s, a, shape->width);
  else if (width)
    touch(a, width);
  else
    (void)((const volatile char *)a->buffers[1])[(a->offset + a->length - 1) / 8];
}

static void check_array(const struct look *l, const struct ArrowSchema *s, const struct ArrowArray *a, int64_t length, int depth) {
  struct kit *k = l->k;
  const char *name = s->name ? s->name : "";
  kit_must(k, a && a->release, l->where, "column \"%s\" is released or missing", name);
  kit_must(k, a->length >= length && a->offset >= 0, l->where, "column \"%s\" has the length %lld and the offset %lld; the rows want %lld", name,
           (long long)a->length, (long long)a->offset, (long long)length);
  kit_must(k, a->n_children == s->n_children && (a->n_children == 0 || a->children), l->where, "column \"%s\" has %lld children; its schema has %lld",
           name, (long long)a->n_children, (long long)s->n_children);
  const struct shape *shape = shape_of(s->format);
  if (!shape || s->dictionary)
    return;
  check_values(l, s, a, shape);
  bool offsets = shape->width < 0 && shape->width != -1;
  int64_t wanted = !offsets ? a->offset + a->length : a->length ? offset_at(a, shape->width, a->offset + a->length) : 0;
  for (int64_t i = 0; i < a->n_children; i++)
    check_array(l, s->children[i], a->children[i], wanted, depth + 1);
}

void kit_check_rows(struct kit *k, const struct ArrowSchema *s, const struct ArrowArray *rows, const char *where) {
  const struct look l = {k, where};
  kit_must(k, s && s->release, where, "there are rows, and no schema was told before");
  check_array(&l, s, rows, 0, 0);
  kit_must(k, rows->null_count <= 0, where, "a row as a whole cannot be null");
}

static uint64_t hash(const char *s) {
  uint64_t h = 0xcbf29ce484222325u;
  for (; *s; s++)
    h = (h ^ (uint8_t)*s) * 0x100000001b3u;
  return h ^ h >> 29;
}

void kit_sum_rows(struct kit *k, struct kit_sum *sum, const struct ArrowSchema *s, const struct ArrowArray *rows) {
  for (int64_t i = 0; i < rows->length; i++) {
    char *text = etl_row_json(s, rows, i);
    kit_must(k, text, NULL, "no memory");
    sum->n++;
    sum->sum += hash(text) | 1;
    free(text);
  }
}
