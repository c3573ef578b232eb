/* Names of streams, from the source and from what transformers make. */
#include "engine/reach.h"

#include <string.h>

#include "engine/walk.h"

struct names {
  struct run *r;
  const char **list; /* in r->arena */
  size_t n, room;
};

static bool has(const struct names *s, const char *name) {
  for (size_t i = 0; i < s->n; i++)
    if (strcmp(s->list[i], name) == 0)
      return true;
  return false;
}

static void add(struct names *s, const char *name) {
  if (has(s, name))
    return;
  if (s->n == s->room) {
    const char **old = s->list;
    s->room = s->room ? 2 * s->room : 16;
    s->list = arena_alloc(s->r->arena, s->room * sizeof *s->list);
    if (s->n)
      memcpy(s->list, old, s->n * sizeof *old);
  }
  s->list[s->n++] = arena_strdup(s->r->arena, name);
}

static int take_made(void *arg, size_t transformer, size_t of, const struct etl_stream *from, const struct etl_stream *stream, struct err *e) {
  (void)transformer, (void)of, (void)from, (void)e;
  add(arg, stream->name);
  return 0;
}

static int take_none(void *arg, const struct etl_stream *stream, struct err *e) {
  (void)arg, (void)stream, (void)e;
  return 0;
}

/* A name in `streams` of some transformer that is not in s; *ret_which: whose. */
static const struct conf_node *unreached(const struct names *s, size_t *ret_which) {
  const struct spec *spec = s->r->spec;
  for (size_t i = 0; i < spec->transforms_n; i++) {
    const struct conf_node *n = spec->transforms[i].conf.streams;
    *ret_which = i;
    if (n && n->kind != CONF_LIST && !has(s, n->text))
      return n;
    for (size_t k = 0; n && n->kind == CONF_LIST && k < n->kids_n; k++)
      if (!has(s, n->kids[k]->text))
        return n->kids[k];
  }
  return NULL;
}

/* One lane of each stream that can be asked.  Whether all could. */
static bool walk_all(struct names *s) {
  struct run *r = s->r;
  struct walk w = {.arg = s, .made = take_made, .out = take_none};
  bool all = explain_of(&r->extractor) != NULL;
  for (const struct source *from = r->sources; from && all; from = from->next) {
    bool told = false;
    struct err e;
    for (const struct source *same = r->sources; same != from && !told; same = same->next)
      told = strcmp(same->stream.name, from->stream.name) == 0;
    for (size_t i = 0; i < r->lanes_n && !told; i++)
      told = strcmp(r->lanes[i].stream, from->stream.name) == 0 && walk_lane(r, &r->lanes[i], &w, &e) == 0;
    all &= told;
  }
  return all;
}

static int refuse(struct names *s, const struct conf_node *n, size_t which) {
  struct run *r = s->r;
  const char *known = "";
  struct err e;
  for (size_t i = 0; i < s->n; i++)
    known = arena_printf(r->arena, "%s%s%s", known, i ? ", " : "", s->list[i]);
  err_set(&e, ETL_E_CONFIG, "%s: transform %zu (%s) is for the stream '%s', which nothing gives", n->origin ? n->origin : "the pipeline", which + 1,
          r->transforms[which].conn->name, n->text);
  err_remedy(&e, "the streams are: %s", known);
  return run_fail(r, &e, &r->transforms[which]);
}

int reach_check(struct run *r) {
  struct names s = {.r = r};
  size_t which;
  for (const struct source *from = r->sources; from; from = from->next)
    add(&s, from->stream.name);
  if (!unreached(&s, &which))
    return 0;
  bool all = walk_all(&s);
  const struct conf_node *n = unreached(&s, &which);
  if (n && all)
    return refuse(&s, n, which);
  if (n)
    report_event(&r->report, "warning",
                 json_pack("{s:o}", "message", json_sprintf("it is not known before reading whether the stream '%s' of transform %zu (%s) is there", n->text, which + 1,
                                                            r->transforms[which].conn->name)));
  return 0;
}
