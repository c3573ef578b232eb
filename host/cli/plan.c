/* `etl plan`: a worker asks the connectors, this process prints what they say. */
#include <string.h>

#include "base/member.h"
#include "cli/answer.h"
#include "cli/event_text.h"
#include "cli/plan_text.h"

struct answer {
  json_t *plan; /* NULL: none came */
};

static bool on_event(void *arg, json_t *event) {
  struct answer *answer = arg;
  if (strcmp(member_text(event, "event"), "plan") != 0)
    return false;
  answer->plan = json_deep_copy(event);
  return true;
}

static int plan(const struct cli_args *a, struct launch *l) {
  const char *output = cli_opt(a, "output");
  struct answer answer = {0};
  l->spec->command = SPEC_PLAN;
  int status = answer_wait(l, on_event, &answer);
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
