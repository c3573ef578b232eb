/* --progress bar: a line for each lane, drawn again in place; what has to be said goes above it.
 *
 * Invariants: between two events the cursor stands at the start of the line below the drawn ones; no drawn line reaches the last
 * column, so that none wraps and going up drawn_lines lines comes to the first of them. */
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/member.h"
#include "base/text.h"
#include "cli/outcome.h"
#include "cli/progress_kind.h"

enum {
  NAME,
  ROWS,
  RATE,
  LAG,
  STATUS,
  CELLS,
  GAP = 2,
  NAME_MIN = 8,
  DEFAULT_COLUMNS = 80,
  DEFAULT_LINES = 24
};

struct row {
  const char *cells[CELLS];
  const char *colour; /* of the status */
};

/* ---- what a frame shows
 * ---------------------------------------------------------------------------------------------------------- */

/* "1 row " as wide as "1 rows": the numbers line up. */
static const char *rows_text(struct arena *a, int64_t n) {
  return arena_printf(a, "%s row%s", words_number(a, n), n == 1 ? " " : "s");
}

static struct row lane_row(struct arena *a, const struct run_view *v, const struct lane_view *l, const struct colours *c) {
  char status[64];
  struct row r = {.colour = l->attempt ? c->warn : l->status == VIEW_FAILED ? c->bad : l->status == VIEW_SUCCESS ? c->good : ""};
  r.cells[NAME] = words_clean(a, l->name);
  r.cells[ROWS] = rows_text(a, l->rows_read);
  r.cells[RATE] = l->status == VIEW_RUNNING ? arena_printf(a, "%s/s", words_number(a, (int64_t)l->rate.per_second)) : "";
  r.cells[LAG] = l->lag_seconds >= 0 ? arena_printf(a, "lag %s", words_seconds(a, l->lag_seconds)) : "";
  r.cells[STATUS] = arena_strdup(a, run_view_status(v, l, status, sizeof status));
  return r;
}

static struct row total_row(struct arena *a, const struct run_view *v) {
  struct row r = {.colour = ""};
  r.cells[NAME] = words_clean(a, v->pipeline);
  r.cells[ROWS] = rows_text(a, v->rows_read);
  r.cells[RATE] = arena_printf(a, "%s/s", words_number(a, (int64_t)v->per_second));
  r.cells[LAG] = "";
  r.cells[STATUS] = arena_printf(a, "%s%s%s%s", words_seconds(a, v->seconds), v->rss_bytes > 0 ? ", " : "",
                                 v->rss_bytes > 0 ? words_bytes(a, v->rss_bytes) : "", v->dry_run ? ", dry run" : "");
  return r;
}

/* Whoever needs a look comes first when not all can be shown: those at work, then those that failed. */
static int urgency(const struct lane_view *l) { return l->status == VIEW_RUNNING ? 0 : l->status == VIEW_FAILED ? 1 : 2; }

/* Marks the lanes that are shown, at most room of them. */
static void choose(const struct run_view *v, size_t room, bool *ret_shown) {
  for (int u = 0; u <= 2; u++)
    for (size_t i = 0; i < v->lanes_n && room > 0; i++)
      if (urgency(&v->lanes[i]) == u) {
        ret_shown[i] = true;
        room--;
      }
}

static const char *rest_text(struct arena *a, const struct run_view *v, const bool *shown) {
  size_t hidden[3] = {0}, all = 0;
  for (size_t i = 0; i < v->lanes_n; i++)
    if (!shown[i]) {
      hidden[urgency(&v->lanes[i])]++;
      all++;
    }
  return arena_printf(a, "and %zu more: %zu running, %zu failed, %zu done", all, hidden[0], hidden[1], hidden[2]);
}

/* ---- layout
 * ------------------------------------------------------------------------------------------------------------------------ */

struct layout {
  size_t width[CELLS];
  size_t room; /* columns of a line */
};

static size_t layout_total(const struct layout *l) {
  size_t total = 0;
  for (int c = 0; c < CELLS; c++)
    total += l->width[c] + (l->width[c] && c ? GAP : 0);
  return total;
}

/* Names are cut first; then what can be done without is left out. */
static void layout_fit(struct layout *l) {
  static const int dispensable[] = {LAG, RATE, STATUS, ROWS};
  for (size_t i = 0; layout_total(l) > l->room; i++) {
    size_t over = layout_total(l) - l->room;
    if (l->width[NAME] >= over + NAME_MIN || i == sizeof dispensable / sizeof *dispensable) {
      l->width[NAME] = l->width[NAME] > over ? l->width[NAME] - over : 0;
      return;
    }
    l->width[dispensable[i]] = 0;
  }
}

static void put_row(struct arena *a, const struct layout *l, const struct row *r, const struct colours *c, FILE *to) {
  const char *name = words_fit_tail(a, r->cells[NAME], l->width[NAME]);
  fprintf(to, "%s%*s", name, (int)(l->width[NAME] - text_width(name)), "");
  for (int i = ROWS; i < STATUS; i++)
    if (l->width[i])
      fprintf(to, "%*s%s", (int)(GAP + l->width[i] - text_width(r->cells[i])), "", r->cells[i]);
  if (l->width[STATUS])
    fprintf(to, "%*s%s%s%s", GAP, "", r->colour, r->cells[STATUS], *r->colour ? c->off : "");
  fputs("\033[K\n", to);
}

size_t progress_bar_frame(const struct run_view *v, size_t columns, size_t lines, const struct colours *c, FILE *to) {
  struct arena *a = arena_new();
  struct layout layout = {.room = columns > 1 ? columns - 1 : 1};
  struct row *rows = arena_alloc(a, (v->lanes_n + 1) * sizeof *rows);
  bool *shown = arena_alloc(a, v->lanes_n + 1);
  size_t n = 0, room = lines > 2 ? lines - 1 : 1; /* one is the total's */
  bool all = v->lanes_n <= room;
  choose(v, all ? room : room - 1, shown);
  for (size_t i = 0; i < v->lanes_n; i++)
    if (shown[i])
      rows[n++] = lane_row(a, v, &v->lanes[i], c);
  rows[n] = total_row(a, v);
  for (size_t i = 0; i <= n; i++)
    for (int k = 0; k < CELLS; k++)
      if (text_width(rows[i].cells[k]) > layout.width[k])
        layout.width[k] = text_width(rows[i].cells[k]);
  layout_fit(&layout);
  for (size_t i = 0; i < n; i++)
    put_row(a, &layout, &rows[i], c, to);
  if (!all)
    fprintf(to, "%s\033[K\n", words_fit_head(a, rest_text(a, v, shown), layout.room));
  put_row(a, &layout, &rows[n], c, to);
  arena_free(a);
  return n + !all + 1;
}

/* ---- the terminal
 * -------------------------------------------------------------------------------------------------------------------- */

static void size_of(FILE *f, size_t *ret_columns, size_t *ret_lines) {
  struct winsize w = {0};
  bool known = ioctl(fileno(f), TIOCGWINSZ, &w) == 0;
  *ret_columns = known && w.ws_col ? w.ws_col : DEFAULT_COLUMNS;
  *ret_lines = known && w.ws_row ? w.ws_row : DEFAULT_LINES;
}

/* Says a line (NULL: nothing) and draws the frame again (or takes it away) in one write, so that nothing flickers. */
static void redraw(struct progress *p, const char *line, bool frame) {
  char *text = NULL;
  size_t n, columns, lines;
  FILE *to = open_memstream(&text, &n);
  if (!to)
    return;
  if (p->drawn_lines)
    fprintf(to, "\r\033[%zuA", p->drawn_lines); /* a key that was pressed may stand in the cursor's line: ^C */
  if (line)
    fprintf(to, "\033[J%s\n", line);
  p->drawn_lines = 0;
  if (frame) {
    size_of(p->err, &columns, &lines);
    p->drawn_lines = progress_bar_frame(&p->view, columns, lines - 1, colours_of(p->err), to);
  }
  fputs("\033[J", to);
  if (fclose(to) == 0) {
    fwrite(text, 1, n, p->err);
    fflush(p->err);
  }
  free(text);
}

static void event(struct progress *p, const json_t *j) {
  struct arena *a = arena_new();
  const struct colours *c = colours_of(p->err);
  const char *name = member_text(j, "event"), *text, *line = NULL;
  enum event_weight weight = event_text(a, j, &text);
  bool last = name && strcmp(name, "summary") == 0, start = name && strcmp(name, "start") == 0;
  bool done = name && strcmp(name, "lane") == 0 && weight == EVENT_NEWS; /* its line shows it */
  if (weight != EVENT_SILENT && !start && !done)
    line = weight == EVENT_NEWS ? text
                                : arena_printf(a, "%s%s%s: %s", weight == EVENT_ERROR ? c->bad : c->warn,
                                               weight == EVENT_ERROR ? "error" : "warning", c->off, text);
  redraw(p, line, !last && p->view.lanes_n > 0);
  if (last)
    outcome_print(j, &p->view, colours_of(p->out), p->out);
  arena_free(a);
}

static void note(struct progress *p, const char *text) { redraw(p, text, p->view.lanes_n > 0); }

const struct progress_kind progress_bar = {.name = "bar", .event = event, .note = note};
