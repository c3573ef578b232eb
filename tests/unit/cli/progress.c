/* The displays that are no bar: a log, JSON, and nothing but errors. */
#include "canned.h"

#include <signal.h>
#include <unistd.h>

#include "cli/progress.h"

static struct page out, err;
static struct hands hands;
static struct progress *p;

static void show(const char *kind) {
  hands = HANDS;
  page_open(&out);
  page_open(&err);
  p = progress_new(kind, out.f, err.f, &hands.clock);
}
static void hide(void) {
  progress_free(p);
  page_close(&out);
  page_close(&err);
}
TestSuite(progress, .fini = hide);

static void tell(const char *event) {
  json_t *j = canned(event);
  progress_event(p, j);
  json_decref(j);
}
static const char *said(const char *event) {
  tell(event);
  return page_take(&err);
}
static void later(int64_t seconds) { hands.ns += seconds * NS_PER_SEC; }

#define START                                                                                                                      \
  "{'event': 'start', 'pipeline': 'logins', 'run': 'r1', 'dry_run': true, 'lanes': [{'lane': 't/eu1'}, {'lane': 't/us1'}]}"
#define PROGRESS                                                                                                                   \
  "{'event': 'progress', 'seconds': 6.0, 'rss_bytes': 61132513, 'lanes': [{'lane': 't/eu1', 'status': 'running', 'rows_read': "    \
  "12000, "                                                                                                                        \
  "'rows_written': 10000}, {'lane': 't/us1', 'status': 'success', 'rows_read': 0, 'rows_written': 0}]}"
#define SUMMARY                                                                                                                    \
  "{'event': 'summary', 'status': 'failed', 'seconds': 1.0, 'rows_read': 0, 'rows_written': 0, 'lanes': [], 'error': {'class': "   \
  "'auth', "                                                                                                                       \
  "'message': 'the server refuses', 'remedy': 'look at the password', 'stage': 'load', 'connector': 'postgres', 'vendor_state': "  \
  "'28P01'}}"

Test(progress, log) {
  show("log");
  cr_expect_str_eq(said(START), "2024-05-01T10:16:40Z logins: run r1, 2 lanes, dry run: nothing will be written\n");
  later(1);
  cr_expect_str_eq(said(PROGRESS), "", "not each of them is told");
  later(5);
  cr_expect_str_eq(said(PROGRESS),
                   "2024-05-01T10:16:46Z 12,000 rows read, 10,000 committed, 2,000 rows/s, 1 of 2 lanes running, 58.3 MiB\n");
  later(1);
  cr_expect_str_eq(said(PROGRESS), "");
  cr_expect_str_eq(said("{'event': 'retry', 'lane': 't/eu1', 'attempt': 3, 'delay_seconds': 90.0, 'error': {'message': 'gone'}}"),
                   "2024-05-01T10:16:47Z warning: t/eu1: gone; attempt 3 in 1m30s\n");
  later(5);
  cr_expect_not_null(strstr(said(PROGRESS), " 1 of 2 lanes running (1 waiting to try again), 58.3 MiB\n"));
  hands.ns -= 5 * NS_PER_SEC;
  cr_expect_str_eq(said("{'event': 'log', 'level': 'info', 'message': 'two\\nlines', 'connector': 'sqlserver', 'lane': 't/eu1'}"),
                   "2024-05-01T10:16:47Z t/eu1: two lines\n");
  cr_expect_str_eq(said("{'event': 'log', 'level': 'debug', 'message': 'm', 'connector': 'sqlserver'}"), "");
  cr_expect_str_eq(said("{'event': 'log', 'level': 'error', 'message': 'm', 'connector': 'sqlserver'}"),
                   "2024-05-01T10:16:47Z error: sqlserver: m\n");
  cr_expect_str_eq(said("{'event': 'lane', 'lane': 't/us1', 'status': 'success', 'rows_written': 1}"),
                   "2024-05-01T10:16:47Z t/us1: success, 1 row written\n");
  cr_expect_str_eq(said("{'event': 'lane', 'lane': 't/eu1', 'status': 'failed', 'rows_written': 0, 'error': {'message': 'lost'}}"),
                   "2024-05-01T10:16:47Z error: t/eu1: failed, 0 rows written: lost\n");
  cr_expect_str_eq(said("{'event': 'unheard of'}"), "");
  progress_note(p, "stopping");
  cr_expect_str_eq(page_take(&err), "2024-05-01T10:16:47Z stopping\n");
  cr_expect_str_eq(page_take(&out), "");
  cr_expect_str_eq(said(SUMMARY), "");
  cr_expect_not_null(strstr(page_take(&out), "error (load, postgres): the server refuses\n"));
}

Test(progress, json_is_the_events) {
  show("json");
  tell("{'event': 'start', 'pipeline': 'logins', 'lanes': []}");
  cr_expect_str_eq(page_take(&out), "{\"event\":\"start\",\"pipeline\":\"logins\",\"lanes\":[]}\n");
  tell("{'event': 'unheard of', 'new': [1, 2.5, null]}");
  cr_expect_str_eq(page_take(&out), "{\"event\":\"unheard of\",\"new\":[1,2.5,null]}\n");
  tell(SUMMARY);
  json_t *j = json_loads(page_take(&out), 0, NULL);
  cr_expect_str_eq(json_string_value(json_object_get(json_object_get(j, "error"), "remedy")), "look at the password");
  json_decref(j);
  cr_expect_str_eq(page_take(&err), "");
}

Test(progress, who_stops_reading_stops_nothing) {
  int ends[2];
  cr_assert_eq(pipe(ends), 0);
  signal(SIGPIPE, SIG_IGN);
  FILE *pipe_in = fdopen(ends[1], "w");
  show("json");
  progress_free(p);
  p = progress_new("json", pipe_in, err.f, &hands.clock);
  close(ends[0]);
  tell(START);
  tell(PROGRESS);
  cr_expect(!ferror(pipe_in));
  cr_expect_eq(fclose(pipe_in), 0);
  cr_expect_str_eq(page_take(&err), "");
}

Test(progress, none_says_errors_only) {
  show("none");
  tell(START);
  tell(PROGRESS);
  tell("{'event': 'warning', 'message': 'm'}");
  progress_note(p, "stopping");
  cr_expect_str_eq(page_take(&err), "");
  tell(SUMMARY);
  cr_expect_str_eq(page_take(&err), "error (load, postgres): the server refuses\n"
                                    "  what to do: look at the password\n"
                                    "  class auth, state 28P01\n");
  cr_expect_str_eq(page_take(&out), "");
}
