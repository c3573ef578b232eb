/* Lists of rows set aside, and their limit. */
#include "engine/reject.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <xxhash.h>

#include "base/text.h"
#include "etl/sdk.h"

enum {
  SHARE_FROM_ROWS = 100, /* of fewer rows a share says nothing */
  RAW_MAX_BYTES = 1 << 20
};

static char *copy(const char *text) { return text ? xstrdup(text) : NULL; }

/* Text as JSON; what is not UTF-8 or holds a NUL in hexadecimal, as etl_row_json() writes it. */
static char *quote(const char *p, size_t n) {
  json_t *j = memchr(p, 0, n) ? NULL : json_stringn(p, n);
  if (!j) {
    cleanup_free char *hex = xcalloc(2 * n + 1, 1);
    for (size_t i = 0; i < n; i++) {
      hex[2 * i] = "0123456789abcdef"[(unsigned char)p[i] >> 4];
      hex[2 * i + 1] = "0123456789abcdef"[(unsigned char)p[i] & 15];
    }
    j = json_pack("{s:s}", "$hex", hex);
  }
  char *text = json_dumps(j, JSON_ENCODE_ANY);
  json_decref(j);
  return text;
}

/* The row as JSON text, whatever the connector gave. */
static char *raw_of(struct etl_bytes raw) {
  size_t n = raw.n < RAW_MAX_BYTES ? (size_t)raw.n : RAW_MAX_BYTES;
  if (!raw.p)
    return xstrdup("null");
  if (n == raw.n && n && *(const char *)raw.p == '{' && !memmem(raw.p, n, "\\u0000", 6)) {
    json_t *j = json_loadb(raw.p, n, JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, NULL);
    json_decref(j);
    if (j)
      return strndup(raw.p, n);
  }
  return quote(raw.p, n);
}

/* [["name", "format", "extension"], ...] */
static char *columns_of(const struct ArrowSchema *s) {
  json_t *list = json_array();
  for (int64_t i = 0; i < s->n_children; i++) {
    uint64_t n = 0;
    const char *extension = etl_schema_meta(s->children[i], ETL_META_EXTENSION, &n);
    json_t *name = json_string(s->children[i]->name);
    json_array_append_new(list, json_pack("[o, s, s#]", name ? name : json_string(""), s->children[i]->format, extension ? extension : "", (int)n));
  }
  char *text = json_dumps(list, 0);
  json_decref(list);
  return text;
}

static char *column_name(const struct etl_bad_row *b) {
  const struct ArrowSchema *s = b->schema;
  return s && b->column >= 0 && b->column < s->n_children ? copy(s->children[b->column]->name) : NULL;
}

static char *message_of(const struct etl_bad_row *b) {
  return b->message && *b->message ? text_mended(b->message, text_end(b->message)) : xstrdup("no reason was given");
}

/* The row as JSON text in the budget's memory; NULL: there is none. */
static char *keep_raw(struct etl_bytes raw, struct budget *budget, int64_t *ret_bytes) {
  cleanup_free char *text = raw_of(raw);
  size_t n = strlen(text) + 1;
  char *kept = budget_alloc(budget, n);
  *ret_bytes = (int64_t)n;
  return kept ? memcpy(kept, text, n) : NULL;
}

uint64_t reject_hash(struct etl_bytes raw) { return XXH3_64bits(raw.p ? raw.p : "", (size_t)raw.n); }

int rejects_add(struct rejects *l, const struct etl_bad_row *b, const char *stage, const char *connector, struct budget *budget) {
  int64_t bytes;
  char *raw = keep_raw(b->raw, budget, &bytes);
  if (!raw)
    return -1;
  struct reject *r = xcalloc(1, sizeof *r);
  *r = (struct reject){.error_class = b->error_class,
                       .row = b->row,
                       .at = b->schema ? -1 : b->column,
                       .vendor_code = b->vendor_code,
                       .stage = copy(stage),
                       .connector = copy(connector),
                       .stream = copy(b->stream),
                       .column = column_name(b),
                       .vendor_state = copy(b->vendor_state),
                       .message = message_of(b),
                       .raw = raw,
                       .hash = reject_hash(b->raw),
                       .columns = b->schema ? columns_of(b->schema) : NULL};
  if (l->last)
    l->last->next = r;
  else
    l->first = r;
  l->last = r;
  l->n++;
  l->bytes += bytes + (int64_t)(sizeof *r + (r->columns ? strlen(r->columns) : 0));
  return 0;
}

void rejects_name_columns(struct rejects *l, char *const *names, size_t n) {
  for (struct reject *r = l->first; r; r = r->next) {
    if (r->at < 0 || (size_t)r->at >= n)
      continue;
    r->column = xstrdup(names[r->at]);
    r->at = -1;
  }
}

void rejects_move(struct rejects *from, struct rejects *to) {
  if (!from->first)
    return;
  if (to->last)
    to->last->next = from->first;
  else
    to->first = from->first;
  to->last = from->last;
  to->n += from->n;
  to->bytes += from->bytes;
  *from = (struct rejects){0};
}

void rejects_clear(struct rejects *l) {
  for (struct reject *r = l->first, *next; r; r = next) {
    char *const texts[] = {r->stage, r->connector, r->stream, r->column, r->vendor_state, r->message, r->columns};
    next = r->next;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
      free(texts[i]);
    budget_free_mem(r->raw);
    free(r);
  }
  *l = (struct rejects){0};
}

const struct etl_rejected *const *rejects_tell(const struct rejects *l, const char *stream, const char *shard, uint64_t epoch, struct arena *a) {
  const struct etl_rejected **list = arena_alloc(a, ((size_t)l->n + 1) * sizeof *list);
  uint64_t n = 0;
  for (const struct reject *r = l->first; r; r = r->next) {
    struct etl_rejected *one = arena_alloc(a, sizeof *one);
    *one = (struct etl_rejected){.struct_size = sizeof *one,
                                 .error_class = r->error_class,
                                 .stream = stream,
                                 .shard = shard,
                                 .epoch = epoch,
                                 .seq = n + 1,
                                 .stage = r->stage,
                                 .connector = r->connector,
                                 .table_stream = r->stream ? r->stream : stream,
                                 .column = r->column,
                                 .row = r->row,
                                 .vendor_code = r->vendor_code,
                                 .vendor_state = r->vendor_state,
                                 .message = r->message,
                                 .raw = r->raw,
                                 .columns = r->columns};
    list[n++] = one;
  }
  return list;
}

bool reject_limit_take(struct reject_limit *l) {
  if (atomic_fetch_add(&l->rows, 1) < l->max_rows)
    return true;
  atomic_fetch_sub(&l->rows, 1);
  return false;
}

void reject_limit_give_back(struct reject_limit *l, int64_t rows) { atomic_fetch_sub(&l->rows, rows); }

bool reject_limit_share(const struct reject_limit *l, int64_t rejected, int64_t read) {
  return read >= SHARE_FROM_ROWS && rejected * 100 > read * l->max_percent;
}
