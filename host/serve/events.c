/* Events: at once into the log and to the parts, with the next batch into the store. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "serve/serve.h"

enum { WAITING_MAX = 10000, BATCH = 500 };

struct waiting_event { /* texts are owned */
  struct waiting_event *next;
  struct store_event e;
};

static char *copy(const char *text) { return text ? xstrdup(text) : NULL; }

static void event_free(struct waiting_event *w) {
  const char *const texts[] = {w->e.kind, w->e.pipeline, w->e.run, w->e.stage, w->e.shard, w->e.message};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
    free((char *)(uintptr_t)texts[i]);
  free(w);
}

static void drop_oldest(struct serve *s, size_t n) {
  while (n-- && s->events) {
    struct waiting_event *first = s->events;
    s->events = first->next;
    s->events_n--;
    event_free(first);
  }
  if (!s->events)
    s->events_last = NULL;
}

static void keep(struct serve *s, const struct serve_event *e) {
  struct waiting_event *w = xcalloc(1, sizeof *w);
  w->e = (struct store_event){.at_ns = serve_now(s),
                              .level = log_level_name(e->level),
                              .kind = xasprintf("%s.%s", e->kind, e->name),
                              .pipeline = copy(e->pipeline),
                              .run = copy(e->run),
                              .stage = copy(e->stage),
                              .shard = copy(e->shard),
                              .message = copy(e->message)};
  if (s->events_last)
    s->events_last->next = w;
  else
    s->events = w;
  s->events_last = w;
  if (++s->events_n > WAITING_MAX)
    drop_oldest(s, 1);
}

void serve_event(struct serve *s, const struct serve_event *e) {
  log_write(s->log, &(struct log_record){
                        .level = e->level, .pipeline = e->pipeline, .run = e->run, .stage = e->stage, .shard = e->shard, .message = e->message});
  keep(s, e);
  for (size_t i = 0; serve_parts[i].name; i++)
    if (s->parts_open > i && serve_parts[i].event)
      serve_parts[i].event(s, s->parts[i], e);
}

void serve_tell(struct serve *s, enum log_level level, const char *kind, const char *name, const char *fmt, ...) {
  char text[2600];
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(text, sizeof text, fmt, ap);
  va_end(ap);
  serve_event(s, &(struct serve_event){.level = level, .kind = kind, .name = name, .message = text});
}

void serve_flush_events(struct serve *s) {
  struct store_event batch[BATCH];
  struct err e;
  while (s->events && s->store && !s->store_away) {
    size_t n = 0;
    for (struct waiting_event *w = s->events; w && n < BATCH; w = w->next)
      batch[n++] = w->e;
    if (store_event_add(s->store, batch, n, &e) < 0 && serve_store_failed(s, &e))
      return; /* they wait */
    drop_oldest(s, n);
  }
}

void serve_events_free(struct serve *s) { drop_oldest(s, s->events_n); }
