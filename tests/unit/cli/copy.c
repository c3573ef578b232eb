/* `etl copy` from a pipe into a pipe; what stands in the list of processes. */
#include "../tmpdir.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "cli/copy_url.h"

static void enter(void) {
  tmpdir_enter();
  setenv("ETL_PLUGIN_PATH", PLUGINS, 1);
  unsetenv("ETL_CONF");
}
TestSuite(copy, .init = enter, .fini = tmpdir_leave);

Test(copy, from_a_pipe_into_a_pipe) {
  char text[256];
  tmpdir_write("in.csv", "id,name\n1,a\n2,\"b,c\"\n");
  int status = system("cat in.csv | '" ETL "' copy --from - --to - --progress none 2>errors | cat >out");
  cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  FILE *f = fopen("out", "r");
  text[fread(text, 1, sizeof text - 1, f)] = '\0';
  fclose(f);
  cr_expect_str_eq(text, "id,name\n1,\"a\"\n2,\"b,c\"\n");
}

static int shell(const char *line) {
  int status = system(line);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void expect_text(const char *file, const char *want) {
  char text[1024];
  FILE *f = fopen(file, "r");
  cr_assert_not_null(f);
  text[fread(text, 1, sizeof text - 1, f)] = '\0';
  fclose(f);
  cr_expect(strstr(text, want), "%s: %s", file, text);
}

Test(copy, standard_input_among_other_files_and_in_a_run_alone) {
  mkdir("pipelines.d", 0755);
  tmpdir_write("etl.conf", "cache_dir = \"%s/cache\";\n", tmpdir_path);
  tmpdir_write("one.csv", "id\n1\n");
  tmpdir_write("two.csv", "id\n2\n");
  tmpdir_write("pipelines.d/p.conf", "extract = { plugin = \"csv\"; path = [ \"%s/one.csv\", \"-\" ]; name = \"t\"; };\n"
                                     "load = { plugin = \"csv\"; path = \"%s/{shard}.out\"; mode = \"replace\"; };\n", tmpdir_path, tmpdir_path);
  cr_expect_eq(shell("'" ETL "' preview p <two.csv 2>errors"), 2);
  expect_text("errors", "can be read but once");
  cr_expect_eq(shell("'" ETL "' verify p <two.csv 2>errors"), 2);
  expect_text("errors", "can be read but once");
  cr_expect_eq(shell("'" ETL "' run p --progress none <two.csv 2>errors"), 0);
  expect_text("stdin.out", "id\n2\n");
}

Test(copy, streams_by_the_name_of_a_file) {
  cr_expect_eq(shell("echo id | '" ETL "' copy --from csv:/dev/stdin --to out.csv --progress none 2>errors"), 2);
  expect_text("errors", "write \"-\" for standard input");
  cr_expect_neq(access("out.csv", F_OK), 0);
}

static const char *settings_of(struct arena *a, const char *text, struct place *ret, struct err *e) {
  char *settings;
  size_t n;
  FILE *f = open_memstream(&settings, &n);
  int rc = place_read(text, a, f, ret, e);
  fclose(f);
  const char *copy = rc == 0 ? arena_strdup(a, settings) : NULL;
  free(settings);
  return copy;
}

Test(copy, urls_and_names) {
  static const struct {
    const char *text, *settings, *shown;
  } cases[] = {
      {"mssql://sa:p%40ss%22@[::1]:1434/shop?encryption=require&connect_timeout=5s",
       "plugin = \"sqlserver\"; host = \"::1\"; port = 1434; user = \"sa\"; password = \"p@ss\\\"\"; database = \"shop\"; encryption = \"require\"; "
       "connect_timeout = \"5s\"; ",
       "mssql://[::1]:1434/shop"},
      {"sqlserver://db1", "plugin = \"sqlserver\"; host = \"db1\"; ", "sqlserver://db1"},
      {"postgres://u:p@h/d?sslmode=require", "plugin = \"postgres\"; url = \"postgres://u:p@h/d?sslmode=require\"; ", "postgres://h/d"},
      {"csv:some file", "plugin = \"csv\"; path = \"some file\"; ", "csv:some file"},
      {"a.ndjson", "plugin = \"jsonl\"; path = \"a.ndjson\"; ", "a.ndjson"},
      {"jsonl:-", "plugin = \"jsonl\"; path = \"-\"; ", "jsonl:-"},
      {"-", "plugin = \"csv\"; path = \"-\"; ", "-"},
      {"a.txt", NULL, NULL},
      {"ftp://u:p@h/a.csv", NULL, NULL},
      {"sqlserver://h?Bad=1", NULL, NULL},
      {"postgres://u:p@h1:5432,h2:5433/d", "plugin = \"postgres\"; url = \"postgres://u:p@h1:5432,h2:5433/d\"; ", "postgres://h1:5432,h2:5433/d"},
      {"postgres://u:s3cr/et@h/d", NULL, NULL},
      {"sqlserver://u:s3cr/et@h/d", NULL, NULL},
      {"sqlserver://u:s3cr#et@h/d", NULL, NULL},
      {"sqlserver://u:1?s3cr=et@h/d", NULL, NULL},
      {"sqlserver://u:s3cr", NULL, NULL},
      {"postgres://u:s3cr/d", NULL, NULL},
      {"postgres://u:12s3cr", NULL, NULL},
      {"ftp://u:s3cr/et@h/a.csv", NULL, NULL},
      {"postgres:u:s3cret@h/d", NULL, NULL},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct arena *a = arena_new();
    struct place p;
    struct err e = {0};
    const char *settings = settings_of(a, cases[i].text, &p, &e);
    cr_expect(settings && cases[i].settings ? strcmp(settings, cases[i].settings) == 0 : settings == cases[i].settings, "%s: %s", cases[i].text,
              settings ? settings : e.message);
    if (settings && cases[i].shown)
      cr_expect_str_eq(p.shown, cases[i].shown);
    cr_expect_null(strstr(e.message, "u:p"));
    cr_expect(!strstr(e.message, "s3cr") && !strstr(e.message, "et@h"), "%s", e.message);
    arena_free(a);
  }
}

Test(copy, passwords_are_overwritten) {
  static const struct {
    const char *url, *left;
  } cases[] = {
      {"postgresql://u:se@cret@h:1/d", "postgresql://u:*******@h:1/d"},
      {"postgresql://u@h/d", "postgresql://u@h/d"},
      {"postgresql://h:1/d?password=p&sslmode=require", "postgresql://h:1/d?password=*&sslmode=*******"},
      {"postgresql://u:p@h/d?p%61ssword=q#r", "postgresql://u:*@h/d?p%61ssword=***"},
      {"sqlserver://u:p/w@h/d?x=1", "sqlserver://u:***@h/d?x=*"},
      {"sqlserver://u:p#w?a=b@h/d", "sqlserver://u:*******@h/d"},
      {"a:b@c.csv", "a:b@c.csv"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char url[100];
    snprintf(url, sizeof url, "%s", cases[i].url);
    place_hide(url);
    cr_expect_str_eq(url, cases[i].left);
  }
}

static void expect_identities(const char *a_text, const char *b_text, bool same) {
  struct arena *a = arena_new();
  struct place p, q;
  struct err e = {0};
  cr_assert(settings_of(a, a_text, &p, &e) && settings_of(a, b_text, &q, &e), "%s", e.message);
  cr_expect_eq(strcmp(p.identity, q.identity) == 0, same, "%s and %s: %s and %s", a_text, b_text, p.identity, q.identity);
  cr_expect(!strstr(p.identity, "s3cret") && !strstr(q.identity, "s3cret"));
  arena_free(a);
}

Test(copy, what_tells_sources_apart) {
  expect_identities("postgres://u:s3cret@h/d", "postgres://u@h/d", true);
  expect_identities("postgres://u@h/d?password=s3cret&sslmode=require", "postgres://u@h/d?sslmode=require", true);
  expect_identities("postgres://u@h/d?sslmode=require&p%61ssword=s3cret", "postgres://u@h/d?sslmode=require", true);
  expect_identities("postgres://u@h/d", "postgres://v@h/d", false);
  expect_identities("postgres:///d?host=one", "postgres:///d?host=two", false);
  expect_identities("postgres://h/d?options=-csearch_path%3Da", "postgres://h/d?options=-csearch_path%3Db", false);
  cleanup_free char *here = getcwd(NULL, 0), *whole = xasprintf("sqlite:%s/x.db", here);
  expect_identities("sqlite:x.db", whole, true);
  expect_identities("sqlite:x.db", "sqlite:y.db", false);
}

/* From v.csv into t.db: what the line says, and what is there then. */
static void expect_copy(const char *options, int status, const char *told, const char *rows) {
  cleanup_free char *line = xasprintf("'" ETL "' copy --from v.csv --to t.db --table t %s --progress log >told 2>&1", options);
  cr_expect_eq(shell(line), status, "%s", options);
  expect_text("told", told);
  cr_expect_eq(shell("'" ETL "' copy --from t.db --table t --to - --progress none >rows"), 0);
  expect_text("rows", rows);
}

Test(copy, a_file_again) {
  tmpdir_write("v.csv", "id,n\n1,1\n");
  expect_copy("", 0, "1 row written", "id,n\n1,1\n");
  expect_copy("", 0, "nothing new", "id,n\n1,1\n");
  expect_copy("--full-refresh", 0, "1 row written", "id,n\n1,1\n");
  tmpdir_write("v.csv", "id,n\n2,22\n3,3\n");
  expect_copy("", 1, "--full-refresh", "id,n\n1,1\n");
  expect_copy("--full-refresh", 0, "2 rows written", "id,n\n2,22\n3,3\n");
  tmpdir_write("v.csv", "id,n\n4,44\n5,555\n");
  expect_copy("--mode replace", 0, "2 rows written", "id,n\n4,44\n5,555\n");
}

Test(copy, a_file_that_changed_is_merged) {
  tmpdir_write("v.csv", "id,n\n1,1\n");
  expect_copy("--key id", 0, "1 row written", "id,n\n1,1\n");
  tmpdir_write("v.csv", "id,n\n1,11\n2,22\n");
  expect_copy("--key id", 0, "2 rows written", "id,n\n1,11\n2,22\n");
}
