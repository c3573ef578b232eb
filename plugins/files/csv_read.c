/* Records of CSV as rows. */
#include "csv_read.h"

#include <stdlib.h>

struct csv_state {
  struct csv_scan scan;
  bool *filled; /* columns of the layout that this file has */
};

void csv_end(struct reader *r) {
  struct csv_state *c = r->state;
  csv_scan_fini(&c->scan);
  free(c->filled);
  free(c);
}

int csv_begin(struct reader *r) {
  struct csv_state *c = calloc(1, sizeof *c);
  if (!c)
    return failure_memory(&r->failure, "a reader");
  r->state = c;
  if (!r->shape->known)
    return failure_set(&r->failure, ETL_E_PERMANENT, NULL, "run again", "%s could not be read when the files were sampled, and now it can",
                       r->file->path);
  if (r->position.begun && r->position.delimiter && csv_keep_shape(r) < 0)
    return -1;
  csv_scan_init(&c->scan, r->shape->delimiter, r->in->settings.quote, r->in->settings.escape);
  c->filled = calloc(r->layout.n + 1, sizeof *c->filled);
  if (!c->filled)
    return failure_memory(&r->failure, "a reader");
  for (size_t i = 0; i < r->shape->fields; i++)
    c->filled[r->shape->columns[i]] = true;
  if (r->at_start)
    r->position.skip = r->in->settings.skip;
  if (!r->position.begun)
    (void)csv_skip_lines(&r->window, r->position.skip, false); /* a file that is shorter has no rows */
  return 0;
}

/* From the first record on, a later run takes the file for what this one does. */
static void begin_records(struct reader *r) {
  r->position.begun = true;
  r->position.delimiter = r->shape->delimiter;
  r->position.header = r->shape->header;
  r->position.names = csv_names(r->shape, &r->layout);
}

/* ---- one record ----------------------------------------------------------------------------------------------------------------- */

static enum step reject_cell(struct reader *r, const struct csv_scan *c, size_t field, const char *why) {
  const struct cell *cell = &c->cells[field];
  const struct column *column = &r->layout.list[r->shape->columns[field]];
  char type[48];
  type_name(&column->type, type, sizeof type);
  etl_batch_undo_row(&r->batch);
  enum step step;
  if (why)
    step = reader_reject(r, window_from(&r->window), c->bytes, r->window.line, r->shape->columns[field], "column \"%s\": %s", column->name, why);
  else
    step = reader_reject(r, window_from(&r->window), c->bytes, r->window.line, r->shape->columns[field], "column \"%s\": \"%.*s\"%s is no %s",
                         column->name, cell->n < 60 ? (int)cell->n : 60, cell->p, cell->n < 60 ? "" : "...", type);
  window_pass(&r->window, c->bytes, c->lines);
  return step;
}

static enum step no_memory(struct reader *r) {
  failure_memory(&r->failure, "a batch");
  return STEP_FAILED;
}

static enum step add_row(struct reader *r, const struct csv_state *s) {
  const struct csv_scan *c = &s->scan;
  const struct settings *settings = &r->in->settings;
  struct etl_batch *b = &r->batch;
  size_t fields = r->shape->fields;
  if (etl_batch_row(b) < 0)
    return no_memory(r);
  for (size_t i = 0; i < fields; i++) {
    int32_t column = r->shape->columns[i];
    const struct cell *cell = &c->cells[i];
    int rc;
    if (i >= c->cells_n || csv_is_null(settings, cell))
      rc = etl_batch_null(b, column);
    else if (cell->n > settings->max_cell)
      return reject_cell(r, c, i, "the value is longer than max_cell");
    else
      rc = type_add(&r->layout.list[column].type, b, column, cell->p, cell->n);
    if (rc > 0)
      return reject_cell(r, c, i, r->layout.list[column].type.kind == TYPE_TEXT ? "the text holds a NUL byte or is not UTF-8" : NULL);
    if (rc < 0)
      return no_memory(r);
  }
  for (size_t i = 0; fields < r->layout.n && i < r->layout.n; i++)
    if (!s->filled[i] && etl_batch_null(b, (int64_t)i) < 0)
      return no_memory(r);
  window_pass(&r->window, c->bytes, c->lines);
  return STEP_ROW;
}

/* Is the record as wide as it should be? */
static bool fits(const struct reader *r, const struct csv_scan *c) {
  size_t fields = r->shape->fields;
  if (c->cells_n == fields)
    return true;
  if (!r->in->settings.pad)
    return false;
  for (size_t i = fields; i < c->cells_n; i++)
    if (c->cells[i].n > 0)
      return false;
  return true;
}

static enum step reject_record(struct reader *r, const struct csv_scan *c, const char *why) {
  enum step step = reader_reject(r, window_from(&r->window), c->bytes, r->window.line, -1, "%s", why);
  window_pass(&r->window, c->bytes, c->lines);
  return step;
}

static enum step take_record(struct reader *r, struct csv_state *s) {
  struct csv_scan *c = &s->scan;
  char why[120];
  bool blank = c->cells_n == 1 && c->cells[0].n == 0 && !c->cells[0].quoted;
  if (r->shape->fields == 0 && !blank) {
    failure_set(&r->failure, ETL_E_PERMANENT, NULL, "run again", "%s had no record when the files were sampled, and now it has", r->file->path);
    return STEP_FAILED;
  }
  bool header = !r->position.begun && r->shape->header;
  if (!r->position.begun && !blank)
    begin_records(r);
  if (header || (blank && r->shape->fields != 1)) {
    window_pass(&r->window, c->bytes, c->lines);
    return STEP_SKIPPED;
  }
  if (c->bytes > r->window.most + 2)
    return reject_record(r, c, "the record is longer than max_line");
  if (fits(r, c))
    return add_row(r, s);
  snprintf(why, sizeof why, "the record has %zu cell%s, and %zu are expected", c->cells_n, c->cells_n == 1 ? "" : "s", r->shape->fields);
  return reject_record(r, c, why);
}

/* A record that does not end in the window: the line is too long, or a quote swallows the lines behind it. */
static enum step pass_endless(struct reader *r, struct csv_state *s) {
  const uint8_t *p = window_from(&r->window), *newline = memchr(p, '\n', r->window.n - r->window.at);
  if (!newline)
    return reader_pass_long(r);
  s->scan.bytes = (size_t)(newline + 1 - p);
  s->scan.lines = 1;
  return reject_record(r, &s->scan, "a quote is opened here and not closed within max_line bytes");
}

/* The writer of a followed file is not done with its last record, or never will be: a quote may be open. */
static enum step leave_rest(struct reader *r, struct csv_state *s) {
  const struct window *w = &r->window;
  if (w->n - w->at > w->most)
    return pass_endless(r, s);
  if (memchr(window_from(w), '\n', w->n - w->at))
    etl_logf(r->host, ETL_LOG_WARN, "%s:%llu: the last record is not complete, a quote in it is open; it is left for a later run", r->file->path,
             (unsigned long long)w->line);
  return STEP_END;
}

static enum step pass_comment(struct window *w) {
  const uint8_t *p = window_from(w), *newline = memchr(p, '\n', w->n - w->at);
  if (!newline && !w->end)
    return STEP_IDLE;
  window_pass(w, (size_t)((newline ? newline + 1 : window_to(w)) - p), newline != NULL);
  return STEP_SKIPPED;
}

/* Looks for a record in what the window holds.  STEP_IDLE: it must hold more. */
static enum step look(struct reader *r, struct csv_state *s) {
  struct window *w = &r->window;
  const uint8_t *p = window_from(w);
  if (p == window_to(w))
    return w->end ? STEP_END : STEP_IDLE;
  if (r->in->settings.comment && (char)*p == r->in->settings.comment)
    return pass_comment(w);
  switch (csv_scan(&s->scan, p, window_to(w), w->end && !r->in->settings.follow)) {
  case CSV_RECORD: return take_record(r, s);
  case CSV_BAD: return reject_record(r, &s->scan, s->scan.bad);
  case CSV_MORE: return w->end ? leave_rest(r, s) : STEP_IDLE;
  default: return no_memory(r);
  }
}

enum step csv_row(struct reader *r) {
  struct csv_state *s = r->state;
  for (;;) {
    enum step step = look(r, s);
    if (step != STEP_IDLE)
      return step;
    switch (window_more_of_record(&r->window)) {
    case WINDOW_BROKEN: return STEP_BROKEN;
    case WINDOW_FULL: return pass_endless(r, s);
    case WINDOW_IDLE: return STEP_IDLE;
    default: break; /* look again, now with more, or knowing that it is the end */
    }
  }
}
