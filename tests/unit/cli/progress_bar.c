/* The live display, on a terminal. */
#include "canned.h"
#include "terminal.h"

#include "base/text.h"
#include "cli/progress_kind.h"

static struct terminal t;
static struct page out;
static struct hands hands;
static struct progress *p;

static void show(const char *kind, int columns, int lines) {
  hands = HANDS;
  terminal_open(&t, columns, lines);
  page_open(&out);
  p = progress_new(kind, out.f, t.f, &hands.clock);
}
static void hide(void) {
  progress_free(p);
  page_close(&out);
  terminal_close(&t);
}
TestSuite(progress_bar, .fini = hide);

static void tell(const char *event) {
  json_t *j = canned(event);
  progress_event(p, j);
  json_decref(j);
}

static void later(int ms) { hands.ns += ms * NS_PER_MS; }

#define START "{'event': 'start', 'pipeline': 'logins', 'run': 'r1', 'lanes': [{'lane': 'dbo.t/eu1'}, {'lane': 'dbo.t/us1'}]}"
#define LANE(name_, status_, rows_, lag_)                                                                                          \
  "{'lane': '" name_ "', 'status': '" status_ "', 'rows_read': " rows_ ", 'rows_written': 0, 'epochs': 1, 'lag_seconds': " lag_ "}"
#define PROGRESS(...) "{'event': 'progress', 'rss_bytes': 61132513, 'lanes': [" __VA_ARGS__ "]}"

Test(progress_bar, drawn_in_place) {
  show(NULL, 80, 24);
  tell(START);
  cr_expect_str_eq(terminal_screen(&t), "dbo.t/eu1  0 rows  0/s  running\n"
                                        "dbo.t/us1  0 rows  0/s  running\n"
                                        "logins     0 rows  0/s  0ms\n");
  later(1000);
  tell(PROGRESS(LANE("dbo.t/eu1", "running", "1234567", "75.0") ", " LANE("dbo.t/us1", "success", "1", "-1.0")));
  cr_expect_str_eq(terminal_screen(&t), "dbo.t/eu1  1,234,567 rows  1,234,567/s  lag 1m15s  running\n"
                                        "dbo.t/us1          1 row                           success\n"
                                        "logins     1,234,568 rows  1,234,567/s             1.0s, 58.3 MiB\n");
  tell("{'event': 'retry', 'lane': 'dbo.t/eu1', 'attempt': 2, 'delay_seconds': 5.0, 'error': {'message': 'connection\\u001b[31m "
       "lost'}}");
  cr_expect_str_eq(terminal_screen(&t), "warning: dbo.t/eu1: connection [31m lost; attempt 2 in 5.0s\n"
                                        "dbo.t/eu1  1,234,567 rows  1,234,567/s  lag 1m15s  attempt 2 in 5s\n"
                                        "dbo.t/us1          1 row                           success\n"
                                        "logins     1,234,568 rows  1,234,567/s             1.0s, 58.3 MiB\n");
  tell("{'event': 'lane', 'lane': 'dbo.t/eu1', 'status': 'success', 'rows_read': 1234567, 'rows_written': 1234567, 'epochs': 2}");
  terminal_screen(&t);
  terminal_type(&t, "^C", 2); /* the terminal shows the key itself */
  progress_note(p, "stopping");
  cr_expect_not_null(strstr(terminal_screen(&t), "lost; attempt 2 in 5.0s\nstopping\ndbo.t/eu1"));
  cr_expect_null(strstr(terminal_screen(&t), "^C"));
  tell("{'event': 'summary', 'status': 'success', 'rows_read': 1234568, 'rows_written': 1234568, 'seconds': 1.0, 'lanes': []}");
  cr_expect_str_eq(terminal_screen(&t), "warning: dbo.t/eu1: connection [31m lost; attempt 2 in 5.0s\nstopping\n");
  cr_expect_not_null(strstr(page_take(&out), "success: 1,234,568 rows written in 1.0s, 1,234,568 rows/s\n"));
  cr_expect_not(t.wrapped);
}

/* At the bottom of the screen everything scrolls; the frame still is drawn over itself. */
Test(progress_bar, at_the_bottom_of_the_screen) {
  show("bar", 60, 6);
  for (int i = 0; i < 9; i++)
    fprintf(t.f, "before %d\n", i);
  tell(START);
  for (int i = 0; i < 5; i++)
    tell(START);
  tell("{'event': 'warning', 'message': 'm', 'remedy': 'r'}");
  cr_expect_str_eq(terminal_screen(&t), "before 8\nwarning: m; r\n"
                                        "dbo.t/eu1  0 rows  0/s  running\n"
                                        "dbo.t/us1  0 rows  0/s  running\n"
                                        "logins     0 rows  0/s  0ms\n");
}

Test(progress_bar, more_lanes_than_lines) {
  show("bar", 60, 6);
  tell("{'event': 'start', 'pipeline': 'p', 'lanes': [{'lane': 'a'}, {'lane': 'b'}, {'lane': 'c'}, {'lane': 'd'}, {'lane': 'e'}, "
       "{'lane': 'f'}]}");
  tell(PROGRESS(LANE("a", "success", "1", "-1") ", " LANE("b", "success", "1", "-1") ", " LANE("d", "failed", "1", "-1")));
  cr_expect_str_eq(terminal_screen(&t), "c  0 rows  0/s  running\n"
                                        "e  0 rows  0/s  running\n"
                                        "f  0 rows  0/s  running\n"
                                        "and 3 more: 0 running, 1 failed, 2 done\n"
                                        "p  3 rows  0/s  0ms, 58.3 MiB\n");
  tell(PROGRESS(LANE("a", "success", "1", "-1")));
  cr_expect_not(t.wrapped);
  cr_expect_eq(p->drawn_lines, 5, "one line is left for the cursor");
}

Test(progress_bar, any_width) {
  for (int columns = 1; columns < 90; columns++) {
    show("bar", columns, 24);
    tell("{'event': 'start', 'pipeline': 'a-pipeline-with-a-long-name', 'lanes': [{'lane': 'dbo.a_table_with_a_long_name/eu1'}, "
         "{'lane': 'x'}]}");
    tell(PROGRESS(LANE("dbo.a_table_with_a_long_name/eu1", "running", "1234567", "75.0")));
    struct page frame;
    page_open(&frame);
    cr_expect_eq(progress_bar_frame(&p->view, (size_t)columns, 24, colours_of(frame.f), frame.f), 3);
    const char *text = page_take(&frame);
    for (const char *end; (end = strstr(text, "\033[K\n")); text = end + 4) {
      char line[512];
      snprintf(line, sizeof line, "%.*s", (int)(end - text), text);
      cr_expect_lt(text_width(line), columns > 1 ? (size_t)columns : 2, "%d columns: '%s'", columns, line);
    }
    page_close(&frame);
    if (columns < 89)
      hide();
  }
}

Test(progress_bar, long_and_wide_names) {
  show("bar", 44, 24);
  tell("{'event': 'start', 'pipeline': 'p', 'lanes': [{'lane': 'dbo.a_table_with_a_long_name/eu1'}, {'lane': '東京/1'}]}");
  struct page frame;
  page_open(&frame);
  progress_bar_frame(&p->view, 44, 24, colours_of(frame.f), frame.f);
  cr_expect_str_eq(page_take(&frame), "…with_a_long_name/eu1  0 rows  0/s  running\033[K\n"
                                      "東京/1                 0 rows  0/s  running\033[K\n"
                                      "p                      0 rows  0/s  0ms\033[K\n");
  page_close(&frame);
}

Test(progress_bar, a_file_gets_a_log) {
  FILE *f = tmpfile();
  struct progress *q = progress_new("bar", f, f, &clock_system);
  cr_expect_eq(q->kind, &progress_log);
  progress_free(q);
  q = progress_new(NULL, f, f, &clock_system);
  cr_expect_eq(q->kind, &progress_log);
  progress_free(q);
  fclose(f);
  show("json", 80, 24);
  cr_expect_eq(p->kind, &progress_json);
  hide();
  show("bar", 80, 24);
  setenv("TERM", "dumb", 1);
  q = progress_new("bar", t.f, t.f, &clock_system);
  cr_expect_eq(q->kind, &progress_log);
  progress_free(q);
}
