/* `etl status`: how the host stands. */
#include <string.h>

#include "base/clock.h"
#include "base/member.h"
#include "cli/columns.h"
#include "cli/event_text.h"
#include "cli/host.h"

struct printing {
  const json_t *all;
  const struct colours *c;
  struct arena *a;
  int64_t now_ns;
};

/* "2026-11-21 11:54:57 UTC" of RFC 3339. */
static const char *clock_text(const struct printing *p, const char *time) {
  if (!time || strlen(time) < 19)
    return "?";
  return arena_printf(p->a, "%.10s %.8s UTC", time, time + 11);
}

static void label(const struct printing *p, const char *name) { printf("%s%15s%s  ", p->c->dim, name, p->c->off); }

static void print_host(const struct printing *p) {
  const json_t *host = json_object_get(p->all, "host");
  const char *since = member_text(host, "since"), *state = member_text(host, "state");
  if (!host) {
    printf("%sno host is running%s\n", p->c->bad, p->c->off);
    return;
  }
  bool running = state && strcmp(state, "running") == 0;
  printf("host %s%s%s: %s%s%s since %s (%s)\n", p->c->bold, words_clean(p->a, member_text(host, "name")), p->c->off, running ? p->c->good : p->c->warn,
         state ? state : "?", p->c->off, clock_text(p, since), words_when(p->a, since, p->now_ns));
  label(p, "version");
  printf("%s, process %lld\n", member_text(host, "version"), (long long)member_number(host, "pid"));
  if (member_number(host, "log_lost")) {
    label(p, "log");
    printf("%s%s could not be written%s\n", p->c->bad, words_count(p->a, member_number(host, "log_lost"), "record"), p->c->off);
  }
}

/* Other hosts of the store, or the last one that there was. */
static void print_hosts(const struct printing *p) {
  const char *own = member_text(json_object_get(p->all, "host"), "name");
  const json_t *one;
  size_t i;
  json_array_foreach(json_object_get(p->all, "hosts"), i, one) {
    const char *name = member_text(one, "name");
    if (own && strcmp(own, name) == 0)
      continue;
    label(p, own ? "another host" : "last seen");
    printf("host %s on %s, %s\n", words_clean(p->a, name), words_clean(p->a, member_text(one, "machine")), words_when(p->a, member_text(one, "seen"), p->now_ns));
  }
}

static void print_findings(const struct printing *p, const json_t *list) {
  const json_t *f;
  size_t i;
  json_array_foreach(list, i, f) {
    const char *origin = member_text(f, "origin"), *level = member_text(f, "level");
    bool error = level && strcmp(level, "error") == 0;
    printf("%17s%s%s%s%s%s: %s\n", "", words_clean(p->a, origin), origin ? ": " : "", error ? p->c->bad : p->c->warn, level, p->c->off,
           words_clean(p->a, member_text(f, "text")));
  }
}

static void print_each(const struct printing *p, const char *list, const char *title, const char *what) {
  const json_t *one;
  size_t i;
  json_array_foreach(json_object_get(p->all, list), i, one) {
    label(p, title);
    printf("%s: %s\n", words_clean(p->a, member_text(one, what)), words_clean(p->a, member_text(one, "reason")));
  }
}

static void print_configuration(const struct printing *p) {
  const json_t *conf = json_object_get(p->all, "configuration"), *reload = json_object_get(conf, "reload");
  if (!conf)
    return;
  label(p, "configuration");
  printf("%s, %s, read %s\n", words_clean(p->a, member_text(conf, "file")), words_count(p->a, member_number(conf, "pipelines"), "pipeline"),
         words_when(p->a, member_text(conf, "loaded"), p->now_ns));
  if (reload && member_number(reload, "errors")) {
    label(p, "reload");
    printf("%sfailed%s %s with %s; the configuration before it stays\n", p->c->bad, p->c->off, words_when(p->a, member_text(reload, "at"), p->now_ns),
           words_count(p->a, member_number(reload, "errors"), "error"));
  }
  print_findings(p, json_object_get(reload, "findings"));
  print_each(p, "bad_connectors", "bad connector", "file");
  print_each(p, "unusable", "cannot run", "pipeline");
}

static void print_store(const struct printing *p) {
  const json_t *store = json_object_get(p->all, "store"), *queue = json_object_get(p->all, "queue");
  const char *place = member_text(store, "place"), *error = member_text(store, "error");
  bool usable = member_true(store, "usable");
  label(p, "store");
  if (usable)
    printf("%s\n", words_clean(p->a, place));
  else
    printf("%s%scannot be used%s%s%s: %s\n", place ? words_clean(p->a, place) : "", place ? " " : "", p->c->bad, p->c->off,
           member_text(store, "away_since") ? arena_printf(p->a, " (%s)", words_when(p->a, member_text(store, "away_since"), p->now_ns)) : "",
           error ? words_clean(p->a, error) : "?");
  if (member_number(store, "outcomes_waiting")) {
    label(p, "");
    printf("%s to be stored when it is back\n", words_count(p->a, member_number(store, "outcomes_waiting"), "outcome"));
  }
  if (!usable && !json_object_get(p->all, "host"))
    return;
  label(p, "queue");
  if (json_object_get(queue, "max_running"))
    printf("%lld of at most %lld runs running", (long long)member_number(queue, "running"), (long long)member_number(queue, "max_running"));
  else
    printf("%s running", words_count(p->a, member_number(queue, "active"), "run"));
  if (usable)
    printf(", %lld queued, %lld waiting for its time", (long long)member_number(queue, "queued"), (long long)member_number(queue, "waiting"));
  putchar('\n');
}

static void print_held(const struct printing *p) {
  const json_t *one;
  size_t i;
  const char *names = "";
  json_array_foreach(json_object_get(p->all, "paused"), i, one)
    names = arena_printf(p->a, "%s%s%s", names, i ? ", " : "", words_clean(p->a, json_string_value(one)));
  if (*names) {
    label(p, "paused");
    printf("%s\n", names);
  }
  json_array_foreach(json_object_get(p->all, "breakers"), i, one) {
    const char *shard = member_text(one, "shard");
    label(p, i ? "" : "breakers");
    printf("%s%s%s: %s%s%s, opened %s after %s in a row\n", words_clean(p->a, member_text(one, "pipeline")), shard ? "/" : "", words_clean(p->a, shard), p->c->bad,
           member_text(one, "state"), p->c->off, words_when(p->a, member_text(one, "opened"), p->now_ns), words_count(p->a, member_number(one, "failures"), "failure"));
  }
}

static void print_runs(const struct printing *p) {
  static const char *const heads[] = {"RUN", "~PIPELINE", "~TRIGGER", ">ATTEMPT", ">FOR", ">READ", ">WRITTEN", ">MEMORY", NULL};
  const json_t *runs = json_object_get(p->all, "runs"), *r;
  size_t i;
  if (json_array_size(runs) == 0)
    return;
  struct columns *t = columns_new(heads);
  json_array_foreach(runs, i, r) {
    columns_cell(t, NULL, "%s", member_text(r, "run"));
    columns_cell(t, NULL, "%s", member_text(r, "pipeline"));
    columns_cell(t, NULL, "%s%s", member_text(r, "trigger"), json_object_get(r, "cancel") ? ", ending" : "");
    columns_cell(t, NULL, "%lld", (long long)member_number(r, "attempt"));
    columns_cell(t, NULL, "%s", words_seconds(p->a, json_number_value(json_object_get(r, "seconds"))));
    columns_cell(t, NULL, "%s", words_number(p->a, member_number(r, "rows_read")));
    columns_cell(t, NULL, "%s", words_number(p->a, member_number(r, "rows_written")));
    columns_cell(t, NULL, "%s", member_number(r, "rss_bytes") ? words_bytes(p->a, member_number(r, "rss_bytes")) : "");
  }
  putchar('\n');
  columns_print(t, 0, p->c, stdout);
  columns_free(t);
}

int cmd_status(const struct cli_args *a) {
  struct host_answer h;
  int status = host_ask(a, host_request(a, "status", NULL), NULL, NULL, true, &h);
  bool running = !h.from_store;
  if (status == CLI_OK && !host_print_json(a, &h)) {
    const struct printing p = {.all = h.json, .c = colours_of(stdout), .a = arena_new(), .now_ns = clock_wall_ns()};
    print_host(&p);
    print_hosts(&p);
    print_configuration(&p);
    print_store(&p);
    print_held(&p);
    print_runs(&p);
    arena_free(p.a);
  }
  host_answer_fini(&h);
  return status != CLI_OK ? status : running ? CLI_OK : HOST_NOT_RUNNING;
}
