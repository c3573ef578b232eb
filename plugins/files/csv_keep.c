/* The shape of a file that was begun holds for what is added to it, whatever a sample would make of the longer file. */
#include <stdlib.h>

#include "csv_read.h"

uint64_t csv_names(const struct shape *shape, const struct layout *l) {
  uint64_t h = UINT64_C(14695981039346656037); /* FNV-1a */
  for (size_t i = 0; i < shape->fields; i++)
    for (const char *p = l->list[shape->columns[i]].name;; p++) {
      h = (h ^ (uint8_t)*p) * UINT64_C(1099511628211);
      if (!*p)
        break;
    }
  return h;
}

/* The columns that other files have. */
static int columns_of_others(const struct reader *r, struct layout *ret) {
  const struct instance *in = r->in;
  bool *used = calloc(in->layout.n + 1, sizeof *used);
  int rc = used ? 0 : -1;
  *ret = (struct layout){0};
  for (size_t k = 0; rc == 0 && k < in->files.n; k++)
    for (size_t i = 0; &in->shapes[k] != r->shape && i < in->shapes[k].fields; i++)
      used[in->shapes[k].columns[i]] = true;
  for (size_t i = 0; rc == 0 && i < in->layout.n; i++) {
    const struct column *from = &in->layout.list[i];
    int64_t to = used[i] ? layout_add(ret, from->name, from->name_n) : 0;
    if (to < 0) {
      rc = -1;
    } else if (used[i]) {
      ret->list[to].guess = from->guess;
      ret->list[to].type = from->type;
      ret->list[to].forced = from->forced;
    }
  }
  free(used);
  return rc;
}

/* Samples the file again, with what is known of it. */
static int sample_again(struct reader *r) {
  struct settings s = r->in->settings;
  struct layout layout;
  struct window w;
  s.delimiter = r->position.delimiter;
  s.header = r->position.header ? HEADER_YES : HEADER_NO;
  s.skip = r->position.skip;
  if (window_open(&w, r->host, r->file->path, s.compression, s.encoding, s.max_line, &r->failure) < 0)
    return -1;
  int rc = columns_of_others(r, &layout) < 0 ? failure_memory(&r->failure, "sampling") : 0;
  if (rc == 0)
    rc = csv_sample(&s, &w, s.sample, false, &layout, &r->pool, &r->kept, &r->failure);
  window_close(&w);
  layout_finish(&layout, &s, 0);
  layout_fini(&r->layout);
  r->layout = layout;
  r->shape = &r->kept;
  return rc < 0 ? -1 : reader_columns_changed(r);
}

int csv_keep_shape(struct reader *r) {
  const struct settings *s = &r->in->settings;
  const struct position *p = &r->position;
  bool same = r->shape->delimiter == p->delimiter && r->shape->header == p->header;
  bool free_to = (!s->delimiter || s->delimiter == p->delimiter) && (s->header == HEADER_AUTO || (s->header == HEADER_YES) == p->header);
  if (!same && free_to && sample_again(r) < 0)
    return -1;
  if ((same || free_to) && csv_names(r->shape, &r->layout) == p->names)
    return 0;
  return failure_set(&r->failure, ETL_E_CONFIG, "header",
                     "put `delimiter`, `header`, `columns` and `encoding` back; or run with --full-refresh to read it from its beginning",
                     "%s was begun with the delimiter '%c' and %s header, and not with the columns that it would have now", r->file->path,
                     p->delimiter, p->header ? "a" : "no");
}
