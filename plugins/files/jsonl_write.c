/* Numbers are JSON numbers, decimals with all their digits; everything without a JSON form of its own is a string. */
#include "jsonl_write.h"

#include <math.h>
#include <stdio.h>

#include "jsonl_scan.h"
#include "render.h"

static void add_string(struct text *t, const char *p, size_t n) {
  static const char hex[] = "0123456789abcdef";
  text_char(t, '"');
  for (size_t from = 0, i = 0; i <= n; i++) {
    unsigned char c = i < n ? (unsigned char)p[i] : '"';
    if (c >= 32 && c != '"' && c != '\\')
      continue;
    text_add(t, p + from, i - from);
    from = i + 1;
    if (i == n)
      break;
    const char short_form = c == '\n' ? 'n' : c == '\t' ? 't' : c == '\r' ? 'r' : c >= 32 ? (char)c : 0;
    char escape[6] = {'\\', short_form, '0', '0', hex[c >> 4], hex[c & 15]};
    if (!short_form)
      escape[1] = 'u';
    text_add(t, escape, short_form ? 2 : 6);
  }
  text_char(t, '"');
}

/* JSON that may have newlines between its tokens; inside its strings there are none. */
static void add_json(struct text *t, const char *p, size_t n) {
  char *to = text_room(t, n);
  for (size_t i = 0; to && i < n; i++)
    to[i] = p[i] == '\n' || p[i] == '\r' ? ' ' : p[i];
  t->n += to ? n : 0;
}

static void add_scalar(struct text *t, const struct etl_view *v, int64_t i) {
  bool bare = v->f.logical == ETL_L_BOOL || (render_is_number(&v->f) && (v->f.logical != ETL_L_FLOAT || isfinite(etl_view_f64(v, i))));
  size_t at = t->n;
  if (v->f.logical == ETL_L_BINARY) {
    render_value(t, v, i);
    char *p = text_room(t, 3);
    if (p) { /* "\\x..": the backslash is escaped */
      memmove(t->p + at + 2, t->p + at, t->n - at);
      t->p[at] = '"';
      t->p[at + 1] = '\\';
      t->n += 2;
    }
    text_char(t, '"');
    return;
  }
  if (!bare)
    text_char(t, '"');
  render_value(t, v, i);
  if (!bare)
    text_char(t, '"');
}

static int jsonl_row(const struct write_settings *s, const struct ArrowSchema *schema, const struct etl_view *views, int64_t i, struct text *t,
                     int32_t *ret_column, const char **ret_why) {
  size_t at = t->n;
  (void)s;
  for (int64_t k = 0; k < schema->n_children; k++) {
    const struct etl_view *v = &views[k];
    text_char(t, k ? ',' : '{');
    add_string(t, schema->children[k]->name, strlen(schema->children[k]->name));
    text_char(t, ':');
    if (etl_view_null(v, i)) {
      text_add(t, "null", 4);
    } else if (v->f.logical == ETL_L_STRING || v->f.logical == ETL_L_JSON) {
      struct etl_bytes b = etl_view_bytes(v, i);
      const char *p = b.p;
      *ret_why = !text_is_utf8(p, (size_t)b.n)                                   ? "the text holds a NUL byte or is not UTF-8"
                 : v->f.logical == ETL_L_JSON && !json_is_value(p, p + b.n) ? "the text is no JSON"
                                                                                 : NULL;
      if (*ret_why) {
        t->n = at;
        *ret_column = (int32_t)k;
        return -1;
      }
      v->f.logical == ETL_L_JSON ? add_json(t, p, (size_t)b.n) : add_string(t, p, (size_t)b.n);
    } else {
      add_scalar(t, v, i);
    }
  }
  text_add(t, schema->n_children ? "}\n" : "{}\n", schema->n_children ? 2 : 3);
  return 0;
}

static void jsonl_head(const struct write_settings *s, const struct ArrowSchema *schema, struct text *t) {
  (void)s;
  (void)schema;
  (void)t; /* every line names its columns */
}

const struct write_format jsonl_write_format = {.name = "jsonl", .head = jsonl_head, .row = jsonl_row};
