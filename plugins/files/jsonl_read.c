/* Keys are columns.  A key that no sample had becomes a column where it first appears; its type is guessed from what the window holds then. */
#include "jsonl_read.h"

#include <stdio.h>
#include <stdlib.h>

enum {
  COLUMNS_MOST = 1600, /* more than that many keys are data, not names */
  STAY_BYTES = 64 * 1024
};

struct jsonl_state {
  struct json_scan scan;
  uint32_t *slots; /* of column i: the member of the row in hand, from 1; 0: none */
  size_t slots_n;
  char *plain; /* a value without escapes */
  size_t plain_cap;
};

/* ---- sampling ---------------------------------------------------------------------------------------------------------------- */

static void guess_member(struct guess *g, const struct json_member *m) {
  const uint32_t text = 1u << TYPE_TEXT, temporal = 1u << TYPE_DATE | 1u << TYPE_TIMESTAMP | 1u << TYPE_TIMESTAMPTZ;
  switch (m->kind) {
  case JSON_KIND_NULL: break;
  case JSON_KIND_BOOL: guess_add_only(g, m->p, m->n, text | 1u << TYPE_BOOL); break;
  case JSON_KIND_NUMBER: guess_add_only(g, m->p, m->n, text | 1u << TYPE_INT64 | 1u << TYPE_DECIMAL | 1u << TYPE_FLOAT64); break;
  case JSON_KIND_STRING: guess_add_only(g, m->p, m->n, m->escaped ? text : text | temporal); break;
  case JSON_KIND_NESTED:
    g->nested = true;
    g->seen++;
    break;
  }
}

/* The column of a member; -1: there is none, -2: no memory, -3: the key is no text.  known: columns that may be guessed anew begin there. */
static int64_t column_of(struct layout *l, const struct json_member *m, size_t hint, bool add) {
  char plain[512];
  const char *key = m->key;
  int64_t n = m->key_n;
  if (m->key_escaped) {
    if (m->key_n > sizeof plain || (n = json_unescape(m->key, m->key_n, plain)) < 0)
      return -3;
    key = plain;
  }
  int64_t column = layout_find(l, key, (size_t)n, hint);
  if (column >= 0 || !add)
    return column;
  if (!text_is_utf8(key, (size_t)n) || n == 0)
    return -3;
  column = l->n < COLUMNS_MOST ? layout_add(l, key, (size_t)n) : -1;
  return column < 0 && l->n < COLUMNS_MOST ? -2 : column;
}

/* Adds what the lines p..end tell of the columns from `from` on.  Rows seen; -1: no memory. */
static int64_t sample_lines(struct layout *l, size_t from, const char *p, const char *end, bool last, uint64_t rows) {
  struct json_scan scan = {0};
  uint64_t seen = 0;
  int64_t column = 0;
  for (const char *newline; p < end && seen < rows && column != -2; p = newline + 1) {
    newline = memchr(p, '\n', (size_t)(end - p));
    if (!newline && !last)
      break;
    newline = newline ? newline : end;
    int rc = json_scan(&scan, p, newline);
    if (rc < 0)
      column = -2;
    for (size_t i = 0; rc == 0 && i < scan.n && column != -2; i++) {
      column = column_of(l, &scan.members[i], i, true);
      if (column >= (int64_t)from)
        guess_member(&l->list[column].guess, &scan.members[i]);
    }
    seen += rc == 0;
  }
  json_scan_fini(&scan);
  return column == -2 ? -1 : (int64_t)seen;
}

static int jsonl_sample(const struct settings *s, struct window *w, uint64_t rows, bool stay, struct layout *l, struct pool *pool,
                        struct shape *ret, struct failure *f) {
  (void)s;
  (void)pool;
  while (stay && w->n < STAY_BYTES && window_more(w) == WINDOW_MORE) {
  }
  while (!stay && w->n < w->cap / 2 && window_more(w) == WINDOW_MORE) {
  }
  int64_t seen = sample_lines(l, 0, (const char *)window_from(w), (const char *)window_to(w), w->end, rows);
  *ret = (struct shape){.known = true, .fields = l->n, .rows = seen > 0 ? (uint64_t)seen : 0};
  return seen < 0 ? failure_memory(f, "sampling") : 0;
}

/* ---- rows -------------------------------------------------------------------------------------------------------------------- */

static int jsonl_begin(struct reader *r) {
  r->state = calloc(1, sizeof(struct jsonl_state));
  return r->state ? 0 : failure_memory(&r->failure, "a reader");
}

static void jsonl_end(struct reader *r) {
  struct jsonl_state *s = r->state;
  json_scan_fini(&s->scan);
  free(s->slots);
  free(s->plain);
  free(s);
}

static enum step no_memory(struct reader *r) {
  failure_memory(&r->failure, "a batch");
  return STEP_FAILED;
}

static enum step reject_line(struct reader *r, const uint8_t *newline, int64_t column, const char *why) {
  struct window *w = &r->window;
  const uint8_t *p = window_from(w);
  size_t bytes = (size_t)((newline ? newline + 1 : window_to(w)) - p);
  enum step step = column < 0 ? reader_reject(r, p, bytes, w->line, -1, "%s", why)
                              : reader_reject(r, p, bytes, w->line, column, "column \"%s\": %s", r->layout.list[column].name, why);
  window_pass(w, bytes, newline != NULL);
  return step;
}

/* Adds a member to its column.  0; 1: it does not fit; -1: no memory. */
static int add_member(struct reader *r, struct jsonl_state *s, const struct json_member *m, int64_t column) {
  const struct type *type = &r->layout.list[column].type;
  const char *p = m->p;
  int64_t n = m->n;
  if (m->kind == JSON_KIND_NULL)
    return etl_batch_null(&r->batch, column);
  if (m->kind == JSON_KIND_STRING && type->kind == TYPE_JSON)
    return type_add(type, &r->batch, column, p - 1, (size_t)n + 2);
  if (m->kind == JSON_KIND_NESTED && type->kind != TYPE_JSON && type->kind != TYPE_TEXT)
    return 1;
  if (m->escaped) {
    if (m->n > s->plain_cap) {
      char *plain = realloc(s->plain, m->n * 2);
      if (!plain)
        return -1;
      s->plain = plain;
      s->plain_cap = m->n * 2;
    }
    n = json_unescape(p, m->n, s->plain);
    if (n < 0)
      return 1;
    p = s->plain;
  }
  return type_add(type, &r->batch, column, p, (size_t)n);
}

static enum step reject_member(struct reader *r, const uint8_t *newline, const struct json_member *m, int64_t column) {
  char type[48], why[160];
  type_name(&r->layout.list[column].type, type, sizeof type);
  if (r->layout.list[column].type.kind == TYPE_TEXT)
    snprintf(why, sizeof why, "the text holds a NUL character or is not UTF-8");
  else
    snprintf(why, sizeof why, "%.*s%s is no %s", m->n < 60 ? (int)m->n : 60, m->p, m->n < 60 ? "" : "...", type);
  etl_batch_undo_row(&r->batch);
  return reject_line(r, newline, column, why);
}

static enum step add_row(struct reader *r, struct jsonl_state *s, const uint8_t *newline) {
  if (etl_batch_row(&r->batch) < 0)
    return no_memory(r);
  for (size_t i = 0; i < r->layout.n; i++) {
    const struct json_member *m = s->slots[i] ? &s->scan.members[s->slots[i] - 1] : NULL;
    if (m && m->n > r->in->settings.max_cell) {
      etl_batch_undo_row(&r->batch);
      return reject_line(r, newline, (int64_t)i, "the value is longer than max_cell");
    }
    int rc = m ? add_member(r, s, m, (int64_t)i) : etl_batch_null(&r->batch, (int64_t)i);
    if (rc < 0)
      return no_memory(r);
    if (rc > 0)
      return reject_member(r, newline, m, (int64_t)i);
  }
  window_pass(&r->window, (size_t)((newline ? newline + 1 : window_to(&r->window)) - window_from(&r->window)), newline != NULL);
  return STEP_ROW;
}

/* Members to their columns, the last of a key wins.  STEP_ROW, or STEP_SCHEMA when the layout got new ones. */
static enum step place_members(struct reader *r, struct jsonl_state *s, const char **ret_bad) {
  struct layout *l = &r->layout;
  if (s->slots_n < l->n) {
    uint32_t *slots = realloc(s->slots, l->n * sizeof *slots);
    if (!slots)
      return no_memory(r);
    s->slots = slots;
    s->slots_n = l->n;
  }
  if (l->n > 0)
    memset(s->slots, 0, l->n * sizeof *s->slots);
  for (size_t i = 0; i < s->scan.n; i++) {
    size_t known = l->n;
    int64_t column = column_of(l, &s->scan.members[i], i, false);
    if (column == -1 && known < COLUMNS_MOST) {
      const struct window *w = &r->window;
      if (sample_lines(l, known, (const char *)window_from(w), (const char *)window_to(w), w->end, r->in->settings.sample) < 0)
        return no_memory(r);
      if (l->n > known) {
        layout_finish(l, &r->in->settings, known);
        return STEP_SCHEMA;
      }
      column = -3; /* not even a name */
    }
    if (column < 0) {
      *ret_bad = column == -3 ? "a key is empty, longer than 512 bytes, or no text" : "the stream has 1600 keys, and this line has others";
      return STEP_SKIPPED;
    }
    s->slots[column] = (uint32_t)i + 1;
  }
  return STEP_ROW;
}

static enum step take_line(struct reader *r, struct jsonl_state *s, const uint8_t *newline) {
  struct window *w = &r->window;
  const char *p = (const char *)window_from(w), *end = (const char *)(newline ? newline : window_to(w)), *why = NULL;
  while (p < end && (end[-1] == '\r' || end[-1] == ' '))
    end--;
  if (p == end) {
    window_pass(w, (size_t)((newline ? newline + 1 : window_to(w)) - window_from(w)), newline != NULL);
    return STEP_SKIPPED;
  }
  if ((size_t)(end - p) > w->most)
    return reject_line(r, newline, -1, "the line is longer than max_line");
  int rc = json_scan(&s->scan, p, end);
  if (rc != 0)
    return rc < 0 ? no_memory(r) : reject_line(r, newline, -1, s->scan.bad);
  enum step step = place_members(r, s, &why);
  if (step == STEP_ROW)
    return add_row(r, s, newline);
  return why ? reject_line(r, newline, -1, why) : step;
}

static enum step jsonl_row(struct reader *r) {
  struct jsonl_state *s = r->state;
  struct window *w = &r->window;
  for (;;) {
    const uint8_t *newline = memchr(window_from(w), '\n', w->n - w->at);
    if (newline)
      return take_line(r, s, newline);
    if (w->end)
      return w->at == w->n || r->in->settings.follow ? STEP_END : take_line(r, s, NULL);
    switch (window_more_of_record(w)) {
    case WINDOW_BROKEN: return STEP_BROKEN;
    case WINDOW_FULL: return reader_pass_long(r);
    case WINDOW_IDLE: return STEP_IDLE;
    default: break;
    }
  }
}

static const char *const endings[] = {".jsonl", ".ndjson", ".jsonl.gz", ".jsonl.zst", ".ndjson.gz", ".ndjson.zst", NULL};
const struct format jsonl_format = {
    .name = "jsonl", .endings = endings, .sample = jsonl_sample, .begin = jsonl_begin, .row = jsonl_row, .end = jsonl_end};
