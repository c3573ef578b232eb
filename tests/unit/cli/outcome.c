/* The end of a run, as people read it. */
#include "canned.h"

#include "cli/outcome.h"

static struct page out;
static struct run_view v;
static void begin(void) { page_open(&out); }
static void end(void) {
  run_view_fini(&v);
  page_close(&out);
}
TestSuite(outcome, .init = begin, .fini = end);

static const char *printed(const char *summary) {
  json_t *j = canned(summary);
  run_view_note(&v, j, v.started_ns + 12 * NS_PER_SEC);
  outcome_print(j, &v, colours_of(out.f), out.f);
  json_decref(j);
  return page_take(&out);
}

static void note(int64_t seconds, const char *event) {
  json_t *j = canned(event);
  run_view_note(&v, j, seconds * NS_PER_SEC);
  json_decref(j);
}

/* The last line, of a run without lanes and errors. */
static const char *verdict(const char *status, const char *more) {
  char text[512];
  snprintf(text, sizeof text, "{'event': 'summary', 'status': '%s', 'seconds': 0.5%s%s}", status, *more ? ", " : "", more);
  return printed(text);
}

Test(outcome, a_run_that_is_partial) {
  note(0, "{'event': 'start', 'pipeline': 'p', 'lanes': [{'lane': 'dbo.t/eu1'}, {'lane': 'dbo.t/us1'}]}");
  note(9, "{'event': 'lane', 'lane': 'dbo.t/eu1', 'status': 'success'}");
  cr_expect_str_eq(
      printed(
          "{'event': 'summary', 'status': 'partial', 'seconds': 12.2, 'rows_read': 1203, 'rows_written': 1200, 'rows_filtered': 2, "
          "'rows_rejected': 1, 'lanes': [{'lane': 'dbo.t/eu1', 'status': 'success', 'rows_read': 1203, 'rows_written': 1200, "
          "'rows_filtered': 2, 'rows_rejected': 1, 'epochs': 2, 'retries': 1}, {'lane': 'dbo.t/us1', 'status': 'failed', "
          "'rows_read': 0, "
          "'rows_written': 0, 'rows_filtered': 0, 'rows_rejected': 0, 'epochs': 0, 'retries': 3, 'error': {'class': 'auth', "
          "'message': "
          "'login failed', 'remedy': 'look at the password', 'vendor_code': 18456, 'row': 7, 'column': 0}}]}"),
      "LANE        READ  WRITTEN  FILTERED  REJECTED  EPOCHS  TIME  STATUS\n"
      "dbo.t/eu1  1,203    1,200         2         1       2  9.0s  success (1 retry)\n"
      "dbo.t/us1      0        0         0         0       0   12s  failed (3 retries)\n"
      "---------  -----  -------  --------  --------  ------  ----  ------------------\n"
      "2 lanes    1,203    1,200         2         1       2   12s  partial\n"
      "partial: 1 of 2 lanes failed, 1,200 rows written; run it again when the cause is gone: the other shards will not be read "
      "again\n"
      "error in dbo.t/us1: login failed\n"
      "  what to do: look at the password\n"
      "  class auth, code 18456, row of the batch 7, column 0\n");
}

Test(outcome, an_error_of_several_lanes_is_told_once) {
  const char *text = printed(
      "{'event': 'summary', 'status': 'failed', 'seconds': 1, 'rows_read': 0, 'rows_written': 0, 'lanes': ["
      "{'lane': 't/a', 'status': 'failed', 'error': {'class': 'config', 'message': 'no such column'}}, "
      "{'lane': 't/b', 'status': 'failed', 'error': {'class': 'data', 'message': 'another'}}, "
      "{'lane': 't/c', 'status': 'failed', 'error': {'class': 'config', 'message': 'no such column'}}]}");
  cr_expect_not_null(strstr(text, "error in t/a, t/c: no such column\n  class config\nerror in t/b: another\n"), "%s", text);
}

Test(outcome, nothing_new_is_said_plainly) {
  cr_expect_str_eq(verdict("success", "'rows_read': 0, 'rows_written': 0"),
                   "success: nothing new: there was no row to read that the target does not have (500ms)\n");
  cr_expect_str_eq(verdict("success", "'rows_read': 1, 'rows_written': 1"), "success: 1 row written in 500ms\n");
  cr_expect_str_eq(verdict("success", "'rows_read': 5, 'rows_written': 4, 'dry_run': true"),
                   "success: dry run: 5 rows read and 4 would be written; nothing was\n");
  cr_expect_str_eq(verdict("success", "'rows_read': 0, 'rows_written': 0, 'replaces': true"),
                   "success: the source is empty, and now the target is (500ms)\n");
}

Test(outcome, what_stays_of_a_run_that_did_not_succeed) {
  cr_expect_str_eq(verdict("failed", "'rows_written': 0"), "failed: no rows were written\n");
  cr_expect_str_eq(verdict("cancelled", "'rows_written': 2000"),
                   "cancelled: 2,000 rows committed before stay; the next run goes on from there\n");
  cr_expect_str_eq(verdict("crashed", "'rows_written': 2000, 'error': {'message': 'ended by SIGSEGV'}"),
                   "crashed: the worker process died; nothing is lost or doubled: the next run goes on from what the target has\n"
                   "error: ended by SIGSEGV\n");
  cr_expect_str_eq(verdict("failed", "'rows_written': 2000, 'aside': true"),
                   "failed: the target is as it was before; the next run reads these rows again\n");
  cr_expect_str_eq(verdict("failed", "'rows_written': 2000, 'aside': true, 'error': {'class': 'in-doubt', 'message': 'cut off'}"),
                   "failed: it is not known whether the rows are in the target; the next run finds it out and goes on from there\n"
                   "error: cut off\n  class in-doubt\n");
  cr_expect_str_eq(verdict("failed", "'rows_written': 2000, 'replaces': true"),
                   "failed: the target is as it was before; the next run reads everything again\n");
}

Test(outcome, a_lane_whose_worker_died) {
  note(0, "{'event': 'progress', 'lanes': [{'lane': 'x', 'status': 'running', 'rows_read': 5}]}");
  cr_expect_not_null(
      strstr(printed("{'event': 'summary', 'status': 'crashed', 'lanes': [{'lane': 'x', 'status': 'running', 'rows_read': 5}]}"),
             "x          5        0         0         0       0        cut off\n"));
  cr_expect_not_null(strstr(printed("{'event': 'summary', 'status': 'failed', 'lanes': [{'lane': 'x', 'status': 'running', 'rows_read': 0}]}"), "not begun\n"));
}
