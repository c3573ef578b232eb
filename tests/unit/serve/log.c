/* The log: what is in a line, what is kept, a file that was moved away, and a disk that is full. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/units.h"
#include "serve/log.h"
#include "tmpdir.h"

TestSuite(log, .init = tmpdir_enter, .fini = tmpdir_leave);

static int64_t noon(const struct clock *c) {
  (void)c;
  return INT64_C(1767355445678) * NS_PER_MS; /* 2026-01-02T12:04:05.678Z */
}
static const struct clock fixed = {.wall_ns = noon, .mono_ns = noon};

static struct log *opened(const struct log_settings *s) {
  struct log *l = NULL;
  struct err e;
  cr_assert_eq(log_open(s, &fixed, &e, &l), 0, "%s", e.message);
  return l;
}

static char *content(const char *path) {
  FILE *f = fopen(path, "r");
  static char text[8192];
  cr_assert(f, "%s", path);
  text[fread(text, 1, sizeof text - 1, f)] = '\0';
  fclose(f);
  return text;
}

Test(log, a_record_as_text) {
  const char *file = "host.log";
  struct log *l = opened(&(struct log_settings){.file = file, .level = LEVEL_INFO});
  log_write(l, &(struct log_record){.level = LEVEL_WARNING, .pipeline = "logins", .run = "r1", .stage = "load", .shard = "eu1", .message = "two\nlines"});
  log_text(l, LEVEL_DEBUG, "not shown");
  log_text(l, LEVEL_INFO, "%d pipelines", 3);
  cr_expect_str_eq(content(file), "2026-01-02T12:04:05.678Z warning logins r1 load eu1: two lines\n2026-01-02T12:04:05.678Z info    3 pipelines\n");
  log_close(l);
}

Test(log, a_record_as_json_is_mended) {
  const char *file = "host.log";
  struct log *l = opened(&(struct log_settings){.file = file, .json = true, .level = LEVEL_INFO});
  log_write(l, &(struct log_record){.level = LEVEL_ERROR, .pipeline = "p", .message = "bad \xff byte"});
  cr_expect_str_eq(content(file), "{\"time\":\"2026-01-02T12:04:05.678Z\",\"level\":\"error\",\"pipeline\":\"p\",\"message\":\"bad ? byte\"}\n");
  log_close(l);
}

Test(log, a_file_that_was_moved_away_is_opened_anew) {
  const char *file = "host.log", *old = "host.log.1";
  struct log *l = opened(&(struct log_settings){.file = file, .level = LEVEL_INFO});
  struct err e;
  log_text(l, LEVEL_INFO, "before");
  cr_assert_eq(rename(file, old), 0);
  log_text(l, LEVEL_INFO, "between");
  cr_assert_eq(log_reopen_same(l, &e), 0);
  log_text(l, LEVEL_INFO, "after");
  cr_expect(strstr(content(old), "between"));
  cr_expect_null(strstr(content(file), "between"));
  cr_expect(strstr(content(file), "after"));
  log_close(l);
}

Test(log, a_file_that_cannot_be_opened_leaves_the_old_one) {
  const char *file = "host.log";
  struct log *l = opened(&(struct log_settings){.file = file, .level = LEVEL_INFO});
  struct err e;
  cr_assert_lt(log_reopen(l, &(struct log_settings){.file = "/nowhere/at/all.log"}, &e), 0);
  cr_expect(strstr(e.message, "/nowhere/at/all.log"));
  log_text(l, LEVEL_INFO, "still here");
  cr_expect(strstr(content(file), "still here"));
  log_close(l);
}

Test(log, what_a_full_disk_swallows_is_counted_and_told) {
  const char *file = "host.log";
  struct log *l = opened(&(struct log_settings){.file = "/dev/full", .level = LEVEL_INFO});
  struct err e;
  log_text(l, LEVEL_INFO, "one");
  log_text(l, LEVEL_INFO, "two");
  cr_expect_eq(log_lost(l), 2);
  cr_assert_eq(log_reopen(l, &(struct log_settings){.file = file, .level = LEVEL_INFO}, &e), 0);
  log_text(l, LEVEL_INFO, "three");
  cr_expect_eq(log_lost(l), 0);
  cr_expect(strstr(content(file), "2 records could not be written"));
  log_close(l);
}

static void limit_file(rlim_t bytes) {
  struct rlimit l;
  getrlimit(RLIMIT_FSIZE, &l);
  l.rlim_cur = bytes;
  setrlimit(RLIMIT_FSIZE, &l);
}

Test(log, a_line_that_had_no_room_for_its_end_is_not_gone_on_with) {
  const char *file = "host.log";
  struct log *l = opened(&(struct log_settings){.file = file, .level = LEVEL_INFO});
  signal(SIGXFSZ, SIG_IGN);
  log_text(l, LEVEL_INFO, "one");
  limit_file(strlen(content(file)) + 8);
  log_text(l, LEVEL_INFO, "two");
  cr_expect_eq(log_lost(l), 1);
  limit_file(RLIM_INFINITY);
  log_text(l, LEVEL_INFO, "three");
  cr_expect_eq(log_lost(l), 0);
  size_t lines = 0;
  for (const char *p = content(file); (p = strchr(p, '\n')); p++)
    lines++;
  cr_expect_eq(lines, 4, "one, what there is of two, that some are lost, three");
  log_close(l);
}

static bool count(void *arg, const struct log_line *line) {
  int64_t *n = arg;
  cr_expect_eq(line->seq, n[1] + 1, "in order");
  n[1] = line->seq;
  n[0]++;
  return true;
}

Test(log, the_newest_records_are_kept) {
  struct log *l = opened(&(struct log_settings){.file = "/dev/null", .level = LEVEL_INFO});
  for (int i = 0; i < 1234; i++)
    log_text(l, LEVEL_INFO, "record %d", i);
  int64_t n[] = {0, 234};
  log_each(l, 0, count, n);
  cr_expect_eq(n[0], 1000);
  n[0] = 0, n[1] = 1230;
  log_each(l, 1230, count, n);
  cr_expect_eq(n[0], 4);
  log_close(l);
}
