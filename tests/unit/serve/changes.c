/* Two generations side by side. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "serve/changes.h"

/* A word a pipeline: its name, its digest behind a colon; sorted. */
static struct generation *made(struct arena *a, const char *words) {
  struct generation *g = arena_alloc(a, sizeof *g);
  struct conf *c = arena_alloc(a, sizeof *c);
  char *text = arena_strdup(a, words), *rest = NULL;
  c->pipelines = arena_alloc(a, 16 * sizeof *c->pipelines);
  g->by_name = arena_alloc(a, 16 * sizeof *g->by_name);
  for (char *word = strtok_r(text, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
    char *colon = strchr(word, ':');
    *colon = '\0';
    c->pipelines[c->pipelines_n] = (struct conf_pipeline){.name = word, .digest = strtoull(colon + 1, NULL, 10)};
    g->by_name[c->pipelines_n] = &c->pipelines[c->pipelines_n];
    c->pipelines_n++;
  }
  g->conf = c;
  return g;
}

static void expect_changes(const char *old, const char *now, const char *want) {
  struct arena *a = arena_new();
  struct changes c;
  changes_find(made(a, old), made(a, now), a, &c);
  cr_expect_str_eq(changes_text(&c, a), want, "%s -> %s: %s, not %s", old, now, changes_text(&c, a), want);
  arena_free(a);
}

Test(changes, of_all_kinds) {
  expect_changes("", "", "0 as before");
  expect_changes("a:1 b:1", "a:1 b:1", "2 as before");
  expect_changes("", "a:1 b:1", "2 added (a, b), 0 as before");
  expect_changes("a:1 b:1", "", "2 removed (a, b), 0 as before");
  expect_changes("a:1 c:1 d:1 f:1", "a:2 b:1 d:1 e:1 g:1", "3 added (b, e, g), 1 changed (a), 2 removed (c, f), 1 as before");
}

Test(changes, of_many_the_first_are_named) {
  expect_changes("", "a:1 b:1 c:1 d:1 e:1 f:1 g:1 h:1 i:1 j:1", "10 added (a, b, c, d, e, f, g, h, i, j), 0 as before");
  expect_changes("", "a:1 b:1 c:1 d:1 e:1 f:1 g:1 h:1 i:1 j:1 k:1", "11 added (a, b, c, d, e, f, g, h, i, j ...), 0 as before");
}

Test(changes, that_move_times) {
  struct conf_pipeline p = {.name = "a", .schedule = "@daily", .timezone = "UTC", .enabled = true}, q = p;
  cr_expect_not(change_moves_times(&p, &q));
  q.jitter_ns = 5;
  cr_expect_not(change_moves_times(&p, &q));
  q.schedule = "@hourly";
  cr_expect(change_moves_times(&p, &q));
  q.schedule = NULL;
  cr_expect(change_moves_times(&p, &q));
  q = p;
  q.timezone = "Asia/Kathmandu";
  cr_expect(change_moves_times(&p, &q));
  q = p;
  q.start_at_ns = 1;
  cr_expect(change_moves_times(&p, &q));
  q = p;
  p.enabled = false;
  cr_expect(change_moves_times(&p, &q), "what was not due while it was disabled was not missed");
  cr_expect_not(change_moves_times(&q, &p));
}
