/* `etl info`: all that is known of one run. */
#include <string.h>

#include "base/clock.h"
#include "base/member.h"
#include "cli/columns.h"
#include "cli/event_text.h"
#include "cli/host.h"
#include "cli/runs.h"

enum { EVENTS_SHOWN = 20 };

struct printing {
  const json_t *all, *run;
  const struct colours *c;
  struct arena *a;
  int64_t now_ns;
};

static const char *text(const struct printing *p, const char *key) { return words_clean(p->a, member_text(p->run, key)); }

__attribute__((format(printf, 3, 4))) static void line(const struct printing *p, const char *label, const char *fmt, ...) {
  va_list ap;
  printf("%s%11s%s  ", p->c->dim, label, p->c->off);
  va_start(ap, fmt);
  vprintf(fmt, ap);
  va_end(ap);
  putchar('\n');
}

/* A time of the run, if there is one. */
static void time_line(const struct printing *p, const char *label, const char *key) {
  const char *time = member_text(p->run, key);
  if (time && strlen(time) >= 19)
    line(p, label, "%.10s %.8s UTC (%s)", time, time + 11, words_when(p->a, time, p->now_ns));
}

static void print_upstream(const struct printing *p) {
  const json_t *upstream = json_object_get(json_object_get(p->run, "options"), "upstream");
  const char *name;
  json_t *u;
  bool first = true;
  json_object_foreach((json_t *)(uintptr_t)upstream, name, u) {
    const char *state = member_text(u, "status");
    line(p, first ? "upstream" : "", "%s: %s%s%s, %s written", words_clean(p->a, name), host_state_colour(p->c, state), state ? words_clean(p->a, state) : "?", p->c->off,
         words_count(p->a, member_number(u, "rows_written"), "row"));
    first = false;
  }
}

static void print_options(const struct printing *p) {
  const json_t *options = json_object_get(p->run, "options"), *shard;
  const json_t *range = json_object_get(options, "range"), *shards = json_object_get(options, "shards");
  const char *names = "";
  size_t i;
  json_array_foreach(shards, i, shard)
    names = arena_printf(p->a, "%s%s%s", names, i ? ", " : "", words_clean(p->a, json_string_value(shard)));
  if (*names)
    line(p, "shards", "%s", names);
  if (member_true(options, "full_refresh"))
    line(p, "refresh", "everything is read again");
  if (range) {
    const char *from = json_string_value(json_array_get(range, 0)), *to = json_string_value(json_array_get(range, 1));
    line(p, "range", "%s to %s", from ? words_clean(p->a, from) : "the beginning", to ? words_clean(p->a, to) : "the end");
  }
  if (member_text(p->run, "window_to"))
    line(p, "window", "%s to %s", member_text(p->run, "window_from") ? text(p, "window_from") : "the beginning", text(p, "window_to"));
  print_upstream(p);
}

/* Connectors need not count bytes. */
static const char *bytes_of(const struct printing *p) {
  int64_t bytes = member_number(p->run, "bytes");
  return bytes > 0 ? arena_printf(p->a, " (%s)", words_bytes(p->a, bytes)) : "";
}

static void print_rows(const struct printing *p) {
  const char *const keys[] = {"rows_read", "rows_written", "rows_filtered", "rows_rejected"};
  const char *rows[sizeof keys / sizeof *keys];
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
    rows[i] = words_number(p->a, member_number(p->run, keys[i]));
  line(p, "rows", "%s read%s, %s written, %s filtered, %s rejected", rows[0], bytes_of(p), rows[1], rows[2], rows[3]);
}

/* The error of the run is that of a task, which is told with its place. */
static bool is_of_task(const struct printing *p) {
  const char *message = member_text(json_object_get(p->run, "error"), "message");
  const json_t *t;
  size_t i;
  json_array_foreach(json_object_get(p->all, "tasks"), i, t) {
    const char *of_task = member_text(json_object_get(t, "error"), "message");
    if (message && of_task && strcmp(message, of_task) == 0)
      return true;
  }
  return false;
}

static void print_head(const struct printing *p) {
  const char *state = member_text(p->run, "state");
  printf("run %s%s%s of %s%s%s: %s%s%s\n", p->c->bold, text(p, "run"), p->c->off, p->c->bold, text(p, "pipeline"), p->c->off, host_state_colour(p->c, state), state, p->c->off);
  line(p, "trigger", "%s, attempt %lld", text(p, "trigger"), (long long)member_number(p->run, "attempt"));
  time_line(p, "due", "due");
  if (state && strcmp(state, "queued") == 0)
    time_line(p, "not before", "not_before");
  time_line(p, "started", "started");
  time_line(p, "ended", "ended");
  if (json_object_get(p->run, "seconds"))
    line(p, member_text(p->run, "ended") ? "took" : "so far", "%s%s%s", words_seconds(p->a, json_number_value(json_object_get(p->run, "seconds"))), *text(p, "host") ? " on host " : "", text(p, "host"));
  print_options(p);
  if (member_text(p->run, "started"))
    print_rows(p);
  if (member_text(p->run, "reason"))
    line(p, "reason", "%s", text(p, "reason"));
  if (member_text(p->run, "cancel"))
    line(p, "ending", "%s", strcmp(member_text(p->run, "cancel"), "now") == 0 ? "it was told to end at once" : "it was told to end with its next commit");
  if (json_object_get(p->run, "error") && !is_of_task(p))
    error_print(json_object_get(p->run, "error"), NULL, p->c, stdout);
}

/* A row a stage and shard. */
static void print_tasks(const struct printing *p) {
  static const char *const heads[] = {"~STREAM", "~SHARD", "STAGE", "STATE", ">TRY", ">IN", ">OUT", "~ERROR", NULL};
  const json_t *tasks = json_object_get(p->all, "tasks"), *t;
  size_t i;
  if (json_array_size(tasks) == 0)
    return;
  struct columns *table = columns_new(heads);
  json_array_foreach(tasks, i, t) {
    const char *const texts[] = {member_text(t, "stream"), member_text(t, "shard"), member_text(t, "stage")};
    const char *state = member_text(t, "state"), *message = member_text(json_object_get(t, "error"), "message");
    for (size_t k = 0; k < sizeof texts / sizeof *texts; k++)
      columns_cell(table, NULL, "%s", texts[k] ? texts[k] : "");
    columns_cell(table, host_state_colour(p->c, state), "%s", state);
    columns_cell(table, NULL, "%lld", (long long)member_number(t, "attempts"));
    columns_cell(table, NULL, "%s", words_number(p->a, member_number(t, "rows_in")));
    columns_cell(table, NULL, "%s", words_number(p->a, member_number(t, "rows_out")));
    columns_cell(table, p->c->dim, "%s", message ? message : "");
  }
  printf("\n%stasks%s\n", p->c->bold, p->c->off);
  columns_print(table, 2, p->c, stdout);
  columns_free(table);
}

/* Of a run at work: how far each lane is. */
static void print_lanes(const struct printing *p) {
  static const char *const heads[] = {"~LANE", "STATUS", ">READ", ">WRITTEN", ">EPOCHS", NULL};
  const json_t *lanes = json_object_get(p->run, "lanes"), *l;
  size_t i;
  if (json_array_size(lanes) == 0)
    return;
  struct columns *table = columns_new(heads);
  json_array_foreach(lanes, i, l) {
    columns_cell(table, NULL, "%s", member_text(l, "lane"));
    columns_cell(table, NULL, "%s", member_text(l, "status"));
    columns_cell(table, NULL, "%s", words_number(p->a, member_number(l, "rows_read")));
    columns_cell(table, NULL, "%s", words_number(p->a, member_number(l, "rows_written")));
    columns_cell(table, NULL, "%s", words_number(p->a, member_number(l, "epochs")));
  }
  printf("\n%slanes%s\n", p->c->bold, p->c->off);
  columns_print(table, 2, p->c, stdout);
  columns_free(table);
}

static void print_task_errors(const struct printing *p) {
  const json_t *t;
  size_t i;
  json_array_foreach(json_object_get(p->all, "tasks"), i, t) {
    const json_t *error = json_object_get(t, "error");
    if (error)
      error_print(error, arena_printf(p->a, "%s/%s %s", member_text(t, "stream") ? member_text(t, "stream") : "", member_text(t, "shard") ? member_text(t, "shard") : "",
                                      member_text(t, "stage")), p->c, stdout);
  }
}

static void print_events(const struct printing *p) {
  const json_t *events = json_object_get(p->all, "events"), *e;
  size_t n = json_array_size(events), i;
  if (n == 0)
    return;
  printf("\n%sevents%s%s\n", p->c->bold, p->c->off, n > EVENTS_SHOWN ? arena_printf(p->a, " (the last %d of %zu)", EVENTS_SHOWN, n) : "");
  json_array_foreach(events, i, e) {
    const char *time = member_text(e, "time");
    if (n - i <= EVENTS_SHOWN)
      printf("  %s%.19s%s %-7s %s\n", p->c->dim, time ? time : "", p->c->off, member_text(e, "level"), words_clean(p->a, member_text(e, "message")));
  }
}

static void print(const struct cli_args *args, const struct host_answer *h) {
  const struct printing p = {.all = h->json, .run = json_object_get(h->json, "info"), .c = colours_of(stdout), .a = arena_new(), .now_ns = clock_wall_ns()};
  (void)args;
  print_head(&p);
  print_lanes(&p);
  print_tasks(&p);
  print_task_errors(&p);
  if (json_array_size(json_object_get(h->json, "attempts")) > 1) {
    printf("\n%sattempts%s\n", p.c->bold, p.c->off);
    runs_print(json_object_get(h->json, "attempts"), false, 2);
  }
  print_events(&p);
  arena_free(p.a);
}

int cmd_info(const struct cli_args *a) {
  static const char *const words[] = {"run", NULL};
  return host_tell(a, host_request(a, "info", words), false, print);
}
