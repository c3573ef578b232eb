/* Two sorted lists of pipelines, side by side. */
#include "serve/changes.h"

#include <string.h>

#include "base/text.h"

enum { NAMED = 10 };

static const char *const change_names[CHANGES] = {[CHANGE_ADDED] = "added", [CHANGE_CHANGED] = "changed", [CHANGE_REMOVED] = "removed"};

const char *change_name(enum change what) { return change_names[what]; }

void changes_find(const struct generation *old, const struct generation *now, struct arena *a, struct changes *ret) {
  size_t old_n = old->conf->pipelines_n, now_n = now->conf->pipelines_n, i = 0, k = 0;
  *ret = (struct changes){0};
  for (size_t w = 0; w < CHANGES; w++)
    ret->names[w] = arena_alloc(a, ((w == CHANGE_REMOVED ? old_n : now_n) + 1) * sizeof **ret->names);
  while (i < old_n || k < now_n) {
    int c = i == old_n ? 1 : k == now_n ? -1 : strcmp(old->by_name[i]->name, now->by_name[k]->name);
    if (c < 0)
      ret->names[CHANGE_REMOVED][ret->n[CHANGE_REMOVED]++] = old->by_name[i]->name;
    else if (c > 0)
      ret->names[CHANGE_ADDED][ret->n[CHANGE_ADDED]++] = now->by_name[k]->name;
    else if (old->by_name[i]->digest != now->by_name[k]->digest)
      ret->names[CHANGE_CHANGED][ret->n[CHANGE_CHANGED]++] = now->by_name[k]->name;
    else
      ret->same++;
    i += c <= 0;
    k += c >= 0;
  }
}

size_t changes_count(const struct changes *c) { return c->n[CHANGE_ADDED] + c->n[CHANGE_CHANGED] + c->n[CHANGE_REMOVED]; }

const char *changes_text(const struct changes *c, struct arena *a) {
  const char *text = "";
  for (size_t w = 0; w < CHANGES; w++) {
    if (c->n[w] == 0)
      continue;
    text = arena_printf(a, "%s%zu %s (", text, c->n[w], change_name(w));
    for (size_t i = 0; i < c->n[w] && i < NAMED; i++)
      text = arena_printf(a, "%s%s%s", text, i ? ", " : "", c->names[w][i]);
    text = arena_printf(a, "%s%s), ", text, c->n[w] > NAMED ? " ..." : "");
  }
  return arena_printf(a, "%s%zu as before", text, c->same);
}

bool change_moves_times(const struct conf_pipeline *old, const struct conf_pipeline *now) {
  return !text_same(old->schedule, now->schedule) || !text_same(old->timezone, now->timezone) || old->start_at_ns != now->start_at_ns ||
         old->end_at_ns != now->end_at_ns || (now->enabled && !old->enabled);
}
