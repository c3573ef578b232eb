/* Rows for transformers and loaders: the least and the greatest values, the odd ones, NULLs.  A value depends on seed, column and row alone,
 * so that the same rows can be had in slices.  Each column is a node of its own that knows whether it was released; its buffers end at an
 * inaccessible page. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kit/kit.h"

#define WHERE_RELEASE "Ownership: Arrow structs follow the Arrow C data interface: released exactly once"

static const char *const wide[] = {"c_bool=b",  "c_int16=s",   "c_int32=i",     "c_int64=l",      "c_float=f",    "c_double=g",   "c_decimal=d:18,4",
                                   "c_text=u",  "c_bytes=z",   "c_date=tdD",    "c_time=ttu",     "c_stamp=tsu:", "c_instant=tsu:UTC",
                                   "c_uuid=w:16", "c_json=u", NULL};

static void add_column(struct kit *k, struct ArrowSchema *s, int64_t i, const char *text) {
  const char *equals = strchr(text, '='), *format = equals ? equals + 1 : "u";
  const char *name = equals ? arena_memdup(k->arena, text, (size_t)(equals - text)) : text;
  const char *extension = strcmp(name, "c_uuid") == 0 ? "arrow.uuid" : strcmp(name, "c_json") == 0 ? "arrow.json" : NULL;
  kit_must(k, etl_schema_set(s, i, name, format, true, NULL, extension) == 0, NULL, "no memory");
}

void kit_schema(struct kit *k, bool all, struct ArrowSchema *ret) {
  int64_t n = 0, own = 0;
  while (k->columns[own])
    own++;
  while (all && wide[n])
    n++;
  kit_must(k, etl_schema_init(ret, own + n) == 0, NULL, "no memory");
  for (int64_t i = 0; i < own; i++)
    add_column(k, ret, i, k->columns[i]);
  for (int64_t i = 0; i < n; i++)
    add_column(k, ret, own + i, wide[i]);
  for (int64_t i = 0; i < own + n; i++) {
    struct etl_format f;
    kit_must(k, etl_format_parse(ret->children[i], &f) == 0 && f.phys != ETL_P_VAR64, NULL,
             "column %s: the check makes no rows of the format %s", ret->children[i]->name, ret->children[i]->format);
  }
}

struct node { /* private_data of an array */
  struct kit *kit;
  struct guard buffers[3];
  size_t buffers_n;
  const void *pointers[3];
  struct ArrowArray **children;
  int64_t children_n;
  atomic_int released;
};

static void node_release(struct ArrowArray *a) {
  struct node *n = a->private_data;
  kit_must(n->kit, atomic_fetch_add(&n->released, 1) == 0, WHERE_RELEASE, "an array that was handed in is released twice");
  for (int64_t i = 0; i < n->children_n; i++) {
    etl_array_release(n->children[i]);
    free(n->children[i]);
  }
  free(n->children);
  for (size_t i = 0; i < n->buffers_n; i++)
    guard_shut(&n->buffers[i]);
  atomic_fetch_sub(&n->kit->arrays, 1);
  a->release = NULL;
}

static struct node *node_new(struct kit *k, struct ArrowArray *a, int64_t length, int64_t offset, int64_t buffers) {
  struct guard memory; /* never given back: a second release is to be seen */
  guard_init(&memory, sizeof(struct node), 16);
  struct node *n = memory.p;
  n->kit = k;
  *a = (struct ArrowArray){.length = length, .offset = offset, .n_buffers = buffers, .buffers = n->pointers, .release = node_release, .private_data = n};
  atomic_fetch_add(&k->arrays, 1);
  return n;
}

static void *buffer(struct node *n, size_t at, size_t size) {
  guard_init(&n->buffers[at], size ? size : 1, 8);
  n->buffers_n = at + 1;
  n->pointers[at] = n->buffers[at].p;
  return n->buffers[at].p;
}

static uint64_t mix(uint64_t x) {
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
  x = (x ^ x >> 27) * 0x94d049bb133111ebu;
  return x ^ x >> 31;
}

static const char *const texts[] = {"", " ", "a", "plain words", "O'Brien; DROP TABLE x; --", "\\N", "\\.", "tab\there", "line\nbreak", "\r\n",
                                    "\"quoted\"", "naïve äöü ß", "漢字 かな", "😀 👩‍👩‍👧", "192.0.2.1", "2026-02-30", "NaN", "null", "{}", "%s%n", "\x01\x1f"};
static const double doubles[] = {0.0, -0.0, 1.5, -1e300, DBL_MAX, DBL_MIN, 5e-324, NAN, INFINITY, -INFINITY};

static uint64_t put_text(const struct etl_format *f, uint64_t r, uint8_t *to) {
  if (f->logical == ETL_L_JSON) {
    static const char *const json[] = {"{}", "[1, 2.5, null]", "\"text\"", "{\"a\": {\"b\": [true]}}", "0"};
    const char *s = json[r % 5];
    memcpy(to, s, strlen(s));
    return strlen(s);
  }
  if (f->logical == ETL_L_BINARY) {
    for (uint64_t i = 0; i < r % 40; i++)
      to[i] = (uint8_t)(mix(r + i));
    return r % 40;
  }
  const char *s = texts[r % (sizeof texts / sizeof *texts)];
  uint64_t n = strlen(s);
  memcpy(to, s, n);
  for (uint64_t more = r >> 40 & 0xff; more > 250; more = 0) /* a long one now and then */
    for (; n < 3000; n++)
      to[n] = (uint8_t)('a' + n % 26);
  return n;
}

/* A decimal of up to its precision, or an integer within what the type can mean. */
static void put_fixed(const struct etl_format *f, uint64_t r, uint8_t *to) {
  static const int64_t odd[] = {0, 1, -1, 127, -128, 32767, -32768, 2147483647, -2147483647 - 1, INT64_MAX, INT64_MIN};
  int64_t v = r % 3 ? (int64_t)(mix(r) % 100000) - 50000 : odd[r / 3 % (sizeof odd / sizeof *odd)];
  double d = r % 3 ? (double)v / 8 : doubles[r / 3 % (sizeof doubles / sizeof *doubles)];
  float e = (float)d;
  __int128 wide_v = v % 1000000000000;
  switch (f->logical) {
  case ETL_L_FLOAT: memcpy(to, f->width == 4 ? (void *)&e : (void *)&d, f->width); return;
  case ETL_L_DECIMAL:
    for (int i = 12; i > f->precision; i--)
      wide_v /= 10;
    memcpy(to, &wide_v, 16);
    return;
  case ETL_L_DATE: v = (int64_t)(r % 800000) - 400000; break;
  case ETL_L_TIME: v = (int64_t)(r % (uint64_t)(86400 * f->per_second)); break;
  case ETL_L_TIMESTAMP: v = ((int64_t)(r % 30000000000) - 10000000000) * f->per_second / (f->per_second > 1000000 ? 8 : 1); break;
  case ETL_L_BINARY:
  case ETL_L_UUID:
    for (uint32_t i = 0; i < f->width; i++)
      to[i] = (uint8_t)mix(r + i);
    return;
  default: break;
  }
  memcpy(to, &v, f->width);
}

static bool is_null(uint64_t r) { return r % 7 == 0; }

/* Rows [0, n) lie behind `skip` others, which nobody may read. */
static void make_column(struct kit *k, const struct ArrowSchema *s, int64_t n, int64_t skip, uint64_t seed, struct ArrowArray *ret) {
  struct etl_format f;
  kit_must(k, etl_format_parse(s, &f) == 0, NULL, "column %s cannot be made", s->name);
  bool texts_ = f.phys == ETL_P_VAR32, bits = f.phys == ETL_P_BOOL;
  struct node *node = node_new(k, ret, n, skip, texts_ ? 3 : 2);
  uint64_t rows = (uint64_t)(n + skip);
  uint8_t *valid = buffer(node, 0, (rows + 7) / 8), *data = NULL;
  int32_t *offsets = texts_ ? buffer(node, 1, (rows + 1) * 4) : NULL;
  uint8_t *room = texts_ ? xcalloc(rows + 1, 4096) : NULL;
  uint64_t used = 0;
  if (!texts_)
    data = buffer(node, 1, bits ? (rows + 7) / 8 : rows * f.width);
  for (uint64_t i = 0; i < rows; i++) {
    uint64_t r = mix(seed ^ mix((uint64_t)((int64_t)i - skip)));
    bool null = is_null(r >> 8);
    if (!null)
      valid[i / 8] = (uint8_t)(valid[i / 8] | 1u << i % 8);
    else
      ret->null_count += (int64_t)i >= skip;
    if (texts_) {
      used += null ? 0 : put_text(&f, r, room + used);
      offsets[i + 1] = (int32_t)used;
    } else if (bits) {
      data[i / 8] = (uint8_t)(data[i / 8] | (r >> 20 & 1) << i % 8);
    } else if (!null) {
      put_fixed(&f, r, data + i * f.width);
    }
  }
  if (texts_)
    memcpy(buffer(node, 2, used), room, used);
  free(room);
}

void kit_rows(struct kit *k, const struct ArrowSchema *s, int64_t n, uint64_t seed, struct kit_slice slice, struct ArrowArray *ret) {
  struct node *node = node_new(k, ret, n, slice.parent, 1);
  node->children = xcalloc((size_t)s->n_children, sizeof(struct ArrowArray *));
  node->children_n = s->n_children;
  for (int64_t i = 0; i < s->n_children; i++) {
    node->children[i] = xcalloc(1, sizeof(struct ArrowArray));
    make_column(k, s->children[i], n, slice.parent + slice.child, mix(seed + (uint64_t)i), node->children[i]);
    node->children[i]->offset = slice.child;
    node->children[i]->length = n + slice.parent;
    if (slice.parent)
      node->children[i]->null_count = -1;
  }
  ret->n_children = s->n_children;
  ret->children = node->children;
}

static void release_now(void *arg) {
  struct ArrowArray *rows = arg;
  rows->release(rows);
}

void kit_release(struct kit *k, struct ArrowArray *rows) {
  snprintf(k->doing, KIT_DOING_ROOM, "release() of rows, in another thread");
  kit_elsewhere(release_now, rows);
  kit_must(k, !rows->release, WHERE_RELEASE, "release() did not mark the array as released (release = NULL)");
}

void kit_must_be_released(struct kit *k) {
  kit_must(k, atomic_load(&k->arrays) == 0, WHERE_RELEASE, "%ld arrays that were handed in were never released", atomic_load(&k->arrays));
  kit_must(k, atomic_load(&k->buffers) == 0, "buf_alloc: counted against the run's budget", "%ld buffers were never freed",
           atomic_load(&k->buffers));
}
