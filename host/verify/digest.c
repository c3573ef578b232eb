/* Sums over the rows of each lane, in the place of its writer. */
#include "verify/digest.h"

#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "verify/canon.h"

enum { ROWS_PER_EVENT = 500, GROUPS_MAX = 1024 };

struct sum {
  int64_t rows;
  uint64_t low, high;
};
struct group {
  char *name; /* owned */
  struct sum sums[DIGEST_BUCKETS];
};
struct digest { /* of one stream of a lane */
  const json_t *ask;         /* NULL: this stream is not looked at */
  struct ArrowSchema schema; /* in force */
  size_t columns_n, key_n;
  int64_t *columns;          /* column i of ask is this one of the schema */
  enum canon *as;
  size_t *key;
  int64_t group_by;          /* -1: nothing */
  bool *wanted;              /* buckets whose rows are told; NULL: sums are */
  struct group **groups;
  size_t groups_n;
};
struct digests {
  struct lane *lane;
  struct digest outs[LANE_OUTS_MAX];
  struct group *last;
  json_t *rows; /* of last group and out, to be told */
  uint32_t rows_out;
  int64_t read, rejected;
};

static int fail(struct digests *d, uint32_t class, const char *what, const char *name) {
  struct err e;
  err_set(&e, class, "%s: %s%s%s", d->lane->name, what, name ? " " : "", name ? name : "");
  return lane_fail(d->lane, &e, "verify", NULL);
}

/* ---- schemas ------------------------------------------------------------------------------------------------------------------------ */

static const json_t *ask_for(const struct spec *s, const char *stream) {
  const json_t *list = json_object_get(s->ask, "streams"), *j;
  size_t i;
  json_array_foreach((json_t *)(uintptr_t)list, i, j) {
    const char *name = json_string_value(json_object_get(j, "stream"));
    if (!name || strcmp(name, stream) == 0)
      return j;
  }
  return NULL;
}

static bool *bind_buckets(const json_t *ask) {
  const json_t *buckets = json_object_get(ask, "buckets");
  bool *wanted = buckets ? xcalloc(DIGEST_BUCKETS, sizeof *wanted) : NULL;
  for (size_t i = 0; i < json_array_size(buckets); i++)
    wanted[(size_t)json_integer_value(json_array_get(buckets, i)) % DIGEST_BUCKETS] = true;
  return wanted;
}

static int bind_columns(struct digests *d, struct digest *g) {
  const json_t *columns = json_object_get(g->ask, "columns"), *key = json_object_get(g->ask, "key");
  g->columns_n = json_array_size(columns);
  g->key_n = json_array_size(key);
  g->columns = xrealloc(g->columns, (g->columns_n + 1) * sizeof *g->columns);
  g->as = xrealloc(g->as, (g->columns_n + 1) * sizeof *g->as);
  g->key = xrealloc(g->key, (g->key_n + 1) * sizeof *g->key);
  free(g->wanted);
  g->wanted = bind_buckets(g->ask);
  g->group_by = json_integer_value(json_object_get(g->ask, "group"));
  for (size_t i = 0; i < g->columns_n; i++) {
    const json_t *c = json_array_get(columns, i);
    const char *name = json_string_value(json_object_get(c, "name"));
    g->columns[i] = etl_schema_find(&g->schema, name);
    g->as[i] = canon_from_name(json_string_value(json_object_get(c, "as")));
    if (g->columns[i] < 0)
      return fail(d, ETL_E_SCHEMA, "its rows do no longer have the column", name);
  }
  for (size_t i = 0; i < g->key_n; i++) {
    g->key[i] = (size_t)json_integer_value(json_array_get(key, i));
    if (g->key[i] >= g->columns_n)
      return fail(d, ETL_E_INTERNAL, "the key is not among the columns", NULL);
  }
  return 0;
}

static int take_schema(struct digests *d, struct item *it) {
  struct digest *g = &d->outs[it->out];
  etl_schema_release(&g->schema);
  etl_schema_move(&it->msg.schema, &g->schema);
  g->ask = ask_for(d->lane->run->spec, d->lane->outs[it->out].stream);
  return g->ask ? bind_columns(d, g) : 0;
}

/* ---- groups ------------------------------------------------------------------------------------------------------------------------- */

static struct group *group_named(struct digest *g, const char *name, size_t n) {
  for (size_t i = 0; i < g->groups_n; i++)
    if (strlen(g->groups[i]->name) == n && memcmp(g->groups[i]->name, name, n) == 0)
      return g->groups[i];
  if (g->groups_n == GROUPS_MAX) /* what is too much goes together */
    return g->groups[GROUPS_MAX - 1];
  g->groups = xrealloc(g->groups, (g->groups_n + 1) * sizeof *g->groups);
  struct group *new = xcalloc(1, sizeof *new);
  new->name = xcalloc(n + 1, 1);
  memcpy(new->name, name, n);
  return g->groups[g->groups_n++] = new;
}

static struct group *group_of(struct digest *g, const struct etl_view *v, int64_t row) {
  if (g->group_by < 0 || etl_view_null(v, row))
    return group_named(g, "", 0);
  if (v->f.logical == ETL_L_STRING) {
    struct etl_bytes b = etl_view_bytes(v, row);
    return group_named(g, b.n ? b.p : "", b.n);
  }
  if (v->f.logical != ETL_L_INT)
    return group_named(g, "", 0);
  cleanup_free char *number = xasprintf("%lld", (long long)etl_view_i64(v, row));
  return group_named(g, number, strlen(number));
}

/* ---- rows --------------------------------------------------------------------------------------------------------------------------- */

static void tell_rows(struct digests *d) {
  const struct lane *l = d->lane;
  if (!d->rows)
    return;
  report_event(&l->run->report, "digest_rows",
               json_pack("{s:s, s:I, s:s, s:s, s:o}", "lane", l->name, "attempt", (json_int_t)atomic_load(&l->attempts), "stream",
                         l->outs[d->rows_out].stream, "group", d->last->name, "rows", d->rows));
  d->rows = NULL;
}

static json_t *hash_pair(XXH128_hash_t h) { return json_pack("[I, I]", (json_int_t)h.low64, (json_int_t)h.high64); }

/* The key of a row as JSON, or the whole row where there is none. */
static json_t *key_json(const struct digest *g, const struct ArrowArray *rows, int64_t row) {
  struct ArrowSchema schema = g->schema;
  struct ArrowArray array = *rows;
  struct ArrowSchema **schemas = xcalloc(g->key_n + 1, sizeof *schemas);
  struct ArrowArray **arrays = xcalloc(g->key_n + 1, sizeof *arrays);
  for (size_t k = 0; k < g->key_n; k++) {
    schemas[k] = g->schema.children[g->columns[g->key[k]]];
    arrays[k] = rows->children[g->columns[g->key[k]]];
  }
  if (g->key_n) {
    schema.children = schemas;
    array.children = arrays;
    schema.n_children = array.n_children = (int64_t)g->key_n;
  }
  char *text = etl_row_json(&schema, &array, row);
  json_t *j = json_string(text ? text : "");
  free(text);
  free(schemas);
  free(arrays);
  return j ? j : json_string("(not valid UTF-8)");
}

static void keep_row(struct digests *d, uint32_t out, struct group *group, const struct ArrowArray *rows, int64_t row, const uint64_t *cells,
                     XXH128_hash_t key, XXH128_hash_t whole) {
  struct digest *g = &d->outs[out];
  json_t *columns = json_array();
  for (size_t c = 0; c < g->columns_n; c++)
    json_array_append_new(columns, json_integer((json_int_t)cells[c]));
  if (d->rows && (d->last != group || d->rows_out != out || json_array_size(d->rows) >= ROWS_PER_EVENT))
    tell_rows(d);
  if (!d->rows)
    d->rows = json_array();
  d->last = group;
  d->rows_out = out;
  json_array_append_new(d->rows, json_pack("[o, o, o, o]", key_json(g, rows, row), hash_pair(key), hash_pair(whole), columns));
}

static void add(struct sum *s, XXH128_hash_t h) {
  s->rows++;
  s->low += h.low64;
  s->high += h.high64;
}

static void digest_rows(struct digests *d, uint32_t out, const struct ArrowArray *rows, const uint64_t *cells, const struct etl_view *group_view) {
  struct digest *g = &d->outs[out];
  uint64_t *key_cells = xcalloc(g->key_n + 1, sizeof *key_cells);
  for (int64_t i = 0; i < rows->length; i++, cells += g->columns_n) {
    XXH128_hash_t whole = XXH3_128bits(cells, g->columns_n * sizeof *cells), key = whole;
    for (size_t k = 0; k < g->key_n; k++)
      key_cells[k] = cells[g->key[k]];
    if (g->key_n)
      key = XXH3_128bits(key_cells, g->key_n * sizeof *key_cells);
    size_t bucket = key.low64 % DIGEST_BUCKETS;
    if (g->wanted && !g->wanted[bucket])
      continue;
    struct group *group = group_of(g, group_view, i);
    if (g->wanted)
      keep_row(d, out, group, rows, i, cells, key, whole);
    else
      add(&group->sums[bucket], whole);
  }
  free(key_cells);
}

static int take_rows(struct digests *d, struct item *it) {
  struct digest *g = &d->outs[it->out];
  const struct ArrowArray *rows = &it->msg.rows;
  struct etl_view v, group_view = {0};
  if (!g->ask || rows->length == 0)
    return 0;
  uint64_t *cells = xcalloc((size_t)rows->length * g->columns_n + 1, sizeof *cells);
  int rc = 0;
  for (size_t c = 0; c < g->columns_n && rc == 0; c++) {
    rc = etl_view_init(&v, &g->schema, rows, g->columns[c]);
    if (rc == 0)
      canon_hash(g->as[c], &v, rows->length, cells + c, g->columns_n);
    if ((int64_t)c == g->group_by)
      group_view = v;
  }
  if (rc == 0)
    digest_rows(d, it->out, rows, cells, &group_view);
  free(cells);
  return rc == 0 ? 0 : fail(d, ETL_E_UNSUPPORTED, "a column has a format that cannot be compared", NULL);
}

/* ---- lanes -------------------------------------------------------------------------------------------------------------------------- */

static json_t *sums_json(const struct group *g) {
  json_t *sums = json_array();
  for (int i = 0; i < DIGEST_BUCKETS; i++) {
    const struct sum *s = &g->sums[i];
    if (!s->rows)
      continue;
    json_array_append_new(sums, json_integer(i));
    json_array_append_new(sums, json_integer(s->rows));
    json_array_append_new(sums, json_integer((json_int_t)s->low));
    json_array_append_new(sums, json_integer((json_int_t)s->high));
  }
  return sums;
}

static void tell_sums(const struct digests *d) {
  const struct lane *l = d->lane;
  for (size_t i = 0; i < atomic_load(&l->outs_n); i++) {
    const struct digest *g = &d->outs[i];
    if (!g->ask || g->wanted)
      continue;
    json_t *groups = json_array();
    for (size_t k = 0; k < g->groups_n; k++)
      json_array_append_new(groups, json_pack("{s:s, s:o}", "group", g->groups[k]->name, "sums", sums_json(g->groups[k])));
    report_event(&l->run->report, "digest",
                 json_pack("{s:s, s:s, s:I, s:o}", "lane", l->name, "stream", l->outs[i].stream, "rejected", (json_int_t)d->rejected, "groups",
                           groups));
  }
}

static void count(struct digests *d) {
  struct epoch_sums sums = {.read = d->read};
  lane_count(d->lane, &sums);
  tell_rows(d);
  tell_sums(d);
}

static int take_item(struct digests *d, struct item *it) {
  d->rejected += (int64_t)it->rejects.n;
  d->read = it->read;
  if ((it->msg.flags & ETL_M_SCHEMA) && take_schema(d, it) < 0)
    return -1;
  return it->msg.rows.release ? take_rows(d, it) : 0;
}

static void digests_fini(struct digests *d) {
  for (size_t i = 0; i < LANE_OUTS_MAX; i++) {
    struct digest *g = &d->outs[i];
    for (size_t k = 0; k < g->groups_n; k++) {
      free(g->groups[k]->name);
      free(g->groups[k]);
    }
    etl_schema_release(&g->schema);
    free(g->groups);
    free(g->columns);
    free(g->as);
    free(g->key);
    free(g->wanted);
  }
  json_decref(d->rows);
  free(d);
}

int digest_lane(struct lane *l) {
  struct digests *d = xcalloc(1, sizeof *d);
  struct item *it;
  d->lane = l;
  int rc = 0;
  bool end = false;
  while (rc == 0 && !end) {
    if (ring_pop(l->to_writer, 0, &it) != RING_OK) {
      rc = -1;
      break;
    }
    end = it->end;
    rc = it->failed ? -1 : take_item(d, it);
    item_free(it);
  }
  if (rc == 0)
    count(d);
  digests_fini(d);
  return rc;
}
