/* `etl stop` and `etl cancel`: runs that are to end, at their next commit or now. */
#include <string.h>

#include "base/member.h"
#include "cli/event_text.h"
#include "cli/host.h"
#include "cli/words.h"

enum { TOLD = 10 /* runs that wait, each in a line */ };

static void tell_one(struct arena *a, const json_t *one, bool now, bool from_store) {
  const char *was = member_text(one, "was"), *run = member_text(one, "run"), *pipeline = words_clean(a, member_text(one, "pipeline"));
  if (strcmp(was, "queued") == 0)
    printf("%s: run %s will not start\n", pipeline, run);
  else if (from_store)
    printf("%s: run %s is told to end, when the host that has it asks the store\n", pipeline, run);
  else
    printf("%s: run %s ends %s\n", pipeline, run, now ? "now; what it has not committed is read again by the next run" : "with its next commit");
}

static void tell_none(struct arena *a, const char *name, const char *state) {
  if (state)
    printf("Run %s has ended already: %s.\n", words_clean(a, name), state);
  else
    printf("%s: no run of it is queued or running.\n", words_clean(a, name));
}

static void print(const struct cli_args *a, const struct host_answer *h) {
  const json_t *ended = json_object_get(h->json, "ended"), *one;
  struct arena *arena = arena_new();
  size_t i, waited = 0;
  json_array_foreach(ended, i, one)
    if (strcmp(member_text(one, "was"), "queued") != 0 || ++waited <= TOLD)
      tell_one(arena, one, a->command->run == cmd_cancel, h->from_store);
  if (waited > TOLD)
    printf("... and %s that waited\n", words_count(arena, (int64_t)(waited - TOLD), "run"));
  if (json_array_size(ended) == 0)
    tell_none(arena, cli_word(a, 0), member_text(h->json, "state"));
  arena_free(arena);
}

static const char *const words[] = {"run", NULL};

int cmd_stop(const struct cli_args *a) { return host_tell(a, host_request(a, "stop", words), false, print); }
int cmd_cancel(const struct cli_args *a) { return host_tell(a, host_request(a, "cancel", words), false, print); }
