/* A table keeps its cells until it is printed, since a column is as wide as its widest cell. */
#include "base/table.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

struct table {
  struct arena *arena;
  const char *const *heads;
  size_t columns;
  const char **cells; /* NULL as a row's first cell: a rule */
  size_t cells_n;
};

static void add(struct table *t, const char *cell) {
  t->cells = xrealloc(t->cells, (t->cells_n + 1) * sizeof *t->cells);
  t->cells[t->cells_n++] = cell;
}

struct table *table_new(const char *const *heads) {
  struct table *t = xcalloc(1, sizeof *t);
  t->arena = arena_new();
  t->heads = heads;
  while (heads[t->columns])
    t->columns++;
  return t;
}

void table_free(struct table *t) {
  if (!t)
    return;
  free(t->cells);
  arena_free(t->arena);
  free(t);
}

void table_cell(struct table *t, const char *fmt, ...) {
  char *text = NULL;
  va_list ap;
  va_start(ap, fmt);
  int n = vasprintf(&text, fmt, ap);
  va_end(ap);
  add(t, n < 0 ? "" : arena_strdup(t->arena, text));
  if (n >= 0)
    free(text);
}

void table_rule(struct table *t) {
  while (t->cells_n % t->columns)
    add(t, "");
  for (size_t i = 0; i < t->columns; i++)
    add(t, NULL);
}

static void put_line(const struct table *t, const char *const *cells, size_t n, const size_t *widths, FILE *to) {
  size_t last = n;
  while (last > 0 && (!cells[last - 1] || !*cells[last - 1]))
    last--;
  for (size_t i = 0; i < last; i++) {
    const char *text = cells[i] ? cells[i] : "";
    if (cells == t->heads && *text == '>')
      text++;
    size_t pad = widths[i] - text_width(text);
    bool right = t->heads[i][0] == '>';
    fprintf(to, "%s%*s%s%*s", i ? "  " : "", right ? (int)pad : 0, "", text, right || i + 1 == last ? 0 : (int)pad, "");
  }
  fputc('\n', to);
}

static void put_rule(const struct table *t, const size_t *widths, FILE *to) {
  for (size_t i = 0; i < t->columns; i++) {
    fputs(i ? "  " : "", to);
    for (size_t k = 0; k < widths[i]; k++)
      fputc('-', to);
  }
  fputc('\n', to);
}

void table_print(const struct table *t, FILE *to) {
  size_t *widths = xcalloc(t->columns, sizeof *widths);
  for (size_t i = 0; i < t->columns; i++)
    widths[i] = text_width(t->heads[i] + (t->heads[i][0] == '>'));
  for (size_t i = 0; i < t->cells_n; i++) {
    size_t w = t->cells[i] ? text_width(t->cells[i]) : 0;
    if (w > widths[i % t->columns])
      widths[i % t->columns] = w;
  }
  put_line(t, t->heads, t->columns, widths, to);
  for (size_t i = 0; i < t->cells_n; i += t->columns) {
    size_t n = t->cells_n - i < t->columns ? t->cells_n - i : t->columns;
    if (!t->cells[i])
      put_rule(t, widths, to);
    else
      put_line(t, t->cells + i, n, widths, to);
  }
  free(widths);
}
