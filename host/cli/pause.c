/* `etl pause` and `etl resume`; `etl breaker`. */
#include <string.h>

#include "base/clock.h"
#include "base/member.h"
#include "cli/columns.h"
#include "cli/event_text.h"
#include "cli/host.h"

static const char *const words[] = {"pipeline", NULL};

static void print_paused(const struct cli_args *args, const struct host_answer *h) {
  const json_t *j = h->json;
  bool paused = member_true(j, "paused"), changed = member_true(j, "changed");
  struct arena *a = arena_new();
  const char *name = words_clean(a, cli_word(args, 0));
  if (!changed)
    printf("%s: %s\n", name, paused ? "it is paused already" : "it is not paused");
  else if (paused)
    printf("%s: paused; no run of it starts until `etl resume %s`%s\n", name, name,
           member_true(j, "running") ? "; the one at work goes on (`etl stop` ends it)" : "");
  else
    printf("%s: resumed\n", name);
  arena_free(a);
}

int cmd_pause(const struct cli_args *a) { return host_tell(a, host_request(a, "pause", words), false, print_paused); }
int cmd_resume(const struct cli_args *a) { return host_tell(a, host_request(a, "resume", words), false, print_paused); }

/* ---- breaker ------------------------------------------------------------------------------------------------------------------------------ */

static void print_breakers(const struct cli_args *args, const struct host_answer *h) {
  static const char *const heads[] = {"~OF", "STATE", ">FAILURES", "OPENED", "~REASON", NULL};
  const json_t *j = h->json, *list = json_object_get(j, "breakers"), *b;
  const struct colours *c = colours_of(stdout);
  struct arena *a = arena_new();
  struct columns *t = columns_new(heads);
  const char *name = words_clean(a, cli_word(args, 0));
  size_t i;
  if (!member_number(j, "threshold"))
    printf("%s has no circuit breaker (circuit_breaker = { threshold = 3; cooldown = \"5m\"; } would be one).\n", name);
  else
    printf("%s: opens after %s in a row, for %s\n", name, words_count(a, member_number(j, "threshold"), "failure"),
           words_seconds(a, json_number_value(json_object_get(j, "cooldown_seconds"))));
  json_array_foreach(list, i, b) {
    const char *state = member_text(b, "state"), *shard = member_text(b, "shard");
    bool closed = state && strcmp(state, "closed") == 0;
    columns_cell(t, NULL, "%s%s", shard ? "shard " : "the pipeline", shard ? shard : "");
    columns_cell(t, closed ? c->good : c->bad, "%s", state);
    columns_cell(t, NULL, "%lld", (long long)member_number(b, "failures"));
    columns_cell(t, NULL, "%s", words_when(a, member_text(b, "opened"), clock_wall_ns()));
    columns_cell(t, NULL, "%s", member_text(b, "reason") ? member_text(b, "reason") : "");
  }
  if (json_array_size(list))
    columns_print(t, 0, c, stdout);
  else if (member_number(j, "threshold"))
    puts("closed, without failures");
  columns_free(t);
  arena_free(a);
}

static int refuse_word(const char *word) {
  struct err e;
  err_set(&e, ETL_E_CONFIG, "'etl breaker' does not know what to do with '%s'", word);
  err_remedy(&e, "write `etl breaker NAME`, or `etl breaker NAME reset`");
  return cli_report(&e);
}

static void print_reset(const struct cli_args *args, const struct host_answer *h) {
  (void)h;
  printf("%s: reset; what it counted is forgotten, runs start again\n", cli_word(args, 0));
}

int cmd_breaker(const struct cli_args *a) {
  const char *what = cli_word(a, 1);
  if (what && strcmp(what, "reset") != 0)
    return refuse_word(what);
  json_t *request = host_request(a, "breaker", words);
  if (what)
    json_object_set_new(request, "reset", json_true());
  return host_tell(a, request, false, what ? print_reset : print_breakers);
}
