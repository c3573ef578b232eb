/* `etl logs`: the newest records of the host's log, and those that come. */
#include <string.h>

#include "base/member.h"
#include "cli/event_text.h"
#include "cli/host.h"
#include "cli/words.h"

static const char *level_colour(const struct colours *c, const char *level) {
  return strcmp(level, "error") == 0 ? c->bad : strcmp(level, "warning") == 0 ? c->warn : strcmp(level, "debug") == 0 ? c->dim : "";
}

/* As the host writes them. */
static void print_record(const json_t *r) {
  static const char *const context[] = {"pipeline", "run", "stage", "connector", "shard"};
  const struct colours *c = colours_of(stdout);
  const char *time = member_text(r, "time"), *level = member_text(r, "level"), *place = "";
  struct arena *a = arena_new();
  for (size_t i = 0; i < sizeof context / sizeof *context; i++)
    if (member_text(r, context[i]))
      place = arena_printf(a, "%s %s", place, words_clean(a, member_text(r, context[i])));
  level = level ? level : "info";
  printf("%s%s%s %s%-7s%s%s%s %s\n", c->dim, time ? time : "", c->off, level_colour(c, level), level, c->off, place, *place ? ":" : "",
         words_clean(a, member_text(r, "message")));
  arena_free(a);
}

static bool on_part(void *arg, const json_t *part) {
  const bool *as_json = arg;
  const json_t *list = json_object_get(part, "records"), *r;
  size_t i;
  json_array_foreach(list, i, r) {
    if (*as_json) {
      json_dumpf(r, stdout, JSON_COMPACT);
      putchar('\n');
    } else {
      print_record(r);
    }
  }
  fflush(stdout);
  return false;
}

int cmd_logs(const struct cli_args *a) {
  static const char *const words[] = {"pipeline", NULL};
  const char *output = cli_opt(a, "output");
  bool as_json = output && strcmp(output, "json") == 0;
  struct host_answer h;
  int status = host_ask(a, host_request(a, "logs", words), on_part, &as_json, false, &h);
  if (status == CLI_OK)
    on_part(&as_json, h.json);
  if (status == CLI_OK && h.from_store)
    fputs("etl: these are the events that the state store remembers; the log itself is where 'log_file' of 'serve' says\n", stderr);
  host_answer_fini(&h);
  return status;
}
