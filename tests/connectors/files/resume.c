/* Where readers go on: dead runs, finished, grown, changed, truncated and packed files; lists of files; standard input. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "desk.h"
#include "tap.h"

/* Rows id, name with newlines inside quotes here and there, as one text; freed by the caller. */
static char *many_rows(size_t n, size_t *ret_n) {
  char *text = malloc(n * 40 + 100);
  size_t at = (size_t)snprintf(text, 100, "id,name\n");
  for (size_t i = 1; i <= n; i++)
    at += (size_t)snprintf(text + at, 40, i % 7 ? "%zu,row %zu\n" : "%zu,\"row\n%zu\"\n", i, i);
  *ret_n = at;
  return text;
}

/* Reads in pieces, each as if the run before had died behind its first messages: every row comes once. */
static void dead_runs(struct tap *t, const char *pack, const char *name) {
  struct desk d;
  size_t n, rows = 0, rounds = 0, twice = 0;
  char *text = many_rows(5000, &n), path[64];
  bool *seen = calloc(5001, sizeof *seen);
  desk_init(&d, "csv");
  desk_write(&d, "a.csv", text, n, false);
  desk_shell(&d, pack);
  snprintf(path, sizeof path, "@/%s", name);
  d.want_rows = 333;
  d.stop_after = 600;
  while (rounds++ < 50 && desk_read(&d, OPTIONS("path", path)) == ETL_OK && d.rows_n > 0) {
    rows += d.rows_n;
    for (const char *p = d.rows; *p; p = strchr(p, '\n') + 1) {
      size_t id = strtoul(p + strlen("{\"id\": "), NULL, 10);
      twice += id < 1 || id > 5000 || seen[id];
      if (id >= 1 && id <= 5000)
        seen[id] = true;
    }
  }
  tap_check(t, rows == 5000 && twice == 0 && rounds > 5 && d.t.bad_n == 0, __FILE__, __LINE__, "%s: %zu rows in %zu rounds %s", name, rows, rounds,
            d.t.message);
  free(text);
  free(seen);
  desk_fini(&d);
}

static void changes(struct tap *t) {
  struct desk d;
  const char *const *plain = OPTIONS("path", "@/a.csv"), *const *reload = OPTIONS("path", "@/a.csv", "on_change", "reload");
  desk_init(&d, "csv");
  DESK_TEXT(&d, "a.csv", "id,name\n1,a\n2,b\n");
  CHECK(t, desk_read(&d, plain) == ETL_OK && d.rows_n == 2);
  desk_shell(&d, "touch -d 2020-01-01 a.csv; cp a.csv b; mv b a.csv");
  CHECK(t, desk_read(&d, plain) == ETL_OK && d.rows_n == 0);
  desk_write(&d, "a.csv", "3,c\n", 4, true);
  CHECK(t, desk_read(&d, plain) == ETL_FAILED && d.t.error.error_class == ETL_E_DATA && strcmp(d.t.option, "follow") == 0);
  CHECK_HAS(t, d.t.message, "a.csv grew from 16 to 20 bytes after it was read");
  DESK_TEXT(&d, "a.csv", "id,name\n1,a\n2,B\n");
  CHECK(t, desk_read(&d, plain) == ETL_FAILED && strcmp(d.t.option, "on_change") == 0);
  CHECK_HAS(t, d.t.message, "a.csv changed since it was read");
  DESK_TEXT(&d, "a.csv", "id,name\n");
  CHECK(t, desk_read(&d, plain) == ETL_FAILED);
  DESK_TEXT(&d, "a.csv", "id,name\n7,x\n");
  CHECK(t, desk_read(&d, reload) == ETL_OK && d.rows_n == 1 && testhost_logged(&d.t, ETL_LOG_WARN, "read from its beginning"));
  CHECK(t, desk_read(&d, reload) == ETL_OK && d.rows_n == 0);
  desk_fini(&d);
}

/* Only the end of a long file is another. */
static void changed_tail(struct tap *t) {
  struct desk d;
  size_t n;
  char *text = many_rows(5000, &n);
  desk_init(&d, "csv");
  desk_write(&d, "a.csv", text, n, false);
  CHECK(t, desk_read(&d, OPTIONS("path", "@/a.csv")) == ETL_OK && d.rows_n == 5000);
  text[n - 2] = 'X';
  desk_write(&d, "a.csv", text, n, false);
  CHECK(t, desk_read(&d, OPTIONS("path", "@/a.csv")) == ETL_FAILED && strstr(d.t.message, "changed since it was read"));
  free(text);
  desk_fini(&d);
}

/* Lines are counted on over runs. */
static void lines_go_on(struct tap *t) {
  struct desk d;
  desk_init(&d, "csv");
  DESK_TEXT(&d, "a.csv", "id,name\n1,\"a\na\"\n2,b\n3,c\n4\n5,e\n");
  d.want_rows = 1;
  d.stop_after = 2;
  CHECK(t, desk_read(&d, OPTIONS("path", "@/a.csv")) == ETL_OK && d.rows_n == 2 && d.t.bad_n == 0);
  CHECK(t, desk_read(&d, OPTIONS("path", "@/a.csv")) == ETL_OK && d.t.bad_n == 1);
  CHECK_HAS(t, d.t.bad[0].message, "a.csv:6: the record has 1 cell, and 2 are");
  desk_fini(&d);
}

static void shrink(struct desk *d) { desk_shell(d, "truncate -s 1200000 a.csv"); }
static void overwrite(struct desk *d) { desk_shell(d, "printf x | dd of=a.csv bs=1 seek=1500000 conv=notrunc 2>/dev/null"); }
static void grow(struct desk *d) { desk_shell(d, "echo 200000,new >> a.csv"); }

/* A writer that is not done yet: shrinking and overwriting fail the lane, growing is read. */
static void meanwhile(struct tap *t, void (*what)(struct desk *d), const char *message) {
  struct desk d;
  size_t n;
  char *text = many_rows(100000, &n);
  desk_init(&d, "csv");
  desk_write(&d, "a.csv", text, n, false);
  desk_shell(&d, "touch -d 2020-01-01 a.csv");
  d.between = what;
  int32_t rc = desk_read(&d, OPTIONS("path", "@/a.csv"));
  if (message)
    tap_check(t, rc == ETL_FAILED && d.t.error.error_class == ETL_E_DATA && strstr(d.t.message, message), __FILE__, __LINE__, "%s: %s", message,
              d.t.message);
  else
    tap_check(t, rc == ETL_OK && d.rows_n == 100001, __FILE__, __LINE__, "a file that grows: %zu rows", d.rows_n);
  free(text);
  desk_fini(&d);
}

static void follow(struct tap *t) {
  struct desk d;
  const char *const *options = OPTIONS("path", "@/a.csv", "follow", "append");
  desk_init(&d, "csv");
  DESK_TEXT(&d, "a.csv", "id,name\n1,a\n2,b");
  CHECK(t, desk_read(&d, options) == ETL_OK && d.rows_n == 1);
  desk_write(&d, "a.csv", "c\n3,", 4, true);
  CHECK(t, desk_read(&d, options) == ETL_OK && d.rows_n == 1 && desk_has_row(&d, "{\"id\": 2, \"name\": \"bc\"}"));
  desk_write(&d, "a.csv", "d\n4,e\n", 6, true);
  CHECK(t, desk_read(&d, options) == ETL_OK && d.rows_n == 2 && desk_has_row(&d, "{\"id\": 4, \"name\": \"e\"}"));
  CHECK(t, desk_read(&d, options) == ETL_OK && d.rows_n == 0);
  desk_write(&d, "a.csv", "5,\"f\n6,", 7, true);
  CHECK(t, desk_read(&d, options) == ETL_OK && d.rows_n == 0 && d.t.bad_n == 0 && testhost_logged(&d.t, ETL_LOG_WARN, "a.csv:6: the last record"));
  desk_write(&d, "a.csv", "g\"\n", 3, true);
  CHECK(t, desk_read(&d, options) == ETL_OK && d.rows_n == 1 && desk_has_row(&d, "{\"id\": 5, \"name\": \"f\\n6,g\"}"));
  DESK_TEXT(&d, "a.csv", "id,name\n1,a\n2,bX\n3,d\n4,e\n5,f\n");
  CHECK(t, desk_read(&d, options) == ETL_FAILED);
  desk_fini(&d);
  desk_init(&d, "csv");
  desk_shell(&d, "printf 'id,name\\n1,a\\n' | gzip > a.csv");
  CHECK(t, desk_read(&d, options) == ETL_OK && d.rows_n == 1);
  desk_shell(&d, "printf '2,b\\n3,c\\n' | gzip >> a.csv");
  CHECK(t, desk_read(&d, options) == ETL_OK && d.rows_n == 2 && desk_has_row(&d, "{\"id\": 3, \"name\": \"c\"}"));
  desk_fini(&d);
}

static const char text_pair[] = "a,b\nc,d\n";

/* What is added to a file is read as its beginning was, also where a sample of all of it says something else. */
static void follow_shape(struct tap *t) {
  struct desk d;
  const char *const *options = OPTIONS("path", "@/a.csv", "follow", "append");
  desk_init(&d, "csv");
  desk_write(&d, "a.csv", text_pair, 8, false);
  CHECK(t, desk_read(&d, options) == ETL_OK && d.rows_n == 1 && strcmp(d.types, "a:u b:u") == 0);
  desk_write(&d, "a.csv", "a,x\n", 4, true); /* which does not look as if the first line were a header */
  CHECK(t, desk_read(&d, options) == ETL_OK && d.rows_n == 1 && desk_has_row(&d, "{\"a\": \"a\", \"b\": \"x\"}"));
  desk_write(&d, "a.csv", "1;2\n3;4\n5;6\n7;8\n", 16, true);
  CHECK(t, desk_read(&d, options) == ETL_OK && d.rows_n == 0 && d.t.bad_n == 4 && strstr(d.t.bad[0].message, "a.csv:4: the record has 1 cell, "));
  desk_write(&d, "a.csv", "e,f\n", 4, true);
  DESK_TEXT(&d, "b.csv", "z,b\n1,2\n");
  CHECK(t, desk_read(&d, OPTIONS("path", "@/a.csv|@/b.csv", "follow", "append")) == ETL_OK && d.rows_n == 2);
  CHECK(t, desk_has_row(&d, "{\"z\": null, \"b\": \"f\", \"a\": \"e\"}"));
  desk_write(&d, "a.csv", "g,h\n", 4, true);
  CHECK(t, desk_read(&d, OPTIONS("path", "@/a.csv", "follow", "append", "header", "false")) == ETL_FAILED && d.t.error.error_class == ETL_E_CONFIG);
  CHECK_HAS(t, d.t.message, "a.csv was begun with the delimiter ',' and a header");
  CHECK(t, desk_read(&d, OPTIONS("path", "@/a.csv", "follow", "append", "delimiter", ";")) == ETL_FAILED);
  CHECK(t, desk_read(&d, options) == ETL_OK && d.rows_n == 1 && desk_has_row(&d, "{\"a\": \"g\", \"b\": \"h\"}"));
  desk_fini(&d);
}

/* A run that ends in front of the header leaves it to the next. */
static void follow_header(struct tap *t, const char *option, const char *value, const char *const *pieces) {
  struct desk d;
  const char *const *options = OPTIONS("path", "@/a.csv", "follow", "append", option, value);
  desk_init(&d, "csv");
  DESK_TEXT(&d, "a.csv", "");
  for (; *pieces; pieces++) {
    CHECK(t, desk_read(&d, options) == ETL_OK && d.rows_n == 0 && d.t.bad_n == 0);
    desk_write(&d, "a.csv", *pieces, strlen(*pieces), true);
  }
  int32_t rc = desk_read(&d, options);
  tap_check(t, rc == ETL_OK && d.rows_n == 1 && d.t.bad_n == 0, __FILE__, __LINE__, "%s: the header is no row", option);
  CHECK(t, desk_has_row(&d, "{\"id\": 1, \"name\": \"a\"}"));
  desk_fini(&d);
}

/* NUL bytes behind a gzip member, as tapes and block devices leave them, are the end. */
static void padded(struct tap *t) {
  struct desk d;
  desk_init(&d, "csv");
  desk_shell(&d, "{ printf 'id,name\\n1,a\\n' | gzip; printf '2,b\\n' | gzip; head -c 300000 /dev/zero; } > a.csv.gz");
  CHECK(t, desk_read(&d, OPTIONS("path", "@/a.csv.gz")) == ETL_OK && d.rows_n == 2 && d.t.bad_n == 0);
  desk_forget(&d);
  desk_shell(&d, "printf '3,c\\n' | gzip >> a.csv.gz");
  CHECK(t, desk_read(&d, OPTIONS("path", "@/a.csv.gz")) == ETL_FAILED && strstr(d.t.message, "its gzip data is damaged"));
  desk_fini(&d);
}

/* What can be read of a broken file lands, and its lane fails with the reason. */
static void broken(struct tap *t, const char *command, const char *name, const char *message, size_t rows_least) {
  struct desk d;
  size_t n;
  char *text = many_rows(50000, &n), path[64];
  desk_init(&d, "csv");
  desk_write(&d, "a.csv", text, n, false);
  desk_shell(&d, command);
  snprintf(path, sizeof path, "@/%s", name);
  int32_t rc = desk_read(&d, OPTIONS("path", path));
  tap_check(t, rc == ETL_FAILED && d.rows_n >= rows_least && d.rows_n < 50000 && d.t.error.error_class == ETL_E_DATA && strstr(d.t.message, message),
            __FILE__, __LINE__, "%s: %zu rows, then %s", name, d.rows_n, d.t.message);
  tap_check(t, d.t.bad_n == 0, __FILE__, __LINE__, "%s: no row is half", name);
  free(text);
  desk_fini(&d);
}

static void many_files(struct tap *t) {
  struct desk d;
  desk_init(&d, "csv");
  DESK_TEXT(&d, "in/b/2.csv", "id,name\n2,b\n");
  DESK_TEXT(&d, "in/a/1.csv", "name;id;extra\na;1;x\n");
  DESK_TEXT(&d, "in/a/3.csv", "id,name\nthree,c\n");
  DESK_TEXT(&d, "in/a/none.csv", "");
  desk_shell(&d, "mkdir in/a/folder.csv; : > 'in/b/#5%@.csv'");
  CHECK(t, desk_read(&d, OPTIONS("path", "@/in/*/*.csv", "name", "all")) == ETL_OK && d.rows_n == 3 && d.lanes_n == 5);
  CHECK_TEXT(t, d.stream_name, "all");
  CHECK_TEXT(t, d.types, "name:u id:u extra:u");
  CHECK(t, desk_has_row(&d, "{\"name\": \"b\", \"id\": \"2\", \"extra\": null}") &&
               desk_has_row(&d, "{\"name\": \"a\", \"id\": \"1\", \"extra\": \"x\"}"));
  CHECK(t, strcmp(d.lanes[0].shard, "a/1.csv") == 0 && strcmp(d.lanes[3].shard, "b/%235%25%40.csv") == 0);
  DESK_TEXT(&d, "in/c/4.csv", "id,name\n4,d\n");
  CHECK(t, desk_read(&d, OPTIONS("path", "@/in/*/*.csv", "name", "all")) == ETL_OK && d.rows_n == 1);
  desk_forget(&d);
  CHECK(t, desk_read(&d, OPTIONS("path", "@/in/a/1.csv|@/in/a/*.csv")) == ETL_OK && d.lanes_n == 3);
  CHECK(t, desk_read(&d, OPTIONS("path", "@/in/a/1.csv|@/in/b/*.csv|@/in/*/1.csv")) == ETL_OK);
  DESK_TEXT(&d, "in/b/1.csv", "id,name\n");
  CHECK(t, desk_read(&d, OPTIONS("path", "@/in/a/1.csv|@/in/b/*.csv")) == ETL_FAILED && strstr(d.t.message, "would both be the shard \"1.csv\""));
  desk_fini(&d);
}

/* Ids and names are UTF-8, whatever the bytes of a file's name are. */
static void foreign_names(struct tap *t) {
  struct desk d;
  desk_init(&d, "csv");
  DESK_TEXT(&d, "in/stra\xdf" "e.csv", "id\n1\n");
  DESK_TEXT(&d, "in/stra\u00dfe.csv", "id\n2\n");
  CHECK(t, desk_read(&d, OPTIONS("path", "@/in/stra*.csv")) == ETL_OK && d.rows_n == 2 && d.lanes_n == 2);
  CHECK_TEXT(t, d.lanes[0].shard, "stra%DFe.csv");
  CHECK_TEXT(t, d.lanes[1].shard, "stra\u00dfe.csv");
  CHECK(t, desk_read(&d, OPTIONS("path", "@/in/stra\xdf" "e.csv")) == ETL_OK && d.rows_n == 0);
  CHECK_TEXT(t, d.stream_name, "stra%DFe");
  desk_fini(&d);
}

/* One that cannot be opened fails its own lane. */
static void missing_file(struct tap *t) {
  struct desk d;
  desk_init(&d, "csv");
  DESK_TEXT(&d, "a.csv", "id,name\n1,a\n");
  DESK_TEXT(&d, "b.csv", "id,name\n2,b\n");
  desk_shell(&d, "ln -s /nowhere/c.csv c.csv");
  CHECK(t, desk_read(&d, OPTIONS("path", "@/a.csv|@/b.csv|@/c.csv")) == ETL_FAILED && d.rows_n == 2);
  CHECK(t, d.t.error.error_class == ETL_E_CONFIG && strstr(d.t.message, "c.csv cannot be opened: No such file"));
  desk_fini(&d);
}

/* Of what can be read but once there is one at a time; a file that is missing beside it fails alone. */
static void two_pipes(struct tap *t) {
  struct desk d;
  desk_init(&d, "csv");
  desk_shell(&d, "mkfifo a.csv b.csv");
  CHECK(t, desk_read(&d, OPTIONS("path", "@/a.csv|@/b.csv")) == ETL_FAILED && strcmp(d.t.option, "path") == 0);
  CHECK_HAS(t, d.t.message, "a.csv and ");
  CHECK(t, desk_read(&d, OPTIONS("path", "-|@/b.csv")) == ETL_FAILED && strstr(d.t.message, "standard input"));
  desk_shell(&d, "(printf 'id,name\\n1,a\\n' > a.csv) & :");
  CHECK(t, desk_read(&d, OPTIONS("path", "@/a.csv|@/none.csv")) == ETL_FAILED && d.rows_n == 1 && desk_has_row(&d, "{\"id\": 1, \"name\": \"a\"}"));
  CHECK_HAS(t, d.t.message, "none.csv cannot be opened");
  desk_fini(&d);
}

/* A pipe that nobody writes to, and one whose writer is silent, are left when cancel is asked for. */
static void silent_pipes(struct tap *t) {
  struct desk d;
  int ends[2], kept = dup(STDIN_FILENO);
  desk_init(&d, "csv");
  desk_shell(&d, "mkfifo a.csv");
  testhost_cancel(&d.t);
  CHECK(t, desk_read(&d, OPTIONS("path", "@/a.csv")) == ETL_STOPPED && d.t.message[0] == 0);
  CHECK(t, pipe(ends) == 0 && dup2(ends[0], STDIN_FILENO) == STDIN_FILENO && close(ends[0]) == 0);
  CHECK(t, desk_read(&d, OPTIONS("path", "-")) == ETL_STOPPED && d.t.message[0] == 0);
  CHECK(t, write(ends[1], "id,name\n1,a\n", 12) == 12);
  CHECK(t, desk_read(&d, OPTIONS("path", "-")) == ETL_STOPPED && d.t.message[0] == 0);
  close(ends[1]);
  dup2(kept, STDIN_FILENO);
  close(kept);
  desk_fini(&d);
}

/* A long record in small reads is not looked at from its beginning with each. */
static void long_record(struct tap *t, const char *connector, const char *begin, const char *end) {
  struct desk d;
  struct rusage before, after;
  char command[200];
  desk_init(&d, connector);
  snprintf(command, sizeof command, "mkfifo a; ({ printf '%s'; head -c 100000000 /dev/zero | tr '\\0' x; printf '%s'; } > a) & :", begin, end);
  desk_shell(&d, command);
  getrusage(RUSAGE_SELF, &before);
  CHECK(t, desk_read(&d, OPTIONS("path", "@/a", "max_line", "128MiB", "max_cell", "128MiB")) == ETL_OK && d.rows_n == 1 && d.t.bad_n == 0);
  getrusage(RUSAGE_SELF, &after);
  double seconds = (double)(after.ru_utime.tv_sec - before.ru_utime.tv_sec) + (double)(after.ru_utime.tv_usec - before.ru_utime.tv_usec) / 1e6;
  tap_check(t, seconds < 5, __FILE__, __LINE__, "a record of 100 MB costs %.1f s", seconds);
  desk_fini(&d);
}

/* Reading on for a long record does not make it too long. */
static void nearly_longest(struct tap *t) {
  struct desk d;
  desk_init(&d, "csv");
  desk_shell(&d, "mkfifo a; ({ echo id; for i in 1 2 3 4 5 6 7 8 9; do head -c 700000 /dev/zero | tr '\\0' x; echo; done; } > a) & :");
  CHECK(t, desk_read(&d, OPTIONS("path", "@/a", "max_line", "900KiB", "header", "true")) == ETL_OK && d.rows_n == 9 && d.t.bad_n == 0);
  desk_fini(&d);
}

static void standard_input(struct tap *t) {
  struct desk d;
  int ends[2], kept = dup(STDIN_FILENO);
  desk_init(&d, "csv");
  CHECK(t, pipe(ends) == 0 && dup2(ends[0], STDIN_FILENO) == STDIN_FILENO);
  CHECK(t, write(ends[1], "id,name\n1,a\n2,b\n", 16) == 16 && close(ends[1]) == 0 && close(ends[0]) == 0);
  CHECK(t, desk_read(&d, OPTIONS("path", "-")) == ETL_OK && d.rows_n == 2);
  CHECK(t, d.stream.flags == (ETL_STREAM_ONCE | ETL_STREAM_WHOLE));
  CHECK(t, strcmp(d.stream_name, "stdin") == 0 && d.lanes[0].cursor_n > 0);
  dup2(kept, STDIN_FILENO);
  close(kept);
  desk_fini(&d);
}

int main(void) {
  struct tap t = {0};
  dead_runs(&t, ":", "a.csv");
  dead_runs(&t, "gzip a.csv", "a.csv.gz");
  dead_runs(&t, "zstd -q a.csv", "a.csv.zst");
  dead_runs(&t, "iconv -f UTF-8 -t UTF-16 a.csv > b.csv", "b.csv");
  changes(&t);
  changed_tail(&t);
  lines_go_on(&t);
  meanwhile(&t, shrink, "shrank from");
  meanwhile(&t, overwrite, "was written over while it was read");
  meanwhile(&t, grow, NULL);
  follow(&t);
  follow_shape(&t);
  follow_header(&t, "skip", "2", OPTIONS("made ", "by x\n", "at ", "home\n", "id,na", "me\n", "1,a\n"));
  follow_header(&t, "comment", "#", OPTIONS("# made by x\n", "# at home\n", "id,name\n", "1,a\n"));
  follow_header(&t, "header", "auto", OPTIONS("\n", "id,name\n1,a\n"));
  broken(&t, "gzip a.csv; truncate -s 100000 a.csv.gz", "a.csv.gz", "ends in the middle of its gzip data, after 100000 bytes", 1000);
  broken(&t, "zstd -q a.csv; truncate -s -10 a.csv.zst", "a.csv.zst", "ends in the middle of its zstd data", 1000);
  broken(&t, "gzip a.csv; printf '\\377\\377\\377\\377' | dd of=a.csv.gz bs=1 seek=90000 conv=notrunc 2>/dev/null", "a.csv.gz",
         "its gzip data is damaged near byte", 100);
  broken(&t, "{ iconv -t UTF-16 a.csv | head -c 300000; printf '\\000\\334x\\000'; } > b.csv", "b.csv", "is no UTF-16LE", 1000);
  padded(&t);
  many_files(&t);
  foreign_names(&t);
  missing_file(&t);
  long_record(&t, "csv", "id,name\\n1,\"", "\"\\n");
  long_record(&t, "jsonl", "{\"id\": \"", "\"}\\n");
  nearly_longest(&t);
  two_pipes(&t);
  silent_pipes(&t);
  standard_input(&t);
  return tap_end(&t);
}
