/* `etl history`: runs that were, are and will be, the newest first. */
#include <string.h>

#include "base/clock.h"
#include "base/member.h"
#include "cli/columns.h"
#include "cli/event_text.h"
#include "cli/host.h"
#include "cli/runs.h"

static const char *why(const json_t *r) {
  const char *message = member_text(json_object_get(r, "error"), "message"), *reason = member_text(r, "reason");
  return message ? message : reason ? reason : "";
}

enum { WIDE = 110 /* columns from which on there is room for everything */ };

static void add_run(struct columns *t, struct arena *a, const json_t *r, bool with_pipeline, bool wide) {
  const struct colours *c = colours_of(stdout);
  const char *state = member_text(r, "state"), *due = member_text(r, "due");
  columns_cell(t, NULL, "%s", member_text(r, "run"));
  if (with_pipeline)
    columns_cell(t, NULL, "%s", member_text(r, "pipeline"));
  columns_cell(t, host_state_colour(c, state), "%s", state);
  columns_cell(t, NULL, "%s", due && strlen(due) >= 19 ? arena_printf(a, "%.5s %.8s", due + 5, due + 11) : "");
  columns_cell(t, NULL, "%s", json_object_get(r, "seconds") ? words_seconds(a, json_number_value(json_object_get(r, "seconds"))) : "");
  columns_cell(t, NULL, "%s", words_number(a, member_number(r, "rows_written")));
  if (wide) {
    columns_cell(t, NULL, "%s", member_number(r, "rows_rejected") ? words_number(a, member_number(r, "rows_rejected")) : "");
    columns_cell(t, NULL, "%s", member_text(r, "trigger"));
    columns_cell(t, NULL, "%lld", (long long)member_number(r, "attempt"));
  }
  if (wide || !with_pipeline)
    columns_cell(t, c->dim, "%s", why(r));
}

void runs_print(const json_t *runs, bool with_pipeline, size_t indent) {
  static const char *const full[] = {"RUN", "~PIPELINE", "STATE", "DUE (UTC)", ">TOOK", ">WRITTEN", ">REJECTED", "TRIGGER", ">TRY", "~WHY", NULL},
                           *const narrow[] = {"RUN", "~PIPELINE", "STATE", "DUE (UTC)", ">TOOK", ">WRITTEN", NULL}, /* why: see `etl info` */
                           *const one[] = {"RUN", "STATE", "DUE (UTC)", ">TOOK", ">WRITTEN", ">REJECTED", "TRIGGER", ">TRY", "~WHY", NULL},
                           *const one_narrow[] = {"RUN", "STATE", "DUE (UTC)", ">TOOK", ">WRITTEN", "~WHY", NULL};
  bool wide = words_columns(stdout) == 0 || words_columns(stdout) >= WIDE;
  struct columns *t = columns_new(with_pipeline ? wide ? full : narrow : wide ? one : one_narrow);
  struct arena *a = arena_new();
  const json_t *r;
  size_t i;
  json_array_foreach(runs, i, r)
    add_run(t, a, r, with_pipeline, wide);
  columns_print(t, indent, colours_of(stdout), stdout);
  columns_free(t);
  arena_free(a);
}

static void print(const struct cli_args *a, const struct host_answer *h) {
  const json_t *runs = json_object_get(h->json, "runs");
  if (json_array_size(runs))
    runs_print(runs, !cli_word(a, 0), 0);
  else
    puts("There are no such runs.");
}

int cmd_history(const struct cli_args *a) {
  static const char *const words[] = {"pipeline", NULL};
  return host_tell(a, host_request(a, "history", words), false, print);
}
