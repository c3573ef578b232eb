/* `etl reload`: the host reads its configuration again. */
#include "base/member.h"
#include "cli/event_text.h"
#include "cli/host.h"
#include "cli/words.h"

static bool on_part(void *arg, const json_t *part) {
  (void)arg, (void)part;
  return false; /* the last one tells all */
}

static void print_findings(const json_t *list, struct arena *a) {
  const json_t *f;
  size_t i;
  json_array_foreach(list, i, f) {
    const char *origin = member_text(f, "origin");
    fprintf(stderr, "%s%s%s: %s\n", words_clean(a, origin), origin ? ": " : "", member_text(f, "level"), words_clean(a, member_text(f, "text")));
  }
}

static int tell(const struct cli_args *args, const json_t *j) {
  const json_t *conf = json_object_get(j, "configuration");
  bool taken = member_true(j, "taken");
  struct arena *a = arena_new();
  if (!cli_flag(args, "wait"))
    puts("The host reads its configuration again; `etl status` shows what became of it.");
  else
    print_findings(json_object_get(json_object_get(conf, "reload"), "findings"), a);
  if (cli_flag(args, "wait"))
    fprintf(taken ? stdout : stderr, "%s%s\n", taken ? "" : "etl: ", words_clean(a, member_text(j, "message")));
  arena_free(a);
  return taken || !cli_flag(args, "wait") ? CLI_OK : CLI_USAGE;
}

int cmd_reload(const struct cli_args *a) {
  struct host_answer h;
  int status = host_ask(a, host_request(a, "reload", NULL), on_part, NULL, false, &h);
  if (status == CLI_OK && host_print_json(a, &h))
    status = json_is_false(json_object_get(h.json, "taken")) ? CLI_USAGE : CLI_OK;
  else if (status == CLI_OK)
    status = tell(a, h.json);
  host_answer_fini(&h);
  return status;
}
