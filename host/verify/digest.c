/* Sums over the rows of each lane, in the place of its writer. */
#include "verify/digest.h"

#include <stdlib.h>
#include <string.h>

#include "verify/rows.h"

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
  bool asked;                /* this stream is looked at */
  struct ArrowSchema schema; /* in force */
  struct bound_rows rows;
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

static int fail(struct digests *d, const struct err *why) {
  struct err e;
  err_set(&e, why->error_class, "%s: %s", d->lane->name, why->message);
  return lane_fail(d->lane, &e, "verify", NULL);
}

static int take_schema(struct digests *d, struct item *it) {
  struct digest *g = &d->outs[it->out];
  const json_t *asked = rows_asked(d->lane->run->spec->ask, d->lane->outs[it->out].stream);
  struct err e;
  etl_schema_release(&g->schema);
  etl_schema_move(&it->msg.schema, &g->schema);
  g->asked = asked != NULL;
  return asked && rows_bind(&g->rows, asked, &g->schema, &e) < 0 ? fail(d, &e) : 0;
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
  if (g->rows.group_by < 0 || etl_view_null(v, row))
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

/* The key of a row as JSON, or the whole row where there is none. */
static json_t *key_json(const struct digest *g, const struct ArrowArray *batch, int64_t row) {
  const struct bound_rows *r = &g->rows;
  struct ArrowSchema schema = g->schema, **schemas = xcalloc(r->key_n + 1, sizeof *schemas);
  struct ArrowArray array = *batch, **arrays = xcalloc(r->key_n + 1, sizeof *arrays);
  for (size_t k = 0; k < r->key_n; k++) {
    schemas[k] = g->schema.children[r->columns[r->key[k]]];
    arrays[k] = batch->children[r->columns[r->key[k]]];
  }
  if (r->key_n) {
    schema.children = schemas;
    array.children = arrays;
    schema.n_children = array.n_children = (int64_t)r->key_n;
  }
  char *text = etl_row_json(&schema, &array, row);
  json_t *j = json_string(text ? text : "");
  free(text);
  free(schemas);
  free(arrays);
  return j ? j : json_string("(not valid UTF-8)");
}

static json_t *hash_json(XXH128_hash_t h) { return json_pack("[I, I]", (json_int_t)h.low64, (json_int_t)h.high64); }

static void keep_row(struct digests *d, uint32_t out, struct group *group, json_t *key, const uint64_t *cells, const struct row_hashes *h) {
  json_t *columns = json_array();
  for (size_t c = 0; c < d->outs[out].rows.columns_n; c++)
    json_array_append_new(columns, json_integer((json_int_t)cells[c]));
  if (d->rows && (d->last != group || d->rows_out != out || json_array_size(d->rows) >= ROWS_PER_EVENT))
    tell_rows(d);
  if (!d->rows)
    d->rows = json_array();
  d->last = group;
  d->rows_out = out;
  json_array_append_new(d->rows, json_pack("[o, o, o, o]", key, hash_json(h->key), hash_json(h->whole), columns));
}

static void add(struct sum *s, XXH128_hash_t h) {
  s->rows++;
  s->low += h.low64;
  s->high += h.high64;
}

static void digest_rows(struct digests *d, uint32_t out, const struct ArrowArray *batch, const uint64_t *cells) {
  struct digest *g = &d->outs[out];
  struct etl_view group_view = {0};
  if (g->rows.group_by >= 0)
    (void)etl_view_init(&group_view, &g->schema, batch, g->rows.columns[g->rows.group_by]); /* it has been hashed */
  for (int64_t i = 0; i < batch->length; i++, cells += g->rows.columns_n) {
    struct row_hashes h = rows_hash(&g->rows, cells);
    if (g->rows.wanted && !g->rows.wanted[h.bucket])
      continue;
    struct group *group = group_of(g, &group_view, i);
    if (g->rows.wanted)
      keep_row(d, out, group, key_json(g, batch, i), cells, &h);
    else
      add(&group->sums[h.bucket], h.whole);
  }
}

static int take_rows(struct digests *d, struct item *it) {
  struct digest *g = &d->outs[it->out];
  struct err e;
  if (!g->asked || it->msg.rows.length == 0)
    return 0;
  uint64_t *cells = rows_cells(&g->rows, &g->schema, &it->msg.rows);
  if (!cells) {
    err_set(&e, ETL_E_UNSUPPORTED, "a column has a format that cannot be compared");
    return fail(d, &e);
  }
  digest_rows(d, it->out, &it->msg.rows, cells);
  free(cells);
  return 0;
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
    if (!g->asked || g->rows.wanted)
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
    rows_fini(&g->rows);
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
