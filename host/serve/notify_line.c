/* The line of a target. */
#include "serve/notify_line.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/member.h"

void notify_line_init(struct notify_line *l) { *l = (struct notify_line){.last = &l->first}; }

static struct outgoing *append(struct notify_line *l, json_t *message, int64_t notices) {
  struct outgoing *o = xcalloc(1, sizeof *o);
  *o = (struct outgoing){.message = message, .notices = notices, .attempt = 1};
  *l->last = o;
  l->last = &o->next;
  l->n++;
  return o;
}

void notify_line_add(struct notify_line *l, json_t *message, int64_t notices) { append(l, message, notices); }

void notify_line_drop_first(struct notify_line *l) {
  struct outgoing *o = l->first;
  l->first = o->next;
  if (!l->first)
    l->last = &l->first;
  l->n--;
  json_decref(o->message);
  free(o);
}

json_t *notify_line_to_json(const struct notify_line *l, int64_t ahead_ns) {
  json_t *list = json_array();
  for (const struct outgoing *o = l->first; o; o = o->next)
    json_array_append_new(list, json_pack("{sO, sI, sI, sI}", "message", o->message, "notices", (json_int_t)o->notices, "attempt", (json_int_t)o->attempt,
                                          "not_before_us", (json_int_t)(o->not_before_ns ? (o->not_before_ns + ahead_ns) / 1000 : 0)));
  return list;
}

static int64_t number(const json_t *j, const char *name) { return member_number(j, name); }

size_t notify_line_restore(struct notify_line *l, const json_t *list, size_t most, int64_t ahead_ns) {
  const json_t *one;
  size_t i, left = 0;
  json_array_foreach(list, i, one) {
    json_t *message = json_object_get(one, "message");
    int64_t not_before_us = number(one, "not_before_us");
    if (!json_is_object(message))
      continue;
    if (l->n >= most) {
      left++;
      continue;
    }
    struct outgoing *o = append(l, json_incref(message), number(one, "notices"));
    o->attempt = number(one, "attempt");
    o->not_before_ns = not_before_us ? not_before_us * 1000 - ahead_ns : 0;
  }
  return left;
}
