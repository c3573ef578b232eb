/* Cells are kept until all widths are known. */
#include "cli/columns.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

enum { GAP = 2, LEAST = 6 /* of a column that gives up room */, CELL_BYTES = 4096 };

struct cell {
  const char *text, *colour;
};
struct columns {
  struct arena *arena;
  const char *const *heads;
  size_t n; /* columns */
  struct cell *cells;
  size_t cells_n, room;
};

struct columns *columns_new(const char *const *heads) {
  struct columns *t = xcalloc(1, sizeof *t);
  t->arena = arena_new();
  t->heads = heads;
  while (heads[t->n])
    t->n++;
  return t;
}

void columns_free(struct columns *t) {
  if (!t)
    return;
  arena_free(t->arena);
  free(t->cells);
  free(t);
}

void columns_cell(struct columns *t, const char *colour, const char *fmt, ...) {
  char text[CELL_BYTES];
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(text, sizeof text, fmt, ap);
  va_end(ap);
  if (t->cells_n == t->room) {
    t->room = t->room ? 2 * t->room : 64;
    t->cells = xrealloc(t->cells, t->room * sizeof *t->cells);
  }
  t->cells[t->cells_n++] = (struct cell){words_clean(t->arena, text), colour};
}

static const char *head_text(const char *head) { return head + (*head == '>' || *head == '~'); }

/* The widest of those that can takes one column less, until all fit. */
static void shrink(const struct columns *t, size_t *widths, size_t room) {
  for (;;) {
    size_t all = 0, at = t->n;
    for (size_t i = 0; i < t->n; i++) {
      all += widths[i] + (i ? GAP : 0);
      if (t->heads[i][0] == '~' && widths[i] > LEAST && (at == t->n || widths[i] > widths[at]))
        at = i;
    }
    if (all <= room || at == t->n)
      return;
    widths[at]--;
  }
}

static void put(const struct columns *t, size_t column, size_t width, const struct cell *cell, const struct colours *c, bool last, FILE *to) {
  const char *text = words_fit_head(t->arena, cell->text, width), *colour = cell->colour ? cell->colour : "";
  int pad = (int)(width - text_width(text));
  bool right = t->heads[column][0] == '>';
  fprintf(to, "%*s%s%s%s%*s", right ? pad : 0, "", colour, text, *colour ? c->off : "", right || last ? 0 : pad + GAP, "");
  if (right && !last)
    fprintf(to, "%*s", GAP, "");
}

/* What follows is empty up to the end of the line. */
static bool is_last(const struct columns *t, const struct cell *row, size_t i) {
  while (++i < t->n)
    if (*row[i].text)
      return false;
  return true;
}

static void put_row(const struct columns *t, const size_t *widths, const struct cell *row, size_t indent, const struct colours *c, FILE *to) {
  fprintf(to, "%*s", (int)indent, "");
  for (size_t i = 0; i < t->n; i++) {
    bool last = is_last(t, row, i);
    put(t, i, widths[i], &row[i], c, last, to);
    if (last)
      break;
  }
  fputc('\n', to);
}

void columns_print(const struct columns *t, size_t indent, const struct colours *c, FILE *to) {
  size_t *widths = xcalloc(t->n, sizeof *widths), room = words_columns(to);
  struct cell *heads = xcalloc(t->n, sizeof *heads);
  for (size_t i = 0; i < t->n; i++) {
    heads[i] = (struct cell){head_text(t->heads[i]), c->dim};
    widths[i] = text_width(heads[i].text);
  }
  for (size_t i = 0; i < t->cells_n; i++) {
    size_t width = text_width(t->cells[i].text);
    widths[i % t->n] = width > widths[i % t->n] ? width : widths[i % t->n];
  }
  if (room > indent)
    shrink(t, widths, room - indent);
  put_row(t, widths, heads, indent, c, to);
  for (size_t i = 0; i + t->n <= t->cells_n; i += t->n)
    put_row(t, widths, &t->cells[i], indent, c, to);
  free(widths);
  free(heads);
}
