/* validate.so through its ABI: each check, each action, what is counted and told, refusals. */
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "drive.h"
#include "tap.h"

enum {
  GROUP_MAX = 16
};

/* A rule of pairs for column v; action quarantine unless it is given. */
static int32_t open_rule(struct drive *d, const char *const *pairs) {
  const char *group[GROUP_MAX + 6] = {"column", "v", "action", "quarantine"};
  size_t n = 4;
  for (size_t i = 0; pairs[i]; i++)
    group[n++] = pairs[i];
  drive_begin(d, "validate", NULL);
  drive_group(d, "rules", group);
  return drive_start(d);
}

/* One value of that format; NULL is NULL. */
static int32_t feed(struct drive *d, const char *format, const char *value) {
  struct ArrowSchema s;
  struct ArrowArray rows;
  drive_schema(&s, (const char *const[]){"id", "l", "v", format, NULL});
  int32_t rc = drive_bind(d, &s, NULL);
  if (rc == ETL_OK) {
    drive_batch(d, &s, (const char *const[]){"1", value}, 1, &rows);
    rc = drive_process(d, &rows);
  }
  s.release(&s);
  return rc;
}

static const struct {
  const char *format, *value;
  const char *rule[5];
  const char *why; /* NULL: it holds */
} checks[] = {
    {"l", NULL, {"not_null", "true"}, "the value in column \"v\" is NULL"},
    {"l", "0", {"not_null", "true"}, NULL},
    {"l", NULL, {"min", "1"}, NULL},
    {"l", "4", {"min", "5", "max", "9"}, "\"4\" in column \"v\" is not at least 5 and at most 9"},
    {"l", "5", {"min", "5", "max", "9"}, NULL},
    {"l", "9", {"min", "5", "max", "9"}, NULL},
    {"l", "10", {"max", "9"}, "is not at most 9"},
    {"l", "2", {"min", "1.5"}, NULL},
    {"l", "1", {"min", "1.5"}, "at least"},
    {"l", "1", {"max", "1.5"}, NULL},
    {"l", "2", {"max", "1.5"}, "at most"},
    {"l", "-1", {"min", "-1.5"}, NULL},
    {"l", "-2", {"min", "-1.5"}, "at least"},
    {"l", "-1", {"max", "-1.5"}, "at most"},
    {"l", "0", {"min", "0.0"}, NULL},
    {"i", "-5", {"min", "-1e1"}, NULL},
    {"g", "0.5", {"min", "0.25"}, NULL},
    {"g", "nan", {"min", "0"}, "\"NaN\" in column \"v\" is not at least 0"},
    {"tdD", "0", {"min", "1970-01-02"}, "\"1970-01-01\" in column"},
    {"tdD", "1", {"min", "1970-01-02"}, NULL},
    {"tsu:", "999999", {"min", "1970-01-01 00:00:01"}, "at least"},
    {"tsu:", "1000000", {"min", "1970-01-01 00:00:01"}, NULL},
    {"tss:", "1", {"min", "1970-01-01 00:00:00.5"}, NULL},
    {"tss:", "0", {"min", "1970-01-01 00:00:00.5"}, "at least"},
    {"tsn:", "1500000000", {"max", "1970-01-01T00:00:01.5"}, NULL},
    {"u", "b", {"min", "a", "max", "c"}, NULL},
    {"u", "ca", {"min", "a", "max", "c"}, "at most"},
    {"u", "h\xc3\xa9", {"length_min", "2", "length_max", "2"}, NULL},
    {"u", "abc", {"length_max", "2"}, "has a length of 3"},
    {"u", "", {"length_min", "1"}, "has a length of 0"},
    {"u", "a@b", {"regex", "^[a-z]+@[a-z]+$"}, NULL},
    {"u", "a@B", {"regex", "^[a-z]+@[a-z]+$"}, "does not match"},
    {"u", "\xc3\xa9", {"regex", "^.$"}, NULL},
    {"u", "\xff", {"regex", "."}, "\"\\xff\" in column \"v\" cannot be matched: UTF-8 error: illegal byte (0xfe or 0xff)"},
    {"u",
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab",
     {"regex", "^(a+)+$"},
     "cannot be matched: match limit exceeded"},
    {"u", "", {"regex", "^$"}, NULL},
    {"u", "open", {"in", "open|closed"}, NULL},
    {"u", "Open", {"in", "open|closed"}, "\"Open\" in column \"v\" is none of the values allowed"},
    {"l", "7", {"in", "6|7"}, NULL},
    {"b", "true", {"in", "false"}, "none of the values"},
};

static void test_checks(struct tap *t) {
  for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
    struct drive d;
    bool ok = open_rule(&d, checks[i].rule) == ETL_OK && feed(&d, checks[i].format, checks[i].value) == ETL_OK &&
              d.t.bad_n == (checks[i].why ? 1 : 0) && d.out[0].rows.length == (checks[i].why ? 0 : 1) &&
              (!checks[i].why || strstr(d.t.bad[0].message, checks[i].why)) &&
              testhost_counter(&d.t, "validate_v_failed") == (checks[i].why ? 1 : 0);
    tap_check(t, ok, __FILE__, __LINE__, "%s %s %s on %s", checks[i].rule[0], checks[i].rule[1], checks[i].why ? "breaks" : "holds",
              checks[i].value ? checks[i].value : "NULL");
    if (!ok)
      printf("# %s %s\n", d.t.message, d.t.bad_n ? d.t.bad[0].message : "");
    drive_close(&d);
  }
}

static void test_actions(struct tap *t) {
  struct drive d;
  CHECK(t, open_rule(&d, (const char *const[]){"regex", "^a", "action", "fail", "name", "Begins: A", NULL}) == ETL_OK);
  CHECK(t, drive_texts(&d, "v", (const char *const[]){"ab", "b\nc"}, 2) == ETL_FAILED && d.t.error.error_class == ETL_E_DATA);
  CHECK_TEXT(t, d.t.message, "validate: rule Begins: A: row 2: \"b c\" in column \"v\" does not match the expression");
  CHECK(t, d.t.error.row == 1 && d.t.error.column == 0 && testhost_counter(&d.t, "validate_begins__a_failed") == 1);
  drive_close(&d);
  drive_begin(&d, "validate", NULL);
  drive_group(&d, "rules", (const char *const[]){"column", "v", "regex", "^a", "action", "warn", "name", "w", NULL});
  drive_group(&d, "rules", (const char *const[]){"column", "v", "length_max", "1", "action", "quarantine", "name", "one", NULL});
  drive_group(&d, "rules", (const char *const[]){"column", "v", "in", "c|a", "action", "quarantine", "name", "two", NULL});
  CHECK(t, drive_start(&d) == ETL_OK);
  CHECK(t, drive_texts(&d, "v", (const char *const[]){"bb", "c", "a", "d"}, 4) == ETL_OK);
  CHECK(t, d.out[0].rows.length == 2 && d.t.bad_n == 2 && d.t.bad[0].row == 0 && d.t.bad[1].row == 3);
  CHECK_TEXT(t, d.t.bad[0].message, "validate: rule one: \"bb\" in column \"v\" has a length of 2");
  CHECK_TEXT(t, d.t.bad[0].raw, "{\"v\": \"bb\"}");
  CHECK(t, testhost_counter(&d.t, "validate_two_failed") == 2 && testhost_counter(&d.t, "validate_w_failed") == 3);
  CHECK_TEXT(t, drive_cell(&d, 0, "v"), "c");
  d.connector->common->close(d.self);
  d.self = NULL;
  CHECK(t, testhost_logged(&d.t, ETL_LOG_WARN,
                           "validate: rule w: 3 of 4 rows break it; the first: \"bb\" does not match the expression"));
  drive_close(&d);
}

static void test_unique(struct tap *t) {
  struct drive d;
  CHECK(t, open_rule(&d, (const char *const[]){"unique", "true", "unique_rows", "2", NULL}) == ETL_OK);
  CHECK(t, drive_texts(&d, "v", (const char *const[]){"a", "b", "a", "c", NULL, NULL, "b"}, 7) == ETL_OK);
  CHECK(t, d.t.bad_n == 2 && d.t.bad[0].row == 2 && d.t.bad[1].row == 6);
  CHECK_TEXT(t, d.t.bad[0].message, "validate: rule v: \"a\" in column \"v\" came before");
  CHECK(t, drive_texts(&d, "v", (const char *const[]){"c", "d", "e", "f", "a"}, 5) == ETL_OK);
  CHECK(t, d.t.bad_n == 3 && d.t.bad[2].row == 0); /* a is forgotten by now */
  drive_close(&d);
}

static void test_reference(struct tap *t, const char *file) {
  struct drive d;
  FILE *f = fopen(file, "w");
  CHECK(t,
        f && fputs("\xef\xbb\xbfname,v\r\nGermany,DE\r\n\"a \"\"b\"\",\r\nc\",\"x,y\"\r\n\r\nnone,\r\n", f) >= 0 && fclose(f) == 0);
  CHECK(t, open_rule(&d, (const char *const[]){"reference", file, NULL}) == ETL_OK);
  CHECK(t, drive_texts(&d, "v", (const char *const[]){"DE", "x,y", "none", ""}, 4) == ETL_OK);
  CHECK(t, d.t.bad_n == 2 && d.t.bad[0].row == 2);
  CHECK_HAS(t, d.t.bad[0].message, "\"none\" in column \"v\" is not in ");
  drive_close(&d);
  CHECK(t, open_rule(&d, (const char *const[]){"reference", file, "reference_column", "name", NULL}) == ETL_OK);
  CHECK(t, drive_texts(&d, "v", (const char *const[]){"a \"b\",\r\nc", "none"}, 2) == ETL_OK && d.t.bad_n == 0);
  drive_close(&d);
  CHECK(t, open_rule(&d, (const char *const[]){"reference", file, "reference_column", "code", NULL}) == ETL_FAILED);
  CHECK_HAS(t, d.t.message, "has no column \"code\"");
  drive_close(&d);
  f = fopen(file, "w");
  CHECK(t, f && fputs("v\nDE\n\"x\"y\n", f) >= 0 && fclose(f) == 0);
  CHECK(t, open_rule(&d, (const char *const[]){"reference", file, NULL}) == ETL_FAILED);
  CHECK_HAS(t, d.t.message, "line 3: text stands behind the end of a field");
  drive_close(&d);
  unlink(file);
  CHECK(t, open_rule(&d, (const char *const[]){"reference", file, NULL}) == ETL_FAILED);
  CHECK_HAS(t, d.t.message, "No such file");
  drive_close(&d);
}

/* A value that the compiled expression has no stack for is matched all the same. */
static void test_long(struct tap *t) {
  enum {
    LONG = 1 << 20
  };
  struct drive d;
  char *text = malloc(LONG + 1);
  memset(text, 'a', LONG);
  text[LONG] = 0;
  CHECK(t, open_rule(&d, (const char *const[]){"regex", "^(?:a|b)*(?:(a)|(b))+$", NULL}) == ETL_OK);
  CHECK(t, drive_texts(&d, "v", (const char *const[]){text}, 1) == ETL_OK && d.t.bad_n == 0);
  drive_close(&d);
  free(text);
}

/* A pattern that runs away holds no lane for long. */
static void test_runaway(struct tap *t) {
  enum {
    ROWS = 500
  };
  struct drive d;
  const char *texts[ROWS];
  struct timespec from, to;
  for (size_t i = 0; i < ROWS; i++)
    texts[i] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab";
  CHECK(t, open_rule(&d, (const char *const[]){"regex", "^(a+)+$", "action", "warn", NULL}) == ETL_OK);
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
  CHECK(t, drive_texts(&d, "v", texts, ROWS) == ETL_OK && testhost_counter(&d.t, "validate_v_failed") == ROWS);
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
  CHECK(t, to.tv_sec - from.tv_sec < 4);
  drive_close(&d);
}

static void refused(struct tap *t, const char *const *rule, const char *format, const char *message) {
  struct drive d;
  int32_t rc = open_rule(&d, rule);
  CHECK(t, rc == ETL_FAILED || feed(&d, format, NULL) == ETL_FAILED);
  CHECK(t, d.t.error.error_class == (rc == ETL_FAILED ? ETL_E_CONFIG : ETL_E_SCHEMA));
  CHECK_TEXT(t, d.t.message, message);
  drive_close(&d);
}

static void test_refusals(struct tap *t) {
  refused(t, (const char *const[]){NULL}, "u", "validate: rule v: it asks for nothing (test.conf:1)");
  refused(t, (const char *const[]){"regex", "a(", NULL}, "u",
          "validate: rule v: regex: missing closing parenthesis at character 2 of a(");
  refused(t, (const char *const[]){"regex", "a", NULL}, "l",
          "validate: rule v: regex is for text, and column \"v\" is of type integer");
  refused(t, (const char *const[]){"min", "x", NULL}, "l",
          "validate: rule v: \"x\" is not a number (column \"v\" is of type integer)");
  refused(t, (const char *const[]){"max", "1", NULL}, "b",
          "validate: rule v: \"1\" is a bound, which there is for numbers, dates, time stamps and text only (column \"v\" is of "
          "type bool)");
}

int main(void) {
  struct tap t = {0};
  char file[] = "validate-XXXXXX";
  int fd = mkstemp(file);
  CHECK(&t, fd >= 0 && close(fd) == 0);
  test_checks(&t);
  test_actions(&t);
  test_unique(&t);
  test_reference(&t, file);
  test_long(&t);
  test_runaway(&t);
  test_refusals(&t);
  CHECK(&t, testhost_buffers() == 0);
  return tap_end(&t);
}
