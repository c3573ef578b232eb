/* `etl history`: runs that were, are and will be, the newest first. */
#include <string.h>

#include "base/clock.h"
#include "cli/columns.h"
#include "cli/event_text.h"
#include "cli/host.h"
#include "cli/runs.h"

static int64_t number(const json_t *j, const char *key) { return json_integer_value(json_object_get(j, key)); }

static const char *why(const json_t *r) {
  const char *message = event_string(json_object_get(r, "error"), "message"), *reason = event_string(r, "reason");
  return message ? message : reason ? reason : "";
}

void runs_print(const json_t *runs, bool with_pipeline, size_t indent) {
  static const char *const all[] = {"RUN", "~PIPELINE", "STATE", "TRIGGER", "DUE (UTC)", ">TRY", ">TOOK", ">WRITTEN", ">REJECTED", "~WHY", NULL},
                           *const one[] = {"RUN", "STATE", "TRIGGER", "DUE (UTC)", ">TRY", ">TOOK", ">WRITTEN", ">REJECTED", "~WHY", NULL};
  const struct colours *c = colours_of(stdout);
  struct columns *t = columns_new(with_pipeline ? all : one);
  struct arena *a = arena_new();
  const json_t *r;
  size_t i;
  json_array_foreach(runs, i, r) {
    const char *state = event_string(r, "state"), *due = event_string(r, "due");
    columns_cell(t, NULL, "%s", event_string(r, "run"));
    if (with_pipeline)
      columns_cell(t, NULL, "%s", event_string(r, "pipeline"));
    columns_cell(t, host_state_colour(c, state), "%s", state);
    columns_cell(t, NULL, "%s", event_string(r, "trigger"));
    columns_cell(t, NULL, "%s", due && strlen(due) >= 19 ? arena_printf(a, "%.5s %.8s", due + 5, due + 11) : "");
    columns_cell(t, NULL, "%lld", (long long)number(r, "attempt"));
    columns_cell(t, NULL, "%s", json_object_get(r, "seconds") ? words_seconds(a, json_number_value(json_object_get(r, "seconds"))) : "");
    columns_cell(t, NULL, "%s", words_number(a, number(r, "rows_written")));
    columns_cell(t, NULL, "%s", number(r, "rows_rejected") ? words_number(a, number(r, "rows_rejected")) : "");
    columns_cell(t, c->dim, "%s", why(r));
  }
  columns_print(t, indent, c, stdout);
  columns_free(t);
  arena_free(a);
}

int cmd_history(const struct cli_args *a) {
  static const char *const words[] = {"pipeline", NULL};
  struct host_answer h;
  int status = host_ask(a, host_request(a, "history", words), NULL, NULL, false, &h);
  const json_t *runs = json_object_get(h.json, "runs");
  if (status == CLI_OK && !host_print_json(a, &h)) {
    if (json_array_size(runs))
      runs_print(runs, !cli_word(a, 0), 0);
    else
      puts("There are no such runs.");
  }
  host_answer_fini(&h);
  return status;
}
