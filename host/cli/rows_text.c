/* Rows in columns. */
#include "cli/rows_text.h"

#include <stdlib.h>
#include <string.h>

#include "base/member.h"
#include "base/table.h"
#include "base/text.h"
#include "cli/event_text.h"
#include "engine/json_text.h"

enum { NARROWEST = 8 };

void rows_text_fini(struct rows_text *t) {
  free(t->stream);
  json_decref(t->columns);
  json_decref(t->rows);
}

/* ---- cells -------------------------------------------------------------------------------------------------------------------------- */

/* As few digits as tell the number from all others of its type. */
static const char *shortest(struct arena *a, const char *number, bool narrow) {
  double v = strtod(number, NULL);
  for (int digits = narrow ? 6 : 15; digits < 17; digits++) {
    char *text = arena_printf(a, "%.*g", digits, v);
    double back = strtod(text, NULL);
    if (narrow ? (float)back == (float)v : memcmp(&back, &v, sizeof v) == 0)
      return text;
  }
  return number;
}

/* NULL: it is null. */
static const char *cell_text(struct arena *a, const struct json_value *v, const char *format) {
  bool is_float = strcmp(format, "f") == 0 || strcmp(format, "g") == 0;
  switch (v->kind) {
  case JSON_TEXT_NULL: return NULL;
  case JSON_TEXT_NUMBER: return is_float ? shortest(a, v->text, *format == 'f') : v->text;
  case JSON_TEXT_HEX: {
    char *hex = arena_alloc(a, 2 * v->n + 3);
    memcpy(hex, "\\x", 2);
    for (size_t i = 0; i < v->n; i++)
      snprintf(hex + 2 + 2 * i, 3, "%02x", (unsigned char)v->text[i]);
    return hex;
  }
  case JSON_TEXT_CUT: return "(more than 64 KiB)";
  case JSON_TEXT_OTHER: return arena_printf(a, "(of the type %s)", format);
  default: return v->text;
  }
}

/* Cells of one row, n of them; what is missing is null. */
static const char **row_cells(struct arena *a, const struct rows_text *t, const char *row, size_t n) {
  const char **cells = arena_alloc(a, (n + 1) * sizeof *cells);
  struct json_text j = {row, a};
  struct json_value key, v;
  json_text_take(&j, '{');
  for (size_t i = 0; i < n; i++) {
    const char *format = member_text(json_array_get(t->columns, i), "format");
    if ((i && !json_text_take(&j, ',')) || json_text_value(&j, &key) < 0 || !json_text_take(&j, ':') || json_text_value(&j, &v) < 0)
      break;
    cells[i] = cell_text(a, &v, format ? format : "");
  }
  return cells;
}

/* ---- a table ------------------------------------------------------------------------------------------------------------------------ */

/* The most that a cell may take for all to fit into `room`; 0: as much as it likes. */
static size_t widest(const size_t *widths, size_t n, size_t room) {
  size_t all = 0, cap = 0;
  for (size_t i = 0; i < n; i++) {
    all += widths[i];
    cap = widths[i] > cap ? widths[i] : cap;
  }
  size_t gaps = n ? 2 * (n - 1) : 0;
  if (!room || all + gaps <= room)
    return 0;
  for (; cap > NARROWEST && all + gaps > room; cap--) {
    all = 0;
    for (size_t i = 0; i < n; i++)
      all += widths[i] < cap - 1 ? widths[i] : cap - 1;
  }
  return cap;
}

static const char *shown(struct arena *a, const char *cell, size_t cap) {
  const char *text = cell ? words_clean(a, cell) : "NULL";
  return cap ? words_fit_head(a, text, cap) : text;
}

void rows_text_table(const struct rows_text *t, FILE *to) {
  struct arena *a = arena_new();
  size_t n = json_array_size(t->columns), rows_n = json_array_size(t->rows);
  const char **heads = arena_alloc(a, (n + 1) * sizeof *heads), ***rows = arena_alloc(a, (rows_n + 1) * sizeof *rows);
  size_t *widths = arena_alloc(a, (n + 1) * sizeof *widths);
  for (size_t i = 0; i < n; i++)
    widths[i] = text_width(words_clean(a, member_text(json_array_get(t->columns, i), "name")));
  for (size_t r = 0; r < rows_n; r++) {
    rows[r] = row_cells(a, t, json_string_value(json_array_get(t->rows, r)), n);
    for (size_t i = 0; i < n; i++) {
      size_t width = text_width(shown(a, rows[r][i], 0));
      widths[i] = width > widths[i] ? width : widths[i];
    }
  }
  size_t cap = widest(widths, n, words_columns(to));
  for (size_t i = 0; i < n; i++) {
    const char *format = member_text(json_array_get(t->columns, i), "format");
    bool number = format && *format && strchr("cCsSiIlLfgd", *format);
    heads[i] = arena_printf(a, "%s%s", number ? ">" : "", shown(a, member_text(json_array_get(t->columns, i), "name"), cap));
  }
  struct table *table = table_new(heads);
  for (size_t r = 0; r < rows_n; r++)
    for (size_t i = 0; i < n; i++)
      table_cell(table, "%s", shown(a, rows[r][i], cap));
  table_print(table, to);
  table_free(table);
  arena_free(a);
}

/* ---- for programs ------------------------------------------------------------------------------------------------------------------- */

static void put_csv(const char *text, FILE *to) {
  if (!text)
    return;
  if (*text && !strpbrk(text, ",\"\r\n")) {
    fputs(text, to);
    return;
  }
  fputc('"', to);
  for (; *text; text++) {
    if (*text == '"')
      fputc('"', to);
    fputc(*text, to);
  }
  fputc('"', to);
}

void rows_text_csv(const struct rows_text *t, FILE *to) {
  size_t n = json_array_size(t->columns), i;
  json_t *row;
  for (size_t c = 0; c < n; c++) {
    if (c)
      fputc(',', to);
    put_csv(member_text(json_array_get(t->columns, c), "name"), to);
  }
  fputc('\n', to);
  json_array_foreach(t->rows, i, row) {
    struct arena *a = arena_new();
    const char **cells = row_cells(a, t, json_string_value(row), n);
    for (size_t c = 0; c < n; c++) {
      if (c)
        fputc(',', to);
      put_csv(cells[c], to);
    }
    fputc('\n', to);
    arena_free(a);
  }
}

void rows_text_json(const struct rows_text *list, size_t n, FILE *to) {
  fputs("[", to);
  for (size_t i = 0; i < n; i++) {
    const struct rows_text *t = &list[i];
    json_t *name = json_string(t->stream);
    fputs(i ? ", {\"stream\": " : "{\"stream\": ", to);
    json_dumpf(name, to, JSON_ENCODE_ANY);
    json_decref(name);
    fputs(", \"columns\": ", to);
    json_dumpf(t->columns, to, 0);
    fputs(", \"rows\": [", to);
    for (size_t r = 0; r < json_array_size(t->rows); r++)
      fprintf(to, "%s\n  %s", r ? "," : "", json_string_value(json_array_get(t->rows, r)));
    fputs("\n]}", to);
  }
  fputs("]\n", to);
}
