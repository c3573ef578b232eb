/* Cells, quoted as the settings say. */
#include "csv_write.h"

#include "render.h"

static void add_quoted(const struct write_settings *s, struct text *t, const char *p, size_t n) {
  text_char(t, s->quote);
  for (const char *q; (q = memchr(p, s->quote, n)); n -= (size_t)(q + 1 - p), p = q + 1) {
    text_add(t, p, (size_t)(q + 1 - p));
    text_char(t, s->quote);
  }
  text_add(t, p, n);
  text_char(t, s->quote);
}

static bool needs_quotes(const struct write_settings *s, const char *p, size_t n) {
  if (n == 0 || (strlen(s->null) == n && memcmp(s->null, p, n) == 0))
    return true;
  for (size_t i = 0; i < n; i++)
    if (p[i] == s->delimiter || p[i] == s->quote || p[i] == '\n' || p[i] == '\r')
      return true;
  return p[0] == ' ' || p[n - 1] == ' ' || (uint8_t)p[0] == 0xef; /* a byte order mark is no part of the text for its reader */
}

static void add_cell(const struct write_settings *s, struct text *t, const char *p, size_t n, bool is_text) {
  if (s->quoting == QUOTING_ALL || (is_text && s->quoting == QUOTING_TEXT) || needs_quotes(s, p, n))
    add_quoted(s, t, p, n);
  else
    text_add(t, p, n);
}

static void csv_head(const struct write_settings *s, const struct ArrowSchema *schema, struct text *t) {
  for (int64_t i = 0; s->header && i < schema->n_children; i++) {
    const char *name = schema->children[i]->name;
    if (i)
      text_char(t, s->delimiter);
    add_cell(s, t, name, strlen(name), false);
  }
  if (s->header)
    text_char(t, '\n');
}

static bool is_text(const struct etl_format *f) { return f->logical == ETL_L_STRING || f->logical == ETL_L_JSON; }

/* A number or a date holds nothing that needs quotes, unless the user chose strange ones. */
static void add_plain(const struct write_settings *s, struct text *t, const struct etl_view *v, int64_t i) {
  size_t at = t->n;
  render_value(t, v, i);
  if (t->failed || (s->quoting != QUOTING_ALL && !needs_quotes(s, t->p + at, t->n - at)))
    return;
  char copy[128];
  struct text whole = {0};
  size_t n = t->n - at;
  char *value = n <= sizeof copy ? copy : (text_add(&whole, t->p + at, n), whole.p);
  if (n <= sizeof copy)
    memcpy(copy, t->p + at, n);
  t->n = at;
  t->failed |= whole.failed;
  if (value)
    add_quoted(s, t, value, n);
  text_fini(&whole);
}

static int csv_row(const struct write_settings *s, const struct ArrowSchema *schema, const struct etl_view *views, int64_t i, struct text *t,
                   int32_t *ret_column, const char **ret_why) {
  size_t at = t->n;
  for (int64_t k = 0; k < schema->n_children; k++) {
    const struct etl_view *v = &views[k];
    if (k)
      text_char(t, s->delimiter);
    if (etl_view_null(v, i)) {
      text_add(t, s->null, strlen(s->null));
    } else if (is_text(&v->f)) {
      struct etl_bytes b = etl_view_bytes(v, i);
      if (!text_is_utf8(b.p, (size_t)b.n)) {
        t->n = at;
        *ret_column = (int32_t)k;
        *ret_why = "the text holds a NUL byte or is not UTF-8";
        return -1;
      }
      add_cell(s, t, b.p, (size_t)b.n, true);
    } else {
      add_plain(s, t, v, i);
    }
  }
  text_char(t, '\n');
  return 0;
}

const struct write_format csv_write_format = {.name = "csv", .csv = true, .head = csv_head, .row = csv_row};
