/* History, events, what is remembered of pipelines, and the versions of the tables. */
#include <criterion/criterion.h>

#include "fixture.h"
#include "store/priv.h"

static const struct store_names only_p = {.list = (const char *const[]){"p"}, .n = 1};

TestSuite(store_history, .init = enter, .fini = leave, .timeout = 60);

static void ended(struct store *s, const char *id, const char *pipeline, const char *state, int64_t seconds) {
  struct store_run r = due(id, pipeline, seconds);
  r.state = state;
  r.queued_ns = r.ended_ns = T0 + seconds * SECOND;
  r.root = id[0] == 'r' ? "r1" : NULL;
  enqueue(s, r);
}

static const char *listed(struct store *s, struct store_filter f) {
  struct store_run *r;
  size_t n;
  OK(store_list(s, &f, arena, &r, &n, &err));
  const char *ids = "";
  for (size_t i = 0; i < n; i++)
    ids = arena_printf(arena, "%s%s%s", ids, i ? " " : "", r[i].id);
  return ids;
}

Test(store_history, lists) {
  struct store *s = opened("a", STORE_SERVE);
  struct store_run *r;
  size_t n;
  ended(s, "r1", "p", "failed", 1);
  ended(s, "r2", "p", "succeeded", 2);
  ended(s, "x3", "q", "partial", 3);
  ended(s, "x4", "p", "skipped", 4);
  enqueue(s, due("x5", "q", 5));
  cr_expect_str_eq(listed(s, (struct store_filter){0}), "x4 x3 r2 r1 x5", "the latest queued first");
  cr_expect_str_eq(listed(s, (struct store_filter){.pipeline = "p"}), "x4 r2 r1");
  cr_expect_str_eq(listed(s, (struct store_filter){.pipeline = "p", .limit = 2}), "x4 r2");
  cr_expect_str_eq(listed(s, (struct store_filter){.states = "failed,partial"}), "x3 r1");
  cr_expect_str_eq(listed(s, (struct store_filter){.pipeline = "q", .states = "queued"}), "x5");
  cr_expect_str_eq(listed(s, (struct store_filter){.root = "r1"}), "r2 r1");
  cr_expect_str_eq(listed(s, (struct store_filter){.root = "r1", .pipeline = "q"}), "");
  OK(store_of_due(s, "p", T0 + 4 * SECOND, arena, &r, &n, &err));
  cr_assert_eq(n, 1);
  cr_expect_str_eq(r->id, "x4");
  OK(store_of_due(s, "q", T0 + 4 * SECOND, arena, &r, &n, &err));
  cr_expect_eq(n, 0);
  cr_expect_str_eq(listed(s, (struct store_filter){.since_ns = T0 + 2 * SECOND, .before_ns = T0 + 4 * SECOND}), "x3 r2");
  ended(s, "x2", "p", "failed", 3);
  cr_expect_str_eq(listed(s, (struct store_filter){.before_ns = T0 + 3 * SECOND, .before_id = "x3"}), "x2 r2 r1 x5", "what stands behind one of them");
  cr_expect_str_eq(listed(s, (struct store_filter){.before_ns = T0 + 3 * SECOND, .before_id = "x3", .pipeline = "p"}), "x2 r2 r1");
  cr_expect_str_eq(listed(s, (struct store_filter){.before_ns = T0 + 3 * SECOND, .before_id = "x2", .root = "r1"}), "r2 r1");
  cr_expect_str_eq(listed(s, (struct store_filter){.states = "ail"}), "", "whole names only");
  store_close(s);
}

Test(store_history, one_by_the_beginning_of_its_id) {
  struct store *s = opened("a", STORE_SERVE);
  ended(s, "abc1", "p", "failed", 1);
  ended(s, "abd", "p", "failed", 2);
  ended(s, "ab%", "p", "failed", 3);
  struct store_run *r;
  size_t n;
  cr_expect_str_eq(got(s, "abc")->id, "abc1");
  cr_expect_str_eq(got(s, "ab%")->id, "ab%");
  OK(store_get(s, "ab", arena, &r, &n, &err));
  cr_expect_eq(n, 2, "several");
  OK(store_get(s, "zz", arena, &r, &n, &err));
  cr_expect_eq(n, 0);
  OK(store_get(s, "", arena, &r, &n, &err));
  cr_expect_eq(n, 0);
  store_close(s);
}

Test(store_history, the_latest_of_each_pipeline) {
  struct store *s = opened("a", STORE_SERVE);
  ended(s, "1", "p", "failed", 1);
  ended(s, "2", "p", "succeeded", 2);
  ended(s, "3", "q", "failed", 3);
  enqueue(s, due("4", "q", 0));
  enqueue(s, due("5", "z", 900));
  size_t n;
  claim(s, 5, 9, &n);
  struct store_run *r;
  OK(store_latest(s, NULL, arena, &r, &n, &err));
  cr_assert_eq(n, 3);
  cr_expect_str_eq(r[0].id, "2");
  cr_expect_str_eq(r[1].id, "3");
  cr_expect_str_eq(r[2].id, "4");
  store_close(s);
}

Test(store_history, events_follow_each_other) {
  struct store *s = opened("a", STORE_SERVE);
  struct store_event ev[] =
      {{.at_ns = T0, .level = "info", .kind = "run", .pipeline = "p", .run = "1", .stage = "load", .shard = "x", .message = "one"},
       {.at_ns = T0, .level = "info", .kind = "reload", .host = "b", .message = "two"},
       {.at_ns = T0, .level = "info", .kind = "run", .pipeline = "q", .run = "2", .message = "three"}},
                     *got_ev;
  OK(store_event_add(s, ev, 3, &err));
  size_t n;
  OK(store_events(s, -1, NULL, NULL, 2, arena, &got_ev, &n, &err));
  cr_assert_eq(n, 2);
  cr_expect_str_eq(got_ev[0].message, "two");
  cr_expect_str_eq(got_ev[0].host, "b");
  cr_expect_str_eq(got_ev[1].message, "three");
  int64_t last = got_ev[0].id;
  OK(store_events(s, last, NULL, NULL, 9, arena, &got_ev, &n, &err));
  cr_assert_eq(n, 1);
  cr_expect_gt(got_ev[0].id, last);
  OK(store_events(s, 0, "p", NULL, 9, arena, &got_ev, &n, &err));
  cr_assert_eq(n, 1);
  cr_expect_str_eq(got_ev->stage, "load");
  cr_expect_str_eq(got_ev->shard, "x");
  cr_expect_eq(got_ev->at_ns, T0);
  OK(store_events(s, 0, NULL, "2", 9, arena, &got_ev, &n, &err));
  cr_assert_eq(n, 1);
  cr_expect_str_eq(got_ev->message, "three");
  store_close(s);
}

/* ---- forgetting --------------------------------------------------------------------------------------------------------------------------- */

static void prune_all(struct store *s, int64_t seconds, int64_t age, int64_t count) {
  int64_t n;
  do
    OK(store_prune(s, T0 + seconds * SECOND, age * SECOND, count, &n, &err));
  while (n > 0);
}

Test(store_history, what_is_old_is_forgotten) {
  struct store *s = opened("a", STORE_SERVE);
  for (int i = 1; i <= 1200; i++)
    ended(s, arena_printf(arena, "r%d", i), "p", "succeeded", i);
  ended(s, "q1", "q", "succeeded", 1);
  enqueue(s, due("w", "p", 1201));
  struct store_event ev[] = {{.at_ns = T0, .level = "info", .kind = "run", .message = "old"},
                             {.at_ns = T0 + 1000 * SECOND, .level = "info", .kind = "run", .message = "new"}};
  OK(store_event_add(s, ev, 2, &err));
  prune_all(s, 1200, 0, 0);
  cr_expect_str_eq(got(s, "r1")->id, "r1", "no limit");
  prune_all(s, 1201, 6, 0);
  cr_expect_str_eq(listed(s, (struct store_filter){.pipeline = "p"}), "r1200 r1199 r1198 r1197 r1196 w");
  cr_expect_str_eq(listed(s, (struct store_filter){.pipeline = "q"}), "q1", "the last one of a pipeline stays");
  struct store_event *left;
  size_t n;
  OK(store_events(s, 0, NULL, NULL, 9, arena, &left, &n, &err));
  cr_assert_eq(n, 0);
  OK(store_event_add(s, ev, 2, &err));
  prune_all(s, 1201, 3600, 1);
  cr_expect_str_eq(listed(s, (struct store_filter){.pipeline = "p"}), "r1200 w");
  OK(store_events(s, 0, NULL, NULL, 9, arena, &left, &n, &err));
  cr_assert_eq(n, 1);
  cr_expect_str_eq(left->message, "new");
  store_close(s);
}

Test(store_history, tasks_go_with_their_run) {
  struct store *s = opened("a", STORE_SERVE);
  size_t n;
  enqueue(s, due("1", "p", 0));
  struct store_run end = *claim(s, 1, 1, &n);
  struct store_task *t, task = {.run = "1", .stage = "load", .state = "failed", .error_class = "auth", .error_message = "no", .error_remedy = "ask"};
  end.state = "succeeded";
  end.ended_ns = T0 + 2 * SECOND;
  OK(store_finish(s, &(struct store_outcome){.run = &end, .tasks = &task, .tasks_n = 1}, &err));
  ended(s, "2", "p", "failed", 3);
  OK(store_tasks(s, "1", arena, &t, &n, &err));
  cr_assert_eq(n, 1);
  cr_expect_str_eq(t->error_message, "no");
  cr_expect_str_eq(t->error_remedy, "ask");
  prune_all(s, 100, 1, 0);
  OK(store_tasks(s, "1", arena, &t, &n, &err));
  cr_expect_eq(n, 0);
  cr_expect_str_eq(listed(s, (struct store_filter){0}), "2");
  store_close(s);
}

/* ---- pipelines ---------------------------------------------------------------------------------------------------------------------------- */

Test(store_history, pipelines_are_remembered) {
  struct store *s = opened("a", STORE_SERVE);
  struct store_pipeline note[] = {{.name = "p", .last_due_ns = T0 + SECOND}, {.name = "q", .window_to_ns = T0 + 2 * SECOND}}, *p;
  OK(store_pipelines_note(s, note, 2, &err));
  note[0].last_due_ns = T0;
  note[0].window_to_ns = T0 + 5 * SECOND;
  OK(store_pipelines_note(s, note, 1, &err));
  OK(store_pause(s, "q", true, T0, &err));
  store_close(s);
  s = opened("a", STORE_SERVE);
  size_t n;
  OK(store_pipelines(s, NULL, arena, &p, &n, &err));
  cr_assert_eq(n, 2);
  cr_expect(p[0].last_due_ns == T0 + SECOND && p[0].window_to_ns == T0 + 5 * SECOND && !p[0].paused);
  cr_expect(p[1].last_due_ns == 0 && p[1].window_to_ns == T0 + 2 * SECOND && p[1].paused);
  store_close(s);
}

Test(store_history, breakers_are_remembered) {
  struct store *s = opened("a", STORE_SERVE);
  struct store_breaker in[] =
      {{.pipeline = "p", .shard = "", .state = "open", .failures = 3, .opened_ns = T0, .changed_ns = T0 + SECOND, .reason = "three"},
       {.pipeline = "p", .shard = "eu1", .state = "closed", .failures = 1},
       {.pipeline = "q", .shard = "", .state = "half_open", .failures = 9}},
                       *out;
  OK(store_breakers_save(s, in, 3, &err));
  size_t n;
  OK(store_breakers(s, NULL, arena, &out, &n, &err));
  cr_expect_eq(n, 3);
  OK(store_breakers(s, &only_p, arena, &out, &n, &err));
  cr_assert_eq(n, 2);
  cr_expect_str_eq(out[0].state, "open");
  cr_expect(out[0].failures == 3 && out[0].opened_ns == T0 && out[0].changed_ns == T0 + SECOND);
  in[0].state = "closed";
  in[0].failures = 0;
  OK(store_breakers_save(s, in, 1, &err));
  OK(store_breakers(s, &only_p, arena, &out, &n, &err));
  cr_assert_eq(n, 1);
  cr_expect_str_eq(out[0].shard, "eu1");
  store_close(s);
}

Test(store_history, cursors_do_not_go_back) {
  struct store *s = opened("a", STORE_SERVE);
  struct store_cursor in[] = {{.pipeline = "p", .stream = "t", .shard = "x", .owner = 5, .epoch = 1, .cursor = "c1"},
                              {.pipeline = "p", .stream = "t", .shard = "y", .owner = 5, .epoch = 1, .cursor = "d1"}},
                      *out;
  size_t n;
  OK(store_cursors_put(s, in, 2, &err));
  in[0].epoch = 2;
  in[0].cursor = "c2";
  in[1].cursor = "d2";
  REFUSED(store_cursors_put(s, in, 2, &err), ETL_E_FENCED, "shard y");
  OK(store_cursors(s, "p", arena, &out, &n, &err));
  cr_assert_eq(n, 2);
  cr_expect_str_eq(out[0].cursor, "c1", "all or none");
  cr_expect_str_eq(out[1].cursor, "d1");
  in[1].cursor = "d1";
  OK(store_cursors_put(s, in, 2, &err));
  OK(store_cursors_put(s, in, 2, &err)); /* the answer was lost */
  in[1].cursor = NULL;
  OK(store_cursors_put(s, in + 1, 1, &err));
  OK(store_cursors(s, "p", arena, &out, &n, &err));
  cr_assert_eq(n, 1, "the other is forgotten");
  in[0].epoch = 3;
  in[0].owner = 4;
  REFUSED(store_cursors_put(s, in, 1, &err), ETL_E_FENCED, "newer run");
  OK(store_cursors(s, "p", arena, &out, &n, &err));
  cr_expect_str_eq(out[0].cursor, "c2");
  store_close(s);
}

Test(store_history, hosts_are_seen) {
  struct store *s = opened("a", STORE_SERVE);
  struct store_host *h;
  size_t n;
  OK(store_ping(s, T0 + 7 * SECOND, &err));
  OK(store_hosts(s, arena, &h, &n, &err));
  cr_assert_eq(n, 1);
  cr_expect_str_eq(h->name, "a");
  cr_expect(h->pid == getpid() && h->started_ns == T0 && h->seen_ns == T0 + 7 * SECOND);
  cr_expect_neq(h->machine[0], 0);
  store_close(s);
  s = opened("b", STORE_SERVE);
  OK(store_ping(s, T0 + 7 * SECOND + STORE_HOST_AGE_NS, &err));
  int64_t pruned;
  OK(store_prune(s, T0 + 7 * SECOND + STORE_HOST_AGE_NS - 1000, 0, 0, &pruned, &err));
  OK(store_hosts(s, arena, &h, &n, &err));
  cr_expect_eq(n, 2);
  OK(store_prune(s, T0 + 7 * SECOND + STORE_HOST_AGE_NS, 0, 0, &pruned, &err));
  OK(store_hosts(s, arena, &h, &n, &err));
  cr_assert_eq(n, 1);
  cr_expect_str_eq(h->name, "b");
  store_close(s);
}

Test(store_history, a_probe_waits_no_longer_than_its_breaker_is_open) {
  struct store *s = opened("a", STORE_SERVE);
  static const char *const states[] = {"open", "half_open", "closed"}, *const left[] = {"queued", "skipped", "skipped"};
  for (int i = 0; i < 3; i++) {
    struct store_run probe = due(arena_printf(arena, "probe%d", i), "p", i), other = due(arena_printf(arena, "other%d", i), "q", i);
    probe.trigger = other.trigger = "probe";
    enqueue(s, probe);
    enqueue(s, other);
    struct store_breaker b[] = {{.pipeline = "q", .shard = "eu1", .state = states[i], .failures = 3, .changed_ns = T0 + SECOND},
                                {.pipeline = "p", .shard = "", .state = states[i], .changed_ns = T0 + SECOND}};
    OK(store_breakers_save(s, b, 2, &err));
    cr_expect_str_eq(got(s, probe.id)->state, left[i]);
    cr_expect_str_eq(got(s, other.id)->state, "queued", "the breaker of a shard has no probe");
  }
  cr_expect_eq(got(s, "probe2")->ended_ns, T0 + SECOND);
  cr_expect_not_null(strstr(got(s, "probe2")->reason, "closed"));
  size_t n;
  struct store_run again = due("again", "z", 9), first = due("first", "z", 1);
  enqueue(s, first);
  again.trigger = "probe";
  struct store_run *r = claim(s, 2, 1, &n), end = *r;
  end.state = "failed";
  end.ended_ns = T0 + 3 * SECOND;
  struct store_breaker half = {.pipeline = "z", .shard = "", .state = "half_open", .changed_ns = T0 + 3 * SECOND};
  OK(store_finish(s, &(struct store_outcome){.run = &end, .queue = &again, .queue_n = 1, .breakers = &half, .breakers_n = 1}, &err));
  cr_expect_str_eq(got(s, "again")->state, "queued", "one that comes with the same outcome stays");
  store_close(s);
}

static const char *waiting(struct store *s, const struct store_names *of, int64_t limit) {
  struct store_run *r;
  size_t n;
  OK(store_waiting(s, of, limit, arena, &r, &n, &err));
  const char *ids = "";
  for (size_t i = 0; i < n; i++)
    ids = arena_printf(arena, "%s%s%s", ids, i ? " " : "", r[i].id);
  return ids;
}

Test(store_history, some_pipelines_of_many) {
  struct store *s = opened("a", STORE_SERVE);
  static const char *const list[] = {"a\"b", "p", "Q", "nobody"};
  const struct store_names of = {.list = list, .n = 4};
  const struct store_breaker broken[] = {{.pipeline = "p", .state = "open", .failures = 1}, {.pipeline = "r", .state = "open", .failures = 1}};
  struct store_pipeline *p;
  struct store_breaker *b;
  struct store_run *r;
  size_t n;
  ended(s, "1", "Q", "failed", 1);
  ended(s, "2", "r", "failed", 1);
  enqueue(s, due("3", "p", 30));
  enqueue(s, due("4", "p", 20));
  enqueue(s, due("5", "a\"b", 40));
  enqueue(s, due("6", "r", 10));
  OK(store_pause(s, "p", true, T0, &err));
  OK(store_pause(s, "r", true, T0, &err));
  OK(store_breakers_save(s, broken, 2, &err));
  OK(store_pipelines(s, &of, arena, &p, &n, &err));
  cr_assert_eq(n, 3);
  cr_expect_str_eq(p[0].name, "Q", "as strcmp() has it");
  cr_expect_str_eq(p[1].name, "a\"b");
  cr_expect(p[2].paused);
  OK(store_paused(s, arena, &p, &n, &err));
  cr_assert_eq(n, 2);
  cr_expect_str_eq(p[1].name, "r");
  OK(store_breakers(s, &of, arena, &b, &n, &err));
  cr_assert_eq(n, 1);
  OK(store_latest(s, &of, arena, &r, &n, &err));
  cr_assert_eq(n, 1);
  cr_expect_str_eq(r->id, "1");
  cr_expect_str_eq(waiting(s, &of, 10), "5 4 3");
  cr_expect_str_eq(waiting(s, &of, 2), "5 4");
  claim(s, 100, 9, &n);
  OK(store_latest(s, &of, arena, &r, &n, &err));
  cr_assert_eq(n, 2, "those at work, too");
  store_close(s);
}

static const char *to_tell(struct store *s, int64_t seconds) {
  struct store_notice *r;
  size_t n;
  const char *all = "";
  OK(store_notices_take(s, "ops", T0 + seconds * SECOND, 60 * SECOND, arena, &r, &n, &err));
  for (size_t i = 0; i < n; i++)
    all = arena_printf(arena, "%s%s%s=%s", all, i ? " " : "", r[i].id, r[i].waiting);
  return all;
}

Test(store_history, what_is_still_to_be_told) {
  struct store *s = opened("a", STORE_SERVE);
  struct store_notice rows[] = {{.id = "1", .target = "ops", .waiting = "{}"}, {.id = "2", .target = "ops", .waiting = "[]"}, {.id = "3", .target = "other", .waiting = "1"}};
  OK(store_notices_put(s, NULL, 0, rows, 3, T0, &err));
  cr_expect_str_eq(to_tell(s, 1), "1={} 2=[]");
  rows[0].id = "4";
  static const char *const forget[] = {"2", "nobody"};
  OK(store_notices_put(s, forget, 2, rows, 1, T0 + SECOND, &err));
  cr_expect_str_eq(to_tell(s, 1), "1={} 4={}");
  REFUSED(store_notices_put(s, forget, 0, rows, 1, T0, &err), ETL_E_INTERNAL, "");
  int64_t n;
  OK(store_prune(s, T0 + STORE_NOTICE_AGE_NS, 0, 0, &n, &err));
  cr_expect_str_eq(to_tell(s, 1), "4={}");
  cr_expect_str_eq(to_tell(s, 3 * 86400 + 1), "", "nobody wants to hear of it any more");
  store_close(s);
}

Test(store_history, what_a_host_that_is_gone_had_to_tell_goes_over_to_another) {
  struct store *a = opened("a", STORE_SERVE);
  struct store_notice row = {.id = "1", .target = "ops", .waiting = "{}"};
  OK(store_notices_put(a, NULL, 0, &row, 1, T0, &err));
  store_close(a);
  struct store *b = opened("b", STORE_SERVE);
  cr_expect_str_eq(to_tell(b, 59), "", "that one was seen");
  cr_expect_str_eq(to_tell(b, 61), "1={}");
  cr_expect_str_eq(to_tell(b, 0), "1={}", "it is ours now");
  store_close(b);
  a = opened("a", STORE_SERVE);
  cr_expect_str_eq(to_tell(a, 0), "");
  store_close(a);
}

/* ---- versions ----------------------------------------------------------------------------------------------------------------------------- */

static void become_version(struct store *s, int64_t version, const char *etl_version) {
  OK(store_begin(s, ACCESS_WRITE, &err));
  OK(store_end(s, store_do(s, SQL_META_ADD, NULL, &err, PARAMS(INT(version), TEXT(etl_version))), &err));
}

Test(store_history, a_newer_store_is_refused) {
  struct store *s = opened("a", STORE_SERVE);
  become_version(s, 99, "9.8.7");
  store_close(s);
  REFUSED(store_open(store_url, STORE_SERVE, "a", T0, &err, &s), ETL_E_CONFIG, "9.8.7");
  cr_expect_not_null(strstr(err.message, "version 99"));
  REFUSED(store_open(store_url, STORE_READ, "a", T0, &err, &s), ETL_E_CONFIG, "newer");
}

Test(store_history, an_older_store_is_brought_up_to_date) {
  struct store *s = opened("a", STORE_SERVE);
  enqueue(s, due("1", "p", 0));
  struct sql_text versions[SQL_VERSIONS + 2];
  memcpy(versions, sql_versions, sizeof sql_versions);
  versions[SQL_VERSIONS] = (struct sql_text){"ALTER TABLE hosts ADD COLUMN colour text", "ALTER TABLE hosts ADD COLUMN colour text"};
  versions[SQL_VERSIONS + 1] = (struct sql_text){"CREATE TABLE x (y bigint); nonsense", "CREATE TABLE x (y bigint); nonsense"};
  cr_expect_eq(store_migrate(s, STORE_SERVE, versions, SQL_VERSIONS + 2, &err), -1, "one step that fails undoes all");
  REFUSED(store_migrate(s, STORE_READ, versions, SQL_VERSIONS + 1, &err), ETL_E_CONFIG, "older version");
  OK(store_migrate(s, STORE_SERVE, versions, SQL_VERSIONS + 1, &err));
  OK(store_migrate(s, STORE_SERVE, versions, SQL_VERSIONS + 1, &err));
  cr_expect_str_eq(got(s, "1")->id, "1");
  REFUSED(store_migrate(s, STORE_SERVE, sql_versions, SQL_VERSIONS, &err), ETL_E_CONFIG, "newer");
  store_close(s);
}

/* As a release of that version left one behind: a run with a task, and one that waits. */
static void leave_version(size_t version) {
  static const char rows[] = "INSERT INTO pipeline_runs (id, pipeline, trigger, state, due_at, queued_at, not_before_at, started_at, ended_at, priority, attempt, root)"
                             " VALUES ('1', 'p', 'manual', 'failed', 1, 1, 1, 2, 3, 0, 1, '1'), ('2', 'p', 'manual', 'queued', 2, 2, 2, NULL, NULL, 0, 1, '2');"
                             "INSERT INTO pipeline_tasks (run, stage, stream, shard, state, attempts, rows_in, rows_out, bytes, error_message)"
                             " VALUES ('1', 'load', 's', 'eu1', 'failed', 2, 30, 20, 0, 'no');"
                             "INSERT INTO pipelines (name, fence) VALUES ('p', 9000000000000000)";
  struct store s = {.host = "a", .scratch = arena, .waste = arena_new()};
  int rc = on_postgres() ? driver_postgres_open(store_url, STORE_SERVE, s.host, &err, &s.driver) : driver_sqlite_open(store_url, STORE_SERVE, &err, &s.driver);
  cr_assert_eq(rc, 0, "%s", err.message);
  OK(store_migrate(&s, STORE_SERVE, sql_versions, version, &err));
  OK(store_begin(&s, ACCESS_WRITE, &err));
  OK(store_end(&s, s.driver->api->script(s.driver, &(struct sql_text){rows, rows}, &err), &err));
  s.driver->api->close(s.driver);
  arena_free(s.waste);
}

static void bring_up_to_date(size_t version) {
  struct store *s;
  struct store_task *t;
  struct store_run *r;
  size_t n;
  leave_version(version);
  REFUSED(store_open(store_url, STORE_READ, "a", T0, &err, &s), ETL_E_CONFIG, arena_printf(arena, "older version (%zu", version));
  s = opened("a", STORE_SERVE);
  OK(store_tasks(s, "1", arena, &t, &n, &err));
  cr_assert_eq(n, 1);
  cr_expect_eq(t->rows_in, 30);
  cr_expect_str_eq(t->error_message, "no");
  cr_expect_null(t->error_remedy);
  OK(store_begin(s, ACCESS_READ, &err));
  OK(store_end(s, s->driver->api->script(s->driver, &(struct sql_text){"SELECT error_remedy FROM tasks", "SELECT error_remedy FROM tasks"}, &err), &err));
  OK(store_claim(s, T0, T0 + SECOND, &(struct store_limits){.max = 9}, arena, &r, &n, &err));
  cr_assert_eq(n, 1);
  cr_expect_str_eq(r->id, "2");
  cr_expect_eq(r->fence, 9000000000000001);
  cr_expect_str_eq(to_tell(s, 0), "");
  store_close(s);
}

Test(store_history, version_1_is_brought_up_to_date) { bring_up_to_date(1); }
Test(store_history, version_2_is_brought_up_to_date) { bring_up_to_date(2); }
Test(store_history, version_3_is_brought_up_to_date) { bring_up_to_date(3); }

Test(store_history, what_ended_before_there_was_such_a_list_is_not_on_it) {
  leave_version(1);
  struct store *s = opened("a", STORE_SERVE);
  struct store_run *r;
  size_t n;
  const char *state;
  OK(store_unfollowed(s, NULL, 9, arena, &r, &n, &err));
  cr_expect_eq(n, 0, "what came after runs of that time is long since there");
  OK(store_cancel(s, "2", "now", "by hand", T0, &state, &err));
  OK(store_unfollowed(s, NULL, 9, arena, &r, &n, &err));
  cr_assert_eq(n, 1);
  cr_expect_str_eq(r->id, "2");
  store_close(s);
}

Test(store_history, nothing_there_yet) {
  struct store *s;
  REFUSED(store_open(store_url, STORE_READ, "a", T0, &err, &s), ETL_E_UNSUPPORTED, "no state store");
  s = opened("a", STORE_WRITE);
  enqueue(s, due("1", "p", 0));
  store_close(s);
  s = opened("a", STORE_READ);
  cr_expect_str_eq(got(s, "1")->id, "1");
  store_close(s);
}
