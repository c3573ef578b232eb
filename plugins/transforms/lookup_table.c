/* The table in memory: keys numbered by a hash table, values as typed columns, and the row for keys without a match behind them.
 * Filled by one thread; then it does not change any more. */
#include <stdlib.h>

#include "lookup.h"
#include "shown.h"
#include "value.h"

enum {
  ROWS_HINT = 4096,
  SHOWN_BYTES = 64
};

struct lookup_table {
  struct keymap *keys;
  int32_t *row_of; /* of key number i; NULL: i itself */
  size_t row_of_cap;
  int64_t rows;
  struct ArrowSchema schema;
  struct ArrowArray values;
  struct etl_view *views;
};
int64_t lookup_table_rows(const struct lookup_table *t) { return t->rows; }
const struct etl_view *lookup_table_view(const struct lookup_table *t, size_t i) { return &t->views[i]; }

int64_t lookup_table_find(const struct lookup_table *t, struct etl_bytes key) {
  int64_t number = keymap_find(t->keys, key);
  return number < 0 || !t->row_of ? number : t->row_of[number];
}

/* ---- keys ------------------------------------------------------------------------------------------------------------------- */

static uint8_t *key_room(struct lookup_key *k, size_t more) {
  if (k->n + more > k->cap) {
    size_t cap = (k->n + more) * 2 + 64;
    uint8_t *grown = realloc(k->bytes, cap);
    if (!grown)
      return NULL;
    k->bytes = grown;
    k->cap = cap;
  }
  return k->bytes + k->n;
}

int lookup_key_int(struct lookup_key *k, int64_t v) {
  uint8_t *to = key_room(k, sizeof v);
  if (!to)
    return -1;
  memcpy(to, &v, sizeof v);
  k->n += sizeof v;
  return 0;
}

int lookup_key_text(struct lookup_key *k, struct etl_bytes text, bool ignore_case) {
  uint8_t *to = key_room(k, sizeof text.n + text.n);
  if (!to)
    return -1;
  memcpy(to, &text.n, sizeof text.n); /* so that "a", "bc" and "ab", "c" are not the same */
  to += sizeof text.n;
  if (text.n)
    memcpy(to, text.p, text.n);
  for (uint64_t i = 0; ignore_case && i < text.n; i++)
    to[i] = (uint8_t)(to[i] >= 'A' && to[i] <= 'Z' ? to[i] | 0x20 : to[i]);
  k->n += sizeof text.n + text.n;
  return 0;
}

/* ---- reading ---------------------------------------------------------------------------------------------------------------- */

struct loading {
  const struct etl_host *host;
  const struct lookup_options *o;
  const char *kinds;
  struct lookup_table *t;
  struct etl_batch *batches; /* one for each value column, since casts fill column 0 */
  struct lookup_key key;
};

static bool whole_number(struct etl_bytes text, int64_t *ret) {
  struct value v;
  __int128 number, back;
  if (value_scan_number(text, &v) || !value_rescale(v.number, v.scale, 0, &number) || !value_rescale(number, 0, v.scale, &back) ||
      back != v.number || number < INT64_MIN || number > INT64_MAX)
    return false;
  *ret = (int64_t)number;
  return true;
}

/* The key of a row into l->key; ETL_IDLE: part of it is NULL, which matches nothing. */
static int32_t take_key(struct loading *l, const struct etl_bytes *cells, int64_t line) {
  char text[SHOWN_BYTES];
  l->key.n = 0;
  for (size_t i = 0; i < l->o->keys_n; i++) {
    int64_t number = 0;
    if (!cells[i].p)
      return ETL_IDLE;
    if (l->kinds[i] == 'i' && !whole_number(cells[i], &number))
      return etl_failf(l->host, &ETL_ERROR(ETL_E_CONFIG, .option = "key_columns",
                                           .remedy = "cast the stream's key column to text, or correct the table"),
                       "lookup: row %lld of the table: \"%s\" in column \"%s\" is not an integer, as column \"%s\" of the stream is",
                       (long long)line, shown_text(text, sizeof text, cells[i]), l->o->key_columns[i], l->o->key[i]);
    int rc = l->kinds[i] == 'i' ? lookup_key_int(&l->key, number) : lookup_key_text(&l->key, cells[i], l->o->ignore_case);
    if (rc < 0)
      return transformer_no_memory(l->host, "lookup");
  }
  return ETL_OK;
}

static enum cast_result add_cell(const struct lookup_column *c, struct etl_bytes cell, struct etl_batch *b, const char **ret_why) {
  if (etl_batch_row(b) < 0)
    return CAST_NO_MEMORY;
  if (!cell.p)
    return etl_batch_null(b, 0) < 0 ? CAST_NO_MEMORY : CAST_OK;
  if (c->type.f.logical == ETL_L_BINARY || shown_is_utf8(cell))
    return cast_add_text(cell, &c->type, b, ret_why);
  *ret_why = "not UTF-8";
  return CAST_BAD;
}

static int32_t add_values(struct loading *l, const struct etl_bytes *cells, int64_t line) {
  char text[SHOWN_BYTES];
  for (size_t i = 0; i < l->o->columns_n; i++) {
    const struct lookup_column *c = &l->o->columns[i];
    const char *why = NULL;
    enum cast_result rc = add_cell(c, cells[i], &l->batches[i], &why);
    if (rc == CAST_NO_MEMORY)
      return transformer_no_memory(l->host, "lookup");
    if (rc == CAST_BAD)
      return etl_failf(l->host, &ETL_ERROR(ETL_E_CONFIG, .option = "columns", .remedy = "give the column another type, or correct the table"),
                       "lookup: row %lld of the table: \"%s\" in column \"%s\" is not of type %s: %s", (long long)line,
                       shown_text(text, sizeof text, cells[i]), c->column, c->type.name, why);
  }
  l->t->rows++;
  return ETL_OK;
}

static int32_t grow(struct loading *l, int64_t number) {
  struct lookup_table *t = l->t;
  if ((size_t)number < t->row_of_cap)
    return ETL_OK;
  size_t cap = t->row_of_cap * 2 + 1024;
  int32_t *grown = realloc(t->row_of, cap * sizeof *grown);
  if (!grown)
    return transformer_no_memory(l->host, "lookup");
  t->row_of = grown;
  t->row_of_cap = cap;
  return ETL_OK;
}

static int32_t on_row(void *arg, const struct etl_bytes *cells, int64_t line) {
  char text[SHOWN_BYTES];
  struct loading *l = arg;
  bool fresh;
  if (l->t->rows >= l->o->max_rows)
    return etl_failf(l->host, &ETL_ERROR(ETL_E_CONFIG, .option = "max_rows",
                                         .remedy = "raise max_rows, if there is the memory, or look up fewer rows"),
                     "lookup: the table has more than %lld rows", (long long)l->o->max_rows);
  int32_t rc = take_key(l, cells, line);
  if (rc != ETL_OK)
    return rc == ETL_IDLE ? ETL_OK : rc;
  int64_t number = keymap_add(l->t->keys, (struct etl_bytes){l->key.bytes, l->key.n}, &fresh);
  if (number < 0)
    return transformer_no_memory(l->host, "lookup");
  if (!fresh && l->o->on_duplicate == DUPLICATE_FAIL)
    return etl_failf(l->host, &ETL_ERROR(ETL_E_CONFIG, .option = "on_duplicate",
                                         .remedy = "make keys unique, or say which row counts: on_duplicate = \"first\" or \"last\""),
                     "lookup: row %lld of the table has a key that an earlier row has: \"%s\" in column \"%s\"", (long long)line,
                     shown_text(text, sizeof text, cells[0]), l->o->key_columns[0]);
  if (!fresh && l->o->on_duplicate == DUPLICATE_FIRST)
    return ETL_OK;
  rc = grow(l, number);
  if (rc == ETL_OK)
    l->t->row_of[number] = (int32_t)l->t->rows;
  return rc == ETL_OK ? add_values(l, cells + l->o->keys_n, line) : rc;
}

/* What a key without a match gets. */
static int32_t add_missing_row(struct loading *l) {
  struct etl_bytes *cells = calloc(l->o->columns_n + 1, sizeof *cells);
  if (!cells)
    return transformer_no_memory(l->host, "lookup");
  for (size_t i = 0; i < l->o->columns_n && l->o->on_missing == MISSING_DEFAULT; i++)
    cells[i] = (struct etl_bytes){l->o->columns[i].fallback, l->o->columns[i].fallback ? strlen(l->o->columns[i].fallback) : 0};
  int32_t rc = add_values(l, cells, l->t->rows + 1);
  l->t->rows--;
  free(cells);
  return rc;
}

static int32_t begin(struct loading *l) {
  struct lookup_table *t = l->t;
  size_t n = l->o->columns_n;
  t->keys = keymap_new();
  t->views = calloc(n + 1, sizeof *t->views);
  l->batches = calloc(n + 1, sizeof *l->batches);
  if (!t->keys || !t->views || !l->batches || etl_schema_init(&t->schema, (int64_t)n) < 0)
    return transformer_no_memory(l->host, "lookup");
  for (size_t i = 0; i < n; i++) {
    const struct lookup_column *c = &l->o->columns[i];
    struct ArrowSchema *children[] = {t->schema.children[i]};
    struct ArrowSchema one = {.format = "+s", .n_children = 1, .children = children};
    if (etl_schema_set(&t->schema, (int64_t)i, c->into, c->type.format, true, NULL, c->type.extension) < 0 ||
        etl_batch_init(&l->batches[i], l->host, &one, ROWS_HINT) < 0)
      return transformer_no_memory(l->host, "lookup");
  }
  return ETL_OK;
}

/* Nothing to look up when no later row took an earlier one's place. */
static void forget_row_numbers(struct lookup_table *t) {
  for (size_t i = 0; i < keymap_count(t->keys); i++)
    if (t->row_of[i] != (int32_t)i)
      return;
  free(t->row_of);
  t->row_of = NULL;
}

static int32_t finish(struct loading *l) {
  struct lookup_table *t = l->t;
  size_t n = l->o->columns_n;
  struct ArrowArray *cols = calloc(n + 1, sizeof *cols);
  int rc = cols ? 0 : -1;
  for (size_t i = 0; rc == 0 && i < n; i++)
    rc = etl_batch_finish_column(&l->batches[i], &cols[i]);
  if (rc == 0)
    rc = etl_array_assemble(NULL, cols, (int64_t)n, t->rows + 1, &t->values);
  for (size_t i = 0; cols && i < n; i++)
    etl_array_release(&cols[i]);
  free(cols);
  forget_row_numbers(t);
  for (size_t i = 0; rc == 0 && i < n; i++)
    rc = etl_view_init(&t->views[i], &t->schema, &t->values, (int64_t)i);
  return rc < 0 ? transformer_no_memory(l->host, "lookup") : ETL_OK;
}

static int32_t read_source(struct loading *l) {
  const struct lookup_options *o = l->o;
  struct lookup_reader r = {.host = l->host, .o = o, .names_n = o->keys_n + o->columns_n, .row = on_row, .arg = l};
  r.names = calloc(r.names_n + 1, sizeof *r.names);
  if (!r.names)
    return transformer_no_memory(l->host, "lookup");
  for (size_t i = 0; i < r.names_n; i++)
    r.names[i] = i < o->keys_n ? o->key_columns[i] : o->columns[i - o->keys_n].column;
  int32_t rc = (o->file ? lookup_read_csv : o->database ? lookup_read_sqlite : lookup_read_postgres)(&r);
  free(r.names);
  return rc;
}

void lookup_table_free(struct lookup_table *t) {
  if (!t)
    return;
  etl_array_release(&t->values);
  etl_schema_release(&t->schema);
  keymap_free(t->keys);
  free(t->row_of);
  free(t->views);
  free(t);
}

int32_t lookup_table_load(const struct etl_host *h, const struct lookup_options *o, const char *kinds, struct lookup_table **ret) {
  struct loading l = {.host = h, .o = o, .kinds = kinds, .t = calloc(1, sizeof *l.t)};
  int32_t rc = l.t ? begin(&l) : transformer_no_memory(h, "lookup");
  if (rc == ETL_OK)
    rc = read_source(&l);
  if (rc == ETL_OK)
    rc = add_missing_row(&l);
  if (rc == ETL_OK)
    rc = finish(&l);
  for (size_t i = 0; l.batches && i < o->columns_n; i++)
    etl_batch_fini(&l.batches[i]);
  free(l.batches);
  free(l.key.bytes);
  if (rc == ETL_OK)
    *ret = l.t;
  else
    lookup_table_free(l.t);
  return rc;
}
