/* What is known of a run by its events. */
#include "canned.h"

#include "cli/run_view.h"

static struct run_view v;
static int64_t now;
static void begin(void) { now = 5 * NS_PER_SEC; }
static void end(void) { run_view_fini(&v); }
TestSuite(run_view, .init = begin, .fini = end);

static void note(double seconds, const char *event) {
  json_t *j = canned(event);
  run_view_note(&v, j, now + (int64_t)(seconds * (double)NS_PER_SEC));
  json_decref(j);
}

static const char *status(const char *name) {
  static char buf[64];
  return run_view_status(&v, run_view_lane(&v, name), buf, sizeof buf);
}

Test(run_view, lanes_grow_and_end) {
  note(0, "{'event': 'start', 'pipeline': 'p', 'full_refresh': true, 'lanes': [{'lane': 't/a', 'est_rows': 7}, {'lane': 't/b'}]}");
  cr_assert_eq(v.lanes_n, 2);
  cr_expect_str_eq(v.pipeline, "p");
  cr_expect(v.full_refresh && !v.dry_run);
  note(1, "{'event': 'progress', 'rss_bytes': 4096, 'lanes': [{'lane': 't/a', 'status': 'running', 'rows_read': 100, "
          "'rows_written': 40, "
          "'lag_seconds': 2.5}, {'lane': 't/b', 'status': 'running', 'rows_read': 10, 'rows_written': 0, 'lag_seconds': -1.0}]}");
  cr_expect_eq(v.rows_read, 110);
  cr_expect_eq(v.rows_written, 40);
  cr_expect_eq(v.rss_bytes, 4096);
  cr_expect_float_eq(v.per_second, 110, 0.001);
  cr_expect_float_eq(run_view_lane(&v, "t/a")->lag_seconds, 2.5, 0.001);
  cr_expect_eq(run_view_count(&v, VIEW_RUNNING), 2);
  note(3, "{'event': 'lane', 'lane': 't/a', 'status': 'failed', 'rows_read': 90, 'error': {'message': 'm'}}");
  cr_expect_eq(run_view_count(&v, VIEW_FAILED), 1);
  cr_expect_float_eq(run_view_lane(&v, "t/a")->ended_seconds, 3, 0.001);
  note(4, "{'event': 'progress', 'lanes': [{'lane': 't/a', 'status': 'failed', 'rows_read': 90}]}");
  cr_expect_float_eq(run_view_lane(&v, "t/a")->ended_seconds, 3, 0.001, "it ended once");
  cr_expect_null(run_view_lane(&v, "t/c"));
}

Test(run_view, the_rate_is_of_the_last_seconds) {
  char event[200];
  for (int i = 0; i <= 40; i++) { /* 1000 a second for five seconds, then 100 */
    int rows = i <= 20 ? i * 250 : 5000 + (i - 20) * 25;
    snprintf(event, sizeof event, "{'event': 'progress', 'lanes': [{'lane': 'x', 'status': 'running', 'rows_read': %d}]}", rows);
    note(i * 0.25, event);
    if (i == 20)
      cr_expect_float_eq(v.per_second, 1000, 1);
  }
  cr_expect_float_eq(v.per_second, 100, 1);
  note(10.5, "{'event': 'progress', 'lanes': [{'lane': 'x', 'status': 'running', 'rows_read': 3}]}");
  cr_expect_geq(v.per_second, 0, "a lane that begins anew does not run backwards");
}

Test(run_view, a_lane_that_waits) {
  note(0, "{'event': 'start', 'pipeline': 'p', 'lanes': [{'lane': 'x'}]}");
  cr_expect_str_eq(status("x"), "running");
  note(1, "{'event': 'retry', 'lane': 'x', 'attempt': 2, 'delay_seconds': 5.0, 'error': {'message': 'gone'}}");
  cr_expect_str_eq(status("x"), "attempt 2 in 5s");
  note(3.5, "{'event': 'progress', 'lanes': [{'lane': 'x', 'status': 'running', 'rows_read': 0}]}");
  cr_expect_str_eq(status("x"), "attempt 2 in 3s");
  note(6.1, "{'event': 'progress', 'lanes': [{'lane': 'x', 'status': 'running', 'rows_read': 0}]}");
  cr_expect_str_eq(status("x"), "running");
}

Test(run_view, events_that_make_no_sense) {
  note(0, "{'event': 'progress', 'lanes': [{'status': 'running'}, 7, {'lane': 3}]}");
  note(1, "{'event': 'retry'}");
  note(2, "{'event': 'lane', 'lane': 'x', 'status': 'dancing', 'rows_read': 'many'}");
  note(3, "{}");
  cr_expect_eq(v.lanes_n, 1);
  cr_expect_eq(v.rows_read, 0);
}
