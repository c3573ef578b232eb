/* What commands have in common that a worker answers. */
#include "cli/answer.h"

#include <string.h>

#include "base/member.h"
#include "cli/event_text.h"
#include "cli/outcome.h"

struct waiting {
  answer_fn *event;
  void *arg;
};

static void tell(const json_t *event) {
  struct arena *a = arena_new();
  const char *text;
  enum event_weight weight = event_text(a, event, &text);
  if (weight >= EVENT_WARNING)
    fprintf(stderr, "etl: %s%s\n", weight == EVENT_ERROR ? "" : "warning: ", text);
  arena_free(a);
}

static void on_event(void *arg, json_t *event) {
  const struct waiting *w = arg;
  const char *name = member_text(event, "event");
  if (!name || w->event(w->arg, event))
    return;
  if (strcmp(name, "summary") == 0) /* there will be no answer */
    outcome_errors(event, colours_of(stderr), stderr);
  else
    tell(event);
}

static void on_stopping(void *arg, enum stop_mode mode) {
  (void)arg;
  fputs(mode == STOP_FINISH ? "etl: stopping when the server asked last has answered; Ctrl-C again stops at once\n" : "etl: stopping\n", stderr);
}

/* What a command takes out of a pipe is lost to the run that was to load it. */
static int refuse_standard(const struct spec *s) {
  struct err e;
  bool reads = s->command == SPEC_PREVIEW || s->command == SPEC_TARGETS || s->command == SPEC_DIGEST || s->command == SPEC_REPAIR;
  if (!reads || !stage_is_standard(&s->extract.conf))
    return CLI_OK;
  err_set(&e, ETL_E_CONFIG, "pipeline '%s' reads standard input, which can be read but once", s->pipeline);
  err_remedy(&e, "run it; etl run with --dry-run reads all and writes nothing");
  return cli_report(&e);
}

int answer_wait(const struct launch *l, answer_fn *event, void *arg) {
  struct waiting w = {event, arg};
  int status = refuse_standard(l->spec);
  return status != CLI_OK ? status : launch_worker(l, &(struct listener){.event = on_event, .stopping = on_stopping, .arg = &w});
}
