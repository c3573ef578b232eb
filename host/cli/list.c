/* `etl list`: the pipelines, and how each of them stands. */
#include <string.h>

#include "base/clock.h"
#include "base/member.h"
#include "cli/columns.h"
#include "cli/event_text.h"
#include "cli/host.h"

enum { WIDE = 120 /* columns from which on there is room for details */ };

static const char *schedule_text(struct arena *a, const json_t *p) {
  const char *schedule = member_text(p, "schedule"), *zone = member_text(p, "timezone"), *text = schedule ? schedule : "";
  const json_t *after = json_object_get(p, "after"), *name;
  size_t i;
  if (schedule && zone && strcmp(zone, "UTC") != 0)
    text = arena_printf(a, "%s %s", schedule, zone);
  json_array_foreach(after, i, name)
    text = arena_printf(a, "%s%s%s", text, i ? ", " : *text ? "; after " : "after ", json_string_value(name));
  return text;
}

static const char *next_text(struct arena *a, const json_t *p, int64_t now_ns) {
  const json_t *waiting = json_object_get(p, "waiting");
  return words_when(a, member_text(waiting, "not_before") ? member_text(waiting, "not_before") : member_text(p, "next_due"), now_ns);
}

/* What is worth to be known, in a line. */
static const char *details(const json_t *p) {
  const json_t *last = json_object_get(p, "last"), *error = json_object_get(last, "error");
  const char *const texts[] = {member_text(p, "reason"), member_text(error, "message"), member_text(last, "reason"), member_text(p, "description")};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
    if (texts[i])
      return texts[i];
  return "";
}

static void add_row(struct columns *t, struct arena *a, const json_t *p, bool wide, int64_t now_ns) {
  const struct colours *c = colours_of(stdout);
  const json_t *active = json_object_get(p, "active"), *last = json_object_get(p, "last"), *run = active ? active : last;
  const char *state = member_text(p, "state"), *outcome = member_text(last, "state");
  columns_cell(t, NULL, "%s", member_text(p, "pipeline"));
  columns_cell(t, host_state_colour(c, state), "%s", state ? state : "");
  columns_cell(t, NULL, "%s", schedule_text(a, p));
  columns_cell(t, NULL, "%s", next_text(a, p, now_ns));
  columns_cell(t, NULL, "%s", words_when(a, member_text(last, "ended"), now_ns));
  columns_cell(t, host_state_colour(c, outcome), "%s", outcome ? outcome : "");
  if (!wide)
    return;
  columns_cell(t, NULL, "%s", run ? words_number(a, member_number(run, "rows_written")) : "");
  columns_cell(t, c->dim, "%s", details(p));
}

static void print_list(const json_t *list) {
  static const char *const narrow[] = {"~PIPELINE", "STATE", "~SCHEDULE", "NEXT", "LAST", "OUTCOME", NULL},
                           *const heads[] = {"~PIPELINE", "STATE", "~SCHEDULE", "NEXT", "LAST", "OUTCOME", ">ROWS", "~ABOUT", NULL};
  bool wide = words_columns(stdout) == 0 || words_columns(stdout) >= WIDE;
  struct columns *t = columns_new(wide ? heads : narrow);
  struct arena *a = arena_new();
  const json_t *p;
  size_t i;
  json_array_foreach(list, i, p)
    add_row(t, a, p, wide, clock_wall_ns());
  columns_print(t, 0, colours_of(stdout), stdout);
  columns_free(t);
  arena_free(a);
}

static void print(const struct cli_args *a, const struct host_answer *h) {
  const json_t *list = json_object_get(h->json, "pipelines");
  (void)a;
  if (member_text(h->json, "store_error"))
    fprintf(stderr, "etl: runs are not shown: the state store cannot be used: %s\n", member_text(h->json, "store_error"));
  if (json_array_size(list))
    print_list(list);
  else
    puts("There are no pipelines; `etl generate` writes one.");
}

int cmd_list(const struct cli_args *a) { return host_tell(a, host_request(a, "list", NULL), false, print); }
