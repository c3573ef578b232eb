/* `etl schedule`: when a pipeline will run next.  Works by the configuration alone; no host is asked. */
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/civil.h"
#include "base/clock.h"
#include "base/table.h"
#include "base/units.h"
#include "cli/check.h"
#include "cli/cli.h"
#include "sched/missed.h"
#include "sched/next.h"
#include "sched/sources.h"

enum {
  COUNT = 10,
  COUNT_MAX = 10000
};

struct coming {
  const struct conf_pipeline *p;
  int64_t due_ns[COUNT_MAX];
  size_t n;
};

static int64_t start_ns(const struct coming *c, size_t i) {
  return c->due_ns[i] + sched_jitter_ns(c->p->name, c->due_ns[i], c->p->jitter_ns);
}

static const char *weekday(const struct zone *z, int64_t ns) {
  static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  int64_t rest, s = ns / NS_PER_SEC;
  return days[civil_weekday(civil_day_of(s + zone_offset_s(z, s), &rest))];
}

static const char *why_none(const struct conf_pipeline *p) {
  if (p->when.kind == SCHEDULE_REBOOT)
    return "It runs once whenever the host starts.";
  if (!p->schedule)
    return p->after_n ? "When that is, cannot be told: see `etl check` and `etl graph`." : "It has no schedule: it runs when it is asked to.";
  return p->end_at_ns ? "No time is left before its 'end_at'." : "It never runs: there is no such day.";
}

static void print_text(const struct coming *c) {
  const struct conf_pipeline *p = c->p;
  static const char *const heads[] = {"DAY", "LOCAL", "UTC", NULL}, *const more[] = {"DAY", "LOCAL", "UTC", "STARTS (UTC)", NULL};
  char text[UNITS_TEXT], moment[ZONE_TEXT];
  if (p->schedule)
    printf("%s: \"%s\" in %s%s%s%s\n", p->name, p->schedule, p->timezone, p->jitter_ns ? ", each less than " : "",
           p->jitter_ns ? units_print_duration(text, p->jitter_ns) : "", p->jitter_ns ? " later" : "");
  if (!p->enabled)
    puts("It is not enabled (enabled = false): the host does not start it by itself.");
  for (size_t i = 0; i < p->after_n; i++)
    printf("%s%s", i ? ", " : "It runs after ", p->after[i].name);
  if (p->after_n)
    puts(p->on == ON_ANY ? ", whatever they come to." : ", if they succeed.");
  if (c->n == 0) {
    puts(why_none(p));
    return;
  }
  struct table *t = table_new(p->jitter_ns ? more : heads);
  for (size_t i = 0; i < c->n; i++) {
    table_cell(t, "%s", weekday(p->zone, c->due_ns[i]));
    table_cell(t, "%s", zone_print(p->zone, c->due_ns[i], moment));
    table_cell(t, "%s", zone_print(&zone_utc, c->due_ns[i], moment));
    if (p->jitter_ns)
      table_cell(t, "%s", zone_print(&zone_utc, start_ns(c, i) / NS_PER_SEC * NS_PER_SEC, moment));
  }
  table_print(t, stdout);
  table_free(t);
}

static void print_json(const struct coming *c) {
  const struct conf_pipeline *p = c->p;
  json_t *runs = json_array(), *after = json_array();
  char local[ZONE_TEXT], utc[ZONE_TEXT], starts[ZONE_TEXT];
  for (size_t i = 0; i < c->n; i++)
    json_array_append_new(runs, json_pack("{s:s, s:s, s:s}", "local", zone_print(p->zone, c->due_ns[i], local), "utc",
                                          zone_print(&zone_utc, c->due_ns[i], utc), "starts", zone_print(&zone_utc, start_ns(c, i), starts)));
  for (size_t i = 0; i < p->after_n; i++)
    json_array_append_new(after, json_string(p->after[i].name));
  json_t *all = json_pack("{s:s, s:s*, s:s, s:b, s:o, s:o}", "pipeline", p->name, "schedule", p->schedule, "timezone", p->timezone, "enabled",
                          (int)p->enabled, "after", after, "runs", runs);
  json_dumpf(all, stdout, JSON_INDENT(2));
  putchar('\n');
  json_decref(all);
}

static int refuse(const char *message, const char *remedy) {
  struct err e;
  err_set(&e, ETL_E_CONFIG, "%s", message);
  err_remedy(&e, "%s", remedy);
  return cli_report(&e);
}

/* Due times of one that comes after others, by all of their schedules; mistakes in their files are the business of `etl check`. */
static void find_by_sources(const struct cli_args *a, struct coming *c, size_t most, int64_t at) {
  struct diags d = {0};
  struct conf *all = NULL;
  struct arena *arena = arena_new();
  const struct graph *g;
  if (conf_load(cli_opt(a, "conf"), NULL, &d, &all) == 0 && graph_make(all, arena, &d, &g) == 0) {
    const struct sources *s = &sources_make(all, g, arena)[conf_pipeline_find(all, c->p->name) - all->pipelines];
    while (c->n < most && (at = sources_next_ns(s, at)) != SCHED_NEVER)
      c->due_ns[c->n++] = at;
  }
  arena_free(arena);
  conf_free(all);
  diags_fini(&d);
}

static int show(const struct cli_args *a, const struct conf_pipeline *p) {
  const char *count = cli_opt(a, "count"), *after = cli_opt(a, "after"), *output = cli_opt(a, "output");
  int64_t most = count ? strtoll(count, NULL, 10) : COUNT, at = clock_wall_ns();
  if (most < 1 || most > COUNT_MAX)
    return refuse("--count is out of range", "give a number from 1 to 10000");
  if (after && zone_parse(p->zone, after, &at) < 0)
    return refuse("--after wants a date or a time", "write for instance 2026-03-01, or 2026-03-01T06:00:00Z");
  struct coming *c = xcalloc(1, sizeof *c);
  c->p = p;
  if (!p->schedule && p->after_n)
    find_by_sources(a, c, (size_t)most, at);
  for (at = sched_pipeline_next_ns(p, at); at != SCHED_NEVER && c->n < (size_t)most; at = sched_pipeline_next_ns(p, at))
    c->due_ns[c->n++] = at;
  if (output && strcmp(output, "json") == 0)
    print_json(c);
  else
    print_text(c);
  free(c);
  return CLI_OK;
}

int cmd_schedule(const struct cli_args *a) {
  struct diags d = {0};
  struct conf *conf = NULL;
  conf_load_for_check(cli_opt(a, "conf"), cli_word(a, 0), &d, &conf);
  int status = check_report(&d);
  if (status == CLI_OK)
    status = show(a, conf_pipeline_find(conf, cli_word(a, 0)));
  conf_free(conf);
  diags_fini(&d);
  return status;
}
