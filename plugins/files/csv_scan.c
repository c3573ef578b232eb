/* Bytes that mean something are found 64 at a time, as bits of a mask; everything between them is never looked at. */
#include "csv_scan.h"

#include <stdlib.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

void csv_scan_init(struct csv_scan *c, char delimiter, char quote, char escape) {
  *c = (struct csv_scan){.delimiter = delimiter, .quote = quote, .escape = escape};
}
void csv_scan_fini(struct csv_scan *c) {
  free(c->cells);
  free(c->plain);
  *c = (struct csv_scan){0};
}

/* ---- marks ------------------------------------------------------------------------------------------------------------- */

#ifdef __SSE2__
static inline uint64_t marks_of(const struct csv_scan *c, const uint8_t *p) {
  __m128i delimiter = _mm_set1_epi8(c->delimiter), newline = _mm_set1_epi8('\n');
  __m128i quote = _mm_set1_epi8(c->quote ? c->quote : '\n'), escape = _mm_set1_epi8(c->escape ? c->escape : '\n');
  uint64_t mask = 0;
  for (int i = 0; i < 4; i++) {
    __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(p + 16 * i));
    __m128i hit = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(v, delimiter), _mm_cmpeq_epi8(v, newline)),
                               _mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, escape)));
    mask |= (uint64_t)(uint32_t)_mm_movemask_epi8(hit) << (16 * i);
  }
  return mask;
}
#else
static inline uint64_t marks_of(const struct csv_scan *c, const uint8_t *p) {
  uint64_t mask = 0;
  for (int i = 0; i < 64; i++) {
    char b = (char)p[i];
    if (b == c->delimiter || b == '\n' || (c->quote && b == c->quote) || (c->escape && b == c->escape))
      mask |= UINT64_C(1) << i;
  }
  return mask;
}
#endif

static inline void load_block(struct csv_scan *c, const uint8_t *p) {
  c->block = p;
  c->mask = marks_of(c, p);
  if (c->end - p < 64)
    c->mask &= (UINT64_C(1) << (c->end - p)) - 1;
}

/* The next byte that means something; NULL: none up to the end. */
static inline const uint8_t *next_mark(struct csv_scan *c) {
  while (c->mask == 0) {
    if (c->end - c->block <= 64)
      return NULL;
    load_block(c, c->block + 64);
  }
  const uint8_t *p = c->block + __builtin_ctzll(c->mask);
  c->mask &= c->mask - 1;
  return p;
}

/* Leaves out a mark at p, if there is one: it is the next. */
static inline void skip_mark(struct csv_scan *c, const uint8_t *p) {
  char b = (char)*p;
  if (b == c->delimiter || b == '\n' || b == c->quote || (c->escape && b == c->escape))
    (void)next_mark(c);
}

/* ---- cells -------------------------------------------------------------------------------------------------------------- */

static inline int add_cell(struct csv_scan *c, const uint8_t *from, const uint8_t *to, bool quoted) {
  if (c->cells_n == c->cells_cap) {
    struct cell *cells = realloc(c->cells, (c->cells_cap * 2 + 32) * sizeof *cells);
    if (!cells)
      return -1;
    c->cells = cells;
    c->cells_cap = c->cells_cap * 2 + 32;
  }
  c->cells[c->cells_n++] = (struct cell){(const char *)from, (uint32_t)(to - from), quoted};
  return 0;
}

/* The cell p..to without what escapes its quotes.  Room for the whole record is made with the first of them, so that cells stay in place. */
static int add_plain(struct csv_scan *c, const uint8_t *p, const uint8_t *to, const uint8_t *end) {
  size_t need = c->plain_n + (size_t)(end - p);
  if (need > c->plain_cap) {
    if (c->plain_n > 0)
      return -1; /* cannot be: the first cell made room for all */
    char *plain = realloc(c->plain, need);
    if (!plain)
      return -1;
    c->plain = plain;
    c->plain_cap = need;
  }
  char *begin = c->plain + c->plain_n, *out = begin;
  for (; p < to; p++) {
    if (((char)*p == c->quote || (c->escape && (char)*p == c->escape)) && p + 1 < to)
      p++;
    *out++ = (char)*p;
  }
  c->plain_n = (size_t)(out - c->plain);
  return add_cell(c, (const uint8_t *)begin, (const uint8_t *)out, true);
}

static enum csv_result bad(struct csv_scan *c, const uint8_t *p, const uint8_t *end, const char *why) {
  const uint8_t *newline = memchr(p, '\n', (size_t)(end - p));
  c->bad = why;
  c->bytes = (size_t)((newline ? newline + 1 : end) - p);
  c->lines = newline != NULL;
  return CSV_BAD;
}

/* Finds the end of a quoted cell that begins at `at`; *ret_close: its closing quote. */
static enum csv_result close_quote(struct csv_scan *c, bool last, const uint8_t **ret_close, bool *ret_escaped) {
  const uint8_t *q;
  *ret_escaped = false;
  while ((q = next_mark(c))) {
    char b = (char)*q;
    bool doubles = b == c->quote;
    if (b == '\n') {
      c->lines++;
    } else if (doubles || (c->escape && b == c->escape)) {
      if (q + 1 == c->end && !last)
        return CSV_MORE;
      if (doubles && (q + 1 == c->end || (char)q[1] != c->quote)) {
        *ret_close = q;
        return CSV_RECORD;
      }
      if (q + 1 < c->end) {
        c->lines += q[1] == '\n';
        skip_mark(c, q + 1);
      }
      *ret_escaped = true;
    }
  }
  return last ? CSV_BAD : CSV_MORE;
}

/* What ends the quoted cell: *ret is its delimiter or newline, or NULL at the end of all. */
static enum csv_result behind_quote(struct csv_scan *c, const uint8_t *close, bool last, const uint8_t **ret) {
  const uint8_t *q = close + 1;
  if (q < c->end && *q == '\r')
    q++;
  if (q == c->end && !last)
    return CSV_MORE;
  *ret = q < c->end ? q : NULL;
  if (q == c->end)
    return CSV_RECORD;
  if (*q != '\n' && (q != close + 1 || (char)*q != c->delimiter))
    return CSV_BAD;
  (void)next_mark(c);
  return CSV_RECORD;
}

enum csv_result csv_scan(struct csv_scan *c, const uint8_t *p, const uint8_t *end, bool last) {
  const uint8_t *start = p, *q;
  if (c->expect != p || c->end != end) {
    c->end = end;
    load_block(c, p);
  }
  c->expect = NULL;
  c->cells_n = c->plain_n = 0;
  c->lines = 0;
  for (;; start = q + 1) {
    if (c->quote && start < end && (char)*start == c->quote) {
      const uint8_t *close = NULL;
      bool escaped;
      (void)next_mark(c);
      enum csv_result rc = close_quote(c, last, &close, &escaped);
      if (rc == CSV_BAD)
        return bad(c, p, end, "a quote is opened and never closed");
      if (rc == CSV_RECORD)
        rc = behind_quote(c, close, last, &q);
      if (rc == CSV_BAD)
        return bad(c, p, end, "there is text behind a closing quote");
      if (rc == CSV_MORE)
        return rc;
      if ((escaped ? add_plain(c, start + 1, close, end) : add_cell(c, start + 1, close, true)) < 0)
        return CSV_MEMORY;
    } else {
      do
        q = next_mark(c);
      while (q && (char)*q != c->delimiter && *q != '\n');
      if (!q && !last)
        return CSV_MORE;
      const uint8_t *to = q ? q : end;
      if ((!q || *q == '\n') && to > start && to[-1] == '\r')
        to--;
      if (add_cell(c, start, to, false) < 0)
        return CSV_MEMORY;
    }
    if (!q || *q == '\n')
      break;
  }
  c->lines += q != NULL;
  c->bytes = (size_t)((q ? q + 1 : end) - p);
  c->expect = p + c->bytes;
  return CSV_RECORD;
}
