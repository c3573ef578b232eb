/* The table of parts, and their life. */
#include <string.h>

#include "serve/control.h"
#include "serve/notify_part.h"
#include "serve/reload.h"
#include "serve/watch.h"

/* The first one hears what the others say while they are closed. */
const struct serve_part serve_parts[] = {
    {.name = "notify", .open = notify_part_open, .close = notify_part_close, .event = notify_part_event, .reloaded = notify_part_reloaded},
    {.name = "control", .open = control_open, .close = control_close, .event = control_event, .reloaded = control_reloaded, .worker_event = control_worker_event},
    {.name = "reload", .open = reload_open, .close = reload_close, .event = reload_event},
    {.name = "watch", .open = watch_open, .close = watch_close, .reloaded = watch_reloaded}, /* behind reload */
    {0}};

int serve_parts_open(struct serve *s, struct err *e) {
  for (; serve_parts[s->parts_open].name; s->parts_open++) {
    const struct serve_part *p = &serve_parts[s->parts_open];
    if (p->open && p->open(s, &s->parts[s->parts_open], e) < 0)
      return -1;
  }
  return 0;
}

void serve_parts_close(struct serve *s) {
  while (s->parts_open > 0) {
    const struct serve_part *p = &serve_parts[--s->parts_open];
    if (p->close)
      p->close(s, s->parts[s->parts_open]);
  }
}

void serve_parts_reloaded(struct serve *s, const struct generation *old) {
  for (size_t i = 0; i < s->parts_open; i++)
    if (serve_parts[i].reloaded)
      serve_parts[i].reloaded(s, s->parts[i], old);
}

void serve_parts_worker_event(struct serve *s, const struct running *r, json_t *event) {
  for (size_t i = 0; i < s->parts_open; i++)
    if (serve_parts[i].worker_event)
      serve_parts[i].worker_event(s, s->parts[i], r, event);
}

void *serve_part_self(struct serve *s, const char *name) {
  for (size_t i = 0; i < s->parts_open; i++)
    if (strcmp(serve_parts[i].name, name) == 0)
      return s->parts[i];
  return NULL;
}
