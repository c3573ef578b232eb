/* --progress log: one line an event, with the time; how far the run is, every few seconds. */
#include <string.h>
#include <time.h>

#include "base/member.h"
#include "base/units.h"
#include "cli/outcome.h"
#include "cli/progress_kind.h"

#define PROGRESS_EVERY_NS (5 * NS_PER_SEC)

static void line(struct progress *p, enum event_weight weight, const char *text) {
  static const char *const marks[] = {[EVENT_NEWS] = "", [EVENT_WARNING] = "warning: ", [EVENT_ERROR] = "error: "};
  char when[32];
  struct tm tm;
  time_t now = (time_t)(p->clock->wall_ns(p->clock) / NS_PER_SEC);
  gmtime_r(&now, &tm);
  strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &tm);
  fprintf(p->err, "%s %s%s\n", when, marks[weight], text);
  fflush(p->err);
}

static void tell_progress(struct progress *p, struct arena *a) {
  const struct run_view *v = &p->view;
  int64_t now = p->clock->mono_ns(p->clock);
  if (v->lanes_n == 0)
    return;
  if (p->told_ns == 0) /* the first one is told when there is something to tell */
    p->told_ns = v->started_ns;
  if (now - p->told_ns < PROGRESS_EVERY_NS)
    return;
  p->told_ns = now;
  size_t waiting = run_view_waiting(v);
  line(p, EVENT_NEWS,
       arena_printf(a, "%s read, %s committed, %s rows/s, %zu of %s running%s, %s", words_count(a, v->rows_read, "row"),
                    words_number(a, v->rows_written), words_number(a, (int64_t)v->per_second), run_view_count(v, VIEW_RUNNING),
                    words_count(a, (int64_t)v->lanes_n, "lane"),
                    waiting ? arena_printf(a, " (%zu waiting to try again)", waiting) : "", words_bytes(a, v->rss_bytes)));
}

static void event(struct progress *p, const json_t *j) {
  struct arena *a = arena_new();
  const char *name = member_text(j, "event"), *text;
  enum event_weight weight = event_text(a, j, &text);
  if (weight != EVENT_SILENT)
    line(p, weight, text);
  else if (name && strcmp(name, "progress") == 0)
    tell_progress(p, a);
  else if (name && strcmp(name, "summary") == 0)
    outcome_print(j, &p->view, colours_of(p->out), p->out);
  arena_free(a);
}

static void note(struct progress *p, const char *text) { line(p, EVENT_NEWS, text); }

const struct progress_kind progress_log = {.name = "log", .event = event, .note = note};
