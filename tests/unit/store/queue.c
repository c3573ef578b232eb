/* The queue: what goes in, in which order it comes out, and who holds what. */
#include <criterion/criterion.h>

#include "fixture.h"

TestSuite(store_queue, .init = enter, .fini = leave, .timeout = 60);

Test(store_queue, a_run_comes_back_as_it_went_in) {
  struct store *s = opened("a", STORE_SERVE);
  struct store_run in = {.id = "r1",
                         .pipeline = "p",
                         .trigger = "dependency",
                         .state = "queued",
                         .due_ns = T0 + 1000,
                         .queued_ns = T0 + 2000,
                         .not_before_ns = T0 + 3000,
                         .window_from_ns = T0 - SECOND,
                         .window_to_ns = T0 + 4000,
                         .priority = -5,
                         .attempt = 3,
                         .root = "r0",
                         .connections = "x y",
                         .options = "{\"full_refresh\":true}",
                         .reason = "grün"};
  enqueue(s, in);
  struct store_run *r = got(s, "r1");
  cr_expect_str_eq(r->pipeline, "p");
  cr_expect_str_eq(r->trigger, "dependency");
  cr_expect_str_eq(r->state, "queued");
  cr_expect_eq(r->due_ns, T0 + 1000);
  cr_expect_eq(r->queued_ns, T0 + 2000);
  cr_expect_eq(r->not_before_ns, T0 + 3000);
  cr_expect_eq(r->window_from_ns, T0 - SECOND);
  cr_expect_eq(r->window_to_ns, T0 + 4000);
  cr_expect_eq(r->priority, -5);
  cr_expect_eq(r->attempt, 3);
  cr_expect_str_eq(r->root, "r0");
  cr_expect_str_eq(r->connections, "x y");
  cr_expect_str_eq(r->options, "{\"full_refresh\":true}");
  cr_expect_str_eq(r->reason, "grün");
  cr_expect_null(r->host);
  cr_expect_null(r->error_class);
  cr_expect_null(r->cancel);
  cr_expect_eq(r->started_ns, 0);
  cr_expect_eq(r->ended_ns, 0);
  cr_expect_eq(r->lease_until_ns, 0);
  store_close(s);
}

Test(store_queue, a_slot_is_queued_once) {
  struct store *s = opened("a", STORE_SERVE);
  struct store_run runs[] = {due("1", "p", 0), due("2", "p", 0), due("3", "p", 60), due("4", "q", 0),
                             due("1", "r", 0), due("5", "p", 0), due("6", "p", 0)};
  runs[1].trigger = "catch_up";
  runs[5].trigger = "manual";
  runs[6].trigger = "retry";
  bool added[7];
  OK(store_enqueue(s, runs, 7, false, T0, added, &err));
  static const bool want[] = {true, false, true, true, false, true, true};
  for (int i = 0; i < 7; i++)
    cr_expect_eq(added[i], want[i], "%d", i);
  struct store_pipeline *p;
  size_t n;
  OK(store_pipelines(s, NULL, arena, &p, &n, &err));
  cr_assert_eq(n, 3);
  cr_expect_str_eq(p[0].name, "p");
  cr_expect_eq(p[0].last_due_ns, T0 + 60 * SECOND);
  cr_expect_eq(p[1].last_due_ns, T0);
  enqueue(s, due("7", "p", -60));
  OK(store_pipelines(s, NULL, arena, &p, &n, &err));
  cr_expect_eq(p[0].last_due_ns, T0 + 60 * SECOND, "it never goes back");
  store_close(s);
}

Test(store_queue, nothing_of_a_refused_batch_stays) {
  struct store *s = opened("a", STORE_SERVE);
  struct store_run runs[] = {due("1", "p", 0), due("2", "q", 0)};
  runs[1].state = "sleeping";
  cr_expect_eq(store_enqueue(s, runs, 2, false, T0, NULL, &err), -1);
  cr_expect_neq(err.error_class, (uint32_t)ETL_E_RETRYABLE);
  struct store_run *r;
  size_t n;
  OK(store_get(s, "1", arena, &r, &n, &err));
  cr_expect_eq(n, 0);
  store_close(s);
}

Test(store_queue, order_is_priority_then_due_then_queued) {
  struct store *s = opened("a", STORE_SERVE);
  struct store_run runs[] = {due("late", "a", 5), due("early", "b", 1),    due("urgent", "c", 9),
                             due("meek", "d", 0), due("future", "e", 100), due("early2", "f", 1)};
  runs[2].priority = 7;
  runs[3].priority = -1;
  runs[1].queued_ns = T0 + 2 * SECOND;
  runs[5].queued_ns = T0 + 1 * SECOND;
  OK(store_enqueue(s, runs, 6, false, T0, NULL, &err));
  static const char *const want[] = {"urgent", "early2", "early", "late", "meek"};
  size_t n;
  for (int i = 0; i < 5; i++) {
    struct store_run *r = claim(s, 10, 1, &n);
    cr_assert_eq(n, 1);
    cr_expect_str_eq(r->id, want[i]);
    cr_expect_str_eq(r->state, "claimed");
    cr_expect_str_eq(r->host, "a");
    cr_expect_eq(r->lease_until_ns, T0 + 40 * SECOND);
  }
  claim(s, 10, 1, &n);
  cr_expect_eq(n, 0, "what is due later is not claimed");
  int64_t next;
  OK(store_next(s, T0 + 10 * SECOND, &next, &err));
  cr_expect_eq(next, T0 + 100 * SECOND);
  OK(store_next(s, T0 + 100 * SECOND, &next, &err));
  cr_expect_eq(next, INT64_MAX);
  store_close(s);
}

Test(store_queue, one_active_run_a_pipeline) {
  struct store *s = opened("a", STORE_SERVE);
  struct store_run runs[] = {due("1", "p", 0), due("2", "p", 1), due("3", "q", 2)};
  OK(store_enqueue(s, runs, 3, false, T0, NULL, &err));
  size_t n;
  struct store_run *r = claim(s, 10, 9, &n);
  cr_assert_eq(n, 2);
  cr_expect_str_eq(r[0].id, "1");
  cr_expect_str_eq(r[1].id, "3");
  claim(s, 10, 9, &n);
  cr_expect_eq(n, 0);
  OK(store_running(s, "1", r[0].fence, T0 + 11 * SECOND, &err));
  OK(store_running(s, "1", r[0].fence, T0 + 11 * SECOND, &err)); /* asked again since the answer was lost */
  claim(s, 12, 9, &n);
  cr_expect_eq(n, 0);
  OK(finish_as(s, &r[0], "succeeded", 13));
  struct store_run *second = claim(s, 14, 9, &n);
  cr_assert_eq(n, 1);
  cr_expect_str_eq(second->id, "2");
  cr_expect_gt(second->fence, r[0].fence);
  store_close(s);
}

Test(store_queue, fences_grow_though_the_clock_goes_back) {
  struct store *s = opened("a", STORE_SERVE);
  size_t n;
  enqueue(s, due("1", "p", 0));
  struct store_run *first = claim(s, 100, 1, &n);
  cr_expect_eq(first->fence, (T0 + 100 * SECOND) / 1000);
  OK(finish_as(s, first, "succeeded", 101));
  enqueue(s, due("2", "p", 1));
  struct store_run *second = claim(s, 50, 1, &n);
  cr_assert_eq(n, 1);
  cr_expect_eq(second->fence, first->fence + 1);
  store_close(s);
}

Test(store_queue, paused_pipelines_wait) {
  struct store *s = opened("a", STORE_SERVE);
  size_t n;
  enqueue(s, due("1", "p", 0));
  OK(store_pause(s, "p", true, T0, &err));
  claim(s, 1, 9, &n);
  cr_expect_eq(n, 0);
  OK(store_pause(s, "p", false, T0, &err));
  claim(s, 1, 9, &n);
  cr_expect_eq(n, 1);
  store_close(s);
}

Test(store_queue, what_is_due_while_a_pipeline_is_paused_is_left_out) {
  struct store *s = opened("a", STORE_SERVE);
  struct store_run runs[] = {due("on time", "p", 0), due("late", "p", 1), due("asked for", "p", 2), due("other", "q", 0)};
  runs[1].trigger = "catch_up";
  runs[2].trigger = "manual";
  enqueue(s, due("before", "p", -60));
  OK(store_pause(s, "p", true, T0 - 9 * SECOND, &err));
  bool added[4];
  OK(store_enqueue(s, runs, 4, true, T0, added, &err));
  cr_expect(!added[0] && !added[1] && added[2] && added[3]);
  struct store_pipeline *p;
  size_t n;
  OK(store_paused(s, arena, &p, &n, &err));
  cr_assert_eq(n, 1);
  cr_expect_str_eq(p[0].name, "p");
  cr_expect_eq(p[0].last_due_ns, T0 + SECOND);
  OK(store_pause(s, "p", false, T0 + 60 * SECOND, &err));
  OK(store_pause(s, "p", false, T0 + 90 * SECOND, &err));
  OK(store_pause(s, "q", false, T0 + 90 * SECOND, &err));
  OK(store_pipelines(s, NULL, arena, &p, &n, &err));
  cr_assert_eq(n, 2);
  cr_expect_eq(p[0].last_due_ns, T0 + 60 * SECOND, "what was due before it went on is done with");
  cr_expect_eq(p[1].last_due_ns, T0, "one that was not paused has missed what it missed");
  store_close(s);
}

static bool not_q(void *arg, const struct store_run *candidate) {
  ++*(int *)arg;
  return strcmp(candidate->pipeline, "q") != 0;
}

Test(store_queue, the_host_may_leave_a_candidate) {
  struct store *s = opened("a", STORE_SERVE);
  struct store_run runs[] = {due("1", "q", 0), due("2", "p", 1), due("3", "r", 2)};
  OK(store_enqueue(s, runs, 3, false, T0, NULL, &err));
  int asked = 0;
  struct store_limits limits = {.max = 1, .accept = not_q, .arg = &asked};
  struct store_run *r;
  size_t n;
  OK(store_claim(s, T0 + 9 * SECOND, T0 + 39 * SECOND, &limits, arena, &r, &n, &err));
  cr_assert_eq(n, 1);
  cr_expect_str_eq(r->id, "2");
  cr_expect_eq(asked, 2, "nobody is asked for when there is room for no more");
  store_close(s);
}

Test(store_queue, connections_have_limits) {
  struct store *s = opened("a", STORE_SERVE);
  struct store_run runs[5];
  static const char *const uses[] = {"shop", "shop house", "house", "shop2 shop", "shop2"}, *const names[] = {"p0", "p1", "p2", "p3", "p4"};
  for (int i = 0; i < 5; i++) {
    runs[i] = due(names[i], names[i], i);
    runs[i].connections = uses[i];
  }
  OK(store_enqueue(s, runs, 5, false, T0, NULL, &err));
  static const char *const connections[] = {"shop", "none"};
  static const int64_t max[] = {1, 0};
  struct store_limits limits = {.max = 9, .connections = connections, .connection_max = max, .connections_n = 2};
  struct store_run *r;
  size_t n;
  OK(store_claim(s, T0 + 9 * SECOND, T0 + 39 * SECOND, &limits, arena, &r, &n, &err));
  cr_assert_eq(n, 3);
  cr_expect_str_eq(r[0].id, "p0");
  cr_expect_str_eq(r[1].id, "p2");
  cr_expect_str_eq(r[2].id, "p4", "shop2 is not shop");
  struct store_run first = r[0];
  OK(store_claim(s, T0 + 9 * SECOND, T0 + 39 * SECOND, &limits, arena, &r, &n, &err));
  cr_expect_eq(n, 0, "what earlier calls claimed counts");
  OK(finish_as(s, &first, "failed", 10));
  OK(store_claim(s, T0 + 9 * SECOND, T0 + 39 * SECOND, &limits, arena, &r, &n, &err));
  cr_assert_eq(n, 1);
  cr_expect_str_eq(r->id, "p1");
  store_close(s);
}

Test(store_queue, more_than_a_page_is_looked_through) {
  struct store *s = opened("a", STORE_SERVE);
  enum { MANY = 600 };
  static struct store_run runs[MANY + 1];
  for (int i = 0; i < MANY; i++)
    runs[i] = due(arena_printf(arena, "q%d", i), "q", i);
  runs[MANY] = due("last", "p", MANY);
  OK(store_enqueue(s, runs, MANY + 1, false, T0, NULL, &err));
  int asked = 0;
  struct store_limits limits = {.max = 9, .accept = not_q, .arg = &asked};
  struct store_run *r;
  size_t n;
  OK(store_claim(s, T0 + 3600 * SECOND, T0 + 3630 * SECOND, &limits, arena, &r, &n, &err));
  cr_assert_eq(n, 1);
  cr_expect_str_eq(r->id, "last");
  cr_expect_eq(asked, MANY + 1, "%d", asked);
  store_close(s);
}

static const char *unfollowed(struct store *s, const struct store_run *after, int64_t limit) {
  struct store_run *r;
  size_t n;
  const char *ids = "";
  OK(store_unfollowed(s, after, limit, arena, &r, &n, &err));
  for (size_t i = 0; i < n; i++)
    ids = arena_printf(arena, "%s%s%s", ids, i ? " " : "", r[i].id);
  return ids;
}

Test(store_queue, who_ended_is_told_of_until_somebody_looked_behind_it) {
  struct store *s = opened("a", STORE_SERVE);
  struct store_run runs[] = {due("plain", "p", 0), due("nothing", "q", 0), due("cancelled", "r", 60), due("skipped", "t", 0)};
  runs[3].state = "skipped";
  OK(store_enqueue(s, runs, 4, false, T0, NULL, &err));
  size_t n;
  const char *state;
  struct store_run *r = claim(s, 5, 9, &n), end;
  cr_assert_eq(n, 2);
  cr_expect_str_eq(unfollowed(s, NULL, 9), "skipped", "what was added as ended has ended, too");
  OK(finish_as(s, &r[1], "succeeded", 6));
  end = r[0];
  end.state = "failed";
  end.ended_ns = T0 + 7 * SECOND;
  OK(store_finish(s, &(struct store_outcome){.run = &end, .followed = true}, &err));
  OK(store_cancel(s, "cancelled", "now", "by hand", T0 + 8 * SECOND, &state, &err));
  const char *other = strcmp(r[1].id, "plain") == 0 ? "skipped plain cancelled" : "skipped nothing cancelled";
  cr_expect_str_eq(unfollowed(s, NULL, 9), other);
  struct store_run *first, next[] = {due("behind", "z", 0), due("again", "z", 0)};
  next[0].trigger = next[1].trigger = "dependency";
  OK(store_unfollowed(s, NULL, 1, arena, &first, &n, &err));
  cr_assert_eq(n, 1);
  cr_expect_str_eq(unfollowed(s, first, 1), r[1].id);
  bool added[2];
  OK(store_followed(s, first, 1, next, 2, T0 + 9 * SECOND, added, &err));
  cr_expect(added[0] && !added[1]);
  cr_expect_str_eq(got(s, "behind")->state, "queued");
  cr_expect_str_eq(unfollowed(s, NULL, 9), other + strlen("skipped "));
  next[0].state = "sleeping";
  next[0].due_ns++;
  cr_expect_eq(store_followed(s, got(s, "cancelled"), 1, next, 1, T0, NULL, &err), -1);
  cr_expect_str_eq(unfollowed(s, NULL, 9), other + strlen("skipped "), "with what could not be queued nothing is marked");
  store_close(s);
}

Test(store_queue, waiting_retries_are_superseded) {
  struct store *s = opened("a", STORE_SERVE);
  struct store_run runs[] = {due("retry", "p", 0), due("other", "q", 0), due("manual", "p", 0)};
  runs[0].trigger = runs[1].trigger = "retry";
  runs[2].trigger = "manual";
  runs[0].not_before_ns = T0 + 60 * SECOND;
  OK(store_enqueue(s, runs, 3, false, T0, NULL, &err));
  struct store_run next = due("next", "p", 30);
  OK(store_enqueue(s, &next, 1, true, T0 + 30 * SECOND, NULL, &err));
  cr_expect_str_eq(unfollowed(s, NULL, 9), "retry");
  struct store_run *r = got(s, "retry");
  cr_expect_str_eq(r->state, "skipped");
  cr_expect_not_null(strstr(r->reason, "next"));
  cr_expect_eq(r->ended_ns, T0 + 30 * SECOND);
  cr_expect_str_eq(got(s, "other")->state, "queued");
  cr_expect_str_eq(got(s, "manual")->state, "queued");
  struct store_run late = due("late", "p", 60);
  late.trigger = "retry";
  enqueue(s, late);
  OK(store_enqueue(s, &next, 1, true, T0 + 31 * SECOND, NULL, &err));
  cr_expect_str_eq(got(s, "late")->state, "queued", "a run that was there already supersedes nothing");
  store_close(s);
}

Test(store_queue, cancelling) {
  struct store *s = opened("a", STORE_SERVE);
  struct store_run runs[] = {due("1", "p", 0), due("2", "p", 1), due("3", "q", 2)};
  OK(store_enqueue(s, runs, 3, false, T0, NULL, &err));
  size_t n;
  struct store_run *r = claim(s, 5, 1, &n);
  const char *state;
  OK(store_cancel(s, "3", "now", "by hand", T0 + 6 * SECOND, &state, &err));
  cr_expect_str_eq(state, "queued");
  cr_expect_str_eq(got(s, "3")->state, "cancelled");
  cr_expect_str_eq(got(s, "3")->reason, "by hand");
  OK(store_cancel(s, "3", "now", "again", T0 + 6 * SECOND, &state, &err));
  cr_expect_str_eq(state, "cancelled");
  cr_expect_str_eq(got(s, "3")->reason, "by hand");
  OK(store_cancel(s, "nobody", "now", "", T0, &state, &err));
  cr_expect_null(state);
  int64_t cancelled;
  OK(store_cancel_all(s, "p", "finish", "the pipeline goes", T0 + 7 * SECOND, &cancelled, &err));
  cr_expect_eq(cancelled, 2);
  cr_expect_str_eq(got(s, "2")->state, "cancelled");
  struct store_lease lease = {.id = "1", .fence = r->fence};
  OK(store_renew(s, &lease, 1, T0 + 60 * SECOND, &err));
  cr_expect_not(lease.lost);
  cr_expect_str_eq(lease.cancel, "finish");
  OK(store_cancel(s, "1", "now", "hurry", T0 + 8 * SECOND, &state, &err));
  cr_expect_str_eq(state, "claimed");
  OK(store_cancel(s, "1", "finish", "no hurry", T0 + 9 * SECOND, &state, &err));
  OK(store_renew(s, &lease, 1, T0 + 60 * SECOND, &err));
  cr_expect_str_eq(lease.cancel, "now", "what was asked for is not taken back");
  store_close(s);
}

Test(store_queue, counts) {
  struct store *s = opened("a", STORE_SERVE);
  struct store_run runs[] = {due("1", "p", 0), due("2", "p", 1), due("3", "q", 2), due("4", "r", 100)};
  OK(store_enqueue(s, runs, 4, false, T0, NULL, &err));
  size_t n;
  struct store_run *r = claim(s, 5, 9, &n);
  OK(store_running(s, "3", r[1].fence, T0, &err));
  struct store_counts c;
  OK(store_count(s, T0 + 5 * SECOND, &c, &err));
  cr_expect_eq(c.queued, 2);
  cr_expect_eq(c.waiting, 1);
  cr_expect_eq(c.claimed, 1);
  cr_expect_eq(c.running, 1);
  store_close(s);
}

Test(store_queue, cancelling_what_is_queued_of_some_or_of_all_others) {
  struct store *s = opened("a", STORE_SERVE);
  struct store_run runs[] = {due("1", "p", 0), due("2", "p", 1), due("3", "q", 2), due("4", "r", 3), due("5", "r", 4), due("6", "r", 5)};
  OK(store_enqueue(s, runs, 6, false, T0, NULL, &err));
  size_t n;
  claim(s, 5, 1, &n);
  const struct store_names p = {(const char *const[]){"p"}, 1}, pq = {(const char *const[]){"p", "q"}, 2}, none = {NULL, 0};
  struct store_run *r;
  OK(store_cancel_queued(s, &none, false, "gone", T0 + 6 * SECOND, 10, arena, &r, &n, &err));
  cr_expect_eq(n, 0);
  OK(store_cancel_queued(s, &p, false, "gone", T0 + 6 * SECOND, 10, arena, &r, &n, &err));
  cr_assert_eq(n, 1);
  cr_expect_str_eq(r[0].id, "2");
  cr_expect_str_eq(r[0].state, "cancelled");
  cr_expect_str_eq(got(s, "1")->state, "claimed", "it has begun");
  OK(store_cancel_queued(s, &pq, true, "gone", T0 + 6 * SECOND, 2, arena, &r, &n, &err));
  cr_expect_eq(n, 2, "no more than asked for");
  const struct store_run *before = r;
  OK(store_cancel_queued(s, &pq, true, "gone", T0 + 6 * SECOND, 2, arena, &r, &n, &err));
  cr_expect_eq(n, 1);
  cr_expect_str_eq(before[0].id, "4", "what was told outlives other calls");
  cr_expect_str_eq(got(s, "3")->state, "queued");
  cr_expect_str_eq(got(s, "6")->reason, "gone");
  store_close(s);
}
