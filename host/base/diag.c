/* Findings about the user's input, and the guess what a misspelt name was meant to be. */
#include "base/diag.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void diags_add(struct diags *d, enum diag_level level, const char *origin, const char *fmt, ...) {
  char *text = NULL;
  va_list ap;
  va_start(ap, fmt);
  if (vasprintf(&text, fmt, ap) < 0)
    text = xstrdup(fmt);
  va_end(ap);
  d->list = xrealloc(d->list, (d->n + 1) * sizeof *d->list);
  d->list[d->n++] = (struct diag){level, origin ? xstrdup(origin) : NULL, text};
  if (level == DIAG_ERROR)
    d->errors++;
}

void diags_fini(struct diags *d) {
  for (size_t i = 0; i < d->n; i++) {
    free(d->list[i].origin);
    free(d->list[i].text);
  }
  free(d->list);
  *d = (struct diags){0};
}

/* "file:42" as file and line; a text without a line has line 0. */
static size_t split_origin(const char *origin, long *ret_line) {
  const char *colon = strrchr(origin, ':');
  *ret_line = 0;
  if (!colon || !isdigit((unsigned char)colon[1]))
    return strlen(origin);
  *ret_line = strtol(colon + 1, NULL, 10);
  return (size_t)(colon - origin);
}

/* Findings without a place come last: they speak of the whole. */
static int by_place(const struct diag *a, const struct diag *b) {
  if (!a->origin || !b->origin)
    return (a->origin ? 0 : 1) - (b->origin ? 0 : 1);
  long line_a, line_b;
  size_t n_a = split_origin(a->origin, &line_a), n_b = split_origin(b->origin, &line_b);
  int c = memcmp(a->origin, b->origin, n_a < n_b ? n_a : n_b);
  if (c == 0)
    c = n_a < n_b ? -1 : n_a > n_b;
  return c ? c : (line_a > line_b) - (line_a < line_b);
}

/* qsort() is not stable: what was found first at one place is printed first, so equal places are told apart by address. */
static int by_place_stable(const void *pa, const void *pb) {
  const struct diag *a = *(const struct diag *const *)pa, *b = *(const struct diag *const *)pb;
  int c = by_place(a, b);
  return c ? c : (a > b) - (a < b);
}

const struct diag **diags_sorted(const struct diags *d) {
  const struct diag **sorted = xcalloc(d->n + 1, sizeof *sorted);
  for (size_t i = 0; i < d->n; i++)
    sorted[i] = &d->list[i];
  qsort(sorted, d->n, sizeof *sorted, by_place_stable);
  return sorted;
}

void diags_print(const struct diags *d, FILE *to) {
  const struct diag **sorted = diags_sorted(d);
  for (size_t i = 0; i < d->n; i++) {
    const struct diag *g = sorted[i];
    fprintf(to, "%s%s%s: %s\n", g->origin ? g->origin : "", g->origin ? ": " : "", g->level == DIAG_ERROR ? "error" : "warning",
            g->text);
  }
  free(sorted);
}

enum {
  NAME_LIMIT = 64
}; /* longer names have no nearest one */

static size_t least(size_t a, size_t b) { return a < b ? a : b; }

/* Damerau-Levenshtein (restricted): insert, delete, replace, swap of neighbours cost one each.  Case does not count. */
static size_t distance(const char *a, size_t n_a, const char *b, size_t n_b) {
  size_t rows[3][NAME_LIMIT + 1];
  size_t *before = rows[0], *last = rows[1], *now = rows[2];
  for (size_t j = 0; j <= n_b; j++)
    last[j] = j;
  for (size_t i = 1; i <= n_a; i++) {
    now[0] = i;
    for (size_t j = 1; j <= n_b; j++) {
      int x = tolower((unsigned char)a[i - 1]), y = tolower((unsigned char)b[j - 1]);
      now[j] = least(last[j - 1] + (x != y), least(last[j], now[j - 1]) + 1);
      if (i > 1 && j > 1 && x == tolower((unsigned char)b[j - 2]) && y == tolower((unsigned char)a[i - 2]))
        now[j] = least(now[j], before[j - 2] + 1);
    }
    size_t *spare = before;
    before = last;
    last = now;
    now = spare;
  }
  return last[n_b];
}

const char *diag_nearest(const char *name, const char *const *candidates) {
  size_t n = strlen(name), best = n / 3 + 1; /* a third of the letters may be wrong, one always */
  const char *found = NULL;
  if (n == 0 || n > NAME_LIMIT)
    return NULL;
  for (; *candidates; candidates++) {
    size_t m = strlen(*candidates);
    if (m > NAME_LIMIT)
      continue;
    size_t far = distance(name, n, *candidates, m);
    if (far < m && far < n && (far < best || (far == best && !found))) {
      best = far;
      found = *candidates;
    }
  }
  return found;
}
