/* How a CSV file is written, guessed from its first records: the delimiter that gives the same number of cells most often, whether the first
 * record is a header, and what the columns hold. */
#include <stdlib.h>

#include "csv_read.h"

enum {
  STAY_BYTES = 64 * 1024, /* of a pipe are looked at */
  TRIED_RECORDS = 50,
  NAME_MOST = 63
};

struct column_sample {
  struct guess guess;
  uint64_t unquoted;   /* values without quotes, NULLs left out */
  bool repeats_first;  /* a later row has the same text as the first */
  const char *first;   /* the first row's */
  uint32_t first_n;
  bool first_quoted;
};

struct naming { /* of the fields of one file */
  const struct column_sample *columns;
  size_t n;
  bool header;
  const int32_t *taken; /* columns of the fields before */
  struct layout *layout;
};

/* ---- records of the sample --------------------------------------------------------------------------------------------------- */

/* Comes to the next record that is no comment and not blank.  1: it is in c->cells; 0: there is none; -1: no memory. */
static int next_record(const struct settings *s, struct window *w, struct csv_scan *c, bool stay) {
  for (;;) {
    enum csv_result rc = CSV_MORE;
    const uint8_t *p = window_from(w);
    if (p < window_to(w)) {
      if (s->comment && (char)*p == s->comment) {
        const uint8_t *newline = memchr(p, '\n', (size_t)(window_to(w) - p));
        if (newline) {
          window_pass(w, (size_t)(newline + 1 - p), 1);
          continue;
        }
      } else {
        rc = csv_scan(c, p, window_to(w), w->end);
      }
    }
    if (rc == CSV_MEMORY)
      return -1;
    if (rc == CSV_MORE) {
      if (stay || w->end)
        return 0;
      enum window_more more = window_more_of_record(w);
      if (more != WINDOW_MORE && (more != WINDOW_END || window_from(w) == window_to(w)))
        return 0;
      continue;
    }
    if (rc == CSV_BAD || (rc == CSV_RECORD && c->cells_n == 1 && c->cells[0].n == 0 && !c->cells[0].quoted))
      window_pass(w, c->bytes, c->lines);
    else if (rc == CSV_RECORD)
      return 1;
  }
}

int csv_skip_lines(struct window *w, uint64_t lines, bool stay) {
  while (w->line <= lines) {
    const uint8_t *p = window_from(w), *newline = memchr(p, '\n', (size_t)(window_to(w) - p));
    if (newline) {
      window_pass(w, (size_t)(newline + 1 - p), 1);
    } else {
      if (!stay)
        window_pass(w, (size_t)(window_to(w) - p), 0);
      if (stay || window_more(w) != WINDOW_MORE)
        return -1;
    }
  }
  return 0;
}

/* ---- the delimiter ------------------------------------------------------------------------------------------------------------ */

static uint64_t score(const struct settings *s, struct window *w, char delimiter) {
  struct csv_scan c;
  uint64_t counts[TRIED_RECORDS], n = 0, best = 0;
  size_t at = w->at;
  uint64_t line = w->line;
  csv_scan_init(&c, delimiter, s->quote, s->escape);
  while (n < TRIED_RECORDS && next_record(s, w, &c, true) > 0) {
    counts[n++] = c.cells_n;
    window_pass(w, c.bytes, c.lines);
  }
  csv_scan_fini(&c);
  w->at = at;
  w->line = line;
  for (uint64_t i = 0; i < n; i++) {
    uint64_t same = 0;
    for (uint64_t k = 0; k < n; k++)
      same += counts[k] == counts[i];
    if (counts[i] > 1 && same * 1000 + counts[i] > best)
      best = same * 1000 + (counts[i] < 999 ? counts[i] : 999);
  }
  return best;
}

static char find_delimiter(const struct settings *s, struct window *w) {
  static const char candidates[] = {',', ';', '\t', '|'};
  char found = ',';
  uint64_t best = 0;
  if (s->delimiter)
    return s->delimiter;
  for (size_t i = 0; i < sizeof candidates; i++) {
    uint64_t points = score(s, w, candidates[i]);
    if (points > best) {
      best = points;
      found = candidates[i];
    }
  }
  return found;
}

/* ---- the header --------------------------------------------------------------------------------------------------------------- */

static bool looks_like_name(const char *p, uint32_t n) {
  return n > 0 && n <= NAME_MOST && guess_one(p, n) == TYPE_TEXT && !(*p >= '0' && *p <= '9') && *p != '-' && *p != '+' && *p != '.';
}

static bool is_cell(const struct column_sample *c, const char *name, size_t n) { return c->first_n == n && memcmp(c->first, name, n) == 0; }

/* A name that is missing (as over a column of row numbers) or there twice is no name; that the others are names has to show in the values then. */
static bool find_header(const struct settings *s, const struct column_sample *columns, size_t n, uint64_t rows) {
  bool typed = false, fresh = true, whole = true;
  size_t blank = 0;
  if (s->header != HEADER_AUTO)
    return s->header == HEADER_YES;
  for (size_t i = 0; i < n; i++) {
    const struct column_sample *c = &columns[i];
    if (c->first_n == 0) {
      blank++;
      continue;
    }
    if (!looks_like_name(c->first, c->first_n))
      return false;
    for (size_t k = 0; k < i; k++)
      whole &= !is_cell(&columns[k], c->first, c->first_n);
    typed |= c->guess.seen > 0 && guess_type(&c->guess).kind != TYPE_TEXT;
    fresh &= !c->repeats_first;
  }
  if (blank || !whole)
    return typed && 2 * blank <= n;
  return rows == 0 || typed || fresh;
}

/* Does another field have the name: one before this one, or one whose header says so? */
static bool is_taken(const struct naming *g, size_t i, const char *name, size_t n) {
  for (size_t k = 0; k < i; k++)
    if (strcmp(g->layout->list[g->taken[k]].name, name) == 0)
      return true;
  for (size_t k = 0; g->header && k < g->n; k++)
    if (k != i && is_cell(&g->columns[k], name, n))
      return true;
  return false;
}

/* The name of field i, made up where the file has none or has it twice. */
static int64_t name_column(const struct settings *s, const struct naming *g, size_t i) {
  const struct column_sample *c = &g->columns[i];
  char name[NAME_MOST * 2 + 24];
  const char *stem = "column";
  size_t stem_n = strlen(stem), k = 0;
  if (!g->header && i < s->forced_n && s->header != HEADER_YES)
    return layout_add(g->layout, s->forced[i].name, strlen(s->forced[i].name));
  if (g->header && c->first_n > 0) {
    while (k < i && !is_cell(&g->columns[k], c->first, c->first_n))
      k++;
    if (k == i)
      return layout_add(g->layout, c->first, c->first_n);
    stem = c->first;
    stem_n = c->first_n < NAME_MOST * 2 ? c->first_n : NAME_MOST * 2;
    while (stem_n < c->first_n && ((uint8_t)stem[stem_n] & 0xc0) == 0x80)
      stem_n--; /* not in the middle of a character */
  }
  for (size_t number = i + 1;; number++) {
    size_t n = (size_t)snprintf(name, sizeof name, "%.*s_%zu", (int)stem_n, stem, number);
    if (!is_taken(g, i, name, n))
      return layout_add(g->layout, name, n);
  }
}

/* A cell of the header, from 1, that cannot be a name; 0: there is none. */
static size_t find_no_text(const struct column_sample *columns, size_t n) {
  for (size_t i = 0; i < n; i++)
    if (!text_is_utf8(columns[i].first, columns[i].first_n))
      return i + 1;
  return 0;
}

/* ---- all of it -------------------------------------------------------------------------------------------------------------------- */

bool csv_is_null(const struct settings *s, const struct cell *c) {
  if (c->quoted)
    return false;
  for (size_t i = 0; i < s->nulls_n; i++)
    if (strlen(s->nulls[i]) == c->n && memcmp(s->nulls[i], c->p, c->n) == 0)
      return true;
  return c->n == 0;
}

static void add_value(const struct settings *s, struct column_sample *column, const struct cell *c) {
  if (csv_is_null(s, c))
    return;
  guess_add(&column->guess, c->p, c->n);
  column->unquoted += !c->quoted;
  column->repeats_first |= c->n == column->first_n && memcmp(c->p, column->first, c->n) == 0;
}

static struct column_sample *first_row(const struct csv_scan *c, struct pool *pool) {
  struct column_sample *columns = pool_alloc(pool, c->cells_n * sizeof *columns);
  for (size_t i = 0; columns && i < c->cells_n; i++) {
    columns[i].first_n = c->cells[i].n;
    columns[i].first_quoted = c->cells[i].quoted;
    if (!(columns[i].first = pool_strndup(pool, c->cells[i].p, c->cells[i].n)))
      return NULL;
  }
  return columns;
}

/* Where some values are quoted and others are not, the quotes say "text". */
static void heed_quotes(struct column_sample *columns, size_t n, bool header) {
  bool all_quoted = true;
  for (size_t i = 0; i < n; i++)
    all_quoted &= columns[i].unquoted == 0 && (!header || columns[i].first_quoted);
  for (size_t i = 0; i < n && !all_quoted; i++)
    if (columns[i].guess.seen > 0 && columns[i].unquoted == 0)
      columns[i].guess.not_kinds |= (1u << TYPE_TEXT) - 1;
}

static int add_columns(const struct settings *s, struct column_sample *columns, struct shape *shape, struct layout *l, struct pool *pool) {
  if (!(shape->columns = pool_alloc(pool, shape->fields * sizeof *shape->columns)))
    return -1;
  for (size_t i = 0; i < shape->fields; i++) {
    if (!shape->header) {
      struct cell c = {columns[i].first, columns[i].first_n, columns[i].first_quoted};
      add_value(s, &columns[i], &c);
    }
  }
  heed_quotes(columns, shape->fields, shape->header);
  struct naming naming = {columns, shape->fields, shape->header, shape->columns, l};
  for (size_t i = 0; i < shape->fields; i++) {
    int64_t column = name_column(s, &naming, i);
    if (column < 0)
      return -1;
    struct guess *g = &l->list[column].guess;
    shape->columns[i] = (int32_t)column;
    g->not_kinds |= columns[i].guess.not_kinds;
    g->seen += columns[i].guess.seen;
    if (columns[i].guess.scale > g->scale)
      g->scale = columns[i].guess.scale;
  }
  return 0;
}

int csv_sample(const struct settings *s, struct window *w, uint64_t rows, bool stay, struct layout *l, struct pool *pool, struct shape *ret,
               struct failure *f) {
  struct csv_scan c = {0};
  struct column_sample *columns = NULL;
  struct shape shape = {.known = true};
  while (stay && w->n < STAY_BYTES && window_more(w) == WINDOW_MORE) {
  }
  size_t at = w->at;
  uint64_t line = w->line;
  int rc = csv_skip_lines(w, s->skip, stay);
  shape.delimiter = rc == 0 ? find_delimiter(s, w) : ',';
  csv_scan_init(&c, shape.delimiter, s->quote, s->escape);
  rc = rc == 0 ? next_record(s, w, &c, stay) : 0;
  if (rc > 0) {
    shape.fields = c.cells_n;
    rc = (columns = first_row(&c, pool)) ? 1 : -1;
  }
  while (rc > 0 && shape.rows < rows) {
    window_pass(w, c.bytes, c.lines);
    rc = next_record(s, w, &c, stay);
    for (size_t i = 0; rc > 0 && i < shape.fields && c.cells_n == shape.fields; i++)
      add_value(s, &columns[i], &c.cells[i]);
    shape.rows += rc > 0;
  }
  if (rc >= 0 && columns) {
    shape.header = find_header(s, columns, shape.fields, shape.rows);
    shape.no_text = shape.header ? find_no_text(columns, shape.fields) : 0;
    shape.fields = shape.no_text ? 0 : shape.fields;
    rc = shape.no_text ? 0 : add_columns(s, columns, &shape, l, pool);
  }
  csv_scan_fini(&c);
  if (stay) {
    w->at = at;
    w->line = line;
  }
  *ret = shape;
  return rc < 0 ? failure_memory(f, "sampling") : 0;
}
