/* `etl plan`: a worker asks the connectors, this process prints what they say. */
#include <string.h>

#include "cli/event_text.h"
#include "cli/launch.h"
#include "cli/outcome.h"
#include "cli/plan_text.h"

struct answer {
  json_t *plan; /* NULL: none came */
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
  struct answer *answer = arg;
  const char *name = event_string(event, "event");
  if (strcmp(name, "plan") == 0)
    answer->plan = json_deep_copy(event);
  else if (strcmp(name, "summary") == 0) /* there will be no plan */
    outcome_errors(event, colours_of(stderr), stderr);
  else
    tell(event);
}

static void on_stopping(void *arg, enum stop_mode mode) {
  (void)arg;
  fputs(mode == STOP_FINISH ? "etl: stopping when the server asked last has answered; Ctrl-C again stops at once\n"
                            : "etl: stopping\n",
        stderr);
}

static int plan(const struct cli_args *a, struct launch *l) {
  const char *output = cli_opt(a, "output");
  struct answer answer = {0};
  l->spec->command = SPEC_PLAN;
  int status = launch_worker(l, &(struct listener){.event = on_event, .stopping = on_stopping, .arg = &answer});
  if (answer.plan && output && strcmp(output, "json") == 0) {
    json_object_del(answer.plan, "event");
    json_dumpf(answer.plan, stdout, JSON_INDENT(2));
    putchar('\n');
  } else if (answer.plan) {
    plan_print(answer.plan, colours_of(stdout), stdout);
  }
  json_decref(answer.plan);
  return status;
}

int cmd_plan(const struct cli_args *a) {
  struct launch l;
  int status = launch_init(&l, a);
  if (status == CLI_OK)
    status = plan(a, &l);
  launch_fini(&l);
  return status;
}
