/* dedup: of the rows with the same key one, within a window of the lane's rows.  keep = first remembers keys and lets no second row
 * through; keep = last holds rows back until the host wants its cursor, or until the window is full. */
#include <stdlib.h>

#include "keep.h"
#include "keymap.h"
#include "lru.h"
#include "names.h"
#include "row_key.h"
#include "sql/kept.h"
#include "transformer.h"

enum {
  OPT_KEY,
  OPT_KEEP,
  OPT_WINDOW,
  OPT_FORGET_AFTER,
  OPT_MEMORY
};
enum {
  KEEP_FIRST,
  KEEP_LAST
};
static const char *const keep_names[] = {"first", "last", NULL};
static const struct etl_option *const options[] = {
    [OPT_KEY] = OPTION("key", ETL_T_LIST, .flags = ETL_OPT_REQUIRED, .example = "[ \"user_id\" ]",
                       .doc = "Columns that are the same in rows of which one is enough. A row with a NULL in one of them is let through."),
    [OPT_KEEP] = OPTION("keep", ETL_T_ENUM, .choices = keep_names, .dflt = "first",
                        .doc = "Which row stays: the first, or the last, for which rows are held back until the next safe point."),
    [OPT_WINDOW] = OPTION("window", ETL_T_INT, .dflt = "1000000", .min = 1, .max = 1000000000,
                          .doc = "With first: the number of keys remembered, those used last. With last: the number of rows held back."),
    [OPT_FORGET_AFTER] = OPTION("forget_after", ETL_T_DURATION, .min = 1, .max = INT64_MAX, .example = "10m",
                                .doc = "With first: a key whose last row is longer ago than this, by the host's clock, counts as new."),
    [OPT_MEMORY] = OPTION("memory", ETL_T_SIZE, .dflt = "64MiB", .min = 65536, .max = INT64_MAX,
                          .doc = "Memory for the keys, or for the rows held back, whatever the window."),
    NULL,
};

struct dedup {
  const struct etl_host *host;
  char **key;
  size_t key_n;
  bool last;
  int64_t window;
  uint64_t memory;
  struct ArrowSchema schema; /* in force */
  int64_t *columns;          /* of the key */
  struct etl_view *views;
  struct row_key row_key;
  struct lru *seen; /* KEEP_FIRST: key to when it was seen last, in nanoseconds */
  int64_t forget_after_ns; /* 0: never */
  /* KEEP_LAST */
  struct keymap *keys;
  int64_t *newest; /* for each key the last row that has it, counted over all held batches */
  int64_t *number; /* for each held row its key, -1 none */
  struct ArrowArray *held;
  size_t held_n, held_cap, newest_cap, number_cap;
  int64_t rows; /* held */
  uint64_t bytes;
};

static int32_t no_memory(const struct dedup *d) { return transformer_no_memory(d->host, "dedup"); }

static void drop_held(struct dedup *d) {
  for (size_t i = 0; i < d->held_n; i++)
    etl_array_release(&d->held[i]);
  d->held_n = 0;
  d->rows = 0;
  d->bytes = 0;
  if (d->keys)
    keymap_clear(d->keys);
}

static void dedup_close(void *self) {
  struct dedup *d = self;
  drop_held(d);
  for (size_t i = 0; i < d->key_n; i++)
    free(d->key[i]);
  free(d->key);
  free(d->columns);
  free(d->views);
  free(d->newest);
  free(d->number);
  free(d->held);
  row_key_fini(&d->row_key);
  lru_free(d->seen);
  keymap_free(d->keys);
  etl_schema_release(&d->schema);
  free(d);
}

static int32_t dedup_open(const struct etl_open *o, void **self) {
  struct etl_error e = ETL_ERROR(ETL_E_CONFIG);
  uint64_t n = etl_opt_list_n(o, OPT_KEY);
  e.option = "key";
  if (n == 0)
    return etl_failf(o->host, &e, "dedup: option key is empty");
  e.option = "forget_after";
  if (etl_opt_set(o, OPT_FORGET_AFTER) && etl_opt_int(o, OPT_KEEP) == KEEP_LAST)
    return etl_failf(o->host, &e, "dedup: option forget_after goes with keep = \"first\" only");
  struct dedup *d = calloc(1, sizeof *d);
  if (!d)
    return transformer_no_memory(o->host, "dedup");
  *d = (struct dedup){.host = o->host,
                      .last = etl_opt_int(o, OPT_KEEP) == KEEP_LAST,
                      .window = etl_opt_int(o, OPT_WINDOW),
                      .forget_after_ns = etl_opt_set(o, OPT_FORGET_AFTER) ? etl_opt_int(o, OPT_FORGET_AFTER) : 0,
                      .memory = (uint64_t)etl_opt_int(o, OPT_MEMORY)};
  d->key = calloc(n, sizeof *d->key);
  d->columns = calloc(n, sizeof *d->columns);
  d->views = calloc(n, sizeof *d->views);
  d->keys = d->last ? keymap_new() : NULL;
  d->seen = d->last ? NULL : lru_new((size_t)d->window, d->memory);
  bool ok = d->key && d->columns && d->views && (d->last ? d->keys != NULL : d->seen != NULL);
  for (; ok && d->key_n < n; d->key_n += ok)
    ok = (d->key[d->key_n] = strdup(etl_opt_list(o, OPT_KEY, d->key_n))) != NULL;
  if (!ok) {
    dedup_close(d);
    return transformer_no_memory(o->host, "dedup");
  }
  *self = d;
  return ETL_OK;
}

static int32_t check(struct dedup *d, const struct etl_stream *in) {
  struct etl_error e = ETL_ERROR(ETL_E_UNSUPPORTED);
  e.remedy = "drop or cast that column before this stage";
  for (int64_t i = 0; i < in->schema->n_children; i++)
    if (!keep_supported(in->schema->children[i]))
      return etl_failf(d->host, &e, "dedup: cannot leave rows out of column \"%s\" of stream %s: its type %s is nested or unknown",
                       in->schema->children[i]->name, in->name, in->schema->children[i]->format);
  for (size_t i = 0; i < d->key_n; i++)
    if ((d->columns[i] = etl_schema_find(in->schema, d->key[i])) < 0)
      return names_missing(d->host, in, "dedup", "key", d->key[i]);
  return ETL_OK;
}

static int32_t dedup_bind(void *self, const struct etl_stream *in, int32_t (*out)(void *, const struct etl_stream *), void *arg) {
  struct dedup *d = self;
  struct etl_error e = ETL_ERROR(ETL_E_RETRYABLE);
  if (d->rows > 0 && !etl_schema_equal(&d->schema, in->schema))
    return etl_failf(d->host, &e, "dedup: the schema of stream %s changed while rows of the old one were held back; they are read again", in->name);
  int32_t rc = check(d, in);
  if (rc != ETL_OK)
    return rc;
  etl_schema_release(&d->schema);
  if (etl_schema_copy(in->schema, &d->schema) < 0)
    return no_memory(d);
  return out(arg, in);
}

/* ---- rows ---------------------------------------------------------------------------------------------------------------------- */

static int32_t emit(struct dedup *d, struct ArrowArray *rows, const int64_t *keep, int64_t n, const struct etl_msg *like,
                    const struct etl_sink *sink) {
  struct etl_msg m = {.struct_size = sizeof m, .flags = ETL_M_ROWS, .lag_ns = like ? like->lag_ns : -1, .src_bytes = like ? like->src_bytes : 0};
  if (n < rows->length)
    d->host->count(d->host, "dedup_dropped", rows->length - n);
  if (n == 0) {
    etl_array_release(rows);
    return ETL_OK;
  }
  int32_t rc = kept_rows(d->host, &d->schema, rows, keep, n, &m.rows) < 0 ? no_memory(d) : sink->emit(sink, &m);
  etl_array_release(&m.rows);
  return rc;
}

static int look(struct dedup *d, const struct ArrowArray *rows) {
  int rc = 0;
  for (size_t i = 0; i < d->key_n && rc == 0; i++)
    rc = etl_view_init(&d->views[i], &d->schema, rows, d->columns[i]);
  return rc;
}

static int32_t first_rows(struct dedup *d, struct ArrowArray *rows, int64_t *keep, int64_t *ret_n) {
  int64_t n = 0, now = d->host->now_ns(d->host, ETL_CLOCK_MONOTONIC);
  for (int64_t row = 0; row < rows->length; row++) {
    struct etl_bytes key;
    bool null;
    if (row_key_of(&d->row_key, d->views, d->key_n, row, &key, &null) < 0)
      return no_memory(d);
    int64_t *seen = null ? NULL : (int64_t *)(uintptr_t)lru_get(d->seen, key); /* the cache's own copy, and only ours */
    if (!seen || (d->forget_after_ns && now - *seen > d->forget_after_ns))
      keep[n++] = row;
    if (seen)
      *seen = now;
    else if (!null)
      lru_put(d->seen, key, &now, sizeof now);
  }
  *ret_n = n;
  return ETL_OK;
}

static int grow(void *array, size_t *cap, size_t need, size_t each) {
  void **at = array;
  if (need <= *cap)
    return 0;
  void *grown = realloc(*at, (need + need / 2) * each);
  if (!grown)
    return -1;
  *at = grown;
  *cap = need + need / 2;
  return 0;
}

static uint64_t batch_bytes(const struct dedup *d, const struct ArrowArray *rows) {
  struct etl_view v;
  uint64_t n = 0;
  for (int64_t i = 0; i < rows->n_children; i++) {
    if (etl_view_init(&v, &d->schema, rows, i) < 0)
      continue;
    n += (uint64_t)rows->length * (v.f.phys == ETL_P_FIXED ? v.f.width : 8);
    if (v.offsets && rows->length > 0) {
      struct etl_bytes from = etl_view_bytes(&v, 0), to = etl_view_bytes(&v, rows->length - 1);
      n += (uint64_t)((const char *)to.p - (const char *)from.p) + to.n;
    }
  }
  return n;
}

/* Takes *rows when it succeeds. */
static int32_t hold(struct dedup *d, struct ArrowArray *rows) {
  size_t all = (size_t)(d->rows + rows->length);
  if (grow(&d->number, &d->number_cap, all, sizeof *d->number) < 0 || grow(&d->newest, &d->newest_cap, all, sizeof *d->newest) < 0 ||
      grow(&d->held, &d->held_cap, d->held_n + 1, sizeof *d->held) < 0)
    return no_memory(d);
  for (int64_t row = 0; row < rows->length; row++) {
    struct etl_bytes key;
    bool null, added;
    int64_t number = -1;
    if (row_key_of(&d->row_key, d->views, d->key_n, row, &key, &null) < 0 || (!null && (number = keymap_add(d->keys, key, &added)) < 0))
      return no_memory(d);
    d->number[d->rows + row] = number;
    if (number >= 0)
      d->newest[number] = d->rows + row;
  }
  d->bytes += batch_bytes(d, rows);
  d->rows += rows->length;
  etl_array_move(rows, &d->held[d->held_n++]);
  return ETL_OK;
}

static int32_t dedup_flush(void *self, const struct etl_sink *sink) {
  struct dedup *d = self;
  int64_t *keep = malloc(sizeof *keep * ((size_t)d->rows + 1)), at = 0;
  int32_t rc = keep ? ETL_OK : no_memory(d);
  for (size_t i = 0; i < d->held_n && rc == ETL_OK; i++) {
    int64_t length = d->held[i].length, n = 0;
    for (int64_t row = 0; row < length; row++)
      if (d->number[at + row] < 0 || d->newest[d->number[at + row]] == at + row)
        keep[n++] = row;
    at += length;
    rc = emit(d, &d->held[i], keep, n, NULL, sink);
  }
  free(keep);
  drop_held(d);
  return rc;
}

static int32_t dedup_process(void *self, struct etl_msg *in, const struct etl_sink *sink) {
  struct dedup *d = self;
  struct etl_error e = ETL_ERROR(ETL_E_INTERNAL);
  int64_t n = 0, *keep = NULL;
  if (!(in->flags & ETL_M_ROWS))
    return ETL_OK;
  int32_t rc = look(d, &in->rows) < 0 ? etl_failf(d->host, &e, "dedup: a batch is not of its schema") : ETL_OK;
  if (rc == ETL_OK && d->last) {
    rc = hold(d, &in->rows);
    if (rc == ETL_OK && (d->rows >= d->window || d->bytes >= d->memory))
      rc = dedup_flush(d, sink);
  } else if (rc == ETL_OK) {
    keep = malloc(sizeof *keep * ((size_t)in->rows.length + 1));
    rc = keep ? first_rows(d, &in->rows, keep, &n) : no_memory(d);
    if (rc == ETL_OK) {
      etl_tell_rows(d->host, keep, (uint64_t)n);
      rc = emit(d, &in->rows, keep, n, in, sink);
    }
  }
  free(keep);
  etl_array_release(&in->rows);
  return rc;
}

static const struct etl_common common = {.struct_size = sizeof common, .open = dedup_open, .close = dedup_close};
static const struct etl_transformer transformer = {
    .struct_size = sizeof transformer, .bind = dedup_bind, .process = dedup_process, .flush = dedup_flush};

ETL_CONNECTOR(ETL_KIND_TRANSFORMER, "dedup", ETL_VERSION, "MIT", .summary = "Of the rows with the same key lets one through",
              .doc = "It looks at the rows of one lane in one run, within its window; what it drops counts as filtered and in dedup_dropped. It "
                     "spares the sink work; that a key is there once for good is the sink's to ensure: mode merge keeps the last row that comes, "
                     "insert_missing the first. With keep = last rows are held back until the next safe point, which many sources have with each batch.",
              .options = options, .common = &common, .api = &transformer);
