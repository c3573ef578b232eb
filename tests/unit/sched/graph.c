/* Pipelines after pipelines: order, circles, names that are not there; and schedules that never meet. */
#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "sched/check.h"
#include "sched/next.h"
#include "sched/sources.h"

enum { PIPELINES = 12 };

struct made { /* a configuration of a few lines: "c: a b", or "a = @daily" */
  struct arena *arena;
  struct conf conf;
  const char *names[PIPELINES + 1], *unread[2];
};

static void make(struct made *m, const char *lines) {
  *m = (struct made){.arena = arena_new()};
  char *text = arena_strdup(m->arena, lines), *rest, *word_rest;
  m->conf.pipelines = arena_alloc(m->arena, PIPELINES * sizeof *m->conf.pipelines);
  for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
    struct conf_pipeline *p = &m->conf.pipelines[m->conf.pipelines_n];
    *p = (struct conf_pipeline){.zone = &zone_utc, .enabled = line[0] != '-'};
    line += line[0] == '-';
    char *equals = strchr(line, '=');
    if (equals) {
      struct err e;
      p->schedule = equals + 2;
      cr_assert_eq(schedule_parse(p->schedule, &p->when, &e), 0);
      equals[-1] = '\0';
    }
    char *word = strtok_r(line, ": ", &word_rest);
    m->names[m->conf.pipelines_n++] = p->name = word;
    p->file = arena_printf(m->arena, "%s.conf", p->name);
    p->after = arena_alloc(m->arena, PIPELINES * sizeof *p->after);
    while (!equals && (word = strtok_r(NULL, ": ", &word_rest)))
      p->after[p->after_n++] = (struct conf_upstream){word, arena_printf(m->arena, "%s:1", p->file)};
  }
  m->conf.pipeline_names = m->names;
  m->conf.unread = m->unread;
}

/* What sched_check() says; to be freed. */
static char *said(struct made *m) {
  struct diags d = {0};
  char *text = NULL;
  size_t n = 0;
  FILE *f = open_memstream(&text, &n);
  sched_check(&m->conf, 1767225600 * NS_PER_SEC, &d);
  diags_print(&d, f);
  fclose(f);
  diags_fini(&d);
  return text;
}

static void expect_said(const char *lines, const char *want) {
  struct made m;
  make(&m, lines);
  char *text = said(&m);
  cr_expect_str_eq(text, want, "of\n%s\nwas said\n%s\nnot\n%s", lines, text, want);
  free(text);
  arena_free(m.arena);
}

Test(graph, order_and_both_directions) {
  struct made m;
  struct diags d = {0};
  const struct graph *g;
  make(&m, "a: c b\nb: c\nc\nd: a b c\ne\n");
  cr_assert_eq(graph_make(&m.conf, m.arena, &d, &g), 0);
  size_t place[PIPELINES];
  for (size_t i = 0; i < g->n; i++)
    place[g->order[i]] = i;
  cr_assert_eq(g->n, 5);
  for (size_t i = 0; i < g->n; i++)
    for (size_t k = 0; k < g->nodes[i].upstream_n; k++)
      cr_expect(place[g->nodes[i].upstream[k]] < place[i]);
  cr_assert_eq(g->nodes[0].upstream_n, 2);
  cr_expect_eq(g->nodes[0].upstream[0], 2, "in the order of after");
  cr_assert_eq(g->nodes[2].downstream_n, 3);
  cr_expect_eq(g->nodes[2].downstream[2], 3);
  cr_expect_eq(g->nodes[4].downstream_n, 0);
  arena_free(m.arena);
}

Test(graph, nothing) {
  struct made m;
  struct diags d = {0};
  const struct graph *g;
  make(&m, "");
  cr_assert_eq(graph_make(&m.conf, m.arena, &d, &g), 0);
  cr_expect_eq(g->n, 0);
  arena_free(m.arena);
}

Test(graph, circles) {
  expect_said("a: a\n", "a.conf:1: error: pipelines wait for each other in a circle: a after a; take one of these out of 'after'\n");
  expect_said("d: b\nc: a\nb: c\na: b\n", /* d waits for it, but is not part of it */
              "a.conf:1: error: pipelines wait for each other in a circle: a after b after c after a; take one of these out of 'after'\n");
  expect_said("a: b\nb: a\nx\nc: d x\nd: c\n",
              "a.conf:1: error: pipelines wait for each other in a circle: a after b after a; take one of these out of 'after'\n"
              "c.conf:1: error: pipelines wait for each other in a circle: c after d after c; take one of these out of 'after'\n");
}

Test(graph, names_that_are_not_there) {
  expect_said("logins\nreport: login users\n",
              "report.conf:1: error: 'after' names the pipeline 'login', which is not there; did you mean 'logins'?\n"
              "report.conf:1: error: 'after' names the pipeline 'users', which is not there; write the name of a file of pipeline_dir, without .conf\n");
  struct made m;
  make(&m, "report: broken\n");
  m.unread[0] = "broken";
  char *text = said(&m);
  cr_expect_str_eq(text, "", "its file's mistake is told already: %s", text);
  free(text);
  arena_free(m.arena);
}

Test(graph, upstreams_that_are_not_enabled) {
  expect_said("-a = @daily\nb: a\n",
              "b.conf:1: warning: this waits for 'a', which is not enabled and runs only when it is asked to\n");
}

Test(graph, schedules_that_never_meet) {
  expect_said("a = @hourly\nb = 30 * * * *\nc: a b\nd: c\n",
              "c.conf:1: warning: this never runs: those that it comes after are never due at the same time, such as 'a' (\"@hourly\") and 'b' (\"30 * * * "
              "*\"); give them the same schedule\n");
  expect_said("a = @hourly\nb = @daily\nx = 0 0 29 2 *\nc: a b x\n", "");
  expect_said("a = @hourly\nb = 30 * * * *\nm\nc: a m\nd: b\ne: c d\n", ""); /* m is run by hand, whenever that is */
  expect_said("a = every 7m\nb = every 11m\nc = every 13m\nd: a b c\n", "");
}

Test(graph, times_in_common) {
  struct made m;
  struct diags d = {0};
  const struct graph *g;
  make(&m, "a = 0 */6 * * *\nb = @hourly\nc: a b\nd: c\ne = @hourly\nf: e b\nm\nn: m a\n");
  cr_assert_eq(graph_make(&m.conf, m.arena, &d, &g), 0);
  const struct sources *s = sources_make(&m.conf, g, m.arena);
  int64_t day = 1767225600 * NS_PER_SEC, hour = 3600 * NS_PER_SEC;
  cr_expect_eq(sources_next_ns(&s[3], day - 1), day);
  cr_expect_eq(sources_next_ns(&s[3], day), day + 6 * hour, "after is outside");
  cr_expect_eq(s[5].n, 1, "one schedule");
  cr_expect_eq(sources_next_ns(&s[5], day), day + hour);
  cr_expect(s[7].unsure, "m runs when it is asked to");
  cr_expect_eq(sources_next_ns(&s[7], day), SCHED_NEVER);
  m.conf.pipelines[1].end_at_ns = day + 12 * hour;
  cr_expect_eq(sources_next_ns(&s[3], day + 6 * hour), SCHED_NEVER);
  arena_free(m.arena);
}

Test(graph, nothing_between_start_and_end) {
  struct made m;
  make(&m, "a = @yearly\n");
  m.conf.pipelines[0].start_at_ns = 1767225601 * NS_PER_SEC;
  m.conf.pipelines[0].end_at_ns = 1767225601 * NS_PER_SEC + 30 * 86400 * NS_PER_SEC;
  char *text = said(&m);
  cr_expect_str_eq(text, "a.conf: warning: the schedule \"@yearly\" never fires: none of its times is between 'start_at' and 'end_at'; look at both\n");
  free(text);
  m.conf.pipelines[0].end_at_ns = 0;
  text = said(&m);
  cr_expect_str_eq(text, "");
  free(text);
  arena_free(m.arena);
}
