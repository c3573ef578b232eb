/* The log: what is in a line, what is kept, a file that was moved away, and a disk that is full. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
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

/* Of a file that l has been writing to. */
static char *content(struct log *l, const char *path) {
  cr_assert(log_flush(l, 20 * NS_PER_SEC));
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
  cr_expect_str_eq(content(l, file), "2026-01-02T12:04:05.678Z warning logins r1 load eu1: two lines\n2026-01-02T12:04:05.678Z info    3 pipelines\n");
  log_close(l);
}

Test(log, a_record_as_json_is_mended) {
  const char *file = "host.log";
  struct log *l = opened(&(struct log_settings){.file = file, .json = true, .level = LEVEL_INFO});
  log_write(l, &(struct log_record){.level = LEVEL_ERROR, .pipeline = "p", .message = "bad \xff byte"});
  cr_expect_str_eq(content(l, file), "{\"time\":\"2026-01-02T12:04:05.678Z\",\"level\":\"error\",\"pipeline\":\"p\",\"message\":\"bad ? byte\"}\n");
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
  cr_expect(strstr(content(l, old), "between"));
  cr_expect_null(strstr(content(l, file), "between"));
  cr_expect(strstr(content(l, file), "after"));
  log_close(l);
}

Test(log, a_file_that_cannot_be_opened_leaves_the_old_one) {
  const char *file = "host.log";
  struct log *l = opened(&(struct log_settings){.file = file, .level = LEVEL_INFO});
  struct err e;
  cr_assert_lt(log_reopen(l, &(struct log_settings){.file = "/nowhere/at/all.log"}, &e), 0);
  cr_expect(strstr(e.message, "/nowhere/at/all.log"));
  log_text(l, LEVEL_INFO, "still here");
  cr_expect(strstr(content(l, file), "still here"));
  log_close(l);
}

Test(log, what_a_full_disk_swallows_is_counted_and_told) {
  const char *file = "host.log";
  struct log *l = opened(&(struct log_settings){.file = "/dev/full", .level = LEVEL_INFO});
  struct err e;
  log_text(l, LEVEL_INFO, "one");
  log_text(l, LEVEL_INFO, "two");
  cr_assert(log_flush(l, 20 * NS_PER_SEC));
  cr_expect_eq(log_lost(l), 2);
  cr_assert_eq(log_reopen(l, &(struct log_settings){.file = file, .level = LEVEL_INFO}, &e), 0);
  log_text(l, LEVEL_INFO, "three");
  cr_assert(log_flush(l, 20 * NS_PER_SEC));
  cr_expect_eq(log_lost(l), 0);
  cr_expect(strstr(content(l, file), "2 records could not be written"));
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
  limit_file(strlen(content(l, file)) + 8);
  log_text(l, LEVEL_INFO, "two");
  cr_assert(log_flush(l, 20 * NS_PER_SEC));
  cr_expect_eq(log_lost(l), 1);
  limit_file(RLIM_INFINITY);
  log_text(l, LEVEL_INFO, "three");
  cr_assert(log_flush(l, 20 * NS_PER_SEC));
  cr_expect_eq(log_lost(l), 0);
  size_t lines = 0;
  for (const char *p = content(l, file); (p = strchr(p, '\n')); p++)
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

/* ---- a pipe ------------------------------------------------------------------------------------------------------------------------- */

enum { MANY = 60000 };

static int pipe_reader(const char *path) {
  cr_assert_eq(mkfifo(path, 0600), 0);
  int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  cr_assert_geq(fd, 0);
  cr_assert_eq(fcntl(fd, F_SETFL, 0), 0);
  return fd;
}

Test(log, a_pipe_that_nobody_reads_holds_nobody, .timeout = 60) {
  const char *file = "pipe";
  int fd = pipe_reader(file);
  struct log *l = opened(&(struct log_settings){.file = file, .level = LEVEL_INFO});
  for (int i = 0; i < MANY; i++)
    log_text(l, LEVEL_INFO, "record %d, and some more, so that all of them together are too much to wait in memory", i);
  int64_t lost = log_lost(l);
  cr_expect_gt(lost, 0);
  cr_expect_not(log_flush(l, NS_PER_MS));
  /* somebody reads at last */
  FILE *f = fdopen(fd, "r");
  char line[512], told[64];
  int next = 0;
  for (; next < MANY - lost; next++) {
    int n = -1;
    cr_assert(fgets(line, sizeof line, f));
    cr_assert_eq(sscanf(line, "%*s info record %d,", &n), 1);
    cr_assert_eq(n, next, "in order");
  }
  cr_assert(log_flush(l, 20 * NS_PER_SEC));
  log_text(l, LEVEL_INFO, "at last");
  cr_assert(fgets(line, sizeof line, f));
  snprintf(told, sizeof told, "warning %lld records could not be written", (long long)lost);
  cr_expect(strstr(line, told), "%s", line);
  cr_assert(fgets(line, sizeof line, f));
  cr_expect(strstr(line, "at last"), "%s", line);
  fclose(f);
  log_close(l);
}

Test(log, a_pipe_that_nobody_reads_does_not_hold_the_end, .timeout = 60) {
  const char *file = "pipe", *other = "host.log";
  int fd = pipe_reader(file);
  struct log *l = opened(&(struct log_settings){.file = file, .level = LEVEL_INFO});
  struct err e;
  for (int i = 0; i < 5000; i++)
    log_text(l, LEVEL_INFO, "record %d", i);
  cr_assert_eq(log_reopen(l, &(struct log_settings){.file = other, .level = LEVEL_INFO}, &e), 0);
  log_text(l, LEVEL_INFO, "elsewhere");
  cr_expect(strstr(content(l, other), "records could not be written"));
  cr_assert_eq(log_reopen(l, &(struct log_settings){.file = file, .level = LEVEL_INFO}, &e), 0);
  log_text(l, LEVEL_INFO, "nobody sees this");
  log_close(l);
  close(fd);
}

Test(log, a_pipe_without_a_reader_is_refused) {
  const char *file = "pipe";
  struct log *l = NULL;
  struct err e;
  cr_assert_eq(mkfifo(file, 0600), 0);
  cr_assert_lt(log_open(&(struct log_settings){.file = file}, &fixed, &e, &l), 0);
  cr_expect(strstr(e.message, "it is a pipe that nobody reads"), "%s", e.message);
}
