/* Periods of a target, and what is held back in them. */
#include "serve/notify_limit.h"

#include <stdint.h>

#include "base/member.h"

void notify_limit_init(struct notify_limit *l, int64_t max, int64_t period_ns) {
  *l = (struct notify_limit){.max = max, .period_ns = period_ns, .kept = json_array(), .counts = json_object()};
}

void notify_limit_fini(struct notify_limit *l) {
  json_decref(l->kept);
  json_decref(l->counts);
}

static void begin_if_over(struct notify_limit *l, int64_t now_ns) {
  if (l->open && now_ns - l->began_ns < l->period_ns)
    return;
  l->open = true;
  l->began_ns = now_ns;
  l->sent = 0;
}

static json_t *counts_of(json_t *counts, const char *pipeline) {
  json_t *of = json_object_get(counts, pipeline);
  if (!of) {
    of = json_object();
    json_object_set_new(counts, pipeline, of);
  }
  return of;
}

static void count(json_t *counts, const char *pipeline, const char *event, int64_t more) {
  json_t *of = counts_of(counts, pipeline);
  json_object_set_new(of, event, json_integer(member_number(of, event) + more));
}

static void keep_newest(json_t *kept) {
  while (json_array_size(kept) > HELD_KEPT)
    json_array_remove(kept, 0);
}

bool notify_limit_take(struct notify_limit *l, int64_t now_ns) {
  if (l->held > 0) /* what came first is told first */
    return false;
  begin_if_over(l, now_ns);
  if (l->sent >= l->max)
    return false;
  l->sent++;
  return true;
}

void notify_limit_hold(struct notify_limit *l, const json_t *notice, int64_t now_ns, int64_t wall_ns) {
  const char *pipeline = member_text(notice, "pipeline"), *event = member_text(notice, "event");
  if (l->held++ == 0) {
    begin_if_over(l, now_ns);
    l->held_wall_ns = wall_ns;
  }
  count(l->counts, pipeline ? pipeline : "", event, 1);
  json_t *kept = json_copy((json_t *)(uintptr_t)notice);
  json_object_del(kept, "log"); /* long, and of little use among fifty others */
  json_array_append_new(l->kept, kept);
  keep_newest(l->kept);
}

json_t *notify_limit_to_json(const struct notify_limit *l, int64_t ahead_ns) {
  return l->held == 0 ? NULL
                      : json_pack("{sI, sI, sI, sI, sO, sO}", "held", (json_int_t)l->held, "since_us", (json_int_t)(l->held_wall_ns / 1000), "began_us",
                                  (json_int_t)((l->began_ns + ahead_ns) / 1000), "sent", (json_int_t)l->sent, "kept", l->kept, "counts", l->counts);
}

static int64_t number(const json_t *j, const char *name) { return member_number(j, name); }

void notify_limit_restore(struct notify_limit *l, const json_t *held, int64_t now_ns, int64_t ahead_ns) {
  json_t *kept = json_copy(json_object_get(held, "kept")), *counts;
  const char *pipeline, *event;
  json_t *number_of;
  int64_t since_ns = number(held, "since_us") * 1000, began_ns = number(held, "began_us") * 1000 - ahead_ns;
  if (!json_is_array(kept) || number(held, "held") <= 0) {
    json_decref(kept);
    return;
  }
  if (!l->open) {
    l->open = true;
    l->began_ns = began_ns < now_ns ? began_ns : now_ns;
    l->sent = number(held, "sent");
  }
  l->held_wall_ns = l->held == 0 || since_ns < l->held_wall_ns ? since_ns : l->held_wall_ns;
  l->held += number(held, "held");
  json_array_extend(kept, l->kept);
  json_decref(l->kept);
  l->kept = kept;
  keep_newest(kept);
  json_object_foreach(json_object_get(held, "counts"), pipeline, counts)
    json_object_foreach(counts, event, number_of)
      count(l->counts, pipeline, event, json_integer_value(number_of));
}

int64_t notify_limit_due_ns(const struct notify_limit *l) { return l->held > 0 ? l->began_ns + l->period_ns : INT64_MAX; }

void notify_limit_told(struct notify_limit *l, int64_t now_ns) {
  l->open = true;
  l->began_ns = now_ns;
  l->sent = 1;
  l->held = 0;
  json_decref(l->kept);
  json_decref(l->counts);
  l->kept = json_array();
  l->counts = json_object();
}
