/* Periods of a target, and what is held back in them. */
#include "serve/notify_limit.h"

#include <stdint.h>

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
  const char *pipeline = json_string_value(json_object_get(notice, "pipeline")), *event = json_string_value(json_object_get(notice, "event"));
  if (l->held++ == 0) {
    begin_if_over(l, now_ns);
    l->held_wall_ns = wall_ns;
  }
  json_t *of = json_object_get(l->counts, pipeline ? pipeline : "");
  if (!of) {
    of = json_object();
    json_object_set_new(l->counts, pipeline ? pipeline : "", of);
  }
  json_object_set_new(of, event, json_integer(json_integer_value(json_object_get(of, event)) + 1));
  json_t *kept = json_copy((json_t *)(uintptr_t)notice);
  json_object_del(kept, "log"); /* long, and of little use among fifty others */
  json_array_append_new(l->kept, kept);
  if (json_array_size(l->kept) > HELD_KEPT)
    json_array_remove(l->kept, 0);
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
