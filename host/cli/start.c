/* `etl start`: a run that the host is to carry out; with --wait it is shown as `etl run` shows its own. */
#include <string.h>

#include "base/clock.h"
#include "base/member.h"
#include "cli/event_text.h"
#include "cli/host.h"
#include "cli/launch.h"
#include "cli/progress.h"

struct following {
  struct progress *progress;
  json_t *summary; /* of the newest attempt that has ended, with what those before it have moved */
  struct arena *arena;
};

/* ---- attempts ---------------------------------------------------------------------------------------------------------------------------------- */

static void add_counts(json_t *to, const json_t *from) {
  static const char *const counts[] = {"rows_read", "rows_written", "rows_filtered", "rows_rejected", "rows_added", "bytes_read", "epochs"};
  for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
    if (json_object_get(from, counts[i]))
      json_object_set_new(to, counts[i], json_integer(member_number(to, counts[i]) + member_number(from, counts[i])));
}

static json_t *lane_named(const json_t *summary, const char *name) {
  json_t *lane;
  size_t i;
  json_array_foreach(json_object_get(summary, "lanes"), i, lane)
    if (name && strcmp(member_text(lane, "lane"), name) == 0)
      return lane;
  return NULL;
}

/* Lanes that were not tried again stay as they ended. */
static void take_summary(struct following *f, const json_t *event) {
  json_t *now = json_deep_copy(event), *before = f->summary, *lane, *same;
  size_t i;
  bool part = before && !member_true(before, "aside");
  if (part) {
    add_counts(now, before);
    if (!json_object_get(now, "left_out") && json_object_get(before, "left_out"))
      json_object_set(now, "left_out", json_object_get(before, "left_out"));
  }
  json_array_foreach(part ? json_object_get(before, "lanes") : NULL, i, lane) {
    if ((same = lane_named(now, member_text(lane, "lane"))))
      add_counts(same, lane);
    else
      json_array_append(json_object_get(now, "lanes"), lane);
  }
  json_decref(before);
  f->summary = now;
}

/* ---- what is told meanwhile ------------------------------------------------------------------------------------------------------------------- */

static void note_queued(struct following *f, const json_t *part) {
  const char *run = member_text(part, "run"), *waits = member_text(part, "waits");
  progress_note(f->progress, arena_printf(f->arena, "run %s is queued%s%s; when this command is interrupted the run goes on (etl stop %s ends it)", run, waits ? "; " : "",
                                          waits ? words_clean(f->arena, waits) : "", run));
}

/* A further attempt waits for its time. */
static void note_attempt(struct following *f, const json_t *newest) {
  const char *state = member_text(newest, "state");
  if (state && strcmp(state, "queued") == 0 && member_number(newest, "attempt") > 1)
    progress_note(f->progress, arena_printf(f->arena, "run %s, attempt %lld, starts %s", member_text(newest, "run"),
                                            (long long)member_number(newest, "attempt"),
                                            words_when(f->arena, member_text(newest, "not_before"), clock_wall_ns())));
}

static bool on_part(void *arg, const json_t *part) {
  struct following *f = arg;
  const json_t *event = json_object_get(part, "event"), *attempts = json_object_get(part, "attempts");
  const char *name = event ? member_text(event, "event") : NULL;
  if (attempts) {
    note_attempt(f, json_array_get(attempts, 0));
  } else if (!event) {
    note_queued(f, part);
  } else if (name && strcmp(name, "summary") == 0) {
    take_summary(f, event);
  } else {
    progress_event(f->progress, event);
  }
  return false;
}

static int status_of(const char *state) {
  static const struct { const char *state; int status; } all[] = {
      {"succeeded", CLI_OK}, {"partial", CLI_PARTIAL}, {"cancelled", CLI_CANCELLED}, {"crashed", CLI_CRASHED}};
  for (size_t i = 0; state && i < sizeof all / sizeof *all; i++)
    if (strcmp(all[i].state, state) == 0)
      return all[i].status;
  return CLI_FAILED;
}

/* The newest attempt has ended; its summary is missing when its worker died, or worked on another host. */
static int tell_end(struct following *f, const json_t *answer) {
  const json_t *newest = json_array_get(json_object_get(answer, "attempts"), 0), *error = json_object_get(newest, "error");
  const char *run = member_text(newest, "run"), *of = member_text(f->summary, "run"), *state = member_text(newest, "state"), *reason = member_text(newest, "reason");
  if (!newest) {
    fputs("etl: the run is not known to the state store any more\n", stderr);
    return CLI_FAILED;
  }
  if (f->summary && of && strcmp(run, of) == 0) {
    if (strcmp(state, "partial") == 0) /* the attempt alone may have failed, or succeeded */
      json_object_set_new(f->summary, "status", json_string(state));
    progress_event(f->progress, f->summary);
  } else {
    printf("%s: run %s %s, %s written%s%s\n", words_clean(f->arena, member_text(newest, "pipeline")), run, state,
           words_count(f->arena, member_number(newest, "rows_written"), "row"), reason ? ": " : "", words_clean(f->arena, reason));
    if (error)
      error_print(error, NULL, colours_of(stderr), stderr);
  }
  return status_of(state);
}

static int wait_for(const struct cli_args *a, json_t *request) {
  struct following f = {.progress = progress_new(cli_opt(a, "progress"), stdout, stderr, &clock_system), .arena = arena_new()};
  struct host_answer h;
  int status = host_ask(a, request, on_part, &f, false, &h);
  if (status == CLI_OK)
    status = tell_end(&f, h.json);
  host_answer_fini(&h);
  json_decref(f.summary);
  progress_free(f.progress);
  arena_free(f.arena);
  return status;
}

static void print_queued(const struct cli_args *a, const struct host_answer *h) {
  struct arena *arena = arena_new();
  const char *waits = member_text(h->json, "waits");
  (void)a;
  printf("%s: run %s is queued%s%s%s\n", words_clean(arena, member_text(h->json, "pipeline")), member_text(h->json, "run"), waits ? "; " : "", words_clean(arena, waits),
         h->from_store ? "; no host is running: it starts when one does (etl serve)" : "");
  arena_free(arena);
}

static json_t *text_or_null(const char *text) { return text ? json_string(text) : json_null(); }

int cmd_start(const struct cli_args *a) {
  static const char *const flags[] = {"full-refresh", "accept-change", "wait"}, *const keys[] = {"full_refresh", "accept_change", "wait"};
  struct arena *arena = arena_new();
  const char *from, *to;
  json_t *request = json_pack("{ss, ss}", "cmd", "start", "pipeline", cli_word(a, 0));
  for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
    if (cli_flag(a, flags[i]))
      json_object_set_new(request, keys[i], json_true());
  json_t *shards = json_array();
  for (size_t i = 0; i < cli_opt_n(a, "shard"); i++)
    json_array_append_new(shards, json_string(cli_opt_at(a, "shard", i)));
  if (json_array_size(shards))
    json_object_set(request, "shards", shards);
  json_decref(shards);
  int status = run_take_range(a, arena, &from, &to);
  if (cli_opt(a, "range"))
    json_object_set_new(request, "range", json_pack("[oo]", text_or_null(from), text_or_null(to)));
  if (cli_opt(a, "window"))
    json_object_set_new(request, "window", json_string(cli_opt(a, "window")));
  if (status != CLI_OK)
    json_decref(request);
  else
    status = cli_flag(a, "wait") ? wait_for(a, request) : host_tell(a, request, true, print_queued);
  arena_free(arena);
  return status;
}
