/* Leases, outcomes, and what happens when a host dies or comes back from the dead. */
#include <criterion/criterion.h>
#include <signal.h>
#include <sys/wait.h>

#include "fixture.h"
#include "store/priv.h"

static const struct store_names only_p = {.list = (const char *const[]){"p"}, .n = 1};

TestSuite(store_leases, .init = enter, .fini = leave, .timeout = 60);

/* ---- outcomes ----------------------------------------------------------------------------------------------------------------------------- */

static const struct store_task tasks[] = {{.run = "1",
                                           .stage = "load",
                                           .stream = "t",
                                           .shard = "eu2",
                                           .state = "failed",
                                           .attempts = 2,
                                           .rows_in = 5,
                                           .rows_out = 4,
                                           .bytes = 99,
                                           .started_ns = T0,
                                           .ended_ns = T0 + SECOND,
                                           .error_class = "data",
                                           .error_code = "x",
                                           .error_message = "why"},
                                          {.run = "1", .stage = "extract", .stream = "t", .shard = "eu1", .state = "succeeded"}};
static const struct store_breaker breaker = {
    .pipeline = "p", .shard = "eu2", .state = "open", .failures = 3, .opened_ns = T0, .changed_ns = T0 + 1000, .reason = "3 in a row"};
static const struct store_event event = {
    .at_ns = T0 + 9 * SECOND, .level = "error", .kind = "run", .pipeline = "p", .run = "1", .message = "it failed"};

static void check_run(struct store *s) {
  struct store_run *r = got(s, "1");
  cr_expect_str_eq(r->state, "partial");
  cr_expect(r->rows_read == 10 && r->rows_written == 7 && r->rows_filtered == 2 && r->rows_rejected == 1 && r->bytes == 1234);
  cr_expect(r->started_ns == T0 + 2 * SECOND && r->ended_ns == T0 + 9 * SECOND && r->lease_until_ns == 0);
  cr_expect_str_eq(r->error_class, "retryable");
  cr_expect_str_eq(r->error_code, "1205");
  cr_expect_str_eq(r->error_message, "deadlock");
  cr_expect_str_eq(r->error_remedy, "wait");
  cr_expect_str_eq(r->error_stage, "extract");
  cr_expect_str_eq(r->error_connector, "sqlserver");
  cr_expect_str_eq(got(s, "1b")->state, "queued");
  cr_expect_eq(got(s, "1b")->not_before_ns, T0 + 20 * SECOND);
  cr_expect_str_eq(got(s, "down")->state, "skipped");
  cr_expect_eq(got(s, "down")->ended_ns, T0 + 9 * SECOND);
}

static void check_rest(struct store *s) {
  struct store_task *t;
  struct store_pipeline *p;
  struct store_breaker *b;
  struct store_event *ev;
  size_t n;
  OK(store_tasks(s, "1", arena, &t, &n, &err));
  cr_assert_eq(n, 2);
  cr_expect_str_eq(t[0].shard, "eu1");
  cr_expect_str_eq(t[1].stage, "load");
  cr_expect(t[1].attempts == 2 && t[1].rows_in == 5 && t[1].rows_out == 4 && t[1].bytes == 99 && t[1].started_ns == T0 &&
            t[1].ended_ns == T0 + SECOND);
  cr_expect_str_eq(t[1].error_message, "why");
  OK(store_pipelines(s, NULL, arena, &p, &n, &err));
  cr_expect_eq(p[0].window_to_ns, T0 + 3 * SECOND);
  OK(store_breakers(s, &only_p, arena, &b, &n, &err));
  cr_assert_eq(n, 1);
  cr_expect_str_eq(b->reason, "3 in a row");
  OK(store_events(s, 0, NULL, NULL, 0, arena, &ev, &n, &err));
  cr_assert_eq(n, 1, "the second telling added nothing");
  cr_expect_str_eq(ev->host, "a");
}

Test(store_leases, an_outcome_and_all_that_follows) {
  struct store *s = opened("a", STORE_SERVE);
  enqueue(s, due("1", "p", 0));
  size_t n;
  struct store_run end = *claim(s, 1, 1, &n);
  struct store_run next[] = {{.id = "1b",
                              .pipeline = "p",
                              .trigger = "retry",
                              .state = "queued",
                              .due_ns = T0,
                              .attempt = 2,
                              .root = "1",
                              .not_before_ns = T0 + 20 * SECOND},
                             {.id = "down", .pipeline = "q", .trigger = "dependency", .state = "skipped", .due_ns = T0, .reason = "p failed"}};
  end.state = "partial";
  end.started_ns = T0 + 2 * SECOND;
  end.ended_ns = T0 + 9 * SECOND;
  end.window_to_ns = T0 + 3 * SECOND;
  end.rows_read = 10;
  end.rows_written = 7;
  end.rows_filtered = 2;
  end.rows_rejected = 1;
  end.bytes = 1234;
  end.error_class = "retryable";
  end.error_code = "1205";
  end.error_message = "deadlock";
  end.error_remedy = "wait";
  end.error_stage = "extract";
  end.error_connector = "sqlserver";
  struct store_outcome o = {.run = &end,
                            .tasks = tasks,
                            .tasks_n = 2,
                            .queue = next,
                            .queue_n = 2,
                            .window_done = true,
                            .breakers = &breaker,
                            .breakers_n = 1,
                            .events = &event,
                            .events_n = 1};
  OK(store_finish(s, &o, &err));
  OK(store_finish(s, &o, &err)); /* told again, since the answer was lost */
  check_run(s);
  check_rest(s);
  store_close(s);
}

Test(store_leases, a_refused_outcome_changes_nothing) {
  struct store *s = opened("a", STORE_SERVE);
  enqueue(s, due("1", "p", 0));
  size_t n;
  struct store_run end = *claim(s, 1, 1, &n), bad = due("2", "q", 0);
  bad.trigger = "whim";
  end.state = "failed";
  end.ended_ns = T0 + 2 * SECOND;
  struct store_outcome o = {.run = &end, .events = &event, .events_n = 1, .tasks = tasks, .tasks_n = 2, .queue = &bad, .queue_n = 1};
  cr_expect_eq(store_finish(s, &o, &err), -1);
  cr_expect_str_eq(got(s, "1")->state, "claimed");
  struct store_task *t;
  OK(store_tasks(s, "1", arena, &t, &n, &err));
  cr_expect_eq(n, 0);
  store_close(s);
}

/* ---- leases ------------------------------------------------------------------------------------------------------------------------------- */

Test(store_leases, leases_are_renewed_until_they_are_lost) {
  struct store *s = opened("a", STORE_SERVE);
  struct store_run runs[] = {due("1", "p", 0), due("2", "q", 1)}, *left;
  OK(store_enqueue(s, runs, 2, false, T0, NULL, &err));
  size_t n, left_n;
  struct store_run *r = claim(s, 5, 2, &n);
  OK(store_reap(s, T0 + 6 * SECOND, T0 + 36 * SECOND, arena, &left, &left_n, &err)); /* the first call takes over all that was left behind */
  cr_assert_eq(left_n, 2);
  struct store_lease leases[] = {{.id = "1", .fence = r[0].fence}, {.id = "2", .fence = left[1].fence}, {.id = "3", .fence = 1}};
  OK(store_renew(s, leases, 3, T0 + 90 * SECOND, &err));
  cr_expect(leases[0].lost, "an older fence");
  cr_expect_not(leases[1].lost);
  cr_expect(leases[2].lost, "no such run");
  cr_expect_eq(got(s, "2")->lease_until_ns, T0 + 90 * SECOND);
  cr_expect_eq(got(s, "1")->lease_until_ns, T0 + 36 * SECOND);
  REFUSED(store_running(s, "1", r[0].fence, T0, &err), ETL_E_FENCED, "run 1");
  REFUSED(store_unclaim(s, "1", r[0].fence, T0, &err), ETL_E_FENCED, "run 1");
  REFUSED(finish_as(s, &r[0], "succeeded", 9), ETL_E_FENCED, "run 1");
  cr_expect_str_eq(got(s, "1")->state, "claimed");
  store_close(s);
}

Test(store_leases, a_run_goes_back_to_the_queue) {
  struct store *s = opened("a", STORE_SERVE);
  enqueue(s, due("1", "p", 0));
  size_t n;
  struct store_run *r = claim(s, 1, 1, &n);
  OK(store_unclaim(s, "1", r->fence, T0 + 9 * SECOND, &err));
  OK(store_unclaim(s, "1", r->fence, T0 + 9 * SECOND, &err));
  claim(s, 5, 1, &n);
  cr_expect_eq(n, 0);
  struct store_run *again = claim(s, 9, 1, &n);
  cr_assert_eq(n, 1);
  cr_expect_gt(again->fence, r->fence);
  REFUSED(store_unclaim(s, "1", r->fence, T0, &err), ETL_E_FENCED, "lost");
  store_close(s);
}

Test(store_leases, what_a_dead_host_held_is_taken_over_once) {
  struct store *s = opened("a", STORE_SERVE);
  struct store_run runs[] = {due("1", "p", 0), due("2", "q", 1)}, *left;
  OK(store_enqueue(s, runs, 2, false, T0, NULL, &err));
  size_t n;
  OK(store_reap(s, T0, T0 + 30 * SECOND, arena, &left, &n, &err));
  cr_expect_eq(n, 0);
  struct store_run *r = claim(s, 5, 1, &n); /* until 35 */
  OK(store_reap(s, T0 + 35 * SECOND, T0 + 65 * SECOND, arena, &left, &n, &err));
  cr_expect_eq(n, 0, "it has just not ended");
  OK(store_reap(s, T0 + 36 * SECOND, T0 + 66 * SECOND, arena, &left, &n, &err));
  cr_assert_eq(n, 1);
  cr_expect_str_eq(left->id, "1");
  cr_expect_str_eq(left->host, "a");
  cr_expect_gt(left->fence, r->fence);
  struct store_run first = *left;
  OK(store_reap(s, T0 + 37 * SECOND, T0 + 67 * SECOND, arena, &left, &n, &err));
  cr_expect_eq(n, 0, "who takes it over holds it for a time");
  OK(store_reap(s, T0 + 67 * SECOND, T0 + 97 * SECOND, arena, &left, &n, &err));
  cr_assert_eq(n, 1, "and if he does nothing, it is taken over again");
  REFUSED(finish_as(s, &first, "crashed", 68), ETL_E_FENCED, "taken");
  OK(finish_as(s, left, "crashed", 68));
  cr_expect_str_eq(got(s, "1")->state, "crashed");
  store_close(s);
}

Test(store_leases, a_host_that_starts_takes_over_its_own) {
  struct store *s = opened("a", STORE_SERVE);
  enqueue(s, due("1", "p", 0));
  size_t n;
  claim(s, 5, 1, &n);
  store_close(s);
  s = opened("a", STORE_SERVE);
  struct store_run *left;
  OK(store_reap(s, T0 + 6 * SECOND, T0 + 36 * SECOND, arena, &left, &n, &err));
  cr_assert_eq(n, 1, "though its lease is not over");
  OK(finish_as(s, left, "crashed", 7));
  store_close(s);
}

/* ---- killed in the middle ----------------------------------------------------------------------------------------------------------------- */

static bool stop_here(void *arg, const struct store_run *candidate) {
  if (strcmp(candidate->id, "1") == 0)
    return true;
  if (write(*(int *)arg, "x", 1) != 1)
    return false;
  for (;;)
    pause(); /* until killed: the first run is claimed by now, within the transaction */
}

static void claim_and_hang(int fd) {
  struct store *s = opened("a", STORE_SERVE);
  struct store_limits limits = {.max = 9, .accept = stop_here, .arg = &fd};
  struct store_run *r;
  size_t n;
  _exit(store_claim(s, T0 + 5 * SECOND, T0 + 35 * SECOND, &limits, arena, &r, &n, &err) == 0 ? 1 : 2);
}

Test(store_leases, killed_in_the_middle_of_a_transaction) {
  struct store *s = opened("a", STORE_SERVE);
  struct store_run runs[] = {due("1", "p", 0), due("2", "q", 1)}, *r;
  OK(store_enqueue(s, runs, 2, false, T0, NULL, &err));
  store_close(s);
  int pipe_fds[2], status;
  char byte;
  size_t n;
  cr_assert_eq(pipe(pipe_fds), 0);
  pid_t child = fork_bound();
  if (child == 0)
    claim_and_hang(pipe_fds[1]);
  close(pipe_fds[1]);
  cr_assert_eq(read(pipe_fds[0], &byte, 1), 1);
  cr_assert_eq(kill(child, SIGKILL), 0);
  cr_assert_eq(waitpid(child, &status, 0), child);
  s = opened("a", STORE_SERVE);
  cr_expect_str_eq(got(s, "1")->state, "queued");
  r = claim(s, 6, 9, &n);
  cr_assert_eq(n, 2);
  cr_expect_eq(r[0].fence, (T0 + 6 * SECOND) / 1000, "the fence that nobody got is not kept either");
  store_close(s);
}

/* ---- clocks that differ ------------------------------------------------------------------------------------------------------------------- */

/* The clock of this one is an hour ahead; for it a minute of the server passes. */
Test(store_leases, a_host_whose_clock_is_ahead_judges_by_the_servers) {
  struct store *s = opened("a", STORE_SERVE);
  struct store_limits limits = {.max = 1};
  struct store_run *r;
  size_t n;
  enqueue(s, due("1", "p", 0));
  OK(store_reap(s, T0, T0 + 30 * SECOND, arena, &r, &n, &err)); /* of the host before it */
  OK(store_claim(s, T0 + SECOND, T0 + 31 * SECOND, &limits, arena, &r, &n, &err));
  cr_assert_eq(n, 1);
  s->behind_ns = -3600 * SECOND;
  OK(store_reap(s, T0 + 3600 * SECOND + 2 * SECOND, T0 + 3700 * SECOND, arena, &r, &n, &err));
  cr_expect_eq(n, 0, "the lease has 29 s left");
  struct store_lease lease = {.id = "1", .fence = got(s, "1")->fence};
  OK(store_renew(s, &lease, 1, T0 + 3600 * SECOND + 40 * SECOND, &err));
  cr_expect_not(lease.lost);
  cr_expect_eq(got(s, "1")->lease_until_ns, T0 + 40 * SECOND);
  OK(store_reap(s, T0 + 3600 * SECOND + 41 * SECOND, T0 + 3600 * SECOND + 71 * SECOND, arena, &r, &n, &err));
  cr_assert_eq(n, 1);
  cr_expect_eq(got(s, "1")->lease_until_ns, T0 + 71 * SECOND);
  store_close(s);
}
